package correlate

import (
	"time"

	"quell/correlate/topology"
)

// answersKept is how many sets of labels are kept with what rules say of them, beside those of the symptoms that there are. Most alerts that
// fire have fired before.
const answersKept = 10_000

// answers is what the rules in force say of symptoms with one set of labels. They are asked once for it: an alert asked for its hold and for its
// delay again and again in its life, and each time cost a search of the rules and a match of regular expressions. Nothing of it is stored.
type answers struct {
	entity   topology.Entity
	edges    []topology.Edge
	delay    time.Duration
	severity Severity
	aspect   Aspect
	// asked are the questions below that the rules were asked: not every symptom asks them. Nil is what no rule says.
	asked   question
	beats   []string
	muting  *Muting
	hold    *HoldRule
	chronic *ChronicRule
}

// question is one that is asked late.
type question uint8

const (
	askedBeats question = 1 << iota
	askedMuting
	askedHold
	askedChronic
)

// answerBook keeps answers by labels. Rules that are the same for many sets of labels are kept once.
type answerBook struct {
	of       map[Labels]*answers
	holds    map[HoldRule]*HoldRule
	chronics map[ChronicRule]*ChronicRule
	// none is true where every question must reach the rules.
	none bool
}

// newAnswerBook returns the book for rules that come into force.
func newAnswerBook(rules Rules) answerBook {
	return answerBook{
		of: make(map[Labels]*answers), holds: make(map[HoldRule]*HoldRule), chronics: make(map[ChronicRule]*ChronicRule), none: rules.Overheard(),
	}
}

// answersTo returns what the rules say of labels; nil if they are to be asked each time.
func (e *Engine) answersTo(l Labels) *answers {
	b := &e.answers
	if b.none {
		return nil
	}
	a := b.of[l]
	if a == nil {
		if len(b.of) >= answersKept {
			clear(b.of) // symptoms keep theirs
		}
		a = &answers{severity: e.rules.Severity(l), aspect: e.rules.Aspect(l), delay: e.rules.Delay(l)}
		a.entity, a.edges = e.rules.Entity(l)
		b.of[l] = a
	}
	return a
}

// ask reports whether a question is asked for the first time.
func (a *answers) ask(q question) bool {
	first := a.asked&q == 0
	a.asked |= q
	return first
}

// subject is how bad an alert with these labels is, what it is about, and what they tell that this depends on.
func (e *Engine) subject(l Labels) (Severity, topology.Entity, []topology.Edge) {
	if a := e.answersTo(l); a != nil {
		return a.severity, a.entity, a.edges
	}
	entity, edges := e.rules.Entity(l)
	return e.rules.Severity(l), entity, edges
}

// delayOf is how long the rule of s waits before it fires.
func (e *Engine) delayOf(s *symptom) time.Duration {
	if s.answers == nil {
		return e.rules.Delay(s.labels)
	}
	return s.answers.delay
}

// beatsOf are the heartbeats that s is a beat of.
func (e *Engine) beatsOf(s *symptom) []string {
	a := s.answers
	if a == nil {
		return e.rules.Heartbeats(s.labels)
	}
	if a.ask(askedBeats) {
		a.beats = e.rules.Heartbeats(s.labels)
	}
	return a.beats
}

// mutingOf is whether s may page, and keep others from it; nil if no rule says anything.
func (e *Engine) mutingOf(s *symptom) *Muting {
	a := s.answers
	if a != nil && !a.ask(askedMuting) {
		return a.muting
	}
	m := e.rules.Muting(s.labels)
	if m.Empty() {
		return nil
	}
	if a != nil {
		a.muting = &m
	}
	return &m
}

// holdOf is the rule for how long an incident that begins with s may be held; ok is false where there is none.
func (e *Engine) holdOf(s *symptom) (rule HoldRule, ok bool) {
	a := s.answers
	if a == nil {
		return e.rules.Hold(s.labels, s.severity)
	}
	if a.ask(askedHold) {
		if rule, ok := e.rules.Hold(s.labels, s.severity); ok {
			a.hold = same(e.answers.holds, rule)
		}
	}
	if a.hold == nil {
		return HoldRule{}, false
	}
	return *a.hold, true
}

// chronicOf is the rule for how much self-healing is too much for trouble that begins with s; ok is false where there is none.
func (e *Engine) chronicOf(s *symptom) (rule ChronicRule, ok bool) {
	a := s.answers
	if a == nil {
		return e.rules.Chronic(s.labels)
	}
	if a.ask(askedChronic) {
		if rule, ok := e.rules.Chronic(s.labels); ok {
			a.chronic = same(e.answers.chronics, rule)
		}
	}
	if a.chronic == nil {
		return ChronicRule{}, false
	}
	return *a.chronic, true
}

// same returns the one copy of a rule.
func same[T comparable](known map[T]*T, rule T) *T {
	if p := known[rule]; p != nil {
		return p
	}
	known[rule] = &rule
	return &rule
}
