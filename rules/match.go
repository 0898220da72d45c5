package rules

import (
	"iter"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
)

// Matches reports whether a label set fulfils all matchers; a label that is missing counts as empty. No matchers match
// everything.
func Matches(ms labels.Matchers, l correlate.Labels) bool {
	for _, m := range ms {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// table holds rules in order of precedence. Most rules name the alerts that they are for, so they are found by
// alertname; only the others are tried on every alert. Its zero value is empty.
type table[T any] struct {
	rows   []row[T]
	byName map[string][]int // ascending row numbers
	rest   []int            // rows that say nothing certain about alertname
}

type row[T any] struct {
	matchers labels.Matchers
	value    T
}

func (t *table[T]) add(ms labels.Matchers, value T) {
	i := len(t.rows)
	t.rows = append(t.rows, row[T]{ms, value})
	names := alertNames(ms)
	if names == nil {
		t.rest = append(t.rest, i)
		return
	}
	if t.byName == nil {
		t.byName = make(map[string][]int)
	}
	for _, n := range names {
		if rows := t.byName[n]; len(rows) == 0 || rows[len(rows)-1] != i {
			t.byName[n] = append(rows, i)
		}
	}
}

// matching yields the values of the rows that match, in order of precedence.
func (t *table[T]) matching(l correlate.Labels) iter.Seq[T] {
	return func(yield func(T) bool) {
		named, rest := t.byName[l.Get("alertname")], t.rest
		for len(named)+len(rest) > 0 {
			var i int
			if len(rest) == 0 || len(named) > 0 && named[0] < rest[0] {
				i, named = named[0], named[1:]
			} else {
				i, rest = rest[0], rest[1:]
			}
			if Matches(t.rows[i].matchers, l) && !yield(t.rows[i].value) {
				return
			}
		}
	}
}

// alertNames returns the only alert names that matchers can match, or nil if that is not plain to see.
func alertNames(ms labels.Matchers) []string {
	for _, m := range ms {
		if m.Name != "alertname" || m.Value == "" {
			continue
		}
		switch {
		case m.Type == labels.MatchEqual:
			return []string{m.Value}
		case m.Type == labels.MatchRegexp && isAlternatives(m.Value):
			return strings.Split(m.Value, "|")
		}
	}
	return nil
}

// isAlternatives reports whether a regular expression is nothing but words with | between them.
func isAlternatives(re string) bool {
	for _, r := range re {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == ':', r == '-', r == ' ', r == '|':
		default:
			return false
		}
	}
	return true
}
