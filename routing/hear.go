package routing

import (
	"fmt"
	"slices"

	"quell/correlate"
)

// Hear takes note of a step's inputs, before the engine is stepped with them: how deliveries ended, another configuration, and time that
// quell missed. It completes what the engine has to know of withdrawn pages. Other inputs do not concern it.
func (x *Escalations) Hear(inputs []correlate.Input) {
	x.failures = nil
	for _, in := range inputs {
		switch in := in.(type) {
		case *correlate.Policy:
			x.router, x.reconfigured = Compile(in, x.router.opts), true
		case *correlate.Delivery:
			x.heard(in)
		case *correlate.Gap:
			x.missed(in)
		}
	}
}

// heard notes how a page or notice ended.
func (x *Escalations) heard(d *correlate.Delivery) {
	t, e := targetOf(d), x.byID[d.Incident]
	if d.Deferred || d.Superseded || d.Retried != "" {
		if e != nil && e.Generation == d.Generation {
			x.underWay(e, t, d)
			x.changed(d.Incident)
		}
		return
	}
	if action := Action(d.Action); d.Error != "" || action == Trigger || action == Notice {
		f := failure{incident: d.Incident, generation: d.Generation, target: t, action: action, reason: d.Error}
		if e != nil && e.Generation == d.Generation {
			f.receiverFailed = x.ended(e, t, d)
			d.Unseen = d.Action == string(Trigger) && (d.Withdrawn || d.Error != "") && e.Over && e.unseen()
			x.changed(d.Incident)
		}
		if d.Error != "" {
			x.failures = append(x.failures, f)
		}
	}
}

// underWay notes what became of a delivery that may still arrive, or has a successor.
func (x *Escalations) underWay(e *escalation, t Target, d *correlate.Delivery) {
	switch has := e.entry(t); {
	case d.Superseded && has != nil:
		has.Dropped++
	case d.Retried != "":
		if has != nil && has.End == endFailed && d.Action == string(Trigger) {
			has.End = ""
		}
	case d.Deferred:
		x.failures = append(x.failures, failure{
			incident: d.Incident, generation: d.Generation, target: t, action: Action(d.Action), reason: d.Error, waits: true, receiverFailed: x.unreached(e, t),
		})
	}
}

// unreached notes that an integration does not take what climbs wait for, and returns those whose step lost a receiver by it.
func (x *Escalations) unreached(e *escalation, t Target) (failed []*climb) {
	for _, c := range x.took(e, t, false) {
		if !slices.ContainsFunc(c.Awaits, func(other Target) bool { return other.Receiver == t.Receiver }) {
			failed = append(failed, c)
		}
	}
	return failed
}

// took ends the wait for an integration, and, if that accepted it, for its receiver. It returns the climbs that waited.
func (x *Escalations) took(e *escalation, t Target, accepted bool) (waited []*climb) {
	for _, c := range e.Climbs {
		if !slices.Contains(c.Awaits, t) {
			continue
		}
		c.Awaits = slices.DeleteFunc(c.Awaits, func(other Target) bool {
			return other == t || accepted && other.Receiver == t.Receiver
		})
		x.await(c)
		waited = append(waited, c)
	}
	return waited
}

// await sets until when the integrations that a climb waits for have to accept what they were told.
func (x *Escalations) await(c *climb) {
	c.AcceptBy = noTime
	for _, t := range c.Awaits {
		c.AcceptBy = earliest(c.AcceptBy, c.Asked.Add(x.router.deliverWithin(c, t)))
	}
	if len(c.Awaits) == 0 {
		c.Asked = noTime
	}
}

// ended notes the end of a delivery where it was waited for, and returns the climbs whose step lost a receiver by it.
func (x *Escalations) ended(e *escalation, t Target, d *correlate.Delivery) (failed []*climb) {
	end := endAccepted
	switch {
	case d.Withdrawn:
		end = endWithdrawn
	case d.Error != "":
		end = endFailed
	}
	if has := e.entry(t); has != nil && has.Paged && has.End != endAccepted && d.Action == string(Trigger) {
		has.End = end
	}
	if end == endFailed {
		return x.unreached(e, t)
	}
	x.took(e, t, end == endAccepted)
	return nil
}

// unseen reports whether some page was withdrawn, and none arrived or may still arrive.
func (e *escalation) unseen() bool {
	withdrawn := false
	for _, has := range e.Told {
		switch {
		case !has.Paged:
		case has.End == endWithdrawn:
			withdrawn = true
		case has.End != endFailed:
			return false
		}
	}
	return withdrawn
}

// missed gives receivers, and people who could not acknowledge anything while quell was away, some time before what is overdue is done, and what is
// due so soon that their word cannot have arrived.
func (x *Escalations) missed(gap *correlate.Gap) {
	for id, e := range x.byID {
		moved := false
		for _, c := range e.Climbs {
			p, ok := x.router.follows(c.Policy, c.Receiver)
			if !ok {
				continue
			}
			if len(c.Awaits) > 0 {
				c.Asked, moved = gap.To, true
				x.await(c)
			}
			switch soon := gap.To.Add(min(gap.To.Sub(gap.From), p.deliverWithin())); {
			case c.At.IsZero():
			case c.At.Before(gap.To):
				c.At, moved = gap.To.Add(p.deliverWithin()), true
			case c.At.Before(soon) && !c.Waits:
				c.At, moved = soon, true
			}
		}
		if moved {
			e.note(gap.To, fmt.Sprintf("quell saw nothing since %s (%s): what is due gets some time", clock(gap.From), gap.Why))
			x.changed(id)
		}
	}
}
