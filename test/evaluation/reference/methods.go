package main

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
)

// method ranks the candidates for the root of an incident, the best first. Members are its entities, numbered by when their first
// symptom came; those of one moment share a number.
type method func(g *graph, members map[string]int) []string

func methods(seed uint64) map[string]method {
	return map[string]method{
		"first":    first,
		"deepest":  deepest,
		"hitcov":   hitCoverage,
		"pagerank": pageRank,
		"random":   func(_ *graph, members map[string]int) []string { return random(seed, members) },
	}
}

// first takes the first symptom for the cause; of several at a time the lowest id.
func first(_ *graph, members map[string]int) []string {
	return slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		return cmp.Or(cmp.Compare(members[a], members[b]), cmp.Compare(a, b))
	})
}

// deepest prefers members none of whose dependencies is a member, then those with most members that depend on them, then the
// earliest. Members of a cycle do not stand above each other.
func deepest(g *graph, members map[string]int) []string {
	type depth struct{ blocked, dependents int }
	depths := make(map[string]depth)
	for m := range members {
		var d depth
		for other := range members {
			switch below, above := g.dependencies(m)[other], g.dependencies(other)[m]; {
			case other == m:
			case below && !above:
				d.blocked = 1
			case above:
				d.dependents++
			}
		}
		depths[m] = d
	}
	return slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		return cmp.Or(cmp.Compare(depths[a].blocked, depths[b].blocked), cmp.Compare(depths[b].dependents, depths[a].dependents),
			cmp.Compare(members[a], members[b]), cmp.Compare(a, b))
	})
}

// hitCoverage scores every entity of the topology, alerting or not: the share of its dependents that are members, times the share
// of the members that depend on it, times 1.5 if it is a member. Both count it among its own dependents. After SCORE (Kompella
// et al., NSDI 2005).
func hitCoverage(g *graph, members map[string]int) []string {
	return ranked(g.candidates(members), func(e string) float64 {
		hits, dependents := 0, g.dependents(e)
		for m := range members {
			if dependents[m] {
				hits++
			}
		}
		score := float64(hits) / float64(len(dependents)) * float64(hits) / float64(len(members))
		if _, ill := members[e]; ill {
			score *= 1.5
		}
		return score
	})
}

// pageRank walks at random from the members to what they depend on, and starts anew at a member with probability 0.15, or where
// nothing follows. As in MonitorRank (Kim et al., SIGMETRICS 2013) and its successors, but without metrics to weigh edges.
func pageRank(g *graph, members map[string]int) []string {
	const restart, rounds = 0.15, 50
	all := g.candidates(members)
	start := 1 / float64(len(members))
	rank := make(map[string]float64)
	for m := range members {
		rank[m] = start
	}
	for range rounds {
		next, again := make(map[string]float64), 0.0
		for _, e := range all {
			follow := g.down.next[e]
			if len(follow) == 0 {
				again += rank[e]
				continue
			}
			again += restart * rank[e]
			for _, d := range follow {
				next[d] += (1 - restart) * rank[e] / float64(len(follow))
			}
		}
		for m := range members {
			next[m] += again * start
		}
		rank = next
	}
	return ranked(all, func(e string) float64 { return rank[e] })
}

// random throws dice, which depend on the seed and on the incident alone.
func random(seed uint64, members map[string]int) []string {
	list, h := slices.Sorted(maps.Keys(members)), fnv.New64a()
	for _, m := range list {
		_, _ = h.Write([]byte(m)) // never fails
	}
	dice := rand.New(rand.NewPCG(seed, h.Sum64()))
	dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// ranked sorts by descending score. Entities come sorted, and equal ones stay so.
func ranked(entities []string, score func(string) float64) []string {
	scores := make(map[string]float64, len(entities))
	for _, e := range entities {
		scores[e] = score(e)
	}
	slices.SortStableFunc(entities, func(a, b string) int { return cmp.Compare(scores[b], scores[a]) })
	return entities
}
