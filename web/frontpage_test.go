package web

import (
	"net/http"
	"regexp"
	"testing"
)

// TestFrontPageLeadsToPathsThatAreThere follows its links, but for those that other packages answer.
func TestFrontPageLeadsToPathsThatAreThere(t *testing.T) {
	f := newFixture(1)
	w := f.ask(http.MethodGet, "/", "")
	links := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if w.Code != http.StatusOK || len(links) < 5 {
		t.Fatalf("status %d, %d links", w.Code, len(links))
	}
	for _, m := range links {
		if got := f.ask(http.MethodGet, "/"+m[1], "").Code; got != http.StatusOK && m[1] != "metrics" {
			t.Errorf("%s: status %d", m[1], got)
		}
	}
	if w := f.ask(http.MethodGet, "/nowhere", ""); w.Code != http.StatusNotFound {
		t.Errorf("/nowhere: status %d", w.Code)
	}
}
