package correlate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// policyOf has dependencies, "FROM TYPE TO" a line.
func policyOf(lines ...string) *Policy {
	return &Policy{AlertTimeout: -1, Rules: []RuleFile{{Name: "test", Text: strings.Join(lines, "\n")}}}
}

func fire(at time.Time, name, entity string) *Alert {
	a := &Alert{Labels: LabelsOf("alertname", name, "quell_entity", entity), StartsAt: at, Source: "prometheus/test"}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

// A dependency of the rules explains like any other, also what is ill already, and until the rules no longer tell it.
func TestRulesTellDependenciesWhileTheyAreInForce(t *testing.T) {
	const edge = "service/shop learned service/bank"
	open := func(e *Engine) (n int) {
		for _, i := range e.incidents {
			if i.state.Open() {
				n++
			}
		}
		return n
	}
	alerts := []Input{fire(start, "Down", "service/bank"), fire(start, "Slow", "service/shop")}
	for _, c := range []struct {
		name   string
		inputs [][]Input
		want   int
	}{
		{"without", [][]Input{alerts}, 2},
		{"before", [][]Input{{policyOf(edge)}, alerts}, 1},
		{"after", [][]Input{alerts, {policyOf(edge)}}, 1},
		{"no longer", [][]Input{{policyOf(edge)}, {policyOf()}, alerts}, 2},
		{"removed by the API", [][]Input{{policyOf(edge)}, {&Topology{Update: topology.Update{RemoveEntities: []topology.Entity{"service/shop"}}, Source: "api"}}, alerts}, 1},
	} {
		e, err := New(compileTest, *policyOf())
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range c.inputs {
			e.Step(start, in)
		}
		if got := open(e); got != c.want {
			t.Errorf("%s: got %d open incidents, want %d", c.name, got, c.want)
		}
	}
}

// TestDependenciesOfRulesAreNoState changes policies, topology and alerts at random, and compares with a twin that is
// stored and loaded before each step: rows, effects and everything derived must be equal, whatever came first.
func TestDependenciesOfRulesAreNoState(t *testing.T) {
	entity := func(r *rand.Rand) string { return fmt.Sprintf("service/s/v%d", r.IntN(5)) }
	seeds := uint64(60)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 11))
		e, err := New(compileTest, *policyOf())
		if err != nil {
			t.Fatal(err)
		}
		store := newRowStore()
		store.take(e)
		for k := range 40 {
			at := start.Add(time.Duration(k) * 20 * time.Second)
			var inputs []Input
			switch r.IntN(4) {
			case 0:
				var lines []string
				for range r.IntN(5) {
					lines = append(lines, entity(r)+" "+[]string{"learned", "calls", "owns"}[r.IntN(3)]+" "+entity(r))
				}
				inputs = append(inputs, policyOf(lines...))
			case 1:
				edge := topology.Edge{From: topology.Entity(entity(r)), To: topology.Entity(entity(r)), Type: "calls"}
				inputs = append(inputs, &Topology{Update: topology.Update{Edges: []topology.Edge{edge}}, Source: "api"})
			default:
				a := fire(at, "Down", entity(r))
				if r.IntN(2) == 0 {
					a.EndsAt = at
				}
				inputs = append(inputs, a)
			}
			twin := store.load(t)
			effects := e.Step(at, inputs)
			if other := twin.Step(at, inputs); !reflect.DeepEqual(effects, other) {
				t.Fatalf("seed %d: the twin decided differently (-engine +twin):\n%s", seed, cmp.Diff(effects, other))
			}
			store.take(e)
			store.check(t, e)
			if live, loaded := derived(e), derived(store.load(t)); !maps.Equal(live, loaded) {
				t.Fatalf("seed %d: derived state depends on history:\n%s", seed, cmp.Diff(live, loaded))
			}
		}
		if got := store.load(t).rules.Dependencies(); !slices.Equal(got, e.rules.Dependencies()) {
			t.Errorf("seed %d: loading lost dependencies", seed)
		}
	}
}
