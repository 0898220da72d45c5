package fake

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// parseView checks a dialog as Slack does, and returns Slack's word for what is wrong with it.
func parseView(text []byte) (v SlackView, code string) {
	type plain struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	var view struct {
		Type     string          `json:"type"`
		Title    *plain          `json:"title"`
		Submit   *plain          `json:"submit"`
		Close    *plain          `json:"close"`
		Callback string          `json:"callback_id"`
		Metadata string          `json:"private_metadata"`
		Blocks   json.RawMessage `json:"blocks"`
	}
	var blocks []viewBlock
	if json.Unmarshal(text, &view) != nil || json.Unmarshal(view.Blocks, &blocks) != nil || view.Type != "modal" || view.Title == nil {
		return v, "invalid_arguments"
	}
	input := slices.ContainsFunc(blocks, func(b viewBlock) bool { return b.Type == "input" })
	for _, p := range []*plain{view.Title, view.Submit, view.Close} {
		if p != nil && (p.Type != "plain_text" || p.Text == "" || utf8.RuneCountInString(p.Text) > 24) {
			return v, "invalid_arguments"
		}
	}
	if len(blocks) == 0 || len(blocks) > 100 || len(view.Callback) > 255 || len(view.Metadata) > 3000 || input && view.Submit == nil {
		return v, "invalid_arguments"
	}
	v = SlackView{CallbackID: view.Callback, Metadata: view.Metadata, Blocks: view.Blocks}
	ids := make(map[string]bool)
	for _, b := range blocks {
		if !b.valid() || b.ID != "" && ids[b.ID] {
			return v, "invalid_arguments"
		}
		ids[b.ID] = true
		for _, o := range b.Element.Options {
			v.Choices = append(v.Choices, SlackChoice{o.Value, o.Text.Text, o.Description.Text})
		}
	}
	return v, ""
}

// viewBlock is a block of a dialog: a section, or an input.
type viewBlock struct {
	Type    string   `json:"type"`
	ID      string   `json:"block_id"`
	Text    viewText `json:"text"`
	Label   viewText `json:"label"`
	Element struct {
		Type        string   `json:"type"`
		ActionID    string   `json:"action_id"`
		MaxLength   int      `json:"max_length"`
		Placeholder viewText `json:"placeholder"`
		Options     []struct {
			Text        viewText `json:"text"`
			Description viewText `json:"description"`
			Value       string   `json:"value"`
		} `json:"options"`
	} `json:"element"`
}

type viewText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// within reports whether a text that must be there keeps its limit.
func (t viewText) within(limit int) bool {
	return t.Text != "" && utf8.RuneCountInString(t.Text) <= limit
}

// valid checks the limits of a block.
func (b *viewBlock) valid() bool {
	switch {
	case len(b.ID) > 255:
		return false
	case b.Type == "section":
		return b.Text.within(3000)
	case b.Type != "input" || b.Label.Type != "plain_text" || !b.Label.within(2000) || len(b.Element.ActionID) > 255:
		return false
	case b.Element.Type == "plain_text_input":
		return b.Element.MaxLength <= 3000 && (b.Element.Placeholder.Text == "" || b.Element.Placeholder.within(150))
	case b.Element.Type != "radio_buttons" || len(b.Element.Options) == 0 || len(b.Element.Options) > 10:
		return false
	}
	values := make(map[string]bool)
	for _, o := range b.Element.Options {
		if !o.Text.within(75) || o.Value == "" || len(o.Value) > 150 || values[o.Value] || o.Description.Type != "" && !o.Description.within(75) {
			return false
		}
		values[o.Value] = true
	}
	return true
}

// foundButton is a button of a message.
type foundButton struct{ block, value string }

// slackButton finds a button in a message's blocks.
func slackButton(blocks json.RawMessage, action string) (found foundButton, ok bool) {
	var list []struct {
		Type     string `json:"type"`
		ID       string `json:"block_id"`
		Elements []struct {
			Type   string `json:"type"`
			Action string `json:"action_id"`
			Value  string `json:"value"`
		} `json:"elements"`
	}
	// Other blocks have elements of other shapes, of which nothing is read here.
	if json.Unmarshal(blocks, &list) != nil {
		return found, false
	}
	for _, b := range list {
		for _, e := range b.Elements {
			if b.Type == "actions" && e.Type == "button" && e.Action == action {
				return foundButton{b.ID, e.Value}, true
			}
		}
	}
	return found, false
}
