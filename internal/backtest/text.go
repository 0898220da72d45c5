package backtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"quell/internal/english"
)

// WriteJSON writes the result as one JSON object.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// shown bounds how many differences of one kind a report tells one by one; JSON has all of them.
const shown = 50

// WriteText writes the result for people at a terminal.
func (r *Result) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) } // a write error comes back from Flush
	p("%s\n%s\n\n", r.verdict(), r.scope())
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(t, "\told\tnew\t\t\n")
	for _, row := range r.rows() {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", row[0], row[1], row[2], row[3])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, k := range Kinds() {
		r.writeKind(p, k)
	}
	if len(r.Notes) > 0 {
		p("\nWhat people did that found nothing to be done to under the new rules:\n")
		for _, n := range r.Notes {
			p("  %s  %s\n", moment(n.At), n.text())
		}
		if r.NotesLeft > 0 {
			p("  and %d more\n", r.NotesLeft)
		}
	}
	if len(r.Caveats) > 0 {
		p("\nWhat is uncertain:\n")
		for _, c := range r.Caveats {
			p("  %s\n", c)
		}
	}
	return out.Flush()
}

// writeKind tells the differences of one kind.
func (r *Result) writeKind(p func(string, ...any), k Kind) {
	total := r.Counts[k]
	if total == 0 {
		return
	}
	p("\n%s\n", strings.ToUpper(k.words(total)[:1])+k.words(total)[1:])
	n := 0
	for i := range r.Differences {
		d := &r.Differences[i]
		if d.Kind != k {
			continue
		}
		if n++; n > shown {
			p("  and %d more; -o json has all of them\n", total-shown)
			return
		}
		p("  %s  %s\n", moment(d.At), d.headline())
		for _, line := range d.lines() {
			p("      %s\n", line)
		}
	}
}

// lines tell what happened before and after.
func (d *Difference) lines() []string {
	lines := []string{"old: " + d.told(d.Old, d.New)}
	for _, why := range d.Old.reasons() {
		lines = append(lines, "     "+why)
	}
	lines = append(lines, "new: "+d.told(d.New, d.Old))
	for _, why := range d.New.reasons() {
		lines = append(lines, "     "+why)
	}
	return lines
}

// told tells the story of a case; where there is none, that it is a part of another.
func (d *Difference) told(c, counterpart *Case) string {
	if c == nil && counterpart != nil && d.Part != nil {
		return fmt.Sprintf("a part of %s (%s)", d.Part.Incident, d.Part.story())
	}
	return c.story()
}

// text tells a note.
func (n *Note) text() string {
	if n.Incident == 0 {
		return fmt.Sprintf("%s: %s", n.What, n.Why)
	}
	return fmt.Sprintf("%s (%s then): %s", n.What, n.Incident, n.Why)
}

// verdict is the whole result in one line.
func (r *Result) verdict() string {
	var parts []string
	for _, k := range Kinds() {
		if n := r.Counts[k]; n > 0 {
			parts = append(parts, k.words(n))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%s pages as %s does.", r.New, r.Old)
	}
	return fmt.Sprintf("%s instead of %s: %s.", r.New, r.Old, strings.Join(parts, ", "))
}

// scope says what was replayed.
func (r *Result) scope() string {
	text := fmt.Sprintf("%s: %s and %s in %s, %s to %s (%s).", r.Journal, english.Count(r.Alerts, "alert"), english.Count(r.Events, "event"), english.Count(r.Records, "record"),
		moment(r.Since), moment(r.End), span(r.End.Sub(r.Since)))
	if warm := r.Since.Sub(r.Begin); warm > 0 {
		text += fmt.Sprintf(" The %s before that warmed up.", span(warm))
	}
	return text
}

// rows are the figures: what, old, new, and by how much it changes.
func (r *Result) rows() [][4]string {
	o, n := &r.Figures.Old, &r.Figures.New
	number := func(name string, old, now int) [4]string {
		change := ""
		if now != old {
			change = fmt.Sprintf("%+d", now-old)
		}
		return [4]string{name, fmt.Sprint(old), fmt.Sprint(now), change}
	}
	rows := [][4]string{
		number("incidents", o.Incidents, n.Incidents),
		number("pages", o.Pages, n.Pages),
		number("  that somebody took on", o.Needed, n.Needed),
		number("  for what healed by itself", o.Unneeded, n.Unneeded),
		number("real trouble that paged nobody", o.Missed, n.Missed),
	}
	delay := [4]string{"mean delay of pages that were needed", span(seconds(o.DelaySeconds)), span(seconds(n.DelaySeconds)), ""}
	if by := seconds(n.DelaySeconds - o.DelaySeconds).Round(time.Second); by > 0 {
		delay[3] = "+" + span(by)
	} else if by < 0 {
		delay[3] = "-" + span(by)
	}
	rows = append(rows, delay, number("notices", o.Notices, n.Notices), number("holds in which it healed", o.Healed, n.Healed),
		number("false suppressions", o.Suppression.False, n.Suppression.False))
	return rows
}
