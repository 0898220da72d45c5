package correlate

import (
	"cmp"
	"slices"

	"quell/correlate/topology"
)

// diagnosis is what a ranking found.
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

// member is an ill entity of an incident, or one that was ill if none is left.
type member struct {
	node     topology.Node
	first    uint64 // number of its first symptom
	span     span
	last     int64 // when its last symptom began
	strength float64
	aspect   Aspect
	name     string // of its strongest symptom
	voice    uint64 // number of that
}

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

// run finds candidates and roots from the fields that say what is to be explained, which an explanation may have changed.
func (d *diagnosis) run() {
	e := d.engine
	if d.desk == nil {
		d.desk = new(desk)
	}
	d.desk.lay()
	d.candidates = d.desk.candidates
	d.sample()
	e.below(d)
	position := d.desk.position
	for k := range d.members {
		position[d.members[k].node] = &d.members[k]
	}
	for v, k := range d.voters {
		d.total += d.members[k].strength
		e.vote(d, v, position)
	}
	d.ranked = d.desk.ranked[:0]
	for _, c := range d.desk.pool[:d.desk.used] {
		if d.reckon(c, position); c.own == nil && c.direct+0.5 < float64(e.tuning.PartsMin) && c.node != d.root {
			delete(d.candidates, c.node)
			continue
		}
		d.ranked = append(d.ranked, c)
	}
	d.desk.ranked = d.ranked
	d.prolong()
	d.explainAway()
	for _, c := range d.ranked {
		e.weigh(d, c)
	}
	slices.SortFunc(d.ranked, e.better)
	d.deepen(d.ranked)
	d.lift()
	d.cover(d.ranked)
}

// deepen puts the candidate that explains the best one before it if their scores are about the same: of a chain the deepest leads,
// since the way up only makes its coverage look smaller. It looks on from there, once for each candidate at most.
func (d *diagnosis) deepen(list []*candidate) {
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

// members lists the entities of i in order of their first symptoms: those that are ill or healed within the incident.
func (e *Engine) members(i *incident) []member { return new(roll).call(e, i) }

// call is [Engine.members] on a roll that is empty.
func (r *roll) call(e *Engine, i *incident) []member {
	for _, num := range i.sorted() {
		r.enter(e, e.symptoms.get(num))
	}
	return r.list
}

// roll lists members, and tells where each is on the list.
type roll struct {
	list []member
	at   map[topology.Node]int
}

// enter adds a symptom to its entity.
func (r *roll) enter(e *Engine, s *symptom) {
	k, known := r.at[s.node]
	if !known {
		k = len(r.list)
		if r.at == nil {
			r.at = make(map[topology.Node]int)
		}
		r.at[s.node] = k
		r.list = append(r.list, member{node: s.node, first: s.num, span: spanOf(s)})
	}
	m := &r.list[k]
	m.span, m.last = m.span.with(s), max(m.last, s.began)
	if strength := e.strength(s); strength > m.strength {
		m.strength, m.name, m.voice = strength, s.name, s.num
	}
	m.aspect = max(m.aspect, s.aspect)
}

// sample picks the voters.
func (d *diagnosis) sample() {
	n := len(d.members)
	d.voters = d.desk.voters
	for k := range min(n, rankSample) {
		d.voters = append(d.voters, k*n/min(n, rankSample))
	}
	d.desk.voters = d.voters
}

// part is a member below an owner, with the chance that its trouble shows there.
type part struct {
	member *member
	weight float32
	next   int32 // position of the owner's next part, -1 after the last
}

// below lays out, for owners, the members that are parts of them. One ill part of many need not make its owner ill, so an owner
// of many parts is left out: its parts say little one by one.
func (e *Engine) below(d *diagnosis) {
	k := d.desk
	var up func(m *member, n topology.Node, weight float32, depth int)
	up = func(m *member, n topology.Node, weight float32, depth int) {
		for _, a := range e.graph.Owners(n) {
			w := d.partWeight(weight, a, n)
			if w < coneWeight {
				continue
			}
			next, more := k.below[a.Node]
			if !more {
				next = -1
			}
			k.below[a.Node] = int32(len(k.parts))
			k.parts = append(k.parts, part{m, w, next})
			if depth > 1 {
				up(m, a.Node, w, depth-1)
			}
		}
	}
	for k := range d.members {
		up(&d.members[k], d.members[k].node, 1, partsDepth)
	}
}

// partWeight is the chance that trouble which shows on a part with the given one shows on its owner, to which the arc leads.
func (d *diagnosis) partWeight(weight float32, owner topology.Arc, part topology.Node) float32 {
	if d.without.is(owner.Node, part) {
		return 0
	}
	_, parts := d.dependents(owner.Node)
	return weight * float32(d.engine.graph.Traits(owner.Type).Weight) / float32(max(parts, 1))
}

// dependents is [topology.Graph.Dependents] without the tie that does not count.
func (d *diagnosis) dependents(n topology.Node) (dependents, parts int) {
	dependents, parts = d.engine.graph.Dependents(n)
	switch {
	case d.without == nil:
	case d.without.from == n && linked(d.engine.graph.Parts(n), d.without.to):
		parts--
	case d.without.to == n && linked(d.engine.graph.Dependencies(d.without.from), n):
		dependents--
	}
	return dependents, parts
}

// linked reports whether an arc leads to n.
func linked(arcs []topology.Arc, n topology.Node) bool {
	return slices.ContainsFunc(arcs, func(a topology.Arc) bool { return a.Node == n })
}

// cone returns what could explain trouble of n; see [Engine.coneOf].
func (d *diagnosis) cone(n topology.Node) []reach {
	if d.without == nil {
		return d.engine.coneOf(n)
	}
	return walk(nil, d.engine.graph, n, d.without)
}

// broken reports whether a way leads along the tie that does not count.
func (d *diagnosis) broken(way []chainLink) bool {
	return d.without != nil && slices.ContainsFunc(way, func(l chainLink) bool { return l.tie == *d.without })
}

// vote lets a voter speak for everything in its cone, and for the ill parts of what is there.
func (e *Engine) vote(d *diagnosis, v int, ill map[topology.Node]*member) {
	m := &d.members[d.voters[v]]
	cone := d.cone(m.node)
	for _, r := range cone {
		c := d.speak(v, m, r, ill[r.node])
		if c.own == nil && (r.steps == 1 || r.steps == 2) {
			c.note(cone[r.prev].node)
		}
		for p := range d.desk.partsOf(r.node) {
			w := r.weight * p.weight
			if r.prev >= 0 {
				w *= throughOne
			}
			d.speak(v, m, reach{node: p.member.node, weight: w, steps: r.steps + 1}, p.member)
		}
	}
	e.knownCauses(m.node, func(n topology.Node, w float32) {
		if own := ill[n]; own != nil {
			d.speak(v, m, reach{node: n, weight: w, steps: 1}, own)
		}
	})
	e.throughParts(m.node, func(n topology.Node, w float32, way []chainLink) {
		if own := ill[n]; own != nil && !d.broken(way) {
			d.speak(v, m, reach{node: n, weight: w, steps: 2}, own)
		}
	})
}

// speak notes that a candidate, which is the member own if it is ill, explains a voter.
func (d *diagnosis) speak(v int, m *member, r reach, own *member) *candidate {
	c := d.candidates[r.node]
	if c == nil {
		c = d.desk.candidate(r.node, own)
		d.candidates[r.node] = c
	}
	h := hit{voter: int32(v), over: -1, weight: r.weight, timing: 1}
	if own != nil && own != m {
		h.timing = d.engine.explaining(own.span, m.span)
	}
	if k := len(c.hits) - 1; k >= 0 && c.hits[k].voter == h.voter {
		if h.weight > c.hits[k].weight {
			c.hits[k] = h
		}
		return c
	}
	c.hits = append(c.hits, h)
	return c
}

// note counts a voter that leads to c over n. There are no more of those than voters, and looking at each is cheaper than a map.
func (c *candidate) note(n topology.Node) {
	for k := len(c.via) - 1; k >= 0; k-- {
		if c.via[k].node == n {
			c.via[k].voters++
			return
		}
	}
	c.via = append(c.via, via{n, 1})
}

// reckon sums how many of those one step below a silent candidate are hit: one that is ill counts fully, one that is silent by the
// share of what depends on it that is ill. So nodes that say nothing can stand for their pods, and a zone for its nodes.
func (d *diagnosis) reckon(c *candidate, ill map[topology.Node]*member) {
	for _, v := range c.via {
		if ill[v.node] != nil {
			c.direct++
			continue
		}
		dependents, parts := d.engine.graph.Dependents(v.node)
		c.direct += min(d.scaled(int(v.voters))/float64(max(dependents, parts, 1)), 1)
	}
}

// around counts those one step below a silent candidate that are hit, for people.
func (d *diagnosis) around(c *candidate) int { return int(c.direct*d.scaled(1) + 0.5) }

// scaled is how many members some voters stand for.
func (d *diagnosis) scaled(voters int) float64 {
	return float64(voters*len(d.members)) / float64(max(len(d.voters), 1))
}

// prolong lets candidates explain what those that they explain explain in turn: trouble that is seen on the way travels on
// without a guess. Cones end after some steps and count unseen ones against a path; chains of ill entities do not.
func (d *diagnosis) prolong() {
	if len(d.voters) < 2 || len(d.voters) > prolongVoters {
		return // one alone, as most incidents have, leads nothing on
	}
	// What the members explain themselves, before any of it is prolonged.
	steps := make([][]hit, len(d.voters))
	for v, k := range d.voters {
		if c := d.candidates[d.members[k].node]; c != nil {
			from := len(d.desk.steps)
			d.desk.steps = append(d.desk.steps, c.hits...)
			steps[v] = d.desk.steps[from:len(d.desk.steps):len(d.desk.steps)]
		}
	}
	best, over := make([]float32, len(d.voters)), make([]int32, len(d.voters))
	var queue []int32
	for _, c := range d.ranked {
		if len(c.hits) < 2 && c.own == nil {
			continue
		}
		clear(best)
		queue = queue[:0]
		for _, h := range c.hits {
			best[h.voter], over[h.voter] = h.weight, -1
			queue = append(queue, h.voter)
		}
		for k := 0; k < len(queue) && k < prolongSteps; k++ {
			from := queue[k]
			for _, h := range steps[from] {
				if w := best[from] * h.weight; h.voter != from && w > best[h.voter] && w >= prolongWeight {
					best[h.voter], over[h.voter] = w, from
					queue = append(queue, h.voter)
				}
			}
		}
		d.shortened = d.shortened || len(queue) > prolongSteps
		d.rehit(c, best, over)
	}
}

const (
	// prolongVoters bounds the incidents whose chains are followed, prolongSteps the work for one candidate, and prolongWeight how weak
	// a chain may get.
	prolongVoters = 128
	prolongSteps  = 1024
	prolongWeight = 0.05
)

// rehit sets the weights with which a candidate explains the voters, 0 is not at all, and over which others.
func (d *diagnosis) rehit(c *candidate, weights []float32, over []int32) {
	c.hits = c.hits[:0]
	for v, w := range weights {
		if w == 0 {
			continue
		}
		m := &d.members[d.voters[v]]
		h := hit{voter: int32(v), over: over[v], weight: w, timing: 1}
		if c.own != nil && c.own != m {
			h.timing = d.engine.explaining(c.own.span, m.span)
		}
		c.hits = append(c.hits, h)
	}
}

// explainAway leaves to silent candidates only what no ill one explains: an entity without a symptom is not needed as the cause of
// trouble whose cause is seen. A cause that the silent one would explain itself takes nothing from it.
func (d *diagnosis) explainAway() {
	if len(d.voters) < 2 {
		return // what is ill beside it would be a voter
	}
	voter := make(map[topology.Node]int32, len(d.voters))
	for v, k := range d.voters {
		voter[d.members[k].node] = int32(v)
	}
	under, away := make([]bool, len(d.voters)), make([]float32, len(d.voters))
	for _, c := range d.ranked {
		if c.own != nil {
			continue
		}
		clear(under)
		clear(away)
		for _, h := range c.hits {
			under[h.voter] = float64(h.weight) >= d.engine.tuning.ExplainsShare
		}
		for _, x := range d.ranked {
			at, votes := voter[x.node]
			if x.own == nil || votes && under[at] {
				continue
			}
			for _, h := range x.hits {
				if !votes || h.voter != at {
					away[h.voter] = max(away[h.voter], h.weight*h.timing)
				}
			}
		}
		for k := range c.hits {
			c.hits[k].weight *= 1 - away[c.hits[k].voter]
		}
	}
}

// weigh computes the score of a candidate alone.
func (e *Engine) weigh(d *diagnosis, c *candidate) {
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

// cover picks roots greedily from candidates that are sorted by their own scores.
func (d *diagnosis) cover(list []*candidate) {
	d.roots = make([]*candidate, 0, rootsMax)
	left := make([]float64, len(d.voters))
	for k := range left {
		left[k] = 1
	}
	for len(d.roots) < rootsMax {
		var best *candidate
		for _, c := range list {
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
