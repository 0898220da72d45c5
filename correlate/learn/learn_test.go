package learn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

var begin = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// happening is one start in a made-up history.
type happening struct {
	at  time.Duration
	typ string
	ent topology.Entity
}

// learnFrom tells a learner a history, in the order of time.
func learnFrom(o Options, history []happening) *Learner {
	slices.SortStableFunc(history, func(a, b happening) int { return int(a.at - b.at) })
	l := New(o)
	for _, h := range history {
		l.Start(begin.Add(h.at), h.typ, h.ent)
	}
	return l
}

// noise is starts of each type on each entity at random times, perEntity of them in a month.
func noise(r *rand.Rand, types, entities, perEntity int) []happening {
	var history []happening
	for typ := range types {
		for ent := range entities {
			for range perEntity {
				history = append(history, happening{
					time.Duration(r.Int64N(int64(30 * 24 * time.Hour))), fmt.Sprintf("A%d", typ), topology.Entity(fmt.Sprintf("pod/shop/p%d", ent)),
				})
			}
		}
	}
	return history
}

// ring makes every pod depend on the next.
func ring(entities int) *topology.Graph {
	g := topology.New()
	var u topology.Update
	for k := range entities {
		u.Edges = append(u.Edges, topology.Edge{
			From: topology.Entity(fmt.Sprintf("pod/shop/p%d", k)), To: topology.Entity(fmt.Sprintf("pod/shop/p%d", (k+1)%entities)), Type: "calls",
		})
	}
	_, _ = g.Apply(&u, topology.Origin{Source: "test"})
	return g
}

func brief(ps []Proposal) []string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("%d %s→%s", p.Scope, p.Cause, p.Effect))
	}
	slices.Sort(out)
	return out
}

// TestNoiseProposesNothing plays worlds in which nothing depends on anything: 100 types and so some ten thousand pairs in each scope,
// most of which meet by chance dozens of times. Lift and episodes are set so low that only the control of false discoveries is left.
func TestNoiseProposesNothing(t *testing.T) {
	low := Thresholds{Episodes: 3, Lift: 1, Precedence: 0.5, Days: 1}
	for seed := range uint64(2) {
		history := noise(rand.New(rand.NewPCG(seed, 1)), 100, 10, 30)
		l := learnFrom(Options{Graph: ring(10)}, slices.Clone(history))
		met := 0
		for k, p := range l.pairs {
			if k.scope == Same && p.dir[0].episodes+p.dir[1].episodes >= 3 {
				met++
			}
		}
		if met < 1500 {
			t.Errorf("seed %d: only %d pairs of types met often enough to be a test", seed, met)
		}
		if got := brief(l.Proposals(low)); got != nil {
			t.Errorf("seed %d: got %v out of noise on a graph", seed, got)
		}
		if got := brief(learnFrom(Options{}, history).Proposals(low)); got != nil {
			t.Errorf("seed %d: got %v out of noise in a namespace", seed, got)
		}
	}
}

// TestStormsProposeNothing plays storms in which everything begins within two minutes, in any order: together is not because of.
func TestStormsProposeNothing(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		var history []happening
		for day := range 30 {
			at := time.Duration(day)*24*time.Hour + time.Duration(r.Int64N(int64(20*time.Hour)))
			for typ := range 8 {
				for ent := range 5 {
					history = append(history, happening{
						at + time.Duration(r.Int64N(int64(2*time.Minute))), fmt.Sprintf("A%d", typ), topology.Entity(fmt.Sprintf("pod/shop/p%d", ent)),
					})
				}
			}
		}
		if got := brief(learnFrom(Options{Graph: ring(5)}, history).Proposals(DefaultThresholds())); got != nil {
			t.Errorf("seed %d: got %v", seed, got)
		}
	}
}

// TestPlantedDependenciesAreFoundAndNothingElse hides three dependencies in noise: of types on one entity, of types on neighbours,
// and of two entities between which nothing is known.
func TestPlantedDependenciesAreFoundAndNothingElse(t *testing.T) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 3))
		history := noise(r, 30, 20, 3)
		later := func(at time.Duration) time.Duration { return at + time.Duration(1+r.IntN(200))*time.Second }
		for k := range 40 {
			at := time.Duration(r.Int64N(int64(30 * 24 * time.Hour)))
			pod := topology.Entity(fmt.Sprintf("pod/shop/p%d", k%20))
			next := topology.Entity(fmt.Sprintf("pod/shop/p%d", (k+1)%20))
			history = append(
				history, happening{at, "DiskFull", pod}, happening{later(at), "WriteErrors", pod},
				happening{at + time.Hour, "DatabaseDown", next}, happening{later(at + time.Hour), "CheckoutSlow", pod},
				happening{at + 2*time.Hour, fmt.Sprintf("B%d", k%4), "service/pay/bank"},
				happening{later(at + 2*time.Hour), fmt.Sprintf("C%d", k%5), "service/shop/checkout"},
			)
		}
		l := learnFrom(Options{Graph: ring(20)}, history)
		want := []string{
			fmt.Sprintf("%d DiskFull→WriteErrors", Same), fmt.Sprintf("%d DatabaseDown→CheckoutSlow", Near),
			fmt.Sprintf("%d service/pay/bank→service/shop/checkout", Between),
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, brief(l.Proposals(DefaultThresholds()))); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// story repeats a few starts once a day, four hours apart within the day.
func story(days int, each ...happening) []happening {
	var history []happening
	for day := range days {
		for _, h := range each {
			h.at += time.Duration(day)*24*time.Hour + time.Duration(day%5)*4*time.Hour
			history = append(history, h)
		}
	}
	return history
}

func TestProposalCarriesItsNumbers(t *testing.T) {
	history := story(20, happening{0, "A", "node/n1"}, happening{time.Minute, "B", "node/n1"})
	history = append(history, story(5, happening{12 * time.Hour, "B", "node/n1"})...)
	got := learnFrom(Options{}, history).Proposals(DefaultThresholds())
	if len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	p := got[0]
	if p.Seen != 20 || p.Episodes != 20 || p.Precedence != 1 || p.Days != 20 || p.Entities != 1 || p.Cause != "A" || p.Effect != "B" {
		t.Errorf("got %+v", p)
	}
	// Within 19 d 16 h B comes 25 times, and one of 20 of A is in the window of 5 m before it with a chance of 20 × 5 m / 19 d 16 h.
	if want := 25 * 20 * 5.0 / ((19*24 + 16) * 60); math.Abs(p.Expected-want) > 0.01*want {
		t.Errorf("got %v expected by chance, want %v", p.Expected, want)
	}
	if p.Explained < 0.75 || p.Explained > 0.8 || math.Abs(p.Weight-p.Explained/2) > 1e-9 {
		t.Errorf("got %v explained and weight %v, want a little less than 20 of 25, and half of that", p.Explained, p.Weight)
	}
}

// A storm on a hundred pods is one time, however many effects it has.
func TestAStormIsOneEpisode(t *testing.T) {
	g := topology.New()
	var u topology.Update
	var history []happening
	for k := range 100 {
		pod := topology.Entity(fmt.Sprintf("pod/shop/p%d", k))
		u.Edges = append(u.Edges, topology.Edge{From: pod, To: "node/n", Type: "runs_on"})
		history = append(history, story(9, happening{time.Duration(k+1) * time.Second, "PodDown", pod})...)
	}
	_, _ = g.Apply(&u, topology.Origin{Source: "test"})
	history = append(history, story(9, happening{0, "NodeDown", "node/n"})...)
	if got := learnFrom(Options{Graph: g}, history).Proposals(DefaultThresholds()); got != nil {
		t.Errorf("got %v of nine storms", got)
	}
	for _, h := range history[:len(history)-9] {
		history = append(history, happening{h.at + 10*24*time.Hour, h.typ, h.ent})
	}
	history = append(history, story(19, happening{0, "NodeDown", "node/n"})[10:]...)
	got := learnFrom(Options{Graph: g}, history).Proposals(DefaultThresholds())
	if len(got) != 1 || got[0].Scope != Near || got[0].Episodes != 18 || got[0].Seen != 1791 || got[0].Entities != 100 {
		t.Errorf("got %+v of eighteen storms", got)
	}
}

func TestFlappingCountsOnce(t *testing.T) {
	l := New(Options{})
	for k := range 100 {
		l.Start(begin.Add(time.Duration(k)*4*time.Minute), "Flap", "node/n")
	}
	if s := l.Stats(); s.Starts != 1 || s.Flaps != 99 {
		t.Errorf("got %d starts and %d flaps, want 1 and 99", s.Starts, s.Flaps)
	}
	// It was active for hours, so that it comes back at once is flapping, too.
	l.Start(begin.Add(24*time.Hour), "Long", "node/n")
	l.Active(begin.Add(30*time.Hour), "Long", "node/n")
	l.Start(begin.Add(30*time.Hour+time.Minute), "Long", "node/n")
	l.Start(begin.Add(30*time.Hour+7*time.Minute), "Long", "node/n")
	if s := l.Stats(); s.Starts != 3 || s.Flaps != 100 {
		t.Errorf("got %d starts and %d flaps, want 3 and 100", s.Starts, s.Flaps)
	}
}

// What begins at one instant has no direction, in whichever order it is told.
func TestStartsOfOneInstantHaveNoDirection(t *testing.T) {
	for _, order := range [][]happening{
		{{0, "A", "node/n"}, {0, "B", "node/n"}}, {{0, "B", "node/n"}, {0, "A", "node/n"}},
	} {
		l := learnFrom(Options{}, story(30, order...))
		if got := l.Proposals(Thresholds{Episodes: 1, Lift: 1, Days: 1}); got != nil {
			t.Errorf("got %v", got)
		}
		for k, p := range l.pairs {
			if k.scope == Same && (p.dir[0].seen != 15 || p.dir[1].seen != 15 || p.dir[0].episodes != 15) {
				t.Errorf("got %+v, want half of 30 for each direction", *p)
			}
		}
	}
}

// What a dependency explains already is not proposed again.
func TestKnownDependenciesAreNotLearnt(t *testing.T) {
	history := func() []happening {
		return story(30, happening{0, "A", "service/db"}, happening{time.Minute, "B", "service/shop"})
	}
	g := topology.New()
	_, _ = g.Apply(&topology.Update{Edges: []topology.Edge{{From: "service/shop", To: "service/api"}, {From: "service/api", To: "service/db"}}}, topology.Origin{Source: "test"})
	if got := brief(learnFrom(Options{}, history()).Proposals(DefaultThresholds())); len(got) != 1 {
		t.Errorf("got %v without the graph, want the dependency", got)
	}
	if got := brief(learnFrom(Options{Graph: g}, history()).Proposals(DefaultThresholds())); got != nil {
		t.Errorf("got %v with the graph", got)
	}
}

// Pods come and go: their services stay, and it is these that depend on each other.
func TestEntitiesCountAsWhatOwnsThem(t *testing.T) {
	g := topology.New()
	var history []happening
	for day, h := range story(30, happening{0, "A", ""}) {
		a, b := topology.Entity(fmt.Sprintf("pod/x/a%d", day)), topology.Entity(fmt.Sprintf("pod/y/b%d", day))
		_, _ = g.Apply(&topology.Update{Edges: []topology.Edge{{From: "service/x/a", To: a, Type: "owns"}, {From: "service/y/b", To: b, Type: "owns"}}}, topology.Origin{Source: "test"})
		history = append(history, happening{h.at, "A", a}, happening{h.at + time.Minute, "B", b})
	}
	got := brief(learnFrom(Options{Graph: g}, history).Proposals(DefaultThresholds()))
	if diff := cmp.Diff([]string{fmt.Sprintf("%d service/x/a→service/y/b", Between)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// With a half-life what ended long ago counts for less and less.
func TestOldObservationsFade(t *testing.T) {
	history := story(30, happening{0, "A", "node/n"}, happening{time.Minute, "B", "node/n"})
	history = append(history, happening{200 * 24 * time.Hour, "C", "node/n"})
	if got := learnFrom(Options{}, slices.Clone(history)).Proposals(DefaultThresholds()); len(got) != 1 {
		t.Errorf("got %v without a half-life", got)
	}
	if got := learnFrom(Options{HalfLife: 30 * 24 * time.Hour}, slices.Clone(history)).Proposals(DefaultThresholds()); got != nil {
		t.Errorf("got %v half a year later", got)
	}
	if got := learnFrom(Options{HalfLife: 30 * 24 * time.Hour}, history[:60]).Proposals(DefaultThresholds()); len(got) != 1 || got[0].Lift < 50 {
		t.Errorf("got %+v at the time", got)
	}
}

// The memory of a window ends with it, and the same history gives the same proposals.
func TestWindowIsForgottenAndResultsRepeat(t *testing.T) {
	history := noise(rand.New(rand.NewPCG(1, 4)), 10, 10, 50)
	for k := range 40 {
		at := time.Duration(k) * 17 * time.Hour
		history = append(history, happening{at, "X", "pod/shop/p1"}, happening{at + time.Minute, "Y", "pod/shop/p1"})
	}
	var first []Proposal
	for range 3 {
		l := learnFrom(Options{Graph: ring(10), HalfLife: 1000 * time.Hour}, slices.Clone(history))
		got := l.Proposals(DefaultThresholds())
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" || len(got) == 0 {
			t.Errorf("(-first +later):\n%s", diff)
		}
		l.Active(begin.Add(1000*24*time.Hour), "A1", "pod/shop/p1")
		if len(l.places)+len(l.queue) != 0 {
			t.Errorf("%d places and %d starts are still remembered", len(l.places), len(l.queue))
		}
	}
}

func TestTailsBoundTheTruth(t *testing.T) {
	for _, c := range []struct{ k, mean float64 }{{1, 0.1}, {5, 1}, {20, 4}, {30, 29}} {
		exact, term := 0.0, math.Exp(-c.mean)
		for k := 0.0; k < 200; k++ {
			if k >= c.k {
				exact += term
			}
			term *= c.mean / (k + 1)
		}
		if got := poissonTail(c.k, c.mean); got < math.Log(exact) || got > math.Log(exact)+3.5 {
			t.Errorf("poisson(%v, %v): got %v, want a little above %v", c.k, c.mean, got, math.Log(exact))
		}
	}
	if got, want := coinTail(10, 10), -10*math.Ln2; math.Abs(got-want) > 1e-9 {
		t.Errorf("ten heads of ten: got %v, want %v", got, want)
	}
	if coinTail(5, 10) != 0 || coinTail(0, 0) != 0 || poissonTail(1, 2) != 0 {
		t.Error("what is no more than expected is taken for evidence")
	}
}

// BenchmarkStorm tells of a hundred thousand pods that fall ill within ten seconds.
func BenchmarkStorm(b *testing.B) {
	const pods = 100_000
	g := topology.New()
	var u topology.Update
	for k := range pods {
		u.Edges = append(u.Edges, topology.Edge{
			From: topology.Entity(fmt.Sprintf("pod/shop/p%d", k)), To: topology.Entity(fmt.Sprintf("node/n%d", k%100)), Type: "runs_on",
		})
	}
	_, _ = g.Apply(&u, topology.Origin{Source: "test"})
	b.ReportAllocs()
	for b.Loop() {
		l := New(Options{Graph: g})
		for k, e := range u.Edges {
			l.Start(begin.Add(time.Duration(k)*100*time.Microsecond), fmt.Sprintf("A%d", k%20), e.From)
		}
		l.Proposals(DefaultThresholds())
	}
	b.ReportMetric(pods*float64(b.N)/b.Elapsed().Seconds(), "starts/s")
}

// BenchmarkStart tells of a start among as many as fit into its window.
func BenchmarkStart(b *testing.B) {
	for _, perWindow := range []int{10, 1000} {
		b.Run(fmt.Sprintf("window=%d", perWindow), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 5))
			l := New(Options{Graph: ring(10_000)})
			at := begin
			b.ReportAllocs()
			for b.Loop() {
				at = at.Add(5 * time.Minute / time.Duration(perWindow))
				l.Start(at, fmt.Sprintf("A%d", r.IntN(100)), topology.Entity(fmt.Sprintf("pod/shop/p%d", r.IntN(10_000))))
			}
		})
	}
}
