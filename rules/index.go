package rules

import (
	"iter"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/rules/expr"
)

// Index finds which of many rules, or routes, can be for a set of labels, in time that does not grow with the number of those that
// cannot. Its zero value is empty.
//
// Of each rule it knows one condition: that a label has one of a few values, or begins with one of a few texts. It takes the one that
// fewest other rules have, so that rules for one alertname in many namespaces are found by namespace. What it finds can match, and
// has to be asked still.
type Index struct {
	byLabel map[string]*postings
	rest    []int // rules of which nothing certain is known
	rules   int
}

// postings are the rules that ask for one label, in ascending order.
type postings struct {
	values   map[string][]int
	prefixes map[string][]int
	lengths  []int // of the prefixes, ascending
}

// need is what a rule needs to match: that a label has one of the values or begins with one of the prefixes, none of them empty.
type need struct {
	label    string
	values   []string
	prefixes []string
}

// Limits of what is kept of one regular expression.
const (
	maxAlternatives = 256
	maxClass        = 16
)

// prefixBytes are the lengths to which prefixes are cut, so that there are few to look up.
var prefixBytes = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}

// Add adds the next rule, which needs all the matchers to match.
func (ix *Index) Add(ms labels.Matchers) { ix.add(needsOf(ms)) }

// add adds the next rule, which needs all the conditions.
func (ix *Index) add(all []need) {
	n := ix.rules
	ix.rules++
	best, lowest := -1, 0
	for i := range all {
		if cost := ix.cost(&all[i]); best < 0 || cost < lowest {
			best, lowest = i, cost
		}
	}
	if best < 0 {
		ix.rest = append(ix.rest, n)
		return
	}
	c := &all[best]
	if ix.byLabel == nil {
		ix.byLabel = make(map[string]*postings)
	}
	p := ix.byLabel[c.label]
	if p == nil {
		p = &postings{values: make(map[string][]int), prefixes: make(map[string][]int)}
		ix.byLabel[c.label] = p
	}
	for _, v := range c.values {
		if list := p.values[v]; len(list) == 0 || list[len(list)-1] != n {
			p.values[v] = append(list, n)
		}
	}
	for _, v := range c.prefixes {
		p.prefixes[v] = append(p.prefixes[v], n)
		if at, found := slices.BinarySearch(p.lengths, len(v)); !found {
			p.lengths = slices.Insert(p.lengths, at, len(v))
		}
	}
}

// cost is how many rules are asked at most where this condition finds the next one. A prefix finds more than it should.
func (ix *Index) cost(c *need) int {
	p := ix.byLabel[c.label]
	most := 0
	if p != nil {
		for _, v := range c.values {
			most = max(most, len(p.values[v]))
		}
		for _, v := range c.prefixes {
			most = max(most, len(p.prefixes[v]))
		}
	}
	if len(c.prefixes) > 0 {
		most += 2
	}
	return most
}

// candidates are rules that can match, in lists that ascend and have no rule in common. A few lists need no memory of their own.
type candidates struct {
	few  [8][]int
	many [][]int // what does not fit in few
	n    int     // how many of few there are
}

// narrow adds the rules that ask for this value of a label.
func (ix *Index) narrow(c *candidates, label, value string) {
	p := ix.byLabel[label]
	if p == nil {
		return
	}
	c.take(p.values[value])
	for _, n := range p.lengths {
		if n > len(value) {
			return
		}
		c.take(p.prefixes[value[:n]])
	}
}

func (c *candidates) take(list []int) {
	switch {
	case len(list) == 0:
	case c.n < len(c.few):
		c.few[c.n] = list
		c.n++
	default:
		c.many = append(c.many, list)
	}
}

// next is the next rule in order of precedence; ok is false if there is none left.
func (c *candidates) next() (rule int, ok bool) {
	var from *[]int
	for i := range c.n {
		if list := &c.few[i]; len(*list) > 0 && (from == nil || (*list)[0] < rule) {
			from, rule = list, (*list)[0]
		}
	}
	for i := range c.many {
		if list := &c.many[i]; len(*list) > 0 && (from == nil || (*list)[0] < rule) {
			from, rule = list, (*list)[0]
		}
	}
	if from == nil {
		return 0, false
	}
	*from = (*from)[1:]
	return rule, true
}

// find are the rules that can match these labels.
func (ix *Index) find(l correlate.Labels) (c candidates) {
	c.take(ix.rest)
	if len(ix.byLabel) > 0 {
		for name, value := range l.All() {
			ix.narrow(&c, name, value)
		}
	}
	return c
}

// Each yields the number, in the order in which they were added, of every rule that can match.
func (ix *Index) Each(l correlate.Labels) iter.Seq[int] {
	return func(yield func(int) bool) {
		c := ix.find(l)
		for rule, ok := c.next(); ok; rule, ok = c.next() {
			if !yield(rule) {
				return
			}
		}
	}
}

// needsOf are the conditions that matchers are known to need, by Alertmanager's rules.
func needsOf(ms labels.Matchers) []need {
	var all []need
	for _, m := range ms {
		switch {
		case m.Type == labels.MatchEqual && m.Value != "":
			all = append(all, need{label: m.Name, values: []string{m.Value}})
		case m.Type == labels.MatchRegexp:
			if c, ok := needOf(m.Name, m.Value); ok {
				all = append(all, c)
			}
		}
	}
	return all
}

// needsOfExpr are the conditions that an expression is known to need of labels.
func needsOfExpr(p *expr.Program) []need {
	var all []need
	for _, d := range p.Demands() {
		if d.Variable == "labels" && len(d.Values) <= maxAlternatives {
			all = append(all, need{label: d.Key, values: d.Values})
		}
	}
	return all
}

// needOf is the need that a regular expression, which is anchored at both ends, is for a label.
func needOf(label, re string) (c need, ok bool) {
	texts := textsOf(re)
	if len(texts.list) == 0 || slices.Contains(texts.list, "") {
		return c, false
	}
	if texts.whole {
		return need{label: label, values: texts.list}, true
	}
	return need{label: label, prefixes: prefixesOf(texts.list)}, true
}

// prefixesOf are texts, none of them empty, cut to lengths that are looked up. A value must find a rule once, so none is a prefix of
// another.
func prefixesOf(texts []string) []string {
	var all, apart []string
	for _, p := range texts {
		at, found := slices.BinarySearch(prefixBytes, len(p))
		if !found {
			at--
		}
		all = append(all, p[:prefixBytes[at]])
	}
	slices.Sort(all)
	for _, p := range all {
		if n := len(apart); n == 0 || !strings.HasPrefix(p, apart[n-1]) {
			apart = append(apart, p)
		}
	}
	return apart
}
