//go:build !slim

package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake/golden"
	"quell/internal/strictyaml"
	"quell/notify"
	"quell/notify/template"
	"quell/routing"
)

// secrets are the files that the settings of tests name.
var secrets = map[string]string{
	"key": "s3cret-key", "token": "123456:s3cret-token", "user": "s3cret-user", "password": "s3cret-password",
	"hook.url": "http://chat.example/api/webhooks/42/s3cret-path",
}

// integrationKinds are settings of each kind, with a far end that can be put anywhere, and the answers that the real one gives.
var integrationKinds = []struct {
	typ, yaml string
	answer    func(r *http.Request, body string) (status int, answer string)
}{
	{"webhook", `{url: "http://hooks.example/quell", http_config: {authorization: {credentials_file: token}}}`, nil},
	{"opsgenie", `{api_key_file: key, api_url: "http://api.opsgenie.example/", responders: [{name: "{{ .CommonLabels.cluster }}", type: team}]}`, answers(202, `{"result":"Request will be processed","took":0.1,"requestId":"r1"}`)},
	{"msteamsv2", `{webhook_url_file: hook.url}`, answers(202, "")},
	{"msteams", `{webhook_url_file: hook.url}`, answers(200, "1")},
	{"discord", `{webhook_url_file: hook.url}`, answers(204, "")},
	{"telegram", `{bot_token_file: token, chat_id: -1001, api_url: "http://api.telegram.example"}`, answers(200, `{"ok":true,"result":{"message_id":7,"date":1,"chat":{"id":-1001,"type":"group"},"text":"x"}}`)},
	{"jira", `{api_url: "http://jira.example/rest/api/2/", project: OPS, issue_type: Incident, resolve_transition: Done, reopen_transition: To Do, http_config: {basic_auth: {username: quell, password_file: password}}}`, jiraAnswers()},
	{"incidentio", `{url: "http://api.incident.example/v2/alert_events/alertmanager/1", alert_source_token_file: token}`, answers(202, `{"status":"accepted"}`)},
	{"pushover", `{token_file: token, user_key_file: user, http_config: {tls_config: {ca_file: ca.pem, server_name: example.com}}}`, answers(200, `{"status":1}`)},
	{"victorops", `{api_key_file: key, api_url: "http://alert.victorops.example/integrations/generic/20131114/alert/", routing_key: ops}`, answers(200, `{"result":"success"}`)},
	{"rocketchat", `{token_file: token, token_id_file: user, channel: "#ops", api_url: "http://chat.example/"}`, answers(200, `{"success":true}`)},
	{"mattermost", `{webhook_url_file: hook.url}`, answers(200, "ok")},
	{"webex", `{room_id: ROOM, api_url: "http://webex.example/v1/messages", http_config: {authorization: {credentials_file: token}}}`, answers(200, `{"id":"1"}`)},
	{"sns", `{topic_arn: "arn:aws:sns:eu-central-1:123456789012:ops", api_url: "http://sns.example/", sigv4: {region: eu-central-1}}`, answers(200, snsAnswer)},
	{"wechat", `{api_secret_file: key, corp_id: CORP, agent_id: "1", to_user: "@all", api_url: "http://wechat.example/cgi-bin/"}`, answers(200, `{"errcode":0,"errmsg":"ok","access_token":"s3cret-access"}`)},
}

const snsAnswer = `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`

func answers(status int, body string) func(*http.Request, string) (int, string) {
	return func(*http.Request, string) (int, string) { return status, body }
}

// jiraAnswers remembers the issue that was made, as far as searching for it goes.
func jiraAnswers() func(*http.Request, string) (int, string) {
	label := ""
	return func(r *http.Request, body string) (int, string) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/search"):
			if label == "" || !strings.Contains(body, label) {
				return 200, `{"issues":[]}`
			}
			return 200, `{"issues":[{"key":"OPS-1","fields":{"status":{"statusCategory":{"key":"new"}}}}]}`
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/issue"):
			var issue struct{ Fields struct{ Labels []string } }
			if json.Unmarshal([]byte(body), &issue) != nil || len(issue.Fields.Labels) == 0 {
				return 400, `{"errorMessages":["no labels"]}`
			}
			label = issue.Fields.Labels[0]
			return 201, `{"id":"1","key":"OPS-1"}`
		case r.Method == http.MethodGet:
			return 200, `{"transitions":[{"id":"31","name":"Done"}]}`
		}
		return 204, ""
	}
}

// farEnd is a server that stands for any receiver, and writes down what it gets.
type farEnd struct {
	*httptest.Server
	mu     sync.Mutex
	log    strings.Builder
	answer func(*http.Request, string) (int, string)
	// location is where it sends those that it answers with a redirect.
	location string
}

// startFarEnd starts a far end over HTTP, or over TLS with the certificate at ca.
func startFarEnd(t *testing.T, ca string) *farEnd {
	t.Helper()
	f := &farEnd{answer: answers(200, "{}")}
	handler := http.HandlerFunc(f.serve)
	if ca == "" {
		f.Server = httptest.NewServer(handler)
	} else {
		f.Server = httptest.NewTLSServer(handler)
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
		if err := os.WriteFile(ca, cert, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(f.Close)
	return f
}

func (f *farEnd) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client gave up
	}
	f.mu.Lock()
	fmt.Fprintf(&f.log, "%s http://%s%s\n", r.Method, r.Host, r.URL.RequestURI())
	for _, name := range []string{"User-Agent", "Content-Type", "Authorization", "X-Auth-Token", "X-User-Id"} {
		if v := r.Header.Get(name); v != "" && !strings.HasPrefix(v, "AWS4") {
			fmt.Fprintf(&f.log, "%s: %s\n", name, v)
		}
	}
	fmt.Fprintf(&f.log, "\n%s\n\n", readable(r, body))
	status, answer := f.answer(r, string(body))
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if f.location != "" {
		w.Header().Set("Location", f.location)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// told returns what came in since it was asked last.
func (f *farEnd) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.log.String()
	f.log.Reset()
	return s
}

// readable lays a body out for people who read golden files.
func readable(r *http.Request, body []byte) string {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || bytes.HasPrefix(body, []byte("token=")) {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return string(body)
		}
		body, _ = json.Marshal(values)
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return string(body)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(v) != nil {
		return string(body)
	}
	return strings.TrimSpace(out.String())
}

// integrate reads settings as a configuration file has them, and connects the integration to a far end.
func integrate(t testing.TB, typ, yaml, address string) *integration {
	t.Helper()
	dir := t.TempDir()
	for name, text := range secrets {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return integrateIn(t, dir, typ, yaml, address)
}

func integrateIn(t testing.TB, dir, typ, yaml, address string) *integration {
	t.Helper()
	c, problems := read(dir, typ, yaml)
	if err := problems.Err(); err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	in := New(c, notify.Environment{ExternalURL: "https://quell.example.com", StoreID: "s", Templates: template.Default()}).(*integration)
	in.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	in.now = func() time.Time { return time.Date(2026, 11, 2, 3, 19, 1, 0, time.UTC) }
	return in
}

// read reads one integration of a type; paths are relative to dir.
func read(dir, typ, yaml string) (c notify.OtherConfig, problems strictyaml.Problems) {
	problems = strictyaml.Read("quell.yml", []byte(yaml), func(n strictyaml.Node) {
		r := Reader{Check: template.Default().Check, File: func(n strictyaml.Node, _ bool) (string, bool) {
			var name string
			strictyaml.Name(&name)(n)
			_, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				n.Problem("no such file", "")
			}
			return filepath.Join(dir, name), err == nil
		}}
		c, _ = r.Integration(typ, n)
	})
	return c, problems
}

// story is what happens to one incident: it pages, gets worse, is somebody's, and heals. Then quell has something to say about itself.
func story() []*routing.Delivery {
	samples := make(map[string]*routing.Delivery)
	for _, s := range template.Samples() {
		samples[s.Name] = s.Delivery
	}
	trigger, ack, resolve := samples["escalated"], samples["acknowledged"], samples["healed"]
	news := *samples["escalated"]
	worse := *news.Incident
	worse.Roots = []correlate.Root{worse.Roots[1], worse.Roots[0]}
	worse.Title = "deployment/shop/cart@prod-eu explains more"
	news.Incident, news.Action, news.Reason = &worse, routing.Update, "another root explains more"
	operator := samples["a message of quell about itself"]
	over := samples["the end of a message of quell about itself"]
	list := []*routing.Delivery{trigger, &news, ack, resolve, operator, over}
	for i, d := range list {
		d.ID, d.Target.Receiver = uint64(i+1), "oncall"
	}
	return list
}

// TestEveryKindTellsTheLifeOfAnIncident compares all that a receiver of each kind gets with a golden file.
func TestEveryKindTellsTheLifeOfAnIncident(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret-aws")
	t.Setenv("AWS_CA_BUNDLE", "") // with it AWS makes its own connections
	for _, k := range integrationKinds {
		t.Run(k.typ, func(t *testing.T) {
			in, end := connect(t, k.typ, k.yaml)
			if k.answer != nil {
				end.answer = k.answer
			}
			var got strings.Builder
			ref := ""
			for _, d := range story() {
				r, err := in.Notify(t.Context(), d, notify.Sent{Ref: ref})
				if err != nil {
					t.Fatalf("%s: %v", d.Action, err)
				}
				if ref = r; r == "" && d.Action != routing.Acknowledge && d.Action != routing.Operator && !in.settings.once {
					t.Errorf("%s: no reference", d.Action)
				}
				fmt.Fprintf(&got, "######## %s\n\n%s", d.Action, end.told())
			}
			golden.Compare(t, k.typ+".golden", got.String())
		})
	}
}

// connect makes an integration and its far end.
func connect(t *testing.T, typ, yaml string) (*integration, *farEnd) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range secrets {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := ""
	if strings.Contains(yaml, "ca.pem") {
		ca = filepath.Join(dir, "ca.pem")
	}
	end := startFarEnd(t, ca)
	return integrateIn(t, dir, typ, yaml, end.Listener.Addr().String()), end
}
