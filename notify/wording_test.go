package notify

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/routing"
)

// brokenTemplates cannot render anything but what says "fine".
type brokenTemplates struct{ id string }

func (brokenTemplates) Render(f Field, _ *routing.Delivery, externalURL string) (string, error) {
	if f.Text != "fine" {
		return "half of", errors.New("broken")
	}
	return f.Text + " " + externalURL, nil
}

func (b brokenTemplates) ID() string { return b.id }

// A template that fails is told once for each field until the receivers change, and counted each time; what it made is not used.
func TestBrokenTemplateIsToldOnceAndCounted(t *testing.T) {
	var log bytes.Buffer
	env := Environment{}
	integration := func(e Environment) Notifier {
		env = e
		return nil
	}
	cfg := Config{
		ExternalURL: "https://quell.example.com", Templates: brokenTemplates{"1"},
		Receivers: []Receiver{{Name: "team", Slack: []SlackConfig{{Token: "t", Channel: "#a"}}, PagerDuty: []PagerDutyConfig{{RoutingKey: "k", Details: map[string]string{"a": "b"}}}}},
	}
	d, err := NewDispatcher(cfg, Options{
		Results: func(context.Context, Result) error { return nil }, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Integrations: Integrations{
			PagerDuty: func(_ PagerDutyConfig, e Environment) Notifier { return integration(e) },
			Slack:     func(_ SlackConfig, e Environment) Notifier { return integration(e) },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	delivery := &routing.Delivery{Target: routing.Target{Receiver: "team", Type: "slack"}}
	for range 3 {
		if text, ok := env.Words(delivery, Field{Name: "title", Text: "x"}); ok || text != "" {
			t.Errorf("a broken template gives %q, %v", text, ok)
		}
	}
	if text, ok := env.Words(delivery, Field{Name: "text", Text: "fine"}); !ok || text != "fine https://quell.example.com" {
		t.Errorf("a good template gives %q, %v", text, ok)
	}
	if _, ok := env.Words(delivery, Field{Name: "text"}); ok {
		t.Error("a field without a template gives a text")
	}
	if got := strings.Count(log.String(), "field=title"); got != 1 || strings.Contains(log.String(), "field=text") {
		t.Errorf("told %d times:\n%s", got, &log)
	}
	if got := testutil.ToFloat64(d.metrics.templates.WithLabelValues("slack")); got != 3 {
		t.Errorf("counted %v times, want 3", got)
	}

	// The same templates leave integrations as they are; others make them anew, and are told of again.
	for _, id := range []string{"1", "2"} {
		cfg.Templates = brokenTemplates{id}
		if err := d.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
	}
	old := d.integrations[delivery.Target]
	if err := d.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	if d.integrations[delivery.Target] != old {
		t.Error("an integration is replaced though nothing changed")
	}
	env.Words(delivery, Field{Name: "title", Text: "x"})
	if got := strings.Count(log.String(), "field=title"); got != 2 {
		t.Errorf("told %d times:\n%s", got, &log)
	}
}
