package app

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/internal/config"
	"quell/web"
)

// Names and tokens of the file are those of the gate. A name for links alone closes no other name to other machines.
func TestAccessIsWhatTheConfigurationSays(t *testing.T) {
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"q.example", strings.ToLower(hostname)}
	for name, c := range map[string]struct {
		config *config.Config
		want   *web.Access
	}{
		"nothing": {new(config.Config), &web.Access{OwnHosts: own[1:]}},
		"links":   {&config.Config{ExternalURL: "https://Q.example:8443/quell"}, &web.Access{Origin: "https://Q.example:8443/quell", OwnHosts: own}},
		"all": {
			&config.Config{ExternalURL: "https://q.example", Token: "t", JournalToken: "j", AllowedHosts: []string{"quell.svc"}},
			&web.Access{Token: "t", JournalToken: "j", Origin: "https://q.example", Hosts: []string{"quell.svc", "q.example"}, OwnHosts: own},
		},
	} {
		if d := cmp.Diff(c.want, accessOf(c.config)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// The gate is in front of every path of a running quell, those of senders included, and its status tells what a webhook refused.
func TestEveryPathOfARunningQuellIsBehindTheGate(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := serveFor(t, strings.Replace(benchConfig, `"127.0.0.1:0"`, `"127.0.0.1:0", token_file: `+key, 1)+
		"webhooks: [{name: shop, preset: grafana, auth: {bearer_file: "+key+"}}]\n")
	ask := asker(t, url)
	gated := []struct{ method, path string }{
		{"GET", "/api/v1/incidents"},
		{"GET", "/api/v1/config"},
		{"GET", "/api/v2/alerts"},
		{"POST", "/api/v2/alerts"},
		{"POST", "/api/v1/alertmanager"},
		{"POST", "/api/v1/kubernetes"},
		{"POST", "/api/v1/topology"},
		{"POST", "/api/v1/heartbeat/x"},
		{"POST", "/api/v1/silences"},
		{"POST", "/api/v2/silences"},
		{"POST", "/-/reload"},
	}
	for _, p := range gated {
		if code, text := ask(p.method, p.path, "evil.example"); code != http.StatusForbidden || !strings.Contains(text, "not known as evil.example") {
			t.Errorf("%s %s by a rebound name: got %d %s", p.method, p.path, code, text)
		}
		if code, text := ask(p.method, p.path, "", "X-Forwarded-For", "10.0.0.1"); code != http.StatusUnauthorized {
			t.Errorf("%s %s through a proxy: got %d %s", p.method, p.path, code, text)
		}
		if code, text := ask(p.method, p.path, "", "X-Forwarded-For", "10.0.0.1", "Authorization", "Bearer s3cret"); code == http.StatusUnauthorized || code == http.StatusForbidden {
			t.Errorf("%s %s with the token: got %d %s", p.method, p.path, code, text)
		}
		if code, text := ask(p.method, p.path, ""); code == http.StatusUnauthorized || code == http.StatusForbidden {
			t.Errorf("%s %s by a script on this machine: got %d %s", p.method, p.path, code, text)
		}
		if code, _ := ask(p.method, p.path, "", "Origin", "https://evil.example"); code == http.StatusForbidden != (p.method == "POST") {
			t.Errorf("%s %s of another site: got %d", p.method, p.path, code)
		}
	}
	if code, _ := ask("POST", "/api/v1/webhook/shop", "", "Authorization", "Bearer of yesterday"); code != http.StatusUnauthorized {
		t.Errorf("a webhook with another token: got %d", code)
	}
	_, text := ask("GET", "/api/v1/status", "")
	var status web.Status
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		t.Fatal(err)
	}
	if w := status.Webhooks; len(w) != 1 || w[0].Webhook != "shop" || w[0].LastTaken != nil || w[0].LastRefused == nil ||
		w[0].LastRefused.Reason != "credentials" || w[0].LastRefused.InARow != 1 || !strings.HasPrefix(w[0].LastRefused.From, "127.0.0.1:") {
		t.Errorf("status has %s", text)
	}
	if _, text := ask("GET", "/metrics", ""); !strings.Contains(text, `quell_http_refused_total{reason="host"} 11`) {
		t.Errorf("refusals are not counted")
	}
}

// asker returns a function that sends a request under the name of a host, with headers in pairs.
func asker(t *testing.T, url string) func(method, path, host string, headers ...string) (int, string) {
	return func(method, path, host string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader("[]"))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }() // it was only read
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
}
