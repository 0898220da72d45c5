package correlate

import (
	"cmp"
	"fmt"
	"slices"

	"quell/correlate/topology"
)

const (
	// rootsMax is how many candidates an incident keeps, rankSample how many of its ill entities vote on them.
	rootsMax   = 8
	rankSample = 2000
)

// rerank asks for an incident's candidates to be ranked when the step is over: a storm that changes one incident a thousand
// times ranks it once.
func (e *Engine) rerank(i *incident) { e.unranked[i.id] = struct{}{} }

// rankAll ranks what changed and gives the step's effects their roots.
func (e *Engine) rankAll() {
	for id := range e.unranked {
		i := e.incidents[id]
		switch {
		case i == nil:
			continue
		case len(i.symptoms) > 0:
			e.rank(i)
		case i.roots == nil: // opened and merged away within one step
			i.roots = []Root{{Entity: e.graph.Entity(i.root), Silent: e.local(i.root).site == nil, Why: i.rootWhy}}
		}
		e.dirty.incidents[id] = struct{}{}
	}
	clear(e.unranked)
	for k := range e.effects {
		if i := e.incidents[e.effects[k].Incident]; i != nil {
			e.effects[k].Roots = i.roots
		}
	}
}

// vote is what speaks for a candidate.
type vote struct {
	node   topology.Node
	hits   int
	weight float64
	first  uint64 // its own first symptom; 0 if silent
}

// rank lists the candidates for the root of i: the root that it was given, then its members and what they have in common, by how
// many of its ill entities each would explain. The score is the share explained, times the mean weight of the paths.
func (e *Engine) rank(i *incident) {
	votes, sites := e.votes(i)
	total := float64(max(sites, 1))
	list := make([]*vote, 0, len(votes))
	for _, v := range votes {
		if v.first != 0 || v.hits >= siblingsMin || v.node == i.root {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b *vote) int {
		return cmp.Or(
			cmp.Compare(b2i(b.node == i.root), b2i(a.node == i.root)),
			cmp.Compare(b.weight, a.weight),
			cmp.Compare(b2i(b.first != 0), b2i(a.first != 0)),
			cmp.Compare(a.first, b.first),
			e.byEntity(a.node, b.node))
	})
	roots := make([]Root, 0, min(len(list), rootsMax))
	for k, v := range list[:min(len(list), rootsMax)] {
		r := Root{
			Entity: e.graph.Entity(v.node), Score: float64(int(v.weight/total*1000)) / 1000, Silent: v.first == 0,
			Why: fmt.Sprintf("%d of %d ill entities depend on it", v.hits, sites),
		}
		if k == 0 {
			r.Why = i.rootWhy
		} else {
			r.Score = min(r.Score, roots[k-1].Score)
		}
		roots = append(roots, r)
	}
	i.roots = roots
	e.headline(i)
}

// votes lets each ill entity of i, or each that was ill if none is left, speak for what is in its cone.
func (e *Engine) votes(i *incident) (map[topology.Node]*vote, int) {
	votes := map[topology.Node]*vote{i.root: {node: i.root}}
	seen := make(map[topology.Node]bool)
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if i.active > 0 && !s.active() {
			continue
		}
		v := votes[s.node]
		if v == nil {
			v = &vote{node: s.node}
			votes[s.node] = v
		}
		if v.first == 0 {
			v.first = num
		}
		if seen[s.node] || len(seen) >= rankSample {
			continue
		}
		seen[s.node] = true
		v.hits++
		v.weight++
		c := e.local(s.node).site.cone
		if c == nil {
			c = cone(e.graph, s.node)
		}
		for _, r := range c[1:] {
			w := votes[r.node]
			if w == nil {
				w = &vote{node: r.node}
				votes[r.node] = w
			}
			w.hits++
			w.weight += float64(r.weight)
		}
	}
	return votes, len(seen)
}

// headline names an incident by what its root shows, or by its first symptom if the root is silent.
func (e *Engine) headline(i *incident) {
	var own, first *symptom
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if first == nil {
			first = s
		}
		if s.node == i.root && (own == nil || !own.active() && s.active()) {
			own = s
		}
		if own != nil && own.active() {
			break
		}
	}
	root := e.graph.Entity(i.root)
	if own == nil {
		i.title = fmt.Sprintf("%s below %s, which is silent itself", first.name, root)
		i.class = first.name + " below " + root.Kind()
		return
	}
	i.title = fmt.Sprintf("%s on %s", own.name, root)
	i.class = own.name + " on " + root.Kind()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
