package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
)

// metrics are the package's own. Label values never come from senders.
type metrics struct {
	requests        *prometheus.CounterVec
	alerts          *prometheus.CounterVec
	events          prometheus.Counter
	rejected        *prometheus.CounterVec
	trimmed         prometheus.Counter
	truncatedGroups prometheus.Counter
	clockSkew       prometheus.Counter
	malformed       prometheus.Counter
	bodyBytes       prometheus.Histogram
	seconds         prometheus.Histogram
	recorded        *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "quell_ingest_" + name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_ingest_" + name, Help: help}, labels)
	}
	m := &metrics{
		requests:        vector("requests_total", "Requests answered.", "path", "code"),
		alerts:          vector("alerts_total", "Alerts taken in.", "path", "status"),
		events:          counter("events_total", "Kubernetes events taken in."),
		rejected:        vector("rejected_total", "Items of bodies that could not be taken, and malformed bodies.", "path"),
		trimmed:         counter("trimmed_total", "Alerts that lost labels or annotations to a limit."),
		truncatedGroups: counter("truncated_groups_total", "Webhooks from which Alertmanager left alerts out (max_alerts)."),
		recorded:        vector("recorder_events_total", "Events of Alertmanager's event recorder about alerts, and such that were too old to be judged.", "result"),
		clockSkew:       counter("clock_skew_total", "Alerts and events with a time in the future that was replaced by the present."),
		malformed:       counter("malformed_dependencies_total", "Entries of the annotation quell.dev/depends-on that name no entity."),
		bodyBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quell_ingest_body_bytes", Help: "Size of bodies, decompressed.",
			Buckets: prometheus.ExponentialBuckets(1<<10, 4, 9),
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quell_ingest_request_duration_seconds", Help: "Time from a request's header to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	reg.MustRegister(m.requests, m.alerts, m.events, m.rejected, m.trimmed, m.truncatedGroups, m.clockSkew, m.malformed, m.bodyBytes, m.seconds, m.recorded)
	return m
}

// took counts inputs that were submitted.
func (m *metrics) took(path string, inputs []correlate.Input) {
	var firing, resolved, events int
	for _, in := range inputs {
		switch in := in.(type) {
		case *correlate.Alert:
			if in.Resolved() {
				resolved++
			} else {
				firing++
			}
		case *correlate.Event:
			events++
		}
	}
	if firing > 0 {
		m.alerts.WithLabelValues(path, "firing").Add(float64(firing))
	}
	if resolved > 0 {
		m.alerts.WithLabelValues(path, "resolved").Add(float64(resolved))
	}
	m.events.Add(float64(events))
}
