package correlate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate/topology"
)

const (
	// mutedCorpusFile names the seeds of muted worlds that failed once.
	mutedCorpusFile = "testdata/simulation/muted.txt"
	// mutedSalt is what the seed of a muted world's rules and the rest that it has more of is made with.
	mutedSalt = 37
)

// TestSimulationOfMutedWorlds plays worlds as TestSimulationOfWorlds does, in which rules mute much: each has some rules under suppress, inhibit
// and expect whose conditions hold often, reloads that take rules out of force and put them back, sources that flap, and changes that are told late,
// twice and out of order. All that holds of other worlds holds of these, above all that what goes on when its mute ends pages then.
func TestSimulationOfMutedWorlds(t *testing.T) {
	if *seed != 0 {
		playThe(t, newMutedWorld(*seed), "")
		return
	}
	failedOnce, known := corpus(t, mutedCorpusFile)
	list := slices.Clone(failedOnce)
	for k := range uint64(*seeds) {
		if n := *base + k; !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	for _, n := range list {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			playThe(t, newMutedWorld(n), known[n])
		})
	}
}

// newMutedWorld makes the world of a seed, with more of what mutes.
func newMutedWorld(seed uint64) *world {
	w := newWorld(seed)
	w.mutes = nil
	m := &mutedWorld{world: w, r: rand.New(rand.NewPCG(seed, mutedSalt))}
	m.seen()
	if len(m.names) == 0 {
		return w
	}
	w.mutes = &muteRules{}
	m.inhibits()
	m.suppresses()
	m.expects()
	m.flaps()
	m.changes()
	m.reloads()
	if m.r.IntN(3) == 0 {
		w.script = w.silenced(w.script)
	}
	slices.SortStableFunc(w.script, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	return w
}

// mutedWorld adds to a world what mutes.
type mutedWorld struct {
	*world
	r       *rand.Rand
	names   []labels.Matchers // that match what shows in the script
	about   []topology.Entity // of which alerts are
	sources []Labels          // of alerts that flap, which rules may be about
}

// seen notes what the script shows.
func (m *mutedWorld) seen() {
	for _, en := range m.script {
		switch in := en.input.(type) {
		case *Alert:
			m.names = append(m.names, labels.Matchers{equal("alertname", in.Labels.Get("alertname"))})
			if severity := in.Labels.Get("severity"); m.r.IntN(4) == 0 {
				m.names = append(m.names, labels.Matchers{equal("severity", severity)})
			}
			m.about = append(m.about, topology.Entity(in.Labels.Get("quell_entity")))
		case *Event:
			m.names = append(m.names, labels.Matchers{equal("alertname", in.Reason)})
			m.about = append(m.about, in.Entity)
		}
	}
}

// inhibits draws inhibit rules: of alerts by others, by themselves, and by alerts that flap; over labels that many lack.
func (m *mutedWorld) inhibits() {
	for k := range 1 + m.r.IntN(3) {
		rule := &InhibitRule{Why: fmt.Sprint("rule i", k), Rule: &RuleID{Section: "inhibit", Name: fmt.Sprint("i", k)}}
		rule.Equal = pick(m.r, [][]string{nil, nil, {"cluster"}, {"quell_entity"}, {"none", "on"}, {"severity"}, {"on"}})
		x := inhibitRule{rule, pick(m.r, m.names), pick(m.r, m.names)}
		switch m.r.IntN(4) {
		case 0:
			name := fmt.Sprint("Flaps", k)
			x.source = labels.Matchers{equal("alertname", name)}
			severity := pick(m.r, []string{"info", "warning", "critical"})
			m.sources = append(m.sources, LabelsOf("alertname", name, "quell_entity", fmt.Sprint("external/flaps-", k), "severity", severity))
			if m.r.IntN(2) == 0 {
				rule.Equal = nil
			}
		case 1:
			x.source = x.target
		}
		m.mutes.inhibit = append(m.mutes.inhibit, x)
	}
}

func (m *mutedWorld) suppresses() {
	for k := range m.r.IntN(4) {
		rule := &SuppressRule{For: time.Duration(60+m.r.IntN(3600)) * time.Second, Notice: m.r.IntN(2) == 0, Incidents: m.r.IntN(2) == 0, Why: fmt.Sprint("rule s", k)}
		rule.Rule = &RuleID{Section: "suppress", Name: fmt.Sprint("s", k)}
		m.mutes.suppress = append(m.mutes.suppress, suppressRule{rule, pick(m.r, m.names)})
	}
}

func (m *mutedWorld) expects() {
	for k := range m.r.IntN(4) {
		rule := &ExpectRule{For: time.Duration(1+m.r.IntN(1800)) * time.Second, Why: fmt.Sprint("rule e", k), Rule: &RuleID{Section: "expect", Name: fmt.Sprint("e", k)}}
		rule.NotFor = pick(m.r, []Severity{SeverityUnset, SeverityUnset, SeverityWarning, SeverityError, SeverityCritical})
		rule.Reasons = pick(m.r, [][]string{nil, {"Rollout"}, {"ScalingReplicaSet", "Rollout"}, {"Deploy"}})
		rule.Kinds = pick(m.r, [][]string{nil, nil, {"deployment"}, {"node", "deployment"}, {"service"}})
		if m.r.IntN(4) == 0 {
			rule.Entities = []string{string(pick(m.r, m.about)), "deployment/shop/*"}
		}
		m.mutes.expect = append(m.mutes.expect, expectRule{rule, pick(m.r, m.names)})
	}
}

// flaps lets sources come and go, most of them for longer than they are away.
func (m *mutedWorld) flaps() {
	for _, l := range m.sources {
		a := Alert{Labels: l, Fingerprint: l.Fingerprint(), Source: "alertmanager/a:9093"}
		at := time.Duration(m.r.Int64N(int64(horizon / 2))).Truncate(time.Second)
		on, off := time.Duration(5+m.r.IntN(1200))*time.Second, time.Duration(5+m.r.IntN(200))*time.Second
		for range 1 + m.r.IntN(40) {
			fires := a
			fires.StartsAt = start.Add(at)
			ends := fires
			ends.EndsAt = start.Add(at + on)
			if at+on >= horizon {
				break
			}
			m.script = append(m.script, entry{at: at, input: &fires})
			if m.r.IntN(20) > 0 { // else nobody says that it is over
				m.script = append(m.script, entry{at: at + on, input: &ends})
			}
			at += on + off
		}
	}
}

// changes tells of changes, some of them twice, late, or after later ones.
func (m *mutedWorld) changes() {
	for k := range m.r.IntN(12) {
		ev := Event{Entity: m.changed(), Reason: pick(m.r, []string{"Rollout", "Deploy", "ScalingReplicaSet", "NodeNotSchedulable"}), Count: 1, Source: "kubernetes/k"}
		if ev.Reason == "Rollout" || ev.Reason == "Deploy" {
			ev.Component = ChangeComponent
		}
		ev.Message = pick(m.r, []string{"", "image v1 to v2", "a, b"})
		if m.r.IntN(2) == 0 {
			ev.ID = fmt.Sprint("change-", k%3)
		}
		at := time.Duration(m.r.Int64N(int64(horizon))).Truncate(time.Second)
		if m.r.IntN(3) > 0 {
			ev.At = start.Add(at - time.Duration(m.r.IntN(1500))*time.Second*time.Duration(m.r.IntN(2)))
		}
		for range 1 + m.r.IntN(3) {
			told := ev
			m.script = append(m.script, entry{at: at, input: &told})
			if at += time.Duration(m.r.IntN(400)) * time.Second; at >= horizon {
				break
			}
		}
	}
}

// changed is something of which alerts are, what owns that, or a node.
func (m *mutedWorld) changed() topology.Entity {
	switch m.r.IntN(3) {
	case 0:
		return pick(m.r, m.nodes)
	case 1:
		return pick(m.r, m.services).workload
	}
	return pick(m.r, m.about)
}

// reloads takes some rules out of force, and puts others back.
func (m *mutedWorld) reloads() {
	for range m.r.IntN(4) {
		p := m.policy
		p.Disabled = nil
		for _, rules := range []struct {
			letter string
			count  int
		}{{"i", len(m.mutes.inhibit)}, {"s", len(m.mutes.suppress)}, {"e", len(m.mutes.expect)}} {
			for k := range rules.count {
				if m.r.IntN(2) == 0 {
					p.Disabled = append(p.Disabled, fmt.Sprint(rules.letter, k))
				}
			}
		}
		m.script = append(m.script, entry{at: time.Duration(m.r.Int64N(int64(horizon))).Truncate(time.Second), input: &p})
	}
}

// without is what is left of the rules when those that a policy names are out of force.
func (m *muteRules) without(p *Policy) *muteRules {
	if m == nil || p == nil || len(p.Disabled) == 0 {
		return m
	}
	out := func(r *RuleID) bool { return r != nil && slices.Contains(p.Disabled, r.Name) }
	return &muteRules{
		inhibit:  slices.DeleteFunc(slices.Clone(m.inhibit), func(x inhibitRule) bool { return out(x.Rule) }),
		suppress: slices.DeleteFunc(slices.Clone(m.suppress), func(x suppressRule) bool { return out(x.Rule) }),
		expect:   slices.DeleteFunc(slices.Clone(m.expect), func(x expectRule) bool { return out(x.Rule) }),
	}
}
