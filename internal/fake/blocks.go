package fake

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Limits of Block Kit.
const (
	maxBlocks       = 50
	maxSectionRunes = 3000
	maxHeaderRunes  = 150
	maxContextItems = 10
	maxFields       = 10
	maxFieldRunes   = 2000
)

type block struct {
	Type     string      `json:"type"`
	Text     *blockText  `json:"text"`
	Fields   []blockText `json:"fields"`
	Elements []blockText `json:"elements"`
}

type blockText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// checkBlocks returns Slack's error code for blocks that it would refuse.
func checkBlocks(raw json.RawMessage) (code string) {
	var blocks []block
	if json.Unmarshal(raw, &blocks) != nil {
		return "invalid_blocks_format"
	}
	if len(blocks) > maxBlocks {
		return "invalid_blocks"
	}
	for _, b := range blocks {
		if !b.valid() {
			return "invalid_blocks"
		}
	}
	return ""
}

func (b *block) valid() bool {
	switch b.Type {
	case "divider":
		return true
	case "header":
		return b.Text != nil && b.Text.Type == "plain_text" && b.Text.within(maxHeaderRunes)
	case "section":
		if b.Text == nil && len(b.Fields) == 0 || b.Text != nil && !b.Text.within(maxSectionRunes) || len(b.Fields) > maxFields {
			return false
		}
		for _, f := range b.Fields {
			if !f.within(maxFieldRunes) {
				return false
			}
		}
		return true
	case "context":
		if len(b.Elements) == 0 || len(b.Elements) > maxContextItems {
			return false
		}
		for _, e := range b.Elements {
			if !e.within(maxSectionRunes) {
				return false
			}
		}
		return true
	}
	return false
}

func (t *blockText) within(runes int) bool {
	n := utf8.RuneCountInString(t.Text)
	return (t.Type == "mrkdwn" || t.Type == "plain_text") && n >= 1 && n <= runes
}

// mentionsIn returns the first text in which a mention stands unescaped, or empty.
func mentionsIn(text string, raw json.RawMessage) string {
	texts := []string{text}
	var blocks []block
	if json.Unmarshal(raw, &blocks) == nil {
		for _, b := range blocks {
			for _, t := range append(b.Fields, b.Elements...) {
				texts = append(texts, t.Text)
			}
			if b.Text != nil {
				texts = append(texts, b.Text.Text)
			}
		}
	}
	for _, t := range texts {
		if strings.Contains(t, "<!") || strings.Contains(t, "<@") {
			return t
		}
	}
	return ""
}
