package picture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/english"
)

const (
	// altRunes bounds an alternative text: what reads it aloud reads all of it.
	altRunes = 600
	// altNameRunes bounds one name in it.
	altNameRunes = 80
	// shownKinds is how many kinds of entities are named when they are counted.
	shownKinds = 6
)

// Alt says in words what the drawing of an incident's cascade shows, for those who do not see it: the root cause, how many of which kind
// it reached, the longest way that trouble took, and how it stands. It is one line of printable characters, and empty without a root.
func Alt(inc *correlate.Incident) string {
	if len(inc.Roots) == 0 {
		return ""
	}
	root := inc.Roots[0].Entity
	text := fmt.Sprintf("Cascade of %s: root cause %s", inc.ID, altName(root))
	switch first := firstOn(inc, root); {
	case first != nil:
		text += fmt.Sprintf(" (%s since %s UTC)", cut(Clean(first.Name), altNameRunes, "…"), first.Since.UTC().Format(time.TimeOnly))
	case inc.Roots[0].Silent:
		text += " (no symptom of its own)"
	}
	if reached := Affected(inc); reached != "" {
		text += ", with trouble on " + reached
	}
	if way := longestWay(inc); len(way) > 2 {
		text += "; the longest way is " + strings.Join(way, " → ")
	}
	return cut(text+"; "+Clean(State(inc))+".", altRunes, "…")
}

// Affected counts what an incident reached beside its root, by kind: "34 pods, 1 service". It is empty if that is nothing.
func Affected(inc *correlate.Incident) string {
	kinds, known, rest := make(map[string]int), 0, inc.MemberCount
	for _, m := range inc.Members {
		known++
		if len(inc.Roots) > 0 && m == inc.Roots[0].Entity {
			rest--
			known--
			continue
		}
		kinds[m.Kind()]++
	}
	if len(inc.Roots) > 0 && !inc.Roots[0].Silent && len(inc.Members) < inc.MemberCount && !slices.Contains(inc.Members, inc.Roots[0].Entity) {
		rest-- // it is a member, and one of those that are not listed
	}
	if len(inc.MemberKinds) > 0 {
		kinds = maps.Clone(inc.MemberKinds) // all of them, where some are not listed
		if len(inc.Roots) > 0 && !inc.Roots[0].Silent {
			kinds[inc.Roots[0].Entity.Kind()]--
		}
		maps.DeleteFunc(kinds, func(_ string, n int) bool { return n <= 0 })
	}
	names := sortedKinds(kinds)
	var parts []string
	for _, kind := range names[:min(len(names), shownKinds)] {
		parts = append(parts, english.Count(kinds[kind], cut(Clean(kind), altNameRunes, "…")))
		rest -= kinds[kind]
	}
	switch {
	case rest > 0 && known == 0:
		return fmt.Sprintf("%d %s", rest, entities(rest))
	case rest > 0:
		parts = append(parts, fmt.Sprintf("%d more %s", rest, entities(rest)))
	}
	return strings.Join(parts, ", ")
}

// firstOn is the symptom of an entity that began first, nil if it has none that is shown.
func firstOn(inc *correlate.Incident, entity topology.Entity) (first *correlate.SymptomView) {
	for k := range inc.Symptoms {
		if s := &inc.Symptoms[k]; s.Entity == entity && (first == nil || s.Since.Before(first.Since)) {
			first = s
		}
	}
	return first
}

// longestWay is the longest path to a symptom, from the root; nil if there is none.
func longestWay(inc *correlate.Incident) []string {
	var longest []correlate.PathStep
	for k := range inc.Symptoms {
		if p := inc.Symptoms[k].Path; len(p) > len(longest) {
			longest = p
		}
	}
	way := make([]string, 0, len(longest))
	for _, step := range slices.Backward(longest) {
		way = append(way, altName(step.Entity))
	}
	return way
}

func altName(e topology.Entity) string { return cut(Clean(string(e)), altNameRunes, "…") }

// sortedKinds orders kinds by how many there are of them.
func sortedKinds(kinds map[string]int) []string {
	names := make([]string, 0, len(kinds))
	for k := range kinds {
		names = append(names, k)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b)) })
	return names
}
