package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"quell/correlate/topology"
)

// verdict is how quell did at one fault that showed.
type verdict struct {
	kind   faultKind
	alerts bool // the true root had a symptom of its own
	// rank is that of the true root in the incident that has most of the fault's symptoms, roots of other faults in there not counted;
	// 0 if it is not among the candidates.
	rank   int
	parts  int    // incidents that have a symptom of it
	glued  bool   // its incident has symptoms of a fault that reached nothing that this one reached
	heals  bool   // within a hold's time, to the last symptom
	paged  bool   // its incident was, and all that is in there healed in time
	missed bool   // it did not heal, showed for longer than a hold, and nobody knows
	story  string // what it was and what quell said
}

// judge says how quell did at each fault of which it heard. What information tells does not count.
func (s *stage) judge(faults []*fault) []verdict {
	var list []verdict
	homes := make(map[int]map[IncidentID]int) // by fault: symptoms by incident, merges followed
	mates := make(map[IncidentID][]*fault)    // by incident: the faults that it has symptoms of
	for _, f := range faults {
		homes[f.number] = make(map[IncidentID]int)
		for id, symptoms := range s.joined[f.number] {
			homes[f.number][s.ledger.final(id)] += len(symptoms)
		}
		for id := range homes[f.number] {
			mates[id] = append(mates[id], f)
		}
	}
	for _, f := range faults {
		if len(homes[f.number]) == 0 {
			continue
		}
		home := slices.MaxFunc(slices.Sorted(maps.Keys(homes[f.number])), func(a, b IncidentID) int {
			return cmp.Or(cmp.Compare(homes[f.number][a], homes[f.number][b]), cmp.Compare(b, a))
		})
		a := s.ledger.life[home]
		v := s.reckon(f)
		v.parts, v.glued = len(homes[f.number]), slices.ContainsFunc(mates[home], f.apartFrom)
		v.rank = f.rank(a.roots, mates[home])
		v.story = fmt.Sprintf("fault %d, %s of %s, with %v: %s says", f.number, f.kind, f.root, numbers(mates[home]), home)
		for _, r := range a.roots[:min(len(a.roots), 3)] {
			v.story += fmt.Sprintf(" %s (%.3f)", r.Entity, r.Score)
		}
		v.paged = a.everPaged && !slices.ContainsFunc(mates[home], func(m *fault) bool { return !s.reckon(m).heals })
		list = append(list, v)
	}
	return list
}

// rank is how many roots that explain no fault come before the one that explains f, and one; 0 if f has none.
func (f *fault) rank(roots []Root, mates []*fault) int {
	rank := 1
	for _, r := range roots {
		if f.is(r.Entity) {
			return rank
		}
		if !slices.ContainsFunc(mates, func(m *fault) bool { return m.is(r.Entity) }) {
			rank++
		}
	}
	return 0
}

// apartFrom reports whether two faults reached nothing in common.
func (f *fault) apartFrom(other *fault) bool {
	return !slices.ContainsFunc(f.victims, func(e topology.Entity) bool { return slices.Contains(other.victims, e) })
}

// reckon asks the model what a fault's symptoms did.
func (s *stage) reckon(f *fault) verdict {
	v := verdict{kind: f.kind, alerts: slices.ContainsFunc(sortedEntities(s.shown[f.number]), f.is), heals: f.heals() && f.times[len(f.times)-1].to-f.times[0].from < s.policy.Hold-time.Minute}
	for _, num := range s.engine.symptoms.numbers() {
		k := s.engine.symptoms.get(num)
		m := s.model.symptoms[s.nameOf(k)]
		if m == nil || !m.faults[f.number] || !m.counts {
			continue
		}
		if m.condition != conditionActive {
			continue
		}
		v.heals = false
		a := s.ledger.life[k.incident]
		known := k.incident == 0 || a.paged || a.acked || a.byHand
		v.missed = v.missed || !f.heals() && !known && s.now.Sub(m.since) > m.hold
	}
	return v
}

// quality sums verdicts up.
type quality struct {
	faults, alerting, first, firstAlerting, three, glued, parts, healed, healedPaged, missed, pages int
}

func (q *quality) add(v verdict) {
	q.faults++
	q.parts += v.parts
	q.glued += b2i(v.glued)
	q.missed += b2i(v.missed)
	q.first += b2i(v.rank == 1)
	q.three += b2i(v.rank >= 1 && v.rank <= 3)
	if v.alerts {
		q.alerting++
		q.firstAlerting += b2i(v.rank == 1)
	}
	if v.heals {
		q.healed++
		q.healedPaged += b2i(v.paged)
	}
}

// share is part of whole, and 1 of nothing.
func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// report puts verdicts into a table, by kind of fault. Blips are counted for what they page, and have no root to find.
func report(worlds []*stage) (total quality, table string) {
	kinds := make(map[faultKind]*quality)
	for _, s := range worlds {
		total.pages += s.pages
		for _, v := range s.verdicts {
			if kinds[v.kind] == nil {
				kinds[v.kind] = &quality{}
			}
			kinds[v.kind].add(v)
			if v.kind != blip {
				total.add(v)
			}
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%-16s %6s %6s %6s %12s %10s %6s %8s %8s %6s\n",
		"fault", "shown", "top1", "top3", "root alerts", "top1 then", "parts", "glued", "healed", "paged")
	row := func(name string, q *quality) {
		fmt.Fprintf(&out, "%-16s %6d %6.2f %6.2f %12d %10.2f %6.2f %8d %8d %6d\n", name, q.faults, share(q.first, q.faults),
			share(q.three, q.faults), q.alerting, share(q.firstAlerting, q.alerting), share(q.parts, q.faults), q.glued, q.healed, q.healedPaged)
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		row(string(kind), kinds[kind])
	}
	row("all but blips", &total)
	fmt.Fprintf(&out, "pages for each fault that showed: %.2f; unhealed and never paged: %d", share(total.pages, total.faults), total.missed)
	return total, out.String()
}

// misses lists the faults whose root is not the first that quell names.
func misses(worlds []*stage) string {
	var out strings.Builder
	for _, s := range worlds {
		for _, v := range s.verdicts {
			if v.rank != 1 && v.kind != blip {
				fmt.Fprintf(&out, "world %d, %s\n", s.seed, v.story)
			}
		}
	}
	return out.String()
}

// floor is what the engine must reach over the fixed worlds. They tell when a change makes something much worse; how good the engine
// is, only recorded incidents can tell.
var floor = struct{ first, firstAlerting, three, pages, healedPaged float64 }{first: 0.68, firstAlerting: 0.73, three: 0.84, pages: 1.13, healedPaged: 0.08}

// checkQuality prints the report and compares it with the floor, unless too few worlds were played for that.
func checkQuality(t *testing.T, worlds []*stage) {
	t.Helper()
	if len(worlds) < fixedWorlds*9/10 {
		return
	}
	q, table := report(worlds)
	t.Logf("over %d worlds:\n%s\nwrong:\n%s", len(worlds), table, misses(worlds))
	atLeast := func(what string, got, bound float64) {
		if got < bound {
			t.Errorf("%s: got %.2f, want at least %.2f", what, got, bound)
		}
	}
	atMost := func(what string, got, bound float64) {
		if got > bound {
			t.Errorf("%s: got %.2f, want at most %.2f", what, got, bound)
		}
	}
	atLeast("faults whose root is first", share(q.first, q.faults), floor.first)
	atLeast("faults whose root alerts and is first", share(q.firstAlerting, q.alerting), floor.firstAlerting)
	atLeast("faults whose root is among the first three", share(q.three, q.faults), floor.three)
	atMost("pages for each fault", share(q.pages, q.faults), floor.pages)
	atMost("faults that healed in time and were paged", share(q.healedPaged, max(q.healed, 1)), floor.healedPaged)
	atMost("faults that did not heal and were never paged", float64(q.missed), 0)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
