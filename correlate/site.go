package correlate

import (
	"maps"
	"slices"
	"time"

	"quell/correlate/topology"
)

// site is an entity that has symptoms, active or ended not long ago. Its active symptoms belong to one incident.
type site struct {
	symptoms []uint64
	active   int        // symptoms that count and fire
	incident IncidentID // see resite
	counted  IncidentID // the incident that counts this entity as ill
	cone     []reach    // while active
	one      [1]uint64  // backs symptoms: most entities have one
}

// local is what the engine knows about an entity of the graph. Nodes are dense, so a slice finds it without hashing.
type local struct {
	site *site // nil if it has no symptoms
	// watch tells which ill entities this one could explain and does not own: those that have it in their cone. parts are those that
	// it owns.
	watch, parts map[topology.Node]link
	// nearWatch and nearParts count those of them that are one step away.
	nearWatch, nearParts int32
	// root is the open incident that is rooted here, whether it has symptoms or not.
	root IncidentID
	// rooted counts the incidents, closed ones included, that name this entity as their root: it must not be forgotten.
	rooted int
}

// local returns what is known about n. The pointer is good until the graph grows.
func (e *Engine) local(n topology.Node) *local {
	if int(n) >= len(e.locals) {
		e.locals = slices.Grow(e.locals, e.graph.Cap()-len(e.locals))
		e.locals = e.locals[:max(e.graph.Cap(), int(n)+1)]
	}
	return &e.locals[n]
}

// link is how an ill entity depends on one that it watches.
type link struct {
	weight float32
	direct bool // one step away
}

// track registers a new symptom with its entity.
func (e *Engine) track(s *symptom) {
	e.grade(s)
	s.class = e.strings.get(classOf(s.name, e.graph.Entity(s.node)))
	st := e.local(s.node).site
	if st == nil {
		st = &site{}
		st.symptoms = st.one[:0]
		e.local(s.node).site = st
	}
	st.symptoms = append(st.symptoms, s.num)
}

// begin makes s active and finds its incident.
func (e *Engine) begin(s *symptom) {
	wasLost := s.condition == conditionLost
	if s.seen != s.since {
		e.dirty.expiries[s.num/expiryBlock] = struct{}{}
	}
	s.condition, s.since, s.seen, s.ended = conditionActive, e.now, e.now, 0
	e.inhibits(s)
	if i := e.incidents[s.incident]; i == nil || !i.state.Open() || s.began == 0 {
		s.began = e.now
		if !s.isEvent() {
			s.began -= int64(e.delayOf(s))
		}
	}
	e.mark(s)
	if s.unawaited {
		s.unawaited = false
		e.awaited.push(timer{at: s.expireAt, kind: timerExpire, id: s.num})
	}
	if src := e.sources[s.source]; src != nil {
		src.active++
	}
	e.alertBeats(s, e.now)
	if !s.counts() {
		return
	}
	e.seen(s)
	e.rush.began(e.now)
	st := e.local(s.node).site
	if st.active++; st.active == 1 {
		e.observe(s.node, st)
	} else {
		e.own(s, e.ownerOf(s.node))
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
	e.setExpiry(s, 0) // so that the next time-out gets a timer of its own
	e.mark(s)
	if c == conditionCleared {
		e.alertStops(s)
	}
	if src := e.sources[s.source]; src != nil && wasActive {
		src.active--
	}
	if wasActive {
		e.uninhibits(s)
	}
	if !s.counts() {
		e.dropLater(s)
		return
	}
	st := e.local(s.node).site
	if wasActive {
		if st.active--; st.active == 0 {
			e.overlook(s.node, st)
		}
	}
	defer e.resite(st)
	i := e.incidents[s.incident]
	if i == nil {
		e.dropLater(s)
		return
	}
	if wasLost {
		i.lost--
	}
	if wasActive {
		i.active--
	}
	if c == conditionLost {
		i.lost++
	} else if wasActive {
		e.episodeOver(i, s)
	}
	if s.node == i.root && st.active == 0 && i.active > 0 && c == conditionCleared {
		i.parent, i.parentGone = e.graph.Entity(s.node), e.now
		e.rerankSoon(i) // it is hardly the cause of what goes on; other recoveries say nothing about causes
		e.timer(timerDoubt, e.doubted(i), uint64(i.id))
		e.dirty.incidents[i.id] = struct{}{}
	}
	if i.active == 0 && i.parentGone == e.now {
		i.parent, i.parentGone = "", 0 // the rest recovered at the same time: there is nothing to wait for
	}
	e.eased(i)
}

// doubted is when a root that recovered before others of i is looked at again: what it brought down should have followed by then.
func (e *Engine) doubted(i *incident) int64 { return i.parentGone + int64(e.tuning.GoneCause) }

// outlasted reports whether the root of i recovered, and others that it should have brought down go on long after.
func (e *Engine) outlasted(i *incident) bool {
	return i.active > 0 && i.parentGone != 0 && e.doubted(i) <= e.now && e.graph.Entity(i.root) == i.parent && !e.ill(i.root)
}

// resite finds the open incident that an entity belongs to, and lets that one count it while it is ill.
func (e *Engine) resite(st *site) { e.seat(st, e.siteIncident(st)) }

// seat does so where the incident is known: that of a symptom that began just now.
func (e *Engine) seat(st *site, id IncidentID) {
	st.incident = id
	counted := IncidentID(0)
	if st.active > 0 {
		counted = st.incident
	}
	if counted == st.counted {
		return
	}
	if i := e.incidents[st.counted]; i != nil {
		i.sites--
	}
	if i := e.incidents[counted]; i != nil {
		i.sites++
	}
	st.counted = counted
}

// observe puts an ill entity on the lists of everything that could explain it, and notes what owns it.
func (e *Engine) observe(n topology.Node, st *site) {
	owner := e.ownerOf(n)
	for _, num := range st.symptoms {
		if s := e.symptoms.get(num); s.active() {
			e.own(s, owner)
		}
	}
	e.list(n, st)
	e.mutesLess(st.incident)
}

// list puts an ill entity on those lists.
func (e *Engine) list(n topology.Node, st *site) {
	e.scratch = appendCone(e.scratch[:0], e.graph, n)
	st.cone = slices.Clone(e.scratch)
	for _, r := range st.cone[1:] {
		list, near := e.local(r.node).listFor(r)
		if *list == nil {
			*list = make(map[topology.Node]link)
		}
		(*list)[n] = link{r.weight, r.steps == 1}
		if r.steps == 1 {
			*near++
		}
	}
}

// overlook takes it off those lists.
func (e *Engine) overlook(n topology.Node, st *site) {
	for _, r := range st.cone[1:] {
		list, near := e.local(r.node).listFor(r)
		if delete(*list, n); len(*list) == 0 {
			*list = nil
		}
		if r.steps == 1 {
			*near--
		}
		e.release(r.node) // its edges may be gone
	}
	st.cone = nil
}

// listFor is the list on which one that reaches this entity so stands, and the count of the nearest on it.
func (at *local) listFor(r reach) (list *map[topology.Node]link, near *int32) {
	if r.hops == 0 {
		return &at.parts, &at.nearParts
	}
	return &at.watch, &at.nearWatch
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
		e.overlook(n, e.local(n).site)
		e.observe(n, e.local(n).site)
	}
	for _, n := range nodes {
		e.rethink(n)
	}
}

// addEdges tells the graph what the labels of an alert or the message of an event say, dropEdges takes it back.
func (e *Engine) addEdges(s *symptom, edges []topology.Edge) {
	for _, edge := range edges {
		if n, changed := e.graph.Ref(edge, s.tells()); changed {
			e.reobserve(n)
		}
	}
}

func (e *Engine) dropEdges(s *symptom) {
	for _, edge := range e.edgesOf(s) {
		if n, changed := e.graph.Unref(edge, s.tells()); changed {
			e.reobserve(n)
			e.releaseEnds(edge)
		}
	}
}

// releaseEnds forgets what an edge that is gone linked, if nothing else is known of it.
func (e *Engine) releaseEnds(edge topology.Edge) {
	for _, end := range [...]topology.Entity{edge.From, edge.To} {
		if n, ok := e.graph.Find(end); ok {
			e.release(n)
		}
	}
}

func (e *Engine) edgesOf(s *symptom) []topology.Edge {
	switch {
	case s.isEvent():
		return e.mentioned(s, s.naming())
	case s.fingerprint == 0:
		return e.heartbeatEdges(s)
	}
	_, _, edges := e.subject(s.labels)
	return edges
}

// reobserve renews the cones that pass through a node without moving symptoms between incidents.
func (e *Engine) reobserve(n topology.Node) {
	for _, m := range e.illNear(n) {
		e.overlook(m, e.local(m).site)
		e.observe(m, e.local(m).site)
	}
}

// illNear returns n, if it is ill, and the ill entities that have n in their cone.
func (e *Engine) illNear(n topology.Node) []topology.Node {
	at := e.local(n)
	ill := make([]topology.Node, 0, len(at.watch)+len(at.parts)+1)
	for m := range at.watch {
		ill = append(ill, m)
	}
	for m := range at.parts {
		ill = append(ill, m)
	}
	if st := e.local(n).site; st != nil && st.active > 0 {
		ill = append(ill, n)
	}
	return ill
}

// drop forgets a symptom, what it told, and its entity if nothing else is known of it.
func (e *Engine) drop(s *symptom) {
	e.dropEdges(s)
	e.unmute(s)
	e.mark(s)
	e.symptoms.remove(s.num)
	e.dirty.expiries[s.num/expiryBlock] = struct{}{}
	if s.isEvent() {
		delete(e.events, eventKey{s.node, s.name})
	} else if e.alerts[s.fingerprint] == s {
		delete(e.alerts, s.fingerprint)
	}
	st := e.local(s.node).site
	if k := slices.Index(st.symptoms, s.num); k >= 0 {
		st.symptoms = slices.Delete(st.symptoms, k, k+1)
	}
	if len(st.symptoms) == 0 {
		e.local(s.node).site = nil
	}
	e.release(s.node)
	e.roomAgain()
}

// dropLater lets a symptom that ended and belongs to no incident be dropped in time. As with time-outs there is one timer for each.
func (e *Engine) dropLater(s *symptom) {
	if s.dropAt == 0 {
		s.dropAt = s.ended + e.keptFor(s)
		e.timer(timerDrop, s.dropAt, s.num)
	}
}

// toldFor is how long an alert that ended is known at least: Prometheus reports its end over and over, for 15 minutes, and a peer of an
// Alertmanager cluster a little after another. What is not known any more would be taken for trouble that began and ended just now.
const toldFor = int64(20 * time.Minute)

// keptFor is how long a symptom is known after it ended, if it belongs to no incident.
func (e *Engine) keptFor(s *symptom) int64 {
	if s.fingerprint == 0 {
		return int64(e.policy.Reopen)
	}
	return max(int64(e.policy.Reopen), toldFor)
}

// dropDue drops a cleared symptom that belongs to no incident.
func (e *Engine) dropDue(t timer) {
	s := e.symptoms.get(t.id)
	if s == nil || s.dropAt != t.at {
		return
	}
	s.dropAt = 0
	if s.active() || s.incident != 0 {
		return
	}
	if s.ended+e.keptFor(s) > e.now {
		e.dropLater(s)
		return
	}
	e.drop(s)
}

// release forgets an entity that is not in the graph and has no symptom.
func (e *Engine) release(n topology.Node) {
	if at := e.local(n); at.site == nil && at.rooted == 0 && len(at.watch)+len(at.parts) == 0 {
		e.graph.Release(n)
	}
}

// roomAgain ends the overflow symptom once a tenth of the room is free.
func (e *Engine) roomAgain() {
	if e.symptoms.len() >= e.policy.MaxSymptoms-e.policy.MaxSymptoms/10 {
		return
	}
	n, ok := e.graph.Find(overflowEntity)
	if !ok || e.local(n).site == nil {
		return
	}
	for _, num := range e.local(n).site.symptoms {
		if s := e.symptoms.get(num); s.active() {
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
