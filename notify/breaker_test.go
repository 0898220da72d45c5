package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/routing"
)

// A breaker needs both: failures in a row, and time between them. What says nothing about the receiver does not count.
func TestBreakerOpensAfterFailuresInARowOverSomeTime(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		// each letter is an attempt, five seconds apart: x failed, o arrived, 4 was limited, ? says nothing.
		attempts string
		want     string // the state after each: c, o, h
	}{
		{"seven failures", "xxxxxxx", "cccccco"},
		{"one that arrived starts anew", "xxxxxoxxxxxxx", "cccccccccccco"},
		{"limits and our own faults do not count", "x4x?x4x?x", "cccccccco"},
		{"limits alone never do", "44444444444444444444", "cccccccccccccccccccc"},
	} {
		b, got := new(breaker), ""
		for i, letter := range c.attempts {
			now := began.Add(time.Duration(i) * 5 * time.Second)
			b.start()
			b.ended(now, map[rune]verdict{'x': ill, 'o': answered, '4': limited, '?': silent}[letter], false, time.Minute)
			got += string(b.state(now))[:1]
		}
		wantEqual(t, c.name, got, c.want)
	}
	b := new(breaker)
	for range 100 {
		b.ended(began.Add(time.Second), ill, false, time.Minute)
	}
	wantEqual(t, "a hundred failures at once", b.state(began), BreakerClosed)
}

// Any attempts in any order leave the breaker in one of its states by one of its transitions; its pauses grow to the bound.
func TestBreakerTransitionsAreLegal(t *testing.T) {
	legal := []string{
		"closed closed", "closed open", "open open", "open half-open", "open closed", "half-open half-open", "half-open open", "half-open closed",
	}
	r := rand.New(rand.NewPCG(simulationSeeds(t, 1)[0], 1))
	b, now, state, pause := new(breaker), time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), BreakerClosed, time.Duration(0)
	for range 20_000 {
		now = now.Add(time.Duration(r.IntN(20)) * time.Second)
		see := func(doing string) {
			t.Helper()
			next := b.state(now)
			if step := fmt.Sprint(state, " ", next); !slices.Contains(legal, step) {
				t.Fatalf("%s: %s", doing, step)
			}
			if b.pause > time.Minute || b.pause > max(2*pause, breakerPause) || b.pause != 0 && b.pause < pause {
				t.Fatalf("%s: pause of %v after one of %v", doing, b.pause, pause)
			}
			state, pause = next, b.pause
		}
		see("time")
		at, ok := b.admits(now)
		if !ok || at.After(now) {
			continue
		}
		probe := b.start()
		if probe != (state == BreakerHalfOpen) {
			t.Fatalf("an attempt in state %s is a probe: %t", state, probe)
		}
		if _, more := b.admits(now); more == probe {
			t.Fatalf("beside a probe (%t) another attempt may start: %t", probe, more)
		}
		now = now.Add(time.Duration(r.IntN(20)) * time.Second)
		see("attempt")
		v := ill
		if r.IntN(8) == 0 {
			v = []verdict{answered, limited, silent}[r.IntN(3)]
		}
		b.ended(now, v, probe, time.Minute)
		see("end")
	}
}

// While a receiver is ill only probes reach it, and every page is told once to wait; when it recovers all arrive, most urgent first.
func TestIllReceiverIsProbedAndItsPagesAreDeferredOnce(t *testing.T) {
	inBubble(t, Config{}, "ill well", func(b *bench) {
		over := 10 * time.Minute
		b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if d.Target.Receiver == "ill" && time.Since(b.start) < over {
				return "", &RetryError{Reason: "connection", Text: "refused", Unsent: true}
			}
			return "", nil
		}
		b.Enqueue(to("ill", 1, routing.Trigger, "a"), to("ill", 2, routing.Update, "b"))
		pass(2 * time.Minute)
		if told := b.waits(); len(told) != 1 || !strings.HasPrefix(told[0], "1 waits: ") || !strings.HasSuffix(told[0], " attempts in a row failed, last error: connection: refused") {
			t.Errorf("told to wait: %q", told)
		}
		for id := uint64(3); id < 30; id++ {
			b.Enqueue(to("ill", id, routing.Trigger, fmt.Sprint(id)), to("well", 100+id, routing.Trigger, fmt.Sprint(id)))
		}
		before := b.attempts("ill")
		pass(5 * time.Minute)
		wantEqual(t, "pages told to wait", len(b.waits()), 28)
		if probes := b.attempts("ill") - before; probes < 4 || probes > 12 {
			t.Errorf("%d attempts at an ill receiver in 5 minutes, want about one a minute", probes)
		}
		s := b.Status()[0]
		if s.Breaker == BreakerClosed || s.Pending != 29 || s.Failures < 10 || s.OpenSince == nil || !strings.Contains(s.Error, "refused") {
			t.Errorf("got status %+v", s)
		}
		pass(5 * time.Minute) // the last probe is at most a minute before the recovery, and the rate limit has its say
		wantEqual(t, "told to wait in the end", len(b.waits()), 28)
		accepted := 0
		for _, end := range b.ends() {
			if strings.HasSuffix(end, "accepted") {
				accepted++
			}
		}
		wantEqual(t, "accepted", accepted, 29+27)
		if s := b.Status()[0]; s.Breaker != BreakerClosed || s.Error != "" || s.Pending != 0 {
			t.Errorf("got status %+v in the end", s)
		}
	})
}

// What a receiver refuses for its own sake says nothing about the others.
func TestRefusedMessagesDoNotOpenTheBreaker(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			return "", &RejectedError{Reason: "http_400", Text: "too long"}
		}
		for id := uint64(1); id <= 100; id++ {
			b.Enqueue(to("oncall", id, routing.Trigger, fmt.Sprint(id)))
			pass(2 * time.Second)
		}
		wantEqual(t, "told to wait", len(b.waits()), 0)
		wantEqual(t, "results", len(b.ends()), 100)
		wantEqual(t, "breaker", b.Status()[0].Breaker, BreakerClosed)
	})
}

// When a receiver is well again, what waits does not sit out pauses that were made for one that is ill.
func TestAllThatWaitsLeavesWhenTheReceiverRecovers(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			if time.Since(b.start) < 45*time.Second {
				return "", &RetryError{Reason: "connection", Unsent: true}
			}
			return "", nil
		}
		for id := uint64(1); id <= 8; id++ {
			b.Enqueue(to("oncall", id, routing.Trigger, fmt.Sprint(id)))
		}
		for len(b.ends()) == 0 {
			pass(100 * time.Millisecond)
		}
		pass(100 * time.Millisecond)
		wantEqual(t, "accepted at once", len(b.ends()), 8)
	})
}

// What superseded a delivery waits until the end of that one is durable: a crash in between would repeat the old one behind the new.
func TestSuccessorWaitsForTheEndOfWhatItSuperseded(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 6, MaxBackoff: time.Second}, "oncall", func(b *bench) {
		b.store = func(_ int, r Result) error {
			if r.Superseded && time.Since(b.start) < time.Minute {
				return errDown
			}
			return nil
		}
		for id := uint64(1); id <= 6; id++ { // uses up the burst
			b.Enqueue(to("oncall", id, routing.Trigger, fmt.Sprint(id)))
		}
		pass(0)
		b.Enqueue(to("oncall", 7, routing.Update, "1"), to("oncall", 8, routing.Resolve, "1"))
		pass(59 * time.Second)
		wantEqual(t, "attempts while the update's end is not stored", len(b.ids()), 6)
		pass(time.Minute)
		wantEqual(t, "attempts", b.ids()[6:], []uint64{8})
	})
}

// What is tried again after it was given up may have arrived the first time, so notifiers have to look.
func TestRetriedDeliveryMayHaveArrived(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		d := to("oncall", 1, routing.Trigger, "k")
		d.Retried = true
		b.Enqueue(d)
		pass(time.Second)
		wantEqual(t, "told", b.sent[0].Prev.Maybe, true)
	})
}

// Of two pages of an incident that wait, the later one is enough: nobody is woken twice when the receiver recovers. An incident that
// ends meanwhile wakes nobody at all.
func TestPagesThatWaitAreOneWhenTheReceiverRecovers(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			if time.Since(b.start) < 10*time.Minute {
				return "", &RetryError{Reason: "connection", Unsent: true}
			}
			return "", nil
		}
		again := func(id uint64, key string) routing.Delivery {
			d := to("oncall", id, routing.Trigger, key)
			d.Again = true
			return d
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "lasts"), to("oncall", 2, routing.Trigger, "ends"))
		pass(2 * time.Minute)
		b.Enqueue(again(3, "lasts"), again(4, "ends"))
		pass(time.Minute)
		b.Enqueue(to("oncall", 5, routing.Resolve, "ends"))
		pass(20 * time.Minute)
		got := b.ends()
		slices.Sort(got)
		wantEqual(t, "results", got, []string{"1 superseded", "2 superseded", "3 accepted", "4 withdrawn", "5 withdrawn"})
	})
}

// Two thousand pages to one slow receiver starve no other, and the worst leave first however late they come.
func TestBurstToASlowReceiverStarvesNoOther(t *testing.T) {
	inBubble(t, Config{Workers: 4}, "slow quick", func(b *bench) {
		b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if d.Target.Receiver == "slow" {
				<-time.After(8 * time.Second)
			}
			return "", nil
		}
		const pages = 2000
		for id := uint64(1); id <= pages; id++ {
			d := to("slow", id, routing.Trigger, fmt.Sprint(id))
			d.Incident.Severity = correlate.SeverityWarning
			b.Enqueue(d)
		}
		pass(time.Minute)
		worst := to("slow", pages+1, routing.Trigger, "worst")
		worst.Incident.Severity = correlate.SeverityCritical
		b.Enqueue(worst)
		at := time.Since(b.start)
		for id := uint64(1); id <= 20; id++ {
			b.Enqueue(to("quick", pages+1+id, routing.Trigger, fmt.Sprint(id)))
			pass(2 * time.Second)
			if !slices.Contains(b.ends(), fmt.Sprint(pages+1+id, " accepted")) {
				t.Fatalf("the quick receiver's page %d waits", id)
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		k := slices.IndexFunc(b.sent, func(s sending) bool { return s.ID == pages+1 })
		if k < 0 || b.sent[k].At > at+8*time.Second {
			t.Errorf("the critical page left %v after it came, want before any other that waited", b.sent[max(k, 0)].At-at)
		}
	})
}

// What a receiver that hangs keeps waiting is given up on time, however much there is of it, and not tried once more first.
func TestExpiryIsHonouredBehindASlowReceiver(t *testing.T) {
	inBubble(t, Config{Workers: 1}, "slow", func(b *bench) {
		b.behave = func(ctx context.Context, _ *routing.Delivery, _ Sent) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		for id := uint64(1); id <= 500; id++ {
			d := to("slow", id, routing.Trigger, fmt.Sprint(id))
			d.Expires = d.Created.Add(5 * time.Minute)
			b.Enqueue(d)
		}
		pass(5*time.Minute + 10*time.Second) // one may be under way when it expires
		wantEqual(t, "ends", len(b.ends()), 500)
		for _, end := range b.ends() {
			if !strings.HasSuffix(end, "expired") {
				t.Errorf("got %s", end)
			}
		}
	})
}

// Limits of a receiver win over those of all.
func TestReceiversHaveLimitsOfTheirOwn(t *testing.T) {
	inBubble(t, Config{}, "oncall other", func(b *bench) {
		cfg := Config{Receivers: receiversOf("oncall other")}
		cfg.Receivers[0].Limits = Limits{RatePerMinute: 6, Burst: 2, Timeout: 3 * time.Second}
		if err := b.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		b.behave = func(ctx context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if d.Target.Receiver != "oncall" || d.ID > 2 {
				return "", nil
			}
			<-ctx.Done()
			return "", &RejectedError{Reason: "http_400", Text: time.Since(b.start).String()}
		}
		for id := uint64(1); id <= 20; id++ {
			b.Enqueue(to("oncall", id, routing.Trigger, fmt.Sprint("a", id)), to("other", 100+id, routing.Trigger, fmt.Sprint("b", id)))
		}
		pass(0)
		wantEqual(t, "attempts at once", len(b.ids()), 2+burst)
		pass(29 * time.Second)
		wantEqual(t, "attempts in half a minute", len(b.ids()), 2+2+20)
		for _, r := range b.results {
			if rejected, ok := errors.AsType[*RejectedError](r.Err); ok && rejected.Text != "3s" {
				t.Errorf("an attempt was cut off after %s, want 3s", rejected.Text)
			}
		}
	})
}

// Nobody is woken by a page that waited until somebody else had acknowledged the incident; what only follows it is withdrawn with it. Chat is
// told all the same, and a page anew, since the incident was handed back, is sent.
func TestPagesThatWaitAreWithdrawnByAnAcknowledgement(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			if time.Since(b.start) < 10*time.Minute {
				return "", &RetryError{Reason: "connection", Unsent: true}
			}
			return "", nil
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "acked"), to("oncall", 2, routing.Trigger, "back"))
		pass(2 * time.Minute)
		slow := 0
		b.mu.Lock()
		b.store = func(int, Result) error { // so that news come while the ends are stored
			if slow++; slow < 20 {
				return errDown
			}
			return nil
		}
		b.mu.Unlock()
		b.Enqueue(to("oncall", 3, routing.Acknowledge, "acked"), to("oncall", 4, routing.Acknowledge, "back"))
		pass(time.Second)
		b.Enqueue(to("oncall", 5, routing.Update, "acked"), to("oncall", 6, routing.Resolve, "back"), to("oncall", 7, routing.Trigger, "back"))
		pass(20 * time.Minute)
		got := b.ends()
		slices.Sort(got)
		wantEqual(t, "results", got, []string{
			"1 withdrawn", "2 withdrawn", "3 withdrawn", "4 withdrawn", "5 withdrawn", "6 withdrawn", "7 accepted",
		})
	})
}

func TestChatIsToldOfWhatWasAcknowledgedMeanwhile(t *testing.T) {
	l := &lane{id: laneID{"k", routing.Target{Receiver: "team", Type: "slack"}}}
	for id, action := range []routing.Action{routing.Trigger, routing.Acknowledge} {
		l.insert(&item{delivery: routing.Delivery{ID: uint64(id), Action: action}})
	}
	if l.withdraw(false); l.queue[0].withdrawn {
		t.Error("chat is not told of an incident, since somebody acknowledged it")
	}
}
