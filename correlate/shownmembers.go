package correlate

import (
	"maps"
	"slices"

	"quell/correlate/topology"
)

// shownMembers picks the members that a message shows, in order of their ids: of each kind as many as of the others, as far as there are
// that many. By order of ids alone a storm over pods would hide the services that suffer. members are in order of their ids, and are kept as
// they are if there are no more than limit.
func shownMembers(members []topology.Entity, limit int) []topology.Entity {
	if len(members) <= limit {
		return members
	}
	byKind := make(map[string][]topology.Entity)
	for _, e := range members {
		byKind[e.Kind()] = append(byKind[e.Kind()], e)
	}
	kinds := slices.Sorted(maps.Keys(byKind))
	shown := make([]topology.Entity, 0, limit)
	for round := 0; len(shown) < limit; round++ {
		for _, k := range kinds {
			if round < len(byKind[k]) && len(shown) < limit {
				shown = append(shown, byKind[k][round])
			}
		}
	}
	slices.Sort(shown)
	return shown
}

// countKinds counts members by kind.
func countKinds(members []topology.Entity) map[string]int {
	counts := make(map[string]int)
	for _, e := range members {
		counts[e.Kind()]++
	}
	return counts
}
