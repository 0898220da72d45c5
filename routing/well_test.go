package routing

import (
	"testing"
	"time"

	"quell/correlate"
)

// Somebody was paged, and the second page is due at an hour. By then all has recovered, but flaps, so the incident is open: nobody is woken for
// what is well. If it comes back the page follows, also if it is well again when that is looked at.
func TestStepsWaitWhileAllIsWell(t *testing.T) {
	ladder := ladder(t, Step{Receivers: []string{"first"}, Wait: time.Hour}, Step{Receivers: []string{"second"}})
	recovered, again := now.Add(50*time.Minute), now.Add(100*time.Minute)
	for what, later := range map[string]*time.Time{"ill again": nil, "ill again, and well again": &again} {
		s := newStage(t, ladder, incident(correlate.Escalated, "x"))
		s.accepts = true
		s.decide(correlate.Escalate, correlate.Escalated)
		s.inc.Recovered = &recovered
		s.want("well", actions(s.until(99*time.Minute)))
		s.restart()
		s.inc.Recovered = later
		s.want(what, actions(s.until(101*time.Minute)), "1h40m0s trigger second/pagerduty[0]", "1h40m0s trigger second/slack[0]")
	}
}

// A step that waited for a recovery to last does not keep the next one from waiting for another recovery.
func TestEachStepWaitsForItsOwnRecovery(t *testing.T) {
	ladder := ladder(t, Step{Receivers: []string{"team"}, Wait: time.Hour}, Step{Receivers: []string{"first"}, Wait: time.Hour}, Step{Receivers: []string{"second"}})
	s := newStage(t, ladder, incident(correlate.Escalated, "x"))
	s.accepts = true
	s.decide(correlate.Escalate, correlate.Escalated)
	first, second := now.Add(59*time.Minute), now.Add(110*time.Minute)
	s.inc.Recovered = &first
	s.want("well", actions(s.until(64*time.Minute)))
	s.inc.Recovered = nil
	s.want("ill again", actions(s.until(66*time.Minute)), "1h5m0s trigger first/pagerduty[0]")
	s.inc.Recovered = &second
	s.want("well again", actions(s.until(4*time.Hour)))
}
