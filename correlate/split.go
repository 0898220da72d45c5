package correlate

import (
	"fmt"
	"slices"

	"quell/correlate/topology"
)

// splitMax bounds the ill entities of an incident that may be split. A bigger one has a cause that holds it together, or no
// person could use the pieces.
const splitMax = 256

// splitBeforePage parts an incident that is about to be paged into those that nothing connects any more: the effect that two causes
// shared is gone, or a dependency turned out to be none. It waits until then since earlier it would not matter, and what comes
// and goes would be joined and parted over and over. The part with the root keeps the id; each other one becomes an incident with the
// same deadline. If that was cut short since healing is exhausted, or something in it must not wait, those parts that this does not
// concern are held as if they had always been alone.
func (e *Engine) splitBeforePage(i *incident) {
	if i.sites < 2 || i.sites > splitMax {
		return
	}
	groups := e.groups(i)
	if len(groups) < 2 {
		return
	}
	isCut := i.overdrawn || e.urgent(i, e.concern(i))
	for _, g := range groups[1:] {
		e.splitOff(i, g, isCut)
	}
	if isCut && !i.overdrawn && !e.urgent(i, e.concern(i)) {
		if until, why, rule := e.holdAlone(i); until > e.now {
			e.setHoldBy(i, until, why, rule)
		}
	}
	e.rerank(i)
}

// groups parts the ill entities of i by what connects them: one explains the other, directly or over entities of the incident
// that are ill or were the cause of it, or they share its root. The group of the root comes first, the others in order of their first
// symptoms. Entities that are well again belong to none, but those that could explain others still connect them: what a parent
// brought down is not set free by the parent's recovery.
func (e *Engine) groups(i *incident) [][]topology.Node {
	members, ill := e.members(i), e.illOf(i)
	at := make(map[topology.Node]int, len(members))
	for k, m := range members {
		at[m.node] = k
	}
	sets := newDisjoint(len(members) + 1)
	root := len(members) // stands for a silent root
	at0 := func(n topology.Node) (int, bool) {
		if k, ok := at[n]; ok {
			return k, true
		}
		return root, n == i.root
	}
	// Owners stand for their ill parts, as in illParts.
	owners := make(map[topology.Node]int)
	for k, m := range members {
		for _, r := range e.coneOf(m.node)[1:] {
			if r.hops == 0 {
				if _, known := owners[r.node]; !known {
					owners[r.node] = k
				}
			}
		}
	}
	// Those that are ill look at what could explain them, and so does what explained them, ill or not. An effect that is gone
	// connects nobody.
	var queue []int
	queued := make([]bool, len(members)+1)
	enqueue := func(k int) {
		if k != root && !queued[k] {
			queued[k] = true
			queue = append(queue, k)
		}
	}
	for k, m := range members {
		if ill[m.node] || m.node == i.root {
			enqueue(k)
		}
	}
	for len(queue) > 0 {
		k := queue[0]
		queue = queue[1:]
		m := members[k]
		for _, r := range e.coneOf(m.node)[1:] {
			x, ok := at0(r.node)
			switch {
			case !ok:
				if x, ok = owners[r.node]; !ok {
					continue
				}
			case x != root && e.explaining(members[x].span, m.span)*r.weight < coneWeight/2:
				continue
			}
			sets.union(k, x)
			enqueue(x)
		}
		e.throughParts(m.node, func(n topology.Node, _ float32, _ []chainLink) {
			if x, ok := at0(n); ok {
				sets.union(k, x)
				enqueue(x)
			}
		})
	}
	first := root
	if k, alerts := at[i.root]; alerts {
		first = k
	}
	return collect(members, ill, sets, first)
}

// collect lists the sets' ill members; those of the set of member first, the root's, at the head.
func collect(members []member, ill map[topology.Node]bool, sets disjoint, first int) [][]topology.Node {
	var groups [][]topology.Node
	index := make(map[int]int)
	place := func(set int) int {
		g, known := index[set]
		if !known {
			g = len(groups)
			index[set] = g
			groups = append(groups, nil)
		}
		return g
	}
	place(sets.find(first))
	for k, m := range members {
		if ill[m.node] {
			g := place(sets.find(k))
			groups[g] = append(groups[g], m.node)
		}
	}
	if len(groups[0]) == 0 {
		groups = groups[1:] // the root is well and alone: the next group keeps the id
	}
	return groups
}

// ill reports whether n has a symptom that is active.
func (e *Engine) ill(n topology.Node) bool {
	st := e.local(n).site
	return st != nil && st.active > 0
}

// illOf tells which entities are ill in i: a member that recovered may be ill again in another incident.
func (e *Engine) illOf(i *incident) map[topology.Node]bool {
	ill := make(map[topology.Node]bool)
	for _, num := range i.sorted() {
		if s := e.symptoms.get(num); s.active() {
			ill[s.node] = true
		}
	}
	return ill
}

// splitOff makes an incident of its own of some ill entities of i, with all that they showed in it. isCut is true if the hold of i was cut
// short, maybe for what does not concern them.
func (e *Engine) splitOff(i *incident, nodes []topology.Node, isCut bool) {
	var nums []uint64
	for _, num := range i.sorted() {
		if slices.Contains(nodes, e.symptoms.get(num).node) {
			nums = append(nums, num)
		}
	}
	first := e.symptoms.get(nums[0])
	j := e.begun(first.node)
	j.opened, j.heldFrom, j.relapse = first.began, i.heldFrom, i.relapse
	j.rootWhy = "it was part of " + i.id.String() + ", with which nothing connects it any more"
	for _, num := range nums {
		s := e.symptoms.get(num)
		e.leave(s)
		e.enlist(j, s)
		e.mark(s)
		j.severity = max(j.severity, s.severity)
		switch s.condition {
		case conditionActive:
			i.active, j.active = i.active-1, j.active+1
		case conditionLost:
			i.lost, j.lost = i.lost-1, j.lost+1
		}
	}
	for _, n := range nodes {
		e.resite(e.local(n).site)
	}
	j.illSince = i.illSince
	if j.heldUntil, j.holdReason, j.holdRule = i.heldUntil, i.holdReason, i.holdRule; j.heldUntil >= endless {
		j.heldUntil = e.now // it is looked at anew whether it waits
	}
	if isCut && !e.urgent(j, e.concern(j)) {
		j.heldUntil, j.holdReason, j.holdRule = e.holdAlone(j)
	}
	why := fmt.Sprintf("nothing connects %d of its ill entities with the rest any more, first %s", len(nodes), e.graph.Entity(first.node))
	e.emit(i, Split, why+"; they are "+j.id.String()).Other = j.id
	e.emit(j, Open, fmt.Sprintf("split off %s: %s", i.id, why))
	e.setHoldBy(j, j.heldUntil, j.holdReason, j.holdRule)
	e.watch(j)
	e.rerank(j)
}

// holdAlone is the hold of an incident as if it had always been alone, and the rule that gives it, nil if none does.
func (e *Engine) holdAlone(i *incident) (until int64, why string, by *RuleID) {
	if until, why = e.healing(i); until > e.now {
		return until, why, nil
	}
	until = 0
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if !s.active() {
			continue
		}
		rule := e.holdRule(s)
		if at := s.began + int64(rule.Hold); until == 0 || at < until {
			until, by = at, rule.Rule
			why = fmt.Sprintf("held %s to heal by itself (%s); pages at %s", round(rule.Hold), rule.Why, clock(at))
		}
	}
	if until <= e.now {
		return e.now, "its own hold is over", nil
	}
	return until, why, by
}

// disjoint is a union-find of small numbers.
type disjoint []int

func newDisjoint(n int) disjoint {
	d := make(disjoint, n)
	for k := range d {
		d[k] = k
	}
	return d
}

func (d disjoint) find(k int) int {
	for d[k] != k {
		d[k] = d[d[k]]
		k = d[k]
	}
	return k
}

// union joins the sets of a and b; the smaller number stands for both.
func (d disjoint) union(a, b int) {
	a, b = d.find(a), d.find(b)
	d[max(a, b)] = min(a, b)
}
