package rules

import (
	"maps"
	"slices"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules/expr"
)

// head is what rules of all sections begin with: which rule it is, and which alerts it is for.
type head struct {
	id       correlate.RuleID
	matchers labels.Matchers
	// when is the condition beside the matchers, nil if there is none.
	when *expression
	// selects is true if it is said which alerts it is for, by either.
	selects bool
	// about are the names of what a rule without matchers is for: the reasons of events, or both sides of a cause.
	about []string
	// out is true for a rule of a pack that is disabled, or that a rule of the user's replaces.
	out bool
	// tally counts how often it decided; nil unless somebody wants to know.
	tally *tally
}

// selected reports whether the rule is for an alert with these labels by one of its sides, and notes that it was used if so: who asks
// goes by it.
func (h *head) selected(by side, l correlate.Labels) bool {
	if h.out || !pass(by.checks, l) || by.when != nil && !by.when.holds(&question{labels: l}) {
		return false
	}
	h.used()
	return true
}

// used notes that the rule decided.
func (h *head) used() {
	if h.tally != nil {
		h.tally.add()
	}
}

// head begins a rule of a section.
func (r *reader) head(section string, n strictyaml.Node) *head {
	return &head{id: correlate.RuleID{Section: section, File: r.file, Line: n.Line()}}
}

// fields adds the keys of a head to those of its section.
func (h *head) fields(r *reader, of strictyaml.Fields) strictyaml.Fields {
	all := strictyaml.Fields{
		"name": r.name(h.id.Section, &h.id.Name), "matchers": r.matchers(h), "when": r.expression(h, &h.when, expr.Bool),
		"match": oldMatches, "match_re": oldMatches,
	}
	maps.Copy(all, of)
	return all
}

// rule reads one rule of a section that selects alerts: its head, which must be whole, and the fields of its section.
func (r *reader) rule(section string, n strictyaml.Node, fields strictyaml.Fields, required ...string) *head {
	h := r.head(section, n)
	all := h.fields(r, fields)
	hinting(n, all).Map(all, slices.Concat([]string{"name"}, required)...)
	n.Note(func(s *strictyaml.Schema) { s.AnyOf = anyOf("matchers", "when") })
	if !h.selects {
		n.Problem(`key "matchers" is missing`, `or "when"; matchers: [] matches every alert`)
	}
	r.set.heads = append(r.set.heads, h)
	return h
}

// oldMatches refuses what matchers were before Alertmanager 0.22.
var oldMatches = strictyaml.Refuse("match and match_re are not read", `write matchers: ['name="value"', 'name=~"pattern"']`)

// unselective says of the sections whose rules are about no alert what people may mean who write matchers or a condition there.
var unselective = map[string]struct{ why, instead string }{
	"events":       {"events have no labels that matchers could look at", "write reason, kind or component, or a condition: when"},
	"causes":       {"a cause is told by two names, whatever the labels are", "give the alerts that differ names of their own"},
	"dependencies": {"a dependency is there whatever fires", "for one that labels tell of, write depends_on in a rule under entities, which has matchers and when"},
	"edge_types":   {"a type of dependency is the same for all alerts", "give those that differ a type of their own"},
}

// note reads a rule of a section that selects no alerts by matchers. It may do without a name.
func (r *reader) note(h *head, n strictyaml.Node, fields strictyaml.Fields, required ...string) {
	no := unselective[h.id.Section]
	refused := strictyaml.Refuse(no.why, no.instead)
	all := strictyaml.Fields{"name": r.name(h.id.Section, &h.id.Name), "matchers": refused, "when": refused}
	maps.Copy(all, fields)
	hinting(n, all).Map(all, required...)
	r.set.heads = append(r.set.heads, h)
}

// anyOf says in a schema that one of some keys has to be there.
func anyOf(keys ...string) []*strictyaml.Schema {
	var all []*strictyaml.Schema
	for _, key := range keys {
		all = append(all, &strictyaml.Schema{Required: []string{key}})
	}
	return all
}

// matchers reads the matchers of a rule, which may be none.
func (r *reader) matchers(h *head) strictyaml.Setter {
	read := strictyaml.Matchers(&h.matchers)
	return func(n strictyaml.Node) {
		h.selects = true
		read(n)
	}
}

// reason is how the rule shows in reasons.
func (h *head) reason(why string) string {
	text := h.id.String()
	if why != "" {
		text += ": " + why
	}
	return text
}
