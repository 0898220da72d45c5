package correlate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// mutesFrom is the first seed whose world has rules that mute: those before it stay as they were.
const mutesFrom = 2_000_000

// muteRules are those of a world, each with the matchers that a rule file would have.
type muteRules struct {
	inhibit  []inhibitRule
	suppress []suppressRule
	expect   []expectRule
}

type inhibitRule struct {
	*InhibitRule
	source, target labels.Matchers
}

type suppressRule struct {
	*SuppressRule
	target labels.Matchers
}

type expectRule struct {
	*ExpectRule
	target labels.Matchers
}

// muting draws rules for what shows in the script of a world.
func (w *world) muting() *muteRules {
	r := rand.New(rand.NewPCG(w.seed, 29))
	var alerts []labels.Matchers
	var changes []string
	for _, en := range w.script {
		switch in := en.input.(type) {
		case *Alert:
			alerts = append(alerts, labels.Matchers{equal("alertname", in.Labels.Get("alertname"))}, labels.Matchers{equal("severity", in.Labels.Get("severity"))})
		case *Event:
			alerts = append(alerts, labels.Matchers{equal("alertname", in.Reason)})
			changes = append(changes, in.Reason)
		}
	}
	m := &muteRules{}
	if len(alerts) == 0 {
		return m
	}
	for k := range r.IntN(4) {
		rule := &InhibitRule{Equal: pick(r, [][]string{nil, {"cluster"}, {"quell_entity"}, {"cluster", "severity"}, {"namespace"}}), Why: fmt.Sprint("rule i", k)}
		m.inhibit = append(m.inhibit, inhibitRule{rule, pick(r, alerts), pick(r, alerts)})
	}
	for k := range r.IntN(3) {
		rule := &SuppressRule{For: time.Duration(1+r.IntN(120)) * time.Minute, Notice: r.IntN(2) == 0, Incidents: r.IntN(3) == 0, Why: fmt.Sprint("rule s", k)}
		m.suppress = append(m.suppress, suppressRule{rule, pick(r, alerts)})
	}
	for k := range r.IntN(3) {
		rule := &ExpectRule{For: time.Duration(1+r.IntN(30)) * time.Minute, Why: fmt.Sprint("rule e", k)}
		if len(changes) > 0 && r.IntN(2) == 0 {
			rule.Reasons = []string{pick(r, changes)}
		}
		if r.IntN(2) == 0 {
			rule.NotFor = SeverityCritical
		}
		m.expect = append(m.expect, expectRule{rule, pick(r, alerts)})
	}
	return m
}

// Muting is what the rules of a world say.
func (r worldRules) Muting(l Labels) (m Muting) {
	if r.mutes == nil {
		return m
	}
	set := labelSet(l)
	for _, x := range r.mutes.inhibit {
		if x.source.Matches(set) {
			m.Sources = append(m.Sources, x.InhibitRule)
		}
		if x.target.Matches(set) {
			m.Targets = append(m.Targets, x.InhibitRule)
		}
	}
	for _, x := range r.mutes.suppress {
		if x.target.Matches(set) {
			m.Suppress = append(m.Suppress, x.SuppressRule)
		}
	}
	for _, x := range r.mutes.expect {
		if x.target.Matches(set) {
			m.Expect = append(m.Expect, x.ExpectRule)
		}
	}
	return m
}

func labelSet(l Labels) model.LabelSet {
	set := model.LabelSet{}
	for name, value := range l.All() {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set
}

// inhibited is what the dumb model knows of inhibition: it looks at each rule and at each symptom, as Alertmanager does.
func (m *muteRules) inhibited(e *Engine, target *symptom) bool {
	set := labelSet(target.labels)
	for _, rule := range m.inhibit {
		if !rule.target.Matches(set) {
			continue
		}
		twoSided := rule.source.Matches(set)
		for _, num := range e.symptoms.numbers() {
			source := e.symptoms.get(num)
			if !source.active() {
				continue
			}
			of := labelSet(source.labels)
			same := !slices.ContainsFunc(rule.Equal, func(name string) bool { return of[model.LabelName(name)] != set[model.LabelName(name)] })
			if rule.source.Matches(of) && same && !(twoSided && rule.target.Matches(of)) {
				return true
			}
		}
	}
	return false
}

// mutedFor is until when rules mute a symptom, by the dumb model; the zero time if none does.
func (m *muteRules) mutedFor(e *Engine, s *symptom) (until time.Time) {
	if m == nil {
		return until
	}
	if m.inhibited(e, s) {
		return fromNano(endless)
	}
	i := e.incidents[s.incident]
	if i != nil && (i.state == Escalated || i.state == Acknowledged || i.overdrawn) {
		return until
	}
	now, set := fromNano(e.now), labelSet(s.labels)
	for _, rule := range m.suppress {
		own := rule.target.Matches(set)
		for _, num := range e.symptoms.numbers() {
			t := e.symptoms.get(num)
			whole := rule.Incidents && i != nil && t.incident == i.id && t.node == i.root && t.active() && s.severity <= t.severity && !own
			if ends := fromNano(t.began).Add(rule.For); (t == s || whole) && rule.target.Matches(labelSet(t.labels)) && ends.After(now) {
				until = latest(until, ends)
			}
		}
	}
	near := map[string]bool{}
	for _, rule := range m.expect {
		if !rule.target.Matches(set) || rule.NotFor != SeverityUnset && s.severity >= rule.NotFor {
			continue
		}
		if len(near) == 0 {
			near = nearChanges(e, s)
		}
		for entity, c := range e.changes.of {
			if !near[string(entity)] {
				continue
			}
			for _, c := range append([]change{c}, c.Earlier...) {
				reason, _, _ := strings.Cut(c.Text, ", ")
				at := fromNano(c.was())
				if ends := at.Add(rule.For); !at.After(fromNano(s.since+changeSlack)) && ends.After(now) && (len(rule.Reasons) == 0 || slices.Contains(rule.Reasons, reason)) && rule.means(entity) {
					until = latest(until, ends)
				}
			}
		}
	}
	return until
}

// means reports whether a rule is about changes of an entity. The patterns of these rules end in the only "*" that they have.
func (r expectRule) means(entity topology.Entity) bool {
	named := func(pattern string) bool {
		prefix, rest := strings.CutSuffix(pattern, "*")
		return string(entity) == pattern || rest && strings.HasPrefix(string(entity), prefix) && !strings.ContainsAny(string(entity)[len(prefix):], "/")
	}
	return (len(r.Kinds) == 0 || slices.Contains(r.Kinds, entity.Kind())) && (len(r.Entities) == 0 || slices.ContainsFunc(r.Entities, named))
}

// nearChanges are the entities of which a change may show on a symptom's.
func nearChanges(e *Engine, s *symptom) map[string]bool {
	near := map[string]bool{}
	for n := range e.graph.Nodes() {
		near[string(e.graph.Entity(n))] = false
	}
	add := func(n string) { near[n] = true }
	for n := range e.graph.Nodes() {
		entity := e.graph.Entity(n)
		leans := false
		e.leansOn(s.node, func(x topology.Entity) { leans = leans || x == entity })
		if !leans {
			continue
		}
		add(string(entity))
		for _, a := range e.graph.Owners(n) {
			add(string(e.graph.Entity(a.Node)))
			for _, b := range e.graph.Owners(a.Node) {
				add(string(e.graph.Entity(b.Node)))
			}
		}
	}
	e.leansOn(s.node, func(x topology.Entity) { add(string(x)) })
	return near
}

// saysMuted reports whether a reason is that all of an incident is muted, and ended whether it no longer is.
func saysMuted(reason string) (waits, ended bool) {
	word, _, _ := strings.Cut(reason, " ")
	waits = slices.Contains([]string{"silenced:", "inhibited:", "suppressed:", "expected:", "muted:"}, word)
	for _, how := range []string{"silenced by ", "inhibited by ", "suppressed by ", "expected after "} {
		ended = ended || strings.HasPrefix(reason, "no longer "+how)
	}
	return waits, ended
}
