package correlate

import (
	"slices"

	"quell/correlate/topology"
)

// link of a chain: the entity that trouble came from, and how.
type chainLink struct {
	node   topology.Node
	weight float32
	typ    topology.TypeID
	// tie is what it travelled along, in the direction of the dependency.
	tie tie
}

// chain leads from a voter that c explains to c, over the members that the ranking led it over. The voter is not in it.
func (d *diagnosis) chain(c *candidate, h hit) []chainLink {
	var links []chainLink
	for range len(d.voters) + 1 {
		from := d.members[d.voters[h.voter]].node
		if h.over < 0 {
			return append(append(links, d.straight(from, c.speaker())...), d.revised(c)...)
		}
		links = append(links, d.straight(from, d.members[d.voters[h.over]].node)...)
		next := d.hitOf(c, h.over)
		if next == nil {
			break
		}
		h = *next
	}
	return links
}

// hitOf returns what a candidate explains of a voter, nil if nothing.
func (d *diagnosis) hitOf(c *candidate, voter int32) *hit {
	k, found := slices.BinarySearchFunc(c.hits, voter, func(h hit, v int32) int { return int(h.voter - v) })
	if !found {
		return nil
	}
	return &c.hits[k]
}

// straight is the likeliest way from a member to an entity that the ranking knows without another member between: through the
// member's cone, to what is part of something there, or to what its own parts cannot do without.
func (d *diagnosis) straight(from, to topology.Node) []chainLink {
	c := d.cone(from)
	best, at, down := float32(0), -1, []chainLink(nil)
	for k, r := range c {
		if r.node == to && r.weight > best {
			best, at, down = r.weight, k, nil
		}
	}
	descents := d.partsTo(to)
	for k, r := range c {
		parts, owns := descents[r.node]
		w := r.weight * parts.weight
		if r.prev >= 0 {
			w *= throughOne
		}
		if owns && w > best {
			best, at, down = w, k, parts.links
		}
	}
	var through []chainLink
	d.engine.throughParts(from, func(m topology.Node, w float32, way []chainLink) {
		if m == to && w > best && !d.broken(way) {
			best, through = w, slices.Clone(way)
		}
	})
	if through != nil {
		return through
	}
	if at < 0 {
		return nil
	}
	var links []chainLink
	for k := at; c[k].prev >= 0; k = int(c[k].prev) {
		before := c[c[k].prev]
		l := chainLink{node: c[k].node, weight: c[k].weight / before.weight, typ: c[k].typ, tie: tie{before.node, c[k].node}}
		if c[k].hops == before.hops {
			l.tie = tie{c[k].node, before.node} // an owner is made of its part
		}
		links = append(links, l)
	}
	slices.Reverse(links)
	if len(down) > 0 {
		down = slices.Clone(down)
		if c[at].prev >= 0 {
			down[0].weight *= throughOne
		}
		links = append(links, down...)
	}
	return links
}

// descent is the way from an owner down to a part.
type descent struct {
	weight float32
	links  []chainLink
}

// partsTo finds what n is part of, as [diagnosis.below] does, with the ways down to n.
func (d *diagnosis) partsTo(n topology.Node) map[topology.Node]descent {
	found := make(map[topology.Node]descent)
	var up func(n topology.Node, way descent, depth int)
	up = func(n topology.Node, way descent, depth int) {
		for _, a := range d.engine.graph.Owners(n) {
			w := d.partWeight(way.weight, a, n)
			if w < coneWeight {
				continue
			}
			step := chainLink{node: n, weight: w / way.weight, typ: a.Type, tie: tie{a.Node, n}}
			next := descent{w, slices.Concat([]chainLink{step}, way.links)}
			if w > found[a.Node].weight {
				found[a.Node] = next
			}
			if depth > 1 {
				up(a.Node, next, depth-1)
			}
		}
	}
	up(n, descent{weight: 1}, partsDepth)
	return found
}

// steps puts a chain in words that last.
func (d *diagnosis) steps(from topology.Node, links []chainLink) []ChainStep {
	g := d.engine.graph
	list := []ChainStep{{Entity: g.Entity(from)}}
	for _, l := range links {
		list = append(list, ChainStep{
			Entity: g.Entity(l.node), Type: g.TypeName(l.typ), Weight: milli(float64(l.weight)), Sources: g.SourceNames(l.tie.from, l.tie.to),
			Rules: d.engine.stepRulings(from, l.node, &l),
		})
		from = l.node
	}
	return list
}
