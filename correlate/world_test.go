package correlate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"quell/correlate/topology"
)

// world is a small cluster as it really is, what befalls it, and the script of what quell hears of that. The same seed makes the
// same world. Times are offsets from [start].
type world struct {
	r          *rand.Rand
	more       *rand.Rand // for what was added later, so that worlds that failed once stay as they were
	newest     *rand.Rand // likewise, for what was added after that
	acks       *rand.Rand // likewise, for how long acknowledgements last
	seed       uint64
	cluster    string // where what is placed now is
	zones      []topology.Entity
	nodes      []topology.Entity
	namespaces []topology.Entity
	services   []*service
	pods       []*pod
	truth      []topology.Edge // what really depends on what
	policy     Policy
	vital      topology.Entity          // what rules name as critical; may be none
	waits      map[string]time.Duration // how long alert rules wait, by name; nil if the rules of quell do not know
	chronic    ChronicRule              // the zero value is the default
	states     bool                     // Kubernetes is watched: it tells how pods are, and when they are gone
	faults     []*fault
	ill        map[topology.Entity][]illness // in order of time, apart from one another
	script     []entry
	mutes      *muteRules // nil if there are none
}

// service is one service with what runs it.
type service struct {
	namespace                  topology.Entity
	entity, workload, replicas topology.Entity // replicas is between the workload and its pods, and empty for a stateful set
	pods                       []*pod
	claim, volume              topology.Entity // of a database
}

type pod struct {
	entity, node topology.Entity
	of           *service
}

// horizon is when a world's script ends: what has not healed by then never does.
const horizon = 3 * time.Hour

// newWorld makes the world of a seed.
func newWorld(seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 11)), more: rand.New(rand.NewPCG(seed, 17)), newest: rand.New(rand.NewPCG(seed, 19)), acks: rand.New(rand.NewPCG(seed, 23)), seed: seed, ill: make(map[topology.Entity][]illness)}
	w.policy = Policy{
		Hold: w.minutes(2, 5), Settle: w.minutes(1, 2), Reopen: 20 * time.Minute, LostAfter: 2 * time.Hour,
		AlertTimeout: []time.Duration{-1, 15 * time.Minute, 13 * time.Hour}[w.r.IntN(3)],
	}
	w.policy.AckTimeout, w.policy.KeepAck = time.Duration(w.acks.IntN(3))*15*time.Minute, w.acks.IntN(4) == 0
	if seed >= silencesFrom {
		w.policy.Silences.Retention = time.Hour
	}
	w.build()
	w.chronic = strictness(seed)
	w.states = w.also(0.5)
	w.hurry()
	for range 1 + w.r.IntN(4) {
		w.befall(w.anyFault())
	}
	for range w.r.IntN(5) {
		w.befall(blip)
	}
	w.script = newReporter(w).script()
	if seed >= silencesFrom {
		w.script = w.silenced(w.script)
	}
	if seed >= mutesFrom {
		w.mutes = w.muting()
	}
	return w
}

// build makes one cluster, or two that have names, of which one calls the other.
func (w *world) build() {
	if !w.also(0.25) {
		w.place()
		w.connect(0)
		return
	}
	w.cluster = "a"
	w.place()
	w.connect(0)
	first := len(w.services)
	w.cluster = "b"
	w.place()
	w.connect(first)
	w.depend(pick(w.more, w.services[:first]).entity, pick(w.more, w.services[first:]).entity, "calls")
}

// entity names an entity of the cluster that is being built.
func (w *world) entity(kind, namespace, name string) topology.Entity {
	return topology.NewEntity(kind, namespace, name, w.cluster)
}

// place makes nodes, services and their pods.
func (w *world) place() {
	var zones, nodes []topology.Entity
	for k := range 1 + w.r.IntN(3) {
		zones = append(zones, w.entity("zone", "", fmt.Sprintf("z%d", k)))
	}
	for k := range 2 + w.r.IntN(5) {
		nodes = append(nodes, w.entity("node", "", fmt.Sprintf("n%d", k)))
		w.depend(nodes[k], zones[k%len(zones)], "in_zone")
	}
	namespaces := []topology.Entity{w.entity("namespace", "", "shop"), w.entity("namespace", "", "pay")}[:1+w.r.IntN(2)]
	for k := range 3 + w.r.IntN(6) {
		w.serve(namespaces[w.r.IntN(len(namespaces))], fmt.Sprintf("s%d", k), 1+w.r.IntN(5), nodes)
	}
	w.database(w.serve(namespaces[0], "db", 1+w.r.IntN(2), nodes))
	if w.chance(0.5) {
		w.serve(w.entity("namespace", "", "kube-system"), "dns", 2, nodes)
	}
	w.zones, w.nodes, w.namespaces = append(w.zones, zones...), append(w.nodes, nodes...), append(w.namespaces, namespaces...)
}

// serve adds a service with its workload and its pods on some nodes.
func (w *world) serve(namespace topology.Entity, name string, replicas int, nodes []topology.Entity) *service {
	s := &service{
		namespace: namespace,
		entity:    w.entity("service", namespace.Name(), name),
		workload:  w.entity("deployment", namespace.Name(), name),
	}
	owner := s.workload
	if w.chance(0.5) && name != "db" {
		s.replicas = w.entity("replicaset", namespace.Name(), name+"-5d8")
		w.depend(s.workload, s.replicas, "owns")
		owner = s.replicas
	}
	first := w.r.IntN(len(nodes))
	for k := range replicas {
		p := &pod{entity: w.entity("pod", namespace.Name(), fmt.Sprintf("%s-%d", name, k)), node: nodes[(first+k)%len(nodes)], of: s}
		s.pods, w.pods = append(s.pods, p), append(w.pods, p)
		w.depend(owner, p.entity, "owns")
		w.depend(s.entity, p.entity, "selects")
		w.depend(p.entity, p.node, "runs_on")
		w.depend(p.entity, namespace, "in_namespace")
	}
	w.services = append(w.services, s)
	return s
}

// database gives a service a claim that all its pods mount, and that a volume backs.
func (w *world) database(s *service) {
	s.claim = w.entity("persistentvolumeclaim", s.namespace.Name(), "data")
	s.volume = w.entity("persistentvolume", "", "pv-1")
	w.depend(s.claim, s.volume, "bound_to")
	for _, p := range s.pods {
		w.depend(p.entity, s.claim, "mounts")
	}
}

// connect lets the services from the first one on call one another: those made earlier call later ones, and in some worlds one calls back.
func (w *world) connect(first int) {
	services := w.services[first:]
	last := len(services) - 1
	for k, s := range services[:last] {
		for range 1 + w.r.IntN(2) {
			w.depend(s.entity, services[k+1+w.r.IntN(last-k)].entity, "calls")
		}
	}
	if w.chance(0.2) {
		w.depend(services[last].entity, services[w.r.IntN(last)].entity, "calls")
	}
}

func (w *world) depend(from, to topology.Entity, typ string) {
	if e := (topology.Edge{From: from, To: to, Type: typ}); from != to && !slices.Contains(w.truth, e) {
		w.truth = append(w.truth, e)
	}
}

func (w *world) chance(p float64) bool { return w.r.Float64() < p }
func (w *world) also(p float64) bool   { return w.more.Float64() < p }

// within draws a time from a range, to the second.
func (w *world) within(from, to time.Duration) time.Duration {
	return from + time.Duration(w.r.Int64N(int64((to-from)/time.Second)+1))*time.Second
}

// later is within for what was added later.
func (w *world) later(from, to time.Duration) time.Duration {
	return from + time.Duration(w.more.Int64N(int64((to-from)/time.Second)+1))*time.Second
}

func (w *world) minutes(from, to int) time.Duration {
	return time.Duration(from+w.r.IntN(to-from+1)) * time.Minute
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
