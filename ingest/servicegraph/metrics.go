package servicegraph

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the figures of all service graphs, by name. They are safe for concurrent use.
type Metrics struct {
	queries   *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	series    *prometheus.GaugeVec
	edges     *prometheus.GaugeVec
	success   *prometheus.GaugeVec
	stale     *prometheus.GaugeVec
	truncated *prometheus.CounterVec
}

// NewMetrics registers the figures.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	graph := []string{"graph"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, graph)
	}
	m := &Metrics{
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_service_graph_queries_total", Help: "Queries for service graphs by result.",
		}, []string{"graph", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quell_service_graph_query_duration_seconds", Help: "Time that queries for service graphs took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 7),
		}, graph),
		series:  gauge("quell_service_graph_series", "Series in the last answer for a service graph."),
		edges:   gauge("quell_service_graph_dependencies", "Dependencies in the last answer for a service graph."),
		success: gauge("quell_service_graph_last_success_timestamp_seconds", "Time of the last answer for a service graph."),
		stale:   gauge("quell_service_graph_stale", "1 while a service graph has not been told for so long that it is a symptom."),
		truncated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_service_graph_truncations_total", Help: "Answers of which the dependencies with the least traffic were left out, since there were more than max_edges.",
		}, graph),
	}
	reg.MustRegister(m.queries, m.duration, m.series, m.edges, m.success, m.stale, m.truncated)
	return m
}

// begin makes the figures of a graph visible before its first answer.
func (m *Metrics) begin(graph string) {
	m.queries.WithLabelValues(graph, "success")
	m.queries.WithLabelValues(graph, "failure")
	m.truncated.WithLabelValues(graph)
	m.stale.WithLabelValues(graph).Set(0)
}

// Forget removes the figures of a graph that is configured no longer.
func (m *Metrics) Forget(graph string) {
	labels := prometheus.Labels{"graph": graph}
	m.queries.DeletePartialMatch(labels)
	m.truncated.DeletePartialMatch(labels)
	m.duration.DeletePartialMatch(labels)
	for _, g := range []*prometheus.GaugeVec{m.series, m.edges, m.success, m.stale} {
		g.DeletePartialMatch(labels)
	}
}
