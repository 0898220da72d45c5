package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"quell/correlate/topology"
)

// supposition is one thing that might have been otherwise.
type supposition struct {
	// text is a clause in the past perfect, as [Counterfactual.If].
	text string
	// change makes it so in a ranking that was not run yet.
	change func(*diagnosis)
}

// counterfactuals ranks the incident anew for each supposition. What people were told does not count in them, unless it is the reason
// for the root: had it been so from the beginning, they would have been told something else.
func (q *inquiry) counterfactuals() []Counterfactual {
	var list []Counterfactual
	if q.kept() {
		best := q.rivals[0]
		list = append(list, Counterfactual{
			If: "people had not been told of the root", Flips: true, Score: milli(q.root.plain),
			Rival: q.engine.graph.Entity(best.node), RivalScore: milli(best.plain),
		})
	}
	for _, s := range q.suppositions() {
		d := q.ranking(slices.Clone(q.d.members))
		s.change(d)
		if len(d.members) == 0 {
			continue // nothing would be ill, so nobody would ask
		}
		d.run()
		list = append(list, q.outcome(s.text, d))
	}
	return list
}

// outcome compares the root with the best other candidate of a ranking.
func (q *inquiry) outcome(text string, d *diagnosis) Counterfactual {
	v := Counterfactual{If: text, Flips: q.loses(d)}
	if c := d.candidates[q.root.node]; c != nil {
		v.Score = milli(c.plain)
	}
	for _, c := range d.ranked {
		if c.node != q.root.node {
			v.Rival, v.RivalScore = q.engine.graph.Entity(c.node), milli(c.plain)
			break
		}
	}
	return v
}

// suppositions are those that this verdict may depend on.
func (q *inquiry) suppositions() []supposition {
	name := q.engine.graph.Entity(q.root.node)
	var list []supposition
	if q.root.own != nil {
		list = append(list, supposition{fmt.Sprintf("%s had shown nothing itself", name), q.silence})
		if q.root.own.aspect != AspectEffect {
			list = append(list, supposition{
				fmt.Sprintf("%s had shown an effect, and not trouble of its own", name), func(d *diagnosis) { d.regard(q.root.speaker(), AspectEffect) },
			})
		}
	}
	if q.root.change > 1 {
		where := q.root.changed.where
		list = append(list, supposition{fmt.Sprintf("%s had not changed", where), func(d *diagnosis) { d.engine = q.unchanged(where) }})
	}
	if len(q.rivals) > 0 {
		if s, ok := q.rivalIll(q.rivals[0]); ok {
			list = append(list, s)
		}
	}
	if t, typ, ok := q.heaviest(); ok {
		g := q.engine.graph
		list = append(list, supposition{
			fmt.Sprintf("%s had not depended on %s (%s)", g.Entity(t.from), g.Entity(t.to), g.TypeName(typ)), func(d *diagnosis) { d.without = &t },
		})
	}
	if len(q.d.voters) > 1 {
		list = append(list, supposition{"the times had not counted", func(d *diagnosis) { d.engine = q.timeless() }})
	}
	return list
}

// silence takes the root's own symptoms away, and with them the belief in it.
func (q *inquiry) silence(d *diagnosis) {
	d.members = slices.DeleteFunc(d.members, func(m member) bool { return m.node == q.root.speaker() })
	d.root = noNode
}

// regard changes what a member's symptoms tell.
func (d *diagnosis) regard(n topology.Node, a Aspect) {
	for k := range d.members {
		if d.members[k].node == n {
			d.members[k].aspect = a
		}
	}
}

// rivalIll supposes that the runner-up had shown trouble of its own: in its symptoms, or, if it has none, in one as strong and at the
// same time as that of the root, or of the strongest that is ill.
func (q *inquiry) rivalIll(c *candidate) (supposition, bool) {
	text := fmt.Sprintf("%s had shown trouble of its own", q.engine.graph.Entity(c.node))
	switch {
	case c.own == nil:
		like := q.root.own
		if like == nil {
			strongest := slices.MaxFunc(q.d.members, func(a, b member) int { return cmp.Compare(a.strength, b.strength) })
			like = &strongest
		}
		m := member{node: c.speaker(), first: math.MaxUint64, span: like.span, last: like.last, strength: like.strength, aspect: AspectState, name: "trouble of its own"}
		return supposition{text, func(d *diagnosis) { d.members = append(d.members, m) }}, true
	case c.own.aspect == AspectState:
		return supposition{}, false
	}
	return supposition{text, func(d *diagnosis) { d.regard(c.speaker(), AspectState) }}, true
}

// unchanged is the engine without the change of an entity.
func (q *inquiry) unchanged(entity topology.Entity) *Engine {
	view := *q.engine
	view.changes.of = maps.Clone(view.changes.of)
	delete(view.changes.of, entity)
	return &view
}

// timeless is the engine for which no time is far from another.
func (q *inquiry) timeless() *Engine {
	view := *q.engine
	view.tuning.LateCause, view.tuning.OldCause, view.tuning.GoneCause = math.MaxInt64, math.MaxInt64, math.MaxInt64
	return &view
}

// heaviest finds the dependency over which most of what the root explains travelled.
func (q *inquiry) heaviest() (best tie, typ topology.TypeID, ok bool) {
	carried, types := make(map[tie]float64), make(map[tie]topology.TypeID)
	for _, h := range q.root.hits {
		w := q.d.members[q.d.voters[h.voter]].strength * float64(h.weight*h.timing)
		for _, l := range q.d.chain(q.root, h) {
			carried[l.tie] += w
			types[l.tie] = l.typ
		}
	}
	for t, w := range carried {
		if !ok || cmp.Or(cmp.Compare(w, carried[best]), q.engine.byEntity(best.from, t.from), q.engine.byEntity(best.to, t.to)) > 0 {
			best, ok = t, true
		}
	}
	return best, types[best], ok
}
