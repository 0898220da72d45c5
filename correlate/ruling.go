package correlate

import (
	"slices"

	"quell/correlate/topology"
)

// rulings is what the rules in force say about a symptom, for people.
func (e *Engine) rulings(s *symptom) []Ruling {
	q := &Question{Entity: e.graph.Entity(s.node), Labels: s.labels}
	if s.isEvent() {
		q.Event = e.eventOf(s)
	}
	list := e.rules.Rulings(q)
	if r := e.heartbeatRule(s.labels.Get("heartbeat")); s.fingerprint == 0 && !s.isEvent() && r != nil && r.Rule.File != "" {
		list = slices.Insert(list, 0, Ruling{About: "heartbeat", Says: "expected every " + round(r.Interval), Rule: &r.Rule})
	}
	return list
}

// eventOf is what rules are asked by about a symptom that an event made.
func (e *Engine) eventOf(s *symptom) *Event {
	return &Event{Entity: e.graph.Entity(s.node), Reason: s.name, Component: s.labels.Get("component"), Warning: true}
}

// causeAsked bounds the symptoms of an entity of which is asked whether they are known to cause those of another.
const causeAsked = 8

// stepRulings is what the rules in force say about a step of a chain: that there is the dependency, what its type means, or that a symptom
// of to, where trouble came from, causes one of from.
func (e *Engine) stepRulings(from, to topology.Node, l *chainLink) []Ruling {
	g := e.graph
	list := e.rules.Rulings(&Question{Edge: &topology.Edge{From: g.Entity(l.tie.from), To: g.Entity(l.tie.to), Type: g.TypeName(l.typ)}})
	if !e.rules.HasCauses() {
		return list
	}
	for _, cause := range e.namesOn(to) {
		for _, effect := range e.namesOn(from) {
			list = append(list, e.rules.Rulings(&Question{Cause: cause, Effect: effect})...)
		}
	}
	return list
}

// namesOn lists the names of some symptoms of an entity, each once.
func (e *Engine) namesOn(n topology.Node) []string {
	st := e.local(n).site
	if st == nil {
		return nil
	}
	var names []string
	for _, num := range st.symptoms[:min(len(st.symptoms), causeAsked)] {
		names = append(names, e.symptoms.get(num).name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
