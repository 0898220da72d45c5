package rules

import (
	"errors"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
	"quell/rules/expr"
)

// Fault is a rule whose expression went wrong on an alert or event, so that the rule did not apply to it: a number that is none, for
// example. It is told to whoever compiled the rules with [Telling].
type Fault struct {
	Rule correlate.RuleID
	// Expression is what went wrong, and Problem how.
	Expression, Problem string
}

// maxExpressionCost bounds one expression of a rule, which may be asked for each alert: about five milliseconds.
const maxExpressionCost = 100_000

// Variables of expressions in rule files.
var (
	variables = []expr.Variable{
		{Name: "labels", Type: expr.Labels},
		{Name: "severity", Type: expr.String},
		{Name: "entity.id", Type: expr.String},
		{Name: "entity.kind", Type: expr.String},
		{Name: "entity.name", Type: expr.String},
		{Name: "entity.namespace", Type: expr.String},
		{Name: "entity.cluster", Type: expr.String},
		{Name: "reason", Type: expr.String},
		{Name: "component", Type: expr.String},
	}
	ofEntity  = []string{"entity.id", "entity.kind", "entity.name", "entity.namespace", "entity.cluster"}
	ofAlert   = append([]string{"labels", "severity"}, ofEntity...)
	ofSymptom = append([]string{"labels"}, ofEntity...) // the severity is what these rules are about
	ofMapping = []string{"labels"}                      // and so is the entity
	ofEvent   = append([]string{"reason", "component"}, ofEntity...)
)

// absent are names that people look for, and why there is no such variable.
var absent = map[string]expr.Error{
	"annotations": {
		Text: "annotations are not there: they change from one evaluation to the next while the alert stays the same, and decisions must not",
		Hint: "put what decides into a label of the Prometheus rule: labels.NAME",
	},
	"value": {
		Text: "the value of an alert is not there: it changes from one evaluation to the next while the alert stays the same",
		Hint: "let Prometheus compare it: two rules, with a label each that says how bad it is",
	},
	"now": {
		Text: "there is no clock: the same alert would be judged otherwise when it is told again",
		Hint: "for the time of day, routes have active_time_intervals, and maintenance has windows",
	},
}

// usable are the variables that expressions in a section may use.
func usable(section string) []string {
	switch section {
	case "symptoms":
		return ofSymptom
	case "entities", "target_labels":
		return ofMapping
	case "events":
		return ofEvent
	}
	return ofAlert
}

// environment is what expressions in a section may use. One costs a millisecond, and most people have no expressions.
func (s *Set) environment(section string) *expr.Environment {
	if s.expressions == nil {
		s.expressions = expr.New(variables...).Limit(maxExpressionCost).Without(absent)
	}
	return s.expressions.Only(usable(section)...)
}

// expression is one of a rule.
type expression struct {
	set     *Set
	head    *head
	program *expr.Program
}

// expression reads one of a rule; what is not given stays nil.
func (r *reader) expression(h *head, to **expression, want expr.Type) strictyaml.Setter {
	return r.expressionAs(h.id.Section, h, to, want)
}

// expressionAs reads one that may use what those of a section may.
func (r *reader) expressionAs(section string, h *head, to **expression, want expr.Type) strictyaml.Setter {
	return func(n strictyaml.Node) {
		h.selects = h.selects || want == expr.Bool
		e := &expression{set: r.set, head: h}
		if r.set.environment(section).Setter(&e.program, want)(n); e.program != nil {
			*to = e
		}
	}
}

// holds reports whether a condition is true for an alert. No condition always is; one that goes wrong is not.
func (e *expression) holds(q *question) bool {
	if e == nil {
		return true
	}
	ok, err := e.program.Bool(e.ask(q))
	e.fault(err)
	return ok && err == nil
}

// text is what an expression gives for an alert; empty if it goes wrong.
func (e *expression) text(q *question) string {
	text, err := e.program.String(e.ask(q))
	e.fault(err)
	return text
}

func (e *expression) ask(q *question) *expr.Scope {
	if q.set = e.set; q.scope.In == nil {
		q.scope.In = q
	}
	return &q.scope
}

// fault tells of an expression that went wrong.
func (e *expression) fault(err error) {
	problem, ok := errors.AsType[*expr.Error](err)
	if !ok || e.set.tell == nil {
		return
	}
	e.set.tell(Fault{Rule: e.head.id, Expression: e.program.Text(), Problem: problem.Error()})
}

// question is an alert, or an event, that rules are asked about: what the variables of expressions hold.
type question struct {
	labels correlate.Labels
	event  *correlate.Event

	set     *Set
	scope   expr.Scope
	wrapped any
	entity  topology.Entity
}

// Variable returns what expressions ask for.
func (q *question) Variable(name string) any {
	switch name {
	case "labels":
		if q.wrapped == nil {
			q.wrapped = expr.Wrap(q.labels)
		}
		return q.wrapped
	case "severity":
		return q.set.Severity(q.labels).String()
	case "reason":
		return q.event.Reason
	case "component":
		return q.event.Component
	}
	switch e := q.about(); name {
	case "entity.id":
		return string(e)
	case "entity.kind":
		return e.Kind()
	case "entity.name":
		return e.Name()
	case "entity.namespace":
		return e.Namespace()
	case "entity.cluster":
		return e.Cluster()
	}
	return nil
}

// about is the entity of an event, or the one that the labels of an alert name.
func (q *question) about() topology.Entity {
	if q.entity == "" {
		if q.event != nil {
			q.entity = q.event.Entity
		} else {
			q.entity, _ = q.set.Entity(q.labels)
		}
	}
	return q.entity
}

// Telling returns a compiler like [Compile] whose rules tell of expressions that go wrong, each time. Tell is called by whoever asks the
// rules, at once, and must not ask them.
func Telling(tell func(Fault)) correlate.Compiler {
	return func(p *correlate.Policy) (correlate.Rules, error) {
		s, err := compile(p)
		if err != nil {
			return nil, err // not s: a nil *Set in the interface would look like rules
		}
		s.tell = tell
		return s, nil
	}
}
