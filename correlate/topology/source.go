package topology

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Moment is a time in Unix seconds; zero is none.
type Moment uint32

// Time returns the moment as a time, and the zero time for none.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.Unix(int64(m), 0).UTC()
}

// momentOf returns the second that a time in Unix nanoseconds is in.
func momentOf(nano int64) Moment { return Moment(nano / int64(time.Second)) }

// Claim is what one source says about an entity or an edge.
type Claim struct {
	Source string
	// Since is when it first told, without a break since then. Until is when the claim ends unless it is told again; if there is none,
	// it ends when [Graph.Fades] says so of the whole source, or when it is taken back.
	Since, Until Moment
}

// claim is a Claim on an entity. Kept is true while a replacement tells of it.
type claim struct {
	since, until Moment
	source       SourceID
	kept         bool
}

// SourcedEdge is the far side of an edge with who told of it.
type SourcedEdge struct {
	To   Entity
	Type string
	Claim
}

// sourceTable numbers sources from 1.
type sourceTable struct {
	list []source
	ids  map[string]SourceID
}

// source is who told of a part of the graph.
type source struct {
	name string
	// told holds the entities that it declared, or from which it told edges: all of them, and possibly others. A replacement finds its
	// part of the graph by it.
	told map[Node]struct{}
	// until is when all of its claims end that have no end of their own; zero is never.
	until Moment
}

func newSourceTable() sourceTable {
	return sourceTable{list: make([]source, 1), ids: make(map[string]SourceID)}
}

// id returns the number of a source; ok is false if there is none left below the limit.
func (t *sourceTable) id(name string, limit int) (id SourceID, ok bool) {
	if id, ok := t.ids[name]; ok {
		return id, true
	}
	if len(t.list) >= limit {
		return 0, false
	}
	id = SourceID(len(t.list))
	t.list = append(t.list, source{name: name, told: make(map[Node]struct{})})
	t.ids[name] = id
	return id, true
}

// mustSource is for sources that the engine itself names.
func (g *Graph) mustSource(name string) SourceID {
	id, ok := g.sources.id(name, numbersAll)
	if !ok {
		panic(fmt.Sprintf("topology: %d sources", len(g.sources.list)))
	}
	return id
}

func (g *Graph) sourceName(id SourceID) string { return g.sources.list[id].name }

// claimOf returns the claim of a source on n, or nil. The pointer is good until the next change.
func (g *Graph) claimOf(n Node, src SourceID) *claim {
	if c := &g.nodes[n].claim; c.source == src {
		return c
	}
	for i := range g.others[n] {
		if c := &g.others[n][i]; c.source == src {
			return c
		}
	}
	return nil
}

// addClaim adds a claim of a source that has none on n.
func (g *Graph) addClaim(n Node, c claim) {
	if v := &g.nodes[n]; v.claim.source == 0 {
		v.claim = c
		return
	}
	g.others[n] = append(g.others[n], c)
}

// dropClaim takes back the claim of a source on n; it reports whether there was one.
func (g *Graph) dropClaim(n Node, src SourceID) bool {
	v, others := &g.nodes[n], g.others[n]
	switch i := slices.IndexFunc(others, func(c claim) bool { return c.source == src }); {
	case v.claim.source == src && len(others) == 0:
		v.claim = claim{}
		return true
	case v.claim.source == src:
		v.claim = others[0]
		others = slices.Delete(others, 0, 1)
	case i >= 0:
		others = slices.Delete(others, i, i+1)
	default:
		return false
	}
	if g.others[n] = others; len(others) == 0 {
		delete(g.others, n)
	}
	return true
}

// Claims returns who declares n, sorted by source.
func (g *Graph) Claims(n Node) []Claim {
	first := g.nodes[n].claim
	if first.source == 0 {
		return nil
	}
	list := make([]Claim, 0, 1+len(g.others[n]))
	for _, c := range append([]claim{first}, g.others[n]...) {
		list = append(list, Claim{g.sourceName(c.source), c.since, c.until})
	}
	slices.SortFunc(list, func(a, b Claim) int { return strings.Compare(a.Source, b.Source) })
	return list
}

// Edges yields the edges from n, with their claims, that are not counted, sorted by far end, type and source.
func (g *Graph) Edges(n Node) iter.Seq[SourcedEdge] {
	return func(yield func(SourcedEdge) bool) {
		deps, parts := g.nodes[n].deps, g.nodes[n].parts
		for len(deps)+len(parts) > 0 {
			from := &deps
			if len(deps) == 0 || len(parts) > 0 && g.compare(parts[0], deps[0]) < 0 {
				from = &parts
			}
			a := (*from)[0]
			if *from = (*from)[1:]; a.refs == 0 && !yield(g.sourced(a)) {
				return
			}
		}
	}
}

// Between returns the edges from one node to another with who told of them and since when, counted ones included, sorted by type and
// source: what an explanation has to show of a step.
func (g *Graph) Between(from, to Node) []SourcedEdge {
	var edges []SourcedEdge
	for _, owns := range [...]bool{false, true} {
		list := *g.forth(from, owns)
		i, _ := slices.BinarySearchFunc(list, g.nodes[to].entity, func(a Arc, e Entity) int {
			return strings.Compare(string(g.nodes[a.Node].entity), string(e))
		})
		for ; i < len(list) && list[i].Node == to; i++ {
			edges = append(edges, g.sourced(list[i]))
		}
	}
	slices.SortFunc(edges, func(a, b SourcedEdge) int {
		return strings.Compare(a.Type+"\x00"+a.Source, b.Type+"\x00"+b.Source)
	})
	return edges
}

func (g *Graph) sourced(a Arc) SourcedEdge {
	return SourcedEdge{g.nodes[a.Node].entity, g.types.names[a.Type], Claim{g.sourceName(a.Source), a.since, a.until}}
}

// SourceNames returns the names of the sources that tell of an edge between two nodes in either direction, sorted.
func (g *Graph) SourceNames(from, to Node) []string {
	var names []string
	for _, e := range slices.Concat(g.Between(from, to), g.Between(to, from)) {
		names = append(names, e.Source)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Restore puts back what [Graph.Claims] and [Graph.Edges] told of e, in their order.
func (g *Graph) Restore(e Entity, claims []Claim, edges []SourcedEdge) {
	n := g.Intern(e)
	for _, c := range claims {
		src := g.mustSource(c.Source)
		g.addClaim(n, claim{since: c.Since, until: c.Until, source: src})
		g.sources.list[src].told[n] = struct{}{}
		g.fades.add(c.Until, fading{n, declaration, 0, src})
	}
	owned := 0
	for i := range edges {
		if g.Traits(g.mustType(edges[i].Type)).Owns {
			owned++
		}
	}
	v := &g.nodes[n]
	v.deps, v.parts = slices.Grow(v.deps, len(edges)-owned), slices.Grow(v.parts, owned)
	for i := range edges {
		to, typ, src := g.Intern(edges[i].To), g.mustType(edges[i].Type), g.mustSource(edges[i].Source)
		arc, _ := g.insert(n, to, typ, src)
		arc.since, arc.until = edges[i].Since, edges[i].Until
		g.sources.list[src].told[n] = struct{}{}
		g.fades.add(arc.until, fading{n, to, typ, src})
	}
}

// Told yields the edges that a source tells of, in no order.
func (g *Graph) Told(source string) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		id, ok := g.sources.ids[source]
		if !ok {
			return
		}
		for n := range g.sources.list[id].told {
			for e := range g.Edges(n) {
				if e.Source == source && !yield(Edge{From: g.nodes[n].entity, To: e.To, Type: e.Type}) {
					return
				}
			}
		}
	}
}

// Fades returns when all of a source's claims end that have no end of their own; zero is never.
func (g *Graph) Fades(source string) Moment {
	if id, ok := g.sources.ids[source]; ok {
		return g.sources.list[id].until
	}
	return 0
}

// Sources yields the names of all sources, in no order.
func (g *Graph) Sources() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range g.sources.list[1:] {
			if !yield(s.name) {
				return
			}
		}
	}
}

// RestoreFades puts back what [Graph.Fades] told.
func (g *Graph) RestoreFades(source string, until Moment) {
	src := g.mustSource(source)
	g.sources.list[src].until = until
	g.fades.add(until, fading{wholeSource, declaration, 0, src})
}
