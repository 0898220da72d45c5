package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

// Healing is what ended the trouble of an incident, by the evidence that there is.
type Healing struct {
	// What is for people; [Unexplained] if nothing shows it.
	What string `json:"what"`
	// Entity is where it shows, or the root if nothing does.
	Entity topology.Entity `json:"entity"`
	// At is when it showed, or when the last symptom ended if nothing does.
	At time.Time `json:"at"`
}

// Unexplained is what healed an incident if nothing shows it.
const Unexplained = "unexplained"

// String puts a healing in one clause, with the entity.
func (h *Healing) String() string {
	if h.What == Unexplained || strings.Contains(h.What, string(h.Entity)) {
		return h.What
	}
	return string(h.Entity) + ": " + h.What
}

const (
	// actFor is how long before the end of the trouble a change may have been what ended it.
	actFor = int64(10 * time.Minute)
	// creditMax bounds the members whose recoveries are looked at one by one, and creditHops how far away a dependency may be.
	creditMax  = 256
	creditHops = 2
)

// nearness ranks evidence by whom it is about. What is about the root tells most.
type nearness uint8

const (
	onRoot nearness = iota + 1
	inPlaceOfRoot
	partOfRoot
	belowRoot // what the root depends on
	onMember
	inPlaceOfMember
	rootGone
)

// proof is one piece of evidence for a healing.
type proof struct {
	near   nearness
	away   int64 // between it and the end of the trouble
	entity topology.Entity
	sign   *sign
	what   string
}

// beats orders proofs: the nearest about the root, then the nearest in time.
func (p *proof) beats(q *proof) bool {
	return cmp.Or(cmp.Compare(p.near, q.near), cmp.Compare(p.away, q.away), cmp.Compare(p.entity, q.entity)) < 0
}

// trial looks for what healed one incident.
type trial struct {
	engine   *Engine
	incident *incident
	from, to int64 // when its trouble began and ended
	best     *proof
	rootIll  span // the last time that its root was ill, or all of its trouble if the root was silent
}

// credit says what healed i, all symptoms of which ended. What was well again before the trouble began healed nothing.
func (e *Engine) credit(i *incident) *Healing {
	if len(e.signs.of)+len(e.changes.of) == 0 {
		return &Healing{What: Unexplained, Entity: e.graph.Entity(i.root), At: fromNano(i.recovered)} // nobody tells of anything here
	}
	t := &trial{engine: e, incident: i, from: i.recovered, to: i.recovered}
	for _, num := range i.sorted() {
		t.from = min(t.from, e.symptoms.get(num).began)
	}
	if len(e.signs.of) > 0 {
		t.signs()
	}
	a := t.act()
	switch {
	case t.best == nil && a.what == "":
		return &Healing{What: Unexplained, Entity: e.graph.Entity(i.root), At: fromNano(i.recovered)}
	case t.best == nil:
		return &Healing{What: a.what, Entity: a.entity, At: fromNano(a.at)}
	}
	h := &Healing{What: t.best.what, Entity: t.best.entity, At: fromNano(t.best.sign.At)}
	switch {
	case a.what == "":
	case a.entity == h.Entity:
		h.What = a.what + ", then " + h.What
	default:
		h.What = fmt.Sprintf("%s (%s), then %s", a.what, a.entity, h.What)
	}
	return h
}

// signs looks for the sign that tells most of the healing.
func (t *trial) signs() {
	t.rootIll = t.spell(t.incident.root)
	t.root()
	if t.best == nil || t.best.near > onMember {
		t.members()
	}
}

// spell is when n was ill last, or all of the trouble if it shows nothing in the incident.
func (t *trial) spell(n topology.Node) span {
	p := span{began: t.from, ended: t.to}
	st := t.engine.local(n).site
	if st == nil {
		return p
	}
	last := span{}
	for _, num := range st.symptoms {
		s := t.engine.symptoms.get(num)
		if s.incident != t.incident.id {
			continue
		}
		began := s.since
		if !s.isEvent() { // alerts are heard of late, some of them only when they are over
			began = min(began, max(s.startsAt, began-alertLag)) - int64(t.engine.delayOf(s))
		}
		last.began, last.ended = max(last.began, began), max(last.ended, s.ended)
	}
	if last.ended == 0 {
		return p
	}
	return last
}

// sign is the recovery of n, if it came after the beginning of some trouble.
func (t *trial) sign(n topology.Node, since int64) *sign {
	r := t.engine.signs.of[t.engine.graph.Entity(n)].Recovery
	if r == nil || r.Heard < since || r.At < since-clockSkew {
		return nil
	}
	return r
}

// clockSkew is by how much clocks of those who tell may be behind: what looks a bit older than the trouble may be newer.
const clockSkew = int64(30 * time.Second)

// alertLag is how long after an alert began, by its sender's clock, quell may have heard of it.
const alertLag = int64(15 * time.Minute)

// offer takes a proof if it is better than what is known.
func (t *trial) offer(near nearness, n topology.Node, r *sign, what string) {
	away := t.rootIll.ended - r.At
	p := &proof{near: near, away: max(away, -away), entity: t.engine.graph.Entity(n), sign: r, what: what}
	if t.best == nil || p.beats(t.best) {
		t.best = p
	}
}

// about offers the recovery of n itself.
func (t *trial) about(near nearness, n topology.Node, since int64) {
	if r := t.sign(n, since); r != nil && !r.Gone {
		t.offer(near, n, r, r.says())
	}
}

// root looks at the root, who took its place, what it is part and made of, and what it depends on.
func (t *trial) root() {
	e, n := t.engine, t.incident.root
	t.about(onRoot, n, t.rootIll.began)
	if r := t.sign(n, t.rootIll.began); r != nil && r.Gone {
		t.replaced(inPlaceOfRoot, n, r)
		t.offer(rootGone, n, r, "gone: "+r.says())
	}
	near := e.around([]topology.Node{n})
	delete(near, n)
	for m := range near {
		t.about(partOfRoot, m, t.rootIll.began)
	}
	for _, r := range e.coneOf(n) {
		if _, part := near[r.node]; !part && r.hops > 0 && r.hops <= creditHops {
			t.about(belowRoot, r.node, t.rootIll.began)
		}
	}
}

// members looks at the other members.
func (t *trial) members() {
	e, left := t.engine, creditMax
	seen := map[topology.Node]bool{t.incident.root: true}
	for _, num := range t.incident.sorted() {
		n := e.symptoms.get(num).node
		if seen[n] || left == 0 {
			continue
		}
		seen[n] = true
		left--
		if e.signs.of[e.graph.Entity(n)].Recovery == nil {
			continue // as of most: to find out when it was ill costs more than all the rest
		}
		ill := t.spell(n)
		t.about(onMember, n, ill.began)
		if r := t.sign(n, ill.began); r != nil && r.Gone {
			t.replaced(inPlaceOfMember, n, r)
		}
	}
}

// replaced looks for what became ready in the place of n, which is gone: another part of its owner that was not of the incident.
func (t *trial) replaced(near nearness, n topology.Node, gone *sign) {
	e := t.engine
	owner, ok := e.graph.Find(t.ownerOf(n))
	if !ok {
		return
	}
	kind, ill := e.graph.Entity(n).Kind(), t.spell(n)
	for _, a := range e.graph.Parts(owner) {
		if a.Node == n || e.graph.Entity(a.Node).Kind() != kind {
			continue
		}
		if st := e.local(a.Node).site; st != nil && st.incident == t.incident.id {
			continue
		}
		r := t.sign(a.Node, ill.began)
		if r == nil || r.Gone {
			continue
		}
		text := fmt.Sprintf("rescheduled: %s is ready", e.graph.Entity(a.Node))
		if on := e.placeOf(a.Node); on != "" {
			text += " on " + string(on)
		}
		t.offer(near, a.Node, r, fmt.Sprintf("%s in place of %s", text, e.graph.Entity(n)))
	}
}

// ownerOf is what owned n when it was ill.
func (t *trial) ownerOf(n topology.Node) topology.Entity {
	if owner := t.engine.ownerOf(n); owner != "" {
		return owner
	}
	if st := t.engine.local(n).site; st != nil {
		for _, num := range st.symptoms {
			if s := t.engine.symptoms.get(num); s.owner != "" {
				return s.owner
			}
		}
	}
	return ""
}

// placeOf is what n runs on, if that is known.
func (e *Engine) placeOf(n topology.Node) topology.Entity {
	for _, a := range e.graph.Dependencies(n) {
		if e.graph.TypeName(a.Type) == "runs_on" {
			return e.graph.Entity(a.Node)
		}
	}
	return ""
}

// act is something that was done, and may have set off a healing.
type act struct {
	what   string // empty if nothing was done
	entity topology.Entity
	at     int64
}

// act is what was done before the trouble ended: the last change on or next to the root after which nothing new broke, or else the last
// healing that somebody had under way.
func (t *trial) act() act {
	e, since := t.engine, t.from
	for _, num := range t.incident.symptoms {
		since = max(since, e.symptoms.get(num).since)
	}
	until := t.to
	if t.best != nil {
		until = max(until, t.best.sign.At)
	}
	var last change
	var where topology.Entity
	near := e.concern(t.incident)
	if owner, ok := e.graph.Find(t.ownerOf(t.incident.root)); ok {
		near[owner] = struct{}{} // the topology may have forgotten that it owned what is gone
		for _, a := range e.graph.Owners(owner) {
			near[a.Node] = struct{}{}
		}
	}
	if t.best != nil {
		if n, ok := e.graph.Find(t.best.entity); ok {
			near[n] = struct{}{}
		}
	}
	for _, a := range e.graph.Dependencies(t.incident.root) {
		near[a.Node] = struct{}{}
	}
	for n := range near {
		entity := e.graph.Entity(n)
		c, ok := e.changes.of[entity]
		if !ok || c.was() < max(since, until-actFor) || c.was() > until {
			continue
		}
		if c.was() > last.was() || c.was() == last.was() && entity < where {
			last, where = c, entity
		}
	}
	if last.At != 0 {
		return act{last.Text, where, last.was()}
	}
	return t.underWay(near, until)
}

// underWay is the last healing that was told to be under way by somebody else than who told of its end.
func (t *trial) underWay(near map[topology.Node]struct{}, until int64) act {
	e := t.engine
	var last *sign
	var where topology.Entity
	for n := range near {
		entity := e.graph.Entity(n)
		p := e.signs.of[entity].Progress
		switch {
		case p == nil || p.Heard < t.from || p.At > until:
		case t.best != nil && p.By == t.best.sign.By && !e.acts(n):
		case last == nil || p.At > last.At || p.At == last.At && entity < where:
			last, where = p, entity
		}
	}
	if last == nil {
		return act{}
	}
	return act{last.says(), where, last.At}
}

// showChange puts a change on the timelines of the open incidents that it is near to: it is about what concerns them, or about what a
// member of them depends on.
func (e *Engine) showChange(n topology.Node, entity topology.Entity, c change) {
	ids := make(map[IncidentID]struct{})
	for m := range e.around(e.actsOn(n)) {
		at := e.local(m)
		if at.root != 0 {
			ids[at.root] = struct{}{}
		}
		if at.site != nil && at.site.incident != 0 {
			ids[at.site.incident] = struct{}{}
		}
	}
	for m, l := range e.local(n).watch {
		if l.direct {
			ids[e.local(m).site.incident] = struct{}{}
		}
	}
	for _, id := range inOrder(ids) {
		if i := e.incidents[id]; i != nil && i.state.Open() {
			e.tellChange(i, entity, c)
		}
	}
}

// recallChanges puts the changes on the timeline of i that were heard of before it had its root.
func (e *Engine) recallChanges(i *incident) {
	if len(e.changes.of) == 0 || !i.state.Open() {
		return
	}
	var changed []topology.Entity
	look := func(n topology.Node) {
		if entity := e.graph.Entity(n); e.changes.of[entity].was() > i.opened-changeFor {
			changed = append(changed, entity)
		}
	}
	for _, r := range e.coneOf(i.root) {
		if r.hops == 0 {
			look(r.node) // itself, and what it is part of
		}
	}
	parts := e.graph.Parts(i.root)
	for _, a := range slices.Concat(parts[:min(len(parts), changeParts)], e.graph.Dependencies(i.root)) {
		look(a.Node)
	}
	slices.Sort(changed)
	changed = slices.Compact(changed)
	for _, entity := range changed[:min(len(changed), timelineHead/2)] {
		e.tellChange(i, entity, e.changes.of[entity])
	}
}

// tellChange puts a change on a timeline at its time, once.
func (e *Engine) tellChange(i *incident, entity topology.Entity, c change) {
	x := TimelineEntry{At: fromNano(c.was()), Decision: Changed, Reason: string(entity) + ": " + c.Text}
	if slices.Contains(i.timeline, x) {
		return
	}
	i.note(x.At, x.Decision, x.Reason)
	slices.SortStableFunc(i.timeline, func(a, b TimelineEntry) int { return a.At.Compare(b.At) })
	e.dirty.incidents[i.id] = struct{}{}
}
