package cases

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
)

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// closed is an incident of two lives; somebody spoke of the first.
func closed(said ...correlate.Said) *correlate.Incident {
	end := at(90)
	return &correlate.Incident{
		ID: 7, State: correlate.SelfHealed, Title: "Down on node/n1", Class: "Down on node", Opened: at(20), Closed: &end,
		Roots: []correlate.Root{{Entity: "node/n1"}}, Members: []topology.Entity{"node/n1", "pod/a/b"}, Feedback: said,
		Generations: []honesty.Generation{{Number: 1, Opened: at(20), Closed: at(30)}, {Number: 2, Opened: at(80), Closed: at(90)}},
	}
}

func TestCaseIsWhatWasSaidLastOfTheRoot(t *testing.T) {
	c, ok := Of(closed(
		correlate.Said{By: "ada", Generation: 1, NotRoot: "node/n1"},
		correlate.Said{By: "ada", Generation: 1, Root: "node/n1"},
		correlate.Said{By: "bert", Generation: 1, Root: "service/a/db", NotRoot: "node/n1"},
		correlate.Said{By: "eve", Generation: 2, Comment: "noise"},
	), 10*time.Minute)
	want := Case{Name: "inc-7", Begin: at(10), End: at(31), Truth: Truth{
		Roots: []topology.Entity{"service/a/db"}, RootKind: "service", NotRoots: []topology.Entity{"node/n1"}, Affected: []topology.Entity{"node/n1", "pod/a/b"},
		Meta: Meta{
			Title: "Down on node/n1", Class: "Down on node", Quell: "node/n1", Opened: at(20), Closed: at(30),
			Said: []string{"ada says: node/n1 was not the root", "ada says: the root was node/n1", "bert says: the root was service/a/db, not node/n1"},
		},
	}}
	if diff := cmp.Diff(want, c); diff != "" || !ok {
		t.Errorf("(-want +got):\n%s", diff)
	}
	open := closed(correlate.Said{Root: "node/n1"})
	open.Closed = nil
	for _, none := range []*correlate.Incident{closed(), closed(correlate.Said{Comment: "x"}), open} {
		if c, ok := Of(none, time.Minute); ok {
			t.Errorf("a case without a label: %+v", c)
		}
	}
}

// journal is what a quell was told, in minutes.
func journal() map[int][]correlate.Input {
	alert := func(name, entity string, ends int) *correlate.Alert {
		l := correlate.LabelsOf("alertname", name, "quell_entity", entity)
		a := &correlate.Alert{Labels: l, Fingerprint: l.Fingerprint(), StartsAt: start}
		if ends > 0 {
			a.EndsAt = at(ends)
		}
		return a
	}
	edges := &correlate.Topology{Source: "api", Update: topology.Update{
		Entities: []topology.Labeled{{ID: "node/n1", Labels: map[string]string{"zone": "a"}}}, Edges: []topology.Edge{{From: "pod/a/b", To: "node/n1", Type: "runs_on"}},
	}}
	more := &correlate.Topology{Source: "api", Update: topology.Update{Edges: []topology.Edge{{From: "pod/a/c", To: "node/n1", Type: "runs_on"}}, Replace: true}}
	return map[int][]correlate.Input{
		0:  {edges, alert("Old", "pod/a/old", 0), alert("Over", "pod/a/over", 0)},
		5:  {alert("Over", "pod/a/over", 5)},
		20: {alert("Down", "node/n1", 0), &correlate.Command{Action: correlate.ActionAck, Incident: 7}, alert("Slow", "pod/a/b", 0)},
		21: {&correlate.Event{ID: "u1", Entity: "pod/a/b", Reason: "BackOff", Message: "m", Warning: true, Count: 3, At: at(21), Component: "kubelet"}},
		22: {&correlate.Event{Entity: "pod/a/b@eu", Reason: "BackOff", Source: "kubernetes/eu", Count: 1}, more},
		30: {alert("Down", "node/n1", 30)},
		60: {alert("Later", "pod/a/x", 0)},
	}
}

func TestRecordingHoldsWhatWasToldAroundAnIncident(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "cases")
	right, _ := Of(closed(correlate.Said{By: "ada", Generation: 1, Root: "service/a/db"}), 10*time.Minute)
	old := closed(correlate.Said{By: "ada", NotRoot: "node/n1"})
	old.ID, old.Opened, old.Generations = 8, at(-10), nil // of before the journal
	doubted, _ := Of(old, time.Minute)
	w, err := NewWriter(dir, []Case{right, doubted})
	if err != nil {
		t.Fatal(err)
	}
	records := journal()
	for m := range 100 {
		if in := records[m]; in != nil {
			if err := w.Take(at(m), in); err != nil {
				t.Fatal(err)
			}
		}
	}
	written, early, err := w.Close()
	if err != nil || len(written) != 2 || len(early) != 1 || early[0] != "inc-8" {
		t.Fatalf("written %v, early %v, %v", written, early, err)
	}
	want := []string{
		"03:10:00 alertmanager Old firing", "03:20:00 alertmanager Down firing", "03:20:00 alertmanager Slow firing", "03:21:00 kubernetes BackOff",
		"03:22:00 event BackOff", "03:22:00 topology", "03:30:00 alertmanager Down resolved",
	}
	if diff := cmp.Diff(want, told(t, filepath.Join(dir, "inc-7.jsonl"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var known topology.Update
	readJSON(t, filepath.Join(dir, "inc-7.topology.json"), &known)
	wantKnown := topology.Update{
		Entities: []topology.Labeled{{ID: "node/n1", Labels: map[string]string{"zone": "a"}}, {ID: "pod/a/b"}},
		Edges:    []topology.Edge{{From: "pod/a/b", To: "node/n1", Type: "runs_on"}},
	}
	if diff := cmp.Diff(wantKnown, known); diff != "" {
		t.Errorf("topology (-want +got):\n%s", diff)
	}
	var truth struct {
		Seven  Truth            `json:"inc-7"`
		Eight  *Truth           `json:"inc-8"`
		Doubts map[string]Truth `json:"_not_root"`
	}
	readJSON(t, filepath.Join(dir, "truth.json"), &truth)
	if diff := cmp.Diff(right.Truth, truth.Seven); diff != "" || truth.Eight != nil || len(truth.Doubts) != 1 {
		t.Errorf("truth %+v (-want +got):\n%s", truth, diff)
	}
}

// told shows a recording's lines, an alert at a time.
func told(t *testing.T, path string) (lines []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	for s := bufio.NewScanner(f); s.Scan(); {
		var l struct {
			T            time.Time
			Alertmanager *struct {
				Alerts []struct {
					Status string
					Labels map[string]string
				}
			}
			Kubernetes, Event *struct{ Reason string }
		}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		when := l.T.Format("15:04:05 ")
		switch {
		case l.Alertmanager != nil:
			for _, a := range l.Alertmanager.Alerts {
				lines = append(lines, when+strings.Join([]string{"alertmanager", a.Labels["alertname"], a.Status}, " "))
			}
		case l.Kubernetes != nil:
			lines = append(lines, when+"kubernetes "+l.Kubernetes.Reason)
		case l.Event != nil:
			lines = append(lines, when+"event "+l.Event.Reason)
		default:
			lines = append(lines, when+"topology")
		}
	}
	return lines
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
