package correlate

import (
	"slices"

	"quell/correlate/topology"
)

// sample picks the voters: all members, or rankSample of them at even distances. Members are in order of their first symptoms, so that
// the sample has early and late ones.
func (d *diagnosis) sample() {
	n := len(d.members)
	d.voters = d.desk.voters
	for k := range min(n, rankSample) {
		d.voters = append(d.voters, k*n/min(n, rankSample))
	}
	d.desk.voters = d.voters
}

// vote lets a voter speak for everything in its cone, and for the ill parts of what is there.
func (d *diagnosis) vote(v int, ill map[topology.Node]*member) {
	m := &d.members[d.voters[v]]
	cone := d.cone(m.node)
	for _, r := range cone {
		c := d.speak(v, m, r, ill[r.node])
		if c.own == nil && (r.steps == 1 || r.steps == 2) {
			c.note(cone[r.prev].node)
		}
		for p := range d.desk.partsOf(r.node) {
			w := r.weight * p.weight
			if r.prev >= 0 {
				w *= throughOne
			}
			d.speak(v, m, reach{node: p.member.node, weight: w, steps: r.steps + 1}, p.member)
		}
	}
	d.engine.knownCauses(m.node, func(n topology.Node, w float32) {
		if own := ill[n]; own != nil {
			d.speak(v, m, reach{node: n, weight: w, steps: 1}, own)
		}
	})
	d.engine.throughParts(m.node, func(n topology.Node, w float32, way []chainLink) {
		if own := ill[n]; own != nil && !d.broken(way) {
			d.speak(v, m, reach{node: n, weight: w, steps: 2}, own)
		}
	})
}

// speak notes that a candidate, which is the member own if it is ill, explains a voter.
func (d *diagnosis) speak(v int, m *member, r reach, own *member) *candidate {
	c := d.candidates[r.node]
	if c == nil {
		c = d.desk.candidate(r.node, own)
		d.candidates[r.node] = c
	}
	h := hit{voter: int32(v), over: -1, weight: r.weight, timing: 1}
	if own != nil && own != m {
		h.timing = d.engine.explaining(own.span, m.span)
	}
	if k := len(c.hits) - 1; k >= 0 && c.hits[k].voter == h.voter {
		if h.weight > c.hits[k].weight {
			c.hits[k] = h
		}
		return c
	}
	c.hits = append(c.hits, h)
	return c
}

// note counts a voter that leads to c over n. There are no more of those than voters, and looking at each is cheaper than a map.
func (c *candidate) note(n topology.Node) {
	for k := len(c.via) - 1; k >= 0; k-- {
		if c.via[k].node == n {
			c.via[k].voters++
			return
		}
	}
	c.via = append(c.via, via{n, 1})
}

// part is a member below an owner, with the chance that its trouble shows there.
type part struct {
	member *member
	weight float32
	next   int32 // position of the owner's next part, -1 after the last
}

// below lays out, for owners, the members that are parts of them. One ill part of many need not make its owner ill, so an owner
// of many parts is left out: its parts say little one by one.
func (d *diagnosis) below() {
	k := d.desk
	var up func(m *member, n topology.Node, weight float32, depth int)
	up = func(m *member, n topology.Node, weight float32, depth int) {
		for _, a := range d.engine.graph.Owners(n) {
			w := d.partWeight(weight, a, n)
			if w < coneWeight {
				continue
			}
			next, more := k.below[a.Node]
			if !more {
				next = -1
			}
			k.below[a.Node] = int32(len(k.parts))
			k.parts = append(k.parts, part{m, w, next})
			if depth > 1 {
				up(m, a.Node, w, depth-1)
			}
		}
	}
	for k := range d.members {
		up(&d.members[k], d.members[k].node, 1, partsDepth)
	}
}

// partWeight is the chance that trouble which shows on a part with the given one shows on its owner, to which the arc leads.
func (d *diagnosis) partWeight(weight float32, owner topology.Arc, part topology.Node) float32 {
	if d.without.is(owner.Node, part) {
		return 0
	}
	_, parts := d.dependents(owner.Node)
	return weight * float32(d.engine.graph.Traits(owner.Type).Weight) / float32(max(parts, 1))
}

// reckon sums how many of those one step below a silent candidate are hit: one that is ill counts fully, one that is silent by the
// share of what depends on it that is ill. So nodes that say nothing can stand for their pods, and a zone for its nodes.
func (d *diagnosis) reckon(c *candidate, ill map[topology.Node]*member) {
	for _, v := range c.via {
		if ill[v.node] != nil {
			c.direct++
			continue
		}
		dependents, parts := d.engine.graph.Dependents(v.node)
		c.direct += min(d.scaled(int(v.voters))/float64(max(dependents, parts, 1)), 1)
	}
}

// around counts those one step below a silent candidate that are hit, for people.
func (d *diagnosis) around(c *candidate) int { return int(c.direct*d.scaled(1) + 0.5) }

// scaled is how many members some voters stand for.
func (d *diagnosis) scaled(voters int) float64 {
	return float64(voters*len(d.members)) / float64(max(len(d.voters), 1))
}

// cone returns what could explain trouble of n; see [Engine.coneOf].
func (d *diagnosis) cone(n topology.Node) []reach {
	if d.without == nil {
		return d.engine.coneOf(n)
	}
	return walk(nil, d.engine.graph, n, d.without)
}

// dependents is [topology.Graph.Dependents] without the tie that does not count.
func (d *diagnosis) dependents(n topology.Node) (dependents, parts int) {
	dependents, parts = d.engine.graph.Dependents(n)
	switch {
	case d.without == nil:
	case d.without.from == n && linked(d.engine.graph.Parts(n), d.without.to):
		parts--
	case d.without.to == n && linked(d.engine.graph.Dependencies(d.without.from), n):
		dependents--
	}
	return dependents, parts
}

// broken reports whether a way leads along the tie that does not count.
func (d *diagnosis) broken(way []chainLink) bool {
	return d.without != nil && slices.ContainsFunc(way, func(l chainLink) bool { return l.tie == *d.without })
}

// linked reports whether an arc leads to n.
func linked(arcs []topology.Arc, n topology.Node) bool {
	return slices.ContainsFunc(arcs, func(a topology.Arc) bool { return a.Node == n })
}
