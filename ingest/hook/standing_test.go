package hook

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// A secret that was changed on one side only shows by name, time, reason and address, until a body is taken again; a source that is not configured
// any more leaves nothing, and all names that no source has share one place.
func TestWhatWasRefusedLastIsTold(t *testing.T) {
	now := testNow
	sources := map[string]*Source{"shop": testSource(t, nil), "quiet": testSource(t, func(s *Source) { s.Name = "quiet" })}
	mux := http.NewServeMux()
	s := New(Config{Sources: func() map[string]*Source { return sources }, Now: func() time.Time { return now }}, new(keeper), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	s.Register(mux)
	post := func(name, auth string) {
		now = now.Add(time.Second)
		r := httptest.NewRequest(http.MethodPost, "/api/v1/webhook/"+name, strings.NewReader(`{"items": [{"name": "A"}]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", auth)
		r.RemoteAddr = "10.0.0.7:5"
		mux.ServeHTTP(httptest.NewRecorder(), r)
	}
	refused := func(inARow uint64, at time.Time) *Refused {
		return &Refused{At: at, Reason: reasonCredentials, Text: "no valid bearer token", From: "10.0.0.7:5", Code: http.StatusUnauthorized, InARow: inARow}
	}
	check := func(when string, want []Standing) {
		t.Helper()
		if d := cmp.Diff(want, s.Standings()); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
	}
	check("at the start", []Standing{{Name: "quiet"}, {Name: "shop"}})
	post("shop", token)
	taken := now
	post("shop", "Bearer of yesterday")
	post("shop", "Bearer of yesterday")
	check("after the secret was changed", []Standing{{Name: "quiet"}, {Name: "shop", Taken: taken, Refused: refused(2, now)}})
	last := now
	post("shop", token)
	check("once it is right again", []Standing{{Name: "quiet"}, {Name: "shop", Taken: now, Refused: refused(0, last)}})
	for i := range 1000 {
		post(fmt.Sprint("guess-", i), "")
	}
	if list := s.Standings(); len(list) != 3 || list[0].Name != "" || list[0].Refused.InARow != 1000 || list[0].Refused.Reason != reasonUnknown ||
		!strings.Contains(list[0].Refused.Text, "guess-999") || len(s.standings.all) != 2 {
		t.Errorf("after a thousand guesses: %+v", list)
	}
	delete(sources, "shop")
	if s.Standings(); len(s.standings.all) != 1 {
		t.Errorf("a source that is gone stays: %v", s.standings.all)
	}
}
