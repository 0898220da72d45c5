package alertmanager

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
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/routing"
)

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// memory is a backend with what it was given.
type memory struct {
	snapshot Snapshot
	setup    Setup
	silences []correlate.SilenceView
	puts     []*correlate.Silence // those that were taken
	expired  []string
	err      error
	// entered gets a value when what fires is asked for, and release lets the answer go; nil if nobody waits.
	entered, release chan struct{}
}

func (m *memory) Firing(context.Context) (*Snapshot, error) {
	if m.entered != nil {
		m.entered <- struct{}{}
		<-m.release
	}
	s := m.snapshot
	return &s, m.err
}

func (m *memory) Setup() Setup { return m.setup }

func (m *memory) Silences(context.Context) ([]correlate.SilenceView, error) {
	return slices.Clone(m.silences), m.err
}

func (m *memory) PutSilence(_ context.Context, in *correlate.Silence, _ string) (string, error) {
	m.puts = append(m.puts, in)
	return "8d6cbd45-ed1a-4b7a-8a4c-2f1d9f2a6e01", m.err
}

func (m *memory) ExpireSilence(_ context.Context, id, by, _ string) error {
	m.expired = append(m.expired, id+" by "+by)
	return m.err
}

func matchers(t testing.TB, list ...string) labels.Matchers {
	t.Helper()
	ms, err := parseMatchers(list)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// fires makes what fires of alternating label names and values, begun some seconds after the start.
func fires(seconds int, namesAndValues ...string) correlate.Firing {
	l := correlate.LabelsOf(namesAndValues...)
	return correlate.Firing{
		Fingerprint: l.Fingerprint(), Labels: l, Severity: correlate.SeverityWarning, Annotations: correlate.LabelsOf("summary", "it <burns> & \"smokes\""),
		Generator: "http://prometheus:9090/graph?g0.expr=a+%3E+1&g0.tab=1",
		StartsAt:  start.Add(time.Duration(seconds) * time.Second), Seen: start.Add(time.Minute), Expires: start.Add(10 * time.Minute),
	}
}

func within(f correlate.Firing, id correlate.IncidentID, onRoot bool) correlate.Firing {
	f.Incident, f.OnRoot = id, onRoot
	return f
}

// storm is a node that fails with two alerts and takes two pods along, three pods whose node says nothing, and an alert that is
// information.
func storm(t testing.TB) *memory {
	until := start.Add(5 * time.Minute)
	ready := within(fires(1, "alertname", "KubeNodeNotReady", "severity", "critical", "node", "n1", "team", "infra"), 1, true)
	ready.Severity = correlate.SeverityCritical
	m := &memory{
		snapshot: Snapshot{
			Firing: []correlate.Firing{
				within(fires(0, "alertname", "KubeNodePressure", "severity", "warning", "node", "n1", "team", "infra"), 1, true),
				ready,
				within(fires(2, "alertname", "KubePodNotReady", "severity", "warning", "pod", "a", "team", "infra"), 1, false),
				within(fires(3, "alertname", "KubePodNotReady", "severity", "warning", "pod", "b", "team", "infra"), 1, false),
				within(fires(4, "alertname", "KubePodNotReady", "severity", "warning", "pod", "c"), 2, false),
				within(fires(5, "alertname", "KubePodNotReady", "severity", "warning", "pod", "d"), 2, false),
				fires(6, "alertname", "InfoInhibitor", "severity", "none"),
			},
			Incidents: []*correlate.Incident{
				{
					ID: 2, State: correlate.Escalated, Severity: correlate.SeverityWarning, Class: "KubePodNotReady below node",
					Roots: []correlate.Root{{Entity: "node/n2", Silent: true}},
				},
				{
					ID: 1, State: correlate.Held, HeldUntil: &until, Severity: correlate.SeverityCritical, Class: "KubeNodeNotReady on node",
					Roots: []correlate.Root{{Entity: "node/n1"}}, Labels: correlate.LabelsOf("team", "infra"),
				},
			},
		},
		setup: Setup{
			Version: "v1.2.3", Started: start, Receivers: []string{"default", "infra", "audit"},
			Route: &routing.Route{Receiver: "default", Routes: []*routing.Route{
				{Receiver: "audit", Matchers: matchers(t, `severity="critical"`), Continue: true},
				{Receiver: "infra", Matchers: matchers(t, `team=~"infra|sre"`), Routes: []*routing.Route{{Matchers: matchers(t, `"owner name"!="nobody \"at all\""`)}}},
			}},
		},
	}
	return m
}

// handler is an API on a backend.
func handler(m *memory) http.Handler {
	mux := http.NewServeMux()
	New(m, func() time.Time { return start.Add(time.Minute) }, slog.New(slog.DiscardHandler)).Register(mux)
	return mux
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

type validatable interface {
	Validate(formats strfmt.Registry) error
}

// decode reads a good answer with Alertmanager's own models, and wants that it is valid.
func decode(t *testing.T, w *httptest.ResponseRecorder, to validatable) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	if err := to.Validate(strfmt.Default); err != nil {
		t.Errorf("not valid: %v in %s", err, w.Body)
	}
}

// outline shows an alert as "NAME/POD state by LEAD to RECEIVERS".
func outline(a *models.GettableAlert, all []*models.GettableAlert) string {
	line := a.Labels["alertname"] + "/" + a.Labels["pod"] + " " + *a.Status.State
	for _, fp := range a.Status.InhibitedBy {
		for _, b := range all {
			if *b.Fingerprint == fp {
				line += " by " + b.Labels["alertname"]
			}
		}
	}
	for _, r := range a.Receivers {
		line += " to " + *r.Name
	}
	return line
}

func TestWhatIsExplainedIsInhibitedByTheAlertOnTheRoot(t *testing.T) {
	var list models.GettableAlerts
	decode(t, get(handler(storm(t)), "/api/v2/alerts"), &list)
	var got []string
	for _, a := range list {
		got = append(got, outline(a, list))
	}
	slices.Sort(got)
	want := []string{
		"InfoInhibitor/ active to default",
		"KubeNodeNotReady/ active to audit to infra",
		"KubeNodePressure/ active to audit to infra",
		"KubePodNotReady/a suppressed by KubeNodeNotReady to audit to infra",
		"KubePodNotReady/b suppressed by KubeNodeNotReady to audit to infra",
		"KubePodNotReady/c active to default",
		"KubePodNotReady/d active to default",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(list, func(a, b *models.GettableAlert) int { return strings.Compare(*a.Fingerprint, *b.Fingerprint) }) {
		t.Error("alerts are not in order of their fingerprints")
	}
}

func TestAlertHasEveryFieldThatReadersRequire(t *testing.T) {
	m := storm(t)
	m.snapshot.Firing = m.snapshot.Firing[2:3]
	m.snapshot.Firing[0].Annotations = correlate.LabelsOf("quell_root", "mine", "summary", "it <burns> & \"smokes\"")
	w := get(handler(m), "/api/v2/alerts")
	want := `[{"annotations":{"quell_incident":"inc-1","quell_root":"node/n1","quell_state":"held until 2026-01-02T03:05:00Z",` +
		`"summary":"it \u003cburns\u003e \u0026 \"smokes\""},"endsAt":"2026-01-02T03:10:00.000Z","fingerprint":"` + m.snapshot.Firing[0].Fingerprint.String() + `",` +
		`"receivers":[{"name":"audit"},{"name":"infra"}],"startsAt":"2026-01-02T03:00:02.000Z",` +
		`"status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2026-01-02T03:01:00.000Z",` +
		`"generatorURL":"http://prometheus:9090/graph?g0.expr=a+%3E+1\u0026g0.tab=1",` +
		`"labels":{"alertname":"KubePodNotReady","pod":"a","severity":"warning","team":"infra"}}]` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEmptyListsAreNotNull(t *testing.T) {
	h := handler(&memory{setup: Setup{Route: &routing.Route{Receiver: "x"}}})
	for _, path := range []string{"/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/receivers"} {
		if w := get(h, path); w.Body.String() != "[]\n" {
			t.Errorf("%s: got %s", path, w.Body)
		}
	}
}

func TestWhatIsLostHasNotEnded(t *testing.T) {
	m := storm(t)
	m.snapshot.Firing = m.snapshot.Firing[:1]
	f := &m.snapshot.Firing[0]
	f.Generator = "javascript:alert(1)"
	for _, expires := range []time.Time{{}, start} {
		f.Expires = expires
		body := get(handler(m), "/api/v2/alerts").Body.String()
		if !strings.Contains(body, `"endsAt":"2026-01-02T03:06:00.000Z"`) {
			t.Errorf("expires %v: got %s", expires, body)
		}
		if strings.Contains(body, "javascript") {
			t.Errorf("a link that is none is shown: %s", body)
		}
	}
}

func TestParametersSelectAlertsAsInAlertmanager(t *testing.T) {
	h := handler(storm(t))
	for query, want := range map[string]string{
		"":                                            "7",
		"active=false":                                "2",
		"inhibited=false":                             "5",
		"active=false&inhibited=false":                "0",
		"active=1&silenced=f&unprocessed=0":           "7",
		"active=&receiver=":                           "7",
		"receiver=infra":                              "4",
		"receiver=inf":                                "0",
		"receiver=infra|default":                      "7",
		"receiver_matchers=owner%3Dx":                 "0",
		"receiver_matchers=owner%3D%22%22":            "7",
		"muted=false&colour=red":                      "7",
		"filter=alertname=KubePodNotReady":            "4",
		`filter=alertname="KubePodNotReady"`:          "4",
		"filter=alertname=~Kube.*&filter=pod":         "400 bad matcher format: pod",
		"filter=alertname=~Kube.*&filter=pod!=%22%22": "4",
		"filter=pod=":                                 "3",
		"filter=pod!~a|b":                             "5",
		"filter=%22ünïcode%22!=x":                     "7",
		"filter={pod=a}":                              "400 unexpected open or close brace: {pod=a}",
		"filter=":                                     "400 bad matcher format: ",
		"filter=a=~(":                                 "400 error parsing regexp: missing closing ): `^(?:()$`",
		"receiver=(":                                  "400 failed to parse receiver param: error parsing regexp: missing closing ): `^(?:()$`",
		"receiver_matchers=a":                         "400 failed to parse receiver_matchers param: bad matcher format: a",
		"active=maybe":                                `400 active in query must be of type boolean: "maybe"`,
	} {
		for _, path := range []string{"/api/v2/alerts", "/api/v2/alerts/groups"} {
			w := get(h, path+"?"+strings.NewReplacer(`"`, "%22", "ü", "%C3%BC", "ï", "%C3%AF").Replace(query))
			got := fmt.Sprint(w.Code)
			if w.Code == http.StatusOK {
				found := make(map[string]bool)
				for _, part := range strings.Split(w.Body.String(), `"fingerprint":"`)[1:] {
					found[part[:16]] = true
				}
				got = fmt.Sprint(len(found))
			} else {
				var text string
				if err := json.Unmarshal(w.Body.Bytes(), &text); err != nil {
					t.Errorf("%s?%s: %v", path, query, err)
				}
				got += " " + text
			}
			if got != want {
				t.Errorf("%s?%s: got %s, want %s", path, query, got, want)
			}
		}
	}
}

func TestGroupIsAnIncident(t *testing.T) {
	var list models.AlertGroups
	decode(t, get(handler(storm(t)), "/api/v2/alerts/groups"), &list)
	var got []string
	for _, g := range list {
		line := fmt.Sprintf("%s %s for %s:", g.Labels["quell_incident"], g.Labels["quell_root"], *g.Receiver.Name)
		for _, a := range g.Alerts {
			line += " " + a.Labels["alertname"] + a.Labels["pod"]
		}
		got = append(got, line)
	}
	want := []string{
		"  for default: InfoInhibitor",
		"inc-1 node/n1 for audit: KubeNodePressure KubeNodeNotReady KubePodNotReadya KubePodNotReadyb",
		"inc-1 node/n1 for infra: KubeNodePressure KubeNodeNotReady KubePodNotReadya KubePodNotReadyb",
		"inc-2 node/n2 for default: KubePodNotReadyc KubePodNotReadyd",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	decode(t, get(handler(storm(t)), "/api/v2/alerts/groups?receiver=audit&inhibited=false"), &list)
	if len(list) != 1 || len(list[0].Alerts) != 2 {
		t.Errorf("got %d groups, want the one of audit with the two alerts on the root", len(list))
	}
}

func TestStatusHasAConfigurationAndAlertmanagersVersion(t *testing.T) {
	var s models.AlertmanagerStatus
	decode(t, get(handler(storm(t)), "/api/v2/status"), &s)
	const want = `# Made by quell of its own configuration: routes and the names of receivers.
route:
  continue: false
  receiver: "default"
  routes:
  - continue: true
    receiver: "audit"
    matchers:
    - "severity=\"critical\""
  - continue: false
    receiver: "infra"
    matchers:
    - "team=~\"infra|sre\""
    routes:
    - continue: false
      matchers:
      - "\"owner name\"!=\"nobody \\\"at all\\\"\""
receivers:
- name: "default"
- name: "infra"
- name: "audit"
`
	if diff := cmp.Diff(want, *s.Config.Original); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if *s.Cluster.Status != "disabled" || *s.VersionInfo.Revision != "v1.2.3" || !time.Time(*s.Uptime).Equal(start) {
		t.Errorf("got %+v", s)
	}
	// The version must be that of the module, which our tests and tools are built with.
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "github.com/prometheus/alertmanager v"+*s.VersionInfo.Version+"\n") {
		t.Errorf("version %s is not the one in go.mod", *s.VersionInfo.Version)
	}
}

func TestReceiversAreListedByName(t *testing.T) {
	h := handler(storm(t))
	want := `[{"name":"default"},{"name":"infra"},{"name":"audit"}]` + "\n"
	if got := get(h, "/api/v2/receivers").Body.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := get(h, "/api/v2/receivers?receiver_matchers=owner%3Dx").Body.String(); got != "[]\n" {
		t.Errorf("got %s, want none: they have no labels", got)
	}
}

func TestABackendThatCannotAnswerIsUnavailable(t *testing.T) {
	m := storm(t)
	m.err = errors.New("too many requests are waiting")
	for _, path := range []string{"/api/v2/alerts", "/api/v2/alerts/groups"} {
		w := get(handler(m), path)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Body.String() != "\"too many requests are waiting\"\n" {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
}

func TestTooManyReadersAreTurnedAway(t *testing.T) {
	m := storm(t)
	m.entered, m.release = make(chan struct{}), make(chan struct{})
	h := handler(m)
	done := make(chan int)
	for range maxReaders {
		go func() { done <- get(h, "/api/v2/alerts").Code }()
		<-m.entered
	}
	if w := get(h, "/api/v2/alerts/groups"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := get(h, "/api/v2/status"); w.Code != http.StatusOK {
		t.Errorf("status: got %d", w.Code)
	}
	close(m.release)
	for range maxReaders {
		if code := <-done; code != http.StatusOK {
			t.Errorf("got %d", code)
		}
	}
}

// patient records the deadlines that it is given.
type patient struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (p *patient) SetWriteDeadline(at time.Time) error {
	p.deadlines = append(p.deadlines, at)
	return nil
}

func TestDeadlineOfAReaderEndsWithItsAnswer(t *testing.T) {
	w := &patient{ResponseRecorder: httptest.NewRecorder()}
	handler(storm(t)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v2/alerts", nil))
	if len(w.deadlines) != 2 || w.deadlines[0].Before(time.Now()) || !w.deadlines[1].IsZero() {
		t.Errorf("got deadlines %v, want one and then none", w.deadlines)
	}
}

func TestAnswersAreGuarded(t *testing.T) {
	w := get(handler(storm(t)), "/api/v2/alerts")
	if w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %v", w.Header())
	}
}

// failing is a client that goes away after some bytes.
type failing struct {
	http.ResponseWriter
	left, writes int
}

func (f *failing) Write(b []byte) (int, error) {
	f.writes++
	if f.left -= len(b); f.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// manyAlerts is a storm of n alerts in incidents of a hundred.
func manyAlerts(t testing.TB, n int) *memory {
	m := storm(t)
	m.snapshot = Snapshot{}
	for i := range n {
		id := correlate.IncidentID(i/100 + 1)
		if i%100 == 0 {
			m.snapshot.Incidents = append(m.snapshot.Incidents, &correlate.Incident{
				ID: id, State: correlate.Escalated, Severity: correlate.SeverityWarning, Class: "HighErrorRate on service",
				Roots: []correlate.Root{{Entity: topology.Entity(fmt.Sprintf("service/shop/svc-%d", id))}},
			})
		}
		m.snapshot.Firing = append(m.snapshot.Firing, within(fires(i%60, "alertname", "HighErrorRate", "cluster", "eu-west-1", "service", fmt.Sprintf("svc-%d", id),
			"namespace", "shop", "pod", fmt.Sprintf("svc-%d-7d9f8b6c5d-%05d", id, i), "instance", "10.0.0.1:8080", "severity", "warning", "run", "x"), id, i%100 == 0))
	}
	return m
}

func TestNothingIsWrittenToAClientThatIsGone(t *testing.T) {
	w := &failing{ResponseWriter: httptest.NewRecorder(), left: 3 * pieceBytes}
	handler(manyAlerts(t, 2000)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v2/alerts", nil))
	if w.writes > 3 {
		t.Errorf("got %d writes, want none after the one that failed", w.writes)
	}
}

func BenchmarkAlerts(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("alerts=%d", n), func(b *testing.B) {
			h := handler(manyAlerts(b, n))
			b.ReportAllocs()
			bytes := 0
			for b.Loop() {
				w := &counting{header: make(http.Header)}
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v2/alerts?filter="+url.QueryEscape(`cluster="eu-west-1"`), nil))
				bytes = w.bytes
			}
			b.ReportMetric(float64(bytes), "body-B/op")
		})
	}
}

// counting is a client that counts what it gets.
type counting struct {
	header http.Header
	bytes  int
}

func (c *counting) Header() http.Header { return c.header }
func (c *counting) WriteHeader(int)     {}
func (c *counting) Write(b []byte) (int, error) {
	c.bytes += len(b)
	return len(b), nil
}
