package slack

import (
	"fmt"
	"slices"
	"strings"

	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/internal/picture"
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
	maxReasonRunes  = 500
	maxSaidRunes    = 400
	maxLinksRunes   = 1500
	// maxFallbackRunes is for the text that stands alone where Slack refuses the blocks; it recommends at most 4,000.
	maxFallbackRunes = 3500
)

// message is one message before it is sent. All its text is in Slack's markup already: escaped, within the limits.
type message struct {
	// text is what notifications show beside the blocks.
	text string
	// fallback is all there is if Slack refuses the blocks; empty means the text.
	fallback string
	blocks   []api.Block
	// key is the dedup key for the metadata; empty in threads.
	key string
	// broadcast shows a message of a thread in the channel as well.
	broadcast bool
}

// empty reports whether there is nothing to say.
func (m *message) empty() bool { return m.text == "" }

// options are the arguments of a call. Nothing is unfurled, and no name or address in the text becomes a link.
func (m *message) options() api.MsgOption {
	return api.MsgOptionCompose(m.arguments(m.text), api.MsgOptionBlocks(m.blocks...))
}

// plain are the same arguments without blocks; those of an earlier version go.
func (m *message) plain() api.MsgOption {
	if m.fallback == "" {
		return m.arguments(m.text)
	}
	return m.arguments(m.fallback)
}

func (m *message) arguments(text string) api.MsgOption {
	all := []api.MsgOption{
		api.MsgOptionText(text, false), api.MsgOptionBlocks(), api.MsgOptionParse(false),
		api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl(),
	}
	if m.broadcast {
		all = append(all, api.MsgOptionBroadcast())
	}
	if m.key != "" {
		all = append(all, api.MsgOptionMetadata(api.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": m.key}}))
	}
	return api.MsgOptionCompose(all...)
}

// incidentMessage is the message in the channel as it should be after a delivery: what a person who was woken reads first.
func (in *integration) incidentMessage(d *routing.Delivery) message {
	i := d.Incident
	head := in.head(d)
	sections := []string{rootText(i), affectedText(d)}
	if text, ok := in.text(d); ok {
		sections = []string{text}
	} else if notify.StateAfter(d).Open() {
		sections = append(sections, saidText(i, shownSayings), waitText(d))
	} else {
		sections = append(sections, endText(d))
	}
	sections = append(sections, silencedText(i), chronicText(i), noticeText(d), enrichmentText(i))
	facts, links := in.factsText(d), linksText(i)

	m := message{text: pushText(d, head), key: d.Key, blocks: []api.Block{api.NewHeaderBlock(plainText(head))}}
	lines := []string{head, facts} // what leads to the rest comes before what may be cut off
	for _, s := range sections {
		if s != "" {
			m.blocks, lines = append(m.blocks, section(s)), append(lines, s)
		}
	}
	m.blocks = append(m.blocks, small(facts))
	if links != "" {
		m.blocks, lines = append(m.blocks, small(links)), append(lines, links)
	}
	m.fallback = joined(strings.Split(strings.Join(lines, "\n"), "\n"), maxFallbackRunes)
	if b := in.buttons(d); b != nil {
		m.blocks = append(m.blocks, b)
	}
	return m
}

// pushText is what a phone shows on its lock screen: what it is, how much it takes along, and why it could not wait. It has no markup,
// since notifications show that as it is written.
func pushText(d *routing.Delivery, head string) string {
	i := d.Incident
	lines := []string{head}
	if notify.StateAfter(d).Open() {
		lines = append(lines, "Affected: "+affectedCounts(d))
		if len(i.Roots) > 0 && !strings.Contains(i.Title, string(i.Roots[0].Entity)) {
			lines = append(lines, "Root cause: "+escape(string(i.Roots[0].Entity), maxNameRunes))
		}
		if why := whyNow(d); why != "" {
			lines = append(lines, escape(why, 300))
		}
	} else if i.CloseReason != "" {
		lines = append(lines, escape(i.CloseReason, 300))
	}
	return strings.Join(lines, "\n")
}

// rootText is the root cause and why it is that.
func rootText(i *correlate.Incident) string {
	if len(i.Roots) == 0 {
		return "*Root cause:* not known yet"
	}
	r := i.Roots[0]
	text := "*Root cause:* " + entity(r.Entity)
	if r.Silent {
		text += " (silent: no symptom of its own)"
	}
	if r.Why != "" {
		text += "\n_Why:_ " + escape(r.Why, maxReasonRunes)
	}
	return text
}

// waitText says why quell waits, or why it did not wait longer.
func waitText(d *routing.Delivery) string {
	i := d.Incident
	if notify.StateAfter(d) == correlate.Held {
		if i.HoldReason == "" || i.Silenced != nil && i.Silenced.All {
			return ""
		}
		return "*Waiting:* " + escape(strings.TrimPrefix(i.HoldReason, "held: "), maxReasonRunes)
	}
	why, hold := whyNow(d), strings.TrimPrefix(i.HoldReason, "held: ")
	switch {
	case why == "" && hold == "":
		return ""
	case why == "":
		return "*Hold:* " + escape(hold, maxReasonRunes)
	}
	text := "*Not held longer:* " + escape(strings.TrimPrefix(why, "not held: "), maxReasonRunes)
	if hold != "" && !strings.Contains(why, hold) {
		text += "\n_Its hold:_ " + escape(hold, maxReasonRunes)
	}
	return text
}

// whyNow is why the incident was escalated; empty as long as it was not, or if nobody knows any more.
func whyNow(d *routing.Delivery) string {
	timeline := d.Incident.Timeline
	for k := len(timeline) - 1; k >= 0; k-- {
		if timeline[k].Decision == correlate.Escalate {
			return timeline[k].Reason
		}
	}
	if d.Action == routing.Trigger {
		return d.Reason
	}
	return ""
}

// endText says how it ended.
func endText(d *routing.Delivery) string {
	i := d.Incident
	var lines []string
	switch reason := i.CloseReason; {
	case i.State == correlate.Merged && i.MergedInto != 0:
		lines = append(lines, fmt.Sprintf("*Merged* into %s, which tells what follows", i.MergedInto))
		if d.Reason != "" {
			lines = append(lines, "_Why:_ "+escape(d.Reason, maxReasonRunes))
		}
	case reason == "" && d.Action == routing.Resolve:
		lines = append(lines, "*Ended:* "+escape(d.Reason, maxReasonRunes))
	case reason != "":
		lines = append(lines, "*Ended:* "+escape(reason, maxReasonRunes))
	}
	// The reason names the healer already, except where a person had to act.
	if h := i.HealedBy; h != nil && h.What != correlate.Unexplained && !strings.Contains(i.CloseReason, h.What) {
		lines = append(lines, "*Healed by:* "+escape(h.String(), maxReasonRunes))
	}
	if waited := picture.Waited(i); waited != "" && i.State != correlate.Merged {
		lines = append(lines, "*What waiting did:* "+escape(waited, maxReasonRunes))
	}
	return strings.Join(lines, "\n")
}

func silencedText(i *correlate.Incident) string {
	s := i.Silenced
	if s == nil || !i.State.Open() {
		return ""
	}
	if len(s.Muted) > 0 {
		return mutedText(s)
	}
	text := fmt.Sprintf("🔕 *Silenced:* %s until %s", amount(s.Symptoms, "symptom"), date(s.Until))
	if s.All {
		text = "🔕 *Silenced:* all that goes on, until " + date(s.Until)
	}
	if len(s.By) > 0 {
		by := s.By[0]
		if by.By != "" {
			text += " by " + escape(by.By, maxNameRunes)
		}
		if by.Comment != "" {
			text += ": " + escape(by.Comment, maxSaidRunes)
		}
	}
	return text
}

// mutedText says what keeps it from paging, if rules have a part in that.
func mutedText(s *correlate.Silenced) string {
	what := amount(s.Symptoms, "symptom")
	if s.All {
		what = "all that goes on"
	}
	text := "🔕 *Muted:* " + what
	if !s.Until.IsZero() {
		text += " until " + date(s.Until)
	}
	return text + ", " + escape(s.Muted[0].String(), maxSaidRunes)
}

// enrichmentText says whose it is, and what rules have to say to whoever looks into it.
func enrichmentText(i *correlate.Incident) string {
	var lines []string
	if owner := notify.Owner(i); owner != "" {
		lines = append(lines, "👤 *Owner:* "+escape(owner, maxNameRunes))
	}
	for _, note := range notify.Notes(i) {
		lines = append(lines, "📝 "+escape(note, maxReasonRunes))
	}
	return joined(lines, maxSectionRunes)
}

// chronicText says in which ways it is chronic.
func chronicText(i *correlate.Incident) string {
	var lines []string
	for n := range i.Chronic {
		lines = append(lines, "♻️ *Chronic:* it "+escape(i.Chronic[n].Reason, maxSaidRunes))
	}
	return joined(lines, maxSectionRunes)
}

// noticeText says why people are told of what need not wake them.
func noticeText(d *routing.Delivery) string {
	if d.Action != routing.Notice || d.Reason == "" || slices.ContainsFunc(d.Incident.Chronic, func(c correlate.Chronic) bool {
		return strings.HasSuffix(d.Reason, c.Reason) // it is shown already
	}) {
		return ""
	}
	return "📣 *Notice:* " + escape(d.Reason, maxReasonRunes)
}

// operatorMessage is what quell says about itself, or that it is over.
func operatorMessage(d *routing.Delivery) message {
	title := "🚨 quell needs attention"
	if d.Action == routing.Resolve {
		title = "✅ quell needed attention, and that is over"
	}
	body := escape(notify.OperatorText(d), maxSectionRunes)
	m := message{text: title + ": " + body, key: d.Key, blocks: []api.Block{api.NewHeaderBlock(plainText(title))}}
	if body != "" {
		m.blocks = append(m.blocks, section(body))
	}
	return m
}
