package correlate

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

func TestNeighbourhoodTellsBothSidesWithSourcesAndTimes(t *testing.T) {
	edge := func(from, to topology.Entity, typ string) topology.Edge {
		return topology.Edge{From: from, To: to, Type: typ}
	}
	w := newGraphWorld(t, *policyOf())
	w.step(0,
		&Topology{Source: "config", Update: topology.Update{
			Entities: []topology.Labeled{{ID: "service/a"}},
			Edges:    []topology.Edge{edge("service/a", "service/b", "calls"), edge("service/a", "pod/a1", "selects"), edge("service/z", "service/a", "calls"), edge("app/shop", "service/a", "owns")},
		}})
	w.step(time.Minute,
		&Topology{Source: "service graph tempo", Update: topology.Update{
			TTL: model.Duration(time.Hour), Edges: []topology.Edge{edge("service/a", "service/b", "calls"), edge("service/web", "service/a", "calls")},
		}})
	e := w.engine
	hood, ok := e.Neighbourhood("service/a", 0)
	if !ok {
		t.Fatal("unknown")
	}
	var got []string
	add := func(side string, list []Neighbour) {
		for _, n := range list {
			text := fmt.Sprintf("%s %s %s by %s since %s", side, n.Type, n.Entity, n.Source, n.Since.Sub(start))
			if n.Until != nil {
				text += " until " + n.Until.Sub(start).Truncate(10*time.Minute).String()
			}
			got = append(got, text)
		}
	}
	add("below", hood.DependsOn)
	add("above", hood.Dependents)
	want := []string{
		"below selects pod/a1 by config since 0s",
		"below calls service/b by config since 0s",
		"below calls service/b by service graph tempo since 1m0s until 1h0m0s",
		"above owns app/shop by config since 0s",
		"above calls service/web by service graph tempo since 1m0s until 1h0m0s",
		"above calls service/z by config since 0s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(hood.Declared) != 1 || hood.Declared[0].Source != "config" || hood.DependsOnTotal != 2 || hood.DependentsTotal != 3 {
		t.Errorf("got %+v", hood)
	}
	one, _ := e.Neighbourhood("service/a", 1)
	if len(one.DependsOn) != 1 || len(one.Dependents) != 1 || one.DependsOnTotal != 2 {
		t.Errorf("with a limit of one: %+v", one)
	}
	if _, ok := e.Neighbourhood("service/none", 0); ok {
		t.Error("an entity that nobody told of is known")
	}
}
