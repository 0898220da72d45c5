package notify

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/routing"
)

// Integrations find the counter in what the dispatcher gives them, and may count without one.
func TestExtrasAreCountedByWhatCameOfThem(t *testing.T) {
	var lone Environment
	lone.CountExtra("pagerduty", ExtraChangeEvent, nil)
	var env Environment
	cfg := Config{Receivers: []Receiver{{Name: "a", PagerDuty: []PagerDutyConfig{{RoutingKey: "k"}}}}}
	d, err := NewDispatcher(cfg, Options{
		Results: func(context.Context, Result) error { return nil },
		Integrations: Integrations{
			PagerDuty: func(_ PagerDutyConfig, e Environment) Notifier { env = e; return nothing{} },
			Slack:     func(SlackConfig, Environment) Notifier { return nothing{} },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{nil, &RetryError{Reason: "timeout"}, &RejectedError{Reason: "http_400"}, errors.New("odd"), nil} {
		env.CountExtra("pagerduty", ExtraChangeEvent, err)
	}
	for reason, want := range map[string]float64{"ok": 2, "timeout": 1, "http_400": 1, "other": 1} {
		if got := testutil.ToFloat64(d.extras.WithLabelValues("pagerduty", "change_event", reason)); got != want {
			t.Errorf("%s: %v, want %v", reason, got, want)
		}
	}
}

type nothing struct{}

func (nothing) Notify(context.Context, *routing.Delivery, Sent) (string, error) { return "", nil }
