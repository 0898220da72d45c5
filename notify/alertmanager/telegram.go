//go:build !slim

package alertmanager

import (
	"strings"
	"unicode/utf8"

	"quell/notify"
	"quell/routing"
)

// maxTelegramRunes is what Telegram takes in one message. Alertmanager's notifier sends nothing of one in HTML that is longer.
const maxTelegramRunes = 4096

// telegramHTML is quell's text in the few tags that Telegram knows.
const telegramHTML = `<b>{{ template "quell.title" . }}</b>
{{ if not .Incident.ID }}{{ .Text }}{{ else }}{{ $i := .Incident -}}
<b>Root cause</b> {{ or $i.Root.Entity "unknown" }}{{ if $i.Root.Silent }} (it has no symptom of its own){{ end }}{{ with $i.Root.Why }}: {{ . }}{{ end }}
<b>Affected</b> {{ template "quell.extent" . }}{{ with $i.Path }}
<b>Path</b> {{ . }}{{ end }}
<b>Since</b> {{ $i.Since | date "2006-01-02 15:04:05 MST" }}{{ with $i.Closed }}
<b>Over</b> {{ . | date "2006-01-02 15:04:05 MST" }}{{ with $i.Lasted }}, ill for {{ . }}{{ end }}{{ with $i.CloseReason }}: {{ . }}{{ end }}{{ end }}{{ with $i.HealedBy }}
<b>Healed by</b> {{ . }}{{ end }}{{ if and $i.Why (ne $i.Why $i.CloseReason) }}
<b>Why now</b> {{ $i.Why }}{{ end }}{{ if and $i.Open $i.HoldReason }}
<b>Hold</b> {{ $i.HoldReason }}{{ end }}{{ range $i.Chronic }}
<b>Chronic</b> {{ . }}{{ end }}
{{ with $i.Says }}
{{ range . }}• {{ . }}
{{ end }}{{ end }}{{ with $i.Links }}
{{ range . }}<a href="{{ .Href }}">{{ .Text }}</a>
{{ end }}{{ end }}{{ end }}`

// telegram is a message that fits. One of a user's own that does not gives way to quell's, and that to a short one.
func (in *integration) telegram(d *routing.Delivery, f notify.Field, words string) string {
	if standard.MatchString(f.Text) {
		text := notify.Field{Name: f.Name, Text: titleText + "\n\n" + plainText}
		if f.HTML {
			text = notify.Field{Name: f.Name, Text: telegramHTML, HTML: true}
		}
		words = in.words(in.settings, d, text)
	}
	switch {
	case utf8.RuneCountInString(words) <= maxTelegramRunes:
		return words
	case !f.HTML:
		return cut(words, maxTelegramRunes)
	}
	title := in.words(in.settings, d, notify.Field{Name: "title", Text: titleText})
	text := in.words(in.settings, d, notify.Field{Name: f.Name, Text: shortText})
	return telegramText(title, text)
}

// telegramText is a title in bold letters and a text below it, both escaped. Half of an entity such as &amp; would be an error, so the
// text ends before one that does not fit.
func telegramText(title, text string) string {
	all := cut("<b>"+escapeHTML.Replace(cut(title, 200))+"</b>\n"+escapeHTML.Replace(text), maxTelegramRunes)
	if i := strings.LastIndexByte(all, '&'); i >= 0 && !strings.Contains(all[i:], ";") {
		all = all[:i] + "…"
	}
	return all
}
