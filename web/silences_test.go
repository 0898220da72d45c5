package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/silence"
)

// Silences and its kin make memory a [Silencer] of what was put last.
func (m *memory) Silences(context.Context) ([]correlate.SilenceView, error) {
	return m.silences, m.err
}

func (m *memory) PutSilence(_ context.Context, in *correlate.Silence, from string) (string, error) {
	if m.refusal != nil {
		return "", m.refusal
	}
	v := correlate.SilenceView{Silence: in.Silence, State: silence.Active, Alerts: 3}
	if v.ID == "" {
		v.ID = "new"
	}
	m.silences = []correlate.SilenceView{v}
	m.commands = append(m.commands, fmt.Sprintf("silence by %s force %v %v", in.By, in.Force, from != ""))
	return v.ID, m.err
}

func (m *memory) ExpireSilence(_ context.Context, id, by, _ string) error {
	if m.refusal != nil {
		return m.refusal
	}
	m.commands = append(m.commands, "expire "+id+" by "+by)
	return m.err
}

func TestSilencesAreMadeShownAndEnded(t *testing.T) {
	f := newFixture(0)
	w := f.ask("POST", "/api/v1/silences", `{"matchers":["alertname=\"Down\", team!=x"],"entities":["node/n3"],"incident":"inc-7","duration":"2h","created_by":"ada","comment":"upgrade","force":true}`)
	var got Silence
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if got.ID != "new" || got.EndsAt.Sub(got.StartsAt) != 2*time.Hour || strings.Join(got.Matchers, " ") != `alertname="Down" team!="x"` || got.Incident != 7 || got.Alerts != 3 || got.State != silence.Active {
		t.Errorf("got %+v", got)
	}
	for path, want := range map[string]string{
		"/api/v1/silences":          `{"silences":[{"id":"new","state":"active"`,
		"/api/v1/silences/new":      `"entities":["node/n3"],"incident":"inc-7"`,
		"/api/v1/silences/what/not": `{"error":"no such silence: what/not"`,
	} {
		if w := f.ask("GET", path, ""); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
	if w := f.ask("DELETE", "/api/v1/silences/new", `{"by":"bob"}`, "Content-Type", "application/json"); w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got, want := strings.Join(f.memory.commands, "; "), "silence by ada force true true; expire new by bob"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASilenceUntilAnIncidentIsOverNeedsNoEnd(t *testing.T) {
	f := newFixture(0)
	if w := f.ask("POST", "/api/v1/silences", `{"incident":"inc-7"}`); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if s := f.memory.silences[0]; s.EndsAt.Sub(s.StartsAt) != untilFixed || s.CreatedBy != "api" {
		t.Errorf("got %+v", s)
	}
}

func TestBadSilencesAreAnsweredWithWhatIsWrong(t *testing.T) {
	f := newFixture(0)
	for body, want := range map[string]string{
		`{`:                           "body: ",
		`{"matchers":["x"]}{}`:        "something follows",
		`{"matcher":["x"]}`:           "unknown field",
		`{"matchers":["alertname="]}`: "", // Alertmanager takes it as an empty value
		`{"matchers":["=x"]}`:         "invalid silence: matcher",
		`{"entities":["node/n"],"duration":"2h","ends_at":"2030-01-01T00:00:00Z"}`: "not both",
	} {
		w := f.ask("POST", "/api/v1/silences", body)
		if want != "" && (w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want)) {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
	for _, c := range []struct {
		err    error
		status int
	}{
		{&silence.InvalidError{Reason: "x"}, http.StatusBadRequest},
		{&silence.BroadError{Reasons: []string{"x"}}, http.StatusBadRequest},
		{fmt.Errorf("%w: x", ErrUnknownSilence), http.StatusNotFound},
		{ErrNotFound, http.StatusNotFound},
		{&ConflictError{"x"}, http.StatusConflict},
		{errNotNow, http.StatusServiceUnavailable},
	} {
		f.memory.refusal = c.err
		for _, w := range []int{
			f.ask("POST", "/api/v1/silences", `{"entities":["node/n"],"duration":"2h"}`).Code, f.ask("DELETE", "/api/v1/silences/new", "").Code,
		} {
			if w != c.status {
				t.Errorf("%v: got %d, want %d", c.err, w, c.status)
			}
		}
	}
}

var errNotNow = fmt.Errorf("the disk is full")
