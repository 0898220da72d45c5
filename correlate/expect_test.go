package correlate

import (
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// expectedFor is how long the rule of these tests expects trouble after a rollout.
const expectedFor = 10 * time.Minute

// compileExpect makes a rule by which Broken is expected after rollouts, unless it is critical.
func compileExpect(*Policy) (Rules, error) {
	rule := &ExpectRule{Reasons: []string{"Rollout"}, Kinds: []string{"deployment"}, For: expectedFor, NotFor: SeverityCritical, Why: "rule rollouts"}
	return worldRules{mutes: &muteRules{expect: []expectRule{{rule, labels.Matchers{equal("alertname", "Broken")}}}}}, nil
}

// TestExpectationHoldsToTheNanosecond plays an alert and a change at times around all that an expectation depends on: when its time is over, when the
// hold is, and when the change was, by its own word. The engine is stored and loaded after each step.
func TestExpectationHoldsToTheNanosecond(t *testing.T) {
	const hold, ns = time.Minute, time.Nanosecond
	rollout := func(was, told time.Duration) expectStep { return expectStep{told, toldChange("Rollout", was)} }
	begins := func(at time.Duration, severity string) expectStep {
		l := LabelsOf("alertname", "Broken", "quell_entity", "deployment/s/d", "severity", severity)
		return expectStep{at, &Alert{Fingerprint: l.Fingerprint(), Labels: l, StartsAt: start.Add(at), Source: "alertmanager/a"}}
	}
	for _, c := range []struct {
		name  string
		steps []expectStep
		pages time.Duration
	}{
		{"the hold ends just before it", []expectStep{rollout(0, 0), begins(expectedFor-hold-ns, "warning")}, expectedFor},
		{"the hold ends with it", []expectStep{rollout(0, 0), begins(expectedFor-hold, "warning")}, expectedFor},
		{"the hold ends just after it", []expectStep{rollout(0, 0), begins(expectedFor-hold+ns, "warning")}, expectedFor + ns},
		{"a change as the alert begins", []expectStep{begins(0, "warning"), rollout(0, 0)}, expectedFor},
		{"a change at the end of the slack", []expectStep{begins(0, "warning"), rollout(5*time.Second, 5*time.Second)}, expectedFor + 5*time.Second},
		{"a change just after the slack", []expectStep{begins(0, "warning"), rollout(5*time.Second+ns, 5*time.Second+ns)}, hold},
		{"told late, in time", []expectStep{begins(time.Minute, "warning"), rollout(0, 2*time.Minute-ns)}, expectedFor},
		{"told after the page", []expectStep{begins(time.Minute, "warning"), rollout(0, 2*time.Minute+ns)}, 2 * time.Minute},
		{"told twice", []expectStep{rollout(0, 0), begins(0, "warning"), rollout(0, 9*time.Minute)}, expectedFor},
		{"told twice after the other one", []expectStep{rollout(0, 0), rollout(time.Minute, time.Minute), begins(2*time.Minute, "warning"), rollout(0, 8*time.Minute)}, expectedFor + time.Minute},
		{"out of order", []expectStep{rollout(4*time.Minute, 4*time.Minute), rollout(time.Minute, 5*time.Minute), begins(6*time.Minute, "warning")}, expectedFor + 4*time.Minute},
		{"a later change, after the alert began", []expectStep{rollout(0, 0), begins(time.Minute, "warning"), rollout(5*time.Minute, 5*time.Minute)}, expectedFor},
		{"error is below critical", []expectStep{rollout(0, 0), begins(0, "error")}, expectedFor},
		{"critical is not expected", []expectStep{rollout(0, 0), begins(0, "critical")}, hold},
		{"another change", []expectStep{{0, toldChange("Restart", 0)}, begins(0, "warning")}, hold},
	} {
		t.Run(c.name, func(t *testing.T) {
			if at := playExpectation(t, hold, c.steps); at != c.pages {
				t.Errorf("pages at %v, want %v", at, c.pages)
			}
		})
	}
}

// expectStep is something that quell hears at a time.
type expectStep struct {
	at time.Duration
	in Input
}

// toldChange is an event that tells of a change that was at a time.
func toldChange(reason string, was time.Duration) *Event {
	return &Event{Entity: "deployment/s/d", Reason: reason, Message: was.String(), ID: was.String(), Component: ChangeComponent, At: start.Add(was), Count: 1, Source: "kubernetes/k"}
}

// playExpectation is when the only incident is paged.
func playExpectation(t *testing.T, hold time.Duration, steps []expectStep) (paged time.Duration) {
	t.Helper()
	e, err := New(compileExpect, Policy{Hold: hold, HoldThreshold: -1, AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	rows := newRowStore()
	step := func(at time.Time, inputs ...Input) {
		for _, f := range e.Step(at, inputs) {
			if f.Decision == Escalate {
				paged = at.Sub(start)
			}
		}
		rows.take(e)
		if e, err = Load(compileExpect, rows.all()); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range steps {
		for due, ok := e.Deadline(); ok && !due.After(start.Add(s.at)); due, ok = e.Deadline() {
			step(due)
		}
		step(start.Add(s.at), s.in)
	}
	for due, ok := e.Deadline(); ok && paged == 0 && due.Before(start.Add(time.Hour)); due, ok = e.Deadline() {
		step(due)
	}
	return paged
}
