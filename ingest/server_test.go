package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/correlate/topology"
)

// fakeStore keeps what is submitted, or fails.
type fakeStore struct {
	mu     sync.Mutex
	err    error
	inputs []correlate.Input
}

func (f *fakeStore) Submit(_ context.Context, inputs []correlate.Input) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.inputs = append(f.inputs, inputs...)
	return nil
}

type fixture struct {
	store  *fakeStore
	reg    *prometheus.Registry
	log    *bytes.Buffer
	server *Server
	mux    *http.ServeMux
}

func newFixture(cfg Config) *fixture {
	f := &fixture{store: &fakeStore{}, reg: prometheus.NewPedanticRegistry(), log: &bytes.Buffer{}, mux: http.NewServeMux()}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return received }
	}
	f.server = New(cfg, f.store, f.reg, slog.New(slog.NewJSONHandler(f.log, nil)))
	f.server.Register(f.mux)
	return f
}

func (f *fixture) post(path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, r)
	return w
}

const (
	pathWebhook    = "/api/v1/alertmanager"
	pathAlerts     = "/api/v2/alerts"
	pathKubernetes = "/api/v1/kubernetes"
	pathTopology   = "/api/v1/topology"
)

func TestServerAnswersEverySender(t *testing.T) {
	tests := map[string]struct {
		path, body, contentType string
		code                    int
		answer                  string
		submitted               int
	}{
		"webhook":              {pathWebhook, webhookWith(goodAlert, goodAlert), "application/json", 200, `{"accepted":2}`, 2},
		"webhook, no type":     {pathWebhook, webhookWith(goodAlert), "", 200, `{"accepted":1}`, 1},
		"webhook, charset":     {pathWebhook, webhookWith(goodAlert), "application/json; charset=utf-8", 200, `{"accepted":1}`, 1},
		"webhook, json-like":   {pathWebhook, webhookWith(goodAlert), "application/vnd.alertmanager+json", 200, `{"accepted":1}`, 1},
		"empty webhook":        {pathWebhook, webhookWith(), "", 200, `{"accepted":0}`, 0},
		"form":                 {pathWebhook, webhookWith(goodAlert), "application/x-www-form-urlencoded", 415, `{"error":"content type \"application/x-www-form-urlencoded\" (want application/json)"}`, 0},
		"broken content type":  {pathWebhook, webhookWith(goodAlert), "json;;=", 415, `{"error":"content type \"json;;=\" (want application/json)"}`, 0},
		"malformed":            {pathWebhook, `{"version":"4"`, "", 400, `{"error":"malformed body at byte 14: the body ends where ',' or '}' was expected"}`, 0},
		"partly bad":           {pathWebhook, webhookWith(`0`, goodAlert), "", 400, `{"accepted":1,"rejected":[{"index":0,"reason":"the alert is not an object"}],"rejected_total":1}`, 1},
		"wholly bad":           {pathWebhook, webhookWith(`0`), "", 400, `{"accepted":0,"rejected":[{"index":0,"reason":"the alert is not an object"}],"rejected_total":1}`, 0},
		"alerts":               {pathAlerts, `[{"labels":{"a":"b"}}]`, "application/json", 200, ``, 1},
		"no alerts":            {pathAlerts, `[]`, "", 200, ``, 0},
		"alerts, partly bad":   {pathAlerts, `[{"labels":{"a":"b"}},{}]`, "", 400, `{"accepted":1,"rejected":[{"index":1,"reason":"the alert has no labels"}],"rejected_total":1}`, 1},
		"event":                {pathKubernetes, coreEvent, "", 200, `{"accepted":1}`, 1},
		"event lines":          {pathKubernetes, compact(coreEvent) + "\n" + compact(newEvent), "application/x-ndjson+json", 200, `{"accepted":2}`, 2},
		"topology":             {pathTopology, `{"edges":[{"from":"a/b","to":"c/d"}],"remove_entities":["e/f"]}`, "", 200, `{"accepted":2}`, 1},
		"whole topology":       {pathTopology, `{"replace":true}`, "", 200, `{"accepted":0}`, 1},
		"empty topology":       {pathTopology, `{}`, "", 200, `{"accepted":0}`, 0},
		"topology, bad entity": {pathTopology, `{"remove_entities":["x"]}`, "", 400, `{"error":"topology: remove_entities[0]: entity id \"x\" has no kind and name (want kind/name or kind/namespace/name)"}`, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(Config{})
			var header []string
			if test.contentType != "" {
				header = []string{"Content-Type", test.contentType}
			}
			w := f.post(test.path, test.body, header...)
			if got := strings.TrimSpace(w.Body.String()); w.Code != test.code || got != test.answer {
				t.Errorf("got %d %s, want %d %s", w.Code, got, test.code, test.answer)
			}
			if len(f.store.inputs) != test.submitted {
				t.Errorf("got %d inputs submitted, want %d", len(f.store.inputs), test.submitted)
			}
			if got := testutil.ToFloat64(f.server.metrics.requests.WithLabelValues(test.path, strconv.Itoa(test.code))); got != 1 {
				t.Errorf("got %v requests counted, want 1", got)
			}
		})
	}
}

func TestServerSubmitsTopologyOfTheAPI(t *testing.T) {
	f := newFixture(Config{})
	f.post(pathTopology, `{"remove_entities":["e/f"]}`)
	want := []correlate.Input{&correlate.Topology{Update: topology.Update{RemoveEntities: []topology.Entity{"e/f"}}, Source: "api"}}
	if diff := cmp.Diff(want, f.store.inputs); diff != "" {
		t.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

func TestTopologyNamesItsSource(t *testing.T) {
	for query, want := range map[string]string{
		"": "api", "?source=catalog": "api/catalog", "?source=labels": "api/labels", "?source=": "", "?source=a%20b": "", "?source=" + strings.Repeat("x", 129): "",
	} {
		f := newFixture(Config{})
		w := f.post(pathTopology+query, `{"edges":[{"from":"a/b","to":"c/d"}]}`)
		switch {
		case want == "" && (w.Code != http.StatusBadRequest || len(f.store.inputs) > 0):
			t.Errorf("%s: got %d %s, want 400", query, w.Code, w.Body)
		case want != "" && (w.Code != http.StatusOK || f.store.inputs[0].(*correlate.Topology).Source != want):
			t.Errorf("%s: got %d, source of %+v, want %s", query, w.Code, f.store.inputs, want)
		}
	}
}

// To send again what there is no room for does not help, so it is no 503.
func TestServerRefusesAnUpdateThatTheGraphHasNoRoomFor(t *testing.T) {
	f := newFixture(Config{})
	f.store.err = fmt.Errorf("step: %w", &topology.FullError{What: "entities", Have: 7, Max: 8})
	w := f.post(pathTopology, `{"edges":[{"from":"a/b","to":"c/d"}]}`)
	want := `{"error":"topology: no room for the entities of this update: 7 of at most 8 are there"}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusRequestEntityTooLarge || got != want {
		t.Errorf("got %d %s, want 413 %s", w.Code, got, want)
	}
}

func TestServerTakesOnlyPosts(t *testing.T) {
	f := newFixture(Config{})
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, pathWebhook, strings.NewReader(webhookWith(goodAlert))))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("got %d, want 405", w.Code)
	}
}

// Promise 1: what is not durable is not acknowledged. Alertmanager retries only 5xx at once, so it is no 4xx, even if
// there is a bad alert in the body too.
func TestServerAsksToSendAgainWhatIsNotStored(t *testing.T) {
	f := newFixture(Config{})
	f.store.err = errors.New("disk full")
	w := f.post(pathWebhook, webhookWith(goodAlert, `0`))
	if got := strings.TrimSpace(w.Body.String()); w.Code != 503 || got != `{"error":"not stored, send again: disk full"}` {
		t.Errorf("got %d %s", w.Code, got)
	}
	if n, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || n < 1 || n > 5 {
		t.Errorf("got Retry-After %q, want 1 to 5", w.Header().Get("Retry-After"))
	}
	if got := testutil.CollectAndCount(f.server.metrics.alerts); got != 0 {
		t.Errorf("got %d series of alerts taken, want none", got)
	}
}

func TestServerTurnsAwayWhatItWillNotRead(t *testing.T) {
	f := newFixture(Config{Body: BodyConfig{MaxBytes: 100, MemoryBytes: firstBytes, WaitTimeout: time.Nanosecond}})
	for name, test := range map[string]struct {
		prepare func()
		body    string
		header  []string
		want    int
	}{
		"too large": {func() {}, strings.Repeat(" ", 101), nil, 413},
		"brotli":    {func() {}, "x", []string{"Content-Encoding", "br"}, 415},
		"no memory": {func() { f.server.bodies.budget.freeBytes = 0 }, "{}", nil, 503},
	} {
		test.prepare()
		w := f.post(pathWebhook, test.body, test.header...)
		if w.Code != test.want || w.Header().Get("Connection") != "close" || !strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%s: got %d %v %s, want %d", name, w.Code, w.Header(), w.Body, test.want)
		}
		if got := w.Header().Get("Retry-After") != ""; got != (test.want == 503) {
			t.Errorf("%s: got Retry-After %q", name, w.Header().Get("Retry-After"))
		}
	}
}

func TestAnswerListsABoundedNumberOfRejections(t *testing.T) {
	f := newFixture(Config{})
	w := f.post(pathAlerts, `[`+strings.Repeat(`0,`, 149)+`{"labels":{"a":"b"}}]`)
	if got := strings.Count(w.Body.String(), `"index"`); w.Code != 400 || got != 100 || !strings.Contains(w.Body.String(), `"rejected_total":149`) {
		t.Errorf("got %d, %d listed: %s", w.Code, got, w.Body)
	}
}

// Case 56: senders' text is bounded and cannot break out of answers and logs.
func TestSendersTextIsQuotedAndBounded(t *testing.T) {
	f := newFixture(Config{})
	evil := "\u202e<script>\x1b[31m" + strings.Repeat("x", 100_000)
	w := f.post(pathAlerts, string(encode(t, []map[string]any{{"labels": map[string]any{evil: 1}}, {"labels": map[string]string{"a": "b"}, "startsAt": evil}})))
	for _, out := range []string{w.Body.String(), f.log.String()} {
		if strings.ContainsAny(out, "\u202e\x1b") || strings.Contains(out, "<script>") && strings.Contains(out, "\x1b") || len(out) > 2000 {
			t.Errorf("got %d bytes: %.300q", len(out), out)
		}
	}
}

func TestWhatIsRefusedIsQuarantined(t *testing.T) {
	var got []string
	f := newFixture(Config{Body: BodyConfig{MaxBytes: 200_000}, Quarantine: func(path string, body []byte, reason string) {
		got = append(got, fmt.Sprint(path, " ", len(body), " ", reason))
	}})
	f.post(pathWebhook, `nonsense`)
	f.post(pathAlerts, strings.Repeat(" ", 100_000)+"x")
	f.post(pathWebhook, webhookWith(goodAlert, `0`))
	f.post(pathWebhook, strings.Repeat(" ", 200_001))
	want := []string{
		pathWebhook + ` 8 malformed body at byte 0: "n" where an object was expected`,
		pathAlerts + ` 65536 malformed body at byte 100000: "x" where an array of alerts was expected`,
		pathWebhook + ` 0 1 of its items could not be read, first item 1: the alert is not an object`,
		pathWebhook + ` 0 body is larger than 200000 bytes (raise the limit here, or set max_alerts at the sender)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

// Case 21: one warning a minute for each source, however often it truncates; metrics count all.
func TestTruncatedGroupsAreCountedAndLoggedOnce(t *testing.T) {
	f := newFixture(Config{})
	for i := range 6 {
		f.post(pathWebhook, fmt.Sprintf(`{"version":"4","alerts":[%s],"truncatedAlerts":3,"externalURL":"http://am-%d:9093"}`, goodAlert, i%2))
	}
	if got := strings.Count(f.log.String(), "alertmanager left alerts out"); got != 2 {
		t.Errorf("got %d warnings for two sources, want 2:\n%s", got, f.log)
	}
	if got := testutil.ToFloat64(f.server.metrics.truncatedGroups); got != 6 {
		t.Errorf("got %v counted, want 6", got)
	}
}

func TestMetricsCountWhatWasTaken(t *testing.T) {
	f := newFixture(Config{})
	f.post(pathWebhook, webhookWith(goodAlert, `{"status":"resolved","labels":{"a":"b"},"startsAt":"2099-01-01T00:00:00Z"}`, `0`))
	f.post(pathAlerts, string(encode(t, []map[string]any{{"labels": map[string]string{"a": strings.Repeat("x", 5000)}}})))
	f.post(pathKubernetes, coreEvent)
	f.post(pathKubernetes, `{"kind":"Pod","metadata":{"name":"a","namespace":"b","annotations":{"quell.dev/depends-on":"service/b/c,d,e"}}}`)
	f.post(pathWebhook, `nonsense`)
	want := `
# HELP quell_ingest_alerts_total Alerts taken in.
# TYPE quell_ingest_alerts_total counter
quell_ingest_alerts_total{path="/api/v1/alertmanager",status="firing"} 1
quell_ingest_alerts_total{path="/api/v1/alertmanager",status="resolved"} 1
quell_ingest_alerts_total{path="/api/v2/alerts",status="firing"} 1
# HELP quell_ingest_clock_skew_total Alerts and events with a time in the future that was replaced by the present.
# TYPE quell_ingest_clock_skew_total counter
quell_ingest_clock_skew_total 1
# HELP quell_ingest_events_total Kubernetes events taken in.
# TYPE quell_ingest_events_total counter
quell_ingest_events_total 1
# HELP quell_ingest_malformed_dependencies_total Entries of the annotation quell.dev/depends-on that name no entity.
# TYPE quell_ingest_malformed_dependencies_total counter
quell_ingest_malformed_dependencies_total 2
# HELP quell_ingest_rejected_total Items of bodies that could not be taken, and malformed bodies.
# TYPE quell_ingest_rejected_total counter
quell_ingest_rejected_total{path="/api/v1/alertmanager"} 2
# HELP quell_ingest_trimmed_total Alerts that lost labels or annotations to a limit.
# TYPE quell_ingest_trimmed_total counter
quell_ingest_trimmed_total 1
`
	err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "quell_ingest_alerts_total", "quell_ingest_clock_skew_total",
		"quell_ingest_events_total", "quell_ingest_malformed_dependencies_total", "quell_ingest_rejected_total", "quell_ingest_trimmed_total")
	if err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(f.reg, "quell_ingest_body_bytes", "quell_ingest_request_duration_seconds", "quell_ingest_requests_total"); err != nil || n != 5 {
		t.Errorf("got %d series of the others, error %v, want 5", n, err)
	}
	if problems, err := testutil.GatherAndLint(f.reg); err != nil || len(problems) != 0 {
		t.Errorf("got %v, %v", problems, err)
	}
}

func TestRecentlyForgetsAfterItsPeriodAndIsBounded(t *testing.T) {
	r := newRecently(time.Minute)
	now := received
	for i := range 2 * maxRemembered {
		r.first(strconv.Itoa(i), now)
	}
	if len(r.seen) != maxRemembered || r.first("0", now) || r.first("new", now) {
		t.Errorf("got %d remembered, want %d and no news", len(r.seen), maxRemembered)
	}
	if now = now.Add(time.Minute); !r.first("0", now) || !r.first("new", now) || r.first("new", now) {
		t.Error("got old keys after a minute")
	}
}

// Case 20: a group of 100,000 alerts, as large as Alertmanager makes them, over a real connection, plain and zipped.
func TestServerTakesAHundredThousandAlerts(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 60 MiB of alerts")
	}
	const n = 100_000
	f := newFixture(Config{})
	srv := httptest.NewServer(f.mux)
	defer srv.Close()
	// A hundred times the same thousand: encoding/json would take longer than all the rest.
	list := bytes.TrimSuffix(bytes.TrimPrefix(alertsBody(t, n/100), []byte("[")), []byte("]"))
	list = bytes.ReplaceAll(list, []byte(`{"labels"`), []byte(`{"status":"firing","labels"`))
	body := []byte(webhookWith(strings.TrimSuffix(strings.Repeat(string(list)+",", 100), ",")))
	for _, encoding := range []string{"identity", "gzip"} {
		raw := body
		if encoding == "gzip" {
			raw = zipped(t, body)
		}
		r, err := http.NewRequest(http.MethodPost, srv.URL+pathWebhook, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", encoding)
		start := time.Now()
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || string(answer) != "{\"accepted\":100000}\n" {
			t.Fatalf("got %d %s, %v", resp.StatusCode, answer, err)
		}
		t.Logf("%s: %d MiB in %v", encoding, len(raw)>>20, time.Since(start))
	}
	if len(f.store.inputs) != 2*n {
		t.Errorf("got %d inputs, want %d", len(f.store.inputs), 2*n)
	}
	srv.Close() // waits for handlers, which release memory after they answered
	if free := f.server.bodies.budget.freeBytes; free != f.server.bodies.cfg.MemoryBytes {
		t.Errorf("got %d bytes free at the end", free)
	}
}
