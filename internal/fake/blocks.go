package fake

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of Block Kit, as its reference gives them.
const (
	maxBlocks       = 50
	maxSectionRunes = 3000
	maxHeaderRunes  = 150
	maxContextItems = 10
	maxFields       = 10
	maxFieldRunes   = 2000
	maxIDRunes      = 255
	maxButtons      = 25
	maxButtonRunes  = 75
	maxValueRunes   = 2000
	maxURLRunes     = 3000
	maxAltRunes     = 2000
	// These two are not documented (the reference says 40,000 for texts); users report that longer ones are refused.
	maxBlocksRunes = 12_000
	maxTextRunes   = 4000
)

// block has the fields of all blocks that quell uses. Slack refuses fields that it does not know.
type block struct {
	Type     string            `json:"type"`
	BlockID  string            `json:"block_id"`
	Text     *blockText        `json:"text"`
	Fields   []blockText       `json:"fields"`
	Elements []json.RawMessage `json:"elements"`
	Expand   bool              `json:"expand"`
	ImageURL string            `json:"image_url"`
	AltText  string            `json:"alt_text"`
	Title    *blockText        `json:"title"`
}

type blockText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    bool   `json:"emoji"`
	Verbatim bool   `json:"verbatim"`
}

// SlackButton is a button of a message.
type SlackButton struct {
	Type     string       `json:"type"`
	ActionID string       `json:"action_id"`
	Text     *blockText   `json:"text"`
	Value    string       `json:"value"`
	URL      string       `json:"url"`
	Style    string       `json:"style"`
	Confirm  *slackChoice `json:"confirm"`
	// BlockID is that of the block that holds it.
	BlockID string `json:"-"`
}

// Label is what stands on the button.
func (b *SlackButton) Label() string { return b.Text.Text }

// slackChoice is a question that a click asks first.
type slackChoice struct {
	Title   *blockText `json:"title"`
	Text    *blockText `json:"text"`
	Confirm *blockText `json:"confirm"`
	Deny    *blockText `json:"deny"`
	Style   string     `json:"style"`
}

// Buttons returns the buttons of a message, in order.
func (m *SlackMessage) Buttons() []SlackButton {
	var blocks []block
	_ = strict(m.Blocks, &blocks) // the fake took them
	var all []SlackButton
	for _, b := range blocks {
		if b.Type != "actions" {
			continue
		}
		for _, raw := range b.Elements {
			button := SlackButton{BlockID: b.BlockID}
			_ = strict(raw, &button) // the fake took it
			all = append(all, button)
		}
	}
	return all
}

// strict reads JSON without unknown fields.
func strict(raw json.RawMessage, to any) error {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// checkBlocks returns Slack's error code for blocks that it would refuse.
func checkBlocks(raw json.RawMessage) (code string) {
	var blocks []block
	if strict(raw, &blocks) != nil {
		return "invalid_blocks_format"
	}
	if len(blocks) > maxBlocks {
		return "invalid_blocks"
	}
	ids, runes := make(map[string]bool), 0
	for _, b := range blocks {
		if !b.valid() || utf8.RuneCountInString(b.BlockID) > maxIDRunes || b.BlockID != "" && ids[b.BlockID] {
			return "invalid_blocks"
		}
		ids[b.BlockID] = true
		for _, t := range b.texts() {
			runes += utf8.RuneCountInString(t)
		}
	}
	if runes > maxBlocksRunes {
		return "msg_blocks_too_long"
	}
	return ""
}

func (b *block) valid() bool {
	switch b.Type {
	case "divider":
		return true
	case "header":
		return b.Text.plain(maxHeaderRunes)
	case "section":
		return (b.Text != nil || len(b.Fields) > 0) && (b.Text == nil || b.Text.within(maxSectionRunes)) && len(b.Fields) <= maxFields &&
			!slices.ContainsFunc(b.Fields, func(f blockText) bool { return !f.within(maxFieldRunes) })
	case "image":
		return webAddress(b.ImageURL) && b.AltText != "" && utf8.RuneCountInString(b.AltText) <= maxAltRunes && (b.Title == nil || b.Title.plain(maxFieldRunes))
	case "context":
		return b.each(maxContextItems, func(raw json.RawMessage) bool {
			var t blockText
			return strict(raw, &t) == nil && t.within(maxSectionRunes)
		})
	case "actions":
		ids := make(map[string]bool)
		return b.each(maxButtons, func(raw json.RawMessage) bool {
			var button SlackButton
			known := strict(raw, &button) == nil && button.valid() && !ids[button.ActionID]
			ids[button.ActionID] = button.ActionID != ""
			return known
		})
	}
	return false
}

// each reports whether there are elements, not too many, and all are valid.
func (b *block) each(most int, valid func(json.RawMessage) bool) bool {
	return len(b.Elements) > 0 && len(b.Elements) <= most &&
		!slices.ContainsFunc(b.Elements, func(raw json.RawMessage) bool { return !valid(raw) })
}

func (b *SlackButton) valid() bool {
	return b.Type == "button" && b.Text.plain(maxButtonRunes) && utf8.RuneCountInString(b.ActionID) <= maxIDRunes &&
		utf8.RuneCountInString(b.Value) <= maxValueRunes && (b.URL == "" || webAddress(b.URL)) &&
		slices.Contains([]string{"", "primary", "danger"}, b.Style) && (b.Confirm == nil || b.Confirm.valid())
}

func (c *slackChoice) valid() bool {
	return c.Title.plain(100) && c.Text != nil && c.Text.within(300) && c.Confirm.plain(30) && c.Deny.plain(30)
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && utf8.RuneCountInString(s) <= maxURLRunes
}

func (t *blockText) within(runes int) bool {
	n := utf8.RuneCountInString(t.Text)
	return (t.Type == "mrkdwn" || t.Type == "plain_text") && n >= 1 && n <= runes
}

// plain is for where no markup may be.
func (t *blockText) plain(runes int) bool {
	return t != nil && t.Type == "plain_text" && t.within(runes)
}

// texts are all that a block shows.
func (b *block) texts() []string {
	var texts []string
	for _, t := range b.Fields {
		texts = append(texts, t.Text)
	}
	for _, raw := range b.Elements {
		var t blockText
		if strict(raw, &t) == nil { // else it is a button
			texts = append(texts, t.Text)
		}
	}
	if b.Text != nil {
		texts = append(texts, b.Text.Text)
	}
	return texts
}

// dates are the one command in angle brackets that calls nobody.
var dates = regexp.MustCompile(`<!date\^-?\d+\^[^<>|]+\|[^<>|]+>`)

// mentionsIn returns the first text in which a mention stands unescaped, or empty.
func mentionsIn(text string, raw json.RawMessage) string {
	texts := []string{text}
	var blocks []block
	if strict(raw, &blocks) == nil {
		for _, b := range blocks {
			texts = append(texts, b.texts()...)
		}
	}
	for _, t := range texts {
		if bare := dates.ReplaceAllString(t, ""); strings.Contains(bare, "<!") || strings.Contains(bare, "<@") || strings.Contains(bare, "<#") {
			return t
		}
	}
	return ""
}
