package notify

import (
	"cmp"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/routing"
)

// StateAfter is an incident's state once a delivery is heard of.
func StateAfter(d *routing.Delivery) correlate.State {
	state := d.Incident.State
	switch {
	case d.Action == routing.Resolve && state.Open():
		return correlate.Resolved
	case d.Action == routing.Acknowledge && state == correlate.Escalated:
		return correlate.Acknowledged
	}
	return state
}

// Standing is that state as one word for people, the same at all receivers: "Escalated", "Healed". It is "Lost", and not "Resolved", if
// nobody reported on the incident any more.
func Standing(d *routing.Delivery) string {
	i := d.Incident
	state := StateAfter(d)
	if state.Open() && i.Silenced != nil && i.Silenced.All {
		if how := i.Silenced.How; how != "" && how != "silenced" {
			return "Muted"
		}
		return "Silenced"
	}
	switch state {
	case correlate.Held:
		return "Held"
	case correlate.Acknowledged:
		return "Acknowledged"
	case correlate.SelfHealed:
		return "Healed"
	case correlate.Resolved:
		if g := generation(i); g != nil && g.End == honesty.LostReport {
			return "Lost"
		}
		return "Resolved"
	case correlate.Merged:
		return "Merged"
	}
	if i.Generation > 1 {
		return "Escalated again"
	}
	return "Escalated"
}

// Began is when the present life of an incident did, or the one that ended last.
func Began(i *correlate.Incident) time.Time {
	if g := generation(i); g != nil && !g.Opened.IsZero() {
		return g.Opened
	}
	return i.Opened
}

// Lasted is how long the trouble of that life was there; it is false while it is. The settle time is no trouble, and does not count.
func Lasted(i *correlate.Incident) (time.Duration, bool) {
	end, began := cmp.Or(i.Recovered, i.Closed), Began(i)
	if end == nil || end.Before(began) {
		return 0, false
	}
	return end.Sub(began), true
}

// generation is the present life of an incident, or the one that ended last; nil if it is not known.
func generation(i *correlate.Incident) *honesty.Generation {
	if len(i.Generations) == 0 {
		return nil
	}
	return &i.Generations[len(i.Generations)-1]
}
