package routing

import (
	"time"

	"quell/correlate"
)

// lookAfterWell is how soon a climb whose step is due while all is well looks again: trouble may come back before that counts as the end,
// which for what flaps takes an hour.
const lookAfterWell = time.Minute

// illAgainWhy is why a step is taken that was due while all was well.
const illAgainWhy = "it was well for a while, came back, and nobody has acknowledged it"

// waitWhileWell puts off the step of a climb that is due, and reports true, if all of the incident has recovered: whoever is woken would find
// nothing to do. It does so for one recovery only. What comes back meanwhile is told at the next look, however it is by then; else what
// flaps could be well at every look.
func (s *step) waitWhileWell(e *escalation, c *climb, inc *correlate.Incident) bool {
	if inc.Recovered == nil || !c.Well.IsZero() && !c.Well.Equal(*inc.Recovered) {
		return false
	}
	if c.Well.IsZero() {
		c.Well = *inc.Recovered
		e.note(s.now, c.name()+": all of it recovered at "+clock(c.Well)+", waits whether that lasts")
	}
	c.At, c.Why = s.now.Add(lookAfterWell), illAgainWhy
	return true
}
