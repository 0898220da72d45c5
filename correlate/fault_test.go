package correlate

import (
	"slices"
	"time"

	"quell/correlate/topology"
)

// faultKind is what can befall a world.
type faultKind string

const (
	nodeDown   faultKind = "node down"
	zoneDown   faultKind = "zone down"
	badRollout faultKind = "bad rollout"
	dbDown     faultKind = "database down"
	dnsDown    faultKind = "dns down"
	volumeFull faultKind = "volume full"
	quotaFull  faultKind = "quota exceeded"
	podCrash   faultKind = "pod crash"
	serviceBad faultKind = "service fails"
	blip       faultKind = "blip" // one Warning event that means nothing
)

// fault is one trouble of its own: where it is, when, and whom it makes ill.
type fault struct {
	number  int
	kind    faultKind
	root    topology.Entity
	alike   []topology.Entity // right answers too, since no evidence could tell them from the root
	times   []stretch         // more than one if it flaps; the last ends at never if it does not heal
	victims []topology.Entity
}

// stretch is a part of the time.
type stretch struct{ from, to time.Duration }

// never is later than everything that happens in a world.
const never = 1000 * time.Hour

func (f *fault) heals() bool { return f.times[len(f.times)-1].to < horizon }

// illness is when an entity is ill, and of which faults.
type illness struct {
	stretch
	of []*fault
}

func (w *world) anyFault() faultKind {
	return pick(w.r, []faultKind{
		nodeDown, nodeDown, badRollout, badRollout, dbDown, dnsDown, volumeFull, quotaFull, podCrash, podCrash, serviceBad, serviceBad, zoneDown,
	})
}

// befall makes a fault of a kind and everything ill that it reaches.
func (w *world) befall(kind faultKind) {
	f := &fault{number: len(w.faults) + 1, kind: kind, root: w.rootOf(kind), times: w.times(kind)}
	if f.root == "" {
		return
	}
	f.alike = w.alike(f)
	w.faults = append(w.faults, f)
	(&spread{w: w, f: f, at: make(map[topology.Entity]time.Duration), owners: make(map[topology.Entity]bool)}).run()
}

func (w *world) rootOf(kind faultKind) topology.Entity {
	s := pick(w.r, w.services)
	switch kind {
	case nodeDown:
		return pick(w.r, w.nodes)
	case zoneDown:
		return pick(w.r, w.zones)
	case badRollout:
		return s.workload
	case quotaFull:
		return pick(w.r, w.namespaces)
	case podCrash, blip:
		return pick(w.r, w.pods).entity
	case serviceBad:
		return s.entity
	}
	var roots []topology.Entity // one in each cluster
	for _, s := range w.services {
		switch {
		case kind == dbDown && s.claim != "", kind == dnsDown && s.namespace.Name() == "kube-system":
			roots = append(roots, s.workload)
		case kind == volumeFull && s.claim != "":
			roots = append(roots, s.claim)
		}
	}
	if len(roots) == 0 {
		return "" // this world has no DNS
	}
	return pick(w.more, roots)
}

// alike lists what is as right an answer as a fault's root: the replica set of a workload, the volume behind a claim, and, where
// nobody hears of a rollout, the service whose pods they all are, or the only one. Messages name the quota of a namespace.
func (w *world) alike(f *fault) []topology.Entity {
	if f.kind == quotaFull {
		return []topology.Entity{topology.NewEntity("resourcequota", f.root.Name(), "compute", f.root.Cluster())}
	}
	if nodes := w.dependents(f.root, "in_zone"); len(nodes) == 1 {
		return nodes // nothing tells a zone from its only node
	}
	for _, s := range w.services {
		switch {
		case f.kind == volumeFull && f.root == s.claim:
			return []topology.Entity{s.volume}
		case f.root == s.workload && f.kind == badRollout:
			return []topology.Entity{s.replicas}
		case f.root == s.workload:
			same := []topology.Entity{s.replicas, s.entity}
			if len(s.pods) == 1 {
				same = append(same, s.pods[0].entity)
			}
			return same
		}
	}
	return nil
}

// dependents lists what depends on an entity by one type of dependency.
func (w *world) dependents(on topology.Entity, typ string) []topology.Entity {
	var list []topology.Entity
	for _, e := range w.truth {
		if e.To == on && e.Type == typ {
			list = append(list, e.From)
		}
	}
	return list
}

// is reports whether naming an entity names the fault.
func (f *fault) is(e topology.Entity) bool { return e == f.root || slices.Contains(f.alike, e) }

// times draws how long a fault lasts: some heal at once, some later, some flap, some never heal.
func (w *world) times(kind faultKind) []stretch {
	from := w.within(3*time.Minute, 100*time.Minute)
	n := w.r.IntN(20)
	switch {
	case kind == blip:
		return []stretch{{from, from + w.within(5*time.Second, time.Minute)}}
	case n < 7:
		return []stretch{{from, from + w.within(30*time.Second, 4*time.Minute)}}
	case n < 13:
		return []stretch{{from, from + w.within(5*time.Minute, 40*time.Minute)}}
	case n < 18:
		return []stretch{{from, never}}
	}
	var flaps []stretch
	for range 2 + w.r.IntN(6) {
		to := from + w.within(30*time.Second, 3*time.Minute)
		flaps = append(flaps, stretch{from, to})
		from = to + w.within(20*time.Second, 6*time.Minute)
	}
	return flaps
}

// spread lets one fault travel along dependencies, against their direction.
type spread struct {
	w      *world
	f      *fault
	at     map[topology.Entity]time.Duration // how long after the root each victim fell ill
	queue  []topology.Entity
	owners map[topology.Entity]bool // decided already
}

// travels is the chance that an ill entity makes ill what depends on it, by type of dependency.
var travels = map[string]float64{"runs_on": 0.95, "in_zone": 0.95, "bound_to": 0.95, "mounts": 0.9, "calls": 0.7}

func (s *spread) run() {
	s.infect(s.f.root, 0)
	if s.f.kind == blip {
		return
	}
	s.downwards()
	for len(s.queue) > 0 {
		for len(s.queue) > 0 {
			ill := s.queue[0]
			s.queue = s.queue[1:]
			for _, e := range s.w.truth {
				if e.To == ill && s.w.chance(travels[e.Type]) {
					s.infect(e.From, s.at[ill]+s.w.within(0, time.Minute))
				}
			}
		}
		s.upwards()
	}
}

// downwards begins faults whose root breaks what it is made of: a workload its pods, a quota the pods that it does not allow.
func (s *spread) downwards() {
	for _, svc := range s.w.services {
		switch {
		case s.f.root == svc.workload:
			for _, p := range svc.pods {
				s.infect(p.entity, s.w.within(0, 30*time.Second))
			}
		case s.f.kind == quotaFull && s.f.root == svc.namespace && s.w.chance(0.6):
			s.infect(svc.creator(), s.w.within(0, 30*time.Second))
		}
	}
}

// creator is who creates a service's pods, and says so when it cannot.
func (s *service) creator() topology.Entity {
	if s.replicas != "" {
		return s.replicas
	}
	return s.workload
}

// upwards makes ill what is made of ill parts, the likelier the more of them are ill.
func (s *spread) upwards() {
	for _, e := range s.w.truth {
		if !topology.TraitsOf(e.Type).Owns || s.owners[e.From] {
			continue
		}
		ill, of, last := 0, 0, time.Duration(0)
		for _, p := range s.w.truth {
			if p.From != e.From || p.Type != e.Type {
				continue
			}
			of++
			if at, ok := s.at[p.To]; ok {
				ill++
				last = max(last, at)
			}
		}
		if ill == 0 {
			continue
		}
		share := float64(ill) / float64(of)
		if s.owners[e.From] = true; s.w.chance(share * share) {
			s.infect(e.From, last+s.w.within(0, 20*time.Second))
		}
	}
}

// infect makes an entity ill, once for each fault.
func (s *spread) infect(e topology.Entity, after time.Duration) {
	if _, ok := s.at[e]; ok {
		return
	}
	s.at[e] = after
	s.queue = append(s.queue, e)
	s.f.victims = append(s.f.victims, e)
	longer := time.Duration(0)
	if after > 0 {
		longer = s.w.within(0, 90*time.Second)
	}
	for _, t := range s.f.times {
		s.w.suffer(e, illness{stretch{t.from + after, t.to + longer}, []*fault{s.f}})
	}
}

// suffer adds an illness, joined with those that overlap it.
func (w *world) suffer(e topology.Entity, i illness) {
	if i.from >= i.to {
		return // it was over before it got there
	}
	var apart []illness
	for _, other := range w.ill[e] {
		if other.to < i.from || i.to < other.from {
			apart = append(apart, other)
			continue
		}
		i.from, i.to = min(i.from, other.from), max(i.to, other.to)
		for _, f := range other.of {
			if !slices.Contains(i.of, f) {
				i.of = append(i.of, f)
			}
		}
	}
	apart = append(apart, i)
	slices.SortFunc(apart, func(a, b illness) int { return int(a.from - b.from) })
	w.ill[e] = apart
}
