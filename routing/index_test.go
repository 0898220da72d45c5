package routing

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/fake/dice"
)

// TestRoutesAreFoundAsIfAllWereTried asks random trees with and without their indexes.
func TestRoutesAreFoundAsIfAllWereTried(t *testing.T) {
	rng := dice.New(t)
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	var grow func(depth int) *Route
	grow = func(depth int) *Route {
		r := &Route{Receiver: pick("a", "b", ""), Continue: rng.IntN(3) == 0}
		for range rng.IntN(3) {
			m, err := labels.NewMatcher(labels.MatchType(rng.IntN(4)), pick("team", "pod"), pick("a", "b", "", "a|b", "a.*"))
			if err != nil {
				t.Fatal(err)
			}
			r.Matchers = append(r.Matchers, m)
		}
		if depth > 0 {
			for range rng.IntN(3 * indexFrom) {
				r.Routes = append(r.Routes, grow(depth-1))
			}
		}
		return r
	}
	for range 300 {
		root := grow(2)
		l := correlate.LabelsOf("team", pick("a", "b", "", "ab"), "pod", pick("a", "b", "ac"))
		want := root.Match(l)
		root.prepare()
		if diff := cmp.Diff(want, root.Match(l)); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", l, diff)
		}
	}
}

// BenchmarkRoute shows that an incident costs no more in a tree of many routes.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			root := &Route{Receiver: "all"}
			for i := range n {
				m, err := labels.NewMatcher(labels.MatchEqual, "team", fmt.Sprint("team-", i))
				if err != nil {
					b.Fatal(err)
				}
				root.Routes = append(root.Routes, &Route{Matchers: labels.Matchers{m}})
			}
			root.prepare()
			l := correlate.LabelsOf("alertname", "X", "namespace", "shop", "team", "team-9", "severity", "critical")
			b.ReportAllocs()
			for b.Loop() {
				root.Match(l)
			}
		})
	}
}
