package correlate_test

import (
	"fmt"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

const (
	// teamUnits is how many services a team has; each is ten entities: a service, its deployment, replica set, five pods, a claim and
	// a secret. With nodes and the namespace a team is teamSize entities.
	teamUnits = 19
	teamPods  = 5
	teamNodes = 9
	teamSize  = teamUnits*10 + teamNodes + 1
	// teamSick is the service at the bottom of a team whose claim fills up when the team has trouble, and teamAlerts how many alerts
	// that raises.
	teamSick   = 18
	teamAlerts = 20
)

// yard is an engine with trouble, in pieces that come and go one by one.
type yard struct {
	engine *correlate.Engine
	now    time.Time
	// ill are the pieces that have their trouble, each with the alerts that fire.
	ill []trouble
	// hub is the alert of the hub, if there is one.
	hub *correlate.Alert
	// round makes alerts new.
	round int
	// took are the durations of the last steps.
	took []time.Duration
	next int // in took, when it is full
}

// trouble is a piece that is ill: a team, or some dependents of a hub.
type trouble struct {
	// raise makes the alerts of the trouble, new ones in each round.
	raise  func(round int, at time.Time) []*correlate.Alert
	alerts []*correlate.Alert
	// pod and service are ill.
	pod, service topology.Entity
}

// newYard returns an engine in which so little time passes that no hold ends, since escalating some incident is no part of the cost of
// another's alert. What ends closes and is forgotten at once.
func newYard(tb testing.TB, u *correlate.Topology) *yard {
	tb.Helper()
	e := newEngine(tb)
	p := e.Policy()
	p.Settle, p.Reopen, p.AlertTimeout = time.Millisecond, time.Millisecond, -1
	p.MaxSymptoms, p.MaxEntities = 1_000_000, 2_000_000
	e.Step(begin, []correlate.Input{&p})
	load(tb, e, u)
	return &yard{engine: e, now: begin, took: make([]time.Duration, 0, 1<<16)}
}

// do steps one input as serve does, and notes how long the step took.
func (y *yard) do(in correlate.Input) {
	y.now = y.now.Add(time.Microsecond)
	inputs := []correlate.Input{in}
	start := time.Now()
	y.engine.Step(y.now, inputs)
	took := time.Since(start)
	y.engine.Changes(func(_, _ []byte) {})
	if len(y.took) < cap(y.took) {
		y.took = append(y.took, took)
		return
	}
	y.took[y.next] = took
	y.next = (y.next + 1) % len(y.took)
}

// pass lets some time go by with nothing told.
func (y *yard) pass(d time.Duration) {
	y.now = y.now.Add(d)
	y.engine.Step(y.now, nil)
	y.engine.Changes(func(_, _ []byte) {})
}

// fire makes new alerts for a piece that has none.
func (y *yard) fire(t *trouble) []*correlate.Alert {
	y.round++
	t.alerts = t.raise(y.round, y.now)
	return t.alerts
}

// resolved returns the ends of the alerts of a piece.
func (y *yard) resolved(t *trouble) []*correlate.Alert {
	ends := make([]*correlate.Alert, len(t.alerts))
	for k, a := range t.alerts {
		end := *a
		end.EndsAt = y.now
		ends[k] = &end
	}
	return ends
}

// add makes another piece ill.
func (y *yard) add(t trouble) {
	for _, a := range y.fire(&t) {
		y.do(a)
	}
	if len(t.alerts) != teamAlerts {
		panic(fmt.Sprintf("%d alerts of one piece", len(t.alerts))) // counts of open symptoms would be wrong
	}
	y.ill = append(y.ill, t)
}

// forget lets incidents whose symptoms are gone close and be forgotten.
func (y *yard) forget() {
	for range 3 {
		y.pass(time.Millisecond)
	}
}

// open counts open incidents.
func (y *yard) open() int {
	return len(y.engine.Incidents(func(i *correlate.Incident) bool { return i.State.Open() }))
}

// shopAlert is an alert with the labels and annotations of a usual one.
func shopAlert(name string, e topology.Entity, round int, at time.Time) *correlate.Alert {
	a := &correlate.Alert{
		Labels: correlate.LabelsOf("alertname", name, "quell_entity", string(e), "namespace", e.Namespace(), "cluster", "prod-eu", "severity", "warning",
			"prometheus", "monitoring/k8s", "run", fmt.Sprint(round)),
		Annotations: correlate.LabelsOf("summary", name+" on "+e.Name(), "runbook_url", "https://runbooks.example.com/"+name),
		StartsAt:    at, Expires: at.Add(24 * time.Hour), Source: "prometheus/test",
	}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

// team names the entities of a team of a shop.
type team struct{ shop, number int }

func (t team) of(kind string, unit int) topology.Entity {
	return topology.Entity(fmt.Sprintf("%s/team-%d/unit-%d", kind, t.number, unit))
}

func (t team) pod(unit, k int) topology.Entity {
	return topology.Entity(fmt.Sprintf("pod/team-%d/unit-%d-%d", t.number, unit, k))
}

func (t team) namespace() topology.Entity {
	return topology.Entity(fmt.Sprintf("namespace/team-%d", t.number))
}

// node is one on which pods of several teams run.
func (t team) node(k int) topology.Entity {
	return topology.Entity(fmt.Sprintf("node/worker-%d-%d", (t.number+k)%t.shop, k%teamNodes))
}

// edges lists what the entities of a team depend on: a service calls two others of its team, and one of the next team is called.
func (t team) edges() []topology.Edge {
	var edges []topology.Edge
	add := func(from topology.Entity, typ string, to topology.Entity) {
		edges = append(edges, topology.Edge{From: from, To: to, Type: typ})
	}
	for unit := range teamUnits {
		for _, callee := range [...]int{2*unit + 1, 2*unit + 2} {
			if callee < teamUnits {
				add(t.of("service", unit), "calls", t.of("service", callee))
			}
		}
		add(t.of("deployment", unit), "owns", t.of("replicaset", unit))
		for k := range teamPods {
			p := t.pod(unit, k)
			add(t.of("replicaset", unit), "owns", p)
			add(t.of("service", unit), "selects", p)
			add(p, "runs_on", t.node(unit+k))
			add(p, "in_namespace", t.namespace())
			add(p, "mounts", t.of("persistentvolumeclaim", unit))
			add(p, "uses", t.of("secret", unit))
		}
	}
	next := team{t.shop, (t.number + 1) % t.shop}
	add(t.of("service", 9), "calls", next.of("service", 10))
	for k := range teamNodes {
		add(topology.Entity(fmt.Sprintf("node/worker-%d-%d", t.number, k)), "in_zone", topology.Entity(fmt.Sprintf("zone/%d", k%3)))
	}
	return edges
}

// raise makes the alerts of a team whose volume is full: five pods crash, their deployment misses them, the service and those
// who call it have errors.
func (t team) raise(round int, at time.Time) []*correlate.Alert {
	alerts := make([]*correlate.Alert, 0, teamAlerts)
	add := func(name string, e topology.Entity) { alerts = append(alerts, shopAlert(name, e, round, at)) }
	for k := range teamPods {
		add("KubePodCrashLooping", t.pod(teamSick, k))
		add("KubePodNotReady", t.pod(teamSick, k))
	}
	for unit := (teamSick - 1) / 2; unit > 0; unit = (unit - 1) / 2 {
		add("HighErrorRate", t.of("service", unit))
		add("HighLatency", t.of("service", unit))
	}
	add("HighErrorRate", t.of("service", 0))
	add("HighErrorRate", t.of("service", teamSick))
	add("KubeDeploymentReplicasMismatch", t.of("deployment", teamSick))
	add("KubePersistentVolumeFillingUp", t.of("persistentvolumeclaim", teamSick))
	return alerts
}

func (t team) trouble() trouble {
	return trouble{raise: t.raise, pod: t.pod(teamSick, 0), service: t.of("service", teamSick)}
}

// newShop returns a shop of so many entities, a few zones aside, in which all is well.
func newShop(tb testing.TB, entities int) *yard {
	u := &correlate.Topology{Source: "kubernetes/prod-eu"}
	for n := range entities / teamSize {
		u.Edges = append(u.Edges, team{entities / teamSize, n}.edges()...)
	}
	return newYard(tb, u)
}

// Orders in which a hub and what depends on it tell of their trouble.
const (
	hubFirst  = "first"
	hubLast   = "last"
	hubSilent = "silent"
)

const hub topology.Entity = "node/hub"

// hubPiece makes some dependents of the hub ill.
func hubPiece(first int) trouble {
	dependent := func(k int) topology.Entity { return topology.Entity(fmt.Sprintf("pod/ns/p-%d", first+k)) }
	return trouble{
		raise: func(round int, at time.Time) []*correlate.Alert {
			alerts := make([]*correlate.Alert, teamAlerts)
			for k := range alerts {
				alerts[k] = shopAlert("KubePodNotReady", dependent(k), round, at)
			}
			return alerts
		},
		pod: dependent(0), service: dependent(0),
	}
}

// newHub returns a storm on a hub on which so many depend: all of them are ill, and the hub tells of it as the order says.
func newHub(tb testing.TB, dependents int, order string) *yard {
	tb.Helper()
	u := &correlate.Topology{Source: "api"}
	for k := range dependents {
		u.Edges = append(u.Edges, topology.Edge{From: topology.Entity(fmt.Sprintf("pod/ns/p-%d", k)), To: hub, Type: "runs_on"})
	}
	y := newYard(tb, u)
	y.hub = shopAlert("KubeNodeNotReady", hub, 0, y.now)
	if order == hubFirst {
		y.do(y.hub)
	}
	for first := 0; first < dependents; first += teamAlerts {
		y.add(hubPiece(first))
	}
	if order == hubLast {
		y.do(y.hub)
	}
	return y
}

// newChain returns services of which each calls the next, and which fail from the top down: each is the root until the next one fails.
func newChain(tb testing.TB, length int) *yard {
	tb.Helper()
	link := func(k int) topology.Entity { return topology.Entity(fmt.Sprintf("service/ns/s-%d", k)) }
	u := &correlate.Topology{Source: "api"}
	for k := range length {
		u.Edges = append(u.Edges, topology.Edge{From: link(k), To: link(k + 1), Type: "calls"})
	}
	y := newYard(tb, u)
	for k := range length {
		y.do(shopAlert("HighErrorRate", link(k), 0, y.now))
	}
	return y
}

// newRelapse returns a hub that failed with all that depends on it, recovered, and fails again with another alert while the first
// incident could still be reopened. Only the second time is noted.
func newRelapse(tb testing.TB, dependents int) *yard {
	tb.Helper()
	y := newHub(tb, dependents, hubFirst)
	p := y.engine.Policy()
	p.Reopen = time.Hour
	y.do(&p)
	again := []*correlate.Alert{shopAlert("KubeNodeUnreachable", hub, 0, y.now)}
	y.do(&correlate.Alert{Fingerprint: y.hub.Fingerprint, Labels: y.hub.Labels, StartsAt: y.hub.StartsAt, EndsAt: y.now, Source: y.hub.Source})
	for k := range y.ill {
		for _, end := range y.resolved(&y.ill[k]) {
			y.do(end)
		}
		again = append(again, y.ill[k].alerts...)
	}
	y.pass(time.Second)
	y.took, y.next = y.took[:0], 0
	for _, a := range again {
		y.do(a)
	}
	return y
}

// isOneStorm fails unless there is one open incident, rooted in the hub, with all dependents.
func (y *yard) isOneStorm(tb testing.TB, dependents int) {
	tb.Helper()
	open := y.engine.Incidents(func(i *correlate.Incident) bool { return i.State.Open() })
	if len(open) != 1 {
		tb.Fatalf("%d open incidents, want one", len(open))
	}
	if i := open[0]; i.Roots[0].Entity != hub || i.Active < dependents {
		tb.Errorf("root is %s, with %d active symptoms; want %s and at least %d", i.Roots[0].Entity, i.Active, hub, dependents)
	}
}

// TestStormIsOneIncident lets 20,000 dependents of a hub fire one by one, or 2,000 with -short: the hub tells of its trouble before, after,
// or never.
func TestStormIsOneIncident(t *testing.T) {
	for _, order := range []string{hubFirst, hubLast, hubSilent} {
		t.Run(order, func(t *testing.T) {
			dependents := 20_000
			if testing.Short() {
				dependents = 2_000
			}
			newHub(t, dependents, order).isOneStorm(t, dependents)
		})
	}
}
