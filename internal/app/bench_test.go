package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serveFor runs quell with a configuration for the length of a test and returns its base address.
func serveFor(t testing.TB, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quell.yml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{ConfigPath: path, Stderr: io.Discard, Started: func(a net.Addr) { started <- a }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("quell ended with %v", err)
		}
	})
	select {
	case a := <-started:
		return "http://" + a.String()
	case err := <-done:
		t.Fatalf("quell did not start: %v", err)
		return ""
	}
}

const benchConfig = `
server: {listen: "127.0.0.1:0"}
hold: {default: 1h}
route: {receiver: nobody}
receivers: [{name: nobody}]
`

// prometheusBody is a POST of n alerts from number first on, as Prometheus sends them, 1,000 services in turn.
func prometheusBody(first, n int, run string, ends time.Time) []byte {
	type alert struct {
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		StartsAt     time.Time         `json:"startsAt"`
		EndsAt       time.Time         `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL"`
	}
	list := make([]alert, n)
	for k := range list {
		i := first + k
		g := i % 1000
		list[k] = alert{
			Labels: map[string]string{
				"alertname": "HighErrorRate" + strconv.Itoa(g%50), "cluster": "eu-west-" + strconv.Itoa(g%7), "service": "svc-" + strconv.Itoa(g),
				"namespace": "ns-" + strconv.Itoa(g%200), "pod": fmt.Sprintf("svc-%d-7d9f8b6c5d-%07d", g, i),
				"instance": fmt.Sprintf("10.%d.%d.%d:8080", i>>16&255, i>>8&255, i&255), "severity": "warning", "run": run,
			},
			Annotations: map[string]string{
				"summary":     fmt.Sprintf("High error rate on svc-%d", g),
				"description": fmt.Sprintf("Pod svc-%d-7d9f8b6c5d-%07d answers more than 5%% of requests with 5xx for 10m.", g, i),
				"runbook_url": "https://runbooks.example.com/high-error-rate",
			},
			StartsAt: ends.Add(-time.Hour), EndsAt: ends, GeneratorURL: "http://prometheus.example.com:9090/graph?g0.expr=rate%28http_requests_total%5B5m%5D%29&g0.tab=1",
		}
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return b
}

// BenchmarkHTTP sends alerts over HTTP, 64 in a request, from 8 connections, each durable before its answer. An operation is one
// alert; cpu-ns/op is what the whole process used, the clients included.
func BenchmarkHTTP(b *testing.B) {
	const batch, conns = 64, 8
	for _, pass := range []string{"new", "unchanged"} {
		b.Run("pass="+pass, func(b *testing.B) {
			url := serveFor(b, benchConfig) + "/api/v2/alerts"
			ends := time.Now().Add(time.Hour)
			n := (b.N + batch - 1) / batch
			bodies := make([][]byte, n)
			for i := range bodies {
				bodies[i] = prometheusBody(i*batch, batch, "x", ends)
			}
			if pass == "unchanged" {
				postAll(b, url, bodies, conns)
			}
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuTime()
			postAll(b, url, bodies, conns)
			b.ReportMetric(float64(cpuTime()-cpu)/float64(n*batch), "cpu-ns/op")
		})
	}
}

func postAll(b *testing.B, url string, bodies [][]byte, conns int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns}}
	defer client.CloseIdleConnections()
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(bodies)); i = next.Add(1) - 1 {
				resp, err := client.Post(url, "application/json", bytes.NewReader(bodies[i]))
				if err != nil {
					failed.Add(1)
					continue
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if f := failed.Load(); f > 0 {
		b.Fatalf("%d of %d requests failed", f, len(bodies))
	}
}

// cpuTime is the processor time that this process used, in nanoseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
