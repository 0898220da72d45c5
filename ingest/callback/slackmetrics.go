package callback

import "github.com/prometheus/client_golang/prometheus"

// slackMetrics count what comes from Slack.
type slackMetrics struct {
	acts     *prometheus.CounterVec
	refused  *prometheus.CounterVec
	unheard  prometheus.Counter
	connects prometheus.Counter
	// connected counts the sockets that are open now.
	connected prometheus.Gauge
}

func newSlackMetrics(reg prometheus.Registerer) *slackMetrics {
	m := &slackMetrics{
		acts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_slack_actions_total",
			Help: "What people did with the buttons at Slack, by what came of it (done, asked, repeated, refused, forbidden, failed).",
		}, []string{"action", "result"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_slack_requests_refused_total", Help: "Requests to Slack's path that were not believed or not understood.",
		}, []string{"reason"}),
		unheard: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quell_slack_answers_lost_total", Help: "Answers to who acted at Slack that did not get there.",
		}),
		connects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quell_slack_socket_connects_total", Help: "Sockets that were opened to Slack; it closes each after some hours.",
		}),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quell_slack_sockets_connected", Help: "Sockets that are open to Slack.",
		}),
	}
	reg.MustRegister(m.acts, m.refused, m.unheard, m.connects, m.connected)
	return m
}

func (m *slackMetrics) act(action, result string) { m.acts.WithLabelValues(action, result).Inc() }

func (m *slackMetrics) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }
