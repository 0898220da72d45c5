package correlate

import (
	"slices"

	"quell/correlate/topology"
)

// The cone of an entity is what could explain a symptom of it: what it depends on and what it is part of, as long as the chance that trouble
// travels the whole path is high enough. That chance is the product of the weights of the dependencies along it, times throughOne for every entity in
// between, which would have to be broken as well without saying so. Steps from an owner down to its parts are left out: parts that are ill are
// found by their own cones.
//
// For example, shop calls cart (0.8), cart calls db (0.8), and db runs on a node (0.95). The cone of shop has cart with 0.8, db with
// 0.8 × 0.8 × 0.7 = 0.45 and the node with 0.45 × 0.95 × 0.7 = 0.30. If cart is ill too, trouble is seen on its way, and prolong.go counts it without 0.7.
const (
	// coneHops is how many dependencies a path may have. Steps from a part to its owner are free, since the two fail as one, but coneSteps
	// bounds both together.
	coneHops  = 3
	coneSteps = 6
	// coneWeight is the least chance that trouble travels the path. What is less likely says nothing against a coincidence.
	coneWeight = 0.2
	// coneNodes bounds the cone, and so what a symptom costs, where everything depends on everything.
	coneNodes = 256
	// throughOne is the chance that an entity is broken without showing it, if something that it depends on is: a judgement, as weights are.
	throughOne = 0.7
)

// reach is how an entity is reached from the one whose cone it is in.
type reach struct {
	node   topology.Node
	weight float32
	hops   uint8 // dependencies passed, steps to owners not counted
	steps  uint8
	prev   int16 // position in the cone of the step before; -1 for the entity itself
	typ    topology.TypeID
}

// cone returns what can be reached from n, n itself first. The same graph gives the same cone, whatever its history: arcs are
// sorted, and the walk is breadth first. It ends at coneNodes entities. The cost is that of the arcs it looks at.
func cone(g *topology.Graph, n topology.Node) []reach { return appendCone(nil, g, n) }

// appendCone is cone into memory that is there already; c must be empty.
func appendCone(c []reach, g *topology.Graph, n topology.Node) []reach { return walk(c, g, n, nil) }

// tie is what one entity depends on another by, or is made of it by, whatever the types. Nil is none.
type tie struct{ from, to topology.Node }

func (x *tie) is(from, to topology.Node) bool { return x != nil && x.from == from && x.to == to }

// walk is appendCone in a graph without a tie: an explanation thinks it away.
func walk(c []reach, g *topology.Graph, n topology.Node, without *tie) []reach {
	c = append(c, reach{node: n, weight: 1, prev: -1})
	for i := 0; i < len(c) && len(c) < coneNodes; i++ {
		if c[i].steps == coneSteps {
			continue
		}
		for _, a := range g.Owners(c[i].node) {
			if !without.is(a.Node, c[i].node) {
				c = extend(g, c, i, a, 0)
			}
		}
		if c[i].hops == coneHops {
			continue
		}
		for _, a := range g.Dependencies(c[i].node) {
			if !without.is(c[i].node, a.Node) {
				c = extend(g, c, i, a, 1)
			}
		}
	}
	return c
}

// extend adds the far end of an arc, or improves it if it was found by a weaker path of the same length.
func extend(g *topology.Graph, c []reach, i int, a topology.Arc, hops uint8) []reach {
	t := g.Traits(a.Type)
	if len(c) >= coneNodes {
		return c
	}
	w := c[i].weight * float32(t.Weight)
	if i > 0 && hops > 0 {
		w *= throughOne // an owner is no other entity that would have to be broken as well
	}
	if hops > 0 && t.Needs != topology.NeedsAll {
		w *= float32(t.Shows(1, g.Alternatives(c[i].node, a.Type))) // one of several that stand in for each other
	}
	if w < coneWeight {
		return c
	}
	r := reach{node: a.Node, weight: w, hops: c[i].hops + hops, steps: c[i].steps + 1, prev: int16(i), typ: a.Type}
	for k := range c {
		if c[k].node != a.Node {
			continue
		}
		if k > i && c[k].steps == r.steps && w > c[k].weight {
			c[k] = r
		}
		return c
	}
	return append(c, r)
}

// path returns the steps from the cone's own entity to position i, both included.
func path(g *topology.Graph, c []reach, i int) []PathStep {
	var steps []PathStep
	for ; i >= 0; i = int(c[i].prev) {
		s := PathStep{Entity: g.Entity(c[i].node)}
		if i > 0 {
			s.Type = g.TypeName(c[i].typ)
		}
		steps = append(steps, s)
	}
	slices.Reverse(steps)
	return steps
}
