package correlate

import (
	"fmt"

	"quell/internal/english"
)

// command carries out what an operator asks for. Callers answer operators from [Engine.Allows] before.
func (e *Engine) command(c *Command) {
	if e.Allows(c) != nil {
		return
	}
	i := e.incidents[c.Incident]
	by := c.By
	if by == "" {
		by = "an operator"
	}
	switch c.Action {
	case ActionAck:
		why := "acknowledged by " + by
		if i.state == Acknowledged {
			why = "acknowledgement renewed by " + by
		}
		e.acknowledge(i, c.By, why, 0)
	case ActionResolve:
		i.byHand = true
		e.close(i, Resolved, fmt.Sprintf("resolved by %s with %s still active", by, english.Count(i.active, "symptom")))
	}
}

// Allows says why a command cannot be carried out, or nil if it can.
func (e *Engine) Allows(c *Command) error {
	i := e.incidents[c.Incident]
	switch {
	case c.Action != ActionAck && c.Action != ActionResolve:
		return fmt.Errorf("unknown action %q (ack and resolve are known)", c.Action)
	case i == nil:
		return fmt.Errorf("no open incident %s", c.Incident)
	case c.Generation != 0 && c.Generation != i.generation:
		return fmt.Errorf("incident %s was reopened since: the answer is to its life %d, and this is %d", c.Incident, c.Generation, i.generation)
	case !i.state.Open():
		return fmt.Errorf("incident %s is %s already", c.Incident, i.state)
	case c.Action == ActionAck && i.state == Acknowledged && i.taken.Until == 0: // else it is renewed
		return fmt.Errorf("incident %s was acknowledged by %s already", c.Incident, i.ackedBy)
	}
	return nil
}
