package correlate

import "quell/correlate/topology"

// causeFan bounds the neighbours that are looked at for known causes: a hub's many neighbours have no cause in common.
const causeFan = 256

// knownCauses calls visit for the ill neighbours of an ill entity whose symptoms rules know to cause its own, with the rule's weight.
// A cause may be on either side of a dependency: a client that floods its server is one as well. It may visit one twice, and in no
// order.
func (e *Engine) knownCauses(n topology.Node, visit func(m topology.Node, weight float32)) {
	st := e.local(n).site
	if !e.rules.HasCauses() || st == nil {
		return
	}
	look := func(m topology.Node) {
		if other := e.local(m).site; other != nil && other.active > 0 {
			if w := e.causeWeight(other, st); w > 0 {
				visit(m, w)
			}
		}
	}
	arcs := e.graph.Dependencies(n)
	for _, a := range arcs[:min(len(arcs), causeFan)] {
		look(a.Node)
	}
	if dependents, _ := e.graph.Dependents(n); dependents <= causeFan {
		for m := range e.graph.Dependers(n) {
			look(m)
		}
	}
}

// causeWeight is the greatest weight with which a symptom of one entity is known to cause one of another; 0 if none is.
func (e *Engine) causeWeight(cause, effect *site) float32 {
	best := 0.0
	for _, c := range cause.symptoms {
		from := e.symptoms.get(c)
		if !from.active() {
			continue
		}
		for _, num := range effect.symptoms {
			if to := e.symptoms.get(num); to.active() {
				if w, ok := e.rules.Cause(from.name, to.name); ok {
					best = max(best, w)
				}
			}
		}
	}
	return float32(best)
}
