package excerpt

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// tolerance is how much times may differ between what happened and its test: a test has no network and no full queues.
const tolerance = 15 * time.Second

// Compare says how incidents that a test of the excerpt made differ from those that there were, a sentence each; none if they do not. A test
// knows nothing of the past by which holds learned, alerts became rare or trouble chronic, so it may.
func (x *Excerpt) Compare(test []*correlate.Incident, scrub *Scrubber) (list []string) {
	used := make(map[correlate.IncidentID]bool)
	for _, was := range x.Incidents {
		if was.Opened.Before(x.From) || len(was.Roots) == 0 {
			continue // its beginning is not in it
		}
		root := was.Roots[0].Entity
		if scrub != nil {
			root = scrub.Entity(root)
		}
		found := nearest(was, test, root, used)
		if found == nil {
			list = append(list, fmt.Sprintf("%s, opened %s, is no incident of its own in the test", was.ID, was.Opened.Format(time.RFC3339)))
			continue
		}
		used[found.ID] = true
		if why := compare(was, found, root); why != "" {
			list = append(list, fmt.Sprintf("%s: %s", was.ID, why))
		}
	}
	return list
}

// nearest is the incident that began at the same time, best with the same root.
func nearest(was *correlate.Incident, test []*correlate.Incident, root topology.Entity, used map[correlate.IncidentID]bool) (best *correlate.Incident) {
	for _, inc := range test {
		if used[inc.ID] || inc.Opened.Sub(was.Opened).Abs() > tolerance || len(inc.Roots) == 0 {
			continue
		}
		if inc.Roots[0].Entity == root {
			return inc
		}
		if best == nil {
			best = inc
		}
	}
	return best
}

func compare(was, is *correlate.Incident, root topology.Entity) string {
	switch {
	case is.Roots[0].Entity != root:
		return fmt.Sprintf("its root was %s and is %s in the test", root, is.Roots[0].Entity)
	case (was.Escalated == nil) != (is.Escalated == nil):
		return fmt.Sprintf("it %s, and in the test it %s", paged(was), paged(is))
	case was.Escalated != nil && was.Escalated.Sub(*is.Escalated).Abs() > tolerance:
		return fmt.Sprintf("it %s, and in the test it %s", paged(was), paged(is))
	case was.Outcome != is.Outcome && was.Closed != nil:
		return fmt.Sprintf("its outcome was %s and is %s in the test", was.Outcome, is.Outcome)
	}
	return ""
}

func paged(inc *correlate.Incident) string {
	switch {
	case inc.Escalated != nil:
		return "paged after " + model.Duration(inc.Escalated.Sub(inc.Opened).Round(time.Second)).String()
	case inc.State.Open():
		return "had paged nobody yet"
	}
	return "paged nobody"
}

// Same reports whether two plays of one excerpt, one with the names of the journal and one with those that s gave, decided the same: the same
// incidents at the same times, with the same roots and members under other names.
func Same(plain, scrubbed []*correlate.Incident, s *Scrubber) bool {
	if len(plain) != len(scrubbed) {
		return false
	}
	for k, a := range plain { // both are in the order in which they were opened
		b := scrubbed[k]
		if !a.Opened.Equal(b.Opened) || !sameTime(a.Escalated, b.Escalated) || !sameTime(a.Closed, b.Closed) || a.Outcome != b.Outcome ||
			a.Alerts != b.Alerts || len(a.Roots) != len(b.Roots) || len(a.Members) != len(b.Members) {
			return false
		}
		if len(a.Roots) > 0 && s.Entity(a.Roots[0].Entity) != b.Roots[0].Entity {
			return false
		}
		members := make(map[topology.Entity]bool, len(b.Members))
		for _, m := range b.Members {
			members[m] = true
		}
		for _, m := range a.Members {
			if !members[s.Entity(m)] {
				return false
			}
		}
	}
	return true
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
