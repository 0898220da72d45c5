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
	seed       uint64
	zones      []topology.Entity
	nodes      []topology.Entity
	namespaces []string
	services   []*service
	pods       []*pod
	truth      []topology.Edge // what really depends on what
	policy     Policy
	faults     []*fault
	ill        map[topology.Entity][]illness // in order of time, apart from one another
	script     []entry
}

// service is one service with what runs it.
type service struct {
	namespace                  string
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
	w := &world{r: rand.New(rand.NewPCG(seed, 11)), seed: seed, ill: make(map[topology.Entity][]illness)}
	w.policy = Policy{
		Hold: w.minutes(2, 5), Settle: w.minutes(1, 2), Reopen: 20 * time.Minute, LostAfter: 2 * time.Hour,
		AlertTimeout: []time.Duration{-1, 15 * time.Minute, 13 * time.Hour}[w.r.IntN(3)],
	}
	w.place()
	w.connect()
	for range 1 + w.r.IntN(4) {
		w.befall(w.anyFault())
	}
	for range w.r.IntN(5) {
		w.befall(blip)
	}
	w.script = newReporter(w).script()
	return w
}

// place makes nodes, services and their pods.
func (w *world) place() {
	for k := range 1 + w.r.IntN(3) {
		w.zones = append(w.zones, topology.NewEntity("zone", "", fmt.Sprintf("z%d", k), ""))
	}
	for k := range 2 + w.r.IntN(5) {
		n := topology.NewEntity("node", "", fmt.Sprintf("n%d", k), "")
		w.nodes = append(w.nodes, n)
		w.depend(n, w.zones[k%len(w.zones)], "in_zone")
	}
	w.namespaces = []string{"shop", "pay"}[:1+w.r.IntN(2)]
	for k := range 3 + w.r.IntN(6) {
		w.serve(w.namespaces[w.r.IntN(len(w.namespaces))], fmt.Sprintf("s%d", k), 1+w.r.IntN(5))
	}
	w.database(w.serve(w.namespaces[0], "db", 1+w.r.IntN(2)))
	if w.chance(0.5) {
		w.serve("kube-system", "dns", 2)
	}
}

// serve adds a service with its workload and pods.
func (w *world) serve(namespace, name string, replicas int) *service {
	s := &service{
		namespace: namespace,
		entity:    topology.NewEntity("service", namespace, name, ""),
		workload:  topology.NewEntity("deployment", namespace, name, ""),
	}
	owner := s.workload
	if w.chance(0.5) && name != "db" {
		s.replicas = topology.NewEntity("replicaset", namespace, name+"-5d8", "")
		w.depend(s.workload, s.replicas, "owns")
		owner = s.replicas
	}
	first := w.r.IntN(len(w.nodes))
	for k := range replicas {
		p := &pod{entity: topology.NewEntity("pod", namespace, fmt.Sprintf("%s-%d", name, k), ""), node: w.nodes[(first+k)%len(w.nodes)], of: s}
		s.pods, w.pods = append(s.pods, p), append(w.pods, p)
		w.depend(owner, p.entity, "owns")
		w.depend(s.entity, p.entity, "selects")
		w.depend(p.entity, p.node, "runs_on")
		w.depend(p.entity, topology.NewEntity("namespace", "", namespace, ""), "in_namespace")
	}
	w.services = append(w.services, s)
	return s
}

// database gives a service a claim that all its pods mount, and that a volume backs.
func (w *world) database(s *service) {
	s.claim = topology.NewEntity("persistentvolumeclaim", s.namespace, "data", "")
	s.volume = topology.NewEntity("persistentvolume", "", "pv-1", "")
	w.depend(s.claim, s.volume, "bound_to")
	for _, p := range s.pods {
		w.depend(p.entity, s.claim, "mounts")
	}
}

// connect lets services call one another: those made earlier call later ones, and in some worlds one calls back.
func (w *world) connect() {
	last := len(w.services) - 1
	for k, s := range w.services[:last] {
		for range 1 + w.r.IntN(2) {
			w.depend(s.entity, w.services[k+1+w.r.IntN(last-k)].entity, "calls")
		}
	}
	if w.chance(0.2) {
		w.depend(w.services[last].entity, w.services[w.r.IntN(last)].entity, "calls")
	}
}

func (w *world) depend(from, to topology.Entity, typ string) {
	if e := (topology.Edge{From: from, To: to, Type: typ}); from != to && !slices.Contains(w.truth, e) {
		w.truth = append(w.truth, e)
	}
}

func (w *world) chance(p float64) bool { return w.r.Float64() < p }

// within draws a time from a range, to the second.
func (w *world) within(from, to time.Duration) time.Duration {
	return from + time.Duration(w.r.Int64N(int64((to-from)/time.Second)+1))*time.Second
}

func (w *world) minutes(from, to int) time.Duration {
	return time.Duration(from+w.r.IntN(to-from+1)) * time.Minute
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
