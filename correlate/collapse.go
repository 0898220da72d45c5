package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"quell/correlate/topology"
)

// place finds the incident of a symptom that has none, or whose incident is closed. It joins, in this order:
//
//  1. the open incident of its own entity;
//  2. the incident that explains it best (see explainer), or the one that its entity's parts are in (see partsIncident);
//  3. the oldest incident that its entity explains, and becomes the root of;
//  4. the incident that it was in before, which is reopened;
//  5. a new one.
//
// Whichever it is, trouble of its entity may connect it with others from then on (see gather).
func (e *Engine) place(s *symptom, st *site) {
	if i := e.incidents[st.incident]; i != nil && i.state.Open() {
		e.join(i, s, "same entity")
		return
	}
	ofParts, inside := e.partsIncident(s.node)
	if i, how := e.explainer(s.node, st, 0); i != nil {
		e.join(i, s, how)
	} else if ofParts != nil && !inside {
		// The parts are ill because of something else, so their owner, which many may depend on, is no better a root than that.
		e.join(ofParts, s, partsWhy)
	} else if i := e.explains(s.node); i != nil {
		e.join(i, s, "it explains the incident")
	} else if ofParts != nil {
		e.join(ofParts, s, partsWhy)
	} else if i := e.incidents[s.incident]; i != nil && e.local(i.root).root == 0 {
		e.reopen(i, s)
	} else {
		e.open(s)
	}
	e.gather(s.node)
}

// rethink places an ill entity anew after the topology changed: it may be explained by now, or explain others.
func (e *Engine) rethink(n topology.Node) {
	st := e.local(n).site
	own := e.incidents[st.incident]
	if own == nil || !own.state.Open() {
		return
	}
	if i, how := e.explainer(n, st, own.id); i != nil && own.root == n {
		e.merge(own, i, fmt.Sprintf("%s is explained by it: %s", e.graph.Entity(n), how))
	}
	e.gather(n)
}

// explainer finds the open incident that best explains trouble of n: one that is rooted in, or has symptoms on, something in
// its cone, at times that fit. not is left out. The answer says how.
func (e *Engine) explainer(n topology.Node, st *site, not IncidentID) (*incident, string) {
	var best *incident
	bestAt, bestWeight := 0, float32(0)
	if i := e.incidents[e.local(n).root]; i != nil && i.id != not {
		return i, "it is the root"
	}
	c, when := st.cone, e.illness(st)
	for k := 1; k < len(c); k++ {
		i, w := e.incidentAt(c[k].node, n, not)
		if i == nil {
			continue
		}
		if w *= c[k].weight; w < coneWeight {
			continue
		}
		if w *= e.timing(c[k].node, i, when); w < coneWeight {
			continue
		}
		if best == nil || w > bestWeight || w == bestWeight && i.id < best.id {
			best, bestAt, bestWeight = i, k, w
		}
	}
	if i, m, w := e.causeExplainer(n, when, not); i != nil && w > bestWeight {
		return i, "rules know what " + string(e.graph.Entity(m)) + " shows as a cause of it (weight " + percent(w) + ")"
	}
	if best == nil {
		return e.partsExplainer(n, when, not)
	}
	// Joins are what a storm consists of, so their reasons are put together without fmt.
	how := "it reaches " + string(e.graph.Entity(c[bestAt].node)) + " over " + e.viaOf(c, bestAt) + " (weight " + percent(bestWeight) + ")"
	if len(c) >= coneNodes {
		how += "; only the nearest " + strconv.Itoa(coneNodes) + " of what it depends on were looked at"
	}
	return best, how
}

// causeExplainer finds the open incident of a neighbour whose symptoms are known to cause those of n.
func (e *Engine) causeExplainer(n topology.Node, when span, not IncidentID) (best *incident, at topology.Node, weight float32) {
	e.knownCauses(n, func(m topology.Node, w float32) {
		i := e.incidents[e.local(m).site.incident]
		if i == nil || i.id == not || !i.state.Open() {
			return
		}
		w *= e.timing(m, i, when)
		if w >= coneWeight && (best == nil || w > weight || w == weight && (i.id < best.id || i.id == best.id && e.byEntity(m, at) < 0)) {
			best, at, weight = i, m, w
		}
	})
	return best, at, weight
}

// partsExplainer finds the open incident of something that n's parts cannot do without.
func (e *Engine) partsExplainer(n topology.Node, when span, not IncidentID) (*incident, string) {
	var best *incident
	bestAt, bestWeight := topology.Node(0), float32(0)
	if len(e.graph.Parts(n)) == 0 {
		return nil, ""
	}
	e.throughParts(n, func(m topology.Node, w float32, _ []chainLink) {
		i := e.incidents[e.local(m).root]
		if i == nil || i.id == not || e.calm(i) {
			return
		}
		if w *= e.timing(m, i, when); w >= coneWeight && (best == nil || w > bestWeight || w == bestWeight && i.id < best.id) {
			best, bestAt, bestWeight = i, m, w
		}
	})
	if best == nil {
		return nil, ""
	}
	return best, "a part of it cannot do without " + string(e.graph.Entity(bestAt)) + " (weight " + percent(bestWeight) + ")"
}

// timing is how well trouble of m, or of the incident whose root or parts it stands for, fits in time as the cause of an effect.
func (e *Engine) timing(m topology.Node, i *incident, effect span) float32 {
	if st := e.local(m).site; st != nil && st.active > 0 {
		return e.explaining(e.illness(st), effect)
	}
	return e.explaining(span{began: i.opened}, effect)
}

// percent shows a share from 0 to 1.
func percent(share float32) string {
	return strconv.Itoa(int(share*100+0.5)) + " %"
}

// viaOf names the dependencies of a path.
func (e *Engine) viaOf(c []reach, i int) string {
	via := e.graph.TypeName(c[i].typ)
	for i = int(c[i].prev); i > 0; i = int(c[i].prev) {
		via = e.graph.TypeName(c[i].typ) + ", " + via
	}
	return via
}

// incidentAt finds the open incident that is rooted in m, has active symptoms on m, or on parts of m. Parts count by their share:
// one ill pod of many need not make its service ill, let alone those who call it.
func (e *Engine) incidentAt(m, asking topology.Node, not IncidentID) (*incident, float32) {
	if i := e.incidents[e.local(m).root]; i != nil && i.id != not && !e.calm(i) {
		return i, 1
	}
	if st := e.local(m).site; st != nil && st.active > 0 {
		if i := e.incidents[st.incident]; i != nil && i.id != not && i.state.Open() {
			return i, 0.95
		}
	}
	i, share := e.illParts(m, asking, not)
	if i == nil || e.isOwner(m, asking) {
		return nil, 0 // a sibling's trouble explains nothing by itself
	}
	return i, partsWeight * share
}

// isOwner reports whether m owns n, directly or not.
func (e *Engine) isOwner(m, n topology.Node) bool {
	_, ok := e.local(m).parts[n]
	return ok
}

// explains returns the oldest incident that trouble of n explains, if there is one, and makes n its root.
func (e *Engine) explains(n topology.Node) *incident {
	ids := e.explained(n, 0)
	if len(ids) == 0 {
		return nil
	}
	i := e.incidents[ids[0]]
	e.reroot(i, n, mostOf(i.sites)+" "+string(e.graph.Entity(n))+", which is ill as well")
	return i
}

// mostOf begins a sentence about what an incident's ill entities depend on.
func mostOf(sites int) string {
	if sites == 1 {
		return "its only ill entity depends on"
	}
	return fmt.Sprintf("at least half of its %d ill entities depend on", sites)
}

// explained lists the open incidents, oldest first and but for the one left out, that n explains: at least half of their ill
// entities depend on n or on what n is part of, or their root surely does.
func (e *Engine) explained(n topology.Node, not IncidentID) []IncidentID {
	if !e.watched(n) {
		return nil
	}
	var ids []IncidentID
	for id, h := range e.hits(n, not) {
		i := e.incidents[id]
		if i != nil && i.state.Open() && i.sites > 0 && (h.root || float64(h.count) >= e.tuning.ExplainsShare*float64(i.sites)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// watched reports whether anything ill could depend on n, the cheap way.
func (e *Engine) watched(n topology.Node) bool {
	dependents, _ := e.graph.Dependents(n)
	if at := e.local(n); len(at.watch)+len(at.parts)+dependents > 0 {
		return true
	}
	for _, a := range e.graph.Owners(n) {
		if len(e.local(a.Node).watch) > 0 {
			return true
		}
		for _, b := range e.graph.Owners(a.Node) {
			if len(e.local(b.Node).watch) > 0 {
				return true
			}
		}
	}
	return false
}

// hitCount is what an entity hits of an incident: how many of its ill entities, and whether its root is surely among them.
type hitCount struct {
	count int
	root  bool
}

// hits counts by incident the ill entities that depend on n, or on an owner of n. One incident is left out.
func (e *Engine) hits(n topology.Node, not IncidentID) map[IncidentID]hitCount {
	hits := make(map[IncidentID]hitCount)
	add := func(m topology.Node, weight float32, again bool) {
		id := e.local(m).site.incident
		if m == n || id == not {
			return
		}
		h := hits[id]
		if !again {
			h.count++
		}
		h.root = h.root || e.local(m).root == id && float64(weight) >= e.tuning.ExplainsShare
		hits[id] = h
	}
	watch, parts := e.local(n).watch, e.local(n).parts
	for m, l := range watch {
		add(m, l.weight, false)
	}
	for m, l := range parts {
		_, again := watch[m]
		add(m, l.weight, again)
	}
	// What has n itself in its cone needs no note of having been counted: of a hub that is very much.
	seen := make(map[topology.Node]bool)
	once := func(m topology.Node, weight float32) {
		again := seen[m]
		if !again {
			seen[m] = true
			if _, again = watch[m]; !again {
				_, again = parts[m]
			}
		}
		add(m, weight, again)
	}
	// What depends on an owner of n is hit by n; the owner's other parts are not. How surely, their number says.
	for _, a := range e.graph.Owners(n) {
		_, parts := e.graph.Dependents(a.Node)
		w := e.showsOn(a.Type, parts, false)
		for m, l := range e.local(a.Node).watch {
			once(m, l.weight*w)
		}
		for _, b := range e.graph.Owners(a.Node) {
			_, parts := e.graph.Dependents(b.Node)
			w := w * e.showsOn(b.Type, parts, false)
			for m, l := range e.local(b.Node).watch {
				once(m, l.weight*w)
			}
		}
	}
	e.ownersOver(n, once)
	return hits
}

// gather merges into the incident of n what n's trouble explains too, what explains n as well, and looks for a silent root above
// an unexplained one.
func (e *Engine) gather(n topology.Node) {
	i := e.incidents[e.local(n).site.incident]
	if i == nil || !i.state.Open() {
		return
	}
	left := gatherAtOnce
	for _, id := range e.explained(n, i.id) {
		other := e.incidents[id]
		if !other.state.Open() {
			continue
		}
		if left--; left < 0 {
			e.gatherLater(i, e.graph.Entity(n))
			return
		}
		i = e.merge(other, i, mostOf(other.sites)+" "+string(e.graph.Entity(n)))
	}
	i, done := e.shareEffect(n, i, left)
	switch {
	case !done:
		e.gatherLater(i, e.graph.Entity(n))
	case i.root == n:
		e.silentRoot(n, i)
	}
}

// shareEffect merges incidents that explain the same trouble: those of other causes of n's, and those of what n causes as
// well. Of two that people were told about, both stay. Of more than most incidents that n causes the rest is left, and it is not done.
func (e *Engine) shareEffect(n topology.Node, i *incident, most int) (stays *incident, done bool) {
	st := e.local(n).site
	when := e.illness(st)
	for k := 1; k < len(st.cone); k++ {
		r := st.cone[k]
		if r.weight < float32(min(e.tuning.LoneWeight, e.tuning.CommonWeight)) || !e.ill(r.node) && e.local(r.node).root == 0 {
			continue // ill parts alone do not say that what they make up fails those who use it
		}
		other, w := e.incidentAt(r.node, n, i.id)
		if other == nil || w*r.weight < e.commonWeight(other) || e.timing(r.node, other, when) < timely {
			continue
		}
		if !i.told() || !other.told() {
			i = e.merge(other, i, string(e.graph.Entity(n))+" is an effect of both")
		}
	}
	for _, m := range e.worstOff(n, e.commonWeight(i)) {
		other := e.incidents[e.local(m).site.incident]
		if other == nil || other == i || !other.state.Open() || i.told() && other.told() {
			continue
		}
		if e.explaining(when, e.illness(e.local(m).site)) < timely {
			continue
		}
		if most--; most < 0 {
			return i, false
		}
		i = e.merge(other, i, string(e.graph.Entity(m))+" is an effect of both")
	}
	return i, true
}

// commonWeight is how well an incident must explain the trouble of an entity that another explains as well for both to be one. An
// entity that is alone with its warning needs less, see [Tuning.LoneWeight], unless somebody took it on for what it was: what comes
// to that later must not go unheard.
func (e *Engine) commonWeight(i *incident) float32 {
	if i.sites == 1 && i.severity <= SeverityWarning && i.state != Acknowledged {
		return float32(min(e.tuning.LoneWeight, e.tuning.CommonWeight))
	}
	return float32(e.tuning.CommonWeight)
}

// timely is how well causes must fit in time to share an effect: one that came a quarter of an hour later than it still does.
const timely = 0.5

// worstOff lists the ill entities outside n that n's trouble explains best, in the order of their ids, one for each incident. Those that it
// explains by less than the weight given are left out.
func (e *Engine) worstOff(n topology.Node, least float32) []topology.Node {
	if len(e.local(n).watch) == 0 {
		return nil
	}
	best := make(map[IncidentID]topology.Node)
	for m, l := range e.local(n).watch {
		if l.weight < least {
			continue
		}
		id := e.local(m).site.incident
		if old, known := best[id]; !known || cmp.Or(cmp.Compare(l.weight, e.local(n).watch[old].weight), e.byEntity(old, m)) > 0 {
			best[id] = m
		}
	}
	return slices.SortedFunc(maps.Values(best), e.byEntity)
}
