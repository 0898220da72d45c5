package migration

import (
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// globalSecrets are the credentials in the section global.
var globalSecrets = file("smtp_auth_password", "smtp_auth_secret", "opsgenie_api_key", "wechat_api_secret", "victorops_api_key", "telegram_bot_token",
	"rocketchat_token", "rocketchat_token_id", "mattermost_webhook_url")

// globalKeys are what Alertmanager knows there.
var globalKeys = []string{
	"resolve_timeout", "http_config", "jira_api_url", "smtp_from", "smtp_hello", "smtp_smarthost", "smtp_auth_username", "smtp_auth_password",
	"smtp_auth_password_file", "smtp_auth_secret", "smtp_auth_secret_file", "smtp_auth_identity", "smtp_require_tls", "smtp_tls_config",
	"smtp_force_implicit_tls", "slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file", "slack_app_url", "pagerduty_url",
	"opsgenie_api_url", "opsgenie_api_key", "opsgenie_api_key_file", "wechat_api_url", "wechat_api_secret", "wechat_api_secret_file",
	"wechat_api_corp_id", "victorops_api_url", "victorops_api_key", "victorops_api_key_file", "telegram_api_url", "telegram_bot_token",
	"telegram_bot_token_file", "webex_api_url", "rocketchat_api_url", "rocketchat_token", "rocketchat_token_file", "rocketchat_token_id",
	"rocketchat_token_id_file", "mattermost_webhook_url", "mattermost_webhook_url_file",
}

// readGlobal reads what Slack and PagerDuty fall back to.
func (m *migration) readGlobal() {
	g := m.global
	if g == nil {
		return
	}
	m.known(g, globalKeys...)
	if n := g.Get("resolve_timeout"); n != nil {
		m.explain(n, "resolve_timeout is not carried over: Prometheus says itself when an alert ends", "hold.alert_timeout says when an alert that nobody repeats is lost")
	}
	if n := g.Get("pagerduty_url"); n != nil {
		m.pagerDutyURL = m.pagerDutyBase(n)
	}
	m.both(g, "slack_api_url", "slack_api_url_file")
	m.both(g, "slack_app_token", "slack_app_token_file")
	bot := strings.HasSuffix(m.text(g.Get("slack_api_url")), botURL)
	if has(g, "slack_api_url") && has(g, "slack_app_token") && !bot {
		g.At.Problem("global: there is both a slack_api_url and a slack_app_token", "Alertmanager would not take the file either")
	}
	m.slackWebhook = has(g, "slack_api_url") && !bot
	if n := g.Get("slack_app_token_file"); n != nil {
		m.slackToken = m.path(m.text(n))
	} else if n := g.Get("slack_app_token"); n != nil {
		m.slackToken = m.secret(m.text(n), "slack.token", "the bot token of Slack")
	}
}

// finishGlobal carries over what other receivers fall back to, once it is known which there are.
func (m *migration) finishGlobal() {
	g := m.global
	if g == nil {
		return
	}
	own := []string{"resolve_timeout", "slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file", "slack_app_url", "pagerduty_url"}
	kept := &strictyaml.Tree{Kind: strictyaml.Map, At: g.At}
	for i, key := range g.Keys {
		if !slices.Contains(own, key) && g.Items[i].Kind != strictyaml.Null {
			kept.Keys, kept.Items = append(kept.Keys, key), append(kept.Items, g.Items[i])
		}
	}
	if http := g.Get("http_config"); http != nil && !m.needsGlobal {
		m.lose(http, "http_config is not carried over: Slack and PagerDuty are reached by quell's own client", "a proxy is taken from the environment: HTTPS_PROXY, NO_PROXY")
	}
	for key, file := range globalSecrets {
		m.both(g, key, file)
	}
	if !m.needsGlobal || len(kept.Keys) == 0 {
		return
	}
	m.conceal(kept, globalSecrets, "global")
	m.globalLines = append(comment("What other receivers than Slack and PagerDuty fall back to."), entry("global", kept)...)
}
