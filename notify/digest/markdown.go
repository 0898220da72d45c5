package digest

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the digest in CommonMark with GitHub's tables.
func (d *Digest) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", markdown(d.title()), d.period())
	if d.Empty() {
		b.WriteString(nothing + "\n")
	} else {
		fmt.Fprintf(&b, "**%s.** %s\n", d.avoided(), d.summary())
		d.markdownClasses(&b)
		d.markdownPaged(&b)
		d.markdownLost(&b)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write digest as Markdown: %w", err)
	}
	return nil
}

func (d *Digest) markdownClasses(b *strings.Builder) {
	if len(d.Classes) == 0 {
		return
	}
	b.WriteString("\n## Healed by itself\n\n")
	b.WriteString("| Count | Median | p90 | Longest | Class | Roots | Cause | Example | Healed by |\n")
	b.WriteString("|---:|---:|---:|---:|---|---|---|---|---|\n")
	for n := range d.Classes {
		c := &d.Classes[n]
		fmt.Fprintf(b, "| %d | %s | %s | %s | %s | %s | %s | %s %s | %s |\n", c.Count, span(c.MedianSeconds), span(c.P90Seconds), span(c.LongestSeconds),
			markdown(c.Class), c.rootList(markdown), markdown(c.Cause), c.Example.markdownLink(), markdown(c.Example.named()), markdown(c.healer()))
	}
	markdownNote(b, d.Others.String())
}

func (d *Digest) markdownPaged(b *strings.Builder) {
	if len(d.Paged) == 0 {
		return
	}
	b.WriteString("\n## Paged\n\n| Incident | Paged | Lasted | Ending | Title |\n|---|---|---:|---|---|\n")
	for _, i := range d.Paged {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", i.markdownLink(), moment(i.Paged), span(i.LastedSeconds), i.Ending, markdown(i.named()))
	}
	markdownNote(b, andMore(d.MorePaged))
}

func (d *Digest) markdownLost(b *strings.Builder) {
	if len(d.Lost) == 0 {
		return
	}
	b.WriteString("\n## Lost\n\nNobody reported on these any more, so whether they healed is unknown.\n\n")
	b.WriteString("| Incident | Opened | Given up | Alerts | Title |\n|---|---|---|---:|---|\n")
	for _, i := range d.Lost {
		fmt.Fprintf(b, "| %s | %s | %s | %d | %s |\n", i.markdownLink(), moment(i.Opened), moment(i.Closed), i.Alerts, markdown(i.named()))
	}
	markdownNote(b, andMore(d.MoreLost))
}

// markdownNote adds a paragraph, if there is anything to say.
func markdownNote(b *strings.Builder, s string) {
	if s != "" {
		fmt.Fprintf(b, "\n%s\n", s)
	}
}

// markdownLink is the incident's id. Its address is encoded already, and angle brackets keep parentheses in it.
func (r *Reference) markdownLink() string {
	if r.URL == "" {
		return r.ID.String()
	}
	return fmt.Sprintf("[%s](<%s>)", r.ID, r.URL)
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
