package rules

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules/expr"
)

// mutes hold what rules say of whether symptoms page.
type mutes struct {
	suppress         table[*correlate.SuppressRule]
	sources, targets table[*correlate.InhibitRule]
	expect           table[*correlate.ExpectRule]
}

const (
	// suppressDefault is how long what is suppressed may last where the rule says nothing.
	suppressDefault = 24 * time.Hour
	suppressMax     = 366 * 24 * time.Hour
	// equalMax bounds the labels that source and target of an inhibition have in common.
	equalMax = 50
)

// Muting returns what all matching rules under "suppress", "inhibit" and "expect" say, in their order.
func (s *Set) Muting(l correlate.Labels) correlate.Muting {
	return correlate.Muting{
		Suppress: s.mutes.suppress.values(l),
		Sources:  s.mutes.sources.values(l),
		Targets:  s.mutes.targets.values(l),
		Expect:   s.mutes.expect.values(l),
	}
}

func (r *reader) suppress(n strictyaml.Node) {
	rule := &correlate.SuppressRule{For: suppressDefault}
	var to, why string
	h := r.rule("suppress", n, strictyaml.Fields{
		"for":       strictyaml.Duration(&rule.For, time.Minute, suppressMax),
		"to":        strictyaml.Word(&to, "digest", "notice"),
		"incidents": strictyaml.Bool(&rule.Incidents),
		"why":       strictyaml.String(&why),
	})
	rule.Notice, rule.Rule, rule.Why = to == "notice", &h.id, h.reason(why)
	r.set.mutes.suppress.add(h, rule)
}

// inhibit adds a rule as Alertmanager has it under inhibit_rules, in its present form, and conditions beside its matchers.
func (r *reader) inhibit(n strictyaml.Node) {
	h := r.head("inhibit", n)
	var sources, targets *expression
	i, conditions := new(InhibitionRead), 0
	condition := func(to **expression, given *bool) strictyaml.Setter {
		read := r.expression(h, to, expr.Bool)
		return func(n strictyaml.Node) {
			*given = true
			conditions++
			read(n)
		}
	}
	fields := i.fields(strictyaml.Fields{
		"name":        r.name("inhibit", &h.id.Name),
		"source_when": condition(&sources, &i.sourced),
		"target_when": condition(&targets, &i.targeted),
		"when":        strictyaml.Refuse("a condition of which side?", "write source_when or target_when"),
	})
	hinting(n, fields).Map(fields, "name")
	n.Note(func(s *strictyaml.Schema) {
		s.AnyOf = nil
		for _, source := range []string{"source_matchers", "source_when"} {
			for _, target := range []string{"target_matchers", "target_when"} {
				s.AnyOf = append(s.AnyOf, &strictyaml.Schema{Required: []string{source, target}})
			}
		}
	})
	const missing, or = "key %q is missing", "or %q, a condition"
	if !i.sourced {
		n.Problem(fmt.Sprintf(missing, "source_matchers"), fmt.Sprintf(or, "source_when"))
	}
	if !i.targeted {
		n.Problem(fmt.Sprintf(missing, "target_matchers"), fmt.Sprintf(or, "target_when"))
	}
	i.check(n, conditions > 0)
	r.set.heads = append(r.set.heads, h)
	r.set.mutes.inhibit(h, i, sources, targets)
}

// InhibitionRead is an inhibit rule as it was read.
type InhibitionRead struct {
	Sources, Targets labels.Matchers
	Equal            []string // sorted
	Why              string

	sourced, targeted bool // which sides are there
}

// ReadInhibition reads an inhibit rule in Alertmanager's present form; its old one is a problem. The fields given are read beside it.
func ReadInhibition(n strictyaml.Node, beside strictyaml.Fields) *InhibitionRead {
	i := new(InhibitionRead)
	fields := i.fields(beside)
	for _, key := range []string{"when", "source_when", "target_when"} {
		fields[key] = strictyaml.Refuse("inhibit_rules are Alertmanager's, which has no conditions", "write the rule in a rule file, under inhibit, with source_when or target_when")
	}
	n.Map(fields, "source_matchers", "target_matchers")
	i.check(n, false)
	return i
}

// fields are the keys of an inhibit rule that rule files and the configuration have in common, and those beside.
func (i *InhibitionRead) fields(beside strictyaml.Fields) strictyaml.Fields {
	side := func(to *labels.Matchers, given *bool) strictyaml.Setter {
		return func(n strictyaml.Node) { *given = true; strictyaml.Matchers(to)(n) }
	}
	fields := strictyaml.Fields{
		"source_matchers": side(&i.Sources, &i.sourced),
		"target_matchers": side(&i.Targets, &i.targeted),
		"equal":           strictyaml.Strings(&i.Equal),
		"why":             strictyaml.String(&i.Why),
		"source_match":    oldMatch("source"),
		"source_match_re": oldMatch("source"),
		"target_match":    oldMatch("target"),
		"target_match_re": oldMatch("target"),
	}
	maps.Copy(fields, beside)
	return fields
}

// check reports what is wrong with a rule as a whole. Narrowed is true if there are conditions beside its matchers.
func (i *InhibitionRead) check(n strictyaml.Node, narrowed bool) {
	if i.sourced && i.targeted && !narrowed && len(i.Sources)+len(i.Targets) == 0 {
		n.Problem("inhibit rule by which every alert inhibits every other", "[] stands for all alerts; give matchers for one side at least")
	}
	slices.Sort(i.Equal)
	if len(slices.Compact(slices.Clone(i.Equal))) != len(i.Equal) {
		n.Problem("a label is listed twice under equal", "")
	}
	if len(i.Equal) > equalMax {
		n.Problem(fmt.Sprintf("%d labels under equal are more than %d", len(i.Equal), equalMax), "")
	}
}

// inhibit puts a rule in force, with the conditions on its sides, which may be nil.
func (m *mutes) inhibit(h *head, i *InhibitionRead, sources, targets *expression) {
	rule := &correlate.InhibitRule{Equal: i.Equal, Rule: &h.id, Why: h.reason(i.Why)}
	m.sources.addSide(h, sideOf(i.Sources, sources), rule)
	m.targets.addSide(h, sideOf(i.Targets, targets), rule)
}

// configured takes over the inhibit rules of a policy.
func (s *Set) configured(list []correlate.Inhibition) (problems strictyaml.Problems) {
	for k := range list {
		in := &list[k]
		h := &head{id: correlate.RuleID{Section: "inhibit", Name: in.Name, File: in.File, Line: in.Line}}
		i := &InhibitionRead{Equal: slices.Sorted(slices.Values(in.Equal)), Why: in.Why}
		for _, side := range []struct {
			from []string
			to   *labels.Matchers
		}{{in.SourceMatchers, &i.Sources}, {in.TargetMatchers, &i.Targets}} {
			for _, text := range side.from {
				ms, err := strictyaml.ParseMatchers(text)
				if err != nil {
					problems = append(problems, strictyaml.Problem{File: in.File, Line: in.Line, Text: "bad matcher " + strictyaml.Quote(text) + ": " + err.Error()})
				}
				*side.to = append(*side.to, ms...)
			}
		}
		s.mutes.inhibit(h, i, nil, nil)
	}
	return problems
}

// oldMatch refuses a form that Alertmanager deprecated.
func oldMatch(side string) strictyaml.Setter {
	return strictyaml.Refuse("the old form is not read", fmt.Sprintf(`write %s_matchers: ['name="value"', 'name=~"pattern"']`, side))
}

func (r *reader) expect(n strictyaml.Node) {
	rule := &correlate.ExpectRule{For: 10 * time.Minute}
	var notFor, why string
	h := r.rule("expect", n, strictyaml.Fields{
		"after": func(n strictyaml.Node) {
			n.Map(strictyaml.Fields{
				"reason":   strictyaml.Strings(&rule.Reasons),
				"kind":     kinds(&rule.Kinds),
				"entities": list(criticalPattern(&rule.Entities)),
			})
			if len(rule.Reasons)+len(rule.Kinds)+len(rule.Entities) == 0 {
				n.Problem("expected after every change", "give a reason, a kind or entities")
			}
		},
		"for":     strictyaml.Duration(&rule.For, time.Second, correlate.MaxExpectation),
		"not_for": strictyaml.Word(&notFor, "warning", "error", "critical"),
		"why":     strictyaml.String(&why),
	}, "after")
	if notFor != "" {
		rule.NotFor = correlate.ParseSeverity(notFor)
	}
	rule.Rule, rule.Why = &h.id, h.reason(why)
	r.set.mutes.expect.add(h, rule)
}
