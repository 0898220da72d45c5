package slack

import (
	"strings"

	"quell/notify"
	"quell/routing"
)

// head is the headline: the user's, or quell's. It is plain text, so all of it is escaped.
func (in *integration) head(d *routing.Delivery) string {
	title, ok := in.env.Words(d, notify.Field{Name: "title", Text: in.config.Title})
	if title = strings.TrimSpace(title); !ok || title == "" {
		return headline(d)
	}
	return escape(title, maxHeaderRunes)
}

// text is what a user wants to stand in place of quell's sections, in Slack's markup; it is false if there is nothing. What comes from
// outside is escaped, and what the template itself says is not: links and mentions in it are meant.
func (in *integration) text(d *routing.Delivery) (markup string, ok bool) {
	text, ok := in.env.Words(d, notify.Field{Name: "text", Text: in.config.Text, Escape: notify.MrkdwnEscape})
	if text = strings.TrimSpace(text); !ok || text == "" {
		return "", false
	}
	if runes := []rune(text); len(runes) > maxSectionRunes {
		text = string(runes[:maxSectionRunes-1])
		if at := strings.LastIndexAny(text, "&<"); at > len(text)-maxLinksRunes && !strings.ContainsAny(text[at:], ";>") {
			text = text[:at] // half an escape, or half a link
		}
		text += "…"
	}
	return text, true
}
