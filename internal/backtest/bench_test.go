package backtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/journal"
	"quell/storage"
	"quell/storage/bolt"
)

var benchDays = flag.Int("days", 1, "how many days BenchmarkBacktest replays")

// The benchmark's shop has this many pods and nodes.
const pods, nodes = 2000, 100

func podName(k int) string { return fmt.Sprintf("svc-%d-7d9f8b6c5d-%05d", k%200, k) }

// shop is where pods run, and who calls them.
func shop() *correlate.Topology {
	u := topology.Update{}
	for k := range pods {
		e := topology.Entity("pod/shop/" + podName(k))
		u.Edges = append(u.Edges, topology.Edge{From: e, To: topology.Entity(fmt.Sprintf("node/n-%d", k%nodes)), Type: "runs_on"},
			topology.Edge{From: topology.Entity(fmt.Sprintf("service/shop/svc-%d", k%200)), To: e, Type: "selects"})
	}
	return &correlate.Topology{Source: "api", Update: u}
}

// sick is an alert about a pod.
func sick(k int, name string, now time.Time) *correlate.Alert {
	labels := correlate.LabelsOf("alertname", name, "cluster", "eu-west-1", "namespace", "shop", "pod", podName(k), "severity", "warning",
		"instance", fmt.Sprintf("10.0.%d.%d:8080", k/250, k%250), "service", fmt.Sprintf("svc-%d", k%200))
	return &correlate.Alert{
		Fingerprint: labels.Fingerprint(), Labels: labels, StartsAt: now, Source: "alertmanager/a",
		Annotations: correlate.LabelsOf("summary", "Pod "+podName(k)+" is not well", "description", "It has not been well for a while, see the dashboard of its service."),
	}
}

// month writes a store with the journal of a shop in which an alert fires every few seconds and ends some minutes later, some in bursts
// behind one node, with a person who takes on one page in three. It returns its path and how many alerts fired.
func month(tb testing.TB, days, perHour int) (path string, alerts int) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "quell.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	seq, now := uint64(0), epoch
	write := func(inputs ...correlate.Input) {
		seq++
		err := db.Commit(&storage.Batch{Seq: seq, At: now, Record: correlate.AppendRecord(nil, inputs)})
		if err != nil {
			tb.Fatal(err)
		}
	}
	p := policyFor(tb, 5*time.Minute)
	write(&p, shop())
	type end struct {
		at time.Time
		a  correlate.Alert
	}
	var ends []end
	total := days * 24 * perHour
	names := []string{"KubePodCrashLooping", "KubePodNotReady", "HighErrorRate", "HighLatency"}
	for alerts < total {
		now = now.Add(time.Duration(r.IntN(int(2 * time.Hour / time.Duration(perHour) * 4))))
		for len(ends) > 0 && ends[0].at.Before(now) {
			var inputs []correlate.Input
			back := now
			now = ends[0].at
			for len(ends) > 0 && !ends[0].at.After(now) {
				e := ends[0]
				ends = ends[1:]
				e.a.EndsAt = now
				inputs = append(inputs, &e.a)
			}
			write(inputs...)
			now = back
		}
		node, size := r.IntN(nodes), 1+r.IntN(7)
		lasts := time.Duration(60+r.IntN(540)) * time.Second
		if len(ends) > 0 && ends[len(ends)-1].at.After(now.Add(lasts)) {
			lasts = ends[len(ends)-1].at.Sub(now) // they end in order
		}
		var inputs []correlate.Input
		for k := range size {
			a := sick((node+k*nodes)%pods, names[r.IntN(len(names))], now)
			inputs = append(inputs, a)
			ends = append(ends, end{now.Add(lasts), *a})
		}
		alerts += size
		write(inputs...)
	}
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
	return path, alerts
}

// BenchmarkBacktest replays a journal of 1,000 alerts an hour, each of which ends, under what was in force and under another hold. An
// operation is one alert, fired and resolved, in both.
func BenchmarkBacktest(b *testing.B) {
	b.Run(fmt.Sprintf("days=%d", *benchDays), func(b *testing.B) {
		path, alerts := month(b, *benchDays, 1000)
		for b.Loop() {
			db, err := bolt.Open(path, bolt.Options{})
			if err != nil {
				b.Fatal(err)
			}
			j, err := journal.OpenStore(db, path)
			if err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			r, err := Run(b.Context(), Options{Journal: j, New: &Setup{Name: "new", Policy: policyFor(b, 10*time.Minute)}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(began).Milliseconds())/1000, "s/run")
			b.ReportMetric(float64(alerts)/time.Since(began).Seconds(), "alerts/s")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
			b.Logf("%d records, %d incidents, %d pages, counts %v", r.Records, r.Figures.Old.Incidents, r.Figures.Old.Pages, r.Counts)
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
