package correlate

import "quell/correlate/topology"

const (
	// partsWeight is what something counts for that shows no symptom and of which all parts are ill: it would be passed
	// without saying so, like throughOne.
	partsWeight = 0.7
	// partsDepth and partsMax bound the walk from an owner to its parts: a deployment owns replica sets, which own pods.
	partsDepth = 3
	partsMax   = 4096
	// partsWhy is why an owner's symptom joins the incident of its parts.
	partsWhy = "it is made of what is ill there"
)

// partsIncident finds the open incident that most of n's parts are in, and whether its root is n or a part of n. Parts that are
// ill count; where none is, those that were ill in an incident that is not over: an alert about a workload comes late, when the
// events about its pods have long faded. Of several incidents with as many, one that is rooted in n comes first, then the oldest.
// The cost is that of n's parts.
//
// What is made of ill parts is ill because of them, however few they are. The cone cannot say so: it does not lead from an owner
// down to its parts, since from there it would spread over everything that they have in common.
func (e *Engine) partsIncident(n topology.Node) (best *incident, inside bool) {
	if len(e.graph.Parts(n)) == 0 {
		return nil, false // most of a storm: pods
	}
	ill, hit := make(map[IncidentID]int), make(map[IncidentID]int)
	left := partsMax
	e.countParts(n, partsDepth, &left, func(st *site) {
		if st.active > 0 {
			ill[st.incident]++
			return
		}
		for _, num := range st.symptoms {
			if i := e.incidents[e.symptoms.get(num).incident]; i != nil && i.state.Open() && !e.calm(i) {
				hit[i.id]++
				return
			}
		}
	})
	if len(ill) > 0 {
		hit = ill
	}
	for id, count := range hit {
		i := e.incidents[id]
		if i == nil || !i.state.Open() || best != nil && count < hit[best.id] {
			continue
		}
		within := e.partOf(i.root, n)
		if best == nil || count > hit[best.id] || within && !inside || within == inside && id < best.id {
			best, inside = i, within
		}
	}
	return best, inside
}

// countParts calls count for what has symptoms, or had some lately, below n.
func (e *Engine) countParts(n topology.Node, depth int, left *int, count func(*site)) {
	for _, a := range e.graph.Parts(n) {
		if *left--; *left < 0 {
			return
		}
		if st := e.local(a.Node).site; st != nil {
			count(st)
		}
		if depth > 1 {
			e.countParts(a.Node, depth-1, left, count)
		}
	}
}

// partOf reports whether m is n or one of its parts, directly or not.
func (e *Engine) partOf(m, n topology.Node) bool {
	e.scratch = appendCone(e.scratch[:0], e.graph, m)
	for _, r := range e.scratch {
		if r.node == n {
			return r.hops == 0
		}
	}
	return false
}

// illParts finds the oldest open incident of m's ill parts, and which share of m's parts is ill. The asking entity and parts in
// the incident that is left out do not count. Of very many ill parts only the first that m owns itself are looked at.
func (e *Engine) illParts(m, asking topology.Node, not IncidentID) (oldest *incident, share float32) {
	list := e.local(m).parts
	if len(list) == 0 {
		return nil, 0
	}
	ill := 0
	look := func(p topology.Node) {
		if p == asking {
			return
		}
		i := e.incidents[e.local(p).site.incident]
		if i == nil || i.id == not || !i.state.Open() {
			return
		}
		if ill++; oldest == nil || i.id < oldest.id {
			oldest = i
		}
	}
	_, parts := e.graph.Dependents(m)
	if len(list) <= illPartsMax {
		for p := range list {
			look(p)
		}
		return oldest, e.shareOf(m, ill, max(parts, 1))
	}
	owned := e.graph.Parts(m)
	owned = owned[:min(len(owned), illPartsMax)]
	for _, a := range owned {
		if _, is := list[a.Node]; is {
			look(a.Node)
		}
	}
	return oldest, e.shareOf(m, ill, len(owned))
}

// shareOf is the chance that some ill parts of m show on it, by the redundancy of what it is made of.
func (e *Engine) shareOf(m topology.Node, ill, of int) float32 {
	parts := e.graph.Parts(m)
	if len(parts) == 0 {
		return 0
	}
	return float32(e.graph.Traits(parts[0].Type).Shows(min(ill, of), of))
}

// illPartsMax bounds the parts that are looked at one by one.
const illPartsMax = 256
