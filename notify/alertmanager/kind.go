// Package alertmanager delivers to every receiver that Alertmanager supports, through Alertmanager's own notifier packages: the same YAML in
// the configuration and the same requests at the far end, but one message for an incident instead of one for a group of alerts.
//
// An incident is turned into alerts that carry its dedup key as their group key, so receivers that know keys (Opsgenie, VictorOps, Jira,
// incident.io) have one entry for its whole life. What people read is rendered from incident templates. E-mail is composed and sent here, with
// Alertmanager's settings, because Alertmanager's own mailer ignores deadlines and cannot send pictures.
//
// The build tag slim leaves Alertmanager's packages out, and a third of the binary with them. [Supported] is false then, and
// configurations that name such a receiver are refused.
package alertmanager

import (
	"maps"
	"slices"
)

// kind is what quell knows of one of Alertmanager's integrations.
type kind struct {
	// notices is true if people read there and nobody is woken.
	notices bool
	// wakes is true if whatever arrives there wakes somebody, so that notices can never go there.
	wakes bool
	// keyed is true if the receiver knows the dedup key: what is told again changes its entry and makes no other.
	keyed bool
	// once is true if each message rings: an incident is told when it pages and when it is over, and no news in between.
	once bool
	// title and body are the fields that a message shows, by path; empty if there is none.
	title, body string
	// texts are the templates of fields that users leave to the default or that have none.
	texts map[string]string
	// markdown are the fields whose text the receiver reads as Markdown.
	markdown []string
	// bodyRunes is how long the body may be, where Alertmanager's package does not cut it off itself. Zero means that it does.
	bodyRunes int
}

// Texts that most kinds share. The definitions are notify/template's.
const (
	titleText    = `{{ template "quell.title" . }}`
	plainText    = `{{ template "quell.text" . }}`
	shortText    = `{{ template "quell.summary" . }}{{ with .Incident.Why }}{{ "\n" }}{{ . }}{{ end }}`
	markdownText = `{{ template "quell.markdown" . }}`
	linkText     = `{{ .Incident.URL }}`
)

// noticesText describes the key notices, which is quell's own.
const noticesText = "Whether what wakes nobody, such as notices and digests, is told here as well."

// kinds are all integrations that Alertmanager ships but Slack and PagerDuty, which are quell's own.
var kinds = map[string]kind{
	"discord": {
		notices: true, title: "title", body: "message", markdown: []string{"title", "message", "content"},
		texts: map[string]string{"title": titleText, "message": markdownText},
	},
	"email": {
		notices: true, title: "headers.Subject", body: "text",
		texts: map[string]string{"html": `{{ template "quell.html" . }}`, "text": plainText},
	},
	"incidentio": {wakes: true, keyed: true},
	"jira": {
		keyed: true, title: "summary.template", body: "description.template",
		texts: map[string]string{"summary.template": titleText, "description.template": plainText},
	},
	"mattermost": {
		notices: true, title: "title", body: "text", markdown: []string{"text", "pretext"},
		texts: map[string]string{
			"title": titleText, "fallback": titleText, "text": markdownText, "title_link": linkText, "username": "quell",
			"color": `{{ if eq .Status "firing" }}#c0392b{{ else }}#27ae60{{ end }}`,
		},
	},
	"msteams": {
		notices: true, title: "title", body: "text", markdown: []string{"text"}, bodyRunes: 7000,
		texts: map[string]string{"title": titleText, "summary": titleText, "text": markdownText},
	},
	"msteamsv2": {
		notices: true, title: "title", body: "text", markdown: []string{"title", "text"}, bodyRunes: 7000,
		texts: map[string]string{"title": titleText, "text": markdownText},
	},
	"opsgenie": {
		wakes: true, keyed: true, title: "message", body: "description", bodyRunes: 15_000,
		texts: map[string]string{
			"message": titleText, "description": plainText, "source": `{{ or .Incident.URL "quell" }}`, "entity": `{{ .Incident.Root.Entity }}`,
			"priority": `{{ if eq .Incident.Severity "critical" }}P1{{ else if eq .Incident.Severity "error" }}P2{{ else if eq .Incident.Severity "warning" }}P3{{ else }}P4{{ end }}`,
		},
	},
	"pushover": {
		wakes: true, once: true, title: "title", body: "message",
		texts: map[string]string{"title": titleText, "message": shortText, "url": linkText, "url_title": `{{ .Incident.ID }}`},
	},
	"rocketchat": {
		notices: true, title: "title", body: "text", markdown: []string{"text"}, bodyRunes: 4000,
		texts: map[string]string{"title": titleText, "text": markdownText, "title_link": linkText},
	},
	"sns": {
		once: true, title: "subject", body: "message",
		texts: map[string]string{"subject": titleText, "message": plainText},
	},
	"telegram": {notices: true, body: "message"},
	"victorops": {
		wakes: true, keyed: true, title: "entity_display_name", body: "state_message",
		texts: map[string]string{"entity_display_name": titleText, "state_message": plainText, "monitoring_tool": "quell"},
	},
	"webex": {
		notices: true, body: "message", markdown: []string{"message"},
		texts: map[string]string{"message": "**" + titleText + "**\n\n" + markdownText},
	},
	"webhook": {keyed: true},
	"wechat": {
		notices: true, body: "message", bodyRunes: 600,
		texts: map[string]string{"message": titleText + "\n" + shortText + "\n" + linkText},
	},
}

// Types are the integrations that this package knows, sorted, in a build that has them or not.
func Types() []string { return slices.Sorted(maps.Keys(kinds)) }

// TakesDigests reports whether an integration of a type has a way to show a digest.
func TakesDigests(typ string) bool { return kinds[typ].notices || typ == "webhook" }
