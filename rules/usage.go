package rules

import "quell/correlate"

// Usage counts which rules decide, for those who want to know which never do: tests of rules, and backtests. Its rule sets are for one
// goroutine each, and so are its counts: one that steps an engine, or asks a set itself. What [Set.Rulings] is asked does not count.
type Usage struct {
	order  []correlate.RuleID
	counts map[correlate.RuleID]*tally
	paused bool
}

// tally counts how often one rule decided.
type tally struct {
	of      *Usage
	matched uint64
}

func (t *tally) add() {
	if !t.of.paused {
		t.matched++
	}
}

// Used is a rule, and how often it decided something: at least once for each alert, event or dependency that it decided about.
type Used struct {
	ID      correlate.RuleID
	Matched uint64
}

// NewUsage returns one that counted nothing.
func NewUsage() *Usage { return &Usage{counts: make(map[correlate.RuleID]*tally)} }

// Compile is [Compile] for sets whose rules are counted. It is a [correlate.Compiler]. What several sets decide is added up.
func (u *Usage) Compile(p *correlate.Policy) (correlate.Rules, error) {
	s, err := compileFor(p, u)
	if err != nil {
		return nil, err // not s: a nil *Set in the interface would look like rules
	}
	return s, nil
}

// Rules lists all rules that were ever compiled with u, in the order in which [Set.Identities] has them.
func (u *Usage) Rules() []Used {
	list := make([]Used, len(u.order))
	for k, id := range u.order {
		list[k] = Used{ID: id, Matched: u.counts[id].matched}
	}
	return list
}

// tally returns the count of a rule, which begins at zero.
func (u *Usage) tally(id correlate.RuleID) *tally {
	t := u.counts[id]
	if t == nil {
		t = &tally{of: u}
		u.counts[id] = t
		u.order = append(u.order, id)
	}
	return t
}

// Steady reports whether nothing in the set ever changes, whatever it is asked, so that goroutines may share it: no expression tells of
// what goes wrong, and nobody counts.
func (s *Set) Steady() bool { return s.expressions == nil && s.usage == nil }

// Overheard reports whether rules are counted, or somebody is told of expressions that go wrong: each time that rules decide counts.
func (s *Set) Overheard() bool { return s.usage != nil || s.tell != nil && s.expressions != nil }
