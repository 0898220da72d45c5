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

// Text writes the digest for a terminal, at most 100 columns wide. Prose is broken into lines, tables are cut.
func (d *Digest) Text(w io.Writer) error {
	var p page
	if d.Empty() {
		p.WriteString(d.Nothing() + "\n") // one line, however wide
	} else {
		p.print("%s", d.title())
		p.wrap("", d.period())
		p.print("")
		for _, h := range d.Highlights {
			p.wrap("- ", h)
		}
		p.figures(d)
		for _, s := range d.sections() {
			p.section(&s)
		}
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

// wrap adds as many lines as a text takes, the first one after a mark and the others below it.
func (p *page) wrap(mark, text string) {
	indent := strings.Repeat(" ", len(mark))
	text = notify.Line(text, 10*textColumns)
	for room := textColumns - len(mark); ; mark = indent {
		if utf8.RuneCountInString(text) <= room {
			p.print("%s", mark+text)
			return
		}
		runes := []rune(text)
		at := room
		for at > room/2 && runes[at] != ' ' {
			at--
		}
		p.print("%s", mark+string(runes[:at]))
		text = strings.TrimLeft(string(runes[at:]), " ")
	}
}

func (p *page) figures(d *Digest) {
	p.print("")
	if d.Past != nil {
		p.print("  %-22s %10s %10s", "", "NOW", "BEFORE")
	}
	for _, r := range d.Headline() {
		p.print("  %-22s %10s %10s", r.Name, r.Value, r.Past)
	}
}

func (p *page) section(s *section) {
	p.print("")
	p.print("%s", s.title)
	if s.intro != "" {
		p.wrap("  ", s.intro)
	}
	widths, heads := make([]int, len(s.columns)), make([]string, len(s.columns))
	for n, c := range s.columns {
		for _, r := range s.rows {
			widths[n] = max(widths[n], utf8.RuneCountInString(r.cells[n].text))
		}
		if widths[n] > 0 {
			heads[n], widths[n] = c.head, max(widths[n], utf8.RuneCountInString(c.head))
		}
	}
	write := func(text func(n int) string) {
		var b strings.Builder
		for n, c := range s.columns {
			switch {
			case widths[n] == 0:
				continue // nothing is compared
			case n == len(s.columns)-1:
				b.WriteString("  " + text(n))
			case c.right:
				fmt.Fprintf(&b, "  %*s", widths[n], text(n))
			default:
				fmt.Fprintf(&b, "  %-*s", widths[n], text(n))
			}
		}
		p.print("%s", b.String())
	}
	if strings.Join(heads, "") != "" {
		write(func(n int) string { return heads[n] })
	}
	for _, r := range s.rows {
		if len(s.columns) == 1 {
			p.wrap("  ", r.cells[0].text)
			continue
		}
		write(func(n int) string { return r.cells[n].text })
		for _, x := range r.details {
			p.wrap(fmt.Sprintf("          %-6s ", x.label), x.text)
		}
	}
	if tail := s.tail(0); tail != "" {
		p.print("  %s", tail)
	}
}
