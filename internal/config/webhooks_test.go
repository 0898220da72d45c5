package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/ingest/hook"
)

var webhookFiles = map[string]string{
	"a.key": "k1\n", "open.yml": "become: {a: {alert: {name: body.x}}}\n", "bad.yml": "become: {a: {alert: {name: bodi.x}}}\n",
}

func TestLoadReadsWebhooks(t *testing.T) {
	c, err := Parse("q.yml", []byte(minimal+`webhooks:
  - name: grafana
    preset: grafana
    auth: {hmac: {secret_file: a.key, timestamp_header: X-Time, tolerance: 1m}}
    labels: {cluster: eu}
    max_items: 5
  - {name: own, mapping_file: open.yml, auth: {basic: {username: u, password_file: a.key}}}
  - {name: token, mapping: {become: {a: {alert: {name: body.x}}}}, auth: {bearer_file: a.key}}
  - auth: {hmac: {secret_file: a.key, header: X-Sig}}
    mapping: {signature: {encoding: base64}, become: {a: {alert: {name: body.x}}}}
    name: signed
  - {name: aws, preset: cloudwatch, auth: {sns: {topic_arns: ["arn:aws:sns:eu-central-1:123456789012:a"], max_age: 30m}}}
  - {name: here, preset: flux}
  - {name: open, preset: flux, allow_unauthenticated: true}
`), write(t, webhookFiles))
	if err != nil {
		t.Fatal(err)
	}
	var got []hook.Source
	for _, s := range c.Webhooks {
		v := *s
		v.Mapping = nil
		got = append(got, v)
	}
	none := map[string]string{}
	want := []hook.Source{
		{Name: "grafana", Labels: map[string]string{"cluster": "eu"}, MaxItems: 5, Auth: hook.Auth{HMAC: &hook.HMAC{
			Secret: "k1", Header: "X-Grafana-Alerting-Signature", Algorithm: "sha256", Encoding: "hex", TimestampHeader: "X-Time", Separator: ":", Tolerance: time.Minute,
		}}},
		{Name: "own", Labels: none, MaxItems: 1000, Auth: hook.Auth{Basic: &hook.Basic{Username: "u", Password: "k1"}}},
		{Name: "token", Labels: none, MaxItems: 1000, Auth: hook.Auth{Bearer: "k1"}},
		{Name: "signed", Labels: none, MaxItems: 1000, Auth: hook.Auth{HMAC: &hook.HMAC{
			Secret: "k1", Header: "X-Sig", Algorithm: "sha256", Encoding: "base64", Separator: ".", Tolerance: 5 * time.Minute,
		}}},
		{Name: "aws", Labels: none, MaxItems: 1000, Auth: hook.Auth{SNS: &hook.SNS{TopicARNs: []string{"arn:aws:sns:eu-central-1:123456789012:a"}, MaxAge: 30 * time.Minute}}},
		{Name: "here", Labels: none, MaxItems: 1000},
		{Name: "open", Labels: none, MaxItems: 1000, AllowUnauthenticated: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadWebhooksAreProblems(t *testing.T) {
	for text, want := range map[string]string{
		"{preset: grafana}":                                                               `key "name" is missing`,
		"{name: A, preset: grafana}":                                                      "no name for a webhook (lower-case letters",
		"{name: a}":                                                                       "webhook that maps nothing (give a preset (argocd, ",
		"{name: a, preset: grafanna}":                                                     `unknown preset "grafanna" (did you mean grafana?)`,
		"{name: a, mapping_file: bad.yml}":                                                `bad.yml:1:28: unknown name "bodi" (did you mean body?)`,
		"{name: a, mapping_file: none.yml}":                                               `mapping file "none.yml" cannot be read`,
		"{name: a, preset: grafana, mapping: {eech: body}}":                               `unknown key "eech"`,
		"{name: a, preset: cloudwatch}":                                                   "believed by their signature (write auth: {sns:",
		"{name: a, preset: grafana, auth: {sns: {topic_arns: [x]}}}":                      `"x" names no topic`,
		"{name: a, preset: flux, auth: {sns: {topic_arns: []}}}":                          "auth by sns needs a mapping of SNS' messages",
		"{name: a, preset: flux, auth: {bearer: x}}":                                      "secrets do not belong in this file",
		"{name: a, preset: flux, auth: {token: x}}":                                       "secrets do not belong in this file (put it in a file of its own and write bearer_file: PATH)",
		"{name: a, preset: flux, auth: {token_file: x}}":                                  "write bearer_file: PATH",
		"{name: a, preset: flux, auth: {bearer_file: none.key}}":                          "secret file cannot be read",
		"{name: a, preset: datadog, auth: {hmac: {secret_file: a.key}}}":                  `signature without a header`,
		"{name: a, preset: flux, auth: {hmac: {secret_file: a.key}, bearer_file: a.key}}": "several kinds of auth",
		"{name: a, preset: flux, max_items: 0}":                                           "not between 1 and 10000",
		"{name: a, preset: flux}, {name: a, preset: flux}":                                `second webhook of name "a"`,
	} {
		_, err := Parse("q.yml", []byte(minimal+"webhooks: ["+text+"]\n"), write(t, webhookFiles))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestStrangersCannotPostUnlessTheFileSaysSo: a source without auth is fine while only this machine reaches quell.
func TestStrangersCannotPostUnlessTheFileSaysSo(t *testing.T) {
	const remote = `server: {listen: "0.0.0.0:9095", allow_remote: true}` + "\n"
	for text, problem := range map[string]bool{
		minimal + "webhooks: [{name: a, preset: flux}]\n":                                              false,
		remote + minimal + "webhooks: [{name: a, preset: flux}]\n":                                     true,
		minimal + "webhooks: [{name: a, preset: flux}]\n" + remote:                                     true,
		remote + minimal + "webhooks: [{name: a, preset: flux, allow_unauthenticated: true}]\n":        false,
		remote + minimal + "webhooks: [{name: a, preset: flux, auth: {bearer_file: a.key}}]\n":         false,
		remote + minimal + "webhooks: [{name: a, preset: flux, auth: {hmac: {secret_file: a.key}}}]\n": false,
	} {
		_, err := Parse("q.yml", []byte(text), write(t, webhookFiles))
		if (err != nil) != problem || err != nil && !strings.Contains(err.Error(), "webhook without auth, and other machines can reach quell") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// TestWebhooksInDocumentsLoad, each by itself.
func TestWebhooksInDocumentsLoad(t *testing.T) {
	doc, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{"grafana.key": "k", "github.key": "k", "shop.token": "k"})
	blocks := regexp.MustCompile("(?s)```yaml webhooks\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 3 {
		t.Fatalf("got %d examples, want 3", len(blocks))
	}
	for _, b := range blocks {
		text := b[1]
		if strings.HasPrefix(text, "   ") { // in a list
			text = strings.ReplaceAll("\n"+text, "\n   ", "\n")
		}
		if _, err := Parse("doc", []byte(minimal+text), dir); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}
