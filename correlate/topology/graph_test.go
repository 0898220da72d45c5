package topology

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edgeKey is an edge in the dumb model: a set with, for counting sources, how often it was added.
type edgeKey struct {
	Edge
	source string
}

// TestGraphEqualsASetOfEdges adds and removes at random and compares every list and count with a set of edges that is searched
// from end to end.
func TestGraphEqualsASetOfEdges(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, model := New(), make(map[edgeKey]int)
		for range 300 {
			k := edgeKey{Edge{
				From: Entity(fmt.Sprintf("pod/%d", r.IntN(6))), To: Entity(fmt.Sprintf("pod/%d", r.IntN(6))),
				Type: []string{"calls", "owns", "runs_on"}[r.IntN(3)],
			}, []string{"api", "config"}[r.IntN(2)]}
			counted := edgeKey{k.Edge, "labels"}
			switch r.IntN(5) {
			case 0, 1:
				g.Apply(&Update{Edges: []Edge{k.Edge}}, k.source)
				model[k] = 1
			case 2:
				g.Apply(&Update{RemoveEdges: []Edge{k.Edge}}, k.source)
				delete(model, k)
			case 3:
				g.Ref(counted.Edge, "labels")
				model[counted]++
			case 4:
				g.Unref(counted.Edge, "labels")
				if model[counted]--; model[counted] <= 0 {
					delete(model, counted)
				}
			}
			for k := range model {
				if k.From == k.To {
					delete(model, k)
				}
			}
		}
		compareGraph(t, seed, g, model)
	}
}

func compareGraph(t *testing.T, seed uint64, g *Graph, model map[edgeKey]int) {
	t.Helper()
	for i := range 6 {
		e := Entity(fmt.Sprintf("pod/%d", i))
		n := g.Intern(e)
		var deps, owners []string
		dependents, parts := map[Entity]bool{}, map[Entity]bool{}
		for k := range model {
			owns := TraitsOf(k.Type).Owns
			switch {
			case k.From == e && !owns:
				deps = append(deps, fmt.Sprint(k.To, k.Type, k.source))
			case k.To == e && owns:
				owners = append(owners, fmt.Sprint(k.From, k.Type, k.source))
			case k.To == e:
				dependents[k.From] = true
			case k.From == e:
				parts[k.To] = true
			}
		}
		slices.Sort(deps)
		slices.Sort(owners)
		list := func(arcs []Arc) (out []string) {
			for _, a := range arcs {
				out = append(out, fmt.Sprint(g.Entity(a.Node), g.TypeName(a.Type), g.sources.names[a.Source]))
			}
			return out
		}
		if diff := cmp.Diff(deps, list(g.Dependencies(n))); diff != "" {
			t.Errorf("seed %d: dependencies of %s (-want +got):\n%s", seed, e, diff)
		}
		if diff := cmp.Diff(owners, list(g.Owners(n))); diff != "" {
			t.Errorf("seed %d: owners of %s (-want +got):\n%s", seed, e, diff)
		}
		if d, p := g.Dependents(n); d != len(dependents) || p != len(parts) {
			t.Errorf("seed %d: %s has %d dependents and %d parts, want %d and %d", seed, e, d, p, len(dependents), len(parts))
		}
	}
	if _, edges := g.Len(); edges != len(model) {
		t.Errorf("seed %d: %d edges, want %d", seed, edges, len(model))
	}
}

// TestRemovedEntityKeepsWhatAlertsSay removes an entity that a live alert's labels connect.
func TestRemovedEntityKeepsWhatAlertsSay(t *testing.T) {
	g := New()
	g.Apply(&Update{Entities: []Labeled{{ID: "pod/a"}}, Edges: []Edge{{From: "pod/a", To: "node/n", Type: "runs_on"}}}, "api")
	g.Ref(Edge{From: "service/s", To: "pod/a", Type: "selects"}, "labels")
	c := g.Apply(&Update{RemoveEntities: []Entity{"pod/a"}}, "api")
	a, _ := g.Find("pod/a")
	if len(g.Dependencies(a)) != 0 || len(g.Owners(a)) != 1 {
		t.Errorf("got dependencies %v and owners %v, want none and the service", g.Dependencies(a), g.Owners(a))
	}
	if !slices.Contains(c.Departures, a) {
		t.Errorf("departures %v lack the entity that lost its dependency", c.Departures)
	}
	g.Unref(Edge{From: "service/s", To: "pod/a", Type: "selects"}, "labels")
	g.Release(a)
	if _, ok := g.Find("pod/a"); ok {
		t.Error("an entity of which nothing is known is still there")
	}
}

func TestEntityParts(t *testing.T) {
	for _, c := range []struct {
		entity                         Entity
		kind, namespace, name, cluster string
	}{
		{NewEntity("Pod", "shop", "cart-1", "prod-eu"), "pod", "shop", "cart-1", "prod-eu"},
		{NewEntity("node", "", "n1", ""), "node", "", "n1", ""},
		{NewEntity("database", "", "adoptions@db", ""), "database", "", "adoptions", "db"},
		{NewEntity("service", "a/b", "c/d", "e@f"), "service", "a_b", "c_d", "e_f"},
		{"pod/a@b/c", "pod", "a@b", "c", ""},
	} {
		got := []string{c.entity.Kind(), c.entity.Namespace(), c.entity.Name(), c.entity.Cluster()}
		if diff := cmp.Diff([]string{c.kind, c.namespace, c.name, c.cluster}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.entity, diff)
		}
	}
	for _, bad := range []string{"", "pod", "pod/", "/a", "pod//a", "pod/a/", "pod/a\nb", "pod/\xff"} {
		if _, err := ParseEntity(bad); err == nil {
			t.Errorf("ParseEntity(%q) is accepted", bad)
		}
	}
}
