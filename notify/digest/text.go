package digest

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"quell/notify"
)

// textColumns is how wide a terminal may be expected to be. Longer lines are cut off, in runes: a rune that a terminal
// draws twice as wide counts once.
const textColumns = 100

// Text writes the digest for a terminal, at most 100 columns wide.
func (d *Digest) Text(w io.Writer) error {
	var p page
	p.print("%s", d.title())
	p.print("%s", d.period())
	p.print("")
	if d.Empty() {
		p.print(nothing)
	} else {
		d.textFigures(&p)
		d.textClasses(&p)
		d.textPaged(&p)
		d.textLost(&p)
	}
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("write digest as text: %w", err)
	}
	return nil
}

// page collects lines.
type page struct{ strings.Builder }

// print adds a line of at most textColumns.
func (p *page) print(format string, args ...any) {
	p.WriteString(strings.TrimRight(notify.Line(fmt.Sprintf(format, args...), textColumns), " "))
	p.WriteByte('\n')
}

// note adds an indented line, if there is anything to say.
func (p *page) note(s string) {
	if s != "" {
		p.print("  %s", s)
	}
}

func (d *Digest) textFigures(p *page) {
	f := d.Figures
	p.print("  %-22s %6d", "Pages avoided", f.PagesAvoided)
	p.print("  %-22s %6d", "Alerts", f.Alerts)
	p.print("  %-22s %6d  %d opened in this period", "Incidents", f.Incidents, f.Opened)
	p.print("    %-20s %6d", "healed by itself", f.SelfHealed)
	p.print("    %-20s %6d", "cleared after page", f.ClearedAfterPage)
	p.print("    %-20s %6d", "resolved by hand", f.ResolvedByHand)
	p.print("    %-20s %6d  state unknown", "lost", f.Lost)
	p.print("    %-20s %6d", "still open", f.StillOpen)
	p.print("  %-22s %6d  %d in this period, %d before it", "Paged", f.Paged+f.PagedBefore, f.Paged, f.PagedBefore)
}

func (d *Digest) textClasses(p *page) {
	if len(d.Classes) == 0 {
		return
	}
	p.print("")
	p.print("Healed by itself")
	const row = "  %6s  %8s  %8s  %8s  %s"
	p.print(row, "COUNT", "MEDIAN", "P90", "LONGEST", "CLASS")
	for n := range d.Classes {
		c := &d.Classes[n]
		p.print(row, fmt.Sprint(c.Count), span(c.MedianSeconds), span(c.P90Seconds), span(c.LongestSeconds), c.Class)
		if len(c.Roots) > 0 {
			p.print("          roots  %s", c.rootList(func(entity string) string { return entity }))
		}
		if c.Cause != "" {
			p.print("          cause  %s", c.Cause)
		}
		p.print("          e.g.   %s %s", c.Example.ID, c.Example.named())
		if by := c.healer(); by != "" {
			p.print("          healer %s", by)
		}
	}
	p.note(d.Others.String())
}

func (d *Digest) textPaged(p *page) {
	if len(d.Paged) == 0 {
		return
	}
	p.print("")
	p.print("Paged")
	row := fmt.Sprintf("  %%-%ds  %%-16s  %%8s  %%-11s  %%s", idColumns(d.Paged, func(i Page) Reference { return i.Reference }))
	p.print(row, "INCIDENT", "PAGED", "LASTED", "ENDING", "TITLE")
	for _, i := range d.Paged {
		p.print(row, i.ID, moment(i.Paged), span(i.LastedSeconds), i.Ending, i.named())
	}
	p.note(andMore(d.MorePaged))
}

func (d *Digest) textLost(p *page) {
	if len(d.Lost) == 0 {
		return
	}
	p.print("")
	p.print("Lost: nobody reported on them any more, so whether they healed is unknown")
	row := fmt.Sprintf("  %%-%ds  %%-16s  %%-16s  %%6s  %%s", idColumns(d.Lost, func(i Loss) Reference { return i.Reference }))
	p.print(row, "INCIDENT", "OPENED", "GIVEN UP", "ALERTS", "TITLE")
	for _, i := range d.Lost {
		p.print(row, i.ID, moment(i.Opened), moment(i.Closed), fmt.Sprint(i.Alerts), i.named())
	}
	p.note(andMore(d.MoreLost))
}

// idColumns is how wide a column of incident ids has to be, with its heading.
func idColumns[T any](list []T, ref func(T) Reference) int {
	columns := len("INCIDENT")
	for _, i := range list {
		columns = max(columns, utf8.RuneCountInString(ref(i).ID.String()))
	}
	return columns
}
