package correlate

import (
	"testing"
	"time"

	"quell/correlate/topology"
)

// openIncidents plays a script and returns the open incidents, newest first.
func openIncidents(t *testing.T, script string) []*Incident {
	t.Helper()
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	eachStep(t, e, script, func() {})
	return e.Incidents(func(i *Incident) bool { return i.State.Open() })
}

func TestKnownCauseExplainsOverADependencyThatSaysLittle(t *testing.T) {
	for effect, want := range map[string]int{"PodDown": 1, "Hungry": 2} { // the rule is about DiskFull and PodDown
		for _, edge := range []string{"pod/a scheduled_by pod/b", "pod/b scheduled_by pod/a"} {
			list := openIncidents(t, "0s edge "+edge+"\n10s fire DiskFull pod/b\n20s fire "+effect+" pod/a\n")
			if len(list) != want || list[len(list)-1].Roots[0].Entity != "pod/b" {
				t.Errorf("%s, %s: got %d incidents, want %d, with %+v", edge, effect, len(list), want, list[len(list)-1].Roots)
			}
		}
	}
}

func TestOneOfSeveralThatStandInForEachOtherExplainsLess(t *testing.T) {
	var c []reach
	weightOf := func(replicas int) float32 {
		g := topology.New()
		g.SetTraits(func(string) topology.Traits { return topology.Traits{Weight: 0.8, Needs: topology.NeedsAny} })
		u := &topology.Update{}
		for k := range replicas {
			u.Edges = append(u.Edges, topology.Edge{From: "service/web", To: topology.Entity("pod/db-" + string(rune('a'+k))), Type: "calls"})
		}
		if _, err := g.Apply(u, topology.Origin{Source: "test", Now: time.Now().UnixNano()}); err != nil {
			t.Fatal(err)
		}
		n, _ := g.Find("service/web")
		if c = cone(g, n); len(c) < 2 {
			return 0
		}
		return c[1].weight
	}
	if w := weightOf(1); w != 0.8 {
		t.Errorf("the only one weighs %v", w)
	}
	if w := weightOf(2); w != 0.4 {
		t.Errorf("one of two weighs %v", w)
	}
	if w := weightOf(5); w != 0 {
		t.Errorf("one of five weighs %v, want too little to be in the cone", w)
	}
}
