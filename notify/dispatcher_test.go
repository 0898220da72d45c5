package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/routing"
)

// Case 27: whatever fails in between, deliveries of one key leave in order of their ids and one at a time, also when
// they are enqueued out of order.
func TestDeliveriesOfOneKeyLeaveInOrder(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		fails := 3
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			fails--
			if fails >= 0 {
				return "", errDown
			}
			return "", nil
		}
		b.Resume(to("oncall", 3, routing.Resolve, "k"), to("oncall", 1, routing.Trigger, "k"), to("oncall", 2, routing.Acknowledge, "k"))
		pass(time.Minute)
		wantEqual(t, "attempts", b.ids(), []uint64{1, 1, 1, 1, 2, 3})
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 accepted", "3 accepted"})
	})
}

// A successor must not leave before its predecessor's end is durable: a crash would repeat a trigger after a resolve.
func TestSuccessorWaitsForADurableResult(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.store = func(n int, _ Result) error {
			if n <= 2 {
				return errors.New("disk full")
			}
			return nil
		}
		b.Resume(to("oncall", 1, routing.Trigger, "k"), to("oncall", 2, routing.Resolve, "k"))
		pass(999 * time.Millisecond) // Less than the shortest pause before the second report.
		wantEqual(t, "attempts before the result is stored", b.ids(), []uint64{1})
		pass(time.Minute)
		wantEqual(t, "attempts", b.ids(), []uint64{1, 2})
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 accepted"})
	})
}

// Pauses between attempts stay in their bounds, grow, and differ.
func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	cfg := Config{MinBackoff: time.Second, MaxBackoff: 8 * time.Second}.withDefaults()
	for attempts, ceiling := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 90: 8 * time.Second} {
		seen := make(map[time.Duration]bool)
		for range 1000 {
			d := backoff(cfg, attempts)
			if d < cfg.MinBackoff || d > ceiling {
				t.Fatalf("backoff after %d attempts is %v, want between %v and %v", attempts, d, cfg.MinBackoff, ceiling)
			}
			seen[d] = true
		}
		if len(seen) < 900 {
			t.Errorf("backoff after %d attempts took %d values of 1000, want jitter", attempts, len(seen))
		}
	}
}

// Retry-After holds for the whole integration, and for no other.
func TestRetryAfterPausesTheIntegration(t *testing.T) {
	inBubble(t, Config{}, "busy free", func(b *bench) {
		first := true
		b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if d.Target.Receiver == "busy" && first {
				first = false
				return "", &RetryError{Reason: "http_429", After: 30 * time.Second, Unsent: true}
			}
			return "", nil
		}
		b.Enqueue(to("busy", 1, routing.Trigger, "a"))
		pass(time.Second)
		b.Enqueue(to("busy", 2, routing.Trigger, "b"), to("free", 3, routing.Trigger, "b"))
		pass(time.Minute)
		b.mu.Lock()
		defer b.mu.Unlock()
		want := []sending{{0, 1, "busy", Sent{}}, {time.Second, 3, "free", Sent{}}, {30 * time.Second, 1, "busy", Sent{}}, {30 * time.Second, 2, "busy", Sent{}}}
		less := func(x, y sending) bool { return x.ID < y.ID }
		if diff := cmp.Diff(want[2:], b.sent[2:], sortSlices(less)); diff != "" || !cmp.Equal(want[:2], b.sent[:2]) {
			t.Errorf("attempts %v, want %v", b.sent, want)
		}
	})
}

// A receiver cannot silence us for longer than ten minutes.
func TestRetryAfterIsCapped(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			return "", &RetryError{Reason: "http_429", After: 24 * time.Hour}
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"))
		pass(maxRetryAfter - time.Second)
		wantEqual(t, "attempts before ten minutes", len(b.ids()), 1)
		pass(time.Second)
		wantEqual(t, "attempts at ten minutes", len(b.ids()), 2)
	})
}

func TestWaitingUpdateIsSupersededByANewerOne(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if d.ID == 1 && time.Since(b.start) < time.Minute {
				return "", errDown
			}
			return "", nil
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		for id := uint64(2); id <= 5; id++ {
			b.Enqueue(to("oncall", id, routing.Update, "k"))
		}
		b.Enqueue(to("oncall", 6, routing.Update, "other"))
		pass(time.Second / 2)
		got := b.ends()
		if len(got) != 4 || !strings.Contains(strings.Join(got, " "), "6 accepted") {
			t.Errorf("results while the trigger waits: %v, want updates 2 to 4 superseded and the other key's accepted", got)
		}
		pass(3 * time.Minute)
		ids := b.ids()
		wantEqual(t, "last attempt", ids[len(ids)-1], 5)
		for _, id := range ids {
			if id >= 2 && id <= 4 {
				t.Errorf("attempts %v: a superseded update was sent", ids)
			}
		}
	})
}

// Case 35: an incident that ends before its page left pages nobody, and the reports keep their order.
func TestUnsentTriggerIsWithdrawnByItsResolve(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 1}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Resolve, "uses up the rate limit"))
		pass(0)
		b.Enqueue(to("oncall", 2, routing.Trigger, "k"), to("oncall", 3, routing.Acknowledge, "k"), to("oncall", 4, routing.Resolve, "k"))
		pass(time.Hour / 2)
		wantEqual(t, "attempts", b.ids(), []uint64{1})
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 withdrawn", "3 withdrawn", "4 withdrawn"})
	})
}

// What repeats a page has an earlier one at the receiver, so the end of the incident must arrive. What was not sent yet is pointless then.
func TestRepeatedPageIsNotWithdrawnButSuperseded(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 1}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		pass(0)
		again := to("oncall", 2, routing.Trigger, "k")
		again.Again = true
		b.Enqueue(again, to("oncall", 3, routing.Resolve, "k"))
		pass(time.Hour / 2)
		wantEqual(t, "attempts", b.ids(), []uint64{1, 3})
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 superseded", "3 accepted"})
	})
}

// An incident that is handed back is resolved at the receiver and paged anew. If it is over before that, only the resolve has to arrive.
func TestNewPageBehindAResolveIsWithdrawn(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 1}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		pass(0)
		b.Enqueue(to("oncall", 2, routing.Resolve, "k"), to("oncall", 3, routing.Trigger, "k"), to("oncall", 4, routing.Resolve, "k"))
		pass(time.Hour / 2)
		wantEqual(t, "attempts", b.ids(), []uint64{1, 2})
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 accepted", "3 withdrawn", "4 withdrawn"})
	})
}

// A trigger that may have arrived must be followed by its resolve, or it would stay open for ever.
func TestTriggerThatMayHaveArrivedIsNotWithdrawn(t *testing.T) {
	for _, name := range []string{"resumed", "attempted"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{RatePerMinute: 1}, "oncall", func(b *bench) {
				first := true
				b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
					if first && d.ID == 2 {
						first = false
						return "", errDown
					}
					return "", nil
				}
				if name == "resumed" {
					b.Enqueue(to("oncall", 1, routing.Resolve, "uses up the rate limit"))
					pass(0)
					b.Resume(to("oncall", 2, routing.Trigger, "k"))
				} else {
					b.Enqueue(to("oncall", 2, routing.Trigger, "k"))
					pass(0)
				}
				b.Enqueue(to("oncall", 3, routing.Resolve, "k"))
				pass(time.Hour / 2)
				got := b.ends()
				wantEqual(t, "last results", got[len(got)-2:], []string{"2 accepted", "3 accepted"})
			})
		})
	}
}

// A trigger that certainly has not arrived is as good as one never tried, also if the resolve comes while it is tried.
func TestTriggerThatCannotHaveArrivedIsWithdrawn(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(ctx context.Context, _ *routing.Delivery, _ Sent) (string, error) {
			<-time.After(time.Second)
			return "", &RetryError{Reason: "connection", Unsent: true}
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		pass(0)
		b.Enqueue(to("oncall", 2, routing.Resolve, "k"))
		pass(2 * time.Second)
		wantEqual(t, "results", b.ends(), []string{"1 withdrawn", "2 withdrawn"})
	})
}

// An integration that came as far as a reference has something to follow, although it failed after that.
func TestTriggerWithAReferenceIsNotWithdrawn(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		fails := 1
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			if fails--; fails >= 0 {
				return "ref", &RetryError{Reason: "http_429", Unsent: true}
			}
			return "", nil
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		pass(0)
		b.Enqueue(to("oncall", 2, routing.Resolve, "k"))
		pass(time.Minute)
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 accepted"})
		wantEqual(t, "reference told to the second attempt", b.sent[1].Prev, Sent{"ref", true})
	})
}

func TestDeliveryExpiresWithItsLastError(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) { return "", errDown }
		d := to("oncall", 1, routing.Trigger, "k")
		d.Expires = d.Created.Add(10 * time.Minute)
		b.Enqueue(d)
		pass(10*time.Minute - time.Nanosecond)
		wantEqual(t, "results before it expires", b.ends(), nil)
		pass(time.Nanosecond)
		wantEqual(t, "results", b.ends(), []string{"1 expired"})
		if r := b.results[len(b.results)-1]; !errors.Is(r.Err, errDown) || r.Attempts < 10 {
			t.Errorf("result after %d attempts: %v, want the last attempt's error", r.Attempts, r.Err)
		}
		wantEqual(t, "pending", b.Status()[0].Pending, 0)
	})
}

// What waits for a rate limit or behind a Retry-After expires on time as well.
func TestDeliveryExpiresWhileItWaitsForItsTurn(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 1}, "oncall", func(b *bench) {
		for id := uint64(1); id <= 3; id++ {
			d := to("oncall", id, routing.Trigger, fmt.Sprint(id))
			d.Expires = d.Created.Add(90 * time.Second)
			b.Enqueue(d)
		}
		pass(2 * time.Minute)
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 accepted", "3 expired"})
	})
}

func TestRejectedDeliveryIsNotRetried(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			return "", &RejectedError{Reason: "http_403", Text: "no"}
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		pass(time.Hour)
		wantEqual(t, "attempts", b.ids(), []uint64{1})
		wantEqual(t, "results", b.ends(), []string{"1 rejected"})
		wantEqual(t, "metric", testutil.ToFloat64(b.metrics.deliveries.WithLabelValues("oncall", "pagerduty[0]", "trigger", "rejected", "http_403")), 1)
	})
}

func TestPanicOfAnIntegrationRejects(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) { panic("token-4711") }
		b.Enqueue(to("oncall", 1, routing.Trigger, "k"))
		pass(time.Second)
		wantEqual(t, "results", b.ends(), []string{"1 rejected"})
		if text := b.results[0].Err.Error(); strings.Contains(text, "4711") {
			t.Errorf("error %q shows what the panic said", text)
		}
	})
}

// Case 26: when not all can leave, pages go first by severity, then ends, then news.
func TestUrgentDeliveriesLeaveFirst(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 1}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Resolve, "uses up the rate limit"))
		pass(0)
		severity := func(d routing.Delivery, s correlate.Severity) routing.Delivery {
			d.Incident = &correlate.Incident{Severity: s}
			return d
		}
		b.Enqueue(
			to("oncall", 2, routing.Update, "a"), to("oncall", 3, routing.Resolve, "b"),
			severity(to("oncall", 4, routing.Trigger, "c"), correlate.SeverityInfo),
			severity(to("oncall", 5, routing.Trigger, "d"), correlate.SeverityCritical),
			severity(to("oncall", 6, routing.Trigger, "e"), correlate.SeverityUnset),
			severity(to("oncall", 7, routing.Trigger, "f"), correlate.SeverityError),
			to("oncall", 8, routing.Digest, "g"),
		)
		pass(30 * time.Minute)
		wantEqual(t, "attempts", b.ids(), []uint64{1, 5, 7, 6, 4, 3, 2, 8})
	})
}

func TestRateLimitSpacesAttempts(t *testing.T) {
	inBubble(t, Config{RatePerMinute: 60}, "oncall", func(b *bench) {
		for id := uint64(1); id <= 40; id++ {
			b.Enqueue(to("oncall", id, routing.Trigger, fmt.Sprint(id)))
		}
		pass(0)
		wantEqual(t, "attempts at once", len(b.ids()), burst)
		pass(20 * time.Second)
		wantEqual(t, "attempts after 20 s", len(b.ids()), burst+20)
	})
}

// A receiver that hangs costs each attempt its whole deadline; the others must not notice, however few the workers.
func TestHangingReceiverDelaysNoOther(t *testing.T) {
	inBubble(t, Config{Workers: 2}, "dead1 dead2 dead3 alive", func(b *bench) {
		b.behave = func(ctx context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if strings.HasPrefix(d.Target.Receiver, "dead") {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return "", nil
		}
		for id := uint64(1); id <= 60; id++ {
			b.Enqueue(to(fmt.Sprint("dead", id%3+1), id, routing.Trigger, fmt.Sprint(id)))
		}
		pass(35 * time.Second)
		b.Enqueue(to("alive", 100, routing.Trigger, "k"), to("alive", 101, routing.Update, "k"))
		pass(0)
		wantEqual(t, "results at once", b.ends(), []string{"100 accepted", "101 accepted"})
		for _, dead := range []string{"dead1", "dead2", "dead3"} {
			if n := testutil.ToFloat64(b.metrics.attempts.WithLabelValues(dead, "pagerduty[0]", "timeout")); n < 3 {
				t.Errorf("%v attempts to %s timed out in 35 s, want at least 3", n, dead)
			}
		}
	})
}

// What an attempt may have done is told to the next one, and to the next process's.
func TestNotifierLearnsThatItMayHaveArrived(t *testing.T) {
	inBubble(t, Config{MaxBackoff: time.Second}, "oncall", func(b *bench) {
		answers := []error{&RetryError{Reason: "connection", Unsent: true}, errDown, nil, nil, nil}
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			err := answers[0]
			answers = answers[1:]
			if err == nil {
				return "ref-2", nil
			}
			return "", err
		}
		b.SetRef("k", routing.Target{Receiver: "oncall", Type: "pagerduty"}, "ref-1")
		b.Enqueue(to("oncall", 1, routing.Update, "k"))
		pass(time.Minute)
		b.Resume(to("oncall", 2, routing.Update, "k"))
		pass(time.Minute)
		b.Forget("k")
		b.Enqueue(to("oncall", 3, routing.Update, "k"))
		pass(time.Minute)
		var got []Sent
		for _, s := range b.sent {
			got = append(got, s.Prev)
		}
		wantEqual(t, "what notifiers were told", got, []Sent{{"ref-1", false}, {"ref-1", false}, {"ref-1", true}, {"ref-2", true}, {"", false}})
		wantEqual(t, "reference in the result", b.results[0].Ref, "ref-2")
	})
}

// A reload takes effect for what waits; what has nowhere to go is reported, not dropped.
func TestReconfigureMovesWhatWaits(t *testing.T) {
	inBubble(t, Config{}, "oncall gone", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) {
			return "", &RetryError{Reason: "http_503", After: 5 * time.Minute}
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"), to("gone", 2, routing.Trigger, "b"), to("never", 3, routing.Trigger, "c"))
		pass(time.Second)
		wantEqual(t, "results before", b.ends(), []string{"3 rejected"})
		b.behave = nil
		if err := b.Reconfigure(Config{Receivers: receiversOf("oncall oncall")}); err == nil {
			t.Error("Reconfigure takes two receivers of one name, want an error")
		}
		cfg := Config{Receivers: receiversOf("oncall"), MaxBackoff: time.Second}
		if err := b.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		wantEqual(t, "results after", b.ends(), []string{"3 rejected", "2 rejected"})
		cfg.Receivers[0].PagerDuty = []PagerDutyConfig{{RoutingKey: "another"}}
		if err := b.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		wantEqual(t, "results with another key", b.ends(), []string{"3 rejected", "2 rejected", "1 accepted"})
	})
}

// A receiver that gets another name must not leave what it opened at its pager open for good; nor is anything begun there.
func TestRemovedReceiverHearsTheEndOfWhatItWasTold(t *testing.T) {
	inBubble(t, Config{}, "oncall gone", func(b *bench) {
		b.Enqueue(to("gone", 1, routing.Trigger, "told"))
		pass(time.Second)
		if err := b.Reconfigure(Config{Receivers: receiversOf("oncall")}); err != nil {
			t.Fatal(err)
		}
		b.Enqueue(to("gone", 2, routing.Trigger, "new"), to("gone", 3, routing.Update, "new"), to("gone", 4, routing.Acknowledge, "told"))
		pass(time.Second)
		if err := b.Reconfigure(Config{Receivers: receiversOf("oncall other")}); err != nil {
			t.Fatal(err)
		}
		b.Enqueue(to("gone", 5, routing.Resolve, "told"), to("gone", 6, routing.Digest, "digest"))
		pass(time.Minute)
		wantEqual(t, "attempts", b.ids(), []uint64{1, 4, 5})
		ends := b.ends()
		slices.Sort(ends)
		wantEqual(t, "results", ends, []string{"1 accepted", "2 rejected", "3 rejected", "4 accepted", "5 accepted", "6 rejected"})
		for _, s := range b.Status() {
			if s.Target.Receiver == "gone" {
				t.Errorf("a receiver that is not configured is listed: %+v", s)
			}
		}
		if err := b.Reconfigure(Config{Receivers: receiversOf("oncall gone")}); err != nil {
			t.Fatal(err)
		}
		b.Enqueue(to("gone", 7, routing.Trigger, "again"))
		pass(time.Second)
		wantEqual(t, "attempts once it is back", b.ids(), []uint64{1, 4, 5, 7})
	})
}

// Promise 6: memory is bounded, and what found no room comes from the outbox in its turn.
func TestDeliveriesBeyondTheLimitWaitInTheOutbox(t *testing.T) {
	inBubble(t, Config{MaxPending: 4, RatePerMinute: 6000}, "oncall", func(b *bench) {
		var rows []routing.Delivery
		fails := 1
		b.outbox = func(_ context.Context, from uint64, limit int) (page []routing.Delivery, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if fails--; fails >= 0 {
				return nil, errors.New("store is busy")
			}
			for _, r := range rows {
				done := false
				for _, res := range b.results {
					done = done || res.Delivery.ID == r.ID
				}
				if !done && r.ID >= from && len(page) < limit {
					page = append(page, r)
				}
			}
			return page, nil
		}
		for id := uint64(1); id <= 30; id++ {
			d := to("oncall", id, routing.Acknowledge, fmt.Sprint(id%3))
			b.mu.Lock()
			rows = append(rows, d)
			b.mu.Unlock()
			b.Enqueue(d)
			if n := b.Status()[0].Pending; n > 4 {
				t.Errorf("%v deliveries in memory, want at most 4", n)
			}
		}
		pass(10 * time.Minute)
		counts, lastOf := make(map[uint64]int), make(map[string]uint64)
		for _, s := range b.sent {
			counts[s.ID]++
			key := fmt.Sprint(s.ID % 3)
			if s.ID < lastOf[key] {
				t.Errorf("delivery %d of key %s left after %d", s.ID, key, lastOf[key])
			}
			lastOf[key] = s.ID
		}
		for id := uint64(1); id <= 30; id++ {
			if counts[id] != 1 {
				t.Errorf("delivery %d was sent %d times, want once", id, counts[id])
			}
		}
	})
}

// What comes while a page of the outbox is being read may be missing there; it must be read again.
func TestDeliveryDuringARefillIsNotForgotten(t *testing.T) {
	inBubble(t, Config{MaxPending: 1}, "oncall", func(b *bench) {
		rows := []routing.Delivery{to("oncall", 1, routing.Trigger, "a"), to("oncall", 2, routing.Trigger, "b")}
		b.outbox = func(_ context.Context, from uint64, limit int) ([]routing.Delivery, error) {
			b.mu.Lock()
			page := append([]routing.Delivery(nil), rows...)
			b.mu.Unlock()
			for len(page) > 0 && page[0].ID < from {
				page = page[1:]
			}
			<-time.After(time.Second)
			return page[:min(len(page), limit)], nil
		}
		b.Enqueue(rows...)
		pass(1500 * time.Millisecond) // The first read found delivery 2, the second is under way and will find nothing.
		third := to("oncall", 3, routing.Trigger, "c")
		b.mu.Lock()
		rows = append(rows, third)
		b.mu.Unlock()
		b.Enqueue(third)
		pass(time.Minute)
		wantEqual(t, "results", b.ends(), []string{"1 accepted", "2 accepted", "3 accepted"})
	})
}

// A stop cuts attempts short and reports nothing about them: they are still in the outbox.
func TestRunStopsPromptlyWithoutResults(t *testing.T) {
	var after *bench
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(ctx context.Context, _ *routing.Delivery, _ Sent) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"))
		pass(time.Second)
		after = b
	})
	if len(after.sent) != 1 || len(after.results) != 0 {
		t.Errorf("attempts %v and results %v, want one and none", after.sent, after.results)
	}
}

// References grow with the number of open incidents only: digests leave none, and messages of quell about itself none that outlives their end.
func TestReferencesOfWhatNothingFollowsAreNotKept(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) { return "ref", nil }
		note, digest := to("oncall", 1, routing.Operator, "note"), to("oncall", 3, routing.Digest, "week")
		alert := &correlate.Alert{Labels: correlate.LabelsOf("alertname", "Down")}
		passed := routing.New(&routing.Config{
			Route: &routing.Route{Receiver: "oncall"}, Receivers: map[string][]routing.Target{"oncall": {note.Target}},
		}, routing.Options{}).Direct(time.Now(), alert)
		passed[0].ID = 5
		note.Incident, digest.Incident = nil, nil
		b.Enqueue(note, to("oncall", 2, routing.Trigger, "page"), digest, passed[0])
		pass(time.Minute)
		kept := func() []string {
			d := b.Dispatcher
			d.mu.Lock()
			defer d.mu.Unlock()
			keys := slices.Sorted(maps.Keys(d.refs))
			if places := slices.Sorted(maps.Keys(d.places)); !slices.Equal(places, keys) {
				t.Errorf("places are kept of %q, references of %q", places, keys)
			}
			return keys
		}
		wantEqual(t, "what has references while it lasts", kept(), []string{"note", "page"})
		over := note
		over.ID, over.Action = 4, routing.Resolve
		b.Enqueue(over)
		pass(time.Minute)
		wantEqual(t, "what has references then", kept(), []string{"page"})
		b.mu.Lock()
		defer b.mu.Unlock()
		if prev := b.sent[len(b.sent)-1]; prev.ID != 4 || prev.Prev.Ref != "ref" {
			t.Errorf("the end was told as %+v, want with the reference of what it ends", prev)
		}
	})
}
