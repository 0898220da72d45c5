package digest

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	api "github.com/slack-go/slack"

	"quell/notify"
)

// Limits of Block Kit in runes, counted after escaping, and ours for single values within them. Ours are chosen so that
// every line fits a section with room to spare, and that all sections together stay below the some 13,000 runes at which
// Slack refuses a message (msg_blocks_too_long; the limit is not documented, so this is a cautious guess).
const (
	slackHeaderRunes  = 150
	slackSectionRunes = 3000
	slackNameRunes    = 120
	slackReasonRunes  = 300
	// slackTailRunes is kept free in a section for what it says about the lines that it has no room for.
	slackTailRunes = 100
)

// Slack returns the digest as [quell/routing.Delivery.Digest] has it: an object with a text for notifications and the
// blocks of the message. It lists as much as Slack takes and counts the rest.
func (d *Digest) Slack() json.RawMessage {
	title := slackEscape(d.title(), slackHeaderRunes)
	blocks := []api.Block{api.NewHeaderBlock(api.NewTextBlockObject(api.PlainTextType, title, false, false))}
	text := nothing
	if !d.Empty() {
		text = fmt.Sprintf("*%s.* %s", d.avoided(), d.summary())
	}
	for _, s := range []string{d.period() + "\n" + text, d.slackClasses(), d.slackPaged(), d.slackLost()} {
		if s != "" {
			// Verbatim keeps Slack from making links and mentions of what only looks like it.
			blocks = append(blocks, api.NewSectionBlock(api.NewTextBlockObject(api.MarkdownType, s, false, true), nil, nil))
		}
	}
	b, err := json.Marshal(struct {
		Text   string      `json:"text"`
		Blocks []api.Block `json:"blocks"`
	}{title + ": " + text, blocks})
	if err != nil {
		panic("digest: blocks cannot be encoded: " + err.Error()) // They hold strings and booleans only.
	}
	return b
}

func (d *Digest) slackClasses() string {
	lines := make([]string, len(d.Classes))
	for n := range d.Classes {
		c := &d.Classes[n]
		lines[n] = fmt.Sprintf("• *%d×* %s: median %s, p90 %s, longest %s", c.Count, slackEscape(c.Class, slackNameRunes),
			span(c.MedianSeconds), span(c.P90Seconds), span(c.LongestSeconds))
		if len(c.Roots) > 0 {
			lines[n] += "\n    roots: " + c.rootList(slackEntity)
		}
		if c.Cause != "" {
			lines[n] += "\n    cause: " + slackEscape(c.Cause, slackReasonRunes)
		}
		lines[n] += fmt.Sprintf("\n    e.g. %s %s", c.Example.slackLink(), slackEscape(c.Example.named(), slackNameRunes))
		if by := c.healer(); by != "" {
			lines[n] += "\n    healer: " + slackEscape(by, slackReasonRunes)
		}
	}
	text, shown := slackList("*Healed by itself*", lines)
	others := d.Others
	for _, c := range d.Classes[shown:] {
		others.Incidents += c.Count
		others.Classes++
	}
	return withTail(text, others.String())
}

func (d *Digest) slackPaged() string {
	lines := make([]string, len(d.Paged))
	for n, i := range d.Paged {
		lines[n] = fmt.Sprintf("• %s %s: %s, paged %s, lasted %s", i.slackLink(), slackEscape(i.named(), slackNameRunes),
			i.Ending, moment(i.Paged), span(i.LastedSeconds))
	}
	text, shown := slackList("*Paged*", lines)
	return withTail(text, andMore(d.MorePaged+len(lines)-shown))
}

func (d *Digest) slackLost() string {
	lines := make([]string, len(d.Lost))
	for n, i := range d.Lost {
		lines[n] = fmt.Sprintf("• %s %s: opened %s, given up %s, %s", i.slackLink(), slackEscape(i.named(), slackNameRunes),
			moment(i.Opened), moment(i.Closed), plural(i.Alerts, "alert"))
	}
	text, shown := slackList("*Lost*: nobody reported on them any more, so whether they healed is unknown", lines)
	return withTail(text, andMore(d.MoreLost+len(lines)-shown))
}

// slackList puts lines below a heading, as many as one section takes; no lines, no text.
func slackList(heading string, lines []string) (text string, shown int) {
	if len(lines) == 0 {
		return "", 0
	}
	var b strings.Builder
	b.WriteString(heading)
	room := slackSectionRunes - slackTailRunes - utf8.RuneCountInString(heading)
	for n, l := range lines {
		if room -= utf8.RuneCountInString(l) + 1; room < 0 {
			return b.String(), n
		}
		b.WriteString("\n" + l)
	}
	return b.String(), len(lines)
}

// withTail adds what is left to say about a list, if there is any.
func withTail(text, tail string) string {
	if tail == "" {
		return text
	}
	return text + "\n" + tail
}

// slackLink is the incident's id. Its address is encoded already, all but what Slack's own escaping is for.
func (r *Reference) slackLink() string {
	if r.URL == "" {
		return r.ID.String()
	}
	return fmt.Sprintf("<%s|%s>", strings.ReplaceAll(r.URL, "&", "&amp;"), r.ID)
}

// slackEntity shows an id in fixed width. A backtick within would end that early.
func slackEntity(entity string) string {
	return "`" + slackEscape(strings.ReplaceAll(entity, "`", "'"), slackNameRunes) + "`"
}

var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackEscape makes one line of at most maxRunes of Slack's markup. A line that escaping makes too long is cut so short
// that it fits even if every rune of it becomes five.
func slackEscape(s string, maxRunes int) string {
	if whole := slackEscaper.Replace(notify.Line(s, maxRunes)); utf8.RuneCountInString(whole) <= maxRunes {
		return whole
	}
	return slackEscaper.Replace(notify.Line(s, maxRunes/5))
}
