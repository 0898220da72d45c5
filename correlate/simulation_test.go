package correlate

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

var (
	seeds = flag.Int("seeds", 40, "how many random histories TestSimulation plays")
	seed  = flag.Uint64("seed", 0, "play this history only")
)

// shortHistories is how many of them are played at most with -short, as beside the race detector.
const shortHistories = 4

// TestSimulation plays random histories: a small world of pods, nodes, owners and services in which alerts fire and end, are lost,
// repeated and reordered, messages name this and that, dependencies come and go, operators act, quell is down for a while, and the clock runs on. After each
// step
//
//   - the twin, a second engine that is stored and loaded before each step, gave the same effects and has the same rows;
//   - the rows that changed add up to the whole state;
//   - what a dumb model knows holds: every firing alert that counts is in exactly one incident, which is open unless an operator
//     closed it; an incident with firing symptoms is neither healed nor resolved by itself; none is held beyond its deadline;
//   - no effect contradicts one before it: a page needs an open incident and comes once a generation, what was merged or
//     closed says nothing more until it is reopened, ids and generations only grow.
//
// At the end the journal, replayed into an empty engine, gives the same rows.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		simulate(t, *seed)
		return
	}
	for _, s := range failedOnce {
		simulate(t, s)
	}
	histories := uint64(*seeds)
	if testing.Short() {
		histories = min(histories, shortHistories)
	}
	for s := range histories {
		simulate(t, *base+s)
		if t.Failed() {
			t.Fatalf("replay with -run 'TestSimulation$' -seed=%d", *base+s)
		}
	}
}

// failedOnce are histories that failed, and are rare: in 193459658 an acknowledgement lapsed under a silence, and a loaded engine handed it back
// before the others that had waited for the silence's end.
var failedOnce = []uint64{193459658}

// history is one random history.
type history struct {
	t       *testing.T
	r       *rand.Rand
	now     time.Time
	engine  *Engine
	twin    *Engine
	store   rowStore
	journal [][]byte
	times   []time.Time
	firing  map[string]*Alert // the model: what fires, by labels
	life    map[IncidentID]*lifeOf
	lastID  IncidentID
	told    map[Labels]bool // alerts that this step's inputs spoke of
	hush    *rand.Rand      // for silences
}

// lifeOf is what effects said about an incident.
type lifeOf struct {
	open, paged bool
	generation  int
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	w := &history{
		t: t, r: rand.New(rand.NewPCG(seed, 7)), now: start, store: newRowStore(), firing: make(map[string]*Alert),
		life: make(map[IncidentID]*lifeOf), told: make(map[Labels]bool), hush: rand.New(rand.NewPCG(seed, 23)),
	}
	var err error
	if w.engine, err = New(compileTest, Policy{AlertTimeout: -1}); err != nil {
		t.Fatal(err)
	}
	w.store.take(w.engine)
	w.twin = w.store.load(t)
	for range 60 {
		w.advance()
		var inputs []Input
		clear(w.told)
		for range w.r.IntN(4) {
			inputs = append(inputs, w.input())
		}
		if w.hush.IntN(6) == 0 {
			inputs = append(inputs, w.silence())
		}
		w.step(w.now, inputs)
	}
	w.replay()
}

// advance lets time pass, stepping at each deadline, unless quell is down.
func (w *history) advance() {
	until := w.now.Add(time.Duration(w.r.IntN(90)) * time.Second)
	if w.r.IntN(20) == 0 {
		until = w.now.Add(time.Duration(w.r.IntN(90)) * time.Minute)
	}
	if w.r.IntN(15) == 0 {
		from := w.now
		w.now = until
		w.step(until, []Input{&Gap{From: from, To: until, Why: "restart"}})
		return
	}
	for n := 0; ; n++ {
		at, ok := w.engine.Deadline()
		if !ok || at.After(until) {
			break
		}
		if n > 1000 {
			w.t.Fatalf("deadlines do not end: %v", at)
		}
		if at.Before(w.now) {
			at = w.now
		}
		w.now = at
		w.step(at, nil)
	}
	w.now = until
}

func (w *history) entity() topology.Entity {
	kinds := []string{"pod/s/p-%d", "node/n-%d", "service/s/v-%d", "deployment/s/d-%d"}
	return topology.Entity(fmt.Sprintf(kinds[w.r.IntN(len(kinds))], w.r.IntN(4)))
}

func (w *history) input() Input {
	switch n := w.r.IntN(20); {
	case n < 9:
		return w.alert()
	case n < 13:
		for _, key := range sortedAlerts(w.firing) {
			if w.r.IntN(2) == 0 || w.told[Labels(key)] {
				continue
			}
			w.told[Labels(key)] = true
			a := *w.firing[key]
			a.EndsAt = w.now
			delete(w.firing, key)
			return &a
		}
		return w.alert()
	case n < 15:
		reasons := []string{"BackOff", "FailedMount", "Started", "Ready", "Starting", "NotReady", "Placed", "Deleted"}
		return &Event{
			ID: fmt.Sprint(w.r.IntN(20)), Entity: w.entity(), Reason: reasons[w.r.IntN(len(reasons))],
			Warning: w.r.IntN(3) > 0, Count: 1 + w.r.IntN(3), At: w.now.Add(-time.Duration(w.r.IntN(400)) * time.Second), Source: "kubernetes/k",
			Message: w.message(),
		}
	case n < 18:
		if w.r.IntN(12) == 0 {
			return &Policy{AlertTimeout: -1, AckTimeout: time.Duration(w.r.IntN(3)) * 20 * time.Minute, KeepAck: w.r.IntN(4) == 0, Packs: []string{"calls-own"}[w.r.IntN(2):], Silences: w.maintenance()}
		}
		return w.topology()
	case n < 19 && w.lastID > 0 && w.r.IntN(3) == 0:
		return w.delivery()
	default:
		return &Command{Action: []Action{ActionAck, ActionResolve}[w.r.IntN(2)], Incident: IncidentID(1 + w.r.IntN(int(w.lastID)+1)), By: "ada"}
	}
}

// delivery tells how a page of an incident ended.
func (w *history) delivery() *Delivery {
	d := &Delivery{Incident: IncidentID(1 + w.r.IntN(int(w.lastID))), Generation: 1, Receiver: "oncall", Integration: "pagerduty[0]", Action: "trigger"}
	switch w.r.IntN(7) {
	case 0:
		d.Error = "refused"
	case 3:
		d.Deferred, d.Error = true, "ill"
	case 4:
		d.Superseded = true
	case 5:
		d.Retried = "ada"
	case 1:
		d.Withdrawn = true
	case 2:
		d.Withdrawn, d.Unseen = true, true
	}
	return d
}

// message is what an event says: nothing, something that names nobody, or the name of what there may be already.
func (w *history) message() string {
	switch n := w.r.IntN(3); w.r.IntN(6) {
	case 0:
		return "Error: ErrImagePull"
	case 1:
		return fmt.Sprintf("something is wrong on node n-%d", n)
	case 2:
		return fmt.Sprintf("dial tcp: lookup v-%d.s.svc: no such host", n)
	case 3:
		return fmt.Sprintf("configmap \"c-%d\" not found, secret \"c-%d\" not found", n, n)
	case 4:
		return fmt.Sprintf("found failed daemon pod s/p-%d on node n-%d, will try to kill it", n, n)
	}
	return ""
}

// alert makes a report of an alert that this step has not spoken of yet: whether a second one in the same step is stale depends on
// the first, which the model would have to know as well as the engine.
func (w *history) alert() *Alert {
	pairs := []string{"alertname", []string{"Down", "Slow", "PageNow", "Quick"}[w.r.IntN(4)], "quell_entity", string(w.entity())}
	if w.r.IntN(3) == 0 {
		pairs = append(pairs, "on", fmt.Sprintf("node/n-%d", w.r.IntN(3)))
	}
	if w.r.IntN(3) == 0 {
		pairs = append(pairs, "of", fmt.Sprintf("deployment/s/d-%d", w.r.IntN(3)))
	}
	if w.r.IntN(8) == 0 {
		pairs = append(pairs, "severity", "info")
	}
	a := &Alert{Labels: LabelsOf(pairs...), StartsAt: w.now.Add(-time.Duration(w.r.IntN(100)) * time.Second), Source: fmt.Sprintf("prometheus/%d", w.r.IntN(2))}
	a.Fingerprint = a.Labels.Fingerprint()
	if w.told[a.Labels] {
		return w.alert()
	}
	w.told[a.Labels] = true
	if w.r.IntN(4) == 0 {
		a.Expires = w.now.Add(time.Duration(1+w.r.IntN(10)) * time.Minute)
	}
	if w.r.IntN(10) == 0 {
		a.EndsAt = w.now // its firing was never seen, or it ends now
		delete(w.firing, string(a.Labels))
		return a
	}
	if s := w.engine.alerts[a.Fingerprint]; s == nil || s.condition != conditionCleared || !w.engine.stale(s, a) {
		w.firing[string(a.Labels)] = a
	}
	return a
}

func (w *history) topology() *Topology {
	edge := topology.Edge{From: w.entity(), To: w.entity(), Type: []string{"calls", "runs_on", "owns", "selects", "in_namespace"}[w.r.IntN(5)]}
	u := &Topology{Source: []string{"api", "config"}[w.r.IntN(2)]}
	u.Replace = w.r.IntN(6) == 0
	if w.r.IntN(3) == 0 {
		u.TTL = model.Duration(time.Duration(1+w.r.IntN(600)) * time.Second)
	}
	switch w.r.IntN(8) {
	case 0:
		u.RemoveEdges = []topology.Edge{edge}
	case 1:
		u.RemoveEntities = []topology.Entity{edge.From}
	case 2:
		u.Entities = []topology.Labeled{{ID: edge.From}, {ID: edge.To}}
	case 3:
		for range 10 {
			u.Edges = append(u.Edges, topology.Edge{From: w.entity(), To: w.entity(), Type: edge.Type})
		}
	default:
		u.Edges = []topology.Edge{edge}
	}
	return u
}

func (w *history) step(at time.Time, inputs []Input) {
	w.t.Helper()
	w.journal, w.times = append(w.journal, AppendRecord(nil, inputs)), append(w.times, at)
	effects := w.engine.Step(at, inputs)
	w.store.take(w.engine)
	w.store.check(w.t, w.engine)
	again, err := ParseRecord(w.journal[len(w.journal)-1])
	if err != nil {
		w.t.Fatal(err)
	}
	if other := w.twin.Step(at, again); !reflect.DeepEqual(effects, other) {
		w.t.Fatalf("at %v: the twin decided differently (-engine +twin):\n%s", at.Sub(start), cmp.Diff(effects, other))
	}
	w.twin = w.store.load(w.t)
	if live, loaded := derived(w.engine), derived(w.twin); !maps.Equal(live, loaded) {
		w.t.Fatalf("at %v: derived state depends on history (-engine +loaded):\n%s", at.Sub(start), cmp.Diff(live, loaded))
	}
	for _, f := range effects {
		w.effect(f)
	}
	w.model()
}

// effect checks that an effect fits those before it.
func (w *history) effect(f Effect) {
	w.t.Helper()
	l := w.life[f.Incident]
	if f.Decision == Open {
		if l != nil || f.Incident <= w.lastID {
			w.t.Errorf("%s was opened twice", f.Incident)
		}
		w.lastID = f.Incident
		w.life[f.Incident] = &lifeOf{open: true, generation: 1}
		return
	}
	if f.Decision == Reopen {
		if l == nil || l.open || f.Generation != l.generation+1 {
			w.t.Errorf("%s was reopened in generation %d: %+v", f.Incident, f.Generation, l)
		}
		*l = lifeOf{open: true, generation: f.Generation}
		return
	}
	if late := f.Decision == Withdraw; l == nil || !l.open && !late || f.Generation != l.generation {
		w.t.Errorf("%s %s (%s) of an incident that is not open in that generation: %+v", f.Incident, f.Decision, f.Reason, l)
		return
	}
	switch f.Decision {
	case Escalate:
		if l.paged {
			w.t.Errorf("%s was paged twice in generation %d", f.Incident, f.Generation)
		}
		l.paged = true
		// What is handed back is decided when an input comes, and a silence may follow in the same step.
		if _, all := allSilenced(w.engine, nil, w.engine.incidents[f.Incident]); all && !strings.HasPrefix(f.Reason, "handed back: ") {
			w.t.Errorf("%s is paged, and all of it is silenced (%s)", f.Incident, f.Reason)
		}
	case SelfHeal:
		if l.paged {
			w.t.Errorf("%s healed by itself after it was paged", f.Incident)
		}
		l.open = false
	case Resolve, Merge:
		l.open = false
	}
}

// model compares the engine with what a dumb model knows.
func (w *history) model() {
	w.t.Helper()
	e := w.engine
	member := make(map[uint64]IncidentID)
	for id, i := range e.incidents {
		active := 0
		for _, num := range i.sorted() {
			s := e.symptoms.get(num)
			if s == nil || s.incident != id {
				w.t.Errorf("%s lists symptom %d, which is not its", id, num)
				continue
			}
			if other := member[num]; other != 0 {
				w.t.Errorf("symptom %d is in %s and %s", num, id, other)
			}
			if member[num] = id; s.active() {
				active++
			}
		}
		if i.state.Open() && active != i.active {
			w.t.Errorf("%s counts %d active symptoms, has %d", id, i.active, active)
		}
		if active > 0 && !i.state.Open() && !i.byHand {
			w.t.Errorf("%s is %s while %d symptoms fire", id, i.state, active)
		}
		if i.state == Held && i.active > 0 && fromNano(i.heldUntil).Before(w.now) {
			w.t.Errorf("%s is held beyond %v", id, fromNano(i.heldUntil).Sub(start))
		}
		if i.state.Open() && len(i.symptoms) == 0 {
			w.t.Errorf("%s is open without symptoms", id)
		}
	}
	for _, num := range e.symptoms.numbers() {
		if wrong := disagreesOnSilence(e, nil, e.symptoms.get(num)); wrong != "" {
			w.t.Error(wrong)
		}
	}
	for key, a := range w.firing {
		s := e.alerts[a.Fingerprint]
		switch {
		case !a.Expires.IsZero() && a.Expires.Before(w.now): // lost by now, and perhaps given up
		case s == nil || s.condition == conditionCleared:
			w.t.Fatalf("at %v: %s fires since %v, and the engine does not know: %+v", w.now.Sub(start), Labels(key), a.StartsAt.Sub(start), s)
		case !s.counts() || s.incident == 0:
		case member[s.num] == 0:
			w.t.Errorf("%s is in no incident", Labels(key))
		}
	}
}

// replay steps an empty engine through the journal.
func (w *history) replay() {
	w.t.Helper()
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	for k, b := range w.journal {
		inputs, err := ParseRecord(b)
		if err != nil {
			w.t.Fatal(err)
		}
		e.Step(w.times[k], inputs)
	}
	w.store.check(w.t, e)
}

// derived shows what is not stored but computed from the rows: it must not depend on how an engine came to its state.
func derived(e *Engine) map[string]string {
	out := make(map[string]string)
	for n := range e.graph.Nodes() {
		at := e.local(n)
		dependents, parts := e.graph.Dependents(n)
		text := fmt.Sprintf("dependents=%d parts=%d root=%s rooted=%d near=%d,%d", dependents, parts, at.root, at.rooted, at.nearWatch, at.nearParts)
		watch := make(map[topology.Entity]link)
		for m, l := range at.watch {
			watch[e.graph.Entity(m)] = l
		}
		for m, l := range at.parts {
			watch["part "+e.graph.Entity(m)] = l
		}
		text += fmt.Sprint(" watch=", watch)
		if at.site != nil {
			text += fmt.Sprintf(" symptoms=%v active=%d incident=%s", at.site.symptoms, at.site.active, at.site.incident)
		}
		out[string(e.graph.Entity(n))] = text
	}
	for id, i := range e.incidents {
		e.tally(i)
		out[id.String()] = fmt.Sprintf("%v active=%d lost=%d sites=%d severity=%s common=%s", i.sorted(), i.active, i.lost, i.sites, i.severity, i.common)
	}
	return out
}
