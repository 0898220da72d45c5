package correlate

import (
	"fmt"
	"strings"
	"time"
)

// story is a world told to people. A nil story tells nothing.
type story struct{ out strings.Builder }

func (y *story) line(at time.Time, format string, args ...any) {
	fmt.Fprintf(&y.out, "%9s %s\n", at.Sub(start).Round(time.Second/10), fmt.Sprintf(format, args...))
}

// world tells what there is and what befalls it.
func (y *story) world(w *world) {
	fmt.Fprintf(&y.out, "World %d: %d nodes in %d zones, %d services on %d pods, holds %s, settles %s.\n",
		w.seed, len(w.nodes), len(w.zones), len(w.services), len(w.pods), w.policy.Hold, w.policy.Settle)
	for _, e := range w.truth {
		if e.Type != "in_namespace" {
			fmt.Fprintf(&y.out, "  %s %s %s\n", e.From, e.Type, e.To)
		}
	}
	for _, f := range w.faults {
		fmt.Fprintf(&y.out, "Fault %d, %s: %s", f.number, f.kind, f.root)
		for _, t := range f.times {
			to := "for good"
			if t.to < horizon {
				to = "to " + t.to.String()
			}
			fmt.Fprintf(&y.out, ", from %s %s", t.from, to)
		}
		fmt.Fprintf(&y.out, "; reaches %v\n", f.victims)
	}
	y.out.WriteByte('\n')
}

func (y *story) inputs(at time.Time, inputs []Input, faults map[Input][]int) {
	if y == nil {
		return
	}
	for _, in := range inputs {
		text := tell(in)
		if f := faults[in]; len(f) > 0 {
			text += fmt.Sprintf("  (fault %v)", f)
		}
		y.line(at, "  %s", text)
	}
}

// tell puts an input into words.
func tell(in Input) string {
	switch in := in.(type) {
	case *Alert:
		text := "alert"
		if in.Resolved() {
			text = "resolved"
		}
		return fmt.Sprintf("%s %s since %s from %s", text, in.Labels, in.StartsAt.Sub(start).Round(time.Second), in.Source)
	case *Event:
		return fmt.Sprintf("event %s of %s, number %d, at %s: %s", in.Reason, in.Entity, in.Count, in.At.Sub(start).Round(time.Second), in.Message)
	case *Refresh:
		return fmt.Sprintf("%s reports %v again", in.Source, in.Alerts)
	case *Topology:
		text := fmt.Sprintf("topology from %s: %d dependencies", in.Source, len(in.Edges))
		if len(in.Edges) < 4 {
			text += fmt.Sprint(" ", in.Edges)
		}
		if len(in.RemoveEdges)+len(in.RemoveEntities) > 0 {
			text += fmt.Sprint(", without ", in.RemoveEdges, in.RemoveEntities)
		}
		return text
	case *Command:
		return fmt.Sprintf("%s asks to %s %s", in.By, in.Action, in.Incident)
	case *Delivery:
		return fmt.Sprintf("page of %s delivered %s", in.Incident, in.Error)
	case *Gap:
		return fmt.Sprintf("quell was down from %s to %s", in.From.Sub(start), in.To.Sub(start))
	case *Policy:
		return fmt.Sprintf("policy: holds %s, settles %s", in.Hold, in.Settle)
	}
	return fmt.Sprintf("%T", in)
}

func (y *story) effects(effects []Effect) {
	if y == nil {
		return
	}
	for _, f := range effects {
		root := ""
		if len(f.Roots) > 0 {
			root = " [" + string(f.Roots[0].Entity) + "]"
		}
		y.line(f.At, "→ %s %s%s: %s", f.Decision, f.Incident, root, f.Reason)
	}
}
