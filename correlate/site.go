package correlate

import (
	"maps"
	"slices"

	"quell/correlate/topology"
)

// site is an entity that has symptoms, active or ended not long ago. Its active symptoms belong to one incident.
type site struct {
	symptoms []uint64
	active   int // symptoms that count and fire
	incident IncidentID
	cone     []reach   // while active
	one      [1]uint64 // backs symptoms: most entities have one
}

// link is how an ill entity depends on one that it watches.
type link struct {
	weight float32
	hops   uint8 // 0: the watched entity owns it
}

// track registers a new symptom with its entity.
func (e *Engine) track(s *symptom) {
	st := e.sites[s.node]
	if st == nil {
		st = &site{}
		st.symptoms = st.one[:0]
		e.sites[s.node] = st
	}
	st.symptoms = append(st.symptoms, s.num)
}

// begin makes s active and finds its incident.
func (e *Engine) begin(s *symptom) {
	wasLost := s.condition == conditionLost
	s.condition, s.since, s.ended = conditionActive, e.now, 0
	e.mark(s)
	if src := e.sources[s.source]; src != nil {
		src.active++
	}
	if !s.counts() {
		return
	}
	st := e.sites[s.node]
	if st.active++; st.active == 1 {
		e.observe(s.node, st)
	}
	if i := e.incidents[s.incident]; i != nil {
		if wasLost && i.lost > 0 {
			i.lost--
		}
		other := e.incidents[st.incident]
		if i.state.Open() && (i == other || other == nil || !other.state.Open()) {
			e.resume(i, s)
			return
		}
	}
	e.place(s, st)
}

// end makes s inactive.
func (e *Engine) end(s *symptom, c condition) {
	wasActive, wasLost := s.active(), s.condition == conditionLost
	s.condition, s.ended = c, e.now
	e.mark(s)
	if src := e.sources[s.source]; src != nil && wasActive {
		src.active--
	}
	if !s.counts() {
		e.timer(timerDrop, e.now+int64(e.policy.Reopen), s.num)
		return
	}
	st := e.sites[s.node]
	if wasActive {
		if st.active--; st.active == 0 {
			e.overlook(s.node, st)
		}
	}
	defer func() { st.incident = e.siteIncident(st) }()
	i := e.incidents[s.incident]
	if i == nil {
		e.timer(timerDrop, e.now+int64(e.policy.Reopen), s.num)
		return
	}
	if wasLost {
		i.lost--
	}
	if wasActive {
		i.active--
		if st.active == 0 && st.incident == i.id {
			i.sites--
		}
	}
	if c == conditionLost {
		i.lost++
	}
	e.eased(i)
}

// observe puts an ill entity on the lists of everything that could explain it.
func (e *Engine) observe(n topology.Node, st *site) {
	e.scratch = appendCone(e.scratch[:0], e.graph, n)
	st.cone = slices.Clone(e.scratch)
	for _, r := range st.cone[1:] {
		m := e.watch[r.node]
		if m == nil {
			m = make(map[topology.Node]link)
			e.watch[r.node] = m
		}
		m[n] = link{r.weight, r.hops}
		if r.hops > 0 {
			e.outside[r.node]++
		}
	}
}

// overlook takes it off those lists.
func (e *Engine) overlook(n topology.Node, st *site) {
	for _, r := range st.cone[1:] {
		if m := e.watch[r.node]; m != nil {
			if delete(m, n); len(m) == 0 {
				delete(e.watch, r.node)
			}
		}
		if r.hops == 0 {
			continue
		}
		if e.outside[r.node]--; e.outside[r.node] == 0 {
			delete(e.outside, r.node)
		}
	}
	st.cone = nil
}

// reconsider looks again at everything ill from which other causes can be reached than before.
func (e *Engine) reconsider(departures []topology.Node) {
	ill := make(map[topology.Node]bool)
	for _, n := range departures {
		for _, m := range e.illNear(n) {
			ill[m] = true
		}
	}
	nodes := slices.SortedFunc(maps.Keys(ill), e.byEntity)
	for _, n := range nodes {
		e.overlook(n, e.sites[n])
		e.observe(n, e.sites[n])
	}
	for _, n := range nodes {
		e.rethink(n)
	}
}

// addEdges tells the graph what the labels of an alert say, dropEdges takes it back.
func (e *Engine) addEdges(edges []topology.Edge) {
	for _, edge := range edges {
		if n, changed := e.graph.Ref(edge, labelSource); changed {
			e.reobserve(n)
		}
	}
}

func (e *Engine) dropEdges(s *symptom) {
	for _, edge := range e.edgesOf(s) {
		if n, changed := e.graph.Unref(edge, labelSource); changed {
			e.reobserve(n)
			for _, end := range [...]topology.Entity{edge.From, edge.To} {
				if n, ok := e.graph.Find(end); ok {
					e.release(n)
				}
			}
		}
	}
}

func (e *Engine) edgesOf(s *symptom) []topology.Edge {
	if s.isEvent() || s.fingerprint == 0 {
		return nil
	}
	_, edges := e.rules.Entity(s.labels)
	return edges
}

// reobserve renews the cones that pass through a node without moving symptoms between incidents.
func (e *Engine) reobserve(n topology.Node) {
	for _, m := range e.illNear(n) {
		e.overlook(m, e.sites[m])
		e.observe(m, e.sites[m])
	}
}

// illNear returns n, if it is ill, and the ill entities that have n in their cone.
func (e *Engine) illNear(n topology.Node) []topology.Node {
	ill := make([]topology.Node, 0, len(e.watch[n])+1)
	for m := range e.watch[n] {
		ill = append(ill, m)
	}
	if st := e.sites[n]; st != nil && st.active > 0 {
		ill = append(ill, n)
	}
	return ill
}

// drop forgets a symptom, what its labels told, and its entity if nothing else is known of it.
func (e *Engine) drop(s *symptom) {
	e.dropEdges(s)
	e.mark(s)
	delete(e.symptoms, s.num)
	e.dirty.expiries[s.num/expiryBlock] = struct{}{}
	if s.isEvent() {
		delete(e.events, eventKey{s.node, s.name})
	} else if e.alerts[s.fingerprint] == s {
		delete(e.alerts, s.fingerprint)
	}
	st := e.sites[s.node]
	if k := slices.Index(st.symptoms, s.num); k >= 0 {
		st.symptoms = slices.Delete(st.symptoms, k, k+1)
	}
	if len(st.symptoms) == 0 {
		delete(e.sites, s.node)
	}
	e.release(s.node)
	e.roomAgain()
}

// dropDue drops a cleared symptom that belongs to no incident.
func (e *Engine) dropDue(t timer) {
	s := e.symptoms[t.id]
	if s == nil || s.active() || s.incident != 0 {
		return
	}
	if due := s.ended + int64(e.policy.Reopen); due > e.now {
		e.timer(timerDrop, due, s.num)
		return
	}
	e.drop(s)
}

// release forgets an entity that is not in the graph and has no symptom.
func (e *Engine) release(n topology.Node) {
	if e.sites[n] == nil && e.rootOf[n] == 0 && len(e.watch[n]) == 0 {
		e.graph.Release(n)
	}
}

// roomAgain ends the overflow symptom once a tenth of the room is free.
func (e *Engine) roomAgain() {
	if len(e.symptoms) >= e.policy.MaxSymptoms-e.policy.MaxSymptoms/10 {
		return
	}
	n, ok := e.graph.Find(overflowEntity)
	if !ok || e.sites[n] == nil {
		return
	}
	for _, num := range e.sites[n].symptoms {
		if s := e.symptoms[num]; s.active() {
			e.end(s, conditionCleared)
			return
		}
	}
}

func (e *Engine) byEntity(a, b topology.Node) int {
	x, y := e.graph.Entity(a), e.graph.Entity(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
