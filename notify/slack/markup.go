package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/notify"
)

// section shows markup. Verbatim keeps Slack from making links and mentions of what only looks like it.
func section(markup string) api.Block {
	return api.NewSectionBlock(api.NewTextBlockObject(api.MarkdownType, markup, false, true), nil, nil)
}

// small shows markup in small print.
func small(markup string) api.Block {
	return api.NewContextBlock("", api.NewTextBlockObject(api.MarkdownType, markup, false, true))
}

// entity shows an id in fixed width, where no markup counts. A backtick within would end that early.
func entity(e topology.Entity) string {
	if e == "" {
		return "`?`"
	}
	return "`" + cutEscaped(strings.ReplaceAll(notify.Line(string(e), maxNameRunes), "`", "'"), maxNameRunes) + "`"
}

// date shows a moment in the reader's own time zone, and in UTC where that cannot be.
func date(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// timeOfDay is date without the day.
func timeOfDay(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return fmt.Sprintf("<!date^%d^{time_secs}|%s>", t.Unix(), t.UTC().Format("15:04:05 UTC"))
}

// escape makes one line of Slack's markup out of text from outside, in which nothing is a link, a mention or a format: at most maxRunes
// runes, counted after escaping as Slack does, and never cut within an escape.
func escape(s string, maxRunes int) string {
	line := []rune(notify.Line(s, maxRunes))
	for k, r := range line {
		line[k] = harmless(line, k, r)
	}
	text := string(line)
	if strings.HasPrefix(text, ">") {
		text = "\u200b" + text // at the beginning of a line it would be a quotation
	}
	return cutEscaped(text, maxRunes)
}

// harmless returns a rune's look-alike if it could begin a format there: Slack knows no escape for these. Within a word they are no markup,
// so that names like node_exporter stay as they are.
func harmless(line []rune, k int, r rune) rune {
	if r == '`' {
		return '\''
	}
	like, ok := map[rune]rune{'*': '∗', '_': 'ˍ', '~': '∼'}[r]
	if !ok || k > 0 && (unicode.IsLetter(line[k-1]) || unicode.IsDigit(line[k-1])) {
		return r
	}
	return like
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// cutEscaped escapes the three characters that Slack's markup is made of, in at most maxRunes runes of what comes out.
func cutEscaped(line string, maxRunes int) string {
	if whole := escaper.Replace(line); utf8.RuneCountInString(whole) <= maxRunes {
		return whole
	}
	var b strings.Builder
	room := maxRunes - 1 // For the ellipsis.
	for _, r := range line {
		piece := escaper.Replace(string(r))
		if room -= utf8.RuneCountInString(piece); room < 0 {
			break
		}
		b.WriteString(piece)
	}
	return b.String() + "…"
}

// fixedWidth shows lines as they are, as many as fit into maxRunes.
func fixedWidth(lines string, maxRunes int) string {
	const fence = "```"
	var b strings.Builder
	room := maxRunes - 2*len(fence) - 2 // and for the line with the ellipsis
	for line := range strings.Lines(strings.ReplaceAll(lines, "`", "'")) {
		line = escaper.Replace(line)
		if room -= utf8.RuneCountInString(line); room < 0 {
			b.WriteString("…\n")
			break
		}
		b.WriteString(line)
	}
	return fence + strings.TrimRight(b.String(), "\n") + fence
}

// joined puts lines under each other until there is no room for more, and counts the rest.
func joined(lines []string, maxRunes int) string {
	const tail = 24 // "… and 1234567 more"
	var b strings.Builder
	room := maxRunes - tail
	for n, line := range lines {
		if room -= utf8.RuneCountInString(line) + 1; room < 0 {
			fmt.Fprintf(&b, "… and %d more", len(lines)-n)
			break
		}
		b.WriteString(line + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// linksText leads to what symptoms name. Of links that read the same the first is shown: symptoms are in order of their age.
func linksText(i *correlate.Incident) string {
	var text []string
	seen := make(map[string]bool)
	room := maxLinksRunes
	for _, l := range notify.Links(i, "") {
		shown := link(l)
		if seen[l.Text] {
			continue
		}
		if room -= utf8.RuneCountInString(shown) + 3; room < 0 {
			break
		}
		seen[l.Text] = true
		text = append(text, shown)
	}
	return strings.Join(text, " · ")
}

// link is markup for an address that is checked and encoded already.
func link(l notify.Link) string {
	return fmt.Sprintf("<%s|%s>", strings.ReplaceAll(l.Href, "&", "&amp;"), escape(strings.ReplaceAll(l.Text, "|", " "), maxNameRunes))
}
