package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

const causeRules = `
causes:
- {cause: NodeDown, effect: PodDown, on: near, weight: 0.4, note: seen often}
- {cause: DiskFull, effect: WriteErrors, on: same, weight: 1}
- {cause: NodeDown, effect: PodDown, on: same, weight: 0.1}
dependencies:
- {from: service/shop/checkout, to: service/pay/bank@eu, type: learned, note: a coincidence?}
- {from: service/shop/checkout, to: service/pay/bank@eu}
`

func TestCausesAndDependenciesAreRead(t *testing.T) {
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{
		{Name: "a.yml", Text: causeRules},
		{Name: "b.yml", Text: "causes: [{cause: NodeDown, effect: PodDown, on: near, weight: 0.9}]"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if w, ok := s.Cause("NodeDown", "PodDown"); !ok || w != 0.4 {
		t.Errorf("got %v, %v, want 0.4 of the first file", w, ok)
	}
	for _, pair := range [][2]string{{"PodDown", "NodeDown"}, {"DiskFull", "WriteErrors"}} {
		if _, ok := s.Cause(pair[0], pair[1]); ok {
			t.Errorf("%v is known for near entities", pair)
		}
	}
	want := []topology.Edge{
		{From: "service/shop/checkout", To: "service/pay/bank@eu", Type: "learned"}, {From: "service/shop/checkout", To: "service/pay/bank@eu"},
	}
	if diff := cmp.Diff(want, s.Dependencies()); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
}

func TestMistakesInCausesHavePositions(t *testing.T) {
	_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
causes:
- {cause: A, effect: A, on: near, weight: 0.4}
- {cause: A, effect: B, on: far, weight: 2}
- {cause: A, effect: C, on: near, weight: 0.4}
- {cause: A, effect: C, on: near, weight: 0.5}
- {cause: A}
dependencies:
- {from: checkout, to: service/bank}
- {from: service/bank, to: service/bank}
- {from: service/a, to: service/b, type: learned}
- {from: service/a, to: service/b, type: learned, wight: 1}
- {from: Service/a, to: service/b@}
`}}})
	const want = `a.yml:3:3: cause and effect are the same
a.yml:4:29: "far" is none of same, near
a.yml:4:42: "2" is not between 0 and 1
a.yml:6:3: the same cause a second time (the first is in line 5: remove one)
a.yml:7:3: key "effect" is missing
a.yml:7:3: key "on" is missing
a.yml:7:3: key "weight" is missing
a.yml:9:10: entity id "checkout" has no kind and name (want kind/name or kind/namespace/name)
a.yml:10:3: an entity cannot depend on itself
a.yml:12:3: the same dependency a second time (the first is in line 11: remove one)
a.yml:12:51: unknown key "wight"
a.yml:13:10: kind "Service" is not written like that (kinds are lower case and singular: "service")
a.yml:13:25: entity id "service/b@" lacks a name or a cluster (want kind/name@cluster or kind/namespace/name@cluster)`
	if err == nil {
		t.Fatal("got no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
