package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestDigestTakesAPeriodAZoneAndMatchers, and refuses what it does not understand.
func TestDigestTakesAPeriodAZoneAndMatchers(t *testing.T) {
	f := newFixture(0)
	for _, c := range []struct {
		query  string
		status int
		want   string
	}{
		{"", http.StatusOK, "168h0m0s UTC {} json"},
		{"?since=2026-01-05T00:00:00Z&until=2026-01-06T00:00:00Z&timezone=Europe/Berlin&format=markdown", http.StatusOK, "24h0m0s Europe/Berlin {} markdown"},
		{"?matchers=team%3D%22shop%22&matchers=env%3D~%22p.*%22", http.StatusOK, `{team="shop",env=~"p.*"}`},
		{"?since=400d", http.StatusBadRequest, "longer than a year"},
		{"?since=1h&until=2h", http.StatusBadRequest, "since is not before until"},
		{"?since=tomorrow", http.StatusBadRequest, "since:"},
		{"?timezone=Local", http.StatusBadRequest, "no time zone"},
		{"?matchers=team", http.StatusBadRequest, "matchers:"},
		{"?format=pdf", http.StatusBadRequest, "format:"},
		{"?period=1d", http.StatusBadRequest, "unknown parameter"},
	} {
		if w := f.ask(http.MethodGet, "/api/v1/digest"+c.query, ""); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %d with %q", c.query, w.Code, w.Body, c.status, c.want)
		}
	}
}
