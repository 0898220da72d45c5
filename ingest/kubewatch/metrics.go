package kubewatch

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the figures of all watches of a process.
type Metrics struct {
	objects, skew, stale, refused, unusable *prometheus.GaugeVec
	frames, errors, skipped, retries        *prometheus.CounterVec
	lag                                     *prometheus.HistogramVec
}

// NewMetrics registers the figures. Their labels are the names of clusters in the configuration and of the kinds that quell knows.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "quell_kubernetes_" + name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_kubernetes_" + name, Help: help}, labels)
	}
	m := &Metrics{
		objects: gauge("objects", "Objects that are watched; of events, those in the last list.", "cluster", "resource"),
		skew:    gauge("clock_skew_seconds", "How far the clock of the API server is ahead.", "cluster"),
		stale: gauge("watch_stale", "1 while a kind cannot be watched for so long that what is known of it may be out of date.",
			"cluster", "resource"),
		frames:   counter("frames_total", "Frames of watches, by what they tell.", "cluster", "resource", "type"),
		errors:   counter("errors_total", "Lists and watches that failed or broke, by reason.", "cluster", "resource", "reason"),
		skipped:  counter("events_skipped_total", "Events that were told before: after a restart, or listed again.", "cluster"),
		refused:  gauge("watch_refused", "1 while quell lacks the permission to watch a kind.", "cluster", "resource"),
		unusable: gauge("objects_refused", "Objects since the start that could not be used.", "cluster", "resource"),
		retries:  counter("submit_retries_total", "Times that the engine did not take what was watched, and it was tried again.", "cluster"),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quell_kubernetes_lag_seconds", Help: "Time from a frame to its durable consideration: the oldest of each batch.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"cluster"}),
	}
	reg.MustRegister(m.objects, m.skew, m.stale, m.frames, m.errors, m.skipped, m.refused, m.unusable, m.retries, m.lag)
	return m
}

// show sets what is known of a kind as a whole.
func (m *Metrics) show(cluster string, st *KindStatus, isStale bool) {
	m.stale.WithLabelValues(cluster, st.Resource).Set(number(isStale))
	m.refused.WithLabelValues(cluster, st.Resource).Set(number(st.State == Forbidden))
	m.unusable.WithLabelValues(cluster, st.Resource).Set(float64(st.Refused))
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
