package rules

import (
	"iter"
	"slices"

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

// table holds rules in order of precedence, found by what they need of labels. Its zero value is empty.
type table[T any] struct {
	rows  []row[T]
	index Index
}

type row[T any] struct {
	head  *head
	side  side
	value T
}

// check is a matcher. Where that is a regular expression of a few whole texts, as most of them are, it looks the value up among these: each match
// took longer than to find the rule.
type check struct {
	*labels.Matcher
	texts []string // sorted
	known bool     // whether texts are all that is matched
}

func checksOf(ms labels.Matchers) []check {
	checks := make([]check, len(ms))
	for i, m := range ms {
		checks[i].Matcher = m
		if m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp {
			checks[i].texts, checks[i].known = wholeTexts(m.Value)
		}
	}
	return checks
}

// Matches reports whether a value is what the matcher asks for.
func (c *check) Matches(value string) bool {
	if !c.known {
		return c.Matcher.Matches(value)
	}
	_, found := slices.BinarySearch(c.texts, value)
	return found == (c.Type == labels.MatchRegexp)
}

// pass is [Matches] for checks.
func pass(checks []check, l correlate.Labels) bool {
	for i := range checks {
		if !checks[i].Matches(l.Get(checks[i].Name)) {
			return false
		}
	}
	return true
}

// side says which alerts a rule is for: all that the rule says of it, or one side of a rule that has two.
type side struct {
	matchers labels.Matchers
	checks   []check // the matchers
	// when is the condition beside the matchers, nil if there is none.
	when *expression
}

func sideOf(ms labels.Matchers, when *expression) side { return side{ms, checksOf(ms), when} }

// needs is what an alert surely has that fulfils both.
func (s side) needs() []need {
	needs := needsOf(s.matchers)
	if s.when != nil {
		needs = append(needs, needsOfExpr(s.when.program)...)
	}
	return needs
}

func (t *table[T]) add(h *head, value T) { t.addSide(h, sideOf(h.matchers, h.when), value) }

// addSide adds a rule that has two sides by one of them.
func (t *table[T]) addSide(h *head, s side, value T) {
	t.rows = append(t.rows, row[T]{h, s, value})
	t.index.add(s.needs())
}

// values lists the values of the rules that match, in order of precedence; nil if there are none.
func (t *table[T]) values(l correlate.Labels) (list []T) {
	for _, v := range t.matching(l) {
		list = append(list, v)
	}
	return list
}

// matching yields the rules that match and their values, in order of precedence.
func (t *table[T]) matching(l correlate.Labels) iter.Seq2[*head, T] {
	return func(yield func(*head, T) bool) {
		for i := range t.index.Each(l) {
			if t.rows[i].head.selected(t.rows[i].side, l) && !yield(t.rows[i].head, t.rows[i].value) {
				return
			}
		}
	}
}
