package picture

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"quell/correlate"
)

// outlook writes the numbers by which quell waited as long as it did, if it was not by a rule alone.
func (w *whyText) outlook() {
	o := w.x.Incident.Outlook
	if o == nil {
		return
	}
	w.line("")
	w.line("Until when waiting paid, by what was known at %s", o.At.UTC().Format(time.TimeOnly))
	last := ""
	if o.Age > 0 {
		last = " that lasted " + Span(time.Duration(o.Age))
	}
	w.wrapped("  ", "  ", fmt.Sprintf("Of %.0f like it%s, %s heal within the %s that were left of %s.", o.Cases, last, chance(o.InBudget),
		Span(time.Duration(o.Budget-o.Age)), Span(time.Duration(o.Budget))))
	verdict := "Not even a short wait pays: its cause gets a minute to show."
	if o.Within > 0 {
		verdict = fmt.Sprintf("Waiting pays for %s, in which %s heal", Span(time.Duration(o.Within)), chance(o.Heals))
		if o.Median != nil {
			verdict += fmt.Sprintf(", half of all in %s", Span(time.Duration(*o.Median)))
		}
		verdict += "."
	}
	w.wrapped("  ", "  ", verdict)
	w.wrapped("  ", "  ", fmt.Sprintf("It would pay for all of %s from %s on (%s).", Span(time.Duration(o.Budget)), chance(o.Threshold), o.Rule))
	w.levels(o)
}

// levels lists the classes that the numbers rest on, the most specific first.
func (w *whyText) levels(o *correlate.Outlook) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for k := len(o.Levels) - 1; k >= 0; k-- {
		l := o.Levels[k]
		note := ""
		if l.Class == o.Class {
			note = "enough to decide by"
		}
		_, _ = fmt.Fprintf(t, "  %.1f\t%s\t%s\n", l.Cases, Clean(l.Class), note) // strings.Builder takes all
	}
	_ = t.Flush()
	w.line("  cases seen, those of a month ago counting half:")
	for l := range strings.Lines(b.String()) {
		w.line("%s", strings.TrimRight(l, "\n"))
	}
}

// share is "94 %".
func chance(of float64) string { return fmt.Sprintf("%.0f %%", 100*of) }
