package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"quell/correlate"
)

// patience are the decisions that tell how long quell waited, and why.
var patience = []correlate.Decision{
	correlate.Hold, correlate.Escalate, correlate.Acknowledge, correlate.Reopen, correlate.Withdraw, correlate.Lost,
}

// shownReasons bounds the symptoms that Why explains one by one.
const shownReasons = 100

// Why explains an incident: how each symptom reaches the root and came to the incident, which other roots there might be, why
// quell waited, and what ended it. It ends with a newline.
func Why(inc *correlate.Incident, o Options) string {
	o = o.withDefaults()
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", inc.ID, Clean(inc.Title))
	b.WriteString("\nWhy this root\n")
	for k, r := range inc.Roots {
		mark := "root"
		if k > 0 {
			mark = "not"
		}
		silent := ""
		if r.Silent {
			silent = ", silent"
		}
		fmt.Fprintf(&b, "  %-5s %s (score %.2f%s): %s\n", mark, Clean(string(r.Entity)), r.Score, silent, Clean(r.Why))
	}
	b.WriteString("\nWhy these symptoms\n")
	reasons(&b, inc, o)
	b.WriteString("\nWhy it was held or paged\n")
	brief := *inc
	brief.Timeline = slices.DeleteFunc(slices.Clone(inc.Timeline), func(t correlate.TimelineEntry) bool {
		return !slices.Contains(patience, t.Decision)
	})
	timeline(&b, &brief)
	b.WriteString("\nWhat ended it\n")
	fmt.Fprintf(&b, "  %s\n", Clean(cmp.Or(inc.CloseReason, "nothing yet: "+stillActive(inc))))
	return b.String()
}

func stillActive(inc *correlate.Incident) string {
	if inc.Active == 0 {
		return "all symptoms cleared, and must stay clear for a while"
	}
	return fmt.Sprintf("%d of %d symptoms are active", inc.Active, inc.Alerts)
}

// reasons lists the symptoms, those on the root first, with the way that trouble took.
func reasons(b *strings.Builder, inc *correlate.Incident, o Options) {
	strokes := o.strokes()
	list := make([]*correlate.SymptomView, len(inc.Symptoms))
	for i := range inc.Symptoms {
		list[i] = &inc.Symptoms[i]
	}
	slices.SortStableFunc(list, func(x, y *correlate.SymptomView) int {
		// No path comes after the longest one.
		return cmp.Compare(uint(len(x.Path)-1), uint(len(y.Path)-1))
	})
	for _, s := range list[:min(len(list), shownReasons)] {
		fmt.Fprintf(b, "  %s on %s, %s: %s\n", Clean(s.Name), Clean(string(s.Entity)), s.State, Clean(s.Why))
		if len(s.Path) < 2 {
			continue
		}
		b.WriteString("      " + Clean(string(s.Path[0].Entity)))
		for _, step := range s.Path[1:] {
			fmt.Fprintf(b, "%s%s%s%s", strokes.arc, Clean(step.Type), strokes.arc, Clean(string(step.Entity)))
		}
		b.WriteByte('\n')
	}
	if more := len(list) - shownReasons; more > 0 {
		fmt.Fprintf(b, "  %s and %d more (-o json shows all)\n", strokes.more, more)
	}
}
