package correlate_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules"
)

// estate is an update with this many entities, almost nine of ten of them pods, and three dependencies for each: pods run on nodes, belong
// to workloads and are in namespaces, services call each other. Names are shared, as decoders share them.
func estate(entities int) *correlate.Topology {
	name := func(format string, n int) []topology.Entity {
		list := make([]topology.Entity, n)
		for i := range list {
			list[i] = topology.Entity(fmt.Sprintf(format, i%100, i))
		}
		return list
	}
	nodes, namespaces := name("node/rack-%d-worker-%d@prod-eu", entities/100), name("namespace/team-%d-%d@prod-eu", entities/1000)
	services := name("service/team-%d/backend-%d@prod-eu", entities/10)
	pods := name("pod/team-%d/backend-7d9f8b6c5d-%d@prod-eu", entities-len(nodes)-len(namespaces)-len(services))
	u := &correlate.Topology{Source: "kubernetes/prod-eu"}
	u.Entities = make([]topology.Labeled, 0, entities)
	u.Edges = make([]topology.Edge, 0, 3*entities)
	for _, list := range [...][]topology.Entity{nodes, namespaces, services, pods} {
		for _, e := range list {
			u.Entities = append(u.Entities, topology.Labeled{ID: e})
		}
	}
	for i, pod := range pods {
		u.Edges = append(u.Edges,
			topology.Edge{From: pod, To: nodes[i%len(nodes)], Type: "runs_on"},
			topology.Edge{From: services[i%len(services)], To: pod, Type: "selects"},
			topology.Edge{From: pod, To: namespaces[i%len(namespaces)], Type: "in_namespace"})
	}
	for i := 0; len(u.Edges) < 3*entities; i++ {
		round, from := i/len(services)+1, i%len(services)
		u.Edges = append(u.Edges, topology.Edge{From: services[from], To: services[(from+7*round)%len(services)], Type: "calls"})
	}
	return u
}

// liveBytes is what the heap holds after a collection.
func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peakBytes is the most memory that this process ever had; 0 where nobody tells.
func peakBytes() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	match := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if match == nil {
		return 0
	}
	kb, _ := strconv.Atoi(string(match[1]))
	return float64(kb) * 1024
}

// load gives an engine one update, and its rows to nobody.
func load(tb testing.TB, e *correlate.Engine, u *correlate.Topology) {
	tb.Helper()
	e.Step(begin, []correlate.Input{u})
	if err := e.Refused(u); err != nil {
		tb.Fatal(err)
	}
	e.Changes(func(_, _ []byte) {})
}

// TestTopologyIsSmall holds a tenth of the largest graph that quell promises to hold in one gigabyte, names included; with -short a
// hundredth.
func TestTopologyIsSmall(t *testing.T) {
	const most = 500
	entities := 100_000
	if testing.Short() {
		entities /= 10
	}
	e := newEngine(t) // with its rules, which are there once
	before := liveBytes()
	load(t, e, estate(entities))
	if perEntity := float64(int64(liveBytes()-before)) / float64(entities); perEntity > most { // what other tests left behind may go meanwhile
		t.Errorf("%.0f bytes for an entity with three dependencies, want at most %d", perEntity, most)
	}
	if n, edges := e.Figures().Entities, e.Figures().Edges; n != entities || edges != 3*entities {
		t.Errorf("%d entities and %d dependencies, want %d and three times as many", n, edges, entities)
	}
}

// BenchmarkTopology loads a graph from one update, and tells it a second time, which changes nothing. Live is what the engine holds
// in the end; peak the most that the process ever had, the update included.
func BenchmarkTopology(b *testing.B) {
	for _, entities := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("entities=%d", entities), func(b *testing.B) {
			b.ReportAllocs()
			var live uint64
			var again time.Duration
			for b.Loop() {
				b.StopTimer()
				before := liveBytes()
				u, e := estate(entities), newEngine(b)
				runtime.GC()
				b.StartTimer()
				load(b, e, u)
				b.StopTimer()
				start := time.Now()
				load(b, e, u)
				again = time.Since(start)
				u = dropped // so that only the engine's copy counts
				live = liveBytes() - before
				runtime.KeepAlive(e)
				runtime.KeepAlive(u)
				b.StartTimer()
			}
			b.ReportMetric(float64(live)/float64(entities), "B/entity")
			b.ReportMetric(float64(live)/1e6, "MB-live")
			b.ReportMetric(peakBytes()/1e6, "MB-peak")
			b.ReportMetric(again.Seconds()*1e3, "ms-again")
		})
	}
}

// dropped stands for an update that is no longer needed.
var dropped *correlate.Topology

// BenchmarkTopologyRows loads a graph from the rows of its state.
func BenchmarkTopologyRows(b *testing.B) {
	const entities = 100_000
	e := newEngine(b)
	e.Step(begin, []correlate.Input{estate(entities)})
	var rows [][2][]byte
	e.Changes(func(k, v []byte) { rows = append(rows, [2][]byte{[]byte(string(k)), []byte(string(v))}) })
	b.ReportAllocs()
	for b.Loop() {
		_, err := correlate.Load(rules.Compile, func(yield func(k, v []byte) bool) {
			for _, r := range rows {
				if !yield(r[0], r[1]) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
