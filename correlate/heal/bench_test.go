package heal

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// filled is a model with as many workloads, each with some cases.
func filled(workloads int) (*Model, []Path) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := NewModel(DefaultTuning())
	paths := make([]Path, workloads)
	for k := range paths {
		paths[k] = Path{Kind: "pod", Alert: fmt.Sprint("Alert", k%50), Workload: fmt.Sprint("deployment/shop/w", k)}.With("flapping", "now")
		for range 5 {
			m.Observe(began, paths[k], Spell{To: anyAge(rng) / 100, Healed: true})
		}
	}
	return m, paths
}

func BenchmarkObserve(b *testing.B) {
	m, paths := filled(5000)
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		m.Observe(began.Add(time.Duration(k)*time.Second), paths[k%len(paths)], healed(5*time.Minute))
		k++
	}
}

func BenchmarkEstimateAndUntil(b *testing.B) {
	m, paths := filled(5000)
	b.ReportAllocs()
	k, e := 0, new(Estimate)
	for b.Loop() {
		m.EstimateKnown(e, began, paths[k%len(paths)])
		e.Until(0, Bet{Budget: 30 * time.Minute, Threshold: 0.8})
		k++
	}
}
