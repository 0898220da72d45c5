package routing

import (
	"cmp"
	"time"

	"quell/correlate"
)

// hushedFor is after how long a climb that a silence holds up looks again: somebody may end the silence before its time.
const hushedFor = 5 * time.Minute

// Hushed reports whether receivers are told nothing more of an incident than that somebody has it, and that it is over: all of it is
// silenced, or muted by rules. When that ends, the engine says what is still ill.
func Hushed(inc *correlate.Incident) bool { return inc.Silenced != nil && inc.Silenced.All }

// hush puts off the next step of a climb, since all of the incident is silenced or muted.
func (s *step) hush(e *escalation, c *climb, inc *correlate.Incident) {
	at := s.now.Add(hushedFor)
	if until := inc.Silenced.Until; until.After(s.now) {
		at = earliest(at, until)
	}
	if c.Why != hushedWhy {
		e.note(s.now, c.name()+": "+hushedNote(inc.Silenced))
	}
	c.At, c.Why = at, hushedWhy
}

// hushedNote says what keeps the next step from being taken.
func hushedNote(s *correlate.Silenced) string {
	note := "all of it is " + cmp.Or(s.How, "silenced")
	if s.Until.IsZero() {
		return note + ", waits until that is over"
	}
	return note + ", waits until " + day(s.Until)
}

// hushedWhy is why the step after a silence is taken.
const hushedWhy = "it is no longer muted"
