package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
	"quell/storage"
	"quell/web"
)

// ended tells the loop how a delivery ended.
func (n *night) ended(r notify.Result) {
	n.t.Helper()
	if err := n.loop.delivered(context.Background(), r); err != nil {
		n.t.Fatal(err)
	}
}

// handed lets time pass without any end, and returns what was handed over.
func (n *night) handed(d time.Duration) []routing.Delivery {
	n.t.Helper()
	n.rest(d)
	return n.rec.take()
}

// shown are the actions and targets of deliveries.
func shown(list []routing.Delivery) (lines []string) {
	for i := range list {
		lines = append(lines, fmt.Sprintf("%s %s", list[i].Action, list[i].Target.Receiver))
	}
	return lines
}

var errRefused = &notify.RejectedError{Reason: "http_403", Text: "no such key"}

// A page that is refused is kept, moves the policy on at once, and operators are told, once however many follow; after the receiver took
// something, and an hour, they would be told again. All of it survives a restart.
func TestDeadLettersAreKeptEscalatedAndToldOnce(t *testing.T) {
	atNight(t, func(n *night) {
		n.mustPost(firing("Down", "service/db"), firing("Down", "service/other"))
		team := n.handed(6 * time.Minute)
		n.want("escalated", shown(team), "notice team", "notice team")
		for _, d := range team {
			n.ended(notify.Result{Delivery: d, Err: errRefused})
		}
		pages := n.rec.take()
		n.want("the next step at once", shown(pages), "trigger oncall", "trigger oncall")
		n.ended(notify.Result{Delivery: pages[0], Err: errRefused, Attempts: 1})
		n.want("the step after it, and word of it where somebody is", shown(n.rec.take()), "trigger lead")
		n.restart()
		n.rec.take() // what an earlier process left
		n.ended(notify.Result{Delivery: pages[1], Err: errRefused, Attempts: 2})
		n.want("no second word", shown(n.rec.take()), "trigger lead")
		if counts := n.loop.dead.counts(); counts[pages[0].Target] != 2 || counts[team[0].Target] != 2 {
			t.Errorf("got %v dead letters, want two each", counts)
		}
		n.checkReplay()
	})
}

// With chat to tell it to, operators hear of the first letter that dies, and of another one only if something got there in between.
func TestOperatorsHearOncePerReceiverThatLettersDie(t *testing.T) {
	atNight(t, func(n *night) {
		n.conf.Route.Receiver = "team" // who is told of quell's own troubles
		n.restart()
		target := routing.Target{Receiver: "oncall", Type: "pagerduty"}
		die := func(id uint64) []routing.Delivery {
			n.ended(notify.Result{Err: errRefused, Delivery: routing.Delivery{ID: id, Target: target, Action: routing.Digest, Key: fmt.Sprint("k", id), Created: time.Now(), Expires: time.Now().Add(time.Hour)}})
			return n.rec.take()
		}
		first := die(1)
		if n.want("the first", shown(first), "operator team"); !strings.Contains(first[0].Text, "oncall/pagerduty[0]: rejected (http_403): no such key") {
			t.Errorf("it says %q", first[0].Text)
		}
		n.want("the second", shown(die(2)))
		n.rest(2 * time.Hour)
		n.want("much later, nothing got there", shown(die(3)))
		n.ended(notify.Result{Delivery: routing.Delivery{ID: 4, Target: target, Action: routing.Digest, Key: "k4"}})
		n.want("it worked in between", shown(die(5)), "operator team")
		n.ended(notify.Result{Delivery: routing.Delivery{ID: 6, Target: target, Action: routing.Digest, Key: "k6"}})
		n.want("within the hour", shown(die(7)))
	})
}

// A page that waits for a receiver that is ill is no dead letter, and moves the policy on; it stays in the outbox.
func TestDeferredPagesStayInTheOutbox(t *testing.T) {
	atNight(t, func(n *night) {
		n.mustPost(firing("Down", "service/db"))
		for _, d := range n.handed(6 * time.Minute) {
			n.ended(notify.Result{Delivery: d})
		}
		pages := n.handed(5 * time.Minute)
		n.want("escalated", shown(pages), "trigger oncall")
		waits := notify.Result{Delivery: pages[0], Deferred: true, Err: errors.New("5 attempts in a row failed")}
		n.ended(waits)
		n.want("the next step", shown(n.rec.take()), "trigger lead")
		n.restart()
		n.want("what waits after a restart", shown(n.rec.take()), "trigger oncall", "trigger lead")
		n.ended(waits)
		n.want("told again", shown(n.rec.take()))
		if v, err := n.store.Get(storage.Outbox, []byte(outboxKey(pages[0].ID))); err != nil || v == nil || len(n.loop.dead.list) > 0 {
			t.Errorf("got row %q, %v, %d dead letters", v, err, len(n.loop.dead.list))
		}
		n.checkReplay()
	})
}

// A retry is a delivery with a new id that says what there is to say now; it is refused where there is nothing to say any more, is in the
// journal and the audit log, and leaves the dead letters in the same transaction.
func TestDeadLettersAreTriedAgainIfTheyAreStillOfUse(t *testing.T) {
	atNight(t, func(n *night) {
		a := &App{store: n.store, loop: n.loop}
		b := backend{a}
		n.mustPost(firing("Down", "service/db"))
		for _, d := range n.handed(6 * time.Minute) {
			n.ended(notify.Result{Delivery: d})
		}
		page := n.handed(6 * time.Minute)[0]
		n.ended(notify.Result{Delivery: page, Err: errRefused})
		n.rec.take()
		ctx := context.Background()
		id, err := b.RetryDelivery(ctx, page.ID, web.Retry{By: "ada"})
		if err != nil || id <= page.ID {
			t.Fatalf("got %d, %v", id, err)
		}
		again := n.rec.take()
		if n.want("tried again", shown(again), "trigger oncall"); again[0].ID != id || !again[0].Retried || again[0].Key != page.Key || !again[0].Created.After(page.Created) {
			t.Errorf("got %+v", again[0])
		}
		if _, err := b.RetryDelivery(ctx, page.ID, web.Retry{By: "ada"}); !errors.Is(err, web.ErrUnknownDelivery) {
			t.Errorf("a second retry of the same: %v", err)
		}
		n.ended(notify.Result{Delivery: again[0], Err: fmt.Errorf("%w, last error: x", notify.ErrExpired)})
		n.mustPost(&correlate.Command{Action: correlate.ActionAck, Incident: 1, By: "bob"})
		n.refusedRetry(b, id, "somebody has acknowledged inc-1")
		n.mustPost(&correlate.Command{Action: correlate.ActionResolve, Incident: 1, By: "bob"})
		n.refusedRetry(b, id, "inc-1 is over (resolved)")
		n.rec.take()
		if _, err := b.RetryDelivery(ctx, id, web.Retry{By: "ada", Force: true}); err != nil {
			t.Errorf("with force: %v", err)
		}
		n.want("forced", shown(n.rec.take()), "trigger oncall")
		if len(n.loop.dead.list) > 0 {
			t.Errorf("got dead letters %+v", n.loop.dead.list)
		}
		audits := 0
		_ = n.store.Scan(storage.Audit, nil, nil, func(_, v []byte) error {
			var e auditEntry
			if json.Unmarshal(v, &e) == nil && e.Action == "retry delivery" && e.By == "ada" {
				audits++
			}
			return nil
		})
		if audits != 2 {
			t.Errorf("got %d entries of the audit log, want 2", audits)
		}
		n.checkReplay()
	})
}

func (n *night) refusedRetry(b backend, id uint64, reason string) {
	n.t.Helper()
	_, err := b.RetryDelivery(context.Background(), id, web.Retry{By: "ada"})
	if conflict, ok := errors.AsType[*web.ConflictError](err); !ok || !strings.HasPrefix(conflict.Reason, reason) {
		n.t.Errorf("got %v, want a refusal: %s", err, reason)
	}
}

// The oldest dead letters go when there are too many, and all when they are too old.
func TestDeadLettersAreBoundedByCountAndAge(t *testing.T) {
	atNight(t, func(n *night) {
		n.conf.Retention.DeadLetters = 3
		for id := uint64(1); id <= 5; id++ {
			n.ended(notify.Result{Err: errRefused, Delivery: routing.Delivery{ID: id, Target: routing.Target{Receiver: "oncall", Type: "pagerduty"}, Action: routing.Digest}})
			n.rest(time.Hour)
		}
		kept := func() (ids []uint64) {
			err := scanLetters(n.store, 0, func(row *deadLetter) error { ids = append(ids, row.Delivery.ID); return nil })
			if err != nil || len(ids) != len(n.loop.dead.list) {
				t.Errorf("got %v, %v, and %d in memory", ids, err, len(n.loop.dead.list))
			}
			return ids
		}
		n.want("by count", strings.Fields(strings.Trim(fmt.Sprint(kept()), "[]")), "3", "4", "5")
		trim := func(age time.Duration) {
			err := n.loop.do(context.Background(), &request{done: make(chan error, 1), with: func(s *step) error {
				s.trimLetters(s.at.Add(-age), 3)
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		trim(150 * time.Minute)
		n.want("by age", strings.Fields(strings.Trim(fmt.Sprint(kept()), "[]")), "4", "5")
	})
}

// A page that was given up and reached nobody lets the dead man's switch go, as one that waits too long does.
func TestAPageThatDiedIsUnheard(t *testing.T) {
	atNight(t, func(n *night) {
		n.mustPost(firing("Down", "service/db"))
		for _, d := range n.handed(6 * time.Minute) {
			n.ended(notify.Result{Delivery: d})
		}
		n.ended(notify.Result{Delivery: n.handed(5 * time.Minute)[0], Err: errRefused})
		unheard := func() (err error) {
			_ = n.loop.look(context.Background(), func(*correlate.Engine) error { err = n.loop.unheardLetter(); return nil })
			return err
		}
		if err := unheard(); err == nil || !strings.Contains(err.Error(), "inc-1") {
			t.Errorf("got %v", err)
		}
		for _, d := range n.rec.take() {
			n.ended(notify.Result{Delivery: d})
		}
		if err := unheard(); err != nil {
			t.Errorf("the next receiver took it, and still: %v", err)
		}
	})
}

// restart ends the process and starts another on what it stored.
func (n *night) restart() {
	n.t.Helper()
	if err := n.stop(); err != nil {
		n.t.Fatal(err)
	}
	n.start(compile)
}
