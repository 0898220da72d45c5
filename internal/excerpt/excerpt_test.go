package excerpt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/backtest"
	"quell/internal/journal"
	"quell/internal/replay"
)

// storm is a node that takes two pods with it, in a cluster in which something else goes on.
const storm = `{"t":"2026-01-02T02:00:00Z","topology":{"edges":[{"from":"pod/shop/cart-7d9f-x2x4q","to":"node/berlin-3","type":"runs_on"},{"from":"pod/shop/cart-7d9f-m8kzw","to":"node/berlin-3","type":"runs_on"},{"from":"pod/shop/search-5b5b-qqqqq","to":"node/berlin-4","type":"runs_on"},{"from":"service/shop/cart","to":"pod/shop/cart-7d9f-x2x4q","type":"selects"}]}}
{"t":"2026-01-02T02:30:00Z","alertmanager":{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"HighLatency","namespace":"shop","deployment":"search","severity":"warning"},"annotations":{"summary":"search of ACME is slow"}}]}}
{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"KubeNodeNotReady","node":"berlin-3","severity":"warning"},"annotations":{"summary":"berlin-3 of ACME is away"},"generatorURL":"http://prometheus.acme.example/graph"},{"status":"firing","labels":{"alertname":"KubePodNotReady","namespace":"shop","pod":"cart-7d9f-x2x4q","severity":"warning"}},{"status":"firing","labels":{"alertname":"KubePodNotReady","namespace":"shop","pod":"cart-7d9f-m8kzw","severity":"warning"}}]}}
{"t":"2026-01-02T03:00:10Z","event":{"id":"4711","entity":"pod/shop/cart-7d9f-x2x4q@prod-berlin","reason":"NodeNotReady","message":"Node berlin-3 of ACME is not ready","warning":true,"count":1,"t":"2026-01-02T03:00:10Z","source":"kubernetes/prod-berlin"}}
{"t":"2026-01-02T03:09:00Z","command":{"action":"ack","root":"node/berlin-3","by":"anna@acme.example"}}
{"t":"2026-01-02T03:20:00Z","alertmanager":{"version":"4","alerts":[{"status":"resolved","labels":{"alertname":"KubeNodeNotReady","node":"berlin-3","severity":"warning"},"endsAt":"2026-01-02T03:20:00Z"},{"status":"resolved","labels":{"alertname":"KubePodNotReady","namespace":"shop","pod":"cart-7d9f-x2x4q","severity":"warning"},"endsAt":"2026-01-02T03:20:00Z"},{"status":"resolved","labels":{"alertname":"KubePodNotReady","namespace":"shop","pod":"cart-7d9f-m8kzw","severity":"warning"},"endsAt":"2026-01-02T03:20:00Z"}]}}
{"t":"2026-01-02T05:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"resolved","labels":{"alertname":"HighLatency","namespace":"shop","deployment":"search","severity":"warning"},"endsAt":"2026-01-02T05:00:00Z"}]}}
`

func policy() correlate.Policy {
	return correlate.Policy{Packs: []string{"kubernetes", "kube-prometheus"}}
}

// excerptOf makes an excerpt of the storm.
func excerptOf(t *testing.T, o Options) *Excerpt {
	t.Helper()
	path := filepath.Join(t.TempDir(), "storm.jsonl")
	if err := os.WriteFile(path, []byte(storm), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Open = func() (journal.Journal, error) { return journal.Open(t.Context(), path, journal.Options{}) }
	o.Setup = &backtest.Setup{Policy: policy()}
	x, err := Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func play(t *testing.T, lines [][]byte) []*correlate.Incident {
	t.Helper()
	h, err := replay.Play(t.Context(), replay.Options{Policy: policy(), Files: []string{"-"}, Stdin: bytes.NewReader(bytes.Join(lines, []byte("\n")))})
	if err != nil {
		t.Fatal(err)
	}
	return h.Incidents
}

// nodeIncident is the number of the incident that the node's loss was.
func nodeIncident(t *testing.T) correlate.IncidentID {
	t.Helper()
	for _, inc := range play(t, [][]byte{[]byte(strings.TrimSpace(storm))}) {
		if inc.Roots[0].Entity == "node/berlin-3" {
			return inc.ID
		}
	}
	t.Fatal("there is no such incident")
	return 0
}

// An excerpt of an incident holds what was said of it, what stood around it, and what people did, and nothing of what else went on; played, it
// is that incident.
func TestExcerptOfAnIncidentIsThatIncident(t *testing.T) {
	x := excerptOf(t, Options{Incident: nodeIncident(t)})
	text := string(bytes.Join(x.Lines(nil), []byte("\n")))
	for _, want := range []string{"KubeNodeNotReady", "cart-7d9f-m8kzw", "anna@acme.example", `"from":"pod/shop/cart-7d9f-x2x4q","to":"node/berlin-3"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "search") {
		t.Errorf("what has nothing to do with it is in it:\n%s", text)
	}
	incidents := play(t, x.Lines(nil))
	if different := x.Compare(incidents, nil); len(different) > 0 || len(incidents) != 1 || incidents[0].AckedBy != "anna@acme.example" {
		t.Errorf("%d incidents, which differ: %q", len(incidents), different)
	}
	if d := incidents[0].Escalated.Sub(incidents[0].Opened); d < time.Minute || d > 10*time.Minute {
		t.Errorf("it paged after %s", d)
	}
}

// Under other names nothing is left of the old ones but the words of Kubernetes, and the rules decide the same.
func TestScrubbedExcerptTellsTheSameOfNobody(t *testing.T) {
	for seed := range uint64(20) {
		for _, o := range []Options{{Incident: nodeIncident(t)}, {}} {
			x := excerptOf(t, o)
			s := NewScrubber(seed)
			lines := x.Lines(s)
			text := string(bytes.Join(lines, []byte("\n")))
			for _, name := range []string{"berlin", "shop", "cart", "7d9f", "x2x4q", "search", "acme", "ACME", "anna", "prod", "4711", "http"} {
				if strings.Contains(text, name) {
					t.Fatalf("seed %d: %s is left in:\n%s", seed, name, text)
				}
			}
			if !Same(play(t, x.Lines(nil)), play(t, lines), s) {
				t.Fatalf("seed %d: the rules decide otherwise:\n%s", seed, text)
			}
		}
	}
}

// What was the same stays the same, what was different stays different, and what began alike begins alike.
func TestScrubberKeepsStructure(t *testing.T) {
	s := NewScrubber(1, "team")
	pod := s.Entity("pod/shop/cart-7d9f-x2x4q@prod")
	l := s.Labels(correlate.LabelsOf("alertname", "PodDown", "pod", "cart-7d9f-x2x4q", "deployment", "cart", "team", "payments", "quell_entity", "node/berlin-3"))
	if got := l.Get("pod"); !strings.Contains(string(pod), "/"+got+"@") || !strings.HasPrefix(got, l.Get("deployment")+"-") || len(got) != len("cart-7d9f-x2x4q") {
		t.Errorf("pod is %s as a label, %s as an entity, and its deployment %s", got, pod, l.Get("deployment"))
	}
	if pod.Kind() != "pod" || l.Get("alertname") != "PodDown" || l.Get("team") != "payments" || !strings.HasPrefix(l.Get("quell_entity"), "node/") {
		t.Errorf("got %s and %s", pod, l)
	}
	if _, err := topology.ParseEntity(string(pod)); err != nil {
		t.Error(err)
	}
	seen := make(map[string]string)
	for a := range 26 {
		for b := range 26 {
			v := string([]byte{'a' + byte(a), 'a' + byte(b)})
			if before, twice := seen[s.Value(v)]; twice {
				t.Fatalf("%s and %s are both %s", before, v, s.Value(v))
			}
			seen[s.Value(v)] = v
		}
	}
	if got := s.Value("kube-state-metrics"); got != "kube-state-metrics" {
		t.Errorf("kube-state-metrics became %s", got)
	}
}

// A silence keeps what it is about; one by a pattern is dropped, since nobody can say what the pattern names.
func TestScrubberDropsPatterns(t *testing.T) {
	s := NewScrubber(1)
	for _, c := range []struct {
		matcher string
		want    bool
	}{{`namespace="shop"`, true}, {`namespace=~"shop|cart"`, false}, {`alertname=~"Kube.*"`, true}} {
		m, err := labels.ParseMatcher(c.matcher)
		if err != nil {
			t.Fatal(err)
		}
		in := &correlate.Silence{By: "anna"}
		in.Matchers, in.Comment = labels.Matchers{m}, "work at ACME"
		if got := s.silence(in); got != c.want || in.Comment == "work at ACME" || in.By == "anna" {
			t.Errorf("%s: got %t, %+v", c.matcher, got, in)
		}
		if c.want && in.Matchers[0].Value == "shop" {
			t.Error("the name is still there")
		}
	}
}
