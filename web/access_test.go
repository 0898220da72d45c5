package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// gated asks a gate for a path and returns the status, 200 if it lets the request in.
func gated(t *testing.T, a *Access, r *http.Request) (*httptest.ResponseRecorder, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	w := httptest.NewRecorder()
	fine := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	NewGate(func() *Access { return a }, reg, slog.New(slog.DiscardHandler)).Wrap(fine).ServeHTTP(w, r)
	return w, reg
}

// asked is a request from an address to an address, so that its host is fine.
func asked(method, path, from string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:9095"+path, nil)
	r.RemoteAddr = from
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

const (
	here  = "127.0.0.1:40000"
	there = "10.0.0.9:40000"
)

// rule is what strangers get.
var rule = []struct {
	kind, method, path string
	// What strangers get without a token, with one that they do not know, with that, with the journal's, where only that is configured.
	open, unknown, known, journal int
}{
	{"probe", "GET", "/-/healthy", 200, 200, 200, 200},
	{"probe", "GET", "/-/ready", 200, 200, 200, 200},
	{"scrape", "GET", "/metrics", 200, 200, 200, 200},
	{"own proof", "POST", "/api/v1/webhook/grafana", 200, 200, 200, 200},
	{"own proof", "POST", "/api/v1/slack", 200, 200, 200, 200},
	{"own proof", "POST", "/api/v1/pagerduty", 200, 200, 200, 200},
	{"speak", "POST", "/api/v1/alertmanager", 200, 401, 200, 200},
	{"speak", "POST", "/api/v1/alertmanager/events", 200, 401, 200, 200},
	{"speak", "POST", "/api/v2/alerts", 200, 401, 200, 200},
	{"speak", "POST", "/api/v1/kubernetes", 200, 401, 200, 200},
	{"speak", "POST", "/api/v1/topology", 200, 401, 200, 200},
	{"speak", "POST", "/api/v1/heartbeat/backup", 200, 401, 200, 200},
	{"look", "GET", "/api/v1/incidents", 200, 401, 200, 200},
	{"look", "HEAD", "/api/v1/status", 200, 401, 200, 200},
	{"look", "GET", "/api/v2/alerts", 200, 401, 200, 200},
	{"private", "GET", "/api/v1/journal", 403, 401, 200, 200},
	{"private", "HEAD", "/api/v1/config", 403, 401, 200, 200},
	{"change", "POST", "/api/v1/incidents/inc-1/ack", 403, 401, 200, 403},
	{"change", "POST", "/api/v1/silences", 403, 401, 200, 403},
	{"change", "DELETE", "/api/v2/silence/x", 403, 401, 200, 403},
	{"change", "DELETE", "/api/v1/heartbeat/backup", 403, 401, 200, 403},
	{"change", "POST", "/api/v1/deliveries/1/retry", 403, 401, 200, 403},
	{"change", "POST", "/-/reload", 403, 401, 200, 403},
	{"change", "POST", "/a/path/that/nobody/thought/of", 403, 401, 200, 403},
	{"change", "POST", "/api/v1/alertmanagers", 403, 401, 200, 403},
	{"change", "POST", "/-/healthy", 403, 401, 200, 403},
}

// The one rule: this machine may do everything. Without a token others may speak and look, with one they need it for all but probes and what
// proves itself. The journal's token is for what is private alone.
func TestWhoMayAskWhat(t *testing.T) {
	open, whole, journal := &Access{}, &Access{Token: "s3cret"}, &Access{JournalToken: "j0urnal"}
	both := &Access{Token: "s3cret", JournalToken: "j0urnal"}
	for _, c := range rule {
		t.Run(c.kind+" "+c.method+c.path, func(t *testing.T) {
			bearer := []string{"Authorization", "Bearer s3cret"}
			basic := []string{"Authorization", "Basic YWRhOnMzY3JldA=="} // ada:s3cret
			for _, x := range []struct {
				name    string
				access  *Access
				from    string
				headers []string
				want    int
			}{
				{"this machine", open, here, nil, 200},
				{"this machine, by IPv6", open, "[::1]:1", nil, 200},
				{"this machine, with a token that it does not give", both, here, nil, 200},
				{"another, no token", open, there, nil, c.open},
				{"another, no token, but one is given", open, there, bearer, c.open},
				{"no address", open, "@", nil, c.open},
				{"a proxy on this machine", open, here, []string{"X-Forwarded-For", "10.0.0.1"}, c.open},
				{"a proxy of another kind", open, here, []string{"x-forwarded-host", "q.example"}, c.open},
				{"a proxy that says so", open, here, []string{"Via", "1.1 q"}, c.open},
				{"another, without the token", whole, there, nil, c.unknown},
				{"another, with another token", whole, there, []string{"Authorization", "Bearer s3creT"}, c.unknown},
				{"another, with no word for a token", whole, there, []string{"Authorization", "Bearer "}, c.unknown},
				{"another, with the token", whole, there, bearer, c.known},
				{"another, with the token as password", whole, there, basic, c.known},
				{"another, with the journal's token", journal, there, []string{"Authorization", "Bearer j0urnal"}, c.journal},
			} {
				w, _ := gated(t, x.access, asked(c.method, c.path, x.from, x.headers...))
				if w.Code != x.want {
					t.Errorf("%s: got %d %s, want %d", x.name, w.Code, w.Body, x.want)
				}
				if asks := w.Header().Get("WWW-Authenticate") != ""; asks != (x.want == 401) {
					t.Errorf("%s: asks for a password: %v", x.name, asks)
				}
			}
		})
	}
	// Who knows the journal's token does not act with it where there is a token for that.
	for path, want := range map[string]int{"/api/v1/journal": 200, "/api/v1/config": 200, "/api/v1/incidents": 401} {
		if w, _ := gated(t, both, asked("GET", path, there, "Authorization", "Bearer j0urnal")); w.Code != want {
			t.Errorf("%s with the journal's token: got %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

// A page of another site cannot make a browser post here, on whatever path, nor can one whose name was made to lead to this machine even read.
// What is no browser says neither Origin nor Sec-Fetch-Site.
func TestPagesOfOtherSitesAreNotLetIn(t *testing.T) {
	for _, c := range []struct {
		name, method, host string
		access             Access
		from               string
		headers            []string
		reason             string // empty is let in
	}{
		{"a form of another site", "POST", "127.0.0.1:9095", Access{}, here, []string{"Origin", "https://evil.example", "Content-Type", "text/plain"}, "origin"},
		{"a script of another site", "POST", "127.0.0.1:9095", Access{}, here, []string{"Sec-Fetch-Site", "cross-site"}, "origin"},
		{"one of a sandbox", "POST", "127.0.0.1:9095", Access{}, here, []string{"Origin", "null"}, "origin"},
		{"another port of this machine", "DELETE", "127.0.0.1:9095", Access{}, here, []string{"Origin", "http://127.0.0.1:8080"}, "origin"},
		{"quell's own page", "POST", "127.0.0.1:9095", Access{}, here, []string{"Origin", "http://127.0.0.1:9095", "Sec-Fetch-Site", "same-origin"}, ""},
		{"its page behind a proxy", "POST", "127.0.0.1:9095", Access{Token: "t", Origin: "https://q.example/quell"}, there, []string{"Origin", "https://q.example", "Authorization", "Bearer t"}, ""},
		{"a script of an operator", "POST", "127.0.0.1:9095", Access{}, here, nil, ""},
		{"a rebound name reads", "GET", "evil.example:9095", Access{}, here, nil, "host"},
		{"a rebound name posts to itself", "POST", "evil.example:9095", Access{}, here, []string{"Origin", "http://evil.example:9095"}, "host"},
		{"a name that looks like this machine", "GET", "localhost.evil.example", Access{}, here, nil, "host"},
		{"an address as a name", "GET", "127.0.0.1.evil.example", Access{}, here, nil, "host"},
		{"localhost", "GET", "localhost:9095", Access{}, here, nil, ""},
		{"localhost, in full", "GET", "LOCALHOST.:9095", Access{}, here, nil, ""},
		{"below localhost", "GET", "quell.localhost", Access{}, here, nil, ""},
		{"IPv6", "GET", "[::1]:9095", Access{}, here, nil, ""},
		{"IPv6 without a port", "GET", "[::1]", Access{}, here, nil, ""},
		{"no host", "GET", "", Access{}, here, nil, ""},
		{"the external name", "GET", "q.example", Access{OwnHosts: []string{"q.example"}}, here, nil, ""},
		{"an allowed name", "GET", "Q.example:80", Access{Hosts: []string{"q.example"}}, here, nil, ""},
		{"any name, from elsewhere", "GET", "quell.quell.svc:9095", Access{}, there, nil, ""},
		{"another name than those allowed, from elsewhere", "GET", "quell.quell.svc:9095", Access{Hosts: []string{"q.example"}}, there, nil, "host"},
		{"an own name alone closes nothing", "GET", "quell.quell.svc:9095", Access{OwnHosts: []string{"q.example"}}, there, nil, ""},
		{"a probe by address", "GET", "10.1.2.3:9095", Access{Hosts: []string{"q.example"}}, there, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/api/v1/incidents", "/api/v1/alertmanager", "/api/v1/webhook/x", "/api/v1/heartbeat/x", "/api/v2/alerts", "/metrics"} {
				r := asked(c.method, path, c.from, c.headers...)
				r.Host = c.host
				w, reg := gated(t, &c.access, r)
				if (w.Code == 200) != (c.reason == "") {
					t.Errorf("%s: got %d %s", path, w.Code, w.Body)
				}
				if got := refusals(t, reg, c.reason); c.reason != "" && got != 1 {
					t.Errorf("%s: counted %v times as %s", path, got, c.reason)
				}
			}
		})
	}
}

// refusals is how often a gate refused for a reason.
func refusals(t *testing.T, reg *prometheus.Registry, reason string) (n float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "quell_http_refused_total" && m.GetLabel()[0].GetValue() == reason {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// However a path is written, what answers is what was let in: the gate decides by the path and the mux by its parts.
func TestPathsThatAreWrittenOddlyOpenNothing(t *testing.T) {
	f := newFixture(3)
	gate := NewGate(func() *Access { return new(Access) }, prometheus.NewRegistry(), slog.New(slog.DiscardHandler)).Wrap(f.mux)
	for _, target := range []string{
		"/api/v1/journal", "/api/v1/%6aournal", "//api/v1/journal", "/api/v1//journal", "/api/v1/./journal", "/api/v1/webhook/../journal", "/api/v1/webhook/%2e%2e/journal",
		"/api/v1/webhook%2F..%2Fjournal", "/api/v1/webhook/..%2Fjournal", "/-/ready/../../api/v1/journal", "/api/v1/slack/../journal", "/api/v1%2Fjournal", "/api/v1/journal/",
		"/api/v1/journal?/-/ready", "/api/v1/journal;/-/ready",
	} {
		for _, method := range []string{"GET", "HEAD", "CONNECT", "PROPFIND", "get"} {
			r := asked("GET", "/", there)
			u, err := r.URL.Parse("http://127.0.0.1:9095" + target)
			if err != nil {
				t.Fatal(err)
			}
			r.Method, r.URL, r.RequestURI = method, u, target
			w := httptest.NewRecorder()
			gate.ServeHTTP(w, r)
			if w.Code < 300 || strings.Contains(w.Body.String(), `"journal"`) {
				t.Errorf("%s %s: got %d %s", method, target, w.Code, w.Body)
			}
		}
	}
	for _, target := range []string{"/api/v1/heartbeat/../incidents/inc-2/ack", "/api/v1/heartbeat%2F../incidents/inc-2/ack", "/api/v1/webhook/..%2Fincidents/inc-2/ack", "/api/v1/incidents/inc-2/%61ck"} {
		r := asked("POST", "/", there)
		u, err := r.URL.Parse("http://127.0.0.1:9095" + target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		gate.ServeHTTP(httptest.NewRecorder(), r)
		if len(f.memory.commands) > 0 {
			t.Fatalf("%s: %v", target, f.memory.commands)
		}
	}
}
