package correlate

import (
	"cmp"
	"slices"

	"quell/correlate/topology"
)

// diagnosis is one ranking of an incident: what is to be explained, who could have caused it, and which of these are its roots.
type diagnosis struct {
	engine  *Engine
	desk    *desk // nil is a new one
	members []member
	// root is believed even if it is silent and few depend on it; noNode is none.
	root topology.Node
	// without is a tie that does not count; nil is none.
	without *tie
	// voters are the members whose trouble is to be explained: all of them, or a sample.
	voters []int
	total  float64 // strength of the voters
	// candidates by node, each with what it explains alone.
	candidates map[topology.Node]*candidate
	// ranked are the candidates: by their own scores, best first, once they have them.
	ranked []*candidate
	// roots are the greedy cover: each is the candidate that explains most of what those before it leave.
	roots []*candidate
	// shortened is true if chains of ill entities were not followed to their ends, see prolongSteps.
	shortened bool
}

// noNode stands for no entity.
const noNode topology.Node = -1

// candidate is an entity that may be the root.
type candidate struct {
	node topology.Node
	// revision is the entity that it stands for, see lift; noNode if it stands for itself.
	revision topology.Node
	own      *member // nil if it is silent
	hits     []hit   // in order of voters
	// via counts, for a silent candidate, the voters that lead to it over each entity one step below it: themselves, or what is
	// silent in between. direct sums the shares of those entities that are hit; of is how many there are in the graph.
	via    []via
	direct float64
	of     int
	// plain is the score of the candidate alone, score that of what it adds to those before it.
	plain, score float64
	coverage     float64
	evidence     float64
	prior        float64
	change       float64 // the bonus of what changed
	changed      suspect
}

// via is an entity one step below a silent candidate, with how many voters lead over it.
type via struct {
	node   topology.Node
	voters int32
}

// hit is a voter that a candidate explains: how surely trouble travels there, how well the times fit.
type hit struct {
	voter  int32 // position in voters
	over   int32 // the voter that led trouble on, see prolong; -1 if there is none between
	weight float32
	timing float32
}

// diagnose scores everything that could explain the members of i and covers them greedily: the candidate that explains
// most comes first, then the one that explains most of the rest, and so on.
//
// The score of a candidate is the share of the strength of the symptoms that it explains, each weighted by the chance that trouble
// travels the path and by how well the times fit (coverage), times what its own symptoms say (evidence; for a silent one
// the hit ratio: how many of those that depend on it are ill), its kind's prior, and a bonus for a recent change. Coverage and hit
// ratio are those of SCORE (Kompella et al., NSDI 2005), the greedy cover over a graph with probabilities that of
// Spotlight (SRDS 2010). The cost is that of the cones of at most rankSample members.
func (e *Engine) diagnose(i *incident) *diagnosis {
	e.desk = e.desk.cleared()
	d := &diagnosis{engine: e, desk: e.desk, members: e.desk.roll.call(e, i), root: i.root}
	d.run()
	if i.told() && !e.outlasted(i) {
		d.stay(i.root)
	}
	return d
}

// run finds the candidates and the roots from the fields that say what is to be explained, which an explanation may have changed. It ranks in
// three passes: the voters name candidates, candidates gain and lose votes by what is ill between them and the voters, and what is left
// is scored, sorted and covered.
func (d *diagnosis) run() {
	if d.desk == nil {
		d.desk = new(desk)
	}
	d.desk.lay()
	d.candidates = d.desk.candidates
	d.nominate()
	d.prolong()
	d.explainAway()
	for _, c := range d.ranked {
		d.weigh(c)
	}
	slices.SortFunc(d.ranked, d.engine.better)
	d.deepen()
	d.lift()
	d.cover()
}

// nominate has every voter speak for what could have caused its trouble, and keeps the candidates that this makes plausible. A silent
// one needs enough trouble around it, unless it is the root that is believed already.
func (d *diagnosis) nominate() {
	d.sample()
	d.below()
	ill := d.desk.ill
	for k := range d.members {
		ill[d.members[k].node] = &d.members[k]
	}
	for v, k := range d.voters {
		d.total += d.members[k].strength
		d.vote(v, ill)
	}
	d.ranked = d.desk.ranked[:0]
	for _, c := range d.desk.pool[:d.desk.used] {
		d.reckon(c, ill)
		if c.own == nil && c.direct+0.5 < float64(d.engine.tuning.PartsMin) && c.node != d.root {
			delete(d.candidates, c.node)
			continue
		}
		d.ranked = append(d.ranked, c)
	}
	d.desk.ranked = d.ranked
}

// weigh computes the score of a candidate alone.
func (d *diagnosis) weigh(c *candidate) {
	e := d.engine
	c.coverage = d.explained(c, nil) / max(d.total, 1e-9)
	c.prior = topology.Prior(e.graph.Entity(c.node).Kind())
	c.changed = d.suspect(c)
	c.change = c.changed.bonus(e)
	if c.own != nil {
		c.evidence = e.evidence(c.own.aspect)
	} else {
		h := d.hitRatio(c)
		c.evidence = e.tuning.SilentEvidence + (1-e.tuning.SilentEvidence)*h*h
	}
	c.plain = c.coverage * c.evidence * c.prior * c.change // above 1 after a change: only people are shown 1
}

// hitRatio is the share of what depends on a candidate, or of its parts, that is ill: a silent cause shows on most of them. Few ill
// ones are no ratio.
func (d *diagnosis) hitRatio(c *candidate) float64 {
	dependents, parts := d.dependents(c.node)
	c.of = dependents + parts
	least := d.engine.tuning.SiblingsMin
	if dependents == 0 {
		least = d.engine.tuning.PartsMin
	}
	if c.direct+0.5 < float64(least) || c.of == 0 {
		return 0
	}
	return min(c.direct*d.scaled(1)/float64(c.of), 1)
}

// explained sums the strength of the voters that c explains; left is the share of each that is not explained yet, nil for all.
func (d *diagnosis) explained(c *candidate, left []float64) float64 {
	sum := 0.0
	for _, h := range c.hits {
		w := d.members[d.voters[h.voter]].strength * float64(h.weight*h.timing)
		if left != nil {
			w *= left[h.voter]
		}
		sum += w
	}
	return sum
}

// better orders candidates by score; ties go to those with symptoms, then to the oldest of these.
func (e *Engine) better(a, b *candidate) int {
	if c := cmp.Compare(b.plain, a.plain); c != 0 {
		return c
	}
	switch {
	case a.own != nil && b.own != nil:
		return cmp.Compare(a.own.first, b.own.first)
	case a.own != nil:
		return -1
	case b.own != nil:
		return 1
	}
	return e.byEntity(a.node, b.node)
}

// deepen puts the candidate that explains the best one before it if their scores are about the same: of a chain the deepest leads,
// since the way up only makes its coverage look smaller. It looks on from there, once for each candidate at most.
func (d *diagnosis) deepen() {
	list := d.ranked
	for range list {
		at := slices.IndexFunc(list[1:], func(c *candidate) bool {
			return c.own != nil && c.plain >= d.engine.tuning.DeepMargin*list[0].plain && d.under(c, list[0]) && !d.under(list[0], c)
		})
		if at < 0 {
			return
		}
		c := list[at+1]
		copy(list[1:at+2], list[:at+1])
		list[0] = c
		c.plain = max(c.plain, list[1].plain)
	}
}

// under reports whether c surely explains the trouble of top.
func (d *diagnosis) under(c, top *candidate) bool {
	for _, h := range c.hits {
		if d.members[d.voters[h.voter]].node == top.node {
			return float64(h.weight*h.timing) >= d.engine.tuning.ExplainsShare
		}
	}
	return false
}

// cover picks roots greedily from the candidates, which are sorted by their own scores. The first root is the best of them; after that a candidate
// counts only by its share of what the roots before it leave unexplained. Since that share is at most 1, a candidate whose own score is no better than the
// best one so far cannot win, and is not looked at.
func (d *diagnosis) cover() {
	d.roots = make([]*candidate, 0, rootsMax)
	left := make([]float64, len(d.voters))
	for k := range left {
		left[k] = 1
	}
	for len(d.roots) < rootsMax {
		var best *candidate
		for _, c := range d.ranked {
			if c.score != 0 || best != nil && c.plain <= best.score {
				continue // taken, or it cannot win
			}
			score := c.plain
			if len(d.roots) > 0 {
				score *= d.explained(c, left) / max(c.coverage*d.total, 1e-9)
			}
			if best == nil || score > best.score {
				if best != nil {
					best.score = 0
				}
				best, c.score = c, score
			}
		}
		if best == nil || len(d.roots) > 0 && best.score < residual {
			return
		}
		d.roots = append(d.roots, best)
		for _, h := range best.hits {
			left[h.voter] *= 1 - float64(h.weight*h.timing)
		}
	}
}

// stay keeps the root that people were told, unless another is clearly better.
func (d *diagnosis) stay(root topology.Node) {
	if c := d.candidates[root]; c != nil && len(d.roots) > 0 &&
		d.roots[0].plain < d.engine.tuning.StayMargin*c.plain && !d.under(d.roots[0], c) {
		d.prefer(root)
	}
}

// prefer puts a candidate first.
func (d *diagnosis) prefer(root topology.Node) {
	c := d.candidates[root]
	if c == nil {
		return
	}
	d.roots = slices.DeleteFunc(d.roots, func(r *candidate) bool { return r == c })
	d.roots = slices.Insert(d.roots, 0, c)
	c.score = c.plain
}
