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
	// rankSample is how many ill entities of an incident vote on its candidates; of more, every so many-th does.
	rankSample = 512
	// rankAlways is up to how many symptoms an incident is ranked for each new one. A bigger one waits until it grew by one part
	// in rankGrowth, so that a storm is ranked some dozens of times and not once an alert.
	rankAlways = 16
	rankGrowth = 8
	// rankAtOnce is up to how many symptoms an incident is ranked in the step that gives it another root. A bigger one waits for
	// rankPause for each symptom, unless it grew: of a chain that fails from the top down each new symptom is the root.
	rankAtOnce = 128
	rankPause  = int64(100 * time.Microsecond)
	// unrankedKept is up to how many incidents their set is kept for the next step: walking one that was large takes as long as it did.
	unrankedKept = 256
	// residual is the least share of what is not explained yet that another root must explain to be listed.
	residual = 0.01
)

// rerank asks for an incident's candidates to be ranked when the step is over: a storm that changes one incident a thousand
// times ranks it once.
func (e *Engine) rerank(i *incident) { e.unranked[i.id] = true }

// rerankSoon asks for the same of a small incident. A big one is ranked when it grew or when its pause is over, and before it is
// paged in any case.
func (e *Engine) rerankSoon(i *incident) {
	e.unranked[i.id] = e.unranked[i.id] || len(i.symptoms) <= rankAtOnce || i.grew() || i.roots == nil
}

// grew reports whether an incident has enough new symptoms to be ranked again.
func (i *incident) grew() bool { return (len(i.symptoms)-i.ranked)*rankGrowth >= i.ranked }

// regrade asks for it if the incident has enough new symptoms, or the newest is on its root or on something that much of it depends
// on. One that comes back tells nothing new.
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
			e.retake(i, top.node, d.reason(e, 0))
		}
	}
	if d.roots[0].node == i.root {
		i.rootWhy = d.reason(e, 0)
	}
	i.rankedAt = e.now
	i.roots = make([]Root, len(d.roots))
	for k, c := range d.roots {
		i.roots[k] = Root{Entity: e.graph.Entity(c.node), Score: milli(min(c.score, 1)), Silent: c.silent(), Explains: len(c.hits), Why: d.reason(e, k)}
		if k > 0 {
			i.roots[k].Score = min(i.roots[k].Score, i.roots[k-1].Score)
		}
	}
	e.headline(i)
	e.recallChanges(i)
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
func (d *diagnosis) reason(e *Engine, k int) string {
	c := d.roots[k]
	if len(d.voters) == 1 && c.own != nil && c.revision == noNode && c.change <= 1 {
		return "shows " + c.own.name + " itself, and nothing that it depends on is ill"
	}
	// Each ranking has up to rootsMax of them, so they are put together without fmt.
	text := "explains " + strconv.Itoa(len(c.hits)) + " of " + strconv.Itoa(len(d.voters)) + " ill entities (" + percent(float32(c.coverage)) + " of the evidence)"
	shows := ""
	switch {
	case c.revision != noNode && c.own != nil:
		shows = "; its revision " + string(e.graph.Entity(c.revision)) + " shows " + c.own.name
	case c.own != nil:
		shows = " and shows " + c.own.name + " itself"
	case c.revision != noNode:
		shows = ", silent itself: of its revision " + string(e.graph.Entity(c.revision)) + " " + strconv.Itoa(d.around(c)) + " of " + strconv.Itoa(c.of) + " are ill"
	default:
		shows = ", silent itself: " + strconv.Itoa(d.around(c)) + " of the " + strconv.Itoa(c.of) + " next to it are ill"
	}
	if c.change > 1 {
		shows += "; " + e.changeText(c.node)
	}
	if k > 0 {
		return text + shows + "; alone it scores " + hundredths(c.plain)
	}
	next := d.runnerUp(e, c)
	switch {
	case next == nil:
		return text + shows + "; nothing else is a candidate"
	case c.plain < next.plain:
		return text + shows + "; kept although " + string(e.graph.Entity(next.node)) + " scores " + hundredths(next.plain) + " against " +
			hundredths(c.plain) + ", since people were told"
	}
	return text + shows + "; scores " + hundredths(c.plain) + ", the next " + string(e.graph.Entity(next.node)) + " " + hundredths(next.plain)
}

// hundredths shows a score.
func hundredths(score float64) string { return strconv.FormatFloat(score, 'f', 2, 64) }

// runnerUp is the best candidate beside a root, by its own score.
func (d *diagnosis) runnerUp(e *Engine, root *candidate) *candidate {
	var best *candidate
	for _, c := range d.ranked {
		if c != root && (best == nil || e.better(c, best) < 0) {
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
		i.title = fmt.Sprintf("%s below %s, which is silent itself", first.name, root)
		i.class = first.name + " below " + root.Kind()
		return
	}
	i.title = fmt.Sprintf("%s on %s", own.name, root)
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
