package replay

import (
	"time"

	"quell/correlate"
	"quell/routing"
)

// climber carries out the escalation policies of a replay's configuration, for receivers that take all that they get. The zero value has
// no policies and tells nobody anything.
type climber struct {
	engine *correlate.Engine
	steps  *routing.Escalations
}

// newClimber makes one for the routing of a policy.
func newClimber(e *correlate.Engine) climber {
	p := e.Policy()
	if p.Routing == "" {
		return climber{}
	}
	return climber{engine: e, steps: routing.NewEscalations(routing.Compile(&p, routing.Options{StoreID: "replay"}))}
}

// step follows a step of the engine, after what was due before it.
func (c climber) step(at time.Time, effects []correlate.Effect) {
	if c.steps != nil {
		c.take(at, effects)
	}
}

// passUntil does what is due before a time.
func (c climber) passUntil(at time.Time) {
	if c.steps == nil {
		return
	}
	for due, ok := c.steps.Deadline(); ok && due.Before(at); due, ok = c.steps.Deadline() {
		c.take(due, nil)
	}
}

func (c climber) take(at time.Time, effects []correlate.Effect) {
	sent := c.steps.Step(at, effects, func(id correlate.IncidentID) (*correlate.Incident, bool) { return c.engine.Incident(id, 1) })
	c.steps.Hear(routing.Accepted(sent))
}

// view tells where the escalation of an incident stands; nil if nobody was told of it.
func (c climber) view(id correlate.IncidentID) *correlate.Escalation {
	if c.steps == nil {
		return nil
	}
	return c.steps.View(id)
}
