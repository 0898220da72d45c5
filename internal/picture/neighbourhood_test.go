package picture

import (
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake/golden"
)

// TestNeighbourhoodShowsSourcesAndAges, what was left out, and nothing that steers a terminal.
func TestNeighbourhoodShowsSourcesAndAges(t *testing.T) {
	at := func(d time.Duration) *time.Time {
		then := start.Add(d)
		return &then
	}
	h := &correlate.Neighbourhood{
		Entity:   "service/shop/checkout@eu",
		Declared: []correlate.ToldBy{{Source: "catalog shop.yaml", Since: at(-time.Hour)}},
		DependsOn: []correlate.Neighbour{
			{Entity: "service/pay/ledger@eu", Type: "calls", ToldBy: correlate.ToldBy{Source: "catalog shop.yaml", Since: at(-time.Hour)}},
			{Entity: "service/pay/ledger@eu", Type: "calls", ToldBy: correlate.ToldBy{Source: "service graph tempo", Since: at(-25 * time.Minute), Until: at(17 * time.Minute)}},
			{Entity: "pod/\x1b[2J", Type: "selects", ToldBy: correlate.ToldBy{Source: "labels"}},
		},
		DependsOnTotal: 4,
	}
	golden.Compare(t, "neighbourhood.golden", Neighbourhood(h, start))
	golden.Compare(t, "neighbourhood-none.golden", Neighbourhood(&correlate.Neighbourhood{Entity: "zone/a", Dependents: h.DependsOn[2:], DependentsTotal: 1}, start))
}
