package pagerduty_test

import (
	"encoding/json"
	"strings"
	"testing"

	"quell/internal/fake"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/notify/template"
	"quell/routing"
)

// A user's words replace quell's summary and stand behind its details; what cannot be rendered is quell's own. The fake refuses what PagerDuty
// would refuse, for each of the sample incidents.
func TestUsersWordsReplaceOurs(t *testing.T) {
	p, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	var broken []string
	env := notify.Environment{HTTP: notify.NewHTTPClient(), Templates: template.Default(), Broken: func(_ *routing.Delivery, field string, _ error) { broken = append(broken, field) }}
	in := pagerduty.New(notify.PagerDutyConfig{
		RoutingKey: fake.RoutingKey, URL: p.URL(), NoChangeEvents: true, Description: "look: {{ .Incident.Title }}",
		Details: map[string]string{"team": "{{ .CommonLabels.severity }}s", "state": "mine", "broken": "{{ index .Alerts 99 }}"},
	}, env)
	for _, sample := range template.Samples() {
		if sample.Delivery.Action != routing.Trigger {
			continue
		}
		if _, err := in.Notify(t.Context(), sample.Delivery, notify.Sent{}); err != nil {
			t.Errorf("%s: %v", sample.Name, err)
		}
	}
	events := p.Events()
	if len(events) < 4 {
		t.Fatalf("got %d events", len(events))
	}
	for _, e := range events {
		var details map[string]any
		body, err := json.Marshal(e.Payload.Details)
		if err == nil {
			err = json.Unmarshal(body, &details)
		}
		if err != nil || !strings.HasPrefix(e.Payload.Summary, "look: ") || details["team"] == "" || details["state"] != "mine" || details["incident"] == nil || details["broken"] != nil {
			t.Errorf("got summary %q and details %v (%v)", e.Payload.Summary, details, err)
		}
	}
	if len(broken) != len(events) || broken[0] != "details.broken" {
		t.Errorf("got broken fields %v", broken)
	}
}
