package routing

import (
	"maps"
	"slices"
	"strings"

	"quell/correlate"
)

// rerouted has what is under way follow a configuration that has just come into force. Who was told stays told; what waits for hours waits for
// those of now, and what nobody configures any more is not waited for.
func (s *step) rerouted() {
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		e := s.byID[id]
		idle := func(c *climb) bool { return c.At.IsZero() }
		if len(e.Waiting) == 0 && !slices.ContainsFunc(e.Climbs, func(c *climb) bool { return !idle(c) }) {
			continue
		}
		inc := s.incident(id)
		if inc == nil {
			continue
		}
		for _, c := range slices.DeleteFunc(slices.Clone(e.Climbs), idle) {
			s.reroute(e, c, inc)
		}
		for k := range e.Waiting {
			if w := &e.Waiting[k]; !s.router.config.knows(w.Hours) {
				w.Hours, w.At = Hours{}, s.now
			}
		}
		s.changed(id)
	}
}

// reroute gives a climb that goes on the hours of its route as it is now. If it waits for hours, and would not for the same time, it is looked
// at anew at once.
func (s *step) reroute(e *escalation, c *climb, inc *correlate.Incident) {
	matches := s.router.config.Route.Match(Labels(inc))
	k := slices.IndexFunc(matches, func(m Match) bool {
		return m.Escalation == c.Policy && (c.Policy != "" || m.Receiver == c.Receiver)
	})
	switch {
	case k >= 0:
		c.Hours, c.Route = matches[k].Hours, matches[k].where()
	case !s.router.config.knows(c.Hours):
		s.rematch(e, c, telling{incident: inc, why: "the hours that it waited for are not configured any more"})
		return
	}
	if p, ok := s.router.follows(c.Policy, c.Receiver); c.Waits && (!ok || !c.At.Equal(s.begins(c, p))) {
		c.At = s.now
	}
}

// knows reports whether all intervals that hours name are configured. Those that are not would never begin.
func (c *Config) knows(h Hours) bool {
	return !slices.ContainsFunc(slices.Concat(h.Active, h.Mute), func(name string) bool {
		_, known := c.TimeIntervals[name]
		return !known
	})
}

// whom names what a step is, for as long as its policy has it: whom it tells, and how.
func (p *Step) whom() string {
	if p.Notice {
		return "tells " + strings.Join(p.Receivers, ", ")
	}
	return "pages " + strings.Join(p.Receivers, ", ")
}

// resume finds out which step is next in a policy that may have other steps by now: the one behind that which was taken last, wherever that
// stands, or, if it is gone, the one that stands in its place.
func (c *climb) resume(p *Policy) {
	if c.Last == "" {
		return
	}
	stood := c.Next - 1
	for d := range max(len(p.Steps), c.Next) {
		for _, k := range []int{stood - d, stood + d} {
			if k >= 0 && k < len(p.Steps) && p.Steps[k].whom() == c.Last {
				c.Next = k + 1
				return
			}
		}
	}
	c.Next, c.Last = stood, ""
}
