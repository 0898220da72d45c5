package correlate

import (
	"fmt"
	"testing"
	"time"
)

// manyInhibitions are rules of a source and a target each, found by the name of an alert.
type manyInhibitions struct {
	testRules
	sources, targets map[string]*InhibitRule
}

func (r manyInhibitions) Muting(l Labels) (m Muting) {
	if rule := r.sources[l.Get("alertname")]; rule != nil {
		m.Sources = []*InhibitRule{rule}
	}
	if rule := r.targets[l.Get("alertname")]; rule != nil {
		m.Targets = []*InhibitRule{rule}
	}
	return m
}

// BenchmarkInhibition looks up what inhibits an alert, and lets a source begin and end, with as many active sources as there are rules, or all of them of
// one rule.
func BenchmarkInhibition(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		for _, of := range []string{"rules", "one-rule"} {
			e, alert := inhibitions(b, n, of == "one-rule")
			target := e.alerts[alert("Target0", n/2).Fingerprint]
			b.Run(fmt.Sprintf("ask/%s/sources=%d", of, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if len(e.muters(target)) != 1 {
						b.Fatal("it is not inhibited")
					}
				}
			})
			source := e.alerts[alert("Source0", n/2).Fingerprint]
			b.Run(fmt.Sprintf("flap/%s/sources=%d", of, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e.uninhibits(source)
					e.inhibits(source)
				}
			})
		}
	}
}

// inhibitions is an engine with n active sources, of one rule or of one each, and one target for each; alert makes the alerts again.
func inhibitions(b *testing.B, n int, one bool) (e *Engine, alert func(name string, k int) *Alert) {
	rules := manyInhibitions{sources: make(map[string]*InhibitRule), targets: make(map[string]*InhibitRule)}
	name := func(side string, k int) string {
		if one {
			k = 0
		}
		return fmt.Sprint(side, k)
	}
	alert = func(side string, k int) *Alert {
		side = side[:6]
		a := &Alert{Labels: LabelsOf("alertname", name(side, k), "quell_entity", fmt.Sprintf("host/%s-%d", side, k), "rack", fmt.Sprint(k), "severity", "none"), Source: "prometheus/a"}
		a.Fingerprint = a.Labels.Fingerprint()
		return a
	}
	inputs := make([]Input, 0, 2*n)
	for k := range n {
		rule := rules.sources[name("Source", k)]
		if rule == nil {
			rule = &InhibitRule{Equal: []string{"rack"}}
		}
		rules.sources[name("Source", k)], rules.targets[name("Target", k)] = rule, rule
		inputs = append(inputs, alert("Source", k), alert("Target", k))
	}
	e, err := New(func(*Policy) (Rules, error) { return rules, nil }, Policy{AlertTimeout: -1})
	if err != nil {
		b.Fatal(err)
	}
	e.Step(start.Add(time.Second), inputs)
	return e, alert
}
