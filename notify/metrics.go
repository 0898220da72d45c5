package notify

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/routing"
)

// metrics are labelled by receiver and integration, which the configuration names, and by words of [Reason]: never by anything
// that came in with an alert, nor by what a receiver answered.
type metrics struct {
	deliveries, attempts, deferrals *prometheus.CounterVec
	duration                        *prometheus.HistogramVec
	spilled                         prometheus.Counter
	templates                       *prometheus.CounterVec
	integrations                    *integrationMetrics
}

func newMetrics(d *Dispatcher) *metrics {
	return &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_notify_deliveries_total",
			Help: "Deliveries by how they ended, and why.",
		}, []string{"receiver", "integration", "action", "result", "reason"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_notify_attempts_total",
			Help: "Attempts to deliver by what came of them.",
		}, []string{"receiver", "integration", "reason"}),
		deferrals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_notify_deferred_total",
			Help: "Pages and notices that had to wait for an ill receiver, so that the next one was told at once.",
		}, []string{"receiver", "integration"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "quell_notify_duration_seconds",
			Help:    "How long attempts took.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"receiver", "integration"}),
		spilled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quell_notify_spilled_total",
			Help: "Deliveries that had to wait in the outbox because too many were pending.",
		}),
		templates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_notify_template_failures_total",
			Help: "Texts of users that could not be rendered, so that the default was sent instead.",
		}, []string{"integration"}),
		integrations: &integrationMetrics{d},
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(m.deliveries), r.Register(m.attempts), r.Register(m.deferrals), r.Register(m.duration),
		r.Register(m.spilled), r.Register(m.templates), r.Register(m.integrations))
}

func (m *metrics) attempted(t routing.Target, err error, took time.Duration) {
	m.attempts.WithLabelValues(t.Receiver, t.Integration(), Reason(err)).Inc()
	m.duration.WithLabelValues(t.Receiver, t.Integration()).Observe(took.Seconds())
}

func (m *metrics) deferred(t routing.Target) {
	m.deferrals.WithLabelValues(t.Receiver, t.Integration()).Inc()
}

func (m *metrics) ended(d *routing.Delivery, result, reason string) {
	m.deliveries.WithLabelValues(d.Target.Receiver, d.Target.Integration(), string(d.Action), result, reason).Inc()
}

// integrationMetrics exports what each integration has to do, as it is at a scrape. It looks at all lanes: at the highest number of
// pending deliveries that takes milliseconds.
type integrationMetrics struct{ d *Dispatcher }

var (
	integrationLabels = []string{"receiver", "integration"}

	pendingDesc = prometheus.NewDesc("quell_notify_pending", "Deliveries in memory whose end is not stored yet.", integrationLabels, nil)
	oldestDesc  = prometheus.NewDesc("quell_notify_oldest_pending_seconds", "Age of the oldest pending delivery, 0 if there is none.", integrationLabels, nil)
	breakerDesc = prometheus.NewDesc("quell_notify_breaker_state",
		"Whether the integration is attempted: 0 as ever, 1 one attempt at a time to see whether it is well again, 2 not at all.", integrationLabels, nil)
)

// Describe implements [prometheus.Collector].
func (m *integrationMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- pendingDesc
	ch <- oldestDesc
	ch <- breakerDesc
}

// Collect implements [prometheus.Collector].
func (m *integrationMetrics) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, s := range m.d.Status() {
		gauge := func(desc *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, s.Target.Receiver, s.Target.Integration())
		}
		age := time.Duration(0)
		if s.Oldest != nil {
			age = max(0, now.Sub(*s.Oldest))
		}
		gauge(pendingDesc, float64(s.Pending))
		gauge(oldestDesc, age.Seconds())
		gauge(breakerDesc, map[BreakerState]float64{BreakerClosed: 0, BreakerHalfOpen: 1, BreakerOpen: 2}[s.Breaker])
	}
}
