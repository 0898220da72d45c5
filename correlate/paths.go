package correlate

import (
	"cmp"
	"maps"
	"slices"

	"quell/correlate/topology"
)

// pathRounds bounds how often paths are prolonged, and so how many members a path may pass: each round adds at least one.
const pathRounds = 8

// paths finds for the entities of i, or for those of its first limit symptoms (0: as many as rankSample), the way that trouble took
// to them: from each over dependencies, owners and parts to the root, both included. Those that reach the root within their cone, or
// are in its, have that path. Of the others, whose cones end before, each is led on by the nearest entity of these that it reaches,
// or by a part of what it reaches: a caller by the service that it calls, that one by its pod, the pod by its node. Entities
// without a path are left out.
func (e *Engine) paths(i *incident, limit int) map[topology.Node][]PathStep {
	found := map[topology.Node][]PathStep{i.root: {{Entity: e.graph.Entity(i.root)}}}
	fromRoot := e.coneOf(i.root)
	var rest []topology.Node
	seen := make(map[topology.Node]bool)
	nums := i.sorted()
	if limit > 0 {
		nums = nums[:min(limit, len(nums))]
	}
	for _, num := range nums {
		n := e.symptoms.get(num).node
		if seen[n] || len(seen) == rankSample {
			continue
		}
		seen[n] = true
		if p := e.pathToRoot(n, fromRoot); p != nil {
			found[n] = p
		} else {
			rest = append(rest, n)
		}
	}
	for round := 0; round < pathRounds && len(rest) > 0; round++ {
		// What this round finds counts from the next one on, so that the order of symptoms does not matter.
		next := make(map[topology.Node][]PathStep)
		for _, n := range rest {
			if p := e.pathOver(found, n); p != nil {
				next[n] = p
			}
		}
		if len(next) == 0 {
			break
		}
		maps.Copy(found, next)
		rest = slices.DeleteFunc(rest, func(n topology.Node) bool { return next[n] != nil })
	}
	return found
}

// coneOf returns the cone of n, which is at hand while n is ill. It must not be changed.
func (e *Engine) coneOf(n topology.Node) []reach {
	if st := e.local(n).site; st != nil && st.cone != nil {
		return st.cone
	}
	return cone(e.graph, n)
}

// pathToRoot leads from n to the root, whose cone is given, in whichever direction the dependencies run; nil if there is no path
// within a cone.
func (e *Engine) pathToRoot(n topology.Node, fromRoot []reach) []PathStep {
	c := e.coneOf(n)
	for k, r := range c {
		if r.node == fromRoot[0].node {
			return path(e.graph, c, k)
		}
	}
	for k, r := range fromRoot {
		if r.node == n {
			return reversed(path(e.graph, fromRoot, k))
		}
	}
	return nil
}

// reversed turns a path around; the types stay with the steps between which they are.
func reversed(p []PathStep) []PathStep {
	out := make([]PathStep, len(p))
	for k := range p {
		out[k].Entity = p[len(p)-1-k].Entity
		if k > 0 {
			out[k].Type = p[len(p)-k].Type
		}
	}
	return out
}

// pathOver leads n on by the nearest entity in its cone, n included, that has a path or a part with one; nil if there is none.
func (e *Engine) pathOver(found map[topology.Node][]PathStep, n topology.Node) []PathStep {
	c := e.coneOf(n)
	var best []PathStep
	shorter := func(p []PathStep) bool {
		return best == nil || cmp.Or(cmp.Compare(len(p), len(best)), slices.CompareFunc(p, best, compareSteps)) < 0
	}
	for k, r := range c {
		if p := found[r.node]; p != nil && k > 0 {
			if p = slices.Concat(path(e.graph, c, k), p[1:]); shorter(p) {
				best = p
			}
			continue
		}
		parts := e.graph.Parts(r.node)
		for _, a := range parts[:min(len(parts), coneNodes)] {
			p := found[a.Node]
			if p == nil || slices.ContainsFunc(p, func(s PathStep) bool { return s.Entity == e.graph.Entity(n) }) {
				continue
			}
			part := PathStep{Entity: p[0].Entity, Type: e.graph.TypeName(a.Type)}
			if p = slices.Concat(path(e.graph, c, k), []PathStep{part}, p[1:]); shorter(p) {
				best = p
			}
		}
	}
	return best
}

func compareSteps(a, b PathStep) int {
	return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Type, b.Type))
}
