package app

import (
	"context"
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

// about returns the deliveries about quell itself, as "resolve safe-mode/store", and forgets all others.
func (b *bench) about() (list []string) {
	for _, d := range b.rec.take() {
		if name, ok := strings.CutPrefix(d.Key, "quell/test/operator/"); ok {
			list = append(list, string(d.Action)+" "+name)
		}
	}
	return list
}

func (b *bench) said(what string, want ...string) {
	b.t.Helper()
	if got := b.about(); strings.Join(got, ", ") != strings.Join(want, ", ") {
		b.t.Errorf("%s: said %q, want %q", what, got, want)
	}
}

// TestSafeModeIsTakenBackOnceTheStoreIsWell, and stayed so: a disk at the brim must not page each time a commit fits.
func TestSafeModeIsTakenBackOnceTheStoreIsWell(t *testing.T) {
	inBubble(t, func(b *bench) {
		n := 0
		full := func() {
			n++
			b.store.set(fmt.Errorf("commit: %w", storage.ErrFull))
			if err := b.post(firing("Down", fmt.Sprint("service/db", n))); !errors.Is(err, errDegraded) {
				t.Fatalf("a full store answers %v", err)
			}
		}
		full()
		b.said("full", "operator safe-mode/store")
		b.rest(time.Minute)
		b.store.set(nil)
		b.rest(settles - time.Minute)
		b.said("not for long enough")
		full()
		b.store.set(nil)
		b.rest(settles - 2*time.Second)
		b.said("full again in between")
		b.rest(3 * time.Second)
		b.said("well", "resolve safe-mode/store")
		full()
		b.said("a new one", "operator safe-mode/store")
		b.store.set(nil)
		b.rest(time.Minute)
		b.restart()
		b.said("what is in the outbox", "operator safe-mode/store", "resolve safe-mode/store", "operator safe-mode/store")
		b.rest(settles)
		b.said("well over a restart", "resolve safe-mode/store")
		b.checkReplay()
	})
}

// TestWhatAProcessSaidThatCouldNotStoreItIsTakenBack: the disk was full, so nothing knows of the page, and the operator who found it full
// restarted quell.
func TestWhatAProcessSaidThatCouldNotStoreItIsTakenBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"))
		b.restart()
		b.rest(time.Hour)
		b.said("a restart of a quell that is well")
		b.store.set(fmt.Errorf("commit: %w", storage.ErrFull))
		if err := b.post(firing("Other", "service/web")); !errors.Is(err, errDegraded) {
			t.Fatalf("a full store answers %v", err)
		}
		b.said("full", "operator safe-mode/store")
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.store.set(nil)
		b.start(compile)
		b.rest(settles + time.Second)
		b.said("restarted with space", "resolve safe-mode/engine", "resolve safe-mode/store")
		b.restart()
		b.about()
		b.rest(time.Hour)
		b.said("once")
	})
}

// killed ends the loop as a kill does: without the mark of an orderly end.
func (b *bench) killed() {
	b.t.Helper()
	if err := b.stop(); err != nil {
		b.t.Fatal(err)
	}
	if err := b.store.DB.Commit(&storage.Batch{At: time.Now(), Changes: []storage.Change{{Table: storage.Marks, Key: []byte(stoppedKey)}}}); err != nil {
		b.t.Fatal(err)
	}
	b.rec.take()
}

// TestWhatIsAssumedKeepsNobodyFromBeingTold: a start that assumes that people were told of a full disk finds it full, or soon after.
func TestWhatIsAssumedKeepsNobodyFromBeingTold(t *testing.T) {
	for what, soon := range map[string]time.Duration{"at the start": 0, "a minute later": time.Minute} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.killed()
				full := fmt.Errorf("commit: %w", storage.ErrFull)
				if soon == 0 {
					b.store.set(full)
				}
				b.start(compile)
				b.rest(soon)
				b.store.set(full)
				if err := b.post(firing("Down", "service/db")); !errors.Is(err, errDegraded) {
					t.Fatalf("a full store answers %v", err)
				}
				b.said("full", "operator safe-mode/store")
				b.store.set(nil)
				b.rest(settles + 2*time.Second)
				b.said("well", "resolve safe-mode/engine", "resolve safe-mode/store")
			})
		})
	}
}

// TestChatDoesNotHearTheEndOfWhatIsOnlyAssumed: it does not ignore the end of what it never heard of, as pagers do.
func TestChatDoesNotHearTheEndOfWhatIsOnlyAssumed(t *testing.T) {
	atNight(t, func(n *night) {
		n.conf.Route.Receiver = "team"
		n.restart()
		n.killed()
		n.start(compile)
		n.rest(time.Hour)
		n.said("after a kill")
	})
}

// TestDamageIsOverWithTheFirstStartThatFindsNone.
func TestDamageIsOverWithTheFirstStartThatFindsNone(t *testing.T) {
	inBubble(t, func(b *bench) {
		announce := func(rows int64) {
			a := &App{safe: b.loop.safe, loop: b.loop}
			a.damaged.Store(rows)
			if err := b.loop.do(context.Background(), &request{done: make(chan error, 1), with: a.announceDamage}); err != nil {
				t.Fatal(err)
			}
		}
		announce(2)
		b.said("damaged", "operator safe-mode/damage")
		b.rest(time.Hour)
		announce(0)
		b.rest(settles + time.Second)
		b.said("sound", "resolve safe-mode/damage")
	})
}

// TestPanicsOfTheEngineAreAMoment: they are told once an hour while they come, and are over an hour after the last.
func TestPanicsOfTheEngineAreAMoment(t *testing.T) {
	inBubble(t, func(b *bench) {
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.start(func(p *correlate.Policy) (correlate.Rules, error) {
			r, err := compile(p)
			return poisoned{r}, err
		})
		panics := func() { _ = b.post(firing("Poison", "service/x")) } // it is in quarantine, and answered
		panics()
		b.said("the first", "operator engine-panic")
		b.rest(40 * time.Minute)
		panics()
		b.said("the second")
		b.rest(59 * time.Minute)
		b.said("within the hour")
		b.rest(time.Minute)
		b.said("an hour after it", "resolve engine-panic")
	})
}

// TestWhatFollowsAPanicIsRefusedOnceTheStoreIsFull: of a batch that is taken one by one the first finds the disk full. The next are not stored, so
// they are not accepted; and one that panics must not bring back a state that lacks the first.
func TestWhatFollowsAPanicIsRefusedOnceTheStoreIsFull(t *testing.T) {
	inBubble(t, func(b *bench) {
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.start(func(p *correlate.Policy) (correlate.Rules, error) {
			r, err := compile(p)
			return poisoned{r}, err
		})
		var batch []*request
		for _, name := range []string{"Down", "Poison", "Late"} {
			batch = append(batch, &request{inputs: []correlate.Input{firing(name, "service/"+name)}, done: make(chan error, 1)})
		}
		err := b.loop.look(context.Background(), func(*correlate.Engine) error {
			b.store.set(fmt.Errorf("commit: %w", storage.ErrFull))
			for _, r := range batch { // they are one batch, as the loop is here
				b.loop.queue <- r
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b.rest(time.Second)
		for _, r := range batch {
			if err := <-r.done; !errors.Is(err, errDegraded) {
				t.Errorf("a full store answers %v", err)
			}
		}
		b.said("full", "operator safe-mode/store")
		b.store.set(nil)
		b.rest(settles + 2*time.Second)
		b.said("well", "resolve safe-mode/store")
		if f := figuresOf(b); f.Escalated+f.Held != 1 {
			t.Errorf("%d incidents are open, want the one that waited for the store", f.Escalated+f.Held)
		}
		b.checkReplay()
	})
}

// TestNothingIsKeptOfAlertsThatWerePassedOn: nobody ends them, so what were kept to reach them would be kept for ever. One that was given up
// may be tried again, as the alert may not be over.
func TestNothingIsKeptOfAlertsThatWerePassedOn(t *testing.T) {
	inBubble(t, func(b *bench) {
		n, api := &night{bench: b}, backend{&App{store: b.store, loop: b.loop, options: Options{wall: time.Now}}}
		for i, d := range b.loop.escalations.Router().Direct(time.Now(), firing("Poison", "service/x")) {
			d.ID = uint64(1<<40 + i)
			n.ended(notify.Result{Delivery: d, Ref: "r", Place: "somewhere"})
			for range b.scan(storage.Refs) {
				t.Error("a reference is kept")
			}
			n.ended(notify.Result{Delivery: d, Err: errRefused})
			b.rec.take()
			if _, err := api.RetryDelivery(context.Background(), d.ID, web.Retry{By: "ann"}); err != nil {
				t.Errorf("not tried again: %v", err)
			}
		}
	})
}

// scan returns the keys of a table.
func (b *bench) scan(table storage.Table) (keys []string) {
	b.t.Helper()
	if err := b.store.Scan(table, nil, nil, func(k, _ []byte) error { keys = append(keys, string(k)); return nil }); err != nil {
		b.t.Fatal(err)
	}
	return keys
}

// TestUndeliveredIsTakenBackOnceTheReceiverTakesAll, or once nobody configures it any more.
func TestUndeliveredIsTakenBackOnceTheReceiverTakesAll(t *testing.T) {
	atNight(t, func(n *night) {
		n.conf.Route.Receiver = "team"
		n.restart()
		target := routing.Target{Receiver: "oncall", Type: "pagerduty"}
		report := func(id uint64, t routing.Target, err error) {
			n.ended(notify.Result{Err: err, Delivery: routing.Delivery{ID: id, Target: t, Action: routing.Digest, Key: fmt.Sprint("k", id)}})
		}
		report(1, target, errRefused)
		n.said("refused", "operator undelivered/oncall/pagerduty[0]")
		n.rest(24 * time.Hour)
		n.said("for a day")
		report(2, target, nil)
		n.rest(deliversAgain - time.Second)
		n.said("it takes something")
		n.restart()
		n.about()
		n.rest(2 * time.Second)
		n.said("it took all for an hour", "resolve undelivered/oncall/pagerduty[0]")
		gone := routing.Target{Receiver: "gone", Type: "pagerduty"}
		report(3, gone, errRefused) // it waited while its receiver was taken away
		n.said("refused", "operator undelivered/gone/pagerduty[0]")
		n.rest(momentLasts)
		n.said("nothing comes there any more", "resolve undelivered/gone/pagerduty[0]")
		lead := &n.conf.Receivers[1]
		second := routing.Target{Receiver: lead.Name, Type: "pagerduty", Index: 1}
		lead.PagerDuty = append(lead.PagerDuty, lead.PagerDuty[0])
		n.restart()
		n.about()
		report(4, second, errRefused)
		n.said("refused", "operator undelivered/lead/pagerduty[1]")
		report(5, target, errRefused)
		n.said("another", "operator undelivered/oncall/pagerduty[0]")
		lead.PagerDuty = lead.PagerDuty[:1]
		n.restart()
		if got := n.about(); len(got) == 0 || got[len(got)-1] != "resolve undelivered/lead/pagerduty[1]" {
			t.Errorf("it is not configured: said %q", got)
		}
		n.rest(24 * time.Hour)
		n.said("the other still refuses")
		n.checkReplay()
	})
}

// TestADeadLetterAboutQuellIsNotRevivedOnceItIsOver: nobody would close it at the pager. Nor does one that ends it end the next one.
func TestADeadLetterAboutQuellIsNotRevivedOnceItIsOver(t *testing.T) {
	inBubble(t, func(b *bench) {
		n := &night{bench: b}
		api := backend{&App{store: b.store, loop: b.loop}}
		say := func(s *step) error { s.operator(badBody, momentLasts, "it was bad"); return nil }
		if err := b.loop.do(context.Background(), &request{done: make(chan error, 1), with: say}); err != nil {
			t.Fatal(err)
		}
		message := b.rec.take()[0]
		n.ended(notify.Result{Delivery: message, Err: errRefused})
		b.rest(momentLasts)
		over := b.rec.take()
		n.want("over", words(over), "resolve quell/test/operator/bad-body")
		n.refusedRetry(api, message.ID, "what it tells of is over")
		n.ended(notify.Result{Delivery: over[0], Err: errRefused})
		if err := b.loop.do(context.Background(), &request{done: make(chan error, 1), with: say}); err != nil {
			t.Fatal(err)
		}
		n.refusedRetry(api, over[0].ID, "what it calls over began anew")
		b.loop.conditions.Raised(message.Key)[0].Receiver = "other" // whom the root route names by now
		n.refusedRetry(api, message.ID, "what it tells of is over")
	})
}

// TestAPageThatNobodyCanFollowIsOnItsTimeline, and in the journal, once.
func TestAPageThatNobodyCanFollowIsOnItsTimeline(t *testing.T) {
	for what, ref := range map[string]string{"with a reference": "r", "without one": ""} {
		t.Run(what, func(t *testing.T) { inBubble(t, func(b *bench) { notFollowed(b, ref) }) })
	}
}

func notFollowed(b *bench, ref string) {
	b.t.Helper()
	b.mustPost(firing("Down", "service/db"))
	b.rest(6 * time.Minute)
	page := b.rec.take()[0]
	if err := b.loop.delivered(context.Background(), notify.Result{Delivery: page, Ref: ref, Place: lostPlace}); err != nil {
		b.t.Fatal(err)
	}
	for range 2 {
		b.restart()
		b.rec.take()
		b.rec.lost = nil
	}
	var told []string
	err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
		inc, _ := e.Incident(1, 1)
		for _, entry := range inc.Timeline {
			if strings.Contains(entry.Reason, "people have to close it") {
				told = append(told, entry.Reason)
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "what follows could not be delivered to oncall, pagerduty[0]: the page was opened with a routing key that is not known any more") {
		b.t.Errorf("the timeline tells %q", told)
	}
	b.checkReplay()
}
