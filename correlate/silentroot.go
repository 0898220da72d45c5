package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"quell/correlate/topology"
)

const (
	// silentLevels bounds how far a silent root is looked for above another: pods, their node, its zone.
	silentLevels = 3
	// silentFan is up to how many dependents of a candidate are looked at one by one for silent roots among them.
	silentFan = 512
	// silentWithin is within which time the effects of one cause begin, as far as rules wait differently.
	silentWithin = int64(30 * time.Minute)
	// silentInner bounds both levels where one of them is silent throughout.
	silentInner = 64
)

// silentRoot looks for something without symptoms that explains n, the root of i, and enough others beside it.
func (e *Engine) silentRoot(n topology.Node, i *incident) {
	for range silentLevels {
		best := e.silentAbove(n, i)
		if best == nil {
			return
		}
		what := "what depends on it"
		if !best.dependency {
			what = "its parts"
		}
		e.reroot(i, best.node, fmt.Sprintf("%d of %d of %s are in trouble at once, and nothing of their own explains it", best.hits, best.of, what))
		done := false
		if i, done = e.unite(best, i); !done {
			return
		}
		n = best.node
	}
}

// silentCandidate is something without symptoms one step above an incident's root.
type silentCandidate struct {
	node       topology.Node
	dependency bool // else an owner
	hits, of   int
	share      float64
	incidents  []IncidentID // whose trouble it would explain, ascending
}

// around is how many entities of an incident are in trouble around a silent candidate, and whether its root is among them.
type around struct {
	hits int
	root bool
}

func (e *Engine) silentAbove(n topology.Node, i *incident) *silentCandidate {
	var best *silentCandidate
	look := func(arcs []topology.Arc, dependency bool, least int) {
		for _, a := range arcs {
			if e.graph.Traits(a.Type).Weight < e.tuning.ExplainsShare || e.local(a.Node).root != 0 || e.ill(a.Node) {
				continue
			}
			c := e.silentCandidate(a.Node, dependency, e.beganAt(n, i), 0)
			if !e.suffices(c, least) || !slices.Contains(c.incidents, i.id) {
				continue
			}
			if best == nil || cmp.Or(cmp.Compare(c.hits, best.hits), cmp.Compare(c.share, best.share), -e.byEntity(c.node, best.node)) > 0 {
				best = c
			}
		}
	}
	look(e.graph.Owners(n), false, e.tuning.PartsMin)
	look(e.graph.Dependencies(n), true, e.tuning.SiblingsMin)
	if best == nil {
		// A claim that nobody watches stands between a pod and the storage.
		for _, a := range e.graph.Dependencies(n) {
			if e.graph.Traits(a.Type).Weight >= strongWeight && !e.ill(a.Node) && e.local(a.Node).root == 0 {
				look(e.graph.Dependencies(a.Node), true, e.tuning.SiblingsMin)
			}
		}
	}
	return best
}

// suffices reports whether enough is in trouble around a silent candidate for it to be a root; nil is none.
func (e *Engine) suffices(c *silentCandidate, least int) bool {
	return c != nil && c.hits >= least && c.share >= e.tuning.SiblingsShare/topology.Prior(e.graph.Entity(c.node).Kind())
}

// beganAt is when trouble of n, the root of i, began: its own, or that of its incident.
func (e *Engine) beganAt(n topology.Node, i *incident) int64 {
	if st := e.local(n).site; st != nil && st.active > 0 {
		return e.illness(st).began
	}
	return i.opened
}

// silentCandidate counts what is in trouble one step below m since about the same time; nil if that cannot be enough. Those count
// whose incidents m would explain: they are their roots, or at least half of what is ill there lies around m. What is explained by
// something else already says nothing about m, and neither does what began hours before or after: one cause strikes once. Of the
// incident within, which m is the root of already, that is known.
func (e *Engine) silentCandidate(m topology.Node, dependency bool, at int64, within IncidentID) *silentCandidate {
	dependents, parts := e.graph.Dependents(m)
	c := &silentCandidate{node: m, dependency: dependency, of: parts}
	list, near := e.local(m).parts, e.local(m).nearParts
	if dependency {
		c.of, list, near = dependents, e.local(m).watch, e.local(m).nearWatch
	}
	// Counting looks at everything ill around m, which of a zone may be very much, so first see whether it can come out high enough.
	fan := c.of <= silentFan
	if float64(near) < e.tuning.SiblingsShare*float64(c.of) && !fan {
		return nil
	}
	found := make(map[IncidentID]around)
	for x, l := range list {
		if !l.direct {
			continue
		}
		id := e.local(x).site.incident
		if id == within && id != 0 {
			c.hits++
			continue
		}
		if i := e.incidents[id]; i != nil && e.together(x, i, at) {
			found[id] = around{found[id].hits + 1, found[id].root || e.local(x).root == id}
		}
	}
	if fan {
		e.silentBelow(c, at, found)
	}
	for id, f := range found {
		i := e.incidents[id]
		if i != nil && i.state.Open() && (f.root || float64(f.hits) >= e.tuning.ExplainsShare*float64(i.sites)) {
			c.hits += f.hits
			c.incidents = append(c.incidents, id)
		}
	}
	slices.Sort(c.incidents)
	c.share = float64(c.hits) / float64(max(c.of, 1))
	return c
}

// silentBelow adds what is silent one step below a candidate, and yet the root of an incident, or looks as if trouble passed through it.
func (e *Engine) silentBelow(c *silentCandidate, at int64, found map[IncidentID]around) {
	seen := make(map[topology.Node]bool)
	look := func(x topology.Node) {
		if seen[x] || e.ill(x) {
			return
		}
		seen[x] = true
		id := e.local(x).root
		if id == 0 && c.of <= silentInner {
			id = e.passes(x)
		}
		if i := e.incidents[id]; i != nil && e.together(x, i, at) {
			found[id] = around{found[id].hits + 1, true}
		}
	}
	if !c.dependency {
		for _, a := range e.graph.Parts(c.node) {
			look(a.Node)
		}
		return
	}
	for x := range e.graph.Dependers(c.node) {
		look(x)
	}
}

// together reports whether trouble of x in i began at about a time.
func (e *Engine) together(x topology.Node, i *incident, at int64) bool {
	d := e.beganAt(x, i) - at
	return max(d, -d) <= silentWithin
}

// passes returns the oldest incident that is rooted in what depends on x, if most of what does is ill: trouble from below passes
// through x, which does not say so. Zero if it does not look like that.
func (e *Engine) passes(x topology.Node) IncidentID {
	dependents, _ := e.graph.Dependents(x)
	if dependents == 0 || dependents > silentInner {
		return 0
	}
	var oldest IncidentID
	ill := make(map[topology.Node]bool)
	for y := range e.graph.Dependers(x) {
		id := e.local(y).root
		if id == 0 || ill[y] {
			continue
		}
		ill[y] = true
		if oldest == 0 || id < oldest {
			oldest = id
		}
	}
	if float64(len(ill)) < e.tuning.SiblingsShare*float64(dependents) {
		return 0
	}
	return oldest
}

const (
	// strongWeight is the weight of dependencies that one cannot do without: what it runs on, mounts, is bound to.
	strongWeight = 0.85
	// throughMax bounds the parts, or the dependents, that are looked through.
	throughMax = 512
)

// throughParts calls visit for what the parts of n cannot do without, with the weight with which trouble there shows on n, and the way
// there, which is good until visit returns. One part of many need not show, unless n tells of its parts itself: a daemon set
// that misses a pod says so, however many it has.
func (e *Engine) throughParts(n topology.Node, visit func(m topology.Node, weight float32, way []chainLink)) {
	left := throughMax
	tells := e.tellsOfParts(n)
	var way []chainLink
	var down func(n topology.Node, weight float32, depth int)
	down = func(n topology.Node, weight float32, depth int) {
		_, parts := e.graph.Dependents(n)
		for _, a := range e.graph.Parts(n) {
			if left--; left < 0 {
				return
			}
			shows := e.showsOn(a.Type, parts, tells)
			w := weight * shows
			if w < coneWeight {
				continue
			}
			way = append(way, chainLink{node: a.Node, weight: shows, typ: a.Type, tie: tie{n, a.Node}})
			for _, d := range e.graph.Dependencies(a.Node) {
				if t := e.graph.Traits(d.Type); t.Weight >= strongWeight {
					link := chainLink{node: d.Node, weight: float32(t.Weight), typ: d.Type, tie: tie{a.Node, d.Node}}
					visit(d.Node, w*float32(t.Weight), append(way, link))
				}
			}
			if depth > 1 {
				down(a.Node, w, depth-1)
			}
			way = way[:len(way)-1]
		}
	}
	down(n, 1, partsDepth)
}

// ownersOver is the same from the other side: it calls visit for the ill entities of whose parts some cannot do without m. It visits
// one as often as there are such parts, in no order.
func (e *Engine) ownersOver(m topology.Node, visit func(owner topology.Node, weight float32)) {
	if dependents, _ := e.graph.Dependents(m); dependents > throughMax {
		return
	}
	var up func(n topology.Node, path []topology.Arc)
	up = func(n topology.Node, path []topology.Arc) {
		for _, a := range e.graph.Owners(n) {
			path := append(path, a)
			if e.ill(a.Node) {
				tells, w := e.tellsOfParts(a.Node), float32(1)
				for _, p := range path {
					_, parts := e.graph.Dependents(p.Node)
					w *= e.showsOn(p.Type, parts, tells)
				}
				visit(a.Node, w)
			}
			if len(path) < partsDepth {
				up(a.Node, path)
			}
		}
	}
	for n, typ := range e.graph.Dependers(m) {
		if e.graph.Traits(typ).Weight >= strongWeight {
			up(n, make([]topology.Arc, 0, partsDepth))
		}
	}
}

// showsOn is the chance that trouble of one of some parts shows on their owner.
func (e *Engine) showsOn(typ topology.TypeID, parts int, tells bool) float32 {
	t := e.graph.Traits(typ)
	if tells {
		return float32(t.Weight)
	}
	return float32(t.Weight * t.Shows(1, max(parts, 1)))
}

// tellsOfParts reports whether n shows a state of its own.
func (e *Engine) tellsOfParts(n topology.Node) bool {
	st := e.local(n).site
	if st == nil {
		return false
	}
	for _, num := range st.symptoms {
		if s := e.symptoms.get(num); s.active() && s.aspect == AspectState {
			return true
		}
	}
	return false
}
