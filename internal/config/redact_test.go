package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNothingSecretIsShown: whatever way a credential was written down, in keys that quell refuses, in comments and in addresses.
func TestNothingSecretIsShown(t *testing.T) {
	const text = `server: {external_url: "https://quell.example/ops"}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pd.key, routing_key: S1, url: "https://events.example/v2/S2"}]
    # routing_key: S3
    slack_configs: [{token: "S4, S4", channel: "#ops"}, {token: 'S5'}]
    webhook_configs:
      - url: https://user:S6@hook.example/x?token=S7
        http_config: {basic_auth: {username: u, password: S8}, authorization: {credentials: S9}}
    email_configs: [{auth_password: |
        S10
        S10, to: a@b.example}]
    x: 1
smtp_password: >-
  S11

hold: {default: 5m}
dead_mans_switch: {url: "https://deadman.example/ping/S12", interval: 1m}
# see https://docs.example/page and https://me:S13@docs.example
`
	got := Redact(text)
	const want = `server: {external_url: "https://quell.example/ops"}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pd.key, routing_key: <secret>, url: "https://events.example/<secret>"}]
    # routing_key: <secret>
    slack_configs: [{token: <secret>, channel: "#ops"}, {token: <secret>}]
    webhook_configs:
      - url: https://<secret>@hook.example/<secret>
        http_config: {basic_auth: {username: u, password: <secret>}, authorization: {credentials: <secret>}}
    email_configs: [{auth_password: |
        <secret>
        <secret>
    x: 1
smtp_password: >-
  <secret>
<secret>
hold: {default: 5m}
dead_mans_switch: {url: "https://deadman.example/<secret>", interval: 1m}
# see https://docs.example/page and https://<secret>@docs.example
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

// TestAddressesBelowTheirKeysAreHidden: YAML lets a value begin on the line after its key.
func TestAddressesBelowTheirKeysAreHidden(t *testing.T) {
	const text = `receivers:
  - webhook_configs:
      - url:
          http://hook.example/S1?token=S2
      - url: >-
          http://hook.example/S3
      - url: # the new one
          "http://hook.example/S5"
        max_alerts: 1
    slack_configs: [{api_url:
      "https://slack.example/S6", channel: a}]
server:
  external_url:
    https://quell.example/ops
enrich:
  - runbook: https://wiki.example/page
`
	got := Redact(text)
	for _, secret := range []string{"S1", "S2", "S3", "S5", "S6"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s is shown:\n%s", secret, got)
		}
	}
	for _, public := range []string{"http://hook.example/", "https://quell.example/ops", "https://wiki.example/page", "max_alerts: 1"} {
		if !strings.Contains(got, public) {
			t.Errorf("%s is not shown:\n%s", public, got)
		}
	}
}

// TestShownTextsAreThoseThatWereRead, and files of secrets are not among them.
func TestShownTextsAreThoseThatWereRead(t *testing.T) {
	c := load(t, write(t, fullFiles))
	var names []string
	for _, f := range c.Shown() {
		names = append(names, f.Name)
		if strings.Contains(f.Text, "xoxb") || len(f.Hash) != 64 {
			t.Errorf("%s: hash %s, %s", f.Name, f.Hash, f.Text)
		}
	}
	if diff := cmp.Diff([]string{"quell.yml", "a.json", "b.json", "catalog/shop.yaml", "rules/a.yml", "rules/z.yml", "other.yml", "shop.yml"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// FuzzRedact looks for texts that make it panic, or where a second look finds more to hide.
func FuzzRedact(f *testing.F) {
	f.Add("a: {password: 'x', url: http://a:b@c/d}\ntoken: |\n  x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if once := Redact(text); strings.Count(once, "\n") < strings.Count(text, "\n") {
			t.Errorf("lines are gone: %q", once)
		}
	})
}
