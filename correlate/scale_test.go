package correlate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// operation is what a benchmark by size does over and over. The state is the same after a round.
type operation struct {
	name string
	run  func(*testing.B, *yard)
}

var operations = []operation{
	{"new", benchNew},
	{"resolve", benchResolve},
	{"unchanged", benchUnchanged},
	{"event", benchEvent},
	{"edge", benchEdge},
}

// benchNew steps alerts that were never seen. A piece whose alerts all fire is forgotten before it fires anew.
func benchNew(b *testing.B, y *yard) {
	var todo []*correlate.Alert
	piece := 0
	for b.Loop() {
		if len(todo) == 0 {
			b.StopTimer()
			keep := len(y.took)
			t := &y.ill[piece%len(y.ill)]
			for _, a := range y.resolved(t) {
				y.do(a)
			}
			y.forget()
			todo, piece = y.fire(t), piece+1
			y.took = y.took[:keep]
			b.StartTimer()
		}
		y.do(todo[0])
		todo = todo[1:]
	}
	y.report(b)
	for _, a := range todo {
		y.do(a)
	}
}

// benchResolve steps the ends of alerts, in the order in which they began.
func benchResolve(b *testing.B, y *yard) {
	var todo []*correlate.Alert
	piece := 0
	fire := func() {
		y.forget()
		for _, a := range y.fire(&y.ill[piece%len(y.ill)]) {
			y.do(a)
		}
		piece++
	}
	for b.Loop() {
		if len(todo) == 0 {
			b.StopTimer()
			keep := len(y.took)
			if piece > 0 {
				piece--
				fire()
			}
			todo, piece = y.resolved(&y.ill[piece%len(y.ill)]), piece+1
			y.took = y.took[:keep]
			b.StartTimer()
		}
		y.do(todo[0])
		todo = todo[1:]
	}
	y.report(b)
	for _, a := range todo {
		y.do(a)
	}
	piece--
	fire()
}

// benchUnchanged steps a refresh for each alert that is sent again: more than serve does, which refreshes many at once.
func benchUnchanged(b *testing.B, y *yard) {
	k := 0
	for b.Loop() {
		t := &y.ill[k/teamAlerts%len(y.ill)]
		num, ok := y.engine.Unchanged(t.alerts[k%teamAlerts])
		if !ok {
			b.Fatal("changed")
		}
		y.do(&correlate.Refresh{Alerts: []uint64{num}, Expires: y.now.Add(25 * time.Hour), Source: "prometheus/test"})
		k++
	}
	y.report(b)
}

// benchEvent steps events of pods that are ill: one fails, and in the next step starts, while its alerts go on.
func benchEvent(b *testing.B, y *yard) {
	k := 0
	for b.Loop() {
		ev := &correlate.Event{Entity: y.ill[k/2%len(y.ill)].pod, Component: "kubelet", Count: k/2 + 1, At: y.now, Source: "kubernetes/prod-eu"}
		if k%2 == 0 {
			ev.Reason, ev.Warning, ev.Message = "BackOff", true, "Back-off restarting failed container app in pod"
		} else {
			ev.Reason, ev.Message = "Started", "Started container app"
		}
		y.do(ev)
		k++
	}
	if k%2 == 1 {
		y.do(&correlate.Event{Entity: y.ill[k/2%len(y.ill)].pod, Reason: "Started", Count: 1, At: y.now, Source: "kubernetes/prod-eu"})
	}
	y.report(b)
}

// benchEdge steps updates of one dependency of something ill: it is added, and in the next step removed.
func benchEdge(b *testing.B, y *yard) {
	k := 0
	update := func() *correlate.Topology {
		u := &correlate.Topology{Source: "api"}
		edges := []topology.Edge{{From: y.ill[k/2%len(y.ill)].service, To: "external/bank", Type: "calls"}}
		if k%2 == 0 {
			u.Edges = edges
		} else {
			u.RemoveEdges = edges
		}
		k++
		return u
	}
	for b.Loop() {
		y.do(update())
	}
	if k%2 == 1 {
		y.do(update())
	}
	y.report(b)
}

// measure runs all operations in a yard, whose state they leave as it is.
func (y *yard) measure(b *testing.B) {
	for _, op := range operations {
		b.Run("op="+op.name, func(b *testing.B) {
			b.ReportAllocs()
			y.took, y.next = y.took[:0], 0
			op.run(b, y)
		})
	}
}

// report says how long steps took, without the rows that changed.
func (y *yard) report(b *testing.B) {
	slices.Sort(y.took)
	n := len(y.took)
	b.ReportMetric(float64(y.took[n/2]), "p50-ns")
	b.ReportMetric(float64(y.took[n*99/100]), "p99-ns")
	b.ReportMetric(float64(y.took[n-1]), "max-ns")
	y.took, y.next = y.took[:0], 0
}

// BenchmarkShop measures each operation, step and changed rows, in shops of several sizes with several numbers of open symptoms. An
// operation is one input. A million entities take a minute to load and are left out with -short.
func BenchmarkShop(b *testing.B) {
	for _, entities := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("entities=%d", entities), func(b *testing.B) {
			if testing.Short() && entities > 100_000 {
				b.Skip("takes a minute to load")
			}
			y := newShop(b, entities)
			for symptoms := 100; symptoms <= 100_000; symptoms *= 10 {
				if symptoms*teamSize > entities*teamAlerts {
					break // a team has no more
				}
				for len(y.ill)*teamAlerts < symptoms {
					y.add(team{entities / teamSize, len(y.ill)}.trouble())
				}
				if open := y.open(); open != len(y.ill) {
					b.Fatalf("%d incidents for the trouble of %d teams", open, len(y.ill))
				}
				b.Run(fmt.Sprintf("symptoms=%d", symptoms), y.measure)
			}
		})
	}
}

// BenchmarkHub measures the same in the one incident of a hub on which 100,000 depend, which are all ill.
func BenchmarkHub(b *testing.B) {
	for _, order := range []string{hubFirst, hubLast, hubSilent} {
		b.Run("hub="+order, func(b *testing.B) {
			const dependents = 100_000
			y := newHub(b, dependents, order)
			y.isOneStorm(b, dependents)
			y.measure(b)
		})
	}
}

// BenchmarkStorm lets 20,000 dependents of a hub fire one by one, or a chain of as many from the top down; a relapse is a hub's second
// failure. An operation is a storm.
func BenchmarkStorm(b *testing.B) {
	hub := func(order string) func(testing.TB, int) *yard {
		return func(tb testing.TB, n int) *yard { return newHub(tb, n, order) }
	}
	for _, storm := range []struct {
		name  string
		raise func(testing.TB, int) *yard
	}{
		{"hub=first", hub(hubFirst)},
		{"hub=last", hub(hubLast)},
		{"hub=silent", hub(hubSilent)},
		{"relapse", newRelapse},
		{"chain", newChain},
	} {
		b.Run(storm.name, func(b *testing.B) {
			b.ReportAllocs()
			var y *yard
			for b.Loop() {
				y = storm.raise(b, 20_000)
			}
			if open := y.open(); open != 1 {
				b.Errorf("%d open incidents, want one", open)
			}
			y.report(b)
		})
	}
}
