// Package cases turns what operators said into labelled incidents: for each incident whose root somebody named, a recording of what quell
// was told around that time, the topology as it was known then, and the truth. The evaluation reads folders of these, so that rules and
// weights can be judged by what happened in one's own systems.
package cases

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// Case is one labelled incident.
type Case struct {
	// Name is the incident's written id.
	Name string
	// Begin and End are the time that its recording covers.
	Begin, End time.Time
	Truth      Truth
}

// Truth is what is known of a case, in the notation of the evaluation's truth.json.
type Truth struct {
	// Roots is the root that was named last; empty if somebody knows only what it was not.
	Roots []topology.Entity `json:"root_entities"`
	// RootKind is the kind of the root.
	RootKind string `json:"root_kind,omitempty"`
	// NotRoots are entities that somebody said were not it.
	NotRoots []topology.Entity `json:"not_root_entities,omitempty"`
	// Affected are the entities that had symptoms in the incident.
	Affected []topology.Entity `json:"affected"`
	Meta     Meta              `json:"meta"`
}

// Meta is for people who look at a case.
type Meta struct {
	Title string `json:"title"`
	Class string `json:"class"`
	// Quell is what quell took for the root in the end.
	Quell topology.Entity `json:"quell,omitempty"`
	// Opened and Closed are those of the life of the incident that somebody spoke of.
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed"`
	// Said is all that was said.
	Said []string `json:"said"`
}

// settle is how long after the end of an incident its recording goes on: a replay sees that it stayed over.
const settle = time.Minute

// Of makes a case of an incident, whose recording begins so long before it. ok is false while it lasts, or if nobody said anything of its root.
func Of(inc *correlate.Incident, before time.Duration) (c Case, ok bool) {
	c = Case{Name: inc.ID.String(), Truth: Truth{Roots: []topology.Entity{}, Affected: inc.Members}}
	about := 0
	for _, s := range inc.Feedback {
		if s.Root == "" && s.NotRoot == "" {
			continue
		}
		about = s.Generation
		if s.Root != "" {
			c.Truth.Roots, c.Truth.RootKind = []topology.Entity{s.Root}, s.Root.Kind()
		}
		if s.NotRoot != "" {
			c.Truth.NotRoots = append(c.Truth.NotRoots, s.NotRoot)
		}
		c.Truth.Meta.Said = append(c.Truth.Meta.Said, s.String())
	}
	if len(c.Truth.Meta.Said) == 0 || inc.Closed == nil || inc.State == correlate.Merged {
		return Case{}, false
	}
	slices.Sort(c.Truth.NotRoots)
	c.Truth.NotRoots = slices.DeleteFunc(slices.Compact(c.Truth.NotRoots), func(e topology.Entity) bool { return slices.Contains(c.Truth.Roots, e) })
	opened, closed := inc.Opened, *inc.Closed
	for _, g := range inc.Generations {
		if g.Number == about && !g.Closed.IsZero() {
			opened, closed = g.Opened, g.Closed
		}
	}
	c.Begin, c.End = opened.Add(-before), closed.Add(settle)
	m := &c.Truth.Meta
	m.Title, m.Class, m.Opened, m.Closed = inc.Title, inc.Class, opened.UTC(), closed.UTC()
	if len(inc.Roots) > 0 {
		m.Quell = inc.Roots[0].Entity
	}
	return c, true
}

// Sort puts cases in order of their beginnings.
func Sort(list []Case) {
	slices.SortFunc(list, func(a, b Case) int { return cmp.Or(a.Begin.Compare(b.Begin), strings.Compare(a.Name, b.Name)) })
}
