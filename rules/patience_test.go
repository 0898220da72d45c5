package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

const criticalRules = `
critical:
- {name: checkout, entities: [service/shop/checkout, "deployment/pay/*"], why: without it nobody can pay}
- {name: one-cluster, entities: [node/db-1@eu]}
- {name: tier, matchers: ['tier="1"', 'env="prod"']}
`

func TestCriticalNamesEntitiesByPatternAndSymptomsByLabels(t *testing.T) {
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: criticalRules}}})
	if err != nil {
		t.Fatal(err)
	}
	const checkout = `a.yml:3 "checkout": without it nobody can pay`
	for _, c := range []struct {
		entity topology.Entity
		labels correlate.Labels
		want   string
	}{
		{"service/shop/checkout", "", checkout},
		{"service/shop/checkout@eu", "", checkout},
		{"service/shop/checkout-2", "", ""},
		{"deployment/pay/ledger@us", "", checkout},
		{"deployment/pay-2/ledger", "", ""},
		{"node/db-1@eu", "", `a.yml:4 "one-cluster"`},
		{"node/db-1@us", "", ""},
		{"node/db-1", "", ""},
		{"service/shop/web", correlate.LabelsOf("tier", "1", "env", "prod"), `a.yml:5 "tier"`},
		{"service/shop/web", correlate.LabelsOf("tier", "1", "env", "test"), ""},
		{"service/shop/checkout", correlate.LabelsOf("tier", "1", "env", "prod"), checkout},
	} {
		if rule, ok := s.Critical(c.entity, c.labels); rule.Why != c.want || ok != (c.want != "") {
			t.Errorf("%s %v: got %q %v, want %q", c.entity, c.labels, rule.Why, ok, c.want)
		}
	}
	if !s.HasCritical() {
		t.Error("no entity is critical")
	}
}

func TestMistakesInCriticalRulesHavePositions(t *testing.T) {
	_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `critical:
- {name: neither}
- {name: both, entities: [node/a], matchers: ['a="b"']}
- {name: pattern, entities: ["node/a[1]", "*/shop/a", checkout, Service/shop/a]}
- {name: pattern, entities: [node/b]}
- {entities: [node/b]}
`}}})
	const want = `a.yml:2:3: critical rule that names neither, or both (give either entities or matchers)
a.yml:3:3: critical rule that names neither, or both (give either entities or matchers)
a.yml:4:30: entity "node/a[1]" has a character that patterns reserve (only * has a meaning)
a.yml:4:43: entity "*/shop/a" names no kind (write the kind out: service/shop/*)
a.yml:4:55: entity id "checkout" has no kind and name (want kind/name or kind/namespace/name)
a.yml:4:65: kind "Service" is not written like that (kinds are lower case and singular: "service")
a.yml:5:10: second rule of name "pattern" (the first is in line 4: give each its own, or put both into one)
a.yml:6:3: key "name" is missing`
	if err == nil {
		t.Fatal("all of it was accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestHoldsThatContradictThemselvesHavePositions(t *testing.T) {
	_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `holds:
- {name: a, matchers: [], hold: 5m, max: 1h}
- {name: b, matchers: [], hold: 5m, max: 1m, threshold: 0.5}
- {name: c, matchers: [], hold: 0s, threshold: 0.5}
- {name: d, matchers: [], hold: 5m, threshold: 1}
`}}})
	const want = `a.yml:2:3: max without a threshold (with threshold: 0.7 the hold lasts longer, up to max, where what is like it heals, and shorter where not)
a.yml:3:3: max is shorter than hold
a.yml:4:3: threshold of a rule that pages at once (give a hold, which is for as long as too little is known)
a.yml:5:48: "1" is not between 0.01 and 0.99`
	if err == nil {
		t.Fatal("all of it was accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
