package correlate

import "quell/correlate/topology"

// ruleSource is the source of dependencies that rules tell. They are part of the policy and of no row of their own.
const ruleSource = "rules"

// depend puts the dependencies that the rules in force tell in the place of those that rules told before, and looks again at what
// that may explain. Edges are counted, so that one that stays does not go in between, and operators cannot remove what rules tell.
func (e *Engine) depend(before []topology.Edge) {
	var departures []topology.Node
	for _, edge := range e.rules.Dependencies() {
		if n, changed := e.graph.Ref(edge, ruleSource); changed {
			departures = append(departures, n)
		}
	}
	var ends []topology.Node
	for _, edge := range before {
		n, changed := e.graph.Unref(edge, ruleSource)
		if !changed {
			continue
		}
		departures = append(departures, n)
		for _, entity := range [...]topology.Entity{edge.From, edge.To} {
			if n, ok := e.graph.Find(entity); ok {
				ends = append(ends, n)
			}
		}
	}
	e.reconsider(departures)
	for _, n := range ends {
		e.release(n)
	}
}
