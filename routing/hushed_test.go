package routing

import (
	"testing"
	"time"

	"quell/correlate"
)

// While all of a paged incident is silenced, its receivers hear only that somebody has it, and that it is over; if a part of it is not
// silenced, they hear as ever.
func TestASilencedIncidentIsToldNoMoreButItsEnd(t *testing.T) {
	for _, c := range []struct {
		decision correlate.Decision
		state    correlate.State
		all      bool
		want     int
	}{
		{correlate.Update, correlate.Escalated, true, 0},
		{correlate.Reroot, correlate.Acknowledged, true, 0},
		{correlate.Merge, correlate.Escalated, true, 0},
		{correlate.Update, correlate.Escalated, false, 3},
		{correlate.Acknowledge, correlate.Acknowledged, true, 3},
		{correlate.Resolve, correlate.Resolved, true, 3},
	} {
		s := newStage(t, router(t), incident(correlate.Escalated, "a"))
		s.decide(correlate.Escalate, correlate.Escalated)
		s.inc.Silenced = &correlate.Silenced{All: c.all}
		if got := s.decide(c.decision, c.state); len(got) != c.want {
			t.Errorf("%s, all silenced %v: got %v", c.decision, c.all, got)
		}
	}
}

// The next step is due at one hour, and a silence lasts for three. Somebody ends it after ninety minutes: the step is taken soon after.
func TestStepsWaitForTheEndOfASilence(t *testing.T) {
	ladder := ladder(t, Step{Receivers: []string{"first"}, Wait: time.Hour}, Step{Receivers: []string{"second"}})
	for over, want := range map[time.Duration]string{3 * time.Hour: "3h0m0s", 90 * time.Minute: "1h30m0s"} {
		s := newStage(t, ladder, incident(correlate.Escalated, "x"))
		s.accepts = true
		s.decide(correlate.Escalate, correlate.Escalated)
		s.inc.Silenced = &correlate.Silenced{All: true, Until: now.Add(3 * time.Hour)}
		s.want("silenced", actions(s.until(over-time.Second)))
		s.restart()
		s.inc.Silenced = nil
		s.want("not any more", actions(s.until(over+hushedFor)), want+" trigger second/pagerduty[0]", want+" trigger second/slack[0]")
	}
}
