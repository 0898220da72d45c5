package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"quell/correlate/honesty"
)

// judged is a fixture in which inc-1 healed in silence, and inc-2 paged for nothing.
func judged() *fixture {
	f := newFixture(2)
	end := start.Add(time.Hour)
	f.memory.list[1].Generations = []honesty.Generation{{Number: 1, Opened: start, End: honesty.Cleared, Closed: end, BackUntil: end}}
	f.memory.list[0].Generations = []honesty.Generation{{Number: 1, Opened: start, Paged: start.Add(5 * time.Minute), End: honesty.Cleared, Closed: end}}
	f.memory.list[0].Class = "NodeDown on node"
	return f
}

func TestFiguresAreCountedForAPeriodAndAClass(t *testing.T) {
	f := judged()
	ask := func(query string) (got honesty.Figures) {
		t.Helper()
		w := f.ask("GET", "/api/v1/figures?"+query, "")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: got %d %s", query, w.Code, w.Body)
		}
		return got
	}
	got := ask("since=2026-01-01T00:00:00Z")
	if got.Pages.Unneeded != 1 || got.Holds.Healed != 1 || got.Delay.MedianSeconds != 300 || got.Suppression.Rate == nil {
		t.Errorf("got %+v", got)
	}
	if got := ask("since=2026-01-01T00:00:00Z&class=NodeDown+on+node"); got.Holds.Healed != 0 || got.Pages.Sent != 1 || got.Suppression.Rate != nil {
		t.Errorf("of a class: got %+v", got)
	}
	if got := ask("since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z"); got.Pages.Sent+got.Holds.Healed != 0 {
		t.Errorf("of the day before: got %+v", got)
	}
	if got := ask(""); got.Since.IsZero() || !got.Until.IsZero() {
		t.Errorf("without a period: got %+v", got.Period)
	}
	w := f.ask("GET", "/api/v1/figures?since=2026-01-01T00:00:00Z", "", "Accept", "text/plain")
	if !strings.Contains(w.Body.String(), "Pages sent                      1\n  unneeded                      1  cleared") {
		t.Errorf("as text: got %s", w.Body)
	}
	for _, bad := range []string{"since=soon", "until=-1", "kind=x", "format=xml", "since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z"} {
		if w := f.ask("GET", "/api/v1/figures?"+bad, ""); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "hint") {
			t.Errorf("%s: got %d %s", bad, w.Code, w.Body)
		}
	}
}

func TestFeedbackIsTakenStrictly(t *testing.T) {
	f := judged()
	post := func(id, body string) *httptest.ResponseRecorder {
		return f.ask("POST", "/api/v1/incidents/"+id+"/feedback", body, "Content-Type", "application/json")
	}
	if w := post("inc-1", `{"should_have_paged": true, "root": "node/n1", "comment": "customers called", "by": "ada"}`); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if said := f.memory.list[1].Feedback; len(said) != 1 || said[0].By != "ada" || said[0].Root != "node/n1" || !*said[0].ShouldHavePaged {
		t.Errorf("kept: %+v", said)
	}
	for body, want := range map[string]int{
		`{"comment": "x"}`:             http.StatusOK,
		`{}`:                           http.StatusBadRequest,
		``:                             http.StatusBadRequest,
		`{"should_have_paged": "yes"}`: http.StatusBadRequest,
		`{"should_page": true}`:        http.StatusBadRequest,
		`{"comment": "x"} {}`:          http.StatusBadRequest,
		`{"root": "n1"}`:               http.StatusBadRequest,
		`{"comment": "` + strings.Repeat("x", 2000) + `"}`:           http.StatusBadRequest,
		`{"comment": "x", "by": "` + strings.Repeat("x", 300) + `"}`: http.StatusBadRequest,
	} {
		if w := post("inc-2", body); w.Code != want {
			t.Errorf("%.60s: got %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
	if w := post("inc-9", `{"comment": "x"}`); w.Code != http.StatusNotFound {
		t.Errorf("unknown incident: got %d", w.Code)
	}
}
