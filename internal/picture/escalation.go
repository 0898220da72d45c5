package picture

import (
	"fmt"
	"strings"
	"time"

	"quell/correlate"
)

// escalation tells how far an incident climbed in its policies, and who was told, each line indented by two. It says nothing if nobody was.
func escalation(b *strings.Builder, inc *correlate.Incident) {
	if inc.Escalation == nil {
		return
	}
	for i := range inc.Escalation.Climbs {
		c := &inc.Escalation.Climbs[i]
		fmt.Fprintf(b, "  %s\n", Clean(climb(c)))
		if c.Next != nil {
			fmt.Fprintf(b, "    next is step %d at %s: %s\n", c.NextStep, c.Next.UTC().Format(time.DateTime), Clean(strings.Join(c.Whom, ", ")))
		}
	}
	timeline(b, &correlate.Incident{Opened: inc.Opened, Timeline: entries(inc.Escalation.Log)})
}

// entries shows a log as the timeline is shown. Who was told is no decision of the engine's, so it has no word.
func entries(log []correlate.EscalationEntry) []correlate.TimelineEntry {
	list := make([]correlate.TimelineEntry, len(log))
	for i, e := range log {
		list[i] = correlate.TimelineEntry{At: e.At, Reason: e.Text}
	}
	return list
}

// climb says in a line how far an escalation is.
func climb(c *correlate.Climb) string {
	text := c.Route
	if c.Policy != "" {
		text = "policy " + c.Policy + " over " + c.Route
	}
	text += fmt.Sprintf(": %s, step %d of %d", c.State, c.Step, c.Steps)
	if c.Rounds > 0 {
		text += fmt.Sprintf(", repeated %d of %d times", c.Round, c.Rounds)
	}
	return text
}
