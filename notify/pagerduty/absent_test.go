package pagerduty_test

import (
	"errors"
	"testing"

	"quell/internal/secret"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/routing"
)

// What is for a service whose key could not be read waits, and nobody hears of it.
func TestWithoutItsKeyNothingIsSent(t *testing.T) {
	p := start(t)
	n := pagerduty.New(notify.PagerDutyConfig{RoutingKey: secret.NewAbsent(), URL: p.URL()}, notify.Environment{})
	_, err := n.Notify(t.Context(), delivery(routing.Trigger, incident()), notify.Sent{})
	retry, ok := errors.AsType[*notify.RetryError](err)
	if !ok || retry.Reason != "no_credentials" || !retry.Unsent {
		t.Errorf("got %v", err)
	}
	if got := p.Events(); len(got) != 0 {
		t.Errorf("PagerDuty heard of %v", got)
	}
}
