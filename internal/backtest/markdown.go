package backtest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

const (
	// markdownShown bounds the differences of one kind that a summary tells one by one, and markdownMax its bytes: GitHub refuses a comment
	// of more than 65,536 characters.
	markdownShown, markdownMax = 20, 60_000
	// reasonMax bounds a reason in it.
	reasonMax = 300
)

// WriteMarkdown writes a summary for a pull request: the figures, and the differences by kinds in parts that unfold. It has at most
// 60,000 bytes.
func (r *Result) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### quell backtest: %s\n\n%s\n\n", escape(r.verdict()), escape(r.scope()))
	b.WriteString("| | old | new | |\n| --- | ---: | ---: | ---: |\n")
	for _, row := range r.rows() {
		name := strings.ReplaceAll(row[0], "  ", "&nbsp;&nbsp;")
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, row[1], row[2], row[3])
	}
	left := 0
	for _, k := range Kinds() {
		left += r.markdownKind(&b, k)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%d more differences are not told here: `quell backtest -o json` has all of them.\n", left)
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>%d things that people did find nothing to be done to under the new rules</summary>\n\n", len(r.Notes)+r.NotesLeft)
		for i := range r.Notes[:min(len(r.Notes), markdownShown)] {
			fmt.Fprintf(&b, "- %s: %s\n", moment(r.Notes[i].At), cut(escape(r.Notes[i].text())))
		}
		b.WriteString("\n</details>\n")
	}
	for _, c := range r.Caveats {
		fmt.Fprintf(&b, "\n> %s\n", cut(escape(c)))
	}
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(b.String()) // a write error comes back from Flush
	return out.Flush()
}

// markdownKind tells the differences of a kind, as long as there is room, and returns how many it left out.
func (r *Result) markdownKind(b *strings.Builder, k Kind) (left int) {
	total := r.Counts[k]
	if total == 0 {
		return 0
	}
	open := ""
	if k == Missed {
		open = " open" // nobody should have to look for these
	}
	fmt.Fprintf(b, "\n<details%s><summary>%s</summary>\n\n", open, escape(k.words(total)))
	told := 0
	for i := range r.Differences {
		d := &r.Differences[i]
		if d.Kind != k {
			continue
		}
		text := d.markdown()
		if told == markdownShown || b.Len()+len(text) > markdownMax-12_000 {
			break
		}
		told++
		b.WriteString(text)
	}
	b.WriteString("\n</details>\n")
	return total - told
}

// markdown is a difference as an item of a list.
func (d *Difference) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s** %s\n", moment(d.At), cut(escape(d.headline())))
	for _, line := range d.lines() {
		indent := "  - "
		if strings.HasPrefix(line, " ") {
			indent = "    - "
		}
		fmt.Fprintf(&b, "%s%s\n", indent, cut(escape(strings.TrimSpace(line))))
	}
	return b.String()
}

// escape keeps names that people gave to things from being read as Markdown or HTML, or from calling somebody.
func escape(s string) string {
	return strings.NewReplacer(
		"\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "|", "\\|", "#", "\\#",
		"@", "@\u200b", "\n", " ", "\r", " ", "~", "\\~",
	).Replace(s)
}

// cut bounds a text, at a rune.
func cut(s string) string {
	if len(s) <= reasonMax {
		return s
	}
	return strings.ToValidUTF8(s[:reasonMax], "") + "…"
}
