package correlate

import "quell/correlate/topology"

const (
	// prolongVoters is up to how many voters the chains of an incident are followed. Every candidate follows those of every voter that it
	// explains, so the work grows faster than their number.
	prolongVoters = 128
	// prolongSteps bounds the steps that are taken for one candidate, in case there are many chains to each voter.
	prolongSteps = 1024
	// prolongWeight is the least chance that trouble travels a whole chain. Below it a chain adds nothing to a score that people would see.
	prolongWeight = 0.05
)

// lead is the likeliest chain from a candidate to a voter: the chance that trouble travels it, 0 if there is none, and the last voter
// that it passes, -1 if it passes none.
type lead struct {
	weight float32
	over   int32
}

// prolong lets candidates explain what the trouble that they explain explains in turn. Trouble that is seen on the way travels on without
// a guess: while cones end after a few steps and count unseen entities against a path, chains of ill entities do neither.
//
// If db explains cart with 0.8, and cart explains shop with 0.8, db explains shop with 0.64, though shop's own cone gives db only 0.45, since
// cart might have been well.
func (d *diagnosis) prolong() {
	if len(d.voters) < 2 || len(d.voters) > prolongVoters {
		return // one alone, as most incidents have, leads nothing on
	}
	steps := d.straightSteps()
	leads := make([]lead, len(d.voters))
	var queue []int32
	for _, c := range d.ranked {
		if len(c.hits) < 2 && c.own == nil {
			continue
		}
		clear(leads)
		queue = queue[:0]
		for _, h := range c.hits {
			leads[h.voter] = lead{h.weight, -1}
			queue = append(queue, h.voter)
		}
		queue = follow(leads, queue, steps)
		d.shortened = d.shortened || len(queue) > prolongSteps
		d.rehit(c, leads)
	}
}

// straightSteps lists, for each voter, what it explains as a candidate before anything is prolonged.
func (d *diagnosis) straightSteps() [][]hit {
	steps := make([][]hit, len(d.voters))
	for v, k := range d.voters {
		if c := d.candidates[d.members[k].node]; c != nil {
			from := len(d.desk.steps)
			d.desk.steps = append(d.desk.steps, c.hits...)
			steps[v] = d.desk.steps[from:len(d.desk.steps):len(d.desk.steps)]
		}
	}
	return steps
}

// follow improves leads until no step from a voter makes another one likelier, or prolongSteps were taken, and returns the queue as it is then.
// This is the search of Bellman and Ford with a queue, for the greatest product of chances instead of the least sum of lengths; it ends,
// since no chance is above 1, and so no circle makes a lead likelier.
func follow(leads []lead, queue []int32, steps [][]hit) []int32 {
	for k := 0; k < len(queue) && k < prolongSteps; k++ {
		from := queue[k]
		for _, h := range steps[from] {
			w := leads[from].weight * h.weight
			if h.voter == from || w <= leads[h.voter].weight || w < prolongWeight {
				continue
			}
			leads[h.voter] = lead{w, from}
			queue = append(queue, h.voter)
		}
	}
	return queue
}

// rehit makes the leads that a candidate has the hits that it scores by.
func (d *diagnosis) rehit(c *candidate, leads []lead) {
	c.hits = c.hits[:0]
	for v, l := range leads {
		if l.weight == 0 {
			continue
		}
		m := &d.members[d.voters[v]]
		h := hit{voter: int32(v), over: l.over, weight: l.weight, timing: 1}
		if c.own != nil && c.own != m {
			h.timing = d.engine.explaining(c.own.span, m.span)
		}
		c.hits = append(c.hits, h)
	}
}

// explainAway leaves to silent candidates only what no ill one explains: an entity without a symptom is not needed as the cause of
// trouble whose cause is seen. A cause that the silent one would explain itself takes nothing from it: that a crashed pod explains the
// errors of its service does not speak for the node below being well.
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
