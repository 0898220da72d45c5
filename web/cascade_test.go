package web

import (
	"mime"
	"net/http"
	"strings"
	"testing"
)

func TestCascadeIsServedAsSVGAndPNG(t *testing.T) {
	f := newFixture(3)
	f.memory.list[0].Roots = nil
	for path, want := range map[string]struct {
		kind, begins string
	}{
		"/api/v1/incidents/inc-2/cascade.svg": {"image/svg+xml", "<?xml"},
		"/api/v1/incidents/inc-2/cascade.png": {"image/png", "\x89PNG"},
	} {
		w := f.ask("GET", path, "")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want.kind || !strings.HasPrefix(w.Body.String(), want.begins) {
			t.Errorf("%s: got %d %s %.40q", path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if alt, err := new(mime.WordDecoder).DecodeHeader(w.Header().Get("Content-Description")); err != nil || !strings.HasPrefix(alt, "Cascade of inc-2: root cause ") {
			t.Errorf("%s: no description for those who do not see it: %q, %v", path, alt, err)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: a drawing may do more than show itself: %v", path, w.Header())
		}
	}
	for path, status := range map[string]int{
		"/api/v1/incidents/inc-9/cascade.svg": http.StatusNotFound,
		"/api/v1/incidents/inc-3/cascade.svg": http.StatusNotFound, // it has no root
		"/api/v1/incidents/x/cascade.png":     http.StatusBadRequest,
	} {
		if w := f.ask("GET", path, ""); w.Code != status {
			t.Errorf("%s: got %d %s, want %d", path, w.Code, w.Body, status)
		}
	}
}
