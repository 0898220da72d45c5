package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests looks for queries and bodies that make a handler panic or blame itself: whatever a request says, it is the request's fault.
func FuzzRequests(f *testing.F) {
	requests := []struct{ method, path string }{
		{http.MethodGet, "/api/v1/incidents"},
		{http.MethodGet, "/api/v1/incidents/inc-1/why"},
		{http.MethodGet, "/api/v1/figures"},
		{http.MethodGet, "/api/v1/topology"},
		{http.MethodGet, "/api/v1/digest"},
		{http.MethodGet, "/digest"},
		{http.MethodGet, "/api/v1/unseen"},
		{http.MethodPost, "/api/v1/incidents/inc-1/ack"},
		{http.MethodPost, "/api/v1/incidents/inc-1/feedback"},
		{http.MethodPost, "/api/v1/silences"},
		{http.MethodDelete, "/api/v1/heartbeat/watchdog"},
		{http.MethodPost, "/api/v1/deliveries/1/retry"},
	}
	f.Add(uint8(0), "state=open&limit=3&after=inc-7&q=pod", "")
	f.Add(uint8(4), "since=7d&timezone=Europe/Berlin&matcher=a%3Db&format=json", "")
	f.Add(uint8(8), "", `{"root": "pod/a", "not_root": ["node/n"], "by": "ada"}`)
	f.Add(uint8(9), "", `{"matchers": ["a=\"b\""], "duration": "2h", "created_by": "ada", "comment": "why"}`)
	f.Fuzz(func(t *testing.T, which uint8, query, body string) {
		to := requests[int(which)%len(requests)]
		r := httptest.NewRequest(to.method, to.path, strings.NewReader(body))
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		newFixture(3).mux.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s?%s: status %d, %s", to.method, to.path, query, w.Code, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s?%s: the answer is no JSON: %s", to.method, to.path, query, w.Body)
		}
	})
}
