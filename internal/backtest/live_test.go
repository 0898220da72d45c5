package backtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/internal/journal"
	"quell/internal/rulebook"
	"quell/routing"
	"quell/storage"
	"quell/storage/mem"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// live is a running quell without its edges: it steps an engine as the loop of internal/app does, and stores what that stores.
type live struct {
	tb     testing.TB
	now    time.Time
	engine *correlate.Engine
	steps  *routing.Escalations
	store  *mem.DB
	seq    uint64
	// results are deliveries on their way, each until it is accepted.
	results []result
	touched map[uint64]bool
	touch   correlate.Refresh
	latency func() time.Duration
	// fate says how a delivery ends; nil leaves it to chance.
	fate func(d *correlate.Delivery)
	r    *rand.Rand
}

type result struct {
	at time.Time
	in *correlate.Delivery
}

func newLive(tb testing.TB, p correlate.Policy, r *rand.Rand) *live {
	tb.Helper()
	e, err := correlate.New(rulebook.Compile, correlate.Policy{})
	if err != nil {
		tb.Fatal(err)
	}
	zero := e.Policy()
	l := &live{
		tb: tb, now: epoch, engine: e, store: mem.New("store"), touched: make(map[uint64]bool), r: r,
		steps:   routing.NewEscalations(routing.Compile(&zero, routing.Options{StoreID: "store"})),
		latency: func() time.Duration { return time.Duration(r.IntN(3_000_000)) },
	}
	l.commit(&p)
	return l
}

// commit steps the engine and stores the step.
func (l *live) commit(inputs ...correlate.Input) {
	l.tb.Helper()
	inputs = append(l.takeTouched(), inputs...)
	record := correlate.AppendRecord(nil, inputs)
	l.steps.Hear(inputs)
	record = correlate.AppendRecord(record[:0], inputs) // routing completed some
	effects := l.engine.Step(l.now, inputs)
	sent := l.steps.Step(l.now, effects, func(id correlate.IncidentID) (*correlate.Incident, bool) { return l.engine.Incident(id, 1) })
	for _, in := range routing.Accepted(sent) {
		d := in.(*correlate.Delivery)
		switch l.r.IntN(12) {
		case 0:
			d.Error = "refused"
		case 1:
			d.Withdrawn = d.Action == string(routing.Trigger)
		}
		if l.fate != nil {
			d.Error, d.Withdrawn = "", false
			l.fate(d)
		}
		l.results = append(l.results, result{l.now.Add(time.Duration(l.r.IntN(20_000)) * time.Millisecond), d})
	}
	slices.SortStableFunc(l.results, func(a, b result) int { return a.at.Compare(b.at) })
	var changes []storage.Change
	l.engine.Changes(func(k, v []byte) {
		changes = append(changes, storage.Change{Table: storage.State, Key: slices.Clone(k), Value: slices.Clone(v)})
		if id, ok := correlate.IncidentOfRow(k); ok && v == nil {
			l.steps.Forget(id)
		}
	})
	l.seq++
	if err := l.store.Commit(&storage.Batch{Seq: l.seq, At: l.now, Record: record, Changes: changes}); err != nil {
		l.tb.Fatal(err)
	}
}

// report gives an alert to the engine, which may know all of it.
func (l *live) report(alerts ...*correlate.Alert) {
	l.tb.Helper()
	var fresh []correlate.Input
	for _, a := range alerts {
		if num, known := l.engine.Unchanged(a); known && len(fresh) == 0 {
			if num != 0 {
				l.touched[num] = true
				l.touch.Source = a.Source
				if a.Expires.After(l.touch.Expires) {
					l.touch.Expires = a.Expires
				}
			}
			continue
		}
		fresh = append(fresh, a)
	}
	if len(fresh) > 0 {
		l.commit(fresh...)
	}
}

func (l *live) takeTouched() []correlate.Input {
	if len(l.touched) == 0 {
		return nil
	}
	in := l.touch
	for num := range l.touched {
		in.Alerts = append(in.Alerts, num)
	}
	slices.Sort(in.Alerts)
	clear(l.touched)
	l.touch = correlate.Refresh{}
	return []correlate.Input{&in}
}

// passUntil lets time pass: what is due is done a moment late, and results of deliveries come in.
func (l *live) passUntil(until time.Time) {
	l.tb.Helper()
	for {
		at, ok := l.engine.Deadline()
		if next, more := l.steps.Deadline(); more && (!ok || next.Before(at)) {
			at, ok = next, true
		}
		if len(l.results) > 0 && (!ok || l.results[0].at.Before(at)) {
			l.deliver(until)
			if len(l.results) > 0 && l.results[0].at.After(until) && (!ok || at.After(until)) {
				break
			}
			continue
		}
		if !ok || at.Add(5*time.Millisecond).After(until) {
			break
		}
		if at.Before(l.now) {
			at = l.now
		}
		l.now = at.Add(l.latency())
		l.commit()
	}
	if until.After(l.now) {
		l.now = until
	}
}

// deliver tells of the first delivery that ended.
func (l *live) deliver(until time.Time) {
	d := l.results[0]
	if d.at.After(until) {
		l.results[0].at = until.Add(time.Nanosecond)
		if d.at.Before(l.results[0].at) {
			return
		}
	}
	l.results = l.results[1:]
	if d.at.After(l.now) {
		l.now = d.at
	}
	l.commit(d.in)
}

// restart is quell being away for a while, and what it is told when it is back.
func (l *live) restart(away time.Duration) {
	l.tb.Helper()
	from := l.now
	l.now = l.now.Add(away)
	l.commit(&correlate.Gap{From: from, To: l.now, Why: "restart"})
}

// open returns the incidents that are open.
func (l *live) open() []*correlate.Incident {
	return l.engine.Incidents(func(i *correlate.Incident) bool { return i.State.Open() })
}

// journal hands the store's journal over.
func (l *live) journal() *journal.Store {
	l.tb.Helper()
	l.commit() // so that all steps have the same end
	j, err := journal.OpenStore(l.store, "test store")
	if err != nil {
		l.tb.Fatal(err)
	}
	return j
}

// town is a random world for a live quell: pods on nodes behind services, which break alone or together.
type town struct {
	*live
	firing map[string]*correlate.Alert
	ends   []ending
}

type ending struct {
	at   time.Time
	name string
}

func newTown(tb testing.TB, p correlate.Policy, seed uint64) *town {
	w := &town{live: newLive(tb, p, rand.New(rand.NewPCG(seed, 29))), firing: make(map[string]*correlate.Alert)}
	u := topology.Update{}
	for k := range 12 {
		pod := topology.Entity(fmt.Sprintf("pod/shop/p-%d", k))
		u.Edges = append(u.Edges,
			topology.Edge{From: pod, To: topology.Entity(fmt.Sprintf("node/n-%d", k%3)), Type: "runs_on"},
			topology.Edge{From: topology.Entity(fmt.Sprintf("service/shop/s-%d", k%4)), To: pod, Type: "selects"})
	}
	w.commit(&correlate.Topology{Source: "api", Update: u})
	return w
}

func (w *town) alert(name string, pairs ...string) *correlate.Alert {
	labels := correlate.LabelsOf(append([]string{"alertname", name}, pairs...)...)
	return &correlate.Alert{
		Fingerprint: labels.Fingerprint(), Labels: labels, Annotations: correlate.LabelsOf("summary", name+" is bad"),
		StartsAt: w.now, Source: "alertmanager/a",
	}
}

// begin fires alerts that end by themselves after a while.
func (w *town) begin(lasts time.Duration, alerts ...*correlate.Alert) {
	for _, a := range alerts {
		k := string(a.Labels)
		if w.firing[k] == nil {
			w.firing[k] = a
			w.ends = append(w.ends, ending{w.now.Add(lasts), k})
		}
	}
	w.report(alerts...)
}

// trouble is one random thing that happens.
func (w *town) trouble() {
	r := w.r
	lasts := time.Duration(1+r.IntN(40)) * time.Minute
	pod, node, service := fmt.Sprintf("p-%d", r.IntN(12)), fmt.Sprintf("n-%d", r.IntN(3)), fmt.Sprintf("s-%d", r.IntN(4))
	severity := []string{"warning", "critical", "info"}[r.IntN(3)]
	switch n := r.IntN(16); {
	case n < 5:
		w.begin(lasts, w.alert("KubePodCrashLooping", "namespace", "shop", "pod", pod, "severity", severity))
	case n < 7:
		alerts := []*correlate.Alert{w.alert("KubeNodeNotReady", "node", node, "severity", "critical")}
		for k := range 12 {
			if fmt.Sprintf("n-%d", k%3) == node && r.IntN(3) > 0 {
				alerts = append(alerts, w.alert("KubePodNotReady", "namespace", "shop", "pod", fmt.Sprintf("p-%d", k), "severity", "warning"))
			}
		}
		w.begin(lasts, alerts...)
	case n < 9:
		w.begin(lasts, w.alert("HighErrorRate", "namespace", "shop", "service", service, "severity", severity))
	case n < 11:
		w.commit(&correlate.Event{
			ID: fmt.Sprint(r.IntN(50)), Entity: topology.Entity("pod/shop/" + pod), Reason: []string{"BackOff", "FailedMount", "Started"}[r.IntN(3)],
			Warning: r.IntN(3) > 0, Count: 1 + r.IntN(3), At: w.now, Source: "kubernetes/k",
		})
	case n < 13:
		w.operate()
	case n == 13:
		w.restart(time.Duration(r.IntN(900)) * time.Second)
	case n == 14:
		w.hush(service)
	default:
		var all []*correlate.Alert
		for _, k := range sortedKeys(w.firing) {
			all = append(all, w.firing[k])
		}
		w.report(all...)
	}
}

// operate is something that an operator does.
func (w *town) operate() {
	open := w.open()
	if len(open) == 0 {
		return
	}
	inc := open[w.r.IntN(len(open))]
	c := &correlate.Command{Action: []correlate.Action{correlate.ActionAck, correlate.ActionAck, correlate.ActionResolve}[w.r.IntN(3)], Incident: inc.ID, By: "ada"}
	switch {
	case w.r.IntN(6) == 0:
		yes := w.r.IntN(2) == 0
		w.commit(&correlate.Feedback{Incident: inc.ID, By: "ada", ShouldHavePaged: &yes})
	case w.engine.Allows(c) == nil:
		w.commit(c)
	}
}

// hush silences a service, or an incident.
func (w *town) hush(service string) {
	s := &correlate.Silence{By: "ada"}
	s.Silence = silence.Silence{
		ID: fmt.Sprint(w.r.Uint64()), StartsAt: w.now, EndsAt: w.now.Add(time.Hour), CreatedBy: "ada", Comment: "work", UpdatedAt: w.now,
		Entities: []topology.Entity{topology.Entity("service/shop/" + service)},
	}
	if open := w.open(); len(open) > 0 && w.r.IntN(2) == 0 {
		s.Silence.Entities, s.Silence.Incident = nil, uint64(open[0].ID)
	}
	if w.engine.AllowsSilence(s) == nil {
		w.commit(s)
	}
}

// play lets things happen for a while.
func (w *town) play(troubles int) {
	for range troubles {
		until := w.now.Add(time.Duration(w.r.IntN(600)) * time.Second)
		slices.SortStableFunc(w.ends, func(a, b ending) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
		for len(w.ends) > 0 && !w.ends[0].at.After(until) {
			end := w.ends[0]
			w.ends = w.ends[1:]
			if end.at.After(w.now) {
				w.passUntil(end.at)
			}
			a := *w.firing[end.name]
			a.EndsAt = w.now
			delete(w.firing, end.name)
			w.report(&a)
		}
		w.passUntil(until)
		w.trouble()
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// policy is one with a policy of two steps and a receiver that is chat.
func policyFor(tb testing.TB, hold time.Duration) correlate.Policy {
	tb.Helper()
	c := &routing.Config{
		Route: &routing.Route{Receiver: "oncall"},
		Receivers: map[string][]routing.Target{
			"oncall": {{Receiver: "oncall", Type: "pagerduty"}}, "team": {{Receiver: "team", Type: "slack"}},
		},
	}
	return correlate.Policy{Hold: hold, Packs: []string{"kubernetes", "kube-prometheus"}, Routing: c.Encode()}
}

func asJSON(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}
