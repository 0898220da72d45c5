package routing

import (
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// View tells where the escalation of an incident stands; nil if nobody was told of it.
func (x *Escalations) View(id correlate.IncidentID) *correlate.Escalation {
	e := x.byID[id]
	if e == nil {
		return nil
	}
	v := &correlate.Escalation{Log: slices.Clone(e.Log)}
	for _, c := range e.Climbs {
		if p, ok := x.router.follows(c.Policy, c.Receiver); ok {
			v.Climbs = append(v.Climbs, x.climbView(c, p))
		}
	}
	for _, has := range e.Told {
		if has.Dropped > 0 {
			v.Dropped = append(v.Dropped, correlate.DroppedDeliveries{Target: has.Target.String(), Count: has.Dropped})
		}
	}
	return v
}

func (x *Escalations) climbView(c *climb, p *Policy) correlate.Climb {
	v := correlate.Climb{Policy: c.Policy, Route: c.where(x.router.config, p), Step: c.Taken, Steps: len(p.Steps), Round: c.Round, Rounds: p.Repeats, State: "done"}
	if c.Policy != "" {
		v.Route = c.Route
	}
	switch {
	case c.Acked:
		v.State = "acknowledged"
	case !c.At.IsZero():
		v.State = "running"
		if c.Taken == 0 {
			v.State = "waiting"
		}
		at, next := c.At, min(c.Next, len(p.Steps)-1)
		v.Next, v.NextStep = &at, next+1
		for _, t := range x.router.targets(&p.Steps[next]) {
			v.Whom = append(v.Whom, t.String())
		}
	}
	return v
}

// previewed is how far ahead Preview looks: hours may never begin.
const previewed = 400 * 24 * time.Hour

// Preview tells who is told when of an incident with these labels that escalates at a time, as long as nobody acknowledges it and all
// deliveries arrive.
func (r *Router) Preview(l correlate.Labels, at time.Time) []correlate.EscalationEntry {
	inc := &correlate.Incident{ID: 1, Generation: 1, State: correlate.Escalated, Labels: l}
	// Labels gives these from the root.
	if root := l.Get("quell_root"); root != "" {
		inc.Roots = []correlate.Root{{Entity: topology.Entity(root)}}
	}
	x := NewEscalations(r)
	effects := []correlate.Effect{{Decision: correlate.Escalate, Incident: inc.ID, Generation: inc.Generation}}
	for now, more := at, true; more && now.Before(at.Add(previewed)); now, more = x.Deadline() {
		sent := x.Step(now, effects, func(correlate.IncidentID) (*correlate.Incident, bool) { return inc, true })
		x.Hear(Accepted(sent))
		effects = nil
	}
	return x.View(inc.ID).Log
}

// Accepted are the inputs that tell that deliveries arrived.
func Accepted(sent []Delivery) []correlate.Input {
	var inputs []correlate.Input
	for i := range sent {
		if d := &sent[i]; d.Incident != nil {
			inputs = append(inputs, &correlate.Delivery{
				Incident: d.Incident.ID, Generation: d.Incident.Generation, Receiver: d.Target.Receiver,
				Integration: d.Target.Integration(), Action: string(d.Action),
			})
		}
	}
	return inputs
}
