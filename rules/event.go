package rules

import (
	"slices"

	"quell/correlate"
)

// eventRule says what certain events mean.
type eventRule struct {
	kinds, components []string // empty: any
	meaning           correlate.EventMeaning
}

func (r *eventRule) matches(e *correlate.Event) bool {
	return (len(r.kinds) == 0 || slices.Contains(r.kinds, e.Entity.Kind())) &&
		(len(r.components) == 0 || slices.Contains(r.components, e.Component))
}

// eventTable holds event rules in order of precedence, by reason.
type eventTable struct {
	rows     []eventRule
	byReason map[string][]int
	rest     []int // rules for any reason
}

func (t *eventTable) add(reasons []string, r eventRule) {
	i := len(t.rows)
	t.rows = append(t.rows, r)
	if len(reasons) == 0 {
		t.rest = append(t.rest, i)
		return
	}
	if t.byReason == nil {
		t.byReason = make(map[string][]int)
	}
	for _, reason := range reasons {
		t.byReason[reason] = append(t.byReason[reason], i)
	}
}

func (t *eventTable) meaning(e *correlate.Event) (correlate.EventMeaning, bool) {
	first := len(t.rows)
	for _, rows := range [][]int{t.byReason[e.Reason], t.rest} {
		for _, i := range rows {
			if i < first && t.rows[i].matches(e) {
				first = i
			}
		}
	}
	if first == len(t.rows) {
		return correlate.EventMeaning{}, false
	}
	return t.rows[first].meaning, true
}
