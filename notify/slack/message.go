package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/notify"
	"quell/routing"
)

// Limits of Block Kit, and ours for single values within them. Ours are chosen so that a section of fixed shape is
// always within its limit, and so is one line of a list.
const (
	maxBlocks       = 50
	maxSectionRunes = 3000
	maxHeaderRunes  = 150
	maxNameRunes    = 250
	maxReasonRunes  = 700
	maxPathRunes    = 800
	maxSaidRunes    = 400
	maxShownMembers = 8
	// maxDetailRunes keeps a message's blocks together below what Slack takes (msg_blocks_too_long; undocumented,
	// users report some 13,000 characters).
	maxDetailRunes = 10_000
)

// message is one message before it is sent. All its text is in Slack's markup already: escaped, within the limits.
type message struct {
	// text is what notifications show, and all there is if Slack refuses the blocks.
	text   string
	blocks []api.Block
	// key is the dedup key for the metadata; empty in threads.
	key string
}

// options are the arguments of a call. Nothing is unfurled, and no name or address in the text becomes a link.
func (m *message) options() api.MsgOption {
	return api.MsgOptionCompose(m.plain(), api.MsgOptionBlocks(m.blocks...))
}

// plain are the same arguments without blocks; those of an earlier version go.
func (m *message) plain() api.MsgOption {
	all := []api.MsgOption{
		api.MsgOptionText(m.text, false), api.MsgOptionBlocks(), api.MsgOptionParse(false),
		api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl(),
	}
	if m.key != "" {
		all = append(all, api.MsgOptionMetadata(api.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": m.key}}))
	}
	return api.MsgOptionCompose(all...)
}

// incidentMessage is the message in the channel as it should be after a delivery.
func incidentMessage(d *routing.Delivery, externalURL string) message {
	i := d.Incident
	headline := headline(d)
	sections := []string{rootText(i), affectedText(i), timesText(i)}
	if said := saidText(i); said != "" {
		sections = append(sections, said)
	}
	if d.Reason != "" {
		sections = append(sections, "*Why now* "+escape(d.Reason, maxReasonRunes))
	}
	m := message{text: headline + "\n" + strings.Join(sections[:2], "\n")}
	m.blocks = append(m.blocks, api.NewHeaderBlock(api.NewTextBlockObject(api.PlainTextType, headline, false, false)))
	for _, s := range sections {
		m.blocks = append(m.blocks, section(s))
	}
	if links := linksText(notify.Links(i, externalURL)); links != "" {
		m.blocks = append(m.blocks, section(links))
	}
	return m
}

// threadMessage is what a delivery adds below the message: all details of a new incident, one line of news later.
func threadMessage(d *routing.Delivery) message {
	if d.Action == routing.Trigger {
		return detailMessage(d.Incident)
	}
	emoji, word := badge(d)
	if d.Action == routing.Update {
		emoji, word = "🔄", "Update"
	}
	line := fmt.Sprintf("%s *%s*", emoji, word)
	if by := d.Incident.AckedBy; d.Action == routing.Acknowledge && by != "" {
		line += " by " + escape(by, maxNameRunes)
	}
	if d.Reason != "" {
		line += ": " + escape(d.Reason, maxReasonRunes)
	}
	return message{text: line, blocks: []api.Block{section(line)}}
}

// detailMessage lists symptoms with their paths and reasons, then the runners-up, as far as there is room.
func detailMessage(i *correlate.Incident) message {
	lines := make([]string, 0, len(i.Symptoms)+len(i.Roots)+1)
	lines = append(lines, fmt.Sprintf("*Symptoms* (%d)", max(i.Alerts, len(i.Symptoms))))
	for n := range i.Symptoms {
		lines = append(lines, symptomText(&i.Symptoms[n]))
	}
	if len(i.Roots) > 1 {
		lines = append(lines, "*Other candidates*")
		for _, r := range i.Roots[1:] {
			lines = append(lines, fmt.Sprintf("• %s (score %.2f) %s", entity(r.Entity), r.Score, escape(r.Why, maxReasonRunes)))
		}
	}
	m := message{text: lines[0]}
	for _, s := range pack(lines) {
		m.blocks = append(m.blocks, section(s))
	}
	return m
}

func symptomText(s *correlate.SymptomView) string {
	text := fmt.Sprintf("• %s %s (%s, %s since %s)", entity(s.Entity), escape(s.Name, maxNameRunes), s.Severity, escape(s.State, 20), clock(s.Since))
	if len(s.Path) > 1 {
		text += "\n    path: " + escape(notify.Chain(s.Path, maxPathRunes), maxPathRunes)
	}
	if s.Why != "" {
		text += "\n    why: " + escape(s.Why, maxReasonRunes)
	}
	return text
}

// operatorMessage is what quell says about itself.
func operatorMessage(d *routing.Delivery) message {
	const title = "🚨 quell needs attention"
	body := escape(d.Text, maxSectionRunes)
	m := message{text: title + ": " + body, blocks: []api.Block{api.NewHeaderBlock(api.NewTextBlockObject(api.PlainTextType, title, false, false))}}
	if body != "" {
		m.blocks = append(m.blocks, section(body))
	}
	return m
}

// digestMessage passes on what the digest's author made; it is ours, so it is escaped already.
func digestMessage(d *routing.Delivery) (message, error) {
	var body struct {
		Text   string     `json:"text"`
		Blocks api.Blocks `json:"blocks"`
	}
	if err := json.Unmarshal(d.Digest, &body); err != nil {
		return message{}, &notify.RejectedError{Reason: "request", Text: "the digest cannot be read"}
	}
	blocks := body.Blocks.BlockSet
	return message{text: body.Text, blocks: blocks[:min(len(blocks), maxBlocks)]}, nil
}

// headline is state, title and severity.
func headline(d *routing.Delivery) string {
	emoji, word := badge(d)
	head := fmt.Sprintf("%s %s: ", emoji, word)
	tail := fmt.Sprintf(" [%s]", d.Incident.Severity)
	return head + escape(d.Incident.Title, maxHeaderRunes-utf8.RuneCountInString(head+tail)) + tail
}

// badge is an incident's state after a delivery, for the eye and for screen readers.
func badge(d *routing.Delivery) (emoji, word string) {
	state := d.Incident.State
	switch {
	case d.Action == routing.Resolve && state.Open():
		state = correlate.Resolved
	case d.Action == routing.Acknowledge && state == correlate.Escalated:
		state = correlate.Acknowledged
	}
	switch state {
	case correlate.Held:
		return "⏳", "Held"
	case correlate.SelfHealed:
		return "✅", "Healed"
	case correlate.Resolved:
		return "✅", "Resolved"
	case correlate.Acknowledged:
		return "👀", "Acknowledged"
	case correlate.Merged:
		return "🔗", "Merged"
	}
	return "🔴", "Escalated"
}

func rootText(i *correlate.Incident) string {
	if len(i.Roots) == 0 {
		return "*Root cause* unknown"
	}
	r := i.Roots[0]
	silent := ""
	if r.Silent {
		silent = ", silent"
	}
	text := fmt.Sprintf("*Root cause* %s (score %.2f%s)", entity(r.Entity), r.Score, silent)
	if r.Why != "" {
		text += "\n" + escape(r.Why, maxReasonRunes)
	}
	return text
}

func affectedText(i *correlate.Incident) string {
	total := max(i.MemberCount, len(i.Members))
	text := fmt.Sprintf("*Affected* %d entities, %d alerts of which %d active", total, i.Alerts, i.Active)
	shown := i.Members[:min(len(i.Members), maxShownMembers)]
	for n, m := range shown {
		if n == 0 {
			text += "\n" + entity(m)
		} else {
			text += ", " + entity(m)
		}
	}
	if more := total - len(shown); more > 0 && len(shown) > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// saidText is what the symptoms say, or empty if they say nothing.
func saidText(i *correlate.Incident) string {
	var lines []string
	for _, said := range notify.Said(i) {
		line := "• " + escape(said.Text, maxSaidRunes)
		if said.Times > 1 {
			line += fmt.Sprintf(" (%d times)", said.Times)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return ""
	}
	return "*Symptoms say*\n" + strings.Join(lines, "\n")
}

func timesText(i *correlate.Incident) string {
	text := "*Since* " + clock(i.Opened)
	if i.HoldReason != "" {
		text += "\n*Hold* " + escape(i.HoldReason, maxReasonRunes)
	}
	if i.Acknowledged != nil {
		text += fmt.Sprintf("\n*Acknowledged* %s by %s", clock(*i.Acknowledged), escape(i.AckedBy, maxNameRunes))
	}
	if i.Closed != nil {
		text += fmt.Sprintf("\n*Closed* %s %s", clock(*i.Closed), escape(i.CloseReason, maxReasonRunes))
	}
	return text
}

// linksText makes links of addresses that are checked and encoded already.
func linksText(links []notify.Link) string {
	var text []string
	room := maxSectionRunes
	for _, l := range links {
		link := fmt.Sprintf("<%s|%s>", strings.ReplaceAll(l.Href, "&", "&amp;"), escape(strings.ReplaceAll(l.Text, "|", " "), maxNameRunes))
		if room -= utf8.RuneCountInString(link) + 3; room < 0 {
			break
		}
		text = append(text, link)
	}
	return strings.Join(text, " · ")
}

// pack joins lines to sections until there is no room for more. A line by itself is always shorter than a section.
func pack(lines []string) (sections []string) {
	room, last := maxDetailRunes, ""
	for n, line := range lines {
		if room -= utf8.RuneCountInString(line) + 1; room < 0 {
			return append(sections, last, fmt.Sprintf("… and %d more", len(lines)-n))
		}
		joined := strings.TrimPrefix(last+"\n"+line, "\n")
		if utf8.RuneCountInString(joined) > maxSectionRunes {
			sections = append(sections, last)
			joined = line
		}
		last = joined
	}
	return append(sections, last)
}

// section shows markup. Verbatim keeps Slack from making links and mentions of what only looks like it.
func section(markup string) api.Block {
	return api.NewSectionBlock(api.NewTextBlockObject(api.MarkdownType, markup, false, true), nil, nil)
}

// entity shows an id in fixed width. A backtick within would end that early.
func entity(e topology.Entity) string {
	if e == "" {
		return "`?`"
	}
	return "`" + escape(strings.ReplaceAll(notify.Line(string(e), maxNameRunes), "`", "'"), maxNameRunes) + "`"
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes one line of Slack's markup out of text from outside: at most maxRunes runes, counted after escaping as
// Slack does, and never cut within an escape.
func escape(s string, maxRunes int) string {
	line := notify.Line(s, maxRunes)
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
