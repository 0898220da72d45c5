package correlate

import (
	"fmt"
	"testing"
	"time"

	"quell/correlate/topology"
)

// TestFlappingGathersNoTimers lets one alert come and go for a day and counts timers: what comes and goes must not leave something
// behind each time.
func TestFlappingGathersNoTimers(t *testing.T) {
	for _, severity := range []string{"warning", "info"} {
		t.Run(severity, func(t *testing.T) {
			e, err := New(compileTest, Policy{})
			if err != nil {
				t.Fatal(err)
			}
			now := start
			for range 24 * 60 {
				a := &Alert{Labels: LabelsOf("alertname", "Flap", "quell_entity", "pod/a", "severity", severity), StartsAt: now, Source: "prometheus/x"}
				a.Fingerprint = a.Labels.Fingerprint()
				e.Step(now, []Input{a})
				gone := *a
				gone.EndsAt = now.Add(30 * time.Second)
				e.Step(gone.EndsAt, []Input{&gone})
				now = now.Add(time.Minute)
			}
			if n := len(e.timers); n > 100 {
				t.Errorf("%d timers after a day of one flapping alert", n)
			}
		})
	}
}

// TestEventsBeyondTheLimitLeaveNothing sends events of ever new pods to an engine that has no room for symptoms.
func TestEventsBeyondTheLimitLeaveNothing(t *testing.T) {
	e, err := New(compileTest, Policy{MaxSymptoms: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		ev := &Event{Entity: topology.Entity(fmt.Sprintf("pod/p%d", i)), Reason: "BackOff", Warning: true, At: start, Source: "kubernetes/x"}
		e.Step(start.Add(time.Duration(i)*time.Millisecond), []Input{ev})
	}
	if n, _ := e.graph.Len(); n > 10 {
		t.Errorf("the graph keeps %d entities of symptoms that it had no room for", n)
	}
}

// TestNeverTimesOutOnceThePolicySaysSo gives an alert a time-out and then a policy without any.
func TestNeverTimesOutOnceThePolicySaysSo(t *testing.T) {
	e, err := New(compileTest, Policy{AlertTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	a := &Alert{Labels: LabelsOf("alertname", "Down", "quell_entity", "pod/a"), StartsAt: start, Source: "alertmanager/x"}
	a.Fingerprint = a.Labels.Fingerprint()
	e.Step(start, []Input{a})
	e.Step(start.Add(time.Minute), []Input{&Policy{AlertTimeout: -1}})
	e.Step(start.Add(2*time.Hour), nil)
	if f := e.Figures(); f.Active != 1 || f.Lost != 0 {
		t.Errorf("%d alerts active and %d lost, want the one active", f.Active, f.Lost)
	}
}
