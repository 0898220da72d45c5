package correlate

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// graphWorld is an engine that is stored and loaded before each step, so that nothing can hide outside the rows.
type graphWorld struct {
	t      *testing.T
	engine *Engine
	rows   rowStore
}

func newGraphWorld(t *testing.T, p Policy) *graphWorld {
	t.Helper()
	e, err := New(compileTest, p)
	if err != nil {
		t.Fatal(err)
	}
	return &graphWorld{t, e, newRowStore()}
}

func (w *graphWorld) step(after time.Duration, inputs ...Input) {
	w.t.Helper()
	for due, ok := w.engine.Deadline(); ok && due.Before(start.Add(after)); due, ok = w.engine.Deadline() {
		w.one(due)
	}
	w.one(start.Add(after), inputs...)
}

func (w *graphWorld) one(at time.Time, inputs ...Input) {
	w.t.Helper()
	w.engine.Step(at, inputs)
	w.rows.take(w.engine)
	w.rows.check(w.t, w.engine)
	w.engine = w.rows.load(w.t)
}

func (w *graphWorld) edges() int { return w.engine.Figures().Edges }

// told is an update that declares each of these pods, and tells of an edge from it to the node n.
func told(source string, ttl time.Duration, replace bool, from ...string) *Topology {
	in := &Topology{Source: source}
	in.TTL, in.Replace = model.Duration(ttl), replace
	for _, name := range from {
		in.Entities = append(in.Entities, topology.Labeled{ID: topology.Entity("pod/" + name)})
		in.Edges = append(in.Edges, topology.Edge{From: topology.Entity("pod/" + name), To: "node/n", Type: "runs_on"})
	}
	return in
}

// TestWhatIsNotToldAgainEnds tells of two edges for ten minutes each, and again of one of them.
func TestWhatIsNotToldAgainEnds(t *testing.T) {
	w := newGraphWorld(t, Policy{})
	w.step(0, told("api", 10*time.Minute, false, "a", "b"), told("config", 0, false, "c"))
	w.step(5*time.Minute, told("api", 10*time.Minute, false, "a"))
	for _, c := range []struct {
		at    time.Duration
		edges int
	}{{10*time.Minute - time.Second, 3}, {12 * time.Minute, 2}, {15*time.Minute - time.Second, 2}, {17 * time.Minute, 1}, {24 * time.Hour, 1}} {
		if w.step(c.at); w.edges() != c.edges {
			t.Errorf("after %v: %d edges, want %d", c.at, w.edges(), c.edges)
		}
	}
	if f := w.engine.Figures(); f.Entities != 2 || f.Timers != 0 {
		t.Errorf("%d entities and %d timers are left, want those of the edge that stays, and none", f.Entities, f.Timers)
	}
}

// TestASourceThatTellsAllEndsAsAWhole replaces its part each minute without changing a row of it, and then falls silent.
func TestASourceThatTellsAllEndsAsAWhole(t *testing.T) {
	w := newGraphWorld(t, Policy{})
	w.step(0, told("api/agent", time.Hour, true, "a", "b"), told("config", 0, false, "a"))
	for minute := range 60 {
		w.engine.Step(start.Add(time.Duration(minute)*time.Minute), []Input{told("api/agent", time.Hour, true, "a", "b")})
		w.engine.Changes(func(k, v []byte) {
			if k[0] == rowNode {
				t.Errorf("minute %d wrote the row %q", minute, k)
			}
			w.rows[string(k)] = append([]byte(nil), v...)
		})
	}
	w.engine = w.rows.load(t)
	if w.step(2*time.Hour - 2*time.Minute); w.edges() != 3 {
		t.Errorf("%d edges an hour after the last word, want 3", w.edges())
	}
	if w.step(2*time.Hour + 8*time.Minute); w.edges() != 1 {
		t.Errorf("%d edges when the source is silent, want that of the configuration", w.edges())
	}
	w.step(3*time.Hour, told("api/agent", 0, true, "b"))
	if w.step(100 * time.Hour); w.edges() != 2 {
		t.Errorf("%d edges after it is back for good, want 2", w.edges())
	}
}

// TestNothingEndsWhileNobodyListens lets quell be down for longer than what it was told holds.
func TestNothingEndsWhileNobodyListens(t *testing.T) {
	w := newGraphWorld(t, Policy{RestartGrace: 2 * time.Minute})
	w.step(0, told("api", 10*time.Minute, false, "a"), told("api/agent", time.Minute, true, "b"))
	back := 5 * time.Hour
	w.one(start.Add(back), &Gap{From: start.Add(30 * time.Second), To: start.Add(back), Why: "restart"})
	for _, c := range []struct {
		after time.Duration
		edges int
	}{{0, 2}, {2*time.Minute - time.Second, 2}, {3 * time.Minute, 1}, {9*time.Minute + 29*time.Second, 1}, {11 * time.Minute, 0}} {
		if w.step(back + c.after); w.edges() != c.edges {
			t.Errorf("%v after the restart: %d edges, want %d", c.after, w.edges(), c.edges)
		}
	}
}

// TestEndOfADependencyIsSeenByWhatIsIll lets the edge end over which an ill entity could be explained.
func TestEndOfADependencyIsSeenByWhatIsIll(t *testing.T) {
	w := newGraphWorld(t, Policy{AlertTimeout: -1})
	a := &Alert{Labels: LabelsOf("alertname", "Down", "quell_entity", "pod/a"), StartsAt: start, Source: "prometheus/x"}
	a.Fingerprint = a.Labels.Fingerprint()
	w.step(0, told("api", time.Minute, false, "a"), a)
	n, _ := w.engine.graph.Find("node/n")
	if len(w.engine.local(n).watch) != 1 {
		t.Fatal("the node does not watch the pod that runs on it")
	}
	w.step(2 * time.Minute)
	if _, ok := w.engine.graph.Find("node/n"); ok {
		t.Error("the node is still known")
	}
}

// TestAPolicyMayMakeATypeOwn lets alerts fire on who calls and who is called, and then says that to call is to be made of.
func TestAPolicyMayMakeATypeOwn(t *testing.T) {
	w := newGraphWorld(t, Policy{AlertTimeout: -1})
	edge := &Topology{Source: "api"}
	edge.Edges = []topology.Edge{{From: "service/web", To: "service/db", Type: "calls"}}
	inputs := []Input{edge}
	for _, entity := range []string{"service/web", "service/db"} {
		a := &Alert{Labels: LabelsOf("alertname", "Down", "quell_entity", entity), StartsAt: start, Source: "prometheus/x"}
		a.Fingerprint = a.Labels.Fingerprint()
		inputs = append(inputs, a)
	}
	w.step(0, inputs...)
	reaches := func(from, to topology.Entity) string {
		n, _ := w.engine.graph.Find(from)
		for _, r := range w.engine.local(n).site.cone[1:] {
			if w.engine.graph.Entity(r.node) == to {
				return fmt.Sprintf("%.1f over %d dependencies", r.weight, r.hops)
			}
		}
		return "not"
	}
	for k, c := range []struct {
		packs        []string
		down, up     string
		depend, owns int
	}{
		{nil, "0.8 over 1 dependencies", "not", 1, 0},
		{[]string{"calls-own"}, "not", "0.9 over 0 dependencies", 0, 1},
		{nil, "0.8 over 1 dependencies", "not", 1, 0},
	} {
		// Not loaded: what the policy does to an engine that runs must be what a load makes of the rows, see the simulation.
		w.engine.Step(start.Add(time.Duration(k)*time.Second), []Input{&Policy{AlertTimeout: -1, Packs: c.packs}})
		if down, up := reaches("service/web", "service/db"), reaches("service/db", "service/web"); down != c.down || up != c.up {
			t.Errorf("%v: the caller reaches what it calls %s, and back %s, want %s and %s", c.packs, down, up, c.down, c.up)
		}
		db, _ := w.engine.graph.Find("service/db")
		web, _ := w.engine.graph.Find("service/web")
		depend, _ := w.engine.graph.Dependents(db)
		if _, owns := w.engine.graph.Dependents(web); depend != c.depend || owns != c.owns {
			t.Errorf("%v: %d depend and %d are owned, want %d and %d", c.packs, depend, owns, c.depend, c.owns)
		}
	}
}
