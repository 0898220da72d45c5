package digest

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the digest in CommonMark with GitHub's tables.
func (d *Digest) Markdown(w io.Writer) error {
	var b strings.Builder
	if d.Empty() {
		b.WriteString(markdown(d.Nothing()) + "\n")
	} else {
		fmt.Fprintf(&b, "# %s\n\n%s\n\n", markdown(d.title()), markdown(d.period()))
		for _, h := range d.Highlights {
			fmt.Fprintf(&b, "- %s\n", markdown(h))
		}
		d.markdownFigures(&b)
		for _, s := range d.sections() {
			s.markdown(&b)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write digest as Markdown: %w", err)
	}
	return nil
}

func (d *Digest) markdownFigures(b *strings.Builder) {
	if d.Past == nil {
		b.WriteString("\n| | Now |\n|---|---:|\n")
	} else {
		b.WriteString("\n| | Now | Before |\n|---|---:|---:|\n")
	}
	for _, r := range d.Headline() {
		fmt.Fprintf(b, "| %s | %s |", r.Name, r.Value)
		if d.Past != nil {
			fmt.Fprintf(b, " %s |", r.Past)
		}
		b.WriteString("\n")
	}
}

// markdown writes a table if that can hold all of it, else a list.
func (s *section) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", s.title)
	if s.intro != "" {
		b.WriteString(s.intro + "\n\n")
	}
	if s.tabular() {
		s.markdownTable(b)
	} else {
		for n := range s.rows {
			b.WriteString("- " + s.line(&s.rows[n], markdownCell) + "\n")
			for _, x := range s.rows[n].details {
				fmt.Fprintf(b, "  - %s: %s\n", x.label, markdownDetail(x.cell))
			}
		}
	}
	if tail := s.tail(0); tail != "" {
		fmt.Fprintf(b, "\n%s\n", tail)
	}
}

func (s *section) markdownTable(b *strings.Builder) {
	b.WriteString("|")
	rule := "|"
	for _, c := range s.columns {
		head := strings.ToLower(c.head)
		if head != "" {
			head = strings.ToUpper(head[:1]) + head[1:]
		}
		b.WriteString(" " + head + " |")
		if c.right {
			rule += "---:|"
		} else {
			rule += "---|"
		}
	}
	b.WriteString("\n" + rule + "\n")
	for _, r := range s.rows {
		b.WriteString("|")
		for _, c := range r.cells {
			b.WriteString(" " + markdownCell(c) + " |")
		}
		b.WriteString("\n")
	}
}

// markdownCell is a cell in Markdown: one that names an incident alone is a link to it. Its address is encoded already, and angle brackets
// keep parentheses in it.
func markdownCell(c cell) string {
	if c.ref == nil || c.ref.URL == "" {
		return markdown(c.text)
	}
	return fmt.Sprintf("[%s](<%s>)", markdown(c.text), c.ref.URL)
}

// markdownDetail is one below a row, of which only the incident's id is the link.
func markdownDetail(c cell) string {
	if c.ref == nil {
		return markdown(c.text)
	}
	return markdownCell(link(c.ref)) + " " + markdown(c.ref.named())
}

// markdownEscaper writes what has a meaning in Markdown as character references where a backslash would not do: a pipe
// ends a table's cell before anything else is read, and not every reader agrees on a backslash before it. The last two keep
// addresses from becoming links.
var markdownEscaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", `\`, "&#92;", "`", "&#96;",
	"*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`, "#", `\#`, "!", `\!`,
	"://", `:\//`, "www.", `www\.`,
)

// markdown makes text out of a line that has been cut to its length already.
func markdown(s string) string { return markdownEscaper.Replace(s) }
