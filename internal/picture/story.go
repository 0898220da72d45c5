package picture

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
)

// shownRunnersUp is how many candidates beside the root a story names.
const shownRunnersUp = 3

// Story tells an incident for people: headline, root and why, cascade, timeline, and how it ended. The times of day are UTC, as
// the headline's date is. It ends with a newline.
func Story(inc *correlate.Incident, o Options) string {
	o = o.withDefaults()
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", inc.ID, Clean(inc.Title))
	row(&b, "state", Clean(State(inc)))
	row(&b, "opened", inc.Opened.UTC().Format("2006-01-02 15:04:05 MST"))
	roots(&b, inc)
	row(&b, "symptoms", fmt.Sprintf("%d, %d active, on %d %s", inc.Alerts, inc.Active, inc.MemberCount, entities(inc.MemberCount)))
	if inc.HoldReason != "" {
		row(&b, "hold", Clean(inc.HoldReason))
	}
	if inc.CloseReason != "" {
		row(&b, "end", Clean(inc.CloseReason))
	}
	o.Width -= 2
	indented(&b, "\n", Cascade(inc, o))
	if len(inc.Timeline) > 0 {
		b.WriteByte('\n')
	}
	timeline(&b, inc)
	return b.String()
}

func entities(n int) string {
	if n == 1 {
		return "entity"
	}
	return "entities"
}

func row(b *strings.Builder, name, text string) { fmt.Fprintf(b, "  %-9s %s\n", name, text) }

func roots(b *strings.Builder, inc *correlate.Incident) {
	for k, r := range inc.Roots {
		if k > shownRunnersUp {
			break
		}
		name := ""
		if k == 0 {
			name = "root"
		} else if k == 1 {
			name = "or"
		}
		silent := ""
		if r.Silent {
			silent = ", silent"
		}
		row(b, name, fmt.Sprintf("%s (score %.2f%s): %s", Clean(string(r.Entity)), r.Score, silent, Clean(r.Why)))
	}
}

// timeline lists decisions by the time of day, with the date where the day changes.
func timeline(b *strings.Builder, inc *correlate.Incident) {
	const layout = "2006-01-02"
	day := inc.Opened.UTC().Format(layout)
	for _, t := range inc.Timeline {
		at := t.At.UTC()
		if d := at.Format(layout); d != day {
			day = d
			fmt.Fprintf(b, "  %s\n", day)
		}
		fmt.Fprintf(b, "  %s  %-11s %s\n", at.Format(time.TimeOnly), t.Decision, Clean(t.Reason))
	}
}

// indented writes text with two blanks before each line, and before it what is given, unless there is no text.
func indented(b *strings.Builder, before, text string) {
	if text == "" {
		return
	}
	b.WriteString(before)
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
}

// State tells an incident's state with its times in a few words: "escalated, paged after 5m".
func State(inc *correlate.Incident) string {
	words := []string{inc.State.String()}
	if inc.Escalated != nil {
		words = append(words, "paged after "+Span(inc.Escalated.Sub(inc.Opened)))
	}
	if inc.State == correlate.Held && inc.HeldUntil != nil {
		words = append(words, "pages at "+inc.HeldUntil.UTC().Format("15:04:05"))
	}
	if inc.Acknowledged != nil {
		words = append(words, "acknowledged by "+inc.AckedBy)
	}
	if inc.Closed != nil {
		words = append(words, "over after "+Span(inc.Closed.Sub(inc.Opened)))
	}
	return strings.Join(words, ", ")
}

// Span writes a duration for people, to the second.
func Span(d time.Duration) string { return model.Duration(d.Round(time.Second)).String() }
