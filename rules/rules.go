// Package rules turns rule files into checked values that the engine asks: what an alert is about, how bad it is, how
// long it may be held, what an event means, what a type of dependency does, and what follows from what.
//
// The package is pure: text in, values out. A compiled [Set] does not change, so it may be shared; the cost of
// a question does not grow with the number of rules that name the alerts they are for.
package rules

import (
	"fmt"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
	"quell/rules/packs"
)

// Set is what the rule files and packs of one policy say. It implements [correlate.Rules].
type Set struct {
	symptoms table[correlate.Severity]
	aspects  table[correlate.Aspect]
	delays   table[time.Duration]
	targets  table[[]string]
	entities table[*entityRule]
	holds    table[holdRule]
	events   eventTable
	causes   causality
	// edgeTypes are what rules say about types of dependencies.
	edgeTypes map[string]topology.Traits
}

// holdRule says how long to wait.
type holdRule struct {
	hold time.Duration
	why  string
}

// Compile reads the rule files of a policy, in order, and then its packs: the first rule that matches wins, so users'
// files come before packs. The error is of type [strictyaml.Problems] and names every problem of every file.
func Compile(p *correlate.Policy) (correlate.Rules, error) {
	s, err := compile(p)
	if err != nil {
		return nil, err // not s: a nil *Set in the interface would look like rules
	}
	return s, nil
}

func compile(p *correlate.Policy) (*Set, error) {
	s := &Set{edgeTypes: make(map[string]topology.Traits)}
	var problems strictyaml.Problems
	for _, f := range p.Rules {
		problems = append(problems, s.read(f.Name, f.Text)...)
	}
	for _, name := range p.Packs {
		text, ok := packs.Text(name)
		if !ok {
			problems = append(problems, strictyaml.Problem{
				File: "packs", Text: "unknown pack " + strictyaml.Quote(name),
				Hint: "there are " + strings.Join(packs.Names(), ", "),
			})
			continue
		}
		problems = append(problems, s.read("pack "+name, text)...)
	}
	problems.Sort()
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Severity returns how bad an alert with these labels is: what the first matching rule under "symptoms" says, else what its
// severity label says.
func (s *Set) Severity(l correlate.Labels) correlate.Severity {
	for severity := range s.symptoms.matching(l) {
		return severity
	}
	return correlate.ParseSeverity(l.Get("severity"))
}

// Aspect returns what an alert with these labels tells about its entity: what the first matching rule under "symptoms" that has
// "shows" says, else what the words of its name do.
func (s *Set) Aspect(l correlate.Labels) correlate.Aspect {
	for aspect := range s.aspects.matching(l) {
		return aspect
	}
	return aspectOfName(l.Get("alertname"))
}

// Delay returns the "delay" of the first matching rule under "symptoms" that has one.
func (s *Set) Delay(l correlate.Labels) time.Duration {
	for d := range s.delays.matching(l) {
		return d
	}
	return 0
}

// Hold returns what the first matching rule under "holds" says. Severity is at hand as a label for matchers, so the
// second parameter is not used.
func (s *Set) Hold(l correlate.Labels, _ correlate.Severity) (hold time.Duration, why string, ok bool) {
	for r := range s.holds.matching(l) {
		return r.hold, r.why, true
	}
	return 0, "", false
}

// Event returns what the first matching rule under "events" says. A Warning that no rule knows is a symptom, since a fault
// must not be missed because it is new; a Normal event that no rule knows says nothing.
func (s *Set) Event(e *correlate.Event) correlate.EventMeaning {
	if m, ok := s.events.meaning(e); ok {
		return m
	}
	if e.Warning {
		return correlate.EventMeaning{Symptom: true, Severity: correlate.SeverityWarning}
	}
	return correlate.EventMeaning{}
}

// reason is how a hold's rule shows in reasons.
func reason(name, file, why string) string {
	text := fmt.Sprintf("rule %s of %s", name, file)
	if why != "" {
		text += ": " + why
	}
	return text
}
