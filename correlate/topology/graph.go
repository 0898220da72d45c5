package topology

import (
	"cmp"
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
	// refs counts how often it was added by [Graph.Ref], on the side of the entity that depends or owns; 0 for others.
	refs int32
}

// TypeID numbers the types of edges of one Graph.
type TypeID uint16

// SourceID numbers the sources of one Graph.
type SourceID uint16

// Graph holds entities and dependencies. An edge that several sources tell of is there once for each, and goes when the
// last of them takes it back. Adding and removing cost in proportion to the degrees of the two ends. The zero value is not
// usable; see [New]. Not safe for concurrent use.
type Graph struct {
	numbers map[Entity]Node
	nodes   []vertex
	free    []Node
	types   table
	sources table
	edges   int
}

// vertex is what is known of an entity. All lists but in are sorted by the other end's id, type and source, so that walks
// do not depend on the order in which the graph was told things; in is for removal only and has no order.
type vertex struct {
	entity   Entity
	deps     []Arc // what it depends on without owning it
	parts    []Arc // what it owns
	owners   []Arc // what owns it
	in       []Arc // what depends on it without owning it
	declared bool
	// dependents counts the entities that depend on this one without owning it, owned those that it owns.
	dependents, owned int32
}

// table numbers strings from 0.
type table struct {
	names  []string
	ids    map[string]uint16
	traits []Traits
}

func (t *table) id(s string) uint16 {
	if id, ok := t.ids[s]; ok {
		return id
	}
	if len(t.names) == 1<<16-1 {
		// Types and sources come from configuration and bounded labels. A sender that invents 65,535 of them gets the last one.
		return uint16(len(t.names) - 1)
	}
	id := uint16(len(t.names))
	t.names = append(t.names, s)
	t.traits = append(t.traits, TraitsOf(s))
	t.ids[s] = id
	return id
}

// New returns an empty graph.
func New() *Graph {
	return &Graph{
		numbers: make(map[Entity]Node),
		types:   table{ids: make(map[string]uint16)},
		sources: table{ids: make(map[string]uint16)},
	}
}

// Intern returns the number of e, making one if it is new.
func (g *Graph) Intern(e Entity) Node {
	if n, ok := g.numbers[e]; ok {
		return n
	}
	var n Node
	if k := len(g.free); k > 0 {
		n, g.free = g.free[k-1], g.free[:k-1]
		g.nodes[n] = vertex{entity: e}
	} else {
		n = Node(len(g.nodes))
		g.nodes = append(g.nodes, vertex{entity: e})
	}
	g.numbers[e] = n
	return n
}

// Find returns the number of e if it is known.
func (g *Graph) Find(e Entity) (Node, bool) {
	n, ok := g.numbers[e]
	return n, ok
}

// Entity returns the id of n.
func (g *Graph) Entity(n Node) Entity { return g.nodes[n].entity }

// Dependencies returns what n depends on without owning it, sorted; the slice is the graph's own.
func (g *Graph) Dependencies(n Node) []Arc { return g.nodes[n].deps }

// Owners returns what owns n, sorted; the slice is the graph's own.
func (g *Graph) Owners(n Node) []Arc { return g.nodes[n].owners }

// Parts returns what n owns, sorted; the slice is the graph's own.
func (g *Graph) Parts(n Node) []Arc { return g.nodes[n].parts }

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

// count keeps [Graph.Dependents] when the edge at position i of a list of from's was put in (by = 1) or is about to go
// (by = -1). An edge that is there for another source or type as well is counted already.
func (g *Graph) count(from Node, list []Arc, i int, by int32) {
	to := list[i].Node
	if i > 0 && list[i-1].Node == to || i+1 < len(list) && list[i+1].Node == to {
		return
	}
	if g.Traits(list[i].Type).Owns {
		g.nodes[from].owned += by
	} else {
		g.nodes[to].dependents += by
	}
}

// Change tells what an update did, as ascending node numbers.
type Change struct {
	// Told are the nodes whose own declaration or outgoing edges changed.
	Told []Node
	// Departures are the nodes from which a walk to possible causes goes elsewhere than before: for a dependency the entity that
	// depends, for an owning edge the part.
	Departures []Node
	// Losers are the nodes that lost an edge or their declaration, and may be released.
	Losers []Node
}

// changes collects a Change.
type changes struct{ told, departures, losers map[Node]bool }

func (c changes) edge(g *Graph, from, to Node, typ TypeID) {
	c.told[from] = true
	c.departures[g.departure(from, to, typ)] = true
}

func (c changes) lost(g *Graph, from, to Node, typ TypeID) {
	c.edge(g, from, to, typ)
	c.losers[from], c.losers[to] = true, true
}

func (g *Graph) departure(from, to Node, typ TypeID) Node {
	if g.Traits(typ).Owns {
		return to
	}
	return from
}

// Apply performs an update on behalf of source. The update must be valid, see [Update.Validate]. Edges from an entity to itself
// are left out.
func (g *Graph) Apply(u *Update, source string) Change {
	src := SourceID(g.sources.id(source))
	c := changes{make(map[Node]bool), make(map[Node]bool), make(map[Node]bool)}
	for _, e := range u.RemoveEdges {
		from, ok1 := g.numbers[e.From]
		to, ok2 := g.numbers[e.To]
		if typ := g.typeID(e.Type); ok1 && ok2 && g.remove(from, to, typ, src) {
			c.lost(g, from, to, typ)
		}
	}
	for _, e := range u.RemoveEntities {
		if n, ok := g.numbers[e]; ok {
			g.drop(n, c)
		}
	}
	for _, e := range u.Entities {
		if n := g.Intern(e.ID); !g.nodes[n].declared {
			g.nodes[n].declared = true
			c.told[n] = true
		}
	}
	for _, e := range u.Edges {
		if e.From == e.To {
			continue // says nothing
		}
		from, to, typ := g.Intern(e.From), g.Intern(e.To), g.typeID(e.Type)
		if g.add(from, to, typ, src) {
			c.edge(g, from, to, typ)
		}
	}
	return Change{sorted(c.told), sorted(c.departures), sorted(c.losers)}
}

func sorted(set map[Node]bool) []Node { return slices.Sorted(maps.Keys(set)) }

// Ref adds an edge that is counted: it stays until [Graph.Unref] was called as often. If the edge is new, changed is true and
// departure the node that [Change.Departures] would name.
func (g *Graph) Ref(e Edge, source string) (departure Node, changed bool) {
	if e.From == e.To {
		return 0, false
	}
	from, to := g.Intern(e.From), g.Intern(e.To)
	typ, src := g.typeID(e.Type), SourceID(g.sources.id(source))
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
	typ, src := g.typeID(e.Type), SourceID(g.sources.id(source))
	forth, _ := g.lists(from, to, typ)
	i, found := g.find(*forth, to, typ, src)
	if !found || (*forth)[i].refs == 0 {
		return 0, false
	}
	if (*forth)[i].refs--; (*forth)[i].refs > 0 {
		return 0, false
	}
	return g.departure(from, to, typ), g.remove(from, to, typ, src)
}

// Release forgets n if nothing but its name is known: no edge, and no source that declared it.
func (g *Graph) Release(n Node) {
	v := &g.nodes[n]
	if v.entity == "" || v.declared || len(v.deps)+len(v.parts)+len(v.owners)+len(v.in) > 0 {
		return
	}
	delete(g.numbers, v.entity)
	g.nodes[n] = vertex{}
	g.free = append(g.free, n)
}

// Declared returns what sources other than those to skip said about n: whether it was declared, and its edges with their sources.
func (g *Graph) Declared(n Node, skip ...string) (declared bool, edges []SourcedEdge) {
	v := &g.nodes[n]
	for _, list := range [...][]Arc{v.deps, v.parts} {
		for _, a := range list {
			if name := g.sources.names[a.Source]; !slices.Contains(skip, name) {
				edges = append(edges, SourcedEdge{To: g.nodes[a.Node].entity, Type: g.types.names[a.Type], Source: name})
			}
		}
	}
	return v.declared, edges
}

// SourcedEdge is the far side of an edge with who told of it.
type SourcedEdge struct {
	To     Entity
	Type   string
	Source string
}

// SourceNames returns the names of the sources that tell of an edge between two nodes in either direction, sorted.
func (g *Graph) SourceNames(from, to Node) []string {
	var names []string
	for _, p := range [...][2]Node{{from, to}, {to, from}} {
		for _, list := range [...][]Arc{g.nodes[p[0]].deps, g.nodes[p[0]].parts} {
			for _, a := range list {
				if a.Node == p[1] {
					names = append(names, g.sources.names[a.Source])
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (g *Graph) typeID(name string) TypeID {
	if name == "" {
		name = DefaultType
	}
	return TypeID(g.types.id(name))
}

// compare orders arcs by what they mean and not by their numbers, which depend on history.
func (g *Graph) compare(a, b Arc) int {
	if a.Node != b.Node {
		return cmp.Compare(g.nodes[a.Node].entity, g.nodes[b.Node].entity)
	}
	return cmp.Or(
		cmp.Compare(g.types.names[a.Type], g.types.names[b.Type]),
		cmp.Compare(g.sources.names[a.Source], g.sources.names[b.Source]),
	)
}

// lists returns the list of from, and the list of to, that an edge of this type is in.
func (g *Graph) lists(from, to Node, typ TypeID) (forth, back *[]Arc) {
	if g.Traits(typ).Owns {
		return &g.nodes[from].parts, &g.nodes[to].owners
	}
	return &g.nodes[from].deps, &g.nodes[to].in
}

// find returns the position of an edge in a sorted list, or where it belongs.
func (g *Graph) find(list []Arc, to Node, typ TypeID, src SourceID) (int, bool) {
	return slices.BinarySearchFunc(list, Arc{Node: to, Type: typ, Source: src}, g.compare)
}

func (g *Graph) add(from, to Node, typ TypeID, src SourceID) bool {
	_, added := g.insert(from, to, typ, src)
	return added
}

// insert returns the edge and whether it is new. The pointer is good until the next change.
func (g *Graph) insert(from, to Node, typ TypeID, src SourceID) (arc *Arc, added bool) {
	forth, back := g.lists(from, to, typ)
	i, found := g.find(*forth, to, typ, src)
	if found {
		return &(*forth)[i], false
	}
	*forth = slices.Insert(*forth, i, Arc{Node: to, Type: typ, Source: src})
	g.count(from, *forth, i, 1)
	j := len(*back)
	if g.Traits(typ).Owns {
		j, _ = g.find(*back, from, typ, src)
	}
	*back = slices.Insert(*back, j, Arc{Node: from, Type: typ, Source: src})
	g.edges++
	return &(*forth)[i], true
}

func (g *Graph) remove(from, to Node, typ TypeID, src SourceID) bool {
	forth, back := g.lists(from, to, typ)
	i, found := g.find(*forth, to, typ, src)
	if !found {
		return false
	}
	g.count(from, *forth, i, -1)
	*forth = slices.Delete(*forth, i, i+1)
	k := slices.Index(*back, Arc{Node: from, Type: typ, Source: src})
	if g.Traits(typ).Owns {
		*back = slices.Delete(*back, k, k+1)
	} else {
		last := len(*back) - 1
		(*back)[k] = (*back)[last]
		*back = (*back)[:last]
	}
	g.edges--
	return true
}

// referenced reports whether a counting source stands for an edge.
func (g *Graph) referenced(from, to Node, typ TypeID, src SourceID) bool {
	forth, _ := g.lists(from, to, typ)
	i, found := g.find(*forth, to, typ, src)
	return found && (*forth)[i].refs > 0
}

// drop removes an entity's declaration and all its edges but the counted ones, whose symptoms still stand for them.
func (g *Graph) drop(n Node, c changes) {
	g.nodes[n].declared = false
	c.told[n], c.losers[n] = true, true
	v := g.nodes[n]
	for _, a := range slices.Concat(v.deps, v.parts) {
		if !g.referenced(n, a.Node, a.Type, a.Source) && g.remove(n, a.Node, a.Type, a.Source) {
			c.lost(g, n, a.Node, a.Type)
		}
	}
	for _, a := range slices.Concat(v.in, v.owners) {
		if !g.referenced(a.Node, n, a.Type, a.Source) && g.remove(a.Node, n, a.Type, a.Source) {
			c.lost(g, a.Node, n, a.Type)
		}
	}
}
