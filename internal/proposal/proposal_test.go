package proposal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/learn"
	"quell/correlate/topology"
	"quell/rules"
)

var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// newHistory has the rules of the packs.
func newHistory(t *testing.T, known *topology.Update) *History {
	t.Helper()
	compiled, err := rules.Compile(&correlate.Policy{Packs: []string{"kubernetes", "kube-prometheus"}})
	if err != nil {
		t.Fatal(err)
	}
	return NewHistory(compiled, known, learn.Options{Window: 5 * time.Minute})
}

func alert(name string, start, end time.Time, labels ...string) *correlate.Alert {
	a := &correlate.Alert{Labels: correlate.LabelsOf(append(labels, "alertname", name)...), StartsAt: start, EndsAt: end, Source: "prometheus/test"}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

// days repeats what a day of history is.
func days(n int, day func(at time.Time)) {
	for k := range n {
		day(begin.Add(time.Duration(k)*24*time.Hour + time.Duration(k%5)*time.Hour))
	}
}

// TestRulesFileLoadsWhateverThingsAreCalled compiles what is written for names that YAML would read as something else.
func TestRulesFileLoadsWhateverThingsAreCalled(t *testing.T) {
	names := []string{"Plain", "yes", "12", "a: b # c", "quote\" and 'quote'", "back\\slash", "über\u2028line", "tab\there", "<&>", "- x", "{{ $labels }}", "\u00a0 \u0085"}
	r := &Report{Thresholds: learn.DefaultThresholds(), Window: time.Minute, Stats: learn.Stats{Starts: 100, From: begin, To: begin.Add(time.Hour)}}
	for _, name := range names {
		for _, scope := range []learn.Scope{learn.Same, learn.Near, learn.Namespace} {
			r.Proposals = append(r.Proposals, learn.Proposal{Scope: scope, Cause: name, Effect: name + "!", Seen: 12, Weight: 0.25, Lift: 7})
		}
		from, to := "service/"+name+"x", "service/"+name+"y"
		if _, err := topology.ParseEntity(from); err == nil {
			r.Proposals = append(r.Proposals, learn.Proposal{Scope: learn.Between, Cause: to, Effect: from, Seen: 1, Weight: 0.3, Lift: 1234})
		}
	}
	var out bytes.Buffer
	if err := r.Rules(&out); err != nil {
		t.Fatal(err)
	}
	compiled, err := rules.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "proposed.yml", Text: out.String()}}})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, name := range names {
		if w, ok := compiled.Cause(name, name+"!"); !ok || w != 0.25 {
			t.Errorf("%q: got %v, %v", name, w, ok)
		}
	}
	edges := compiled.Dependencies()
	if want := (topology.Edge{From: "service/Plainx", To: "service/Plainy", Type: "learned"}); len(edges) < 5 || edges[0] != want {
		t.Errorf("got dependencies %v", edges)
	}
}

func TestTheDocumentedExampleLoads(t *testing.T) {
	doc, err := os.ReadFile("../../docs/learning.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "```yaml rules\n")
	text, _, _ = strings.Cut(text, "```")
	compiled, err := rules.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "doc", Text: text}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := compiled.Cause("DiskFull", "WriteErrors"); !ok || len(compiled.Dependencies()) != 1 {
		t.Error("the example has no cause or no dependency")
	}
}

func TestAFileOfThousandsOfProposalsKeepsTheStrongest(t *testing.T) {
	r := &Report{Thresholds: learn.DefaultThresholds(), Window: time.Minute}
	for k := range 20_000 {
		r.Proposals = append(r.Proposals, learn.Proposal{Scope: learn.Same, Cause: fmt.Sprint("A", k), Effect: "B", Seen: 12, Lift: 7})
	}
	var out bytes.Buffer
	if err := r.Rules(&out); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "proposed.yml", Text: out.String()}}}); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, `"A0"`) || strings.Contains(s, `"A500"`) || !strings.Contains(s, "# 19500 weaker proposals are left out.") {
		t.Errorf("got %.2000s", s)
	}
}

// What is told later but began earlier is the cause, and what labels tell makes entities near each other.
func TestStartsCountByTheSendersClock(t *testing.T) {
	h := newHistory(t, nil)
	days(20, func(at time.Time) {
		// The webhook about the pod comes first, that about the node waits for its group for four minutes.
		pod := alert("PodSlow", at.Add(time.Minute), time.Time{}, "pod", "cart-1", "namespace", "shop", "node", "n3")
		h.Take(at.Add(2*time.Minute), []correlate.Input{pod})
		h.Take(at.Add(5*time.Minute), []correlate.Input{alert("NodeBad", at, time.Time{}, "node", "n3")})
		end := *pod
		end.EndsAt = at.Add(10 * time.Minute)
		h.Take(at.Add(10*time.Minute), []correlate.Input{&end, alert("NodeBad", at, at.Add(10*time.Minute), "node", "n3")})
	})
	proposals, stats := h.Proposals(learn.DefaultThresholds())
	if len(proposals) != 1 || proposals[0].Scope != learn.Near || proposals[0].Cause != "NodeBad" || proposals[0].Effect != "PodSlow" {
		t.Errorf("got %+v", proposals)
	}
	if stats.Starts != 40 || h.Late != 0 {
		t.Errorf("got %d starts and %d late, want 40 and 0", stats.Starts, h.Late)
	}
}

func TestOnlyStartsOfSymptomsCount(t *testing.T) {
	h := newHistory(t, nil)
	at := begin
	h.Take(at, []correlate.Input{
		alert("Down", at, time.Time{}, "node", "n1"),
		alert("Info", at, time.Time{}, "node", "n1", "severity", "info"),
		alert("Old", at.Add(-time.Hour), time.Time{}, "node", "n1"), // told an hour after it began
		&correlate.Event{Entity: "pod/shop/a", Reason: "BackOff", Warning: true, Count: 1, At: at},
		&correlate.Event{Entity: "pod/shop/a", Reason: "Scheduled", Count: 1, At: at},
		&correlate.Command{}, &correlate.Gap{},
	})
	for k := range 30 {
		h.Take(at.Add(time.Duration(k)*time.Minute), []correlate.Input{alert("Down", at, time.Time{}, "node", "n1")}) // reported again
	}
	h.Take(at.Add(time.Hour), []correlate.Input{
		alert("Down", at.Add(50*time.Minute), time.Time{}, "node", "n1"), // its end was never told
		alert("Short", at.Add(55*time.Minute), at.Add(56*time.Minute), "node", "n1"),
	})
	_, stats := h.Proposals(learn.DefaultThresholds())
	if stats.Starts != 4 || h.Late != 1 { // Down, BackOff, Down, Short
		t.Errorf("got %d starts and %d late, want 4 and 1", stats.Starts, h.Late)
	}
}

// A deleted pod takes its dependencies out of the engine's graph, not out of history.
func TestWhatWasDeletedWasNearAllTheSame(t *testing.T) {
	h := newHistory(t, nil)
	n := 0
	days(20, func(at time.Time) {
		n++
		pod := topology.Entity(fmt.Sprintf("pod/shop/cart-%d", n))
		h.Take(at, []correlate.Input{
			&correlate.Topology{Update: topology.Update{Edges: []topology.Edge{{From: pod, To: "node/n3", Type: "runs_on"}}}},
			alert("NodeBad", at, time.Time{}, "node", "n3"),
		})
		h.Take(at.Add(time.Minute), []correlate.Input{alert("PodSlow", at.Add(time.Minute), time.Time{}, "quell_entity", string(pod))})
		h.Take(at.Add(20*time.Minute), []correlate.Input{
			&correlate.Topology{Update: topology.Update{RemoveEntities: []topology.Entity{pod}}}, alert("NodeBad", at, at.Add(20*time.Minute), "node", "n3"),
		})
	})
	proposals, _ := h.Proposals(learn.DefaultThresholds())
	if len(proposals) != 1 || proposals[0].Scope != learn.Near || proposals[0].Entities != 20 || proposals[0].Lift > 1000 {
		t.Errorf("got %+v", proposals)
	}
}

func TestEvidenceIsToldInWords(t *testing.T) {
	for want, p := range map[string]learn.Proposal{
		"seen 212 times in 87 episodes on 31 entities over 28 days; 14 × more often than chance; first in 93 %": {
			Scope: learn.Near, Seen: 212, Episodes: 87, Entities: 31, Days: 28, Lift: 14.2, Precedence: 0.934,
		},
		"seen once in 1 episode over 1 day; 9.5 × more often than chance; first in 100 %": {
			Scope: learn.Between, Seen: 1, Episodes: 1, Days: 1, Lift: 9.51, Precedence: 1,
		},
		"seen 12 times in 12 episodes on 1 entity over 3 days; 3500 × more often than chance; first in 60 %; only their namespace is known to be shared": {
			Scope: learn.Namespace, Seen: 12, Episodes: 12, Entities: 1, Days: 3, Lift: 3456, Precedence: 0.6,
		},
	} {
		if got := numbers(&p); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestReportsSayWhenThereIsNothing(t *testing.T) {
	h := newHistory(t, nil)
	r := h.Report(learn.DefaultThresholds(), 5*time.Minute)
	var file, text, lines bytes.Buffer
	for _, err := range []error{r.Rules(&file), r.Text(&text), r.JSON(&lines)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(file.String(), "\n# History supports no proposal.\n") {
		t.Errorf("got %s", file.String())
	}
	if want := "WHERE  CAUSE  EFFECT  EVIDENCE\n\nno time at all, 0 symptoms of 0 types\n"; text.String() != want {
		t.Errorf("text (-want +got):\n%s", cmp.Diff(want, text.String()))
	}
	var last struct{ Summary struct{ Proposals int } }
	if err := json.Unmarshal(lines.Bytes(), &last); err != nil || last.Summary.Proposals != 0 {
		t.Errorf("got %s, %v", lines.String(), err)
	}
	if _, err := rules.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "proposed.yml", Text: file.String()}}}); err != nil {
		t.Error(err)
	}
}
