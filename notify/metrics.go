package notify

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are labelled by the kind of integration, never by anything that came in with an alert.
type metrics struct {
	deliveries, attempts *prometheus.CounterVec
	duration             *prometheus.HistogramVec
	spilled              prometheus.Counter
	pending, oldest      prometheus.GaugeFunc
}

func newMetrics(d *Dispatcher) *metrics {
	return &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_notify_deliveries_total",
			Help: "Deliveries by how they ended.",
		}, []string{"integration", "action", "result"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_notify_attempts_total",
			Help: "Attempts to deliver by what came of them.",
		}, []string{"integration", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "quell_notify_duration_seconds",
			Help:    "How long attempts took.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"integration"}),
		spilled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quell_notify_spilled_total",
			Help: "Deliveries that had to wait in the outbox because too many were pending.",
		}),
		pending: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "quell_notify_pending",
			Help: "Deliveries in memory whose end is not stored yet.",
		}, func() float64 {
			d.mu.Lock()
			defer d.mu.Unlock()
			return float64(d.pending)
		}),
		oldest: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "quell_notify_oldest_pending_seconds",
			Help: "Age of the oldest pending delivery, 0 if there is none.",
		}, func() float64 { return d.oldestPending(time.Now()).Seconds() }),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(m.deliveries), r.Register(m.attempts), r.Register(m.duration), r.Register(m.spilled),
		r.Register(m.pending), r.Register(m.oldest))
}

// oldestPending looks at the heads of all lanes: what is behind them is younger. At the highest number of pending
// deliveries that takes milliseconds, once a scrape.
func (d *Dispatcher) oldestPending(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	var age time.Duration
	for _, l := range d.lanes {
		if len(l.queue) > 0 {
			age = max(age, now.Sub(l.queue[0].delivery.Created))
		}
	}
	return age
}
