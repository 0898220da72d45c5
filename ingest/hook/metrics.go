package hook

import (
	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/rules/webhook"
)

// Reasons why a request is refused, as metrics have them.
const (
	reasonUnknown     = "unknown"      // no source has this name
	reasonCredentials = "credentials"  // token, password, or the sender's address
	reasonSignature   = "signature"    // it is not that of the body
	reasonReplay      = "replay"       // too old, or a message that came already
	reasonTopic       = "topic"        // of SNS: not among those that are allowed
	reasonCertificate = "certificate"  // of SNS: cannot be fetched, or is not that of SNS
	reasonMediaType   = "media_type"   // no JSON
	reasonBody        = "body"         // too large, too slow, cut off
	reasonMalformed   = "malformed"    // no valid JSON
	reasonUnmapped    = "unmapped"     // the mapping made nothing of it
	reasonConfirm     = "confirmation" // of SNS: it did not take that the subscription is wanted
	reasonStore       = "store"        // it could not be stored now
)

// metrics are the package's own. Names of sources come from the configuration; that of an unknown one is empty.
type metrics struct {
	requests, items, refused *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_webhook_" + name, Help: help}, labels)
	}
	m := &metrics{
		requests: vector("requests_total", "Requests of webhook sources answered.", "webhook", "code"),
		items:    vector("items_total", "Items of bodies of webhook sources, by what they became.", "webhook", "result"),
		refused:  vector("refused_total", "Requests of webhook sources that were refused, by reason.", "webhook", "reason"),
	}
	reg.MustRegister(m.requests, m.items, m.refused)
	return m
}

// took counts what a body became, once that is durable.
func (m *metrics) took(source string, r *webhook.Result) {
	counts := map[string]int{"ignored": r.Ignored, "unmapped": r.FaultCount}
	for _, it := range r.Items {
		switch in := it.Input.(type) {
		case *correlate.Alert:
			if in.Resolved() {
				counts["resolved"]++
			} else {
				counts["firing"]++
			}
		case *correlate.Event:
			if in.Component == correlate.ChangeComponent {
				counts["change"]++
			} else {
				counts["event"]++
			}
		}
	}
	for result, n := range counts {
		if n > 0 {
			m.items.WithLabelValues(source, result).Add(float64(n))
		}
	}
}
