package slack

import (
	"fmt"
	"strings"
	"time"
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
	return "`" + notify.MrkdwnAsItIs(strings.ReplaceAll(notify.Line(string(e), maxNameRunes), "`", "'"), maxNameRunes) + "`"
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

// escape is [notify.Mrkdwn].
func escape(s string, maxRunes int) string { return notify.Mrkdwn(s, maxRunes) }

// fixedWidth shows lines as they are, as many as fit into maxRunes.
func fixedWidth(lines string, maxRunes int) string {
	const fence = "```"
	var b strings.Builder
	room := maxRunes - 2*len(fence) - 2 // and for the line with the ellipsis
	for line := range strings.Lines(strings.ReplaceAll(lines, "`", "'")) {
		line = notify.MrkdwnEscape(line)
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
