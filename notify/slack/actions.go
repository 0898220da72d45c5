package slack

import (
	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
)

// ActionsBlock is the id of the block that holds an incident's buttons.
const ActionsBlock = "quell_actions"

// Actions are the ids of the buttons. The value of each is the delivery's key: store, incident and generation.
const (
	ActionAcknowledge = "quell_acknowledge"
	ActionResolve     = "quell_resolve"
	// ActionSilence silences the incident's root for an hour, and ActionSilenceFixed until it has recovered.
	ActionSilence      = "quell_silence_1h"
	ActionSilenceFixed = "quell_silence_fixed"
	// ActionNotRoot says that the root cause is another.
	ActionNotRoot = "quell_not_root"
)

// buttons are what people may do about an incident now; nil if there is nothing, or nobody would hear of it.
func (in *integration) buttons(d *routing.Delivery) *api.ActionBlock {
	i := d.Incident
	if !in.config.Buttons || i.State == correlate.Merged || i.Withdrawn != nil {
		return nil
	}
	var all []api.BlockElement
	add := func(id, text string, style api.Style, confirm *api.ConfirmationBlockObject) {
		b := api.NewButtonBlockElement(id, d.Key, plainText(text))
		b.Style, b.Confirm = style, confirm
		all = append(all, b)
	}
	state := notify.StateAfter(d)
	if state == correlate.Held || state == correlate.Escalated {
		add(ActionAcknowledge, "Acknowledge", api.StylePrimary, nil)
	}
	if state.Open() {
		add(ActionResolve, "Resolve", api.StyleDefault, ask("Resolve "+i.ID.String()+"?",
			"quell closes it by hand. If its symptoms go on or come back, it opens again and pages.", "Resolve"))
	}
	if state.Open() && (i.Silenced == nil || len(i.Silenced.By) == 0) {
		add(ActionSilence, "Silence 1 h", api.StyleDefault, nil)
		add(ActionSilenceFixed, "Silence until fixed", api.StyleDefault, ask("Silence "+i.ID.String()+"?",
			"Nobody is told more of this root cause until it has recovered.", "Silence"))
	}
	if len(i.Roots) > 0 {
		add(ActionNotRoot, "Not the root cause", api.StyleDefault, nil)
	}
	if len(all) == 0 {
		return nil
	}
	return api.NewActionBlock(ActionsBlock, all...)
}

func ask(title, text, confirm string) *api.ConfirmationBlockObject {
	return api.NewConfirmationBlockObject(plainText(title), plainText(text), plainText(confirm), plainText("Not now"))
}

func plainText(text string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.PlainTextType, text, false, false)
}
