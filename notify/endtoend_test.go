package notify_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake"
	"quell/internal/fake/dice"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/notify/slack"
	"quell/routing"
)

// Cases 27, 29, 30, 35 over real sockets: incidents come and go while both providers answer errors, cut connections
// after they took a request, and ask for patience. In the end there was at most one page for each incident, none is left
// open, and the channel shows each incident once, as resolved.
func TestProvidersSeeEachIncidentOnceWhateverFails(t *testing.T) {
	pd, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pd.Close() }()
	sl, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sl.Close() }()
	var mu sync.Mutex
	r := dice.New(t)
	faulty := func(int, string) fake.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch r.IntN(10) {
		case 0:
			return fake.Fault{Status: 500}
		case 1, 2:
			return fake.Fault{DropAnswer: true}
		case 3:
			return fake.Fault{Status: 503, RetryAfter: "0"}
		}
		return fake.Fault{}
	}
	pd.SetFault(faulty)
	sl.SetFault(faulty)

	var ends sync.WaitGroup
	d, err := notify.NewDispatcher(notify.Config{
		Receivers: []notify.Receiver{{
			Name:      "oncall",
			PagerDuty: []notify.PagerDutyConfig{{RoutingKey: fake.RoutingKey, URL: pd.URL()}},
			Slack:     []notify.SlackConfig{{Token: "xoxb-1", Channel: "#ops", APIURL: sl.APIURL()}},
		}},
		MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, RatePerMinute: 1_000_000,
	}, notify.Options{
		Integrations: notify.Integrations{PagerDuty: pagerduty.New, Slack: slack.New},
		Results: func(_ context.Context, r notify.Result) error {
			if r.Err != nil {
				t.Errorf("delivery %d to %v: %v", r.Delivery.ID, r.Delivery.Target, r.Err)
			}
			ends.Done()
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	enqueueLives(d, &ends)
	ends.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkPages(t, pd)
	checkMessages(t, sl)
}

func checkPages(t *testing.T, pd *fake.PagerDuty) {
	t.Helper()
	pages := make(map[string]int)
	for _, i := range pd.Incidents() {
		pages[i.Key]++
		if pages[i.Key] > 1 || i.Resolved.IsZero() {
			t.Errorf("page %d of %s, resolved at %v, want one that is resolved", pages[i.Key], i.Key, i.Resolved)
		}
	}
	if len(pages) < 20 {
		t.Errorf("%d pages, want at least the 20 that had arrived", len(pages))
	}
}

func checkMessages(t *testing.T, sl *fake.Slack) {
	t.Helper()
	shown := make(map[string]int)
	for _, m := range sl.Messages() {
		if m.ThreadTS != "" {
			continue
		}
		key := fmt.Sprint(m.Metadata.EventPayload["key"])
		if shown[key]++; shown[key] > 1 || !strings.Contains(m.Text, "Resolved") {
			t.Errorf("message %d of %s says %q, want one that says Resolved", shown[key], key, m.Text)
		}
	}
	if len(shown) < 20 {
		t.Errorf("%d messages, want at least the 20 that had arrived", len(shown))
	}
}

// enqueueLives enqueues forty incidents' lives. The first half's triggers have arrived before anything follows them; the
// other half's may be overtaken by their resolves.
func enqueueLives(d *notify.Dispatcher, ends *sync.WaitGroup) {
	id := uint64(0)
	enqueue := func(action routing.Action, from, to int) {
		for n := from; n < to; n++ {
			for _, kind := range []string{"pagerduty", "slack"} {
				id++
				ends.Add(1)
				d.Enqueue(routing.Delivery{
					ID: id, Action: action, Key: fmt.Sprint("inc-", n), Target: routing.Target{Receiver: "oncall", Type: kind},
					Incident: &correlate.Incident{ID: correlate.IncidentID(n + 1), State: correlate.Escalated, Title: "t", Opened: time.Now()},
					Created:  time.Now(), Expires: time.Now().Add(time.Hour),
				})
			}
		}
	}
	enqueue(routing.Trigger, 0, 20)
	ends.Wait()
	enqueue(routing.Trigger, 20, 40)
	for _, action := range []routing.Action{routing.Update, routing.Acknowledge, routing.Update, routing.Resolve} {
		enqueue(action, 0, 40)
	}
}
