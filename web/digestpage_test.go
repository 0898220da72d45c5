package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestDigestPageForbidsAllButItself: no script, no other site, one style sheet by its hash.
func TestDigestPageForbidsAllButItself(t *testing.T) {
	w := newFixture(0).ask(http.MethodGet, "/digest?timezone=Europe/Berlin&matchers=team%3Dshop", "")
	if got, want := w.Body.String(), `168h0m0s Europe/Berlin {team="shop"} page`; w.Code != http.StatusOK || got != want {
		t.Errorf("status %d, asked for %q, want %q", w.Code, got, want)
	}
	const policy = "default-src 'none'; img-src data:; style-src 'sha256-x'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := w.Header().Values("Content-Security-Policy"); len(got) != 1 || got[0] != policy {
		t.Errorf("policy %q", got)
	}
	if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("X-Content-Type-Options %q", got)
	}
}

// TestDigestPageHasAPeriod that ends where it is asked to, and is no longer than a year.
func TestDigestPageHasAPeriod(t *testing.T) {
	for query, want := range map[string]string{
		"": "168h0m0s ", "period=1d": "24h0m0s ", "period=1d&until=3d": "24h0m0s ", "since=2d": "48h0m0s ", "since=3d&until=1d": "48h0m0s ",
		"period=2y": `{"error":"period: `, "period=1d&since=2d": `{"error":"period: `, "period=x": `{"error":"period: `, "period=-1d": `{"error":"period: `,
		"since=2y": `{"error":"the period is longer`, "format=json": `{"error":"format: a page has one only`, "x=1": `{"error":"unknown parameter`,
		"timezone=Mars/Olympus": `{"error":"timezone: `, "matchers=team": `{"error":"matchers: `, "a=%zz": `{"error":`,
	} {
		w := newFixture(0).ask(http.MethodGet, "/digest?"+query, "")
		if got := w.Body.String(); !strings.HasPrefix(got, want) || (w.Code == http.StatusOK) == strings.HasPrefix(want, "{") {
			t.Errorf("%s: status %d, got %.100q, want %q", query, w.Code, got, want)
		}
	}
}
