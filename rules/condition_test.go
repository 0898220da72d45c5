package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

// TestConditionsNarrowWhatMatchersSelect asks a rule of each section about an alert that its condition is true for, and one that it
// is not.
func TestConditionsNarrowWhatMatchersSelect(t *testing.T) {
	s := compileText(t, `
symptoms:
- {name: loud, matchers: [team=shop], when: 'labels.pod.startsWith("db-") && entity.kind == "pod"', severity: critical}
- {name: slow, when: 'labels.latency_seconds != "" && double(labels.latency_seconds) > 2.5', shows: effect, delay: 10m}
holds:
- {name: night, matchers: [], when: 'severity == "critical" && entity.namespace == "shop"', hold: 7m}
critical:
- {name: money, when: 'labels.tier in ["gold", "platinum"]'}
chronic:
- {name: flappy, matchers: [], when: 'has(labels.flappy)', budget: 2h}
events:
- {reason: [BackupFailed], when: 'entity.namespace == "shop"', meaning: symptom, severity: error}
- {when: 'reason.endsWith("Failed") && component == "backup" && entity.kind == "job"', meaning: ignore}
`)
	db := correlate.LabelsOf("alertname", "X", "team", "shop", "namespace", "shop", "pod", "db-1", "severity", "warning")
	web := correlate.LabelsOf("alertname", "X", "team", "shop", "namespace", "shop", "pod", "web-1", "severity", "warning")
	if a, b := s.Severity(db), s.Severity(web); a != correlate.SeverityCritical || b != correlate.SeverityWarning {
		t.Errorf("severities: got %v and %v", a, b)
	}
	slow, fast := correlate.LabelsOf("latency_seconds", "3"), correlate.LabelsOf("latency_seconds", "1")
	if a, b := s.Aspect(slow), s.Aspect(fast); a != correlate.AspectEffect || b != correlate.AspectUnknown {
		t.Errorf("aspects: got %v and %v", a, b)
	}
	if a, b := s.Delay(slow), s.Delay(fast); a != 10*time.Minute || b != 0 {
		t.Errorf("delays: got %v and %v", a, b)
	}
	if rule, ok := s.Hold(db, s.Severity(db)); !ok || rule.Hold != 7*time.Minute {
		t.Errorf("hold: got %+v, %v", rule, ok)
	}
	if _, ok := s.Hold(web, s.Severity(web)); ok {
		t.Error("an alert that is not critical is held")
	}
	for tier, want := range map[string]bool{"gold": true, "platinum": true, "tin": false, "": false} {
		if _, got := s.Critical("pod/shop/x", correlate.LabelsOf("alertname", "X", "tier", tier)); got != want {
			t.Errorf("critical, tier %q: got %v", tier, got)
		}
	}
	if rule, ok := s.Chronic(correlate.LabelsOf("flappy", "yes")); !ok || rule.Budget != 2*time.Hour {
		t.Errorf("chronic: got %+v, %v", rule, ok)
	}
	if _, ok := s.Chronic(db); ok {
		t.Error("chronic: a label that is missing is there")
	}
	for event, want := range map[correlate.Event]bool{
		{Reason: "BackupFailed", Entity: "job/shop/x", Warning: true}:                       true,
		{Reason: "BackupFailed", Entity: "job/other/x", Warning: true, Component: "x"}:      true, // no rule knows it, but it is a warning
		{Reason: "BackupFailed", Entity: "job/other/x", Warning: true, Component: "backup"}: false,
		{Reason: "CopyFailed", Entity: "job/other/x", Warning: true, Component: "backup"}:   false,
	} {
		if got := s.Event(&event); got.Symptom != want {
			t.Errorf("event %+v: got %+v", event, got)
		}
	}
}

// TestEntitiesAreMadeOfLabels maps alerts by expressions beside labels.
func TestEntitiesAreMadeOfLabels(t *testing.T) {
	s := compileText(t, `
entities:
- name: canaries
  matchers: [pod=~".+-canary-.+"]
  entity:
    kind: deployment
    name: labels.pod.replace("-canary", "").split("-")[0]
    namespace_label: namespace
  depends_on:
  - {kind: zone, name: 'regex.extract(labels.node, "^([a-z]+-[a-z]+-[0-9])").orValue("")', type: in_zone}
- name: queues
  when: labels.queue.contains("/")
  entity: {kind: queue, name: 'labels.queue.split("/")[1]', namespace: 'labels.queue.split("/")[0]', cluster: '"eu"'}
- {name: "never", matchers: [pod=bare], entity: {kind: x, name: labels.nope}}
`)
	for _, c := range []struct {
		labels correlate.Labels
		want   topology.Entity
		edges  []topology.Edge
	}{
		{
			correlate.LabelsOf("pod", "cart-canary-7d9f", "namespace", "shop", "node", "eu-west-1-n7"), "deployment/shop/cart",
			[]topology.Edge{{From: "deployment/shop/cart", To: "zone/eu-west-1", Type: "in_zone"}},
		},
		{correlate.LabelsOf("pod", "cart-canary-7d9f", "namespace", "shop", "node", "n7"), "deployment/shop/cart", nil},
		{correlate.LabelsOf("queue", "shop/orders"), "queue/shop/orders@eu", nil},
		{correlate.LabelsOf("pod", "bare"), "pod/bare", nil},
	} {
		e, edges := s.Entity(c.labels)
		if e != c.want || cmp.Diff(c.edges, edges) != "" {
			t.Errorf("%v: got %s %v, want %s %v", c.labels, e, edges, c.want, c.edges)
		}
	}
}

// TestAnExpressionThatFailsIsToldAndItsRuleDoesNotApply asks rules whose expressions cannot be evaluated: the next rule is taken, and
// no alert is lost.
func TestAnExpressionThatFailsIsToldAndItsRuleDoesNotApply(t *testing.T) {
	var told []Fault
	compile := Telling(func(f Fault) { told = append(told, f) })
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "shop.yml", Text: `
holds:
- {name: many, matchers: [], when: int(labels.replicas) > 3, hold: 20m}
- {name: rest, matchers: [], hold: 1m}
entities:
- {name: shards, matchers: [shard=~".+"], entity: {kind: shard, name: 'string(int(labels.shard) % 4)'}}
`}}})
	if err != nil {
		t.Fatal(err)
	}
	few, none := correlate.LabelsOf("replicas", "2"), correlate.LabelsOf("pod", "x")
	for l, want := range map[correlate.Labels]time.Duration{correlate.LabelsOf("replicas", "4"): 20 * time.Minute, few: time.Minute, none: time.Minute} {
		if rule, _ := s.Hold(l, 0); rule.Hold != want {
			t.Errorf("%v: got %v, want %v", l, rule.Hold, want)
		}
	}
	if e, _ := s.Entity(correlate.LabelsOf("shard", "x", "pod", "db-1")); e != "pod/db-1" {
		t.Errorf("got %s, want what the labels name", e)
	}
	if e, _ := s.Entity(correlate.LabelsOf("shard", "7")); e != "shard/3" {
		t.Errorf("got %s, want shard/3", e)
	}
	want := []Fault{
		{correlate.RuleID{Section: "holds", Name: "many", File: "shop.yml", Line: 3}, "int(labels.replicas) > 3", "type conversion error from 'string' to 'int'"},
		{correlate.RuleID{Section: "entities", Name: "shards", File: "shop.yml", Line: 6}, "string(int(labels.shard) % 4)", "type conversion error from 'string' to 'int'"},
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	// Who asks why is shown it, and it does not count.
	var why []string
	for _, r := range s.Rulings(&correlate.Question{Labels: none}) {
		why = append(why, fmt.Sprintf("%s: %s (%s)", r.About, r.Says, r.Rule))
	}
	if diff := cmp.Diff([]string{
		`hold: held 1m (shop.yml:4 "rest")`,
		`error: does not apply, int(labels.replicas) > 3 went wrong: type conversion error from 'string' to 'int' (shop.yml:3 "many")`,
	}, why); diff != "" || len(told) != len(want) {
		t.Errorf("why, %d told (-want +got):\n%s", len(told), diff)
	}
}

// TestProblemsOfExpressionsAreWhereTheyAre compiles rule files with mistakes in expressions.
func TestProblemsOfExpressionsAreWhereTheyAre(t *testing.T) {
	_, err := Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
holds:
- {name: a, matchers: [], when: labels.x = "y", hold: 5m}
- name: b
  when: |
    labels.x == "y" &&
      serverity == "critical"
  hold: 5m
- {name: c, matchers: [], when: labels.x, hold: 5m}
- {name: d, hold: 5m}
- {name: e, matchers: [], when: 'labels.x.map(a, a)', hold: 5m}
symptoms:
- {name: a, when: severity == "x", severity: error}
entities:
- {name: a, when: entity.kind == "x", entity: {kind: x, name: reason, name_label: x}}
- {name: b, matchers: [], entity: {kind: x}}
- {name: c, matchers: [], entity: {kind: x, name: '[labels.x]'}}
- {name: d, matchers: [], entity: {kind: x, name: labels.x, name_label: x}}
events:
- {when: labels.x == "y", meaning: ignore}
critical:
- {name: a, matchers: [a=b], when: true}
`}}})
	const want = `a.yml:3:42: there is no single = in expressions (write == to compare)
a.yml:7:7: unknown name "serverity" (did you mean severity?)
a.yml:9:33: the expression gives text, want true or false (compare it with something)
a.yml:10:3: key "matchers" is missing (or "when"; matchers: [] matches every alert)
a.yml:11:40: loops walk lists and maps, not text
a.yml:13:19: "severity" is not known here (there are labels, entity.id, entity.kind, entity.name, entity.namespace, entity.cluster)
a.yml:15:19: "entity.kind" is not known here (there are labels)
a.yml:15:63: "reason" is not known here (there are labels)
a.yml:16:35: key "name_label" is missing (or name, an expression)
a.yml:17:52: the expression gives a list of texts, want text
a.yml:18:35: name and name_label are both given
a.yml:20:10: "labels" is not known here (there are entity.id, entity.kind, entity.name, entity.namespace, entity.cluster, reason, component)
a.yml:22:36: want text, got true or false (put it in quotes)`
	if err == nil {
		t.Fatal("got no error")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// thousand are as many rules, with or without conditions, as people write who have many.
func thousand(when bool) *correlate.Policy {
	var b strings.Builder
	b.WriteString("holds:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "- name: team-%d\n  matchers: [alertname=~\"KubePod.*\", namespace=\"team-%d\"]\n", i, i)
		if when {
			fmt.Fprintf(&b, "  when: labels.pod.startsWith(\"cart-%d-\") && severity in [\"critical\", \"error\"]\n", i)
		}
		b.WriteString("  hold: 5m\n")
	}
	return &correlate.Policy{Rules: []correlate.RuleFile{{Name: "many.yml", Text: b.String()}}}
}

// TestRulesAreCompiledOnce bounds what loading a thousand rules takes, by what it allocates: that does not depend on the machine.
func TestRulesAreCompiledOnce(t *testing.T) {
	for when, most := range map[bool]float64{false: 400, true: 1300} {
		p := thousand(when)
		allocs := testing.AllocsPerRun(1, func() {
			if _, err := Compile(p); err != nil {
				t.Fatal(err)
			}
		})
		if perRule := allocs / 1000; perRule > most {
			t.Errorf("conditions %v: %v allocations a rule, want at most %v", when, perRule, most)
		}
	}
}

// BenchmarkCompile is what loading a thousand rules takes.
func BenchmarkCompile(b *testing.B) {
	for _, when := range []bool{false, true} {
		b.Run(fmt.Sprintf("rules=1000/when=%v", when), func(b *testing.B) {
			p := thousand(when)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
