package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

func TestEdgeTypesKeepWhatIsBuiltInAndTheFirstFileWins(t *testing.T) {
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{
		{Name: "a.yml", Text: `
edge_types:
- {name: calls, weight: 0.5, redundancy: any}
- {name: replicates, owns: true, weight: 1, redundancy: 2}
- {name: owns, redundancy: all}
`},
		{Name: "b.yml", Text: "edge_types: [{name: calls, weight: 0}, {name: mounts, owns: true}]"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]topology.Traits{
		"calls":      {Weight: 0.5, Needs: topology.NeedsAny},
		"replicates": {Weight: 1, Owns: true, Needs: 2},
		"owns":       {Weight: 0.9, Owns: true, Needs: topology.NeedsAll},
		"mounts":     {Weight: 0.9, Owns: true},
	} {
		if got, ok := s.EdgeType(name); !ok || got != want {
			t.Errorf("%s: got %+v %v, want %+v", name, got, ok, want)
		}
	}
	if got, ok := s.EdgeType("runs_on"); ok {
		t.Errorf("no rule speaks of runs_on, got %+v", got)
	}
}

func TestEdgeTypesAreStrict(t *testing.T) {
	_, err := Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `edge_types:
- {name: a, weight: 1.5}
- {name: b, weight: high}
- {name: c, redundancy: sum}
- {name: d, redundancy: 0}
- {name: e}
- {name: f, wieght: 0.5, owns: true}
- {name: g, owns: true}
- {name: g, owns: false}
- {weight: 0.5}
- {name: h, weight: .nan}
`}}})
	want := `a.yml:2:21: "1.5" is not between 0 and 1
a.yml:3:21: want a number, got text
a.yml:4:25: "sum" is neither a whole number nor one of all, any
a.yml:5:25: "0" is not between 1 and 1000000
a.yml:6:3: edge type that says nothing (give weight, owns or redundancy)
a.yml:7:13: unknown key "wieght" (did you mean weight?)
a.yml:9:10: second rule of name "g" (the first is in line 8: give each its own, or put both into one)
a.yml:10:3: key "name" is missing
a.yml:11:21: the number is not finite`
	if err == nil {
		t.Fatal("all of it was accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
