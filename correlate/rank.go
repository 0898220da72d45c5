package correlate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"quell/correlate/topology"
)

const (
	// rootsMax is how many candidates an incident keeps.
	rootsMax = 8
	// rankSample is how many ill entities of an incident vote on its candidates at most; of a larger one, an even sample votes.
	rankSample = 512
	// An incident of up to rankAlways symptoms is ranked for each new one. A bigger one waits until it has grown by one part in
	// rankGrowth, so that a storm is ranked some dozens of times and not once for every alert.
	rankAlways = 16
	rankGrowth = 8
	// An incident of up to rankAtOnce symptoms is ranked in the step that gives it another root. A bigger one waits rankPause for each of
	// its symptoms, unless it has grown: in a chain that fails from the top down, every new symptom is the new root.
	rankAtOnce = 128
	rankPause  = int64(100 * time.Microsecond)
	// unrankedKept is the size up to which the set of unranked incidents is used again by the next step. Go's maps never shrink, and to walk one
	// that was large once takes as long as it did then.
	unrankedKept = 256
	// residual is the least score, by what the roots before it leave unexplained, with which another root is listed.
	residual = 0.01
)

// rerank asks for an incident's candidates to be ranked at the end of the step, so that a storm that changes one incident a thousand
// times ranks it once.
func (e *Engine) rerank(i *incident) { e.unranked[i.id] = true }

// rerankSoon asks for the same of a small incident. A big one is ranked when it grew or when its pause is over, and before it is
// paged in any case.
func (e *Engine) rerankSoon(i *incident) {
	e.unranked[i.id] = e.unranked[i.id] || len(i.symptoms) <= rankAtOnce || i.grew() || i.roots == nil
}

// grew reports whether an incident has enough new symptoms to be ranked again.
func (i *incident) grew() bool { return (len(i.symptoms)-i.ranked)*rankGrowth >= i.ranked }

// regrade asks for a ranking if the incident has enough new symptoms, or if the newest is on its root or on something that much of it
// depends on. A symptom that merely comes back tells nothing new.
func (e *Engine) regrade(i *incident, n topology.Node) {
	at := e.local(n)
	switch {
	case len(i.symptoms) <= rankAlways || i.grew():
		e.rerank(i)
	case n == i.root || (len(at.watch)+len(at.parts))*rankGrowth >= i.sites:
		e.rerankSoon(i)
	}
}

// rankAll ranks what changed, lets the best candidates be the roots, and gives the step's effects their roots. Two incidents that
// turn out to share a root become one, which is ranked again; that ends, since each time there is one incident less.
func (e *Engine) rankAll() {
	large := len(e.unranked) > unrankedKept
	for len(e.unranked) > 0 {
		for _, id := range slices.Sorted(maps.Keys(e.unranked)) {
			i, now := e.incidents[id], e.unranked[id]
			delete(e.unranked, id)
			switch {
			case i == nil:
				continue
			case len(i.symptoms) > 0 && now:
				e.rank(i)
			case len(i.symptoms) > 0:
				e.presume(i)
			case i.roots == nil: // opened and merged away within one step
				i.roots = []Root{{Entity: e.graph.Entity(i.root), Silent: e.local(i.root).site == nil, Why: i.rootWhy}}
			}
			e.dirty.incidents[id] = struct{}{}
			e.watchBudget(i) // it may be counted for another subject now
		}
	}
	if large {
		e.unranked = make(map[IncidentID]bool)
	}
	for k := range e.effects {
		if i := e.incidents[e.effects[k].Incident]; i != nil {
			e.effects[k].Roots = i.roots
		}
	}
}

// presume puts the root of an incident that waits to be ranked before the others, as if it scored as well as the best of them.
func (e *Engine) presume(i *incident) {
	if i.rankDue == 0 {
		i.rankDue = e.now + int64(len(i.symptoms))*rankPause
		e.timer(timerRank, i.rankDue, uint64(i.id))
	}
	root := e.graph.Entity(i.root)
	if i.roots[0].Entity == root {
		return
	}
	at := e.local(i.root)
	first := Root{
		Entity: root, Score: i.roots[0].Score, Silent: e.spokesman(i) == nil, Explains: min(len(at.watch)+len(at.parts)+1, i.sites),
		Why: i.rootWhy + "; the others are ranked again by " + clock(i.rankDue),
	}
	others := slices.DeleteFunc(slices.Clone(i.roots), func(r Root) bool { return r.Entity == root })
	i.roots = slices.Insert(others[:min(len(others), rootsMax-1)], 0, first)
	e.headline(i)
}

// rank lists the candidates for the root of i, best first, and makes the best one its root.
func (e *Engine) rank(i *incident) {
	i.ranked, i.rankDue = len(i.symptoms), 0
	d := e.diagnose(i)
	if len(d.roots) == 0 || !i.state.Open() && d.blind(i) {
		return
	}
	if top := d.roots[0]; i.state.Open() && top.node != i.root {
		if at := e.incidents[e.local(top.node).root]; at != nil && at != i {
			if i.told() && at.told() {
				d.prefer(i.root) // two pages were sent for them: they stay two
			} else {
				e.merge(i, at, fmt.Sprintf("%s explains both", e.graph.Entity(top.node)))
				return
			}
		} else {
			e.retake(i, top.node, d.reason(0))
		}
	}
	i.rankedAt = e.now
	i.roots = make([]Root, len(d.roots))
	for k, c := range d.roots {
		i.roots[k] = Root{Entity: e.graph.Entity(c.node), Score: milli(min(c.score, 1)), Silent: c.silent(), Explains: len(c.hits), Why: d.reason(k)}
		if k > 0 {
			i.roots[k].Score = min(i.roots[k].Score, i.roots[k-1].Score)
		}
	}
	if d.roots[0].node == i.root {
		i.rootWhy = i.roots[0].Why
	}
	e.headline(i)
	e.recallChanges(i)
	e.hasten(i)
	e.curtail(i)
}

// blind reports whether the topology no longer knows all that the last verdict on a closed incident rested on, since pods were
// replaced meanwhile. Then that verdict is better than a new one.
func (d *diagnosis) blind(i *incident) bool {
	if len(i.roots) == 0 {
		return false
	}
	c := d.candidates[i.root]
	return c == nil || len(c.hits) < i.roots[0].Explains
}

// retake makes n the root of i.
func (e *Engine) retake(i *incident, n topology.Node, why string) {
	e.setRoot(i, n)
	delete(e.unranked, i.id)
	e.emit(i, Reroot, fmt.Sprintf("root is now %s: it %s", e.graph.Entity(n), why))
	e.tell(i)
}

// reason is one sentence about the k-th root: what it explains, what it shows itself, and how far it is ahead.
func (d *diagnosis) reason(k int) string {
	c := d.roots[k]
	if len(d.voters) == 1 && c.own != nil && c.revision == noNode && c.change <= 1 {
		return "shows " + c.own.name + " itself, and nothing that it depends on is ill"
	}
	// Each ranking has up to rootsMax of them: they are put together in memory that is there already.
	t := append(d.desk.text[:0], "explains "...)
	t = strconv.AppendInt(t, int64(len(c.hits)), 10)
	t = append(t, " of "...)
	t = strconv.AppendInt(t, int64(len(d.voters)), 10)
	t = append(t, " ill entities ("...)
	t = append(t, percent(float32(c.coverage))...)
	t = append(t, " of the evidence)"...)
	t = d.shows(t, c)
	if c.change > 1 {
		t = append(append(t, "; "...), c.changed.String()...)
	}
	t = d.ahead(t, k)
	d.desk.text = t
	return string(t)
}

// shows adds what the k-th root shows itself, or that it is silent and what is around it.
func (d *diagnosis) shows(t []byte, c *candidate) []byte {
	switch {
	case c.revision != noNode && c.own != nil:
		t = append(append(t, "; its revision "...), d.engine.graph.Entity(c.revision)...)
		return append(append(t, " shows "...), c.own.name...)
	case c.own != nil:
		t = append(append(t, " and shows "...), c.own.name...)
		return append(t, " itself"...)
	case c.revision != noNode:
		t = append(append(t, ", silent itself: of its revision "...), d.engine.graph.Entity(c.revision)...)
		t = strconv.AppendInt(append(t, ' '), int64(d.around(c)), 10)
		t = strconv.AppendInt(append(t, " of "...), int64(c.of), 10)
		return append(t, " are ill"...)
	}
	t = strconv.AppendInt(append(t, ", silent itself: "...), int64(d.around(c)), 10)
	t = strconv.AppendInt(append(t, " of the "...), int64(c.of), 10)
	return append(t, " next to it are ill"...)
}

// ahead adds how far the k-th root is ahead of the others.
func (d *diagnosis) ahead(t []byte, k int) []byte {
	c := d.roots[k]
	if k > 0 {
		return appendHundredths(append(t, "; alone it scores "...), c.plain)
	}
	next := d.runnerUp(c)
	switch {
	case next == nil:
		return append(t, "; nothing else is a candidate"...)
	case c.plain < next.plain:
		t = append(append(t, "; kept although "...), d.engine.graph.Entity(next.node)...)
		t = appendHundredths(append(t, " scores "...), next.plain)
		t = appendHundredths(append(t, " against "...), c.plain)
		return append(t, ", since people were told"...)
	}
	t = appendHundredths(append(t, "; scores "...), c.plain)
	t = append(append(t, ", the next "...), d.engine.graph.Entity(next.node)...)
	return appendHundredths(append(t, ' '), next.plain)
}

// appendHundredths adds a score.
func appendHundredths(t []byte, score float64) []byte {
	return strconv.AppendFloat(t, score, 'f', 2, 64)
}

// runnerUp is the best candidate beside a root, by its own score.
func (d *diagnosis) runnerUp(root *candidate) *candidate {
	var best *candidate
	for _, c := range d.ranked {
		if c != root && (best == nil || d.engine.better(c, best) < 0) {
			best = c
		}
	}
	return best
}

// headline names an incident by what its root shows, or by its first symptom if the root is silent.
func (e *Engine) headline(i *incident) {
	root, own := e.graph.Entity(i.root), e.spokesman(i)
	if own == nil {
		first := e.symptoms.get(i.sorted()[0])
		i.title = first.name + " below " + string(root) + ", which is silent itself"
		i.class = first.name + " below " + root.Kind()
		return
	}
	i.title = own.name + " on " + string(root)
	i.class = own.name + " on " + root.Kind()
}

// spokesman is the first symptom that the root of i shows in it, an active one if there is one; nil if the root is silent.
func (e *Engine) spokesman(i *incident) (own *symptom) {
	st := e.local(i.root).site
	if st == nil {
		return nil
	}
	for _, num := range st.symptoms {
		if s := e.symptoms.get(num); s.incident == i.id && (own == nil || !own.active() && s.active()) {
			own = s
		}
	}
	return own
}

// milli rounds a score to what people can tell apart.
func milli(score float64) float64 { return float64(int(score*1000+0.5)) / 1000 }
