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
	slackMessageRunes = 11_500
	slackNameRunes    = 120
	slackReasonRunes  = 300
	// slackTailRunes is kept free in a section for what it says about the lines that it has no room for, slackTitleRunes for a title with
	// its introduction.
	slackTailRunes  = 100
	slackTitleRunes = 250
)

// Slack returns the digest as an object with a text for notifications and the blocks of the message. It lists as much as Slack takes, and
// as people read in a chat, and counts the rest.
func (d *Digest) Slack() json.RawMessage {
	m := slackMessage{room: slackMessageRunes}
	text := notify.Mrkdwn(d.Nothing(), slackSectionRunes)
	if d.Empty() {
		m.section(text)
	} else {
		title := notify.Mrkdwn(d.title(), slackHeaderRunes)
		m.blocks = append(m.blocks, api.NewHeaderBlock(api.NewTextBlockObject(api.PlainTextType, title, false, false)))
		lines := []string{notify.Mrkdwn(d.period(), 2*slackReasonRunes)}
		for _, h := range d.Highlights {
			lines = append(lines, "• "+notify.Mrkdwn(h, slackReasonRunes))
		}
		m.section(strings.Join(lines, "\n"))
		m.figures(d)
		for _, s := range d.sections() {
			m.section(s.slack(min(m.room, slackSectionRunes)))
		}
		text = title + ": " + notify.Mrkdwn(d.Highlights[0], slackReasonRunes)
	}
	b, err := json.Marshal(struct {
		Text   string      `json:"text"`
		Blocks []api.Block `json:"blocks"`
	}{text, m.blocks})
	if err != nil {
		panic("digest: blocks cannot be encoded: " + err.Error()) // They hold strings and booleans only.
	}
	return b
}

// slackMessage collects blocks; room is how many runes it may still have.
type slackMessage struct {
	blocks []api.Block
	room   int
}

// section adds a block of text, if there is any.
func (m *slackMessage) section(text string) {
	if text != "" {
		m.room -= utf8.RuneCountInString(text)
		m.blocks = append(m.blocks, api.NewSectionBlock(slackText(text), nil, nil))
	}
}

// figures adds the headline, in two columns.
func (m *slackMessage) figures(d *Digest) {
	var fields []*api.TextBlockObject
	for _, r := range d.Headline() {
		text := "*" + r.Name + "*\n" + r.Value
		if r.Past != "" {
			text += " (" + r.Past + " before)"
		}
		m.room -= utf8.RuneCountInString(text)
		fields = append(fields, slackText(text))
	}
	m.blocks = append(m.blocks, api.NewSectionBlock(nil, fields, nil))
}

// slackText is mrkdwn. Verbatim keeps Slack from making links and mentions of what only looks like it.
func slackText(text string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.MarkdownType, text, false, true)
}

// slack writes a section of at most so many runes. Where not even its title has room, it says nothing: the rest of the digest says more.
func (s *section) slack(room int) string {
	heading := "*" + s.title + "*"
	if s.intro != "" {
		heading += ": " + notify.Mrkdwn(s.intro, slackReasonRunes)
	}
	if room < slackTitleRunes+slackTailRunes {
		return ""
	}
	lines := make([]string, min(len(s.rows), s.few))
	for n := range lines {
		r := &s.rows[n]
		lines[n] = "• " + s.line(r, slackCell)
		for _, x := range r.details {
			lines[n] += "\n    " + x.label + ": " + slackDetail(x.cell)
		}
	}
	text, shown := slackList(heading, lines, room)
	if tail := s.tail(len(s.rows) - shown); tail != "" {
		text += "\n" + tail
	}
	return text
}

// slackList puts lines below a heading, as many as there is room for.
func slackList(heading string, lines []string, room int) (text string, shown int) {
	var b strings.Builder
	b.WriteString(heading)
	room -= slackTailRunes + utf8.RuneCountInString(heading)
	for n, l := range lines {
		if room -= utf8.RuneCountInString(l) + 1; room < 0 {
			return b.String(), n
		}
		b.WriteString("\n" + l)
	}
	return b.String(), len(lines)
}

// slackCell is a cell in mrkdwn: one that names an incident is a link to it.
func slackCell(c cell) string {
	if c.ref == nil || c.ref.URL == "" {
		return notify.Mrkdwn(c.text, slackReasonRunes)
	}
	return c.ref.slackLink()
}

// slackDetail is one below a line, of which only the incident's id is the link.
func slackDetail(c cell) string {
	if c.ref == nil {
		return notify.Mrkdwn(c.text, slackReasonRunes)
	}
	return c.ref.slackLink() + " " + notify.Mrkdwn(c.ref.named(), slackNameRunes)
}

// slackLink is the incident's id. Its address is encoded already, all but what Slack's own escaping is for.
func (r *Reference) slackLink() string {
	if r.URL == "" {
		return r.ID.String()
	}
	return fmt.Sprintf("<%s|%s>", strings.ReplaceAll(r.URL, "&", "&amp;"), r.ID)
}
