package rules

import (
	"slices"

	"quell/correlate"
)

// eventRule says what certain events mean.
type eventRule struct {
	head                       *head
	reasons, kinds, components []string // empty: any
	when                       *expression
	meaning                    correlate.EventMeaning
}

func (r *eventRule) matches(e *correlate.Event) bool {
	return !r.head.out && (len(r.reasons) == 0 || slices.Contains(r.reasons, e.Reason)) &&
		(len(r.kinds) == 0 || slices.Contains(r.kinds, e.Entity.Kind())) &&
		(len(r.components) == 0 || slices.Contains(r.components, e.Component)) &&
		(r.when == nil || r.when.holds(&question{event: e}))
}

// eventTable holds event rules in order of precedence, found by what they say of events.
type eventTable struct {
	rows  []eventRule
	index Index
}

func (t *eventTable) add(r eventRule) {
	t.rows = append(t.rows, r)
	var needs []need
	for _, n := range []need{{label: "reason", values: r.reasons}, {label: "component", values: r.components}, {label: "kind", values: r.kinds}} {
		if len(n.values) > 0 {
			needs = append(needs, n)
		}
	}
	t.index.add(needs)
}

func (t *eventTable) meaning(e *correlate.Event) (correlate.EventMeaning, bool) {
	var c candidates
	c.take(t.index.rest)
	t.index.narrow(&c, "reason", e.Reason)
	t.index.narrow(&c, "component", e.Component)
	t.index.narrow(&c, "kind", e.Entity.Kind())
	for i, ok := c.next(); ok; i, ok = c.next() {
		if r := &t.rows[i]; r.matches(e) {
			r.head.used()
			return r.meaning, true
		}
	}
	return correlate.EventMeaning{}, false
}
