package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// deadManMetrics are the figures of the dead man's switch.
type deadManMetrics struct {
	trips, rounds prometheus.Gauge
	seconds       prometheus.Histogram
	failures      *prometheus.CounterVec
}

func newDeadManMetrics(reg prometheus.Registerer) *deadManMetrics {
	m := &deadManMetrics{
		trips: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quell_dead_mans_switch_last_round_trip_timestamp_seconds",
			Help: "When a beat went all the way through quell last, from its socket to the dispatcher; 0 if none did.",
		}),
		rounds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quell_dead_mans_switch_last_success_timestamp_seconds",
			Help: "When a round trip was followed by a ping, if an address is configured, last; 0 if none was.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quell_dead_mans_switch_duration_seconds", Help: "Time of good rounds, ping included.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_dead_mans_switch_failures_total", Help: "Rounds that failed, by step.",
		}, []string{"step"}),
	}
	reg.MustRegister(m.trips, m.rounds, m.seconds, m.failures)
	for _, step := range []string{stepDegraded, stepIngest, stepDispatch, stepPages, stepPing} {
		m.failures.WithLabelValues(step)
	}
	return m
}

// tripped counts a good round trip, succeeded a good round.
func (m *deadManMetrics) tripped() { m.trips.SetToCurrentTime() }

func (m *deadManMetrics) succeeded(took time.Duration) {
	m.rounds.SetToCurrentTime()
	m.seconds.Observe(took.Seconds())
}
