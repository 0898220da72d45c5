package correlate

import (
	"slices"

	"quell/correlate/topology"
)

// gatherAtOnce is how many incidents a step merges for one of its inputs, or for one deadline. A hub on which a hundred thousand depend
// may bring as many together; others must not wait for all of them.
const gatherAtOnce = 2000

// gatherLater lets i go on merging what an entity explains in the next step, which is due at once.
func (e *Engine) gatherLater(i *incident, around topology.Entity) {
	if !slices.Contains(i.gathers, around) {
		i.gathers = append(i.gathers, around)
	}
	e.timer(timerGather, e.now+1, uint64(i.id))
	e.dirty.incidents[i.id] = struct{}{}
}

// gatherOn goes on where an earlier step stopped: around what is ill, or around the silent root, if it still is the root and enough
// around it is still ill.
func (e *Engine) gatherOn(i *incident) {
	around := i.gathers
	i.gathers = nil
	e.dirty.incidents[i.id] = struct{}{}
	for _, entity := range around {
		n, known := e.graph.Find(entity)
		if !known {
			continue
		}
		if e.ill(n) {
			e.gather(n)
			continue
		}
		if at := e.incidents[e.local(n).root]; at != nil {
			e.gatherSilent(n, at)
		}
	}
}

// gatherSilent merges into i what its silent root explains, and looks for another above that.
func (e *Engine) gatherSilent(root topology.Node, i *incident) {
	for k, least := range [...]int{e.tuning.PartsMin, e.tuning.SiblingsMin} {
		c, done := e.silentCandidate(root, k > 0, i.opened, i.id), true
		if e.suffices(c, least) {
			i, done = e.unite(c, i)
		}
		if !done {
			return
		}
	}
	e.silentRoot(root, i)
}

// unite merges the incidents that a silent root explains into i, which is rooted there. Of too many it leaves the rest for
// the next step, and is not done.
func (e *Engine) unite(c *silentCandidate, i *incident) (stays *incident, done bool) {
	why := "it shares the silent root " + string(e.graph.Entity(c.node))
	left := gatherAtOnce
	for _, id := range c.incidents {
		other := e.incidents[id]
		if other == i || !other.state.Open() {
			continue
		}
		if left--; left < 0 {
			e.gatherLater(i, e.graph.Entity(c.node))
			return i, false
		}
		i = e.merge(other, i, why)
	}
	return i, true
}
