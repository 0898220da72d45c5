package correlate

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// tandem steps an engine, and a twin that is stored and loaded before each step if it is told to be.
type tandem struct {
	t      *testing.T
	engine *Engine
	store  rowStore
	loads  bool
	now    time.Time
}

func newTandem(t *testing.T, edges []topology.Edge) *tandem {
	t.Helper()
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	w := &tandem{t: t, engine: e, store: newRowStore(), now: start}
	w.store.take(e)
	w.step(&Topology{Source: "api", Update: topology.Update{Edges: edges}})
	return w
}

// step lets a nanosecond pass, which is when what is left to do is due.
func (w *tandem) step(inputs ...Input) []Effect {
	w.t.Helper()
	w.now = w.now.Add(1)
	var twin *Engine
	if w.loads {
		twin = w.store.load(w.t)
	}
	effects := w.engine.Step(w.now, inputs)
	w.store.take(w.engine)
	if twin != nil {
		if other := twin.Step(w.now, inputs); !reflect.DeepEqual(effects, other) {
			w.t.Fatalf("the loaded twin decided differently (-engine +twin):\n%s", cmp.Diff(effects, other))
		}
		w.store.check(w.t, twin)
	}
	return effects
}

func (w *tandem) alert(entity topology.Entity) *Alert {
	a := &Alert{Labels: LabelsOf("alertname", "Down", "quell_entity", string(entity)), StartsAt: w.now, Source: "prometheus/x"}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

func (w *tandem) open() (list []*incident) {
	for _, i := range w.engine.incidents {
		if i.state.Open() {
			list = append(list, i)
		}
	}
	return list
}

// TestHubMergesManyInSteps makes half of the dependents of a hub ill, or a tenth and then the hub. What that brings together is merged a
// bounded number a step, each due at once, until all is one; an engine that is loaded in between goes on.
func TestHubMergesManyInSteps(t *testing.T) {
	const dependents = gatherAtOnce + 100
	pod := func(k int) topology.Entity { return topology.Entity(fmt.Sprintf("pod/ns/p-%d", k)) }
	var edges []topology.Edge
	for k := range 2 * dependents {
		edges = append(edges, topology.Edge{From: pod(k), To: "node/hub", Type: "runs_on"})
	}
	cases := []topology.Entity{pod(dependents - 1), "node/hub"}
	if testing.Short() {
		cases = cases[:1]
	}
	for _, last := range cases {
		t.Run(string(last), func(t *testing.T) {
			w := newTandem(t, edges)
			before := make([]Input, dependents-1)
			for k := range before {
				before[k] = w.alert(pod(k))
			}
			w.step(before...)
			if open := len(w.open()); open != dependents-1 {
				t.Fatalf("%d incidents are open before the hub shows, want %d", open, dependents-1)
			}
			w.loads = true
			effects, steps := w.step(w.alert(last)), 1
			for ; ; steps++ {
				merged := 0
				for _, f := range effects {
					if f.Decision == Merge {
						merged++
					}
				}
				if merged == 0 || merged > gatherAtOnce+1 {
					t.Fatalf("step %d merged %d incidents, want some and about %d at most", steps, merged, gatherAtOnce)
				}
				if len(w.open()) == 1 {
					break
				}
				if due, ok := w.engine.Deadline(); !ok || due.After(w.now.Add(1)) {
					t.Fatalf("%d incidents are left, and the next step is due at %v", len(w.open()), due)
				}
				effects = w.step()
			}
			if want := dependents/gatherAtOnce + 1; steps != want {
				t.Errorf("all was merged after %d steps, want %d", steps, want)
			}
			i := w.open()[0]
			if root := w.engine.graph.Entity(i.root); root != "node/hub" || i.roots[0].Entity != root {
				t.Errorf("the root is %s, shown as %s", root, i.roots[0].Entity)
			}
		})
	}
}

// TestBigIncidentIsRankedWhenItGrew lets a chain fail from the top down, so that each new symptom is the root. A big incident is not
// ranked each time, shows its root all the same, and is ranked after a pause; an engine that is loaded in between does as well.
func TestBigIncidentIsRankedWhenItGrew(t *testing.T) {
	const length, most = 400, 12 // growth by an eighth takes 10 rankings from 128 to 400
	link := func(k int) topology.Entity { return topology.Entity(fmt.Sprintf("service/s/v-%d", k)) }
	var edges []topology.Edge
	for k := range length {
		edges = append(edges, topology.Edge{From: link(k), To: link(k + 1), Type: "calls"})
	}
	w := newTandem(t, edges)
	ranked, at := 0, 0
	for k := range length {
		w.loads = k%100 == 99
		w.step(w.alert(link(k)))
		i := w.open()[0]
		if shown, root := i.roots[0].Entity, w.engine.graph.Entity(i.root); shown != root {
			t.Fatalf("after %d symptoms the root is %s, but %s is shown", k+1, root, shown)
		}
		if i.ranked != at && len(i.symptoms) > rankAtOnce {
			ranked++
		}
		at = i.ranked
	}
	i := w.open()[0]
	if len(w.open()) != 1 || len(i.symptoms) != length || ranked > most || i.rankDue == 0 {
		t.Fatalf("%d incidents, the first of %d symptoms; ranked %d times beyond %d, next at %d", len(w.open()), len(i.symptoms), ranked, rankAtOnce, i.rankDue)
	}
	if x, ok := w.engine.Explain(i.id, 1); !ok || x.Root.Entity != w.engine.graph.Entity(i.root) || len(x.Root.Why) == 0 || x.Root.Explains == 0 {
		t.Errorf("before it is ranked again its explanation is %+v", x)
	}
	w.loads, w.now = true, fromNano(i.rankDue-1)
	w.step()
	if i.ranked != length || i.rankDue != 0 || i.roots[0].Entity != w.engine.graph.Entity(i.root) {
		t.Errorf("after its pause it is ranked with %d symptoms, next at %d; the root is %s", i.ranked, i.rankDue, i.roots[0].Entity)
	}
}

// TestClosedIncidentIsCountedWhenSomebodyLooks lets a hub fail, recover, and fail with another alert, so that what depends on it leaves the
// first incident for the second. What the first is, is not computed anew for each that leaves, and is right for readers.
func TestClosedIncidentIsCountedWhenSomebodyLooks(t *testing.T) {
	pods := []topology.Entity{"pod/ns/a", "pod/ns/b", "pod/ns/c"}
	var edges []topology.Edge
	for _, p := range pods {
		edges = append(edges, topology.Edge{From: p, To: "node/hub", Type: "runs_on"})
	}
	w := newTandem(t, edges)
	report := func(name string, entity topology.Entity, severity string, over bool) {
		a := &Alert{Labels: LabelsOf("alertname", name, "quell_entity", string(entity), "severity", severity), StartsAt: w.now, Source: "prometheus/x"}
		if a.Fingerprint = a.Labels.Fingerprint(); over {
			a.EndsAt = w.now
		}
		w.step(a)
	}
	for _, over := range []bool{false, true} {
		report("Down", "node/hub", "warning", over)
		for k, p := range pods {
			report("Down", p, []string{"critical", "warning", "warning"}[k], over)
		}
	}
	w.now = w.now.Add(w.engine.policy.Settle)
	w.step()
	old := w.engine.incidents[1]
	if old.state.Open() || old.severity != SeverityCritical {
		t.Fatalf("the first incident is %s, %s", old.state, old.severity)
	}
	report("Slow", "node/hub", "warning", false)
	report("Down", pods[0], "critical", false)
	if !old.uncounted || len(old.symptoms) != len(pods) {
		t.Errorf("after a symptom left, the first incident has %d symptoms and is counted: %t", len(old.symptoms), !old.uncounted)
	}
	view, _ := w.engine.Incident(old.id, 0)
	if view.Severity != SeverityWarning || view.Labels.Get("severity") != "warning" {
		t.Errorf("what is left is %s, labels %s, want warning", view.Severity, view.Labels)
	}
}
