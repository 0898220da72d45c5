// Package rules turns rule files into checked values that the engine asks: what an alert is about, how bad it is, how
// long it may be held, what an event means, what a type of dependency does, and what follows from what.
//
// The package is pure: text in, values out. A compiled [Set] does not change, so it may be shared; the cost of
// a question does not grow with the number of rules that name the alerts they are for.
package rules

import (
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules/expr"
	"quell/rules/packs"
)

// Set is what the rule files and packs of one policy say. It implements [correlate.Rules].
type Set struct {
	symptoms table[correlate.Severity]
	aspects  table[correlate.Aspect]
	delays   table[time.Duration]
	targets  table[[]string]
	entities table[*entityRule]
	holds    table[correlate.HoldRule]
	critical criticality
	chronic  table[correlate.ChronicRule]
	mutes    mutes
	enrich   table[*enrichRule]
	events   eventTable
	causes   causality
	// heartbeats are the alerts that are beats, by the name of the heartbeat.
	heartbeats table[string]
	// expected are the heartbeats of rule files, beats the events that are beats of them.
	expected []correlate.HeartbeatRule
	beats    []beatRule
	// edgeTypes are what rules say about types of dependencies, and typesRead the rules that were read until they settle.
	edgeTypes map[string]edgeRule
	typesRead []edgeRule
	// expressions is what expressions may use; nil as long as there are none. Tell is told of those that go wrong; nil if nobody is.
	expressions *expr.Environment
	tell        func(Fault)
	roster
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

func compile(p *correlate.Policy) (*Set, error) { return compileFor(p, nil) }

// compileFor makes a set whose rules are counted by usage, if that is not nil.
func compileFor(p *correlate.Policy, usage *Usage) (*Set, error) {
	s := &Set{edgeTypes: make(map[string]edgeRule)}
	problems := s.configured(p.Inhibit)
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
	problems = append(problems, s.beaten(p.Heartbeats)...)
	problems = append(problems, s.twice(p.Heartbeats)...)
	problems = append(problems, s.beaten(s.expected)...)
	problems.Sort()
	if err := problems.Err(); err != nil {
		return nil, err
	}
	s.settle(p.Disabled, usage)
	return s, nil
}

// Severity returns how bad an alert with these labels is: what the first matching rule under "symptoms" says, else what its
// severity label says.
func (s *Set) Severity(l correlate.Labels) correlate.Severity {
	for _, severity := range s.symptoms.matching(l) {
		return severity
	}
	return correlate.ParseSeverity(l.Get("severity"))
}

// Aspect returns what an alert with these labels tells about its entity: what the first matching rule under "symptoms" that has
// "shows" says, else what the words of its name do.
func (s *Set) Aspect(l correlate.Labels) correlate.Aspect {
	for _, aspect := range s.aspects.matching(l) {
		return aspect
	}
	return aspectOfName(l.Get("alertname"))
}

// Delay returns the "delay" of the first matching rule under "symptoms" that has one.
func (s *Set) Delay(l correlate.Labels) time.Duration {
	for _, d := range s.delays.matching(l) {
		return d
	}
	return 0
}

// Hold returns what the first matching rule under "holds" says. Severity is at hand as a label for matchers, so the
// second parameter is not used.
func (s *Set) Hold(l correlate.Labels, _ correlate.Severity) (rule correlate.HoldRule, ok bool) {
	for _, r := range s.holds.matching(l) {
		return r, true
	}
	return correlate.HoldRule{}, false
}

// Event returns what the first matching rule under "events" says. A Warning that no rule knows is a symptom, since a fault
// must not be missed because it is new; what tells a change at first hand is one; another Normal event that no rule knows says nothing.
func (s *Set) Event(e *correlate.Event) correlate.EventMeaning {
	if s.usage != nil {
		s.causes.touch(e.Entity)
	}
	if m, ok := s.events.meaning(e); ok {
		return m
	}
	if e.Warning {
		return correlate.EventMeaning{Symptom: true, Severity: correlate.SeverityWarning}
	}
	return correlate.EventMeaning{Change: e.Component == correlate.ChangeComponent}
}
