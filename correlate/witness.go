package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"quell/correlate/topology"
)

// symptoms explains limit symptoms of the incident, 0 for all: those by which entities speak first, then the others; oldest first.
func (q *inquiry) symptoms(limit int) []ExplainedSymptom {
	nums := q.chosen(limit)
	list := make([]ExplainedSymptom, 0, len(nums))
	entities := make(map[topology.Node]*ExplainedSymptom)
	for _, num := range nums {
		s, heard := q.symptom(num)
		if entities[s.node] == nil {
			entities[s.node] = q.entity(s.node)
		}
		v := *entities[s.node]
		v.Name, v.Aspect, v.State = s.name, s.aspect, conditionNames[q.engine.symptoms.get(num).condition]
		v.Strength, v.Rules = q.strength(&s), q.engine.rulings(&s)
		switch m := q.voice(s.node); {
		case !heard:
			v.Counts, v.Note = 0, "began after the ranking"
		case m != nil && m.voice != num:
			v.Counts, v.Note = 0, "its entity speaks by "+m.name
		}
		list = append(list, v)
	}
	return list
}

// chosen picks symptoms by their numbers.
func (q *inquiry) chosen(limit int) []uint64 {
	all := q.incident.sorted()
	if limit <= 0 || limit >= len(all) {
		return all
	}
	nums := make([]uint64, 0, limit)
	for k := 0; k < len(q.d.members) && len(nums) < limit; k++ {
		nums = append(nums, q.d.members[k].voice)
	}
	slices.Sort(nums)
	voices := nums
	for k := 0; len(nums) < limit; k++ {
		if _, voice := slices.BinarySearch(voices, all[k]); !voice {
			nums = append(nums, all[k])
		}
	}
	slices.Sort(nums)
	return nums
}

// voice is an entity's member if it had a voice in the ranking.
func (q *inquiry) voice(n topology.Node) *member {
	v, ok := q.voters[n]
	if !ok {
		return nil
	}
	return &q.d.members[q.d.voters[v]]
}

func (q *inquiry) strength(s *symptom) Strength {
	severity, event := q.engine.weight(s)
	return Strength{
		Value: milli(q.engine.strength(s)), Severity: severity, Of: s.severity, Event: event,
		Rarity: milli(q.engine.rarity(s)), Spells: milli(q.engine.spellsBefore(s)),
	}
}

// entity explains what all symptoms of an entity share.
func (q *inquiry) entity(n topology.Node) *ExplainedSymptom {
	v := &ExplainedSymptom{Entity: q.engine.graph.Entity(n), Timing: 1, Unclaimed: 1}
	m := q.voice(n)
	if m == nil {
		links := q.d.straight(n, q.root.node)
		if n == q.root.node || len(links) > 0 {
			v.Chain, v.Weight = q.d.steps(n, links), milli(product(links))
		}
		v.Note = fmt.Sprintf("had no voice in the ranking, as %d of %d entities had", len(q.d.voters), len(q.d.members))
		return v
	}
	v.Others = q.others(n)
	h := q.d.hitOf(q.root, q.voters[n])
	if h == nil {
		v.Note = q.unexplained(n, v.Others)
		return v
	}
	links := q.d.chain(q.root, *h)
	weight := float64(h.weight)
	if way := product(links); q.root.own == nil && way > 0 {
		v.Unclaimed = milli(min(weight/way, 1))
		v.Weight = milli(way)
	} else {
		v.Weight = milli(weight)
	}
	v.Chain, v.Timing = q.d.steps(n, links), milli(float64(h.timing))
	v.Counts = milli(m.strength * weight * float64(h.timing))
	if q.root.own != nil && q.root.own != m {
		v.TimingWhy = effectSays(q.engine.misfits(q.root.own.span, m.span))
	}
	return v
}

// effectSays puts in words what is wrong with the times of the cause.
func effectSays(list []misfit) string {
	texts := make([]string, len(list))
	for k, f := range list {
		texts[k] = fmt.Sprintf(effectWords[f.kind], round(f.by))
	}
	return strings.Join(texts, ", ")
}

// others lists the runners-up that explain an entity, best first; that it explains itself is no news.
func (q *inquiry) others(n topology.Node) []OtherRoot {
	return q.explaining(n, q.rivals)
}

func (q *inquiry) explaining(n topology.Node, list []*candidate) []OtherRoot {
	var others []OtherRoot
	for _, c := range list {
		h := q.d.hitOf(c, q.voters[n])
		if h == nil || c.node == n {
			continue
		}
		if w := milli(float64(h.weight * h.timing)); w > 0 {
			others = append(others, OtherRoot{q.engine.graph.Entity(c.node), w})
		}
	}
	slices.SortStableFunc(others, func(a, b OtherRoot) int { return cmp.Compare(b.Explains, a.Explains) })
	return others
}

// unexplained says of an entity that the root does not explain who does.
func (q *inquiry) unexplained(n topology.Node, others []OtherRoot) string {
	if len(others) == 0 {
		others = q.explaining(n, q.d.roots)
	}
	if len(others) == 0 {
		return "nothing known explains it"
	}
	return fmt.Sprintf("the root does not explain it, %s does (%.2f)", others[0].Entity, others[0].Explains)
}

// product is the weight of a chain.
func product(links []chainLink) float64 {
	w := 1.0
	for _, l := range links {
		w *= float64(l.weight)
	}
	return w
}
