package migration

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// foreign is what is known of an integration that both have: what it needs, and what it falls back to.
type foreign struct {
	// secrets are the keys that hold credentials, with those that name a file instead.
	secrets map[string]string
	// needs are keys of which one is needed, in the integration or, under the name behind it, in the section global.
	needs map[string]string
}

func file(keys ...string) map[string]string {
	m := make(map[string]string)
	for _, k := range keys {
		m[k] = k + "_file"
	}
	return m
}

// integrations are Alertmanager's but Slack and PagerDuty.
var integrations = map[string]foreign{
	"discord":    {secrets: file("webhook_url"), needs: map[string]string{"webhook_url": ""}},
	"email":      {secrets: file("auth_password", "auth_secret"), needs: map[string]string{"to": "", "smarthost": "smtp_smarthost", "from": "smtp_from"}},
	"incidentio": {secrets: file("url", "alert_source_token"), needs: map[string]string{"url": ""}},
	"jira":       {needs: map[string]string{"project": "", "issue_type": "", "api_url": "jira_api_url"}},
	"mattermost": {secrets: file("webhook_url"), needs: map[string]string{"webhook_url": "mattermost_webhook_url"}},
	"msteams":    {secrets: file("webhook_url"), needs: map[string]string{"webhook_url": ""}},
	"msteamsv2":  {secrets: file("webhook_url"), needs: map[string]string{"webhook_url": ""}},
	"opsgenie":   {secrets: file("api_key"), needs: map[string]string{"api_key": "opsgenie_api_key"}},
	"pushover":   {secrets: file("user_key", "token"), needs: map[string]string{"user_key": "", "token": ""}},
	"rocketchat": {secrets: file("token", "token_id"), needs: map[string]string{"token": "rocketchat_token", "token_id": "rocketchat_token_id"}},
	"sns":        {},
	"telegram":   {secrets: file("bot_token"), needs: map[string]string{"bot_token": "telegram_bot_token", "chat_id": ""}},
	"victorops":  {secrets: file("api_key"), needs: map[string]string{"api_key": "victorops_api_key", "routing_key": ""}},
	"webex":      {needs: map[string]string{"room_id": ""}},
	"webhook":    {secrets: file("url"), needs: map[string]string{"url": ""}},
	"wechat":     {secrets: file("api_secret"), needs: map[string]string{"api_secret": "wechat_api_secret"}},
}

// readReceivers reads all receivers, after the section global.
func (m *migration) readReceivers(t *strictyaml.Tree) {
	for _, n := range m.items(t) {
		if m.isMap(n) {
			m.readReceiver(n)
		}
	}
}

func (m *migration) readReceiver(t *strictyaml.Tree) {
	known := []string{"name", "labels", "slack_configs", "pagerduty_configs"}
	for typ := range integrations {
		known = append(known, typ+"_configs")
	}
	m.known(t, known...)
	name := m.text(t.Get("name"))
	switch {
	case name == "":
		t.At.Problem("the receiver has no name", "")
		return
	case slices.Contains(m.receivers, name):
		t.At.Problem("second receiver of name "+strictyaml.Quote(name), "")
	}
	m.receivers = append(m.receivers, name)
	m.result.Receivers++
	body := entry("name", text(name))
	if n := t.Get("labels"); n != nil {
		m.explain(n, "labels of receivers are left out: there is nothing here that shows them", "")
	}
	for i, key := range t.Keys {
		typ, ok := strings.CutSuffix(key, "_configs")
		if !ok || t.Items[i].Kind == strictyaml.Null {
			continue
		}
		var list lines
		for _, item := range m.items(t.Items[i]) {
			if m.isMap(item) {
				list = append(list, m.integration(name, typ, item).item().indent()...)
			}
		}
		if len(list) > 0 {
			body = append(append(body, key+":"), list...)
		}
	}
	if len(m.receiverLines) == 0 {
		m.receiverLines = lines{"receivers:"}
	}
	m.receiverLines = append(m.receiverLines, body.item().indent()...)
}

// integration carries over one item of a list such as email_configs.
func (m *migration) integration(receiver, typ string, t *strictyaml.Tree) lines {
	switch typ {
	case "slack":
		return m.slack(receiver, t)
	case "pagerduty":
		return m.pagerDuty(receiver, t)
	}
	k, ok := integrations[typ]
	if !ok {
		return nil // reported as an unknown key
	}
	for _, need := range slices.Sorted(maps.Keys(k.needs)) {
		global := k.needs[need]
		if global != "" && t.Get(need) == nil {
			m.needsGlobal = true
		}
		if !has(t, need) && (global == "" || !has(m.global, global)) {
			t.At.Problem(typ+"_configs: "+need+" is missing", "Alertmanager would not take the file either")
		}
	}
	if typ == "sns" && count(t, "topic_arn", "phone_number", "target_arn") != 1 {
		t.At.Problem("sns_configs: want one of topic_arn, phone_number and target_arn", "Alertmanager would not take the file either")
	}
	m.needsGlobal = m.needsGlobal || m.global.Get("http_config") != nil
	m.conceal(t, k.secrets, receiver+"-"+typ)
	_, body := value(t)
	if body == nil {
		return lines{"{}"}
	}
	return body
}

// has reports whether a map has a key or the one that names a file instead.
func has(t *strictyaml.Tree, key string) bool {
	n := t.Get(key)
	return n != nil && (n.Kind != strictyaml.Scalar || n.Text != "") || t.Get(key+"_file") != nil
}

func count(t *strictyaml.Tree, keys ...string) (n int) {
	for _, k := range keys {
		if t.Get(k) != nil {
			n++
		}
	}
	return n
}

// standard is a text that Alertmanager would send where nobody wrote any.
var standard = regexp.MustCompile(`^\s*\{\{-?\s*template\s+"(__subject|[a-z0-9]+\.default\.[a-zA-Z_]+)"\s+\.\s*-?\}\}\s*$`)

// own carries over fields whose texts replace quell's, unless they are Alertmanager's defaults: quell's own say more.
func (m *migration) own(t *strictyaml.Tree, keys ...string) (out lines) {
	for _, key := range keys {
		n := t.Get(key)
		if n == nil || n.Kind == strictyaml.Scalar && (standard.MatchString(n.Text) || n.Text == "") {
			continue
		}
		if n.Kind != strictyaml.Scalar {
			continue
		}
		m.explain(n, "texts of Slack and PagerDuty are carried over, and replace those of quell, which name the root cause", "compare them with quell's: without the keys you get those")
		out = append(out, entry(key, text(n.Text))...)
	}
	return out
}

// leave tells which keys of an integration are left out.
func (m *migration) leave(t *strictyaml.Tree, what string, kept ...string) {
	var left []string
	for i, k := range t.Keys {
		if !slices.Contains(kept, k) && t.Items[i].Kind != strictyaml.Null {
			left = append(left, k)
		}
	}
	if len(left) > 0 {
		m.lose(t, what+": "+strings.Join(left, ", ")+" not carried over, since quell writes these messages itself", "look at a message first; title and text, description and details may be replaced")
	}
}

// botURL ends the address of the method that bot tokens are for: some took it for an incoming webhook's before there was app_token.
const botURL = "/chat.postMessage"

// slack makes an integration with a bot token of one with an incoming webhook.
func (m *migration) slack(receiver string, t *strictyaml.Tree) (out lines) {
	m.both(t, "api_url", "api_url_file")
	m.both(t, "app_token", "app_token_file")
	if has(t, "api_url") && has(t, "app_token") {
		t.At.Problem("slack_configs: there is both an api_url and an app_token", "Alertmanager would not take the file either")
	}
	address := m.text(t.Get("api_url"))
	webhook := has(t, "api_url") && !strings.HasSuffix(address, botURL) || !has(t, "api_url") && !has(t, "app_token") && m.slackWebhook
	if n := t.Get("update_message"); n != nil && m.boolean(n) && webhook {
		n.At.Problem("slack_configs: messages of incoming webhooks cannot be updated", "Alertmanager would not take the file either")
	}
	token := m.slackToken
	authorization := t.Get("http_config").Get("authorization")
	if authorization == nil && !has(t, "api_url") {
		authorization = m.global.Get("http_config").Get("authorization")
	}
	what := "the bot token of Slack for receiver " + receiver
	switch {
	case t.Get("app_token_file") != nil:
		token = m.path(m.text(t.Get("app_token_file")))
	case t.Get("app_token") != nil:
		token = m.secret(m.text(t.Get("app_token")), receiver+"-slack-token", what)
	case !webhook && authorization.Get("credentials_file") != nil:
		token = m.path(m.text(authorization.Get("credentials_file")))
	case !webhook && authorization.Get("credentials") != nil:
		token = m.secret(m.text(authorization.Get("credentials")), receiver+"-slack-token", what)
	case !webhook && token == "":
		t.At.Problem("slack_configs: there is no api_url and no app_token, and none in global", "Alertmanager would not take the file either")
	}
	if webhook || token == "" {
		token = m.secret("", "slack.token", "a bot token of Slack (xoxb-…)")
		m.lose(t, "incoming webhooks of Slack are not carried over: they cannot edit a message, and quell keeps one message for an incident",
			"make an app with a bot token, invite it to the channels, and put the token into "+token+"; docs/slack.md")
		out = append(out, comment("Alertmanager posted by an incoming webhook. A bot token goes into this file:")...)
	}
	out = append(out, entry("token_file", text(token))...)
	channel := m.text(t.Get("channel"))
	switch {
	case channel == "":
		m.lose(t, "the channel is not known: the incoming webhook knew it", "write it in place of #change-me")
		channel = "#change-me"
	case strings.Contains(channel, "{{"):
		m.lose(t.Get("channel"), "a channel cannot be a template: "+strictyaml.Quote(channel), "make a receiver for each channel, and route to them; write the channel in place of #change-me")
		channel = "#change-me"
	}
	out = append(out, entry("channel", text(channel))...)
	out = append(out, m.own(t, "title", "text")...)
	m.leave(t, "slack_configs", "api_url", "api_url_file", "app_token", "app_token_file", "app_url", "channel", "title", "text", "send_resolved", "update_message", "http_config")
	if t.Get("http_config") != nil && authorization == nil {
		m.lose(t.Get("http_config"), "http_config of Slack is not carried over: quell has a client of its own", "a proxy is taken from the environment: HTTPS_PROXY, NO_PROXY")
	}
	return out
}

// pagerDuty makes an integration with the Events API v2.
func (m *migration) pagerDuty(receiver string, t *strictyaml.Tree) (out lines) {
	m.both(t, "routing_key", "routing_key_file")
	m.both(t, "service_key", "service_key_file")
	key := ""
	switch {
	case has(t, "routing_key") && has(t, "service_key"), !has(t, "routing_key") && !has(t, "service_key"):
		t.At.Problem("pagerduty_configs: want either a routing_key or a service_key", "Alertmanager would not take the file either")
	case t.Get("routing_key_file") != nil:
		key = m.path(m.text(t.Get("routing_key_file")))
	case t.Get("routing_key") != nil:
		key = m.secret(m.text(t.Get("routing_key")), receiver+"-pagerduty-routing_key", "the integration key of PagerDuty's Events API v2 for receiver "+receiver)
	default:
		key = m.secret("", receiver+"-pagerduty-routing_key", "an integration key of PagerDuty's Events API v2 for receiver "+receiver)
		m.lose(t, "a service_key is not carried over: it is of PagerDuty's older Events API v1", "add an integration Events API v2 to the service, and put its key into "+key)
		out = append(out, comment("Alertmanager used an integration of the Events API v1. The key of one of v2 goes into this file:")...)
	}
	out = append(out, entry("routing_key_file", text(key))...)
	address := m.pagerDutyURL
	if n := t.Get("url"); n != nil {
		address = m.pagerDutyBase(n)
	}
	if address != "" {
		out = append(out, entry("url", text(address))...)
	}
	out = append(out, m.own(t, "description")...)
	out = append(out, m.details(t.Get("details"))...)
	m.leave(t, "pagerduty_configs", "routing_key", "routing_key_file", "service_key", "service_key_file", "url", "description", "details", "send_resolved")
	return out
}

// pagerDutyBase is the base address of PagerDuty, or empty if it is the usual one.
func (m *migration) pagerDutyBase(t *strictyaml.Tree) string {
	base := strings.TrimSuffix(strings.TrimRight(m.text(t), "/"), "/v2/enqueue")
	switch {
	case base == "https://events.pagerduty.com", strings.HasSuffix(base, "/create_event.json"): // the latter is of the older API
		return ""
	case !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") || hasUser(base):
		m.lose(t, "an address of PagerDuty is not carried over: it is none that can stand in the file", "write url")
		return ""
	}
	return base
}

// details carries over what users added to PagerDuty's details.
func (m *migration) details(t *strictyaml.Tree) lines {
	if t == nil || !m.isMap(t) {
		return nil
	}
	kept := &strictyaml.Tree{Kind: strictyaml.Map}
	for i, key := range t.Keys {
		switch n := t.Items[i]; {
		case n.Kind == strictyaml.Null || n.Kind == strictyaml.Scalar && (n.Text == "" || standard.MatchString(n.Text)):
		case n.Kind != strictyaml.Scalar:
			m.lose(n, "a detail that is no text is not carried over: "+strictyaml.Quote(key), "write it as a text")
		default:
			kept.Keys, kept.Items = append(kept.Keys, key), append(kept.Items, text(n.Text))
		}
	}
	if len(kept.Keys) == 0 {
		return nil
	}
	return entry("details", kept)
}
