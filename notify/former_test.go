package notify

import (
	"context"
	"slices"
	"testing"
	"time"

	"quell/internal/secret"
	"quell/routing"
)

// withKey makes the receiver oncall with some routing key.
func withKey(key string) Config {
	return Config{Receivers: []Receiver{{Name: "oncall", PagerDuty: []PagerDutyConfig{{RoutingKey: Secret(key)}}}}}
}

func (b *bench) reconfigure(t *testing.T, cfg Config) {
	t.Helper()
	if err := b.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsOpenIsFollowedWhereItWasOpened: another routing key takes effect for what begins, and what was opened by the one before is
// changed and ended by that, also when it is the third by then; what was handed back begins anew, and leaves nothing behind.
func TestWhatIsOpenIsFollowedWhereItWasOpened(t *testing.T) {
	again := func(d routing.Delivery) routing.Delivery { d.Again = true; return d }
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"), to("oncall", 2, routing.Trigger, "b"))
		pass(time.Second)
		b.reconfigure(t, withKey("second"))
		b.Enqueue(to("oncall", 3, routing.Update, "a"), to("oncall", 4, routing.Trigger, "c"))
		pass(time.Second)
		b.reconfigure(t, withKey("third"))
		b.Enqueue(again(to("oncall", 5, routing.Trigger, "a")), to("oncall", 6, routing.Acknowledge, "c"))
		pass(time.Second)
		b.Enqueue(to("oncall", 7, routing.Resolve, "a"), to("oncall", 8, routing.Resolve, "b"))
		pass(time.Second)
		b.Enqueue(to("oncall", 9, routing.Trigger, "b"))
		pass(time.Second)
		b.Enqueue(to("oncall", 10, routing.Resolve, "b"), to("oncall", 11, routing.Resolve, "c"))
		pass(time.Second)
		wantEqual(t, "attempts", slices.Sorted(slices.Values(b.via)), []string{
			"1 by k", "10 by third", "11 by second", "2 by k", "3 by k", "4 by second", "5 by k", "6 by second", "7 by k", "8 by k", "9 by third",
		})
	})
}

// TestAReloadBetweenAttemptAndAnswerKeepsThePlace: the page arrived through the integration that was replaced meanwhile, and so was the one in
// its place.
func TestAReloadBetweenAttemptAndAnswerKeepsThePlace(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		answer := make(chan struct{})
		b.behave = func(context.Context, *routing.Delivery, Sent) (string, error) { <-answer; return "", nil }
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"))
		pass(time.Second)
		b.reconfigure(t, withKey("second"))
		b.reconfigure(t, withKey("third"))
		close(answer)
		pass(time.Second)
		b.Enqueue(to("oncall", 2, routing.Resolve, "a"))
		pass(time.Second)
		wantEqual(t, "attempts", b.via, []string{"1 by k", "2 by k"})
	})
}

// TestIntegrationsThatNothingIsOpenAtAreLetGo, and no others: a quell whose key changes every day must not keep all of them.
func TestIntegrationsThatNothingIsOpenAtAreLetGo(t *testing.T) {
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"))
		pass(time.Second)
		for _, key := range []string{"2", "3", "4", "5", "k", "6"} {
			b.reconfigure(t, withKey(key))
		}
		wantEqual(t, "earlier integrations", len(b.former), 1)
		b.Enqueue(to("oncall", 2, routing.Resolve, "a"))
		pass(time.Second)
		b.reconfigure(t, withKey("7"))
		wantEqual(t, "attempts", b.via, []string{"1 by k", "2 by k"})
		wantEqual(t, "earlier integrations at the end", len(b.former), 0)
	})
}

// TestPlacesOutliveARestart: an earlier configuration that is still known ends what was opened through it; what cannot be ended is told, once,
// and goes on where the configuration of now says.
func TestPlacesOutliveARestart(t *testing.T) {
	oncall := routing.Target{Receiver: "oncall", Type: "pagerduty"}
	gone := routing.Target{Receiver: "gone", Type: "pagerduty"}
	inBubble(t, Config{}, "oncall", func(b *bench) {
		place := func(key string) string { return placeOf("", &PagerDutyConfig{RoutingKey: Secret(key)}) }
		b.SetPlace("same", oncall, place("k"))
		b.SetPlace("known", oncall, place("old"))
		b.SetPlace("lost", oncall, place("older"))
		b.SetPlace("lost", gone, place("older"))
		b.SetPlace("renamed", gone, place("g"))
		earlier := withKey("old")
		earlier.Receivers = append(earlier.Receivers, Receiver{Name: "gone", PagerDuty: []PagerDutyConfig{{RoutingKey: "g"}}},
			Receiver{Name: "absent", PagerDuty: []PagerDutyConfig{{RoutingKey: secret.NewAbsent()}}})
		if err := b.Recall(earlier); err != nil {
			t.Fatal(err)
		}
		b.Resume(to("oncall", 1, routing.Resolve, "known"))
		wantEqual(t, "what is lost", b.Lost(), []Begun{{"lost", gone}, {"lost", oncall}})
		wantEqual(t, "what is lost then", b.Lost(), nil)
		if len(b.Status()) != 1 {
			t.Errorf("status tells of %+v, want only what is configured", b.Status())
		}
		b.Enqueue(to("oncall", 2, routing.Resolve, "same"), to("oncall", 3, routing.Update, "lost"))
		pass(time.Second)
		b.Enqueue(to("gone", 4, routing.Resolve, "renamed"), to("absent", 5, routing.Trigger, "new"), to("gone", 6, routing.Trigger, "new"))
		pass(time.Second)
		wantEqual(t, "attempts", slices.Sorted(slices.Values(b.via)), []string{"1 by old", "2 by k", "3 by k", "4 by g"})
		wantEqual(t, "results", slices.Sorted(slices.Values(b.ends())), []string{"1 accepted", "2 accepted", "3 accepted", "4 accepted", "5 rejected", "6 rejected"})
	})
}

// TestAPlaceTellsServicesApartAndNotTheirKeys: it is in the store, and a key must not be.
func TestAPlaceTellsServicesApartAndNotTheirKeys(t *testing.T) {
	base := PagerDutyConfig{RoutingKey: "e93facc04764012d7bfb002500d5d1a6"}
	at := func(store string, change func(*PagerDutyConfig)) string {
		c := base
		change(&c)
		return placeOf(store, &c)
	}
	same := func(*PagerDutyConfig) {}
	first := at("s", same)
	for what, other := range map[string]string{
		"key":   at("s", func(c *PagerDutyConfig) { c.RoutingKey = "other" }),
		"url":   at("s", func(c *PagerDutyConfig) { c.URL = "https://events.eu.pagerduty.com" }),
		"store": at("t", same),
	} {
		if other == first {
			t.Errorf("another %s is the same place", what)
		}
	}
	if at("s", func(c *PagerDutyConfig) {
		c.URL, c.Description, c.NoPictures = "https://events.pagerduty.com/", "x", true
	}) != first {
		t.Error("another way to write it is another place")
	}
	if len(first) != 8 || at("s", func(c *PagerDutyConfig) { c.RoutingKey = secret.NewAbsent() }) != "" {
		t.Errorf("place %q is longer than four bytes, or a key that is not there has one", first)
	}
}

// TestAReceiverThatWentAndCameBackIsFollowed where it was left, with all that goes on there, and forgotten with the incident.
func TestAReceiverThatWentAndCameBackIsFollowed(t *testing.T) {
	again := func(d routing.Delivery) routing.Delivery { d.Again = true; return d }
	inBubble(t, Config{}, "oncall", func(b *bench) {
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"))
		pass(time.Second)
		b.reconfigure(t, Config{Receivers: receiversOf("other")})
		b.Enqueue(to("oncall", 2, routing.Update, "a"), to("oncall", 3, routing.Update, "unknown"))
		pass(time.Second)
		b.reconfigure(t, withKey("second"))
		b.Enqueue(again(to("oncall", 4, routing.Trigger, "a")))
		pass(time.Second)
		wantEqual(t, "attempts", b.via, []string{"1 by k", "2 by k", "4 by k"})
		b.Forget("a")
		b.reconfigure(t, withKey("second"))
		wantEqual(t, "earlier integrations of what is forgotten", len(b.former), 0)
	})
}

// TestPagesThatWaitForAnEarlierIntegrationAreTold: others are told at once, as if it were the one in force.
func TestPagesThatWaitForAnEarlierIntegrationAreTold(t *testing.T) {
	again := func(d routing.Delivery) routing.Delivery { d.Again = true; return d }
	inBubble(t, Config{}, "oncall", func(b *bench) {
		down := false
		b.behave = func(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
			if down && d.Key != "fresh" {
				return "", errDown
			}
			return "", nil
		}
		b.Enqueue(to("oncall", 1, routing.Trigger, "a"), to("oncall", 2, routing.Trigger, "b"))
		pass(time.Second)
		b.reconfigure(t, withKey("second"))
		down = true
		b.Enqueue(again(to("oncall", 3, routing.Trigger, "a")), again(to("oncall", 4, routing.Trigger, "b")))
		pass(10 * time.Minute)
		b.Enqueue(to("oncall", 5, routing.Trigger, "fresh"))
		pass(time.Second)
		told := b.waits()
		if len(told) != 2 {
			t.Errorf("told that these wait: %q, want 3 and 4", told)
		}
		wantEqual(t, "ends", slices.Sorted(slices.Values(b.ends())), []string{"1 accepted", "2 accepted", "5 accepted"})
	})
}
