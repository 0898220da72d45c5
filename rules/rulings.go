package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// Rulings lists which rule decides what about a symptom, a dependency or a cause, in the order of an incident's life. What is built in is
// left out.
func (s *Set) Rulings(q *correlate.Question) []correlate.Ruling {
	if s.usage != nil {
		s.usage.paused = true
		defer func() { s.usage.paused = false }()
	}
	a := answer{set: s, labels: q.Labels}
	if s.expressions != nil {
		defer func(tell func(Fault)) { s.tell = tell }(s.tell)
		s.tell = a.fault
	}
	if q.Event != nil {
		a.event(q.Event)
	} else if q.Labels != "" {
		a.alert()
	}
	if q.Labels != "" {
		a.symptom(q.Entity)
	}
	if q.Edge != nil {
		a.edge(q.Edge)
	}
	if r, ok := s.causes.near[causePair{q.Cause, q.Effect}]; ok {
		a.add("cause", fmt.Sprintf("%s causes %s (weight %.2f)", q.Cause, q.Effect, r.weight), r.head)
	}
	return slices.Concat(a.list, a.faults)
}

// answer is what rules say about a question, while it is put together.
type answer struct {
	set    *Set
	labels correlate.Labels
	list   []correlate.Ruling
	faults []correlate.Ruling // rules that would have been asked for the verdict too, had their expressions not gone wrong
}

// fault notes a rule that does not apply, once: it may be asked for several verdicts.
func (a *answer) fault(f Fault) {
	says := "does not apply, " + f.Expression + " went wrong: " + f.Problem
	if !slices.ContainsFunc(a.faults, func(r correlate.Ruling) bool { return *r.Rule == f.Rule && r.Says == says }) {
		a.faults = append(a.faults, correlate.Ruling{About: "error", Says: says, Rule: &f.Rule})
	}
}

func (a *answer) add(about, says string, h *head) { a.by(about, says, &h.id) }

func (a *answer) by(about, says string, id *correlate.RuleID) {
	a.list = append(a.list, correlate.Ruling{About: about, Says: says, Rule: id})
}

// first returns the first rule of a table that matches, with its value.
func first[T any](t *table[T], l correlate.Labels) (h *head, value T, ok bool) {
	for h, value := range t.matching(l) {
		return h, value, true
	}
	return nil, value, false
}

// alert asks for what an alert is, and what it is about.
func (a *answer) alert() {
	if h, e, ok := a.set.mapped(a.labels); ok {
		a.add("entity", string(e), h)
	}
	if h, severity, ok := first(&a.set.symptoms, a.labels); ok {
		a.add("severity", severity.String(), h)
	}
	if h, delay, ok := first(&a.set.delays, a.labels); ok {
		a.add("delay", "fires after "+span(delay), h)
	}
	for h, name := range a.set.heartbeats.matching(a.labels) {
		a.add("heartbeat", "a beat of "+name, h)
	}
}

// event asks what an event means.
func (a *answer) event(ev *correlate.Event) {
	m, _ := a.set.events.meaning(ev)
	if m.Rule == nil {
		return
	}
	word := "says nothing"
	switch {
	case m.Exhausted:
		word = m.Severity.String() + ", healing is exhausted"
	case m.Symptom:
		word = m.Severity.String()
	case m.Progress:
		word = "healing is under way"
	case m.Change:
		word = "a change"
	case len(m.Heals) > 0:
		word = "ends " + strings.Join(m.Heals, ", ")
	}
	if m.State {
		word += ", until another event ends it"
	}
	a.by("event", word, m.Rule)
}

// symptom asks for what decides about any symptom.
func (a *answer) symptom(e topology.Entity) {
	if h, aspect, ok := first(&a.set.aspects, a.labels); ok {
		a.add("aspect", "shows "+aspect.String(), h)
	}
	if h, rule, ok := first(&a.set.holds, a.labels); ok {
		a.add("hold", holdWords(&rule), h)
	}
	if rule, ok := a.set.Critical(e, a.labels); ok {
		a.by("critical", "must not wait", rule.Rule)
	}
	if h, rule, ok := first(&a.set.chronic, a.labels); ok {
		a.add("chronic", chronicWords(&rule), h)
	}
}

// edge asks who says that there is a dependency, and what its type means.
func (a *answer) edge(edge *topology.Edge) {
	if k := slices.Index(a.set.causes.edges, *edge); k >= 0 {
		a.add("dependency", fmt.Sprintf("%s depends on %s", edge.From, edge.To), a.set.causes.declared[k])
	}
	if r, ok := a.set.edgeTypes[edge.Type]; ok {
		a.add("edge type", fmt.Sprintf("%s has the weight %.2f", edge.Type, r.traits.Weight), r.head)
	}
}

// holdWords says for how long a rule holds.
func holdWords(r *correlate.HoldRule) string {
	switch {
	case r.Hold == 0:
		return "not held"
	case r.Threshold == 0:
		return "held " + span(r.Hold)
	}
	text := fmt.Sprintf("held %s while little is known", span(r.Hold))
	if r.Max != 0 {
		text += ", then up to " + span(r.Max)
	}
	return text
}

// chronicWords says what a rule does about chronic trouble.
func chronicWords(r *correlate.ChronicRule) string {
	d := correlate.DefaultChronic()
	return fmt.Sprintf("chronic: %s, over its budget: %s", cmp.Or(r.Action, d.Action), cmp.Or(r.OverBudget, d.OverBudget))
}

func span(d time.Duration) string { return model.Duration(d).String() }
