package topology

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Node is an entity's number within one [Graph]. Numbers are reused after [Graph.Release]; they never leave the process.
type Node int32

// Arc is one dependency as seen from one of its ends.
type Arc struct {
	// Node is the other end.
	Node Node
	// Type is the dependency's type.
	Type TypeID
	// Source is who told of it.
	Source SourceID

	// The rest is set on the side of the entity that depends or owns, and zero on the other.

	// refs counts how often it was added by [Graph.Ref]. While an update is under way it may be kept or gone.
	refs int32
	// at is, for a dependency, its position in the far end's list of what depends on it.
	at int32
	// since is when its source first told of it, until when it expires unless told again; zero is unknown and never.
	since, until Moment
}

// Marks in place of a count of references.
const (
	kept int32 = -1 // the replacement under way tells of it
	gone int32 = -2 // about to be removed
)

// TypeID numbers the types of edges of one Graph.
type TypeID uint16

// SourceID numbers the sources of one Graph.
type SourceID uint16

// Graph holds entities and dependencies, and who told of them. An edge that several sources tell of is there once for each, and goes
// when the last of them takes it back. The zero value is not usable; see [New]. Not safe for concurrent use.
//
// To add or remove one edge costs a search in the sorted list of the entity that depends or owns, and moving what is behind it there;
// how many depend on the other end does not matter. A large update sorts each list that it touches once.
type Graph struct {
	numbers map[Entity]Node
	nodes   []vertex
	free    []Node
	types   typeTable
	sources sourceTable
	edges   int
	limit   int
	// others are the claims on entities that several sources declare, but for the first.
	others map[Node][]claim
	fades  fades
}

// vertex is what is known of an entity. All lists but in are sorted by the other end's id, type and source, so that walks
// do not depend on the order in which the graph was told things; in is for removal only and has no order.
type vertex struct {
	entity Entity
	deps   []Arc  // what it depends on without owning it
	parts  []Arc  // what it owns
	owners []Arc  // what owns it
	in     []back // what depends on it without owning it
	// dependents counts the entities that depend on this one without owning it, owned those that it owns.
	dependents, owned int32
	// claim is that of a source that declares it; its source is 0 if there is none.
	claim claim
	marks mark
}

// back leads to the arc of a dependency from the end that is depended on.
type back struct {
	node   Node
	typ    TypeID
	source SourceID
}

// New returns an empty graph with the traits of [TraitsOf] and no limit.
func New() *Graph {
	return &Graph{
		numbers: make(map[Entity]Node),
		types:   typeTable{ids: make(map[string]TypeID), of: TraitsOf},
		sources: newSourceTable(),
		others:  make(map[Node][]claim),
		fades:   newFades(),
	}
}

// SetLimit bounds the entities that [Graph.Apply] may add to the graph; zero is no limit.
func (g *Graph) SetLimit(entities int) { g.limit = entities }

// Intern returns the number of e, making one if it is new. No limit applies.
func (g *Graph) Intern(e Entity) Node {
	n, _ := g.intern(e)
	return n
}

func (g *Graph) intern(e Entity) (n Node, added bool) {
	if n, ok := g.numbers[e]; ok {
		return n, false
	}
	if k := len(g.free); k > 0 {
		n, g.free = g.free[k-1], g.free[:k-1]
		g.nodes[n] = vertex{entity: e}
	} else {
		n = Node(len(g.nodes))
		g.nodes = append(g.nodes, vertex{entity: e})
	}
	g.numbers[e] = n
	return n, true
}

// reserve makes room for more entities, so that a large update does not copy what is there again and again.
func (g *Graph) reserve(more int) {
	if more <= 2*len(g.numbers) {
		return // most of it may be known
	}
	g.nodes = slices.Grow(g.nodes, max(more-len(g.free), 0))
	numbers := make(map[Entity]Node, len(g.numbers)+more)
	maps.Copy(numbers, g.numbers)
	g.numbers = numbers
}

// Find returns the number of e if it is known.
func (g *Graph) Find(e Entity) (Node, bool) {
	n, ok := g.numbers[e]
	return n, ok
}

// Name returns the entity with this id: the graph's own copy if it knows one.
func (g *Graph) Name(id []byte) Entity {
	if n, ok := g.numbers[Entity(id)]; ok {
		return g.nodes[n].entity
	}
	return Entity(id)
}

// Entity returns the id of n.
func (g *Graph) Entity(n Node) Entity { return g.nodes[n].entity }

// Dependencies returns what n depends on without owning it, sorted; the slice is the graph's own.
func (g *Graph) Dependencies(n Node) []Arc { return g.nodes[n].deps }

// Owners returns what owns n, sorted; the slice is the graph's own.
func (g *Graph) Owners(n Node) []Arc { return g.nodes[n].owners }

// Parts returns what n owns, sorted; the slice is the graph's own.
func (g *Graph) Parts(n Node) []Arc { return g.nodes[n].parts }

// Dependers yields what depends on n without owning it, with the type of the edge, in no order; one that several sources tell of
// comes as often. There are at least as many as [Graph.Dependents] says.
func (g *Graph) Dependers(n Node) iter.Seq2[Node, TypeID] {
	return func(yield func(Node, TypeID) bool) {
		for _, b := range g.nodes[n].in {
			if !yield(b.node, b.typ) {
				return
			}
		}
	}
}

// Alternatives counts the entities that n depends on, or owns, by edges of one type: what [Traits.Shows] calls "of".
func (g *Graph) Alternatives(n Node, typ TypeID) int {
	list, count, last := g.forth(n, g.Traits(typ).Owns), 0, Node(-1)
	for _, a := range *list {
		if a.Type == typ && a.Node != last {
			count, last = count+1, a.Node
		}
	}
	return count
}

// TypeName returns the name of a type.
func (g *Graph) TypeName(t TypeID) string { return g.types.names[t] }

// Traits returns the traits of a type.
func (g *Graph) Traits(t TypeID) Traits { return g.types.traits[t] }

// Cap is above every node's number: the length of a slice that is indexed by them.
func (g *Graph) Cap() int { return len(g.nodes) }

// Nodes yields the numbers of all entities, in no order.
func (g *Graph) Nodes() iter.Seq[Node] { return maps.Values(g.numbers) }

// Len returns how many entities and edges there are; an edge counts once for each source.
func (g *Graph) Len() (entities, edges int) { return len(g.numbers), g.edges }

// Dependents counts the entities that depend on n directly without owning it; owned counts those that n owns.
func (g *Graph) Dependents(n Node) (dependents, owned int) {
	return int(g.nodes[n].dependents), int(g.nodes[n].owned)
}

// Release forgets n if nothing but its name is known: no edge, and no source that declares it.
func (g *Graph) Release(n Node) {
	v := &g.nodes[n]
	if v.entity == "" || v.claim.source != 0 || len(v.deps)+len(v.parts)+len(v.owners)+len(v.in) > 0 {
		return
	}
	delete(g.numbers, v.entity)
	g.nodes[n] = vertex{}
	g.free = append(g.free, n)
}

// SetTraits replaces what types mean, and reports whether that changes anything for a type in use: then paths run otherwise, and
// others are owned, than before. The cost is that of the whole graph if types begin or cease to own.
func (g *Graph) SetTraits(of func(typ string) Traits) (changed bool) {
	g.types.of = of
	next, flipped := make([]Traits, len(g.types.names)), make(map[TypeID]bool)
	for t, name := range g.types.names {
		next[t] = of(name)
		changed = changed || next[t] != g.types.traits[t]
		if next[t].Owns != g.types.traits[t].Owns {
			flipped[TypeID(t)] = true
		}
	}
	type edge struct {
		from Node
		arc  Arc
	}
	var moved []edge
	if len(flipped) > 0 {
		for n := range g.nodes {
			from := Node(n)
			for _, owns := range [...]bool{false, true} {
				g.filter(from, owns, func(a *Arc) bool {
					if flipped[a.Type] {
						moved = append(moved, edge{from, *a})
					}
					return flipped[a.Type]
				})
			}
		}
	}
	g.types.traits = next
	for _, e := range moved {
		arc, _ := g.insert(e.from, e.arc.Node, e.arc.Type, e.arc.Source)
		arc.refs, arc.since, arc.until = e.arc.refs, e.arc.since, e.arc.until
	}
	return changed
}

// typeTable numbers types of edges from 0.
type typeTable struct {
	names  []string
	ids    map[string]TypeID
	traits []Traits
	of     func(string) Traits
}

// Types and sources that updates name are numbered up to numbersTold; the numbers above are left for those that rules and the engine name.
const (
	numbersTold = 60_000
	numbersAll  = 1<<16 - 1
)

// id returns the number of a type, the empty one standing for [DefaultType]; ok is false if there is none left below the limit.
func (t *typeTable) id(name string, limit int) (id TypeID, ok bool) {
	if name == "" {
		name = DefaultType
	}
	if id, ok := t.ids[name]; ok {
		return id, true
	}
	if len(t.names) >= limit {
		return 0, false
	}
	id = TypeID(len(t.names))
	t.names = append(t.names, name)
	t.traits = append(t.traits, t.of(name))
	t.ids[name] = id
	return id, true
}

// mustType is for types that rules or the graph itself name: they are few.
func (g *Graph) mustType(name string) TypeID {
	id, ok := g.types.id(name, numbersAll)
	if !ok {
		panic(fmt.Sprintf("topology: %d types of edges", len(g.types.names)))
	}
	return id
}

// compare orders arcs by what they mean and not by their numbers, which depend on history.
func (g *Graph) compare(a, b Arc) int {
	if a.Node != b.Node {
		return cmp.Compare(g.nodes[a.Node].entity, g.nodes[b.Node].entity)
	}
	if a.Type != b.Type {
		return cmp.Compare(g.types.names[a.Type], g.types.names[b.Type])
	}
	return cmp.Compare(g.sources.list[a.Source].name, g.sources.list[b.Source].name)
}

// forth returns the list of n that an edge from n is in.
func (g *Graph) forth(n Node, owns bool) *[]Arc {
	if owns {
		return &g.nodes[n].parts
	}
	return &g.nodes[n].deps
}

// find returns the position of an edge in a sorted list, or where it belongs.
func (g *Graph) find(list []Arc, to Node, typ TypeID, src SourceID) (int, bool) {
	want := Arc{Node: to, Type: typ, Source: src}
	if n := len(list); n > 0 && g.compare(list[n-1], want) < 0 {
		return n, false // what is loaded comes in order
	}
	return slices.BinarySearchFunc(list, want, g.compare)
}

// edge returns an edge, or nil. The pointer is good until the next change.
func (g *Graph) edge(from, to Node, typ TypeID, src SourceID) *Arc {
	list := *g.forth(from, g.Traits(typ).Owns)
	if i, found := g.find(list, to, typ, src); found {
		return &list[i]
	}
	return nil
}

// insert returns the edge and whether it is new. The pointer is good until the next change.
func (g *Graph) insert(from, to Node, typ TypeID, src SourceID) (arc *Arc, added bool) {
	owns := g.Traits(typ).Owns
	forth := g.forth(from, owns)
	i, found := g.find(*forth, to, typ, src)
	if found {
		return &(*forth)[i], false
	}
	*forth = slices.Insert(*forth, i, Arc{Node: to, Type: typ, Source: src})
	list := *forth
	if (i == 0 || list[i-1].Node != to) && (i+1 == len(list) || list[i+1].Node != to) {
		g.count(from, to, owns, 1)
	}
	g.attach(from, &list[i], owns)
	if owns {
		owners := g.nodes[to].owners
		last := len(owners) - 1
		k, _ := g.find(owners[:last], from, typ, src)
		own := owners[last]
		copy(owners[k+1:], owners[k:last])
		owners[k] = own
	}
	return &list[i], true
}

// attach adds an edge to its far end: owners get it last, wherever it belongs.
func (g *Graph) attach(from Node, a *Arc, owns bool) {
	v := &g.nodes[a.Node]
	if owns {
		v.owners = append(v.owners, Arc{Node: from, Type: a.Type, Source: a.Source})
	} else {
		a.at = int32(len(v.in))
		v.in = append(v.in, back{from, a.Type, a.Source})
	}
	g.edges++
}

// detach takes an edge from its far end. The lists of from must be as they were when it was there.
func (g *Graph) detach(from Node, a *Arc, owns bool) {
	v := &g.nodes[a.Node]
	g.edges--
	if owns {
		k, _ := g.find(v.owners, from, a.Type, a.Source)
		v.owners = shrunk(slices.Delete(v.owners, k, k+1))
		return
	}
	last := v.in[len(v.in)-1]
	v.in[a.at] = last
	v.in = shrunk(v.in[:len(v.in)-1])
	g.edge(last.node, a.Node, last.typ, last.source).at = a.at
}

// shrunk gives memory back that a list does not need any more.
func shrunk[E any](list []E) []E {
	switch {
	case len(list) == 0:
		return nil
	case cap(list) > 32 && len(list) < cap(list)/4:
		return slices.Clone(list)
	}
	return list
}

// count keeps [Graph.Dependents]: by is 1 for the first edge between two entities, and -1 for the last that goes.
func (g *Graph) count(from, to Node, owns bool, by int32) {
	if owns {
		g.nodes[from].owned += by
	} else {
		g.nodes[to].dependents += by
	}
}

// filter removes the edges of one of from's lists that are dead, and reports whether there were any. dead is asked once for each.
func (g *Graph) filter(from Node, owns bool, dead func(*Arc) bool) bool {
	list, some := *g.forth(from, owns), false
	for i := range list {
		if dead(&list[i]) {
			list[i].refs, some = gone, true
		}
	}
	if !some {
		return false
	}
	for i := range list {
		if list[i].refs == gone {
			g.detach(from, &list[i], owns)
		}
	}
	left := list[:0]
	for i := 0; i < len(list); {
		to, before := list[i].Node, len(left)
		for ; i < len(list) && list[i].Node == to; i++ {
			if list[i].refs != gone {
				left = append(left, list[i])
			}
		}
		if len(left) == before {
			g.count(from, to, owns, -1)
		}
	}
	*g.forth(from, owns) = shrunk(left)
	return true
}

// remove takes back one edge; it reports whether it was there.
func (g *Graph) remove(from, to Node, typ TypeID, src SourceID) bool {
	owns := g.Traits(typ).Owns
	forth := g.forth(from, owns)
	i, found := g.find(*forth, to, typ, src)
	if !found {
		return false
	}
	list := *forth
	g.detach(from, &list[i], owns)
	if (i == 0 || list[i-1].Node != to) && (i+1 == len(list) || list[i+1].Node != to) {
		g.count(from, to, owns, -1)
	}
	*forth = shrunk(slices.Delete(list, i, i+1))
	return true
}

// departure is the node from which walks to causes pass an edge: who depends, or the part.
func (g *Graph) departure(from, to Node, typ TypeID) Node {
	if g.Traits(typ).Owns {
		return to
	}
	return from
}

// Ref adds an edge that is counted: it stays until [Graph.Unref] was called as often, has no age, and is not part of what
// [Graph.Edges] yields. If the edge is new, changed is true and departure the node that [Change.Departures] would name. Sources of
// counted edges are no sources of updates.
func (g *Graph) Ref(e Edge, source string) (departure Node, changed bool) {
	if e.From == e.To {
		return 0, false
	}
	from, to := g.Intern(e.From), g.Intern(e.To)
	typ, src := g.mustType(e.Type), g.mustSource(source)
	arc, added := g.insert(from, to, typ, src)
	arc.refs++
	return g.departure(from, to, typ), added
}

// Unref takes back one [Graph.Ref]; it answers like it if the edge is gone.
func (g *Graph) Unref(e Edge, source string) (departure Node, changed bool) {
	from, ok1 := g.numbers[e.From]
	to, ok2 := g.numbers[e.To]
	if !ok1 || !ok2 {
		return 0, false
	}
	typ, src := g.mustType(e.Type), g.mustSource(source)
	arc := g.edge(from, to, typ, src)
	if arc == nil || arc.refs <= 0 {
		return 0, false
	}
	if arc.refs--; arc.refs > 0 {
		return 0, false
	}
	return g.departure(from, to, typ), g.remove(from, to, typ, src)
}
