package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeartbeatsAreListedAndForgotten(t *testing.T) {
	f := newFixture(0)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/v1/heartbeats", "", 200, `{"heartbeats":[{"name":"backup","entity":"heartbeat/backup","state":"ok"`},
		{"GET", "/api/v1/unseen", "", 200, `"alerts":[{"name":"168h0m0s","reason":"not sent","count":2,"total_seconds":3,"longest_seconds":2}]`},
		{"GET", "/api/v1/unseen?since=2026-01-02T03:00:00Z&until=2026-01-02T04:00:00Z", "", 200, `"name":"1h0m0s"`},
		{"GET", "/api/v1/unseen?since=yesterday", "", 400, "since is no time"},
		{"DELETE", "/api/v1/heartbeat/watchdog?cluster=a", `{"by":"ada"}`, 200, "forgotten"},
		{"DELETE", "/api/v1/heartbeat/backup", "", 409, "it is configured"},
		{"DELETE", "/api/v1/heartbeat/x", "", 404, "there is none"},
		{"DELETE", "/api/v1/heartbeat/x", "{", 400, "body"},
		{"GET", "/api/v1/heartbeat/watchdog", "", 405, "use DELETE or POST"},
	} {
		if w := f.ask(c.method, c.path, c.body); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.want)
		}
	}
	if diff := cmp.Diff([]string{`forget watchdog{cluster="a"} by ada`}, f.memory.commands); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
