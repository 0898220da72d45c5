package topology

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	prom "github.com/prometheus/common/model"
)

// sets is the dumb model of a graph: sets of claims, searched from end to end.
type sets struct {
	entities map[claimKey]Claim
	edges    map[claimKey]Claim
	counted  map[Edge]int
	sources  map[string]Moment
	owns     map[string]bool
}

type claimKey struct {
	Edge   // only From for a claim on an entity
	source string
}

func newSets() *sets {
	return &sets{
		entities: make(map[claimKey]Claim), edges: make(map[claimKey]Claim), counted: make(map[Edge]int), sources: make(map[string]Moment),
		owns: map[string]bool{"owns": true},
	}
}

func tell(claims map[claimKey]Claim, k claimKey, now, until Moment) {
	c, ok := claims[k]
	if !ok {
		c = Claim{Source: k.source, Since: now}
	}
	c.Until = until
	claims[k] = c
}

func (m *sets) apply(u *Update, source string, now int64) {
	for _, e := range u.RemoveEdges {
		delete(m.edges, claimKey{e, source})
	}
	for _, e := range u.RemoveEntities {
		delete(m.entities, claimKey{Edge{From: e}, source})
		declared := false
		for k := range m.entities {
			declared = declared || k.From == e
		}
		maps.DeleteFunc(m.edges, func(k claimKey, _ Claim) bool {
			return (k.From == e || k.To == e) && (!declared || k.source == source)
		})
	}
	until := deadline(now, time.Duration(u.TTL))
	if u.Replace {
		m.sources[source], until = until, 0
	}
	told := make(map[claimKey]bool)
	for _, e := range u.Entities {
		k := claimKey{Edge{From: e.ID}, source}
		told[k] = true
		tell(m.entities, k, momentOf(now), until)
	}
	for _, e := range u.Edges {
		if k := (claimKey{e, source}); e.From != e.To {
			told[k] = true
			tell(m.edges, k, momentOf(now), until)
		}
	}
	if u.Replace {
		untold := func(k claimKey, _ Claim) bool { return k.source == source && !told[k] }
		maps.DeleteFunc(m.entities, untold)
		maps.DeleteFunc(m.edges, untold)
	}
}

func (m *sets) expire(now Moment) {
	ended := func(k claimKey, c Claim) bool {
		until := c.Until
		if until == 0 {
			until = m.sources[k.source]
		}
		return until != 0 && until <= now
	}
	maps.DeleteFunc(m.entities, ended)
	maps.DeleteFunc(m.edges, ended)
	for s, until := range m.sources {
		if until != 0 && until <= now {
			m.sources[s] = 0
		}
	}
}

func (m *sets) postpone(by time.Duration, floor int64) {
	move := func(c Moment) Moment {
		if c == 0 {
			return 0
		}
		return max(c+Moment(by/time.Second), momentOf(floor))
	}
	for _, claims := range [...]map[claimKey]Claim{m.entities, m.edges} {
		for k, c := range claims {
			c.Until = move(c.Until)
			claims[k] = c
		}
	}
	for s := range m.sources {
		m.sources[s] = move(m.sources[s])
	}
}

// traits are what the model says of a type.
func (m *sets) traits(typ string) Traits { return Traits{Owns: m.owns[typ], Weight: 0.5} }

var (
	testSources = []string{"api", "config", "kubernetes/a"}
	testTypes   = []string{"calls", "owns", "runs_on"}
)

func randomEdge(r *rand.Rand) Edge {
	return Edge{
		From: Entity(fmt.Sprintf("pod/%d", r.IntN(6))), To: Entity(fmt.Sprintf("pod/%d", r.IntN(6))),
		Type: testTypes[r.IntN(len(testTypes))],
	}
}

func randomUpdate(r *rand.Rand) *Update {
	u := &Update{Replace: r.IntN(4) == 0}
	size := 1
	if r.IntN(4) == 0 {
		size = 40
	}
	for range r.IntN(size + 1) {
		switch r.IntN(8) {
		case 0:
			u.RemoveEntities = append(u.RemoveEntities, randomEdge(r).From)
		case 1, 2:
			u.RemoveEdges = append(u.RemoveEdges, randomEdge(r))
		case 3:
			u.Entities = append(u.Entities, Labeled{ID: randomEdge(r).From})
		default:
			u.Edges = append(u.Edges, randomEdge(r))
		}
	}
	if r.IntN(3) == 0 {
		u.TTL = prom.Duration(time.Duration(1+r.IntN(100)) * time.Second)
	}
	return u
}

// TestGraphEqualsSetsOfClaims plays random histories of updates of several sources, with replacements and ends, of counted edges, of
// silence and of types that begin or cease to own, and compares every list, count and claim with sets that are searched from
// end to end; and so with a graph that is restored from what the first one tells.
func TestGraphEqualsSetsOfClaims(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, m := New(), newSets()
		g.SetTraits(m.traits)
		now := int64(1_800_000_000_500_000_000)
		for range 60 {
			switch edge := randomEdge(r); r.IntN(12) {
			case 0, 1:
				g.Ref(edge, "labels")
				if edge.From != edge.To {
					m.counted[edge]++
				}
			case 2:
				g.Unref(edge, "labels")
				if m.counted[edge]--; m.counted[edge] <= 0 {
					delete(m.counted, edge)
				}
			case 3:
				typ := testTypes[r.IntN(len(testTypes))]
				m.owns[typ] = !m.owns[typ]
				if !g.SetTraits(m.traits) && len(m.edges) > 0 && slices.Contains(g.types.names, typ) {
					t.Errorf("seed %d: other traits of %s changed nothing", seed, typ)
				}
			case 4:
				by, floor := time.Duration(r.IntN(60))*time.Second, now+int64(r.IntN(60))*int64(time.Second)
				g.Postpone(by, floor+int64(time.Second/2))
				m.postpone(by, floor+int64(time.Second/2))
			case 5, 6:
				now += int64(r.IntN(40)) * int64(time.Second)
				g.Expire(now)
				m.expire(momentOf(now))
			default:
				u, source := randomUpdate(r), testSources[r.IntN(len(testSources))]
				if _, err := g.Apply(u, Origin{source, now}); err != nil {
					t.Fatal(err)
				}
				m.apply(u, source, now)
			}
			compareGraph(t, g, m)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		compareGraph(t, restored(g, m), m)
	}
}

// restored copies a graph by what it tells.
func restored(g *Graph, m *sets) *Graph {
	c := New()
	c.SetTraits(m.traits)
	for i := range 6 {
		e := Entity(fmt.Sprintf("pod/%d", i))
		if n, ok := g.Find(e); ok {
			c.Restore(e, g.Claims(n), slices.Collect(g.Edges(n)))
		}
	}
	for source := range g.Sources() {
		c.RestoreFades(source, g.Fades(source))
	}
	for e, count := range m.counted {
		for range count {
			c.Ref(e, "labels")
		}
	}
	return c
}

func compareGraph(t *testing.T, g *Graph, m *sets) {
	t.Helper()
	edges := len(m.counted) + len(m.edges)
	if _, got := g.Len(); got != edges {
		t.Errorf("%d edges, want %d", got, edges)
	}
	for s, until := range m.sources {
		if got := g.Fades(s); got != until {
			t.Errorf("%s fades at %d, want %d", s, got, until)
		}
	}
	for i := range 6 {
		e := Entity(fmt.Sprintf("pod/%d", i))
		n := g.Intern(e)
		want := m.listsOf(e)
		got := lists{}
		for _, list := range [...]struct {
			arcs []Arc
			to   *[]string
		}{{g.Dependencies(n), &got.Deps}, {g.Parts(n), &got.Parts}, {g.Owners(n), &got.Owners}} {
			for _, a := range list.arcs {
				*list.to = append(*list.to, fmt.Sprint(g.Entity(a.Node), " ", g.TypeName(a.Type), " ", g.sourceName(a.Source)))
			}
		}
		got.Dependents, got.Owned = g.Dependents(n)
		got.Claims, got.Edges = g.Claims(n), slices.Collect(g.Edges(n))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e, diff)
		}
		g.Release(n)
	}
}

// lists is what a graph knows of an entity.
type lists struct {
	Deps, Parts, Owners []string
	Dependents, Owned   int
	Claims              []Claim
	Edges               []SourcedEdge
}

func (m *sets) listsOf(e Entity) lists {
	var l lists
	all := maps.Clone(m.edges)
	for edge := range m.counted {
		all[claimKey{edge, "labels"}] = Claim{}
	}
	dependents, parts := map[Entity]bool{}, map[Entity]bool{}
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b claimKey) int {
		return strings.Compare(fmt.Sprint(a.To, a.Type, a.source), fmt.Sprint(b.To, b.Type, b.source))
	}) {
		forth, owns := fmt.Sprint(k.To, " ", k.Type, " ", k.source), m.owns[k.Type]
		switch {
		case k.From == e && owns:
			l.Parts = append(l.Parts, forth)
			parts[k.To] = true
		case k.From == e:
			l.Deps = append(l.Deps, forth)
		case k.To == e && owns:
			l.Owners = append(l.Owners, fmt.Sprint(k.From, " ", k.Type, " ", k.source))
		case k.To == e:
			dependents[k.From] = true
		}
		if k.From == e && k.source != "labels" {
			l.Edges = append(l.Edges, SourcedEdge{k.To, k.Type, m.edges[k]})
		}
	}
	slices.Sort(l.Owners)
	l.Dependents, l.Owned = len(dependents), len(parts)
	for _, source := range testSources {
		if c, ok := m.entities[claimKey{Edge{From: e}, source}]; ok {
			l.Claims = append(l.Claims, c)
		}
	}
	return l
}

// TestRemovedEntityKeepsWhatAlertsSay removes an entity that a live alert's labels connect.
func TestRemovedEntityKeepsWhatAlertsSay(t *testing.T) {
	g := New()
	apply(t, g, &Update{Entities: []Labeled{{ID: "pod/a"}}, Edges: []Edge{{From: "pod/a", To: "node/n", Type: "runs_on"}}}, "api")
	g.Ref(Edge{From: "service/s", To: "pod/a", Type: "selects"}, "labels")
	c := apply(t, g, &Update{RemoveEntities: []Entity{"pod/a"}}, "api")
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

func apply(t testing.TB, g *Graph, u *Update, source string) Change {
	t.Helper()
	c, err := g.Apply(u, Origin{source, 1_800_000_000_000_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return c
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

// BenchmarkHub loads an entity with 100,000 dependents or parts from one update, in an order that is not the graph's, and then adds
// and removes one more.
func BenchmarkHub(b *testing.B) {
	const size = 100_000
	one := func(typ string, k int) Edge {
		e := Edge{From: Entity(fmt.Sprintf("pod/p-%d", k)), To: "node/hub", Type: typ}
		if TraitsOf(typ).Owns {
			e.From, e.To = e.To, e.From
		}
		return e
	}
	for _, typ := range []string{"runs_on", "owns"} {
		u := &Update{}
		for _, k := range rand.New(rand.NewPCG(1, 1)).Perm(size) {
			u.Edges = append(u.Edges, one(typ, k))
		}
		b.Run("load/"+typ, func(b *testing.B) {
			for b.Loop() {
				apply(b, New(), u, "api")
			}
		})
		g := New()
		apply(b, g, u, "api")
		b.Run("one/"+typ, func(b *testing.B) {
			r := rand.New(rand.NewPCG(2, 2))
			for b.Loop() {
				e := one(typ, size+r.IntN(1_000_000))
				apply(b, g, &Update{Edges: []Edge{e}}, "api")
				apply(b, g, &Update{RemoveEdges: []Edge{e}}, "api")
			}
		})
	}
}
