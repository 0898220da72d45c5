package topology

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Origin says from whom an update comes, and when.
type Origin struct {
	Source string
	// Now is the present in Unix nanoseconds.
	Now int64
}

// Change tells what an update did. Lists name each node once, in an order that depends on history.
type Change struct {
	// Told are the nodes of which claims on them, or on edges from them, changed.
	Told []Node
	// Departures are the nodes from which a walk to possible causes goes elsewhere than before: for a dependency the entity that
	// depends, for an owning edge the part.
	Departures []Node
	// Losers are the nodes that lost an edge or a claim, and may be released.
	Losers []Node
	// Sources are those of which [Graph.Fades] changed.
	Sources []string
}

// mark says on which lists a node is while something is under way.
type mark uint8

const (
	markTold mark = 1 << iota
	markDeparture
	markLoser
	markOwned
)

// note puts n on a list unless it is there.
func (g *Graph) note(list *[]Node, n Node, m mark) {
	if v := &g.nodes[n]; v.marks&m == 0 {
		v.marks |= m
		*list = append(*list, n)
	}
}

// finish clears the marks that collecting c left.
func (g *Graph) finish(c *Change) Change {
	for _, list := range [...][]Node{c.Told, c.Departures, c.Losers} {
		for _, n := range list {
			g.nodes[n].marks = 0
		}
	}
	return *c
}

func (g *Graph) changed(c *Change, from, to Node, typ TypeID) {
	g.note(&c.Told, from, markTold)
	g.note(&c.Departures, g.departure(from, to, typ), markDeparture)
}

func (g *Graph) lost(c *Change, from, to Node, typ TypeID) {
	g.changed(c, from, to, typ)
	g.note(&c.Losers, from, markLoser)
	g.note(&c.Losers, to, markLoser)
}

// undeclare takes back the claim of a source on n.
func (g *Graph) undeclare(c *Change, n Node, src SourceID) {
	if g.dropClaim(n, src) {
		g.note(&c.Told, n, markTold)
		g.note(&c.Losers, n, markLoser)
	}
}

// prune removes edges of n that are dead, from both of its lists.
func (g *Graph) prune(c *Change, n Node, dead func(*Arc) bool) {
	for _, owns := range [...]bool{false, true} {
		g.filter(n, owns, func(a *Arc) bool {
			if !dead(a) {
				return false
			}
			g.lost(c, n, a.Node, a.Type)
			return true
		})
	}
}

// FullError says that an update was refused because the graph would get too large. Nothing of it was taken.
type FullError struct {
	// What is what there would be too many of: "entities", "types of dependencies" or "sources".
	What string
	// Have is how many there are, Max how many there may be.
	Have, Max int
}

// Error names the limit.
func (e *FullError) Error() string {
	return fmt.Sprintf("topology: no room for the %s of this update: %d of at most %d are there", e.What, e.Have, e.Max)
}

// Apply performs an update. The update must be valid, see [Update.Validate]. Edges from an entity to itself are left out. The error is
// a [*FullError]. The cost is that of the entities and edges which the update names, and of those which a replacement takes back.
func (g *Graph) Apply(u *Update, by Origin) (Change, error) {
	b := batch{g: g, now: momentOf(by.Now)}
	if err := b.resolve(u, by.Source); err != nil {
		return Change{}, err
	}
	end := deadline(by.Now, time.Duration(u.TTL))
	if b.until = end; u.Replace {
		b.until, b.mark = 0, kept // the source ends as a whole
	}
	b.Told = make([]Node, 0, len(u.Entities))
	b.removeEdges(u.RemoveEdges)
	for _, e := range u.RemoveEntities {
		if n, ok := g.numbers[e]; ok {
			b.removeEntity(n)
		}
	}
	for _, n := range b.entities {
		b.declare(n)
	}
	b.connect()
	if u.Replace {
		b.sweep()
		if s := &g.sources.list[b.src]; s.until != end {
			s.until = end
			g.fades.add(end, fading{wholeSource, declaration, 0, b.src})
			b.Sources = append(b.Sources, s.name)
		}
	}
	return g.finish(&b.Change), nil
}

// batch is an update under way.
type batch struct {
	g     *Graph
	src   SourceID
	now   Moment
	until Moment // the end of its claims; 0 for none
	mark  int32  // what refs of edges that it tells become while it is under way: 0 or kept
	// entities and links are what it adds, resolved.
	entities []Node
	links    []link
	// indegree counts, in a large batch, how many edges come to a node.
	indegree []int32
	// owned are nodes whose lists of owners have to be sorted.
	owned []Node
	Change
}

// link is an edge to be added.
type link struct {
	from, to Node
	typ      TypeID
}

// resolve finds numbers for all that the update adds. Where there is no room for it, it leaves no trace.
func (b *batch) resolve(u *Update, source string) error {
	g := b.g
	var ok bool
	if b.src, ok = g.sources.id(source, numbersTold); !ok {
		return &FullError{"sources", len(g.sources.list), numbersTold}
	}
	g.reserve(len(u.Entities))
	b.entities, b.links = make([]Node, 0, len(u.Entities)), make([]link, 0, len(u.Edges))
	var fresh []Node
	number := func(e Entity) Node {
		n, added := g.intern(e)
		if added {
			fresh = append(fresh, n)
		}
		return n
	}
	var err error
	for i := range u.Entities {
		b.entities = append(b.entities, number(u.Entities[i].ID))
	}
	for i := range u.Edges {
		e := &u.Edges[i]
		if e.From == e.To {
			continue // says nothing
		}
		typ, ok := g.types.id(e.Type, numbersTold)
		if !ok {
			err = &FullError{"types of dependencies", len(g.types.names), numbersTold}
			break
		}
		b.links = append(b.links, link{number(e.From), number(e.To), typ})
	}
	if len(fresh) > 0 && g.limit > 0 && len(g.numbers) > g.limit {
		err = &FullError{"entities", len(g.numbers) - len(fresh), g.limit}
	}
	if err != nil {
		for _, n := range fresh {
			g.Release(n)
		}
	}
	return err
}

// removeEdges takes back edges that the source told, each list that they are in as a whole.
func (b *batch) removeEdges(edges []Edge) {
	g := b.g
	if len(edges) == 0 {
		return
	}
	byFrom := make(map[Node][]link)
	for i := range edges {
		from, ok1 := g.numbers[edges[i].From]
		to, ok2 := g.numbers[edges[i].To]
		typ, ok3 := g.types.ids[cmp.Or(edges[i].Type, DefaultType)]
		if ok1 && ok2 && ok3 {
			byFrom[from] = append(byFrom[from], link{from, to, typ})
		}
	}
	for from, links := range byFrom {
		if len(links) == 1 {
			if l := links[0]; g.remove(from, l.to, l.typ, b.src) {
				g.lost(&b.Change, from, l.to, l.typ)
			}
			continue
		}
		for _, l := range links {
			if a := g.edge(from, l.to, l.typ, b.src); a != nil {
				a.refs = gone
			}
		}
		g.prune(&b.Change, from, func(a *Arc) bool { return a.refs == gone })
	}
}

// removeEntity takes back what the source said about n. If no other source declares it, all its edges go but the counted ones, whose
// alerts still stand for them.
func (b *batch) removeEntity(n Node) {
	g := b.g
	g.undeclare(&b.Change, n, b.src)
	g.note(&b.Losers, n, markLoser)
	only := g.nodes[n].claim.source != 0
	dead := func(refs int32, src SourceID) bool { return refs <= 0 && (!only || src == b.src) }
	g.prune(&b.Change, n, func(a *Arc) bool { return dead(a.refs, a.Source) })
	for _, a := range slices.Clone(g.nodes[n].in) {
		if dead(g.edge(a.node, n, a.typ, a.source).refs, a.source) && g.remove(a.node, n, a.typ, a.source) {
			g.lost(&b.Change, a.node, n, a.typ)
		}
	}
	for _, a := range slices.Clone(g.nodes[n].owners) {
		if dead(g.edge(a.Node, n, a.Type, a.Source).refs, a.Source) && g.remove(a.Node, n, a.Type, a.Source) {
			g.lost(&b.Change, a.Node, n, a.Type)
		}
	}
}

// declare adds or repeats the source's claim on n.
func (b *batch) declare(n Node) {
	g := b.g
	c := g.claimOf(n, b.src)
	if c == nil {
		g.addClaim(n, claim{since: b.now, source: b.src})
		g.sources.list[b.src].told[n] = struct{}{}
		g.note(&b.Told, n, markTold)
		c = g.claimOf(n, b.src)
	}
	if c.kept = b.mark == kept; c.until != b.until {
		g.fades.move(&c.until, b.until, fading{n, declaration, 0, b.src})
		g.note(&b.Told, n, markTold)
	}
}

// largeBatch is from how many edges on it pays to count what comes to each node.
const largeBatch = 10_000

// connect adds or repeats the source's edges: sorted by their near ends, so that each list is merged once.
func (b *batch) connect() {
	g := b.g
	slices.SortFunc(b.links, func(x, y link) int {
		if x.from != y.from {
			return int(x.from - y.from)
		}
		return g.compare(Arc{Node: x.to, Type: x.typ}, Arc{Node: y.to, Type: y.typ})
	})
	b.links = slices.Compact(b.links)
	if len(b.links) >= largeBatch {
		b.indegree = make([]int32, len(g.nodes))
		for i := range b.links {
			b.indegree[b.links[i].to]++
		}
	}
	for rest := b.links; len(rest) > 0; {
		k := 1
		for k < len(rest) && rest[k].from == rest[0].from {
			k++
		}
		b.merge(rest[:k], false)
		b.merge(rest[:k], true)
		rest = rest[k:]
	}
	for _, n := range b.owned {
		v := &g.nodes[n]
		v.marks &^= markOwned
		slices.SortFunc(v.owners, g.compare)
	}
}

// merge puts those of the sorted links from one node that own, or those that do not, into the list that they belong in: one by one
// where they are few, else all at once.
func (b *batch) merge(links []link, owns bool) {
	g := b.g
	from := links[0].from
	old, few := *g.forth(from, owns), 0
	for _, l := range links {
		few += b2i(g.Traits(l.typ).Owns == owns)
	}
	if few == 0 {
		return
	}
	if few*16 < len(old) {
		for _, l := range links {
			if g.Traits(l.typ).Owns == owns {
				b.insert(l)
			}
		}
		return
	}
	added := 0
	b.each(links, old, owns, func(_ link, _ int, known bool) { added += b2i(!known) })
	if added > 0 {
		*g.forth(from, owns) = b.merged(links, owns, added)
		g.sources.list[b.src].told[from] = struct{}{}
	}
	if b.until != 0 || b.mark != 0 || added < few {
		list := *g.forth(from, owns)
		b.each(links, list, owns, func(_ link, at int, _ bool) { b.repeat(from, &list[at]) })
	}
}

// insert adds or repeats one edge.
func (b *batch) insert(l link) {
	g := b.g
	a, added := g.insert(l.from, l.to, l.typ, b.src)
	if added {
		a.since = b.now
		g.sources.list[b.src].told[l.from] = struct{}{}
		g.changed(&b.Change, l.from, l.to, l.typ)
	}
	b.repeat(l.from, a)
}

// merged returns the list that links belong in with the added ones in their places.
func (b *batch) merged(links []link, owns bool, added int) []Arc {
	g := b.g
	old, taken := *g.forth(links[0].from, owns), 0
	list := make([]Arc, 0, len(old)+added)
	b.each(links, old, owns, func(l link, at int, known bool) {
		list = append(list, old[taken:at]...)
		if taken = at; known {
			return
		}
		first := len(list) == 0 || list[len(list)-1].Node != l.to
		if first && (at == len(old) || old[at].Node != l.to) {
			g.count(l.from, l.to, owns, 1)
		}
		list = append(list, b.arc(l, owns))
	})
	return append(list, old[taken:]...)
}

// each walks a sorted list along the sorted links that own, or those that do not, and tells where each is or belongs.
func (b *batch) each(links []link, list []Arc, owns bool, visit func(l link, at int, known bool)) {
	g, at := b.g, 0
	for _, l := range links {
		if g.Traits(l.typ).Owns != owns {
			continue
		}
		want, order := Arc{Node: l.to, Type: l.typ, Source: b.src}, 1
		for at < len(list) {
			if order = g.compare(list[at], want); order >= 0 {
				break
			}
			at++
		}
		visit(l, at, at < len(list) && order == 0)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// arc makes a new edge and adds it to its far end.
func (b *batch) arc(l link, owns bool) Arc {
	g := b.g
	a := Arc{Node: l.to, Type: l.typ, Source: b.src, since: b.now}
	if v := &g.nodes[l.to]; b.indegree != nil && b.indegree[l.to] > 0 {
		// All that come get room at once, and not one more: most lists never grow again.
		if owns && len(v.owners) == cap(v.owners) {
			v.owners = append(make([]Arc, 0, len(v.owners)+int(b.indegree[l.to])), v.owners...)
		} else if !owns && len(v.in) == cap(v.in) {
			v.in = append(make([]back, 0, len(v.in)+int(b.indegree[l.to])), v.in...)
		}
		b.indegree[l.to]--
	}
	g.attach(l.from, &a, owns)
	if owns {
		g.note(&b.owned, l.to, markOwned)
	}
	g.changed(&b.Change, l.from, l.to, l.typ)
	return a
}

// repeat gives an edge that the update tells its mark and end.
func (b *batch) repeat(from Node, a *Arc) {
	if a.refs > 0 {
		return // counted; updates have other sources
	}
	if a.refs = b.mark; a.until != b.until {
		b.g.fades.move(&a.until, b.until, fading{from, a.Node, a.Type, b.src})
		b.g.note(&b.Told, from, markTold)
	}
}

// sweep takes back what the source told before the replacement and not in it.
func (b *batch) sweep() {
	g := b.g
	told := g.sources.list[b.src].told
	nodes := make([]Node, 0, len(told))
	for n := range told {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	for _, n := range nodes {
		stays := false
		if c := g.claimOf(n, b.src); c != nil && c.kept {
			c.kept, stays = false, true
		} else {
			g.undeclare(&b.Change, n, b.src)
		}
		g.prune(&b.Change, n, func(a *Arc) bool {
			if a.Source != b.src || a.refs > 0 {
				return false
			}
			if a.refs == kept {
				a.refs, stays = 0, true
				return false
			}
			return true
		})
		if !stays {
			delete(told, n)
		}
	}
}
