package correlate

import (
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
	"quell/correlate/trend"
)

// testRules is the smallest set of rules: an alert names its entity, and "on" the node that it runs on.
type testRules struct {
	holds      map[string]time.Duration
	edges      []topology.Edge
	types      map[string]topology.Traits
	heartbeats []HeartbeatRule
}

// compileTest reads dependencies, "FROM TYPE TO" a line, from the first rule file, and knows one pack, "calls-own", by which who
// calls is made of what it calls.
func compileTest(p *Policy) (Rules, error) {
	r := testRules{heartbeats: p.Heartbeats, holds: map[string]time.Duration{"PageNow": 0, "Quick": time.Minute}}
	for _, f := range p.Rules {
		for line := range strings.Lines(f.Text) {
			if w := strings.Fields(line); len(w) == 3 {
				r.edges = append(r.edges, topology.Edge{From: topology.Entity(w[0]), To: topology.Entity(w[2]), Type: w[1]})
			}
		}
	}
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

func (testRules) Aspect(l Labels) Aspect {
	switch name := l.Get("alertname"); {
	case strings.Contains(name, "Slow") || strings.Contains(name, "Errors"):
		return AspectEffect
	case name == "X":
		return AspectUnknown
	}
	return AspectState
}

// Heartbeats takes the matchers of a rule for names of alerts.
func (r testRules) Heartbeats(l Labels) []string {
	var names []string
	for i := range r.heartbeats {
		if slices.Contains(r.heartbeats[i].Matchers, l.Get("alertname")) {
			names = append(names, r.heartbeats[i].Name)
		}
	}
	return names
}

func (testRules) Overheard() bool { return false }

func (testRules) HasCauses() bool { return true }

func (testRules) Delay(Labels) time.Duration { return 0 }

func (r testRules) Hold(l Labels, _ Severity) (HoldRule, bool) {
	if l.Get("alertname") == "Patient" {
		return HoldRule{Hold: 2 * time.Minute, Threshold: 0.7, Max: 4 * time.Minute, Why: "rule Patient", Rule: testRule("holds", "Patient")}, true
	}
	d, ok := r.holds[l.Get("alertname")]
	if !ok {
		return HoldRule{}, false
	}
	return HoldRule{Hold: d, Why: "rule " + l.Get("alertname"), Rule: testRule("holds", l.Get("alertname"))}, true
}

// testRule is the identity of a rule of [testRules].
func testRule(section, name string) *RuleID {
	return &RuleID{Section: section, Name: name, File: "test.yml", Line: len(name)}
}

// Critical is what has "vital" in its name, and what a symptom with that label tells of.
func (testRules) Critical(e topology.Entity, l Labels) (CriticalRule, bool) {
	return CriticalRule{Why: "rule vital", Rule: testRule("critical", "vital")}, strings.Contains(e.Name(), "vital") || l.Get("vital") != ""
}

func (testRules) Rulings(*Question) []Ruling { return nil }

func (testRules) HasCritical() bool { return true }

// Chronic knows alerts by which stories try other marks than the default ones.
func (testRules) Chronic(l Labels) (r ChronicRule, ok bool) {
	switch l.Get("alertname") {
	case "FlapsToPage":
		return ChronicRule{Action: ChronicPage, Why: "rule FlapsToPage", Rule: testRule("chronic", "FlapsToPage")}, true
	case "Thrifty":
		return ChronicRule{Budget: 4 * time.Minute, Recoveries: 100, Flaps: trend.Marks{High: 50}, Why: "rule Thrifty"}, true
	case "Patient":
		return ChronicRule{Action: ChronicNone, OverBudget: ChronicNone, Why: "rule Patient"}, true
	}
	return ChronicRule{}, false
}

func (r testRules) EdgeType(name string) (topology.Traits, bool) {
	t, ok := r.types[name]
	return t, ok
}

func (testRules) Event(ev *Event) EventMeaning {
	switch ev.Component {
	case "quell/change":
		return EventMeaning{Change: true}
	case "quell/state", "cluster-autoscaler":
		if m, ok := watched[ev.Reason]; ok {
			return m
		}
	}
	switch ev.Reason {
	case "Started":
		return EventMeaning{Heals: []string{"BackOff"}}
	case "Ready":
		return EventMeaning{Heals: []string{"*"}}
	case "Deleted":
		return EventMeaning{Heals: []string{"*"}, Gone: true}
	case "Starting":
		return EventMeaning{Symptom: true, State: true, Severity: SeverityInfo, Heals: []string{"Unschedulable"}}
	case "NotReady", "CrashLoop", "Unschedulable":
		return EventMeaning{Symptom: true, State: true, Severity: SeverityWarning}
	case "Placed":
		return EventMeaning{Heals: []string{"Starting", "Unschedulable"}}
	case "ScalingReplicaSet", "NodeNotSchedulable":
		return EventMeaning{Change: true}
	}
	return EventMeaning{Symptom: ev.Warning, Severity: SeverityWarning}
}

// watched are some words for how objects are, and what they mean.
var watched = map[string]EventMeaning{
	"PodNotReady":              {Symptom: true, State: true, Severity: SeverityWarning},
	"PodReady":                 {Heals: []string{"*"}},
	"NodeNotReady":             {Symptom: true, State: true, Severity: SeverityError},
	"NodeReady":                {Heals: []string{"*"}},
	"WorkloadUnavailable":      {Symptom: true, State: true, Severity: SeverityError},
	"WorkloadComplete":         {Heals: []string{"*"}},
	"ClaimLost":                {Symptom: true, State: true, Severity: SeverityError},
	"ClaimBound":               {Heals: []string{"*"}},
	"BackoffProgress":          {Progress: true},
	"Rescheduling":             {Progress: true},
	"RolloutProgressing":       {Progress: true, TTL: 5 * time.Minute},
	"TriggeredScaleUp":         {Progress: true, TTL: 4 * time.Minute},
	"ScaleUpTriggered":         {Progress: true},
	"BackoffExhausted":         {Symptom: true, Exhausted: true, State: true, Severity: SeverityWarning},
	"ProgressDeadlineExceeded": {Symptom: true, Exhausted: true, State: true, Severity: SeverityError},
	"AutoscalerAtMax":          {Symptom: true, Exhausted: true, State: true, Severity: SeverityInfo, Heals: []string{"*"}},
	"AutoscalerWorks":          {Heals: []string{"*"}},
}

// Cause knows one: a full disk makes pods fail that are near it.
func (testRules) Cause(cause, effect string) (float64, bool) {
	return 0.5, cause == "DiskFull" && effect == "PodDown"
}

func (r testRules) Dependencies() []topology.Edge { return r.edges }

func sortedKeys(m rowStore) []string { return slices.Sorted(maps.Keys(m)) }

func sortedAlerts(m map[string]*Alert) []string { return slices.Sorted(maps.Keys(m)) }

// Muting knows nothing: stories that need it take rules of their own, see "# rule:".
func (testRules) Muting(Labels) Muting { return Muting{} }

func (testRules) Enrich(Labels, topology.Entity) Enrichment { return Enrichment{} }

func (testRules) HasEnrichments() bool { return false }

func (testRules) Expected() []HeartbeatRule { return nil }

func (testRules) Beats(*Event) []string { return nil }
