package notify

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// Extra is what goes beside a message as well as it can: that it did not arrive fails no delivery, and nobody tries again.
type Extra string

// Extras.
const (
	// ExtraChangeEvent tells a pager of what was changed before an incident.
	ExtraChangeEvent Extra = "change_event"
	// ExtraPicture is a cascade or chart beside a text.
	ExtraPicture Extra = "picture"
)

// CountExtra notes how sending an extra ended: err is nil, or as [Notifier] describes its errors. integration is the kind of integration,
// as in [routing.Target]. It does nothing in an environment that no dispatcher made, and may be called concurrently.
func (e *Environment) CountExtra(integration string, what Extra, err error) {
	if e.countExtra != nil {
		e.countExtra(integration, what, err)
	}
}

func newExtras() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quell_notify_extras_total",
		Help: "What was sent beside messages (change events, pictures), by what came of it.",
	}, []string{"integration", "extra", "reason"})
}

// countExtra is for people who miss something beside a message: the metric says why it is not there, the log says more.
func (d *Dispatcher) countExtra(integration string, what Extra, err error) {
	d.extras.WithLabelValues(integration, string(what), Reason(err)).Inc()
	if err != nil {
		d.opts.Log.Debug("extra not delivered", slog.String("integration", integration), slog.String("extra", string(what)), slog.String("reason", err.Error()))
	}
}
