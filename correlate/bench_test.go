package correlate_test

import (
	"fmt"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules"
)

func newEngine(b testing.TB) *correlate.Engine {
	b.Helper()
	e, err := correlate.New(rules.Compile, correlate.Policy{Packs: []string{"kubernetes", "kube-prometheus"}})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// podAlert is the i-th alert of a storm on 1,000 services: 8 labels and 3 annotations, some 626 bytes as JSON.
func podAlert(i int, at time.Time) *correlate.Alert {
	g := i % 1000
	a := &correlate.Alert{
		Labels: correlate.LabelsOf("alertname", fmt.Sprintf("HighErrorRate%d", g%50), "cluster", fmt.Sprintf("eu-west-%d", g%7),
			"service", fmt.Sprintf("svc-%d", g), "namespace", fmt.Sprintf("ns-%d", g%200), "pod", fmt.Sprintf("svc-%d-7d9f8b6c5d-%05d", g, i),
			"instance", fmt.Sprintf("10.%d.%d.%d:8080", i>>16, i>>8&255, i&255), "severity", "warning", "run", "x"),
		Annotations: correlate.LabelsOf("summary", fmt.Sprintf("High error rate on svc-%d", g), "description",
			fmt.Sprintf("Pod svc-%d-7d9f8b6c5d-%05d answers more than 5%% of requests with 5xx for 10m.", g, i), "runbook_url", "https://runbooks.example.com/x"),
		StartsAt: at, Expires: at.Add(20 * time.Minute), Source: "prometheus/test",
	}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// BenchmarkStepNewAlerts steps batches of 512 alerts that were never seen before, and collects the changed rows, as a commit
// does. An operation is one alert; the engine holds up to 100,000.
func BenchmarkStepNewAlerts(b *testing.B) {
	var e *correlate.Engine
	var batch []correlate.Input
	bytes := 0
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n%100_000 == 0 {
			b.StopTimer()
			e = newEngine(b)
			b.StartTimer()
		}
		batch = append(batch, podAlert(n%100_000, begin))
		if n++; len(batch) == 512 || n%100_000 == 0 {
			e.Step(begin, batch)
			e.Changes(func(_, v []byte) { bytes += len(v) })
			batch = nil
		}
	}
	b.ReportMetric(float64(bytes)/float64(n), "row-B/op")
}

// BenchmarkUnchanged asks about alerts that are sent again.
func BenchmarkUnchanged(b *testing.B) {
	e := newEngine(b)
	alerts := make([]*correlate.Alert, 100_000)
	for i := range alerts {
		alerts[i] = podAlert(i, begin)
		e.Step(begin, []correlate.Input{alerts[i]})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := e.Unchanged(alerts[i%len(alerts)]); !ok {
			b.Fatal("changed")
		}
		i++
	}
}

// BenchmarkStepDependent steps one symptom at a time that joins the incident of a hub, and heals again, by how many other
// dependents of the hub are ill.
func BenchmarkStepDependent(b *testing.B) {
	for _, dependents := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("dependents=%d", dependents), func(b *testing.B) {
			e := newEngine(b)
			u := &correlate.Topology{Source: "api"}
			for i := range dependents {
				u.Edges = append(u.Edges, topology.Edge{From: topology.Entity(fmt.Sprintf("pod/ns/p-%d", i)), To: "node/hub", Type: "runs_on"})
			}
			alert := func(entity string, at time.Time) *correlate.Alert {
				a := &correlate.Alert{Labels: correlate.LabelsOf("alertname", "X", "quell_entity", entity), StartsAt: at}
				a.Fingerprint = a.Labels.Fingerprint()
				return a
			}
			now := begin
			e.Step(now, []correlate.Input{u, alert("node/hub", now)})
			for i := range dependents {
				e.Step(now, []correlate.Input{alert(fmt.Sprintf("pod/ns/p-%d", i), now)})
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				now = now.Add(time.Millisecond)
				a := alert(fmt.Sprintf("pod/ns/p-%d", i%dependents), now)
				if i++; i/dependents%2 == 0 {
					a.EndsAt = now
				}
				e.Step(now, []correlate.Input{a})
				e.Changes(func(_, _ []byte) {})
			}
		})
	}
}
