package backtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/routing"
)

// ladder is a policy whose second step is taken at once when the first receiver refuses a page, and else after an hour.
func ladder(t *testing.T) correlate.Policy {
	t.Helper()
	p := policyFor(t, 5*time.Minute)
	c := &routing.Config{
		Route:    &routing.Route{Escalation: "ladder"},
		Policies: []routing.Policy{{Name: "ladder", Steps: []routing.Step{{Receivers: []string{"oncall"}, Wait: time.Hour}, {Receivers: []string{"boss"}}}}},
		Receivers: map[string][]routing.Target{
			"oncall": {{Receiver: "oncall", Type: "pagerduty"}}, "boss": {{Receiver: "boss", Type: "pagerduty"}},
		},
	}
	p.Routing = c.Encode()
	return p
}

// How deliveries ended is told to a run that numbers its incidents otherwise: a page that the first receiver refused went to the next one in both,
// and one that it took did in neither. Without that, or with the journal's own numbers, another run would tell others.
func TestHowDeliveriesEndedIsToldUnderOtherNumbers(t *testing.T) {
	p := ladder(t)
	w := played(t, p)
	w.fate = func(d *correlate.Delivery) {
		if inc, ok := w.engine.Incident(d.Incident, 1); ok && d.Receiver == "oncall" && strings.Contains(string(inc.Roots[0].Entity), "cart") {
			d.Error = "refused"
		}
	}
	// By the new rules this is no symptom, so that all incidents after it have other numbers.
	w.commit(&correlate.Event{ID: "1", Entity: "pod/shop/p-1", Reason: "Scaled", Warning: true, Count: 1, At: w.now, Source: "kubernetes/k"})
	for _, service := range []string{"cart", "search"} {
		w.begin(0, w.alert("HighErrorRate", "namespace", "shop", "service", service, "severity", "warning"))
		w.passUntil(w.now.Add(30 * time.Second))
	}
	w.passUntil(w.now.Add(10 * time.Minute))
	p.Rules = []correlate.RuleFile{{Name: "r.yml", Text: "events: [{reason: [Scaled], meaning: ignore}]\n"}}
	b := &bench{Options: Options{Journal: w.journal(), New: &Setup{Name: "new.yml", Policy: p}}, result: &Result{Counts: make(map[Kind]int)}}
	b.head = b.Journal.Head()
	if err := b.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := b.replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.recorded.book.finish(b.recorded.engine)
	b.new.book.finish(b.new.engine)
	told := func(r *run, service string) (who []string, id correlate.IncidentID) {
		t.Helper()
		for _, c := range r.book.list() {
			if strings.Contains(string(c.Root), service) {
				who, id = append(who, c.Told...), c.Incident
			}
		}
		return who, id
	}
	for service, want := range map[string][]string{"cart": {"oncall/pagerduty[0]", "boss/pagerduty[0]"}, "search": {"oncall/pagerduty[0]"}} {
		before, was := told(b.recorded, service)
		after, is := told(b.new.run, service)
		if !slices.Equal(before, want) || !slices.Equal(after, want) {
			t.Errorf("%s: %v were told, and by the new rules %v, want %v", service, before, after, want)
		}
		if was == is {
			t.Errorf("%s is %s in both runs", service, is)
		}
	}
}
