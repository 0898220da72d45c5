package correlate

import (
	"maps"
	"slices"
	"time"

	"quell/correlate/topology"
)

// testRules is the smallest set of rules: an alert names its entity, and "on" the node that it runs on.
type testRules struct {
	holds map[string]time.Duration
	types map[string]topology.Traits
}

// compileTest knows one pack, "calls-own", by which who calls is made of what it calls.
func compileTest(p *Policy) (Rules, error) {
	r := testRules{holds: map[string]time.Duration{"PageNow": 0, "Quick": time.Minute}}
	if slices.Contains(p.Packs, "calls-own") {
		r.types = map[string]topology.Traits{"calls": {Weight: 0.9, Owns: true, Needs: topology.NeedsAny}}
	}
	return r, nil
}

func (testRules) Entity(l Labels) (topology.Entity, []topology.Edge) {
	entity := topology.Entity(l.Get("quell_entity"))
	var edges []topology.Edge
	if on := l.Get("on"); on != "" {
		edges = append(edges, topology.Edge{From: entity, To: topology.Entity(on), Type: "runs_on"})
	}
	if of := l.Get("of"); of != "" {
		edges = append(edges, topology.Edge{From: topology.Entity(of), To: entity, Type: "owns"})
	}
	return entity, edges
}

func (testRules) Severity(l Labels) Severity { return ParseSeverity(l.Get("severity")) }

func (r testRules) Hold(l Labels, _ Severity) (time.Duration, string, bool) {
	d, ok := r.holds[l.Get("alertname")]
	return d, "rule " + l.Get("alertname"), ok
}

func (r testRules) EdgeType(name string) (topology.Traits, bool) {
	t, ok := r.types[name]
	return t, ok
}

func (testRules) Event(ev *Event) EventMeaning {
	switch ev.Reason {
	case "Started":
		return EventMeaning{Heals: []string{"BackOff"}}
	case "Ready":
		return EventMeaning{Heals: []string{"*"}}
	}
	return EventMeaning{Symptom: ev.Warning, Severity: SeverityWarning}
}

func sortedKeys(m rowStore) []string { return slices.Sorted(maps.Keys(m)) }

func sortedAlerts(m map[string]*Alert) []string { return slices.Sorted(maps.Keys(m)) }
