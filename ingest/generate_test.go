package ingest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"
)

var received = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// sentAlert is an alert as senders write it.
type sentAlert struct {
	Status       string            `json:"status,omitempty"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint,omitempty"`
}

// makeAlert returns the i-th alert of a storm: 8 labels, 3 annotations, about 626 bytes.
func makeAlert(i int) sentAlert {
	g := i % 100
	return sentAlert{
		Labels: map[string]string{
			"alertname": "HighErrorRate" + strconv.Itoa(g%50),
			"cluster":   "eu-west-" + strconv.Itoa(g%7),
			"service":   "svc-" + strconv.Itoa(g),
			"namespace": "ns-" + strconv.Itoa(g%200),
			"pod":       fmt.Sprintf("svc-%d-7d9f8b6c5d-%05d", g, i),
			"instance":  fmt.Sprintf("10.%d.%d.%d:8080", i>>16&255, i>>8&255, i&255),
			"severity":  "warning",
			"run":       "rxyz12345678",
		},
		Annotations: map[string]string{
			"summary":     fmt.Sprintf("High error rate on svc-%d", g),
			"description": fmt.Sprintf("Pod svc-%d-7d9f8b6c5d-%05d answers more than 5%% of requests with 5xx for 10m.", g, i),
			"runbook_url": "https://runbooks.example.com/high-error-rate",
		},
		StartsAt:     received.Add(-time.Duration(i) * time.Millisecond),
		EndsAt:       received.Add(4 * time.Minute),
		GeneratorURL: "http://prometheus.example.com:9090/graph?g0.expr=rate%28http_requests_total%5B5m%5D%29&g0.tab=1",
	}
}

func alertsBody(tb testing.TB, n int) []byte {
	tb.Helper()
	list := make([]sentAlert, n)
	for i := range list {
		list[i] = makeAlert(i)
	}
	return encode(tb, list)
}

func webhookBody(tb testing.TB, n int) []byte {
	tb.Helper()
	list := make([]sentAlert, n)
	for i := range list {
		list[i] = makeAlert(i)
		list[i].Status, list[i].EndsAt, list[i].Fingerprint = "firing", time.Time{}, "0123456789abcdef"
	}
	return encode(tb, map[string]any{
		"receiver": "quell", "status": "firing", "alerts": list, "groupLabels": map[string]string{}, "commonLabels": map[string]string{},
		"commonAnnotations": map[string]string{}, "externalURL": "http://am-0.example.com:9093", "version": "4",
		"groupKey": `{}:{}`, "truncatedAlerts": 0,
	})
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func BenchmarkDecodeWebhook(b *testing.B) { benchmarkDecoder(b, webhookBody, DecodeWebhook) }

func BenchmarkDecodeAlerts(b *testing.B) { benchmarkDecoder(b, alertsBody, DecodeAlerts) }

func benchmarkDecoder[T any](b *testing.B, body func(testing.TB, int) []byte, decode func([]byte, time.Time, Limits) (T, error)) {
	for _, n := range []int{1, 64, 10_000} {
		b.Run("alerts="+strconv.Itoa(n), func(b *testing.B) {
			raw := body(b, n)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(raw, received, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/alert")
		})
	}
}
