package digest

import (
	"cmp"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// Class is a kind of trouble that healed by itself: the same alert on roots of the same kind.
type Class struct {
	Class string `json:"class"`
	Count int    `json:"count"`
	// Times to heal: the middle, the one that nine of ten did not exceed, and the longest.
	MedianSeconds  float64 `json:"median_seconds"`
	P90Seconds     float64 `json:"p90_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
	// Roots are the most frequent roots; MoreRoots counts the other entities that were one.
	Roots     []RootCount `json:"roots"`
	MoreRoots int         `json:"more_roots"`
	// Cause says why the first root of Example was thought to be the cause. Possibly empty.
	Cause string `json:"cause,omitempty"`
	// HealedBy is what healed Example, by the evidence that there is; empty if nobody looked. Unexplained counts the incidents of the class
	// of which nothing shows what healed them.
	HealedBy    string `json:"healed_by,omitempty"`
	Unexplained int    `json:"unexplained"`
	// Example is the incident that took longest.
	Example Reference `json:"example"`
}

// RootCount is an entity and how many incidents of a class it was the root of.
type RootCount struct {
	Entity string `json:"entity"`
	Count  int    `json:"count"`
}

// Others sums up the classes that have no line of their own.
type Others struct {
	Incidents int `json:"incidents"`
	Classes   int `json:"classes"`
}

// classes sorts out what healed, and names every class or counts it in others. Every order has a last criterion that
// cannot tie, since maps and callers have none.
func classes(healed map[string][]spell, externalURL string) (list []Class, others Others) {
	type named struct {
		key string
		Class
	}
	all := make([]named, 0, len(healed))
	for key, spells := range healed {
		all = append(all, named{key, newClass(spells, externalURL)})
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.LongestSeconds, a.LongestSeconds), cmp.Compare(a.key, b.key))
	})
	shown, left := cut(all)
	others.Classes = left
	for _, c := range all[len(shown):] {
		others.Incidents += c.Count
	}
	list = make([]Class, len(shown))
	for n, c := range shown {
		list[n] = c.Class
	}
	return list, others
}

// newClass sums up incidents of one class, of which there is at least one.
func newClass(spells []spell, externalURL string) Class {
	times := make([]time.Duration, len(spells))
	roots := make(map[topology.Entity]int)
	longest, unexplained := spells[0], 0
	for n, s := range spells {
		times[n] = s.lasted
		if s.HealedBy != nil && s.HealedBy.What == correlate.Unexplained {
			unexplained++
		}
		if len(s.Roots) > 0 {
			roots[s.Roots[0].Entity]++
		}
		if s.lasted > longest.lasted || s.lasted == longest.lasted && s.ID < longest.ID {
			longest = s
		}
	}
	slices.Sort(times)
	c := Class{
		Class: cmp.Or(line(longest.Class, maxNameRunes), "without class"), Count: len(spells),
		MedianSeconds: median(times).Seconds(), P90Seconds: p90(times).Seconds(), LongestSeconds: longest.lasted.Seconds(),
		Unexplained: unexplained, Example: reference(longest.Incident, externalURL),
	}
	if longest.HealedBy != nil {
		c.HealedBy = cmp.Or(line(longest.HealedBy.String(), maxReasonRunes), correlate.Unexplained)
	}
	c.Roots, c.MoreRoots = mostFrequent(roots)
	if len(longest.Roots) > 0 {
		c.Cause = line(longest.Roots[0].Why, maxReasonRunes)
	}
	return c
}

// mostFrequent names the entities with the highest counts, and counts the others.
func mostFrequent(counts map[topology.Entity]int) (list []RootCount, others int) {
	entities := make([]topology.Entity, 0, len(counts))
	for e := range counts {
		entities = append(entities, e)
	}
	slices.SortFunc(entities, func(a, b topology.Entity) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	shown := entities[:min(len(entities), maxRoots)]
	list = make([]RootCount, len(shown))
	for n, e := range shown {
		list[n] = RootCount{cmp.Or(line(string(e), maxNameRunes), "?"), counts[e]}
	}
	return list, len(entities) - len(shown)
}

// median of sorted durations, of which there is at least one. Of an even number it is the mean of the two in the middle.
func median(sorted []time.Duration) time.Duration {
	low, high := sorted[(len(sorted)-1)/2], sorted[len(sorted)/2]
	return low + (high-low)/2
}

// p90 is the smallest of the sorted durations that at least nine of ten do not exceed (the nearest rank), so it is one
// that really happened. There is at least one.
func p90(sorted []time.Duration) time.Duration {
	return sorted[(len(sorted)*9+9)/10-1]
}
