package correlate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	// residual is the least share of what is not explained yet that another root must explain to be listed.
	residual = 0.01
)

// rerank asks for an incident's candidates to be ranked when the step is over: a storm that changes one incident a thousand
// times ranks it once.
func (e *Engine) rerank(i *incident) { e.unranked[i.id] = struct{}{} }

// regrade asks for it if the incident has enough new symptoms, or the newest is on its root or on something that much of it depends
// on. One that comes back tells nothing new.
func (e *Engine) regrade(i *incident, n topology.Node) {
	count, at := len(i.symptoms), e.local(n)
	if count <= rankAlways || (count-i.ranked)*rankGrowth >= i.ranked || n == i.root || (len(at.watch)+len(at.parts))*rankGrowth >= i.sites {
		e.rerank(i)
	}
}

// rankAll ranks what changed, lets the best candidates be the roots, and gives the step's effects their roots. Two incidents that
// turn out to share a root become one, which is ranked again; that ends, since each time there is one incident less.
func (e *Engine) rankAll() {
	for len(e.unranked) > 0 {
		ids := slices.Sorted(maps.Keys(e.unranked))
		clear(e.unranked)
		for _, id := range ids {
			i := e.incidents[id]
			switch {
			case i == nil:
				continue
			case len(i.symptoms) > 0:
				e.rank(i)
			case i.roots == nil: // opened and merged away within one step
				i.roots = []Root{{Entity: e.graph.Entity(i.root), Silent: e.local(i.root).site == nil, Why: i.rootWhy}}
			}
			e.dirty.incidents[id] = struct{}{}
		}
	}
	for k := range e.effects {
		if i := e.incidents[e.effects[k].Incident]; i != nil {
			e.effects[k].Roots = i.roots
		}
	}
}

// rank lists the candidates for the root of i, best first, and makes the best one its root.
func (e *Engine) rank(i *incident) {
	i.ranked = len(i.symptoms)
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
		i.roots[k] = Root{Entity: e.graph.Entity(c.node), Score: milli(min(c.score, 1)), Silent: c.own == nil, Explains: len(c.hits), Why: d.reason(e, k)}
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
	if len(d.voters) == 1 && c.own != nil && c.change <= 1 {
		return "shows " + c.own.name + " itself, and nothing that it depends on is ill"
	}
	text := "explains " + strconv.Itoa(len(c.hits)) + " of " + strconv.Itoa(len(d.voters)) + " ill entities (" + percent(float32(c.coverage)) + " of the evidence)"
	switch {
	case c.own != nil:
		text += " and shows " + c.own.name + " itself"
	default:
		text += ", silent itself: " + strconv.Itoa(d.around(c)) + " of the " + strconv.Itoa(c.of) + " next to it are ill"
	}
	if c.change > 1 {
		text += "; " + e.changeText(c.node)
	}
	next := d.runnerUp(e, k)
	switch {
	case k > 0:
		text += fmt.Sprintf("; alone it scores %.2f", c.plain)
	case next == nil:
		text += "; nothing else is a candidate"
	case c.plain < next.plain:
		text += fmt.Sprintf("; kept although %s scores %.2f against %.2f, since people were told", e.graph.Entity(next.node), next.plain, c.plain)
	default:
		text += fmt.Sprintf("; scores %.2f, the next %s %.2f", c.plain, e.graph.Entity(next.node), next.plain)
	}
	return text
}

// runnerUp is the best candidate beside the k-th root, by its own score.
func (d *diagnosis) runnerUp(e *Engine, k int) *candidate {
	var best *candidate
	for _, c := range d.candidates {
		if c != d.roots[k] && (best == nil || e.better(c, best) < 0) {
			best = c
		}
	}
	return best
}

// headline names an incident by what its root shows, or by its first symptom if the root is silent.
func (e *Engine) headline(i *incident) {
	var own, first *symptom
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if first == nil {
			first = s
		}
		if s.node == i.root && (own == nil || !own.active() && s.active()) {
			own = s
		}
		if own != nil && own.active() {
			break
		}
	}
	root := e.graph.Entity(i.root)
	if own == nil {
		i.title = fmt.Sprintf("%s below %s, which is silent itself", first.name, root)
		i.class = first.name + " below " + root.Kind()
		return
	}
	i.title = fmt.Sprintf("%s on %s", own.name, root)
	i.class = own.name + " on " + root.Kind()
}

// milli rounds a score to what people can tell apart.
func milli(score float64) float64 { return float64(int(score*1000+0.5)) / 1000 }
