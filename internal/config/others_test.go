//go:build !slim

package config

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/notify"
	"quell/notify/alertmanager"
	"quell/routing"
)

// The configurations in docs/receivers.md load, and the first has an integration of every kind there is.
func TestReceiversInDocsLoad(t *testing.T) {
	doc, err := os.ReadFile("../../docs/receivers.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 2 {
		t.Fatalf("got %d examples, want 2", len(blocks))
	}
	var all []notify.Receiver
	for _, b := range blocks {
		files := map[string]string{"quell.yml": b[1]}
		for _, m := range regexp.MustCompile(`_file: (secrets/[\w.-]+)`).FindAllStringSubmatch(b[1], -1) {
			files[m[1]] = "secret"
		}
		files["secrets/ca.pem"] = certificate
		all = append(all, load(t, write(t, files)).Receivers...)
	}
	var missing []string
	for _, typ := range alertmanager.Types() {
		if !slices.ContainsFunc(all, func(r notify.Receiver) bool {
			return slices.ContainsFunc(r.Others, func(o notify.OtherConfig) bool { return o.Type == typ })
		}) {
			missing = append(missing, typ)
		}
		if !strings.Contains(string(doc), "| `"+typ+"_configs`") && !strings.Contains(string(doc), ", `"+typ+"_configs`") {
			t.Errorf("the table lacks %s_configs", typ)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no example of %q", missing)
	}
}

func TestOtherReceiversAreRouted(t *testing.T) {
	c := load(t, write(t, map[string]string{"key": "K", "hook": "https://chat.example/x", "quell.yml": `
receivers:
  - name: team
    discord_configs: [{webhook_url_file: hook}, {webhook_url_file: hook, notices: false}]
    webhook_configs: [{url: "http://hooks.example"}, {url: "http://hooks.example", notices: true}]
  - name: oncall
    opsgenie_configs: [{}]
    email_configs: [{to: a@example.com}]
route: {receiver: oncall, routes: [{receiver: team}]}
digest: [{schedule: "0 9 * * MON", receiver: team}]
global: {opsgenie_api_key_file: key, smtp_smarthost: "localhost:25", smtp_from: q@example.com}
`}))
	at := func(receiver, typ string, index int) routing.Target {
		return routing.Target{Receiver: receiver, Type: typ, Index: index}
	}
	want := map[string][]routing.Target{
		"team":   {at("team", "discord", 0), at("team", "discord", 1), at("team", "webhook", 0), at("team", "webhook", 1)},
		"oncall": {at("oncall", "opsgenie", 0), at("oncall", "email", 0)},
	}
	if diff := cmp.Diff(want, c.Targets()); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	chats := []routing.Target{at("team", "discord", 0), at("team", "webhook", 1), at("oncall", "email", 0)}
	if diff := cmp.Diff(chats, c.Routing().Chats); diff != "" {
		t.Errorf("chats (-want +got):\n%s", diff)
	}
	if strings.Contains(c.Policy().Routing, "example") {
		t.Error("settings of receivers are in the policy, which the journal keeps")
	}
}

func TestOtherReceiversNameEveryProblem(t *testing.T) {
	dir := write(t, map[string]string{"key": "K", "quell.yml": `
global:
  smtp_smarthost: mail:25
  smtp_frm: q@example.com
  slack_api_url: https://hooks.slack.com/x
route: {receiver: a}
receivers:
  - name: a
    email_configs:
      - {to: a@example.com, auth_password: hunter2}
    opsgenie_configs:
      - {api_key_file: nokey, notices: true}
    webhook_configs:
      - {url: "http://u:hunter2@h/"}
      - http_config: {tls_config: {key: hunter2}, http_headers: {X-Key: {secrets: [hunter2]}}}
    sns_configs:
      - sigv4: {region: r, secret_key: hunter2}
`})
	_, err := Load(filepath.Join(dir, "quell.yml"))
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range problems {
		p.File = filepath.Base(p.File)
		got = append(got, p.String())
	}
	want := []string{
		`quell.yml:4:3: unknown key "smtp_frm" (did you mean smtp_from?)`,
		`quell.yml:5:18: Slack's settings belong to the receiver (write token_file and channel in its slack_configs)`,
		`quell.yml:10:44: secrets do not belong in this file (put it in a file of its own and write auth_password_file: PATH)`,
		`quell.yml:12:24: secret file cannot be read: no such file or directory (the value is a path, relative to this file)`,
		`quell.yml:12:40: notices must not wake anybody, and opsgenie does (remove it)`,
		`quell.yml:14:15: a password in an address does not belong in this file (write http_config.basic_auth with password_file, or proxy_from_environment)`,
		`quell.yml:15:41: secrets do not belong in this file (put it in a file of its own and write key_file: PATH)`,
		`quell.yml:15:83: secrets do not belong in this file (put it in a file of its own and write files: [PATH])`,
		`quell.yml:17:40: secrets do not belong in this file (leave it out: AWS's environment, profile or role is used)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// What Alertmanager's own package finds wrong stands where it is written.
func TestOtherReceiversPlaceAlertmanagersProblems(t *testing.T) {
	for yaml, want := range map[string]string{
		"email_configs: [{to: a@example.com}]":                                       `5:21: email_configs: no global SMTP smarthost set (write smarthost: HOST:PORT here, or smtp_smarthost in global)`,
		"telegram_configs: [{bot_token_file: key, chat_id: abc}]":                    "5:55: telegram_configs: cannot unmarshal !!str `abc` into int64",
		"webhook_configs: [{url: 'http://h/', http_config: {enable_http2: 'x'}}]":    "5:70: webhook_configs: cannot unmarshal !!str `x` into bool (write true or false)",
		"discord_configs: [{}]":                                                      "5:23: discord_configs: one of webhook_url or webhook_url_file must be configured",
		"discord_configs: [{webhook_url_file: key, title: '{{ .Incident.Titel }}'}]": "5:54: template: there is no .Titel, for an incident that is escalated (did you mean Title?)",
	} {
		dir := write(t, map[string]string{"key": "K", "quell.yml": "\nroute: {receiver: a}\nreceivers:\n  - name: a\n    " + yaml + "\n"})
		_, err := Load(filepath.Join(dir, "quell.yml"))
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", yaml, err, want)
		}
	}
}
