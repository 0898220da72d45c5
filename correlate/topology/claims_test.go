package topology

import (
	stdcmp "cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	prom "github.com/prometheus/common/model"
)

func TestShowsIsTheShareOfTheRedundancyThatIsUsedUp(t *testing.T) {
	for _, c := range []struct {
		needs   Needs
		ill, of int
		want    float64
	}{
		{NeedsAll, 0, 5, 0},
		{NeedsAll, 1, 5, 1},
		{NeedsAny, 0, 5, 0},
		{NeedsAny, 1, 5, 0.2},
		{NeedsAny, 4, 5, 0.8},
		{NeedsAny, 5, 5, 1},
		{NeedsAny, 1, 1, 1},
		{3, 1, 5, 1. / 3},
		{3, 2, 5, 2. / 3},
		{3, 3, 5, 1},
		{3, 5, 5, 1},
		{3, 0, 2, 0}, // there were never enough, so that is no news
		{3, 1, 2, 1},
		{NeedsAny, 1, 0, 1}, // nobody counted them
	} {
		if got := (Traits{Needs: c.needs}).Shows(c.ill, c.of); got != c.want {
			t.Errorf("needs %d, %d of %d ill: got %v, want %v", c.needs, c.ill, c.of, got, c.want)
		}
	}
}

// TestCyclesStayTwoEdges tells that two services call each other and that one owns the other as well, and takes it back.
func TestCyclesStayTwoEdges(t *testing.T) {
	g := New()
	u := &Update{Edges: []Edge{
		{From: "service/a", To: "service/b", Type: "calls"},
		{From: "service/b", To: "service/a", Type: "calls"},
		{From: "service/a", To: "service/b", Type: "owns"},
		{From: "service/a", To: "service/a", Type: "calls"},
	}}
	apply(t, g, u, "api")
	a, _ := g.Find("service/a")
	b, _ := g.Find("service/b")
	for _, n := range [...]Node{a, b} {
		if dependents, _ := g.Dependents(n); dependents != 1 || len(g.Dependencies(n)) != 1 {
			t.Errorf("%s: %d dependents and dependencies %v, want one each", g.Entity(n), dependents, g.Dependencies(n))
		}
	}
	if _, edges := g.Len(); edges != 3 || len(g.Parts(a)) != 1 || len(g.Owners(b)) != 1 {
		t.Errorf("%d edges, parts %v, owners %v, want 3 and one each", edges, g.Parts(a), g.Owners(b))
	}
	apply(t, g, &Update{Replace: true}, "api")
	for _, n := range [...]Node{a, b} {
		g.Release(n)
	}
	if entities, edges := g.Len(); entities != 0 || edges != 0 {
		t.Errorf("%d entities and %d edges are left of an empty graph", entities, edges)
	}
}

// TestClustersShareAGraph has services of one name in two clusters, and one that calls the other.
func TestClustersShareAGraph(t *testing.T) {
	g := New()
	apply(t, g, &Update{Edges: []Edge{{From: "service/shop/cart@eu", To: "node/n1@eu", Type: "runs_on"}}, Replace: true}, "kubernetes/eu")
	apply(t, g, &Update{Edges: []Edge{{From: "service/shop/cart@us", To: "node/n1@us", Type: "runs_on"}}, Replace: true}, "kubernetes/us")
	apply(t, g, &Update{Edges: []Edge{{From: "service/shop/cart@eu", To: "service/shop/cart@us", Type: "calls"}}}, "config")
	apply(t, g, &Update{Replace: true}, "kubernetes/eu") // forgets its own part, and no other
	eu, _ := g.Find("service/shop/cart@eu")
	us, _ := g.Find("service/shop/cart@us")
	if deps := g.Dependencies(eu); len(deps) != 1 || deps[0].Node != us {
		t.Errorf("dependencies of the one in eu: %v, want the one in us", deps)
	}
	if deps := g.Dependencies(us); len(deps) != 1 || g.Entity(deps[0].Node) != "node/n1@us" {
		t.Errorf("dependencies of the one in us: %v, want its node", deps)
	}
}

func TestAlternativesCountsEntitiesOfOneType(t *testing.T) {
	g := New()
	u := &Update{}
	for i := range 4 {
		u.Edges = append(u.Edges, Edge{From: "service/a", To: Entity(fmt.Sprintf("database/%d", i)), Type: "calls"})
	}
	u.Edges = append(u.Edges, Edge{From: "service/a", To: "database/1", Type: "mounts"}, Edge{From: "service/a", To: "pod/1", Type: "selects"})
	apply(t, g, u, "api")
	apply(t, g, &Update{Edges: u.Edges[:2]}, "config")
	a, _ := g.Find("service/a")
	for typ, want := range map[string]int{"calls": 4, "mounts": 1, "selects": 1, "routes": 0} {
		if got := g.Alternatives(a, g.mustType(typ)); got != want {
			t.Errorf("%s: got %d, want %d", typ, got, want)
		}
	}
}

// TestBetweenSaysWhoToldAndSinceWhen asks about an edge that three sources tell of, two of them twice.
func TestBetweenSaysWhoToldAndSinceWhen(t *testing.T) {
	g := New()
	edge := Edge{From: "service/a", To: "service/b", Type: "calls"}
	tell := func(source string, second int64, ttl time.Duration) {
		t.Helper()
		u := &Update{Edges: []Edge{edge}, TTL: prom.Duration(ttl)}
		if _, err := g.Apply(u, Origin{source, second * int64(time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	tell("config", 100, 0)
	tell("api/traces", 200, time.Minute)
	tell("api/traces", 210, time.Minute)
	tell("config", 300, 0)
	g.Ref(edge, "labels")
	a, _ := g.Find("service/a")
	b, _ := g.Find("service/b")
	want := []SourcedEdge{
		{"service/b", "calls", Claim{Source: "api/traces", Since: 200, Until: 272}}, // the next multiple of 4 s after 270
		{"service/b", "calls", Claim{Source: "config", Since: 100}},
		{"service/b", "calls", Claim{Source: "labels"}},
	}
	if diff := cmp.Diff(want, g.Between(a, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := g.Between(b, a); got != nil {
		t.Errorf("the other way round: %v", got)
	}
	if diff := cmp.Diff([]string{"api/traces", "config", "labels"}, g.SourceNames(b, a)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

// TestDeadlinesComeNeverEarlyAndAtMostAnEighthLate holds for any time to live, and two repeats soon after one another have one deadline.
func TestDeadlinesComeNeverEarlyAndAtMostAnEighthLate(t *testing.T) {
	const now = 1_800_000_000_123_456_789
	for ttl := time.Second; ttl <= MaxTTL; ttl = ttl*3/2 + time.Millisecond {
		got := time.Duration(int64(deadline(now, ttl))*int64(time.Second) - now)
		if got < ttl || got > ttl+ttl/8+time.Second {
			t.Errorf("ttl %v lasts %v", ttl, got)
		}
	}
	ends := make(map[Moment]bool)
	for i := range int64(3600) {
		ends[deadline(now+i*int64(time.Second), time.Hour)] = true
	}
	if len(ends) > 16 {
		t.Errorf("an edge that is told each second for an hour, to last for one, changed its end %d times", len(ends))
	}
}

// TestRepeatsLeaveNothingBehind tells one edge with an end, and takes it back, for a day of seconds.
func TestRepeatsLeaveNothingBehind(t *testing.T) {
	g := New()
	u := &Update{Edges: []Edge{{From: "pod/a", To: "node/b"}}, TTL: prom.Duration(time.Hour)}
	for second := range int64(24 * 3600) {
		by := Origin{"api", (1_800_000_000 + second) * int64(time.Second)}
		if _, err := g.Apply(u, by); err != nil {
			t.Fatal(err)
		}
		if second%10_000 == 0 {
			if _, err := g.Apply(&Update{RemoveEdges: u.Edges}, by); err != nil {
				t.Fatal(err)
			}
		}
		g.Expire(by.Now)
	}
	if n := len(g.fades.due); n > 20 {
		t.Errorf("%d moments to look at one edge", n)
	}
	for hours := range int64(3) {
		g.Expire((1_800_000_000 + 24*3600 + hours*3600) * int64(time.Second))
	}
	if _, edges := g.Len(); edges != 0 || len(g.fades.due) != 0 {
		t.Errorf("hours after the last repeat there are %d edges and %d moments to look", edges, len(g.fades.due))
	}
}

// TestAFullGraphRefusesAnUpdateAsAWhole asks for more entities than there may be; an engine's own get in.
func TestAFullGraphRefusesAnUpdateAsAWhole(t *testing.T) {
	g := New()
	g.SetLimit(3)
	apply(t, g, &Update{Entities: []Labeled{{ID: "pod/1"}, {ID: "pod/2"}}}, "api")
	before, _ := g.Len()
	u := &Update{
		Edges: []Edge{{From: "pod/1", To: "node/1"}, {From: "pod/3", To: "node/1"}}, RemoveEntities: []Entity{"pod/2"}, Replace: true,
	}
	_, err := g.Apply(u, Origin{"api", 1e18})
	var full *FullError
	if !errors.As(err, &full) || *full != (FullError{"entities", 2, 3}) {
		t.Errorf("got %v, want 2 of 3 entities", err)
	}
	if entities, edges := g.Len(); entities != before || edges != 0 {
		t.Errorf("%d entities and %d edges, want %d and none", entities, edges, before)
	}
	if n, _ := g.Find("pod/2"); len(g.Claims(n)) != 1 {
		t.Error("a refused update removed an entity")
	}
	apply(t, g, &Update{Edges: u.Edges[:1]}, "api")
	g.Intern("pod/of-an-alert")
	apply(t, g, &Update{Edges: []Edge{{From: "pod/of-an-alert", To: "node/1"}}}, "api") // names nothing new
	if entities, _ := g.Len(); entities != 4 {
		t.Errorf("%d entities, want 4", entities)
	}
}

// TestSendersCannotTakeAllNumbers invents sources and types without end; rules and labels still get theirs.
func TestSendersCannotTakeAllNumbers(t *testing.T) {
	g := New()
	u := &Update{}
	for i := range numbersTold + 10 {
		u.Edges = append(u.Edges, Edge{From: "pod/a", To: "node/b", Type: fmt.Sprint("type-", i)})
	}
	if _, err := g.Apply(u, Origin{"api", 1e18}); err == nil {
		t.Errorf("%d types were taken", len(g.types.names))
	}
	if entities, edges := g.Len(); entities != 0 || edges != 0 {
		t.Errorf("%d entities and %d edges of a refused update", entities, edges)
	}
	var err error
	for i := 0; i < numbersTold+10 && err == nil; i++ {
		_, err = g.Apply(&Update{Replace: true}, Origin{fmt.Sprint("api/", i), 1e18})
	}
	if err == nil {
		t.Errorf("%d sources were taken", len(g.sources.list))
	}
	if _, added := g.Ref(Edge{From: "pod/a", To: "node/b", Type: "of-a-rule"}, "labels"); !added {
		t.Error("an alert's edge was not added")
	}
}

// TestAnEntityGoesWithTheLastWhoDeclaresIt has two sources that declare it, and a third that tells of an edge.
func TestAnEntityGoesWithTheLastWhoDeclaresIt(t *testing.T) {
	g := New()
	for _, source := range []string{"kubernetes/a", "catalog"} {
		apply(t, g, &Update{Entities: []Labeled{{ID: "pod/a"}}, Edges: []Edge{{From: "pod/a", To: "node/" + Entity(source[:1]), Type: "runs_on"}}}, source)
	}
	apply(t, g, &Update{Edges: []Edge{{From: "service/s", To: "pod/a", Type: "calls"}}}, "config")
	a, _ := g.Find("pod/a")
	tells := func() (list []string) {
		for e := range g.Edges(a) {
			list = append(list, e.Source)
		}
		dependents, _ := g.Dependents(a)
		return append(list, fmt.Sprint(dependents))
	}
	apply(t, g, &Update{RemoveEntities: []Entity{"pod/a"}}, "kubernetes/a")
	if got := tells(); !slices.Equal(got, []string{"catalog", "1"}) {
		t.Errorf("after the first: edges of %v, want the catalog's and one dependent", got)
	}
	apply(t, g, &Update{RemoveEntities: []Entity{"pod/a"}}, "catalog")
	if got := tells(); !slices.Equal(got, []string{"0"}) {
		t.Errorf("after the last: edges of %v, want none", got)
	}
}

// TestToldIsWhatASourceSays lists the edges of one source: not those of others, nor what it took back.
func TestToldIsWhatASourceSays(t *testing.T) {
	g := New()
	apply(t, g, &Update{Edges: []Edge{{From: "pod/a", To: "node/n", Type: "runs_on"}, {From: "service/s", To: "pod/a", Type: "owns"}, {From: "pod/b", To: "node/n"}}}, "kubernetes")
	apply(t, g, &Update{Edges: []Edge{{From: "pod/a", To: "node/n", Type: "runs_on"}, {From: "pod/c", To: "node/n"}}}, "api")
	apply(t, g, &Update{RemoveEdges: []Edge{{From: "pod/b", To: "node/n"}}}, "kubernetes")
	got := slices.SortedFunc(g.Told("kubernetes"), func(a, b Edge) int { return stdcmp.Compare(a.From, b.From) })
	want := []Edge{{From: "pod/a", To: "node/n", Type: "runs_on"}, {From: "service/s", To: "pod/a", Type: "owns"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range g.Told("nobody") {
		t.Error("an unknown source tells something")
	}
}
