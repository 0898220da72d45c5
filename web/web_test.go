package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
)

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// memory is a backend of a few incidents.
type memory struct {
	list     []*correlate.Incident // newest first
	commands []string
	err      error
	silences []correlate.SilenceView
	refusal  error // of a silence
}

func (m *memory) Incidents(_ context.Context, q Query) (*Page, error) {
	p := new(Page)
	for _, inc := range m.list {
		if !q.Match(inc) {
			continue
		}
		if len(p.Incidents) == q.Limit {
			p.More = true
			break
		}
		p.Incidents = append(p.Incidents, inc)
	}
	return p, m.err
}

func (m *memory) Incident(_ context.Context, id correlate.IncidentID) (*correlate.Incident, error) {
	for _, inc := range m.list {
		if inc.ID == id {
			return inc, m.err
		}
	}
	return nil, fmt.Errorf("look up %s: %w", id, ErrNotFound)
}

func (m *memory) Why(ctx context.Context, id correlate.IncidentID, limit int) (*correlate.Explanation, error) {
	inc, err := m.Incident(ctx, id)
	if err != nil {
		return nil, err
	}
	x := correlate.ExplainStored(inc)
	x.Notes = append(x.Notes, fmt.Sprintf("limit %d", limit))
	return x, nil
}

func (m *memory) Neighbourhood(_ context.Context, entity topology.Entity, limit int) (*correlate.Neighbourhood, error) {
	if entity != "pod/a" {
		return nil, ErrUnknownEntity
	}
	since := start
	return &correlate.Neighbourhood{
		Entity: entity, Declared: []correlate.ToldBy{}, Dependents: []correlate.Neighbour{}, DependsOnTotal: limit,
		DependsOn: []correlate.Neighbour{{Entity: "node/n", Type: "runs_on", ToldBy: correlate.ToldBy{Source: "api", Since: &since}}},
	}, m.err
}

func (m *memory) Digest(_ context.Context, q *DigestQuery) (*Document, error) {
	return &Document{Type: "text/plain", Style: "'sha256-x'", Body: fmt.Appendf(nil, "%s %s %s %s", q.Until.Sub(q.Since), q.Location, q.Matchers, q.Format)}, m.err
}

func (m *memory) Unseen(_ context.Context, since, until time.Time) ([]correlate.UnseenView, error) {
	return []correlate.UnseenView{{Name: until.Sub(since).String(), Reason: correlate.NotSent, Count: 2, TotalSeconds: 3, LongestSeconds: 2}}, m.err
}

func (m *memory) Heartbeats(context.Context) ([]correlate.HeartbeatView, error) {
	return []correlate.HeartbeatView{{Name: "backup", Entity: "heartbeat/backup", State: "ok", Since: start, IntervalSeconds: 60}}, m.err
}

func (m *memory) Forget(_ context.Context, in *correlate.Heartbeat, by, _ string) error {
	switch in.Name {
	case "backup":
		return &correlate.HeartbeatError{Reason: "it is configured"}
	case "watchdog":
		m.commands = append(m.commands, fmt.Sprintf("forget %s%s by %s", in.Name, in.Labels, by))
		return nil
	}
	return &correlate.HeartbeatError{Reason: "there is none", Unknown: true}
}

func (m *memory) Unexplained(_ context.Context, limit int) ([]correlate.SymptomView, int, error) {
	views := []correlate.SymptomView{{Entity: "pod/a", Name: "Info", Severity: correlate.SeverityInfo}, {Entity: "pod/b", Name: "Info"}}
	return views[:min(limit, len(views))], len(views), m.err
}

func (m *memory) Command(ctx context.Context, c *correlate.Command, from string) error {
	inc, err := m.Incident(ctx, c.Incident)
	if err != nil {
		return err
	}
	if !inc.State.Open() {
		return &ConflictError{fmt.Sprintf("incident %s is %s already", c.Incident, inc.State)}
	}
	if from == "" {
		return errors.New("nobody asked")
	}
	m.commands = append(m.commands, fmt.Sprintf("%s %s by %s", c.Action, c.Incident, c.By))
	return nil
}

func (m *memory) Figures(_ context.Context, p honesty.Period) (*honesty.Figures, error) {
	var records []honesty.Record
	for _, inc := range m.list {
		records = append(records, inc.Record())
	}
	f := honesty.Count(records, p)
	return &f, m.err
}

func (m *memory) Feedback(ctx context.Context, f *correlate.Feedback, from string) error {
	inc, err := m.Incident(ctx, f.Incident)
	if err != nil {
		return err
	}
	if from == "" {
		return errors.New("nobody asked")
	}
	inc.Hear(start, f)
	return nil
}

type admin struct {
	reload, ready, err error
	reloads            int
}

func (a *admin) Status(context.Context) (*Status, error) {
	return &Status{Version: "v1", Started: start, StoreID: "s1", Seq: 7, Engine: correlate.Figures{Held: 2, SilentSources: 1}, PendingDeliveries: 3}, a.err
}

func (a *admin) Reload(context.Context, string) error {
	a.reloads++
	return a.reload
}

func (a *admin) Config(context.Context) (*Config, error) {
	return &Config{Hash: "abc", Files: []ConfigFile{{Name: "quell.yml", Hash: "def", Text: "hold: {}\n"}}}, nil
}

func (a *admin) Ready() error { return a.ready }

// incidents are numbered from n down to 1, a minute apart; every third is closed, and of them the second critical.
func incidents(n int) []*correlate.Incident {
	var list []*correlate.Incident
	for i := n; i >= 1; i-- {
		inc := &correlate.Incident{
			ID: correlate.IncidentID(i), Generation: 1, State: correlate.Held, Outcome: "open", Severity: correlate.SeverityWarning,
			Title: fmt.Sprintf("KubePodNotReady on pod/p%d", i), Class: "KubePodNotReady on pod", Opened: start.Add(time.Duration(i) * time.Minute),
			Roots:    []correlate.Root{{Entity: topology.Entity(fmt.Sprintf("pod/p%d", i)), Score: 1, Why: "<script>"}},
			Members:  []topology.Entity{topology.Entity(fmt.Sprintf("pod/m%d", i))},
			Symptoms: []correlate.SymptomView{{Entity: "pod/x", Name: "A"}}, Timeline: []correlate.TimelineEntry{{At: start, Decision: correlate.Open}},
		}
		if i%3 == 0 {
			closed := inc.Opened.Add(30 * time.Second)
			inc.State, inc.Outcome, inc.Closed, inc.Severity = correlate.SelfHealed, "self-healed", &closed, correlate.SeverityCritical
		}
		list = append(list, inc)
	}
	return list
}

type fixture struct {
	memory *memory
	admin  *admin
	mux    *http.ServeMux
	log    strings.Builder
}

func newFixture(n int) *fixture {
	f := &fixture{memory: &memory{list: incidents(n)}, admin: new(admin), mux: http.NewServeMux()}
	New(f.memory, f.admin, slog.New(slog.NewTextHandler(&f.log, nil))).Register(f.mux)
	return f
}

// ask sends a request; body is JSON if there is one.
func (f *fixture) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, content)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, r)
	return w
}

// ids lists the incidents of a page, and its cursor.
func ids(t *testing.T, w *httptest.ResponseRecorder) (list []string, next string) {
	t.Helper()
	var page struct {
		Incidents []map[string]any `json:"incidents"`
		Next      string           `json:"next"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	for _, inc := range page.Incidents {
		list = append(list, inc["id"].(string))
		if inc["symptoms"] != nil || inc["timeline"] != nil {
			t.Errorf("%s comes with its symptoms or timeline", inc["id"])
		}
	}
	return list, page.Next
}

func TestListFiltersIncidents(t *testing.T) {
	f := newFixture(7)
	f.memory.list[0].State = correlate.Merged
	for query, want := range map[string]string{
		"":                                    "inc-6 inc-5 inc-4 inc-3 inc-2 inc-1",
		"state=merged":                        "inc-7",
		"state=self-healed":                   "inc-6 inc-3",
		"state=held&state=self-healed,merged": "inc-7 inc-6 inc-5 inc-4 inc-3 inc-2 inc-1",
		"severity=critical":                   "inc-6 inc-3",
		"entity=pod/p4":                       "inc-4",
		"entity=pod/m2":                       "inc-2",
		"root=pod/p5":                         "inc-5",
		"class=Other":                         "",
		"since=2026-01-02T03:05:00Z":          "inc-6 inc-5 inc-4 inc-2 inc-1", // inc-3 was over by then
		"until=2026-01-02T03:02:00Z":          "inc-2 inc-1",
		"since=1d":                            "inc-5 inc-4 inc-2 inc-1",
		"limit=2":                             "inc-6 inc-5",
	} {
		got, _ := ids(t, f.ask("GET", "/api/v1/incidents?"+query, ""))
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", query, got, want)
		}
	}
	if len(f.memory.list[1].Symptoms) == 0 {
		t.Error("the backend's incidents were changed")
	}
}

func TestPagesGiveEveryIncidentOnce(t *testing.T) {
	f := newFixture(7)
	var all []string
	cursor, pages := "", 0
	for range 4 {
		pages++
		list, next := ids(t, f.ask("GET", "/api/v1/incidents?limit=3"+cursor, ""))
		all = append(all, list...)
		if next == "" {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
	if got := strings.Join(all, " "); got != "inc-7 inc-6 inc-5 inc-4 inc-3 inc-2 inc-1" || pages != 3 {
		t.Errorf("got %s on %d pages", got, pages)
	}
}

func TestBadRequestsSayWhatIsWrong(t *testing.T) {
	f := newFixture(3)
	for path, want := range map[string]string{
		"/api/v1/incidents?state=asleep":    "state: unknown word",
		"/api/v1/incidents?severity=loud":   "severity: unknown word",
		"/api/v1/incidents?entity=x":        "entity: entity id",
		"/api/v1/incidents?since=yesterday": "since: \"yesterday\" is neither a time nor a duration",
		"/api/v1/incidents?limit=1001":      "limit: \"1001\" is no number from 1 to 1000",
		"/api/v1/incidents?limit=0":         "limit: ",
		"/api/v1/incidents?cursor=x":        "cursor: ",
		"/api/v1/incidents?stat=held":       "unknown parameter \"stat\"",
		"/api/v1/incidents?a;b":             "invalid semicolon",
		"/api/v1/incidents/7":               "\"7\" is no incident id",
		"/api/v1/unexplained?limit=x":       "limit: ",
	} {
		w := f.ask("GET", path, "")
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || !strings.HasPrefix(p.Error, want) {
			t.Errorf("%s: got %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
}

func TestOneIncidentComesWithAllThatIsKnown(t *testing.T) {
	f := newFixture(3)
	w := f.ask("GET", "/api/v1/incidents/inc-2", "")
	var inc correlate.Incident
	if err := json.Unmarshal(w.Body.Bytes(), &inc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.memory.list[1], &inc); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(w.Body.String(), "<script>") {
		t.Errorf("markup is not escaped: %s", w.Body)
	}
	if w := f.ask("GET", "/api/v1/incidents/inc-9", ""); w.Code != http.StatusNotFound {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestOperatorsActWithTheirName(t *testing.T) {
	f := newFixture(3)
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		path, body, media string
		status            int
		want              string
	}{
		{"/api/v1/incidents/inc-2/ack", `{"by":"alice"}`, "application/json", 200, "ack inc-2 by alice"},
		{"/api/v1/incidents/inc-2/resolve", `{}`, "application/json", 200, "resolve inc-2 by api"},
		{"/api/v1/incidents/inc-2/resolve", "", "", 200, "resolve inc-2 by api"},
		{"/api/v1/incidents/inc-1/ack", "by=bob", form, 200, "ack inc-1 by bob"},
		{"/api/v1/incidents/inc-1/ack", `{"who":"alice"}`, "application/json", 400, ""},
		{"/api/v1/incidents/inc-1/ack", `{"by":"a"} {}`, "application/json", 400, ""},
		{"/api/v1/incidents/inc-1/ack", `{"by":"` + strings.Repeat("a", 300) + `"}`, "application/json", 400, ""},
		{"/api/v1/incidents/inc-1/ack", "{" + strings.Repeat(" ", 70_000) + "}", "application/json", 400, ""},
		{"/api/v1/incidents/one/ack", "", "", 400, ""},
		{"/api/v1/incidents/inc-8/ack", "", "", 404, ""},
		{"/api/v1/incidents/inc-3/ack", "", "", 409, ""},
	} {
		f.memory.commands = nil
		w := f.ask("POST", c.path, c.body, "Content-Type", c.media)
		if got := strings.Join(f.memory.commands, ", "); w.Code != c.status || got != c.want {
			t.Errorf("%s %.50s: got %d %s, command %q, want %d %q", c.path, c.body, w.Code, w.Body, got, c.status, c.want)
		}
	}
}

func TestOtherMethodsAreRefusedWithThoseThatWork(t *testing.T) {
	f := newFixture(3)
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/api/v1/incidents", "GET, HEAD"},
		{"GET", "/api/v1/incidents/inc-1/ack", "POST"},
		{"GET", "/-/reload", "POST"},
		{"DELETE", "/api/v1/status", "GET, HEAD"},
	} {
		w := f.ask(c.method, c.path, "")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != c.allow || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: got %d, Allow %q, %s", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
	if w := f.ask("HEAD", "/-/ready", ""); w.Code != http.StatusOK {
		t.Errorf("HEAD: got %d", w.Code)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	f := newFixture(3)
	for _, path := range []string{"/api/v1/incidents", "/api/v1/incidents/x", "/-/healthy", "/api/v1/status"} {
		h := f.ask("GET", path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: got %v", path, h)
		}
	}
}

func TestABackendThatCannotAnswerIsUnavailable(t *testing.T) {
	f := newFixture(3)
	f.memory.err, f.admin.err = errors.New("disk full"), errors.New("disk full")
	for _, path := range []string{"/api/v1/incidents", "/api/v1/incidents/inc-2", "/api/v1/unexplained", "/api/v1/status"} {
		w := f.ask("GET", path, "")
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "disk full") {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	if n := strings.Count(f.log.String(), "request not answered"); n != 4 {
		t.Errorf("got %d log lines, want 4", n)
	}
}

func TestStatusHasStableNames(t *testing.T) {
	w := newFixture(0).ask("GET", "/api/v1/status", "")
	want := `{"version":"v1","started":"2026-01-02T03:00:00Z","store_id":"s1","seq":7,"config":{"hash":"","files":null,"sources":null,"loaded":"0001-01-01T00:00:00Z","by":""},` +
		`"degraded":[],"pending_deliveries":3,"kubernetes":[],"engine":{"symptoms":0,"active":0,"lost":0,"held":2,"escalated":0,"acknowledged":0,"closed":0,` +
		`"entities":0,"edges":0,"sources":0,"silent_sources":1,"timers":0,` +
		`"silences_pending":0,"silences_active":0,"silences_expired":0,"maintenance_windows_open":0,"incidents_silenced":0,"incidents_muted":0,` +
		`"heartbeats":0,"heartbeats_missing":0,"heartbeats_failed":0}}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheConfigurationIsShown(t *testing.T) {
	w := newFixture(0).ask("GET", "/api/v1/config", "")
	want := `{"hash":"abc","loaded":"0001-01-01T00:00:00Z","files":[{"name":"quell.yml","sha256":"def","text":"hold: {}\n"}]}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); w.Code != 200 || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", w.Code, diff)
	}
}

func TestUnexplainedAlertsAreListedAndCounted(t *testing.T) {
	w := newFixture(0).ask("GET", "/api/v1/unexplained?limit=1", "")
	if got := w.Body.String(); !strings.Contains(got, `"total":2`) || strings.Count(got, `"entity"`) != 1 {
		t.Errorf("got %s", got)
	}
}

func TestProbesAndReloadAnswerAsPrometheusDoes(t *testing.T) {
	f := newFixture(0)
	if w := f.ask("GET", "/-/ready", ""); w.Code != 200 {
		t.Errorf("ready: got %d", w.Code)
	}
	if w := f.ask("POST", "/-/reload", ""); w.Code != 200 || f.admin.reloads != 1 {
		t.Errorf("reload: got %d", w.Code)
	}
	f.admin.ready = errors.New("safe mode: disk full")
	if w := f.ask("GET", "/-/ready", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "safe mode") {
		t.Errorf("not ready: got %d %s", w.Code, w.Body)
	}
	if w := f.ask("GET", "/-/healthy", ""); w.Code != 200 {
		t.Errorf("healthy although degraded: got %d", w.Code)
	}
	f.admin.reload = errors.New("quell.yml:1:2: a\nquell.yml:3:4: b")
	w := f.ask("POST", "/-/reload", "")
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 500 || len(p.Problems) != 2 || p.Problems[1] != "quell.yml:3:4: b" {
		t.Errorf("bad reload: got %d %s", w.Code, w.Body)
	}
}

func TestWhyIsToldAsJSONOrText(t *testing.T) {
	f := newFixture(3)
	for _, c := range []struct {
		path, accept string
		status       int
		media, want  string
	}{
		{"/api/v1/incidents/inc-1/why", "", 200, "application/json", `"root":{"entity":"pod/p1"`},
		{"/api/v1/incidents/inc-1/why", "*/*", 200, "application/json", `"limit 100"`},
		{"/api/v1/incidents/inc-1/why?limit=7", "text/html, text/plain;q=0.5, */*", 200, "text/plain; charset=utf-8", "limit 7"},
		{"/api/v1/incidents/inc-1/why?format=text", "application/json", 200, "text/plain; charset=utf-8", "Why pod/p1\n"},
		{"/api/v1/incidents/inc-1/why?format=json", "text/plain", 200, "application/json", `"live":false`},
		{"/api/v1/incidents/inc-1/why?format=html", "", 400, "application/json", "neither json nor text"},
		{"/api/v1/incidents/inc-1/why?limit=0", "", 400, "application/json", "limit"},
		{"/api/v1/incidents/inc-1/why?colour=red", "", 400, "application/json", `unknown parameter \"colour\"`},
		{"/api/v1/incidents/seven/why", "", 400, "application/json", "no incident id"},
		{"/api/v1/incidents/inc-9/why", "", 404, "application/json", "no such incident"},
	} {
		w := f.ask("GET", c.path, "", "Accept", c.accept)
		if w.Code != c.status || w.Header().Get("Content-Type") != c.media || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s for %q: got %d %s %s, want %d %s %s", c.path, c.accept, w.Code, w.Header().Get("Content-Type"), w.Body, c.status, c.media, c.want)
		}
	}
	if w := f.ask("POST", "/api/v1/incidents/inc-1/why", "{}"); w.Code != 405 {
		t.Errorf("POST: got %d", w.Code)
	}
}

func TestTopologyShowsWhatIsNextToAnEntity(t *testing.T) {
	f := newFixture(0)
	for _, c := range []struct {
		query  string
		status int
		want   string
	}{
		{"entity=pod/a", 200, `{"entity":"pod/a","declared":[],"depends_on":[{"entity":"node/n","type":"runs_on","source":"api","since":"2026-01-02T03:00:00Z"}],"dependents":[],"depends_on_total":100,"dependents_total":0}`},
		{"entity=pod/a&limit=7&format=text", 200, "Depends on 7 entities\n  runs_on  node/n  api, for "},
		{"entity=pod/b", 404, "the topology does not know this entity"},
		{"", 400, "entity: empty entity id"},
		{"entity=pod", 400, "has no kind and name"},
		{"entity=pod/a&limit=0", 400, "limit: "},
		{"entity=pod/a&format=xml", 400, "neither json nor text"},
		{"entity=pod/a&depth=2", 400, "unknown parameter"},
	} {
		w := f.ask(http.MethodGet, "/api/v1/topology?"+c.query, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %s, want %d %s", c.query, w.Code, w.Body, c.status, c.want)
		}
	}
}
