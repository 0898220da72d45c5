package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/web/alertmanager"
)

// firingPiece is how many symptoms are read at once: the loop is with nobody else meanwhile, for a millisecond, or some where silences have to be looked at.
const firingPiece = 2048

// readers answers those who read quell as if it were an Alertmanager.
type readers struct{ backend }

// Firing returns what fires, and the open incidents. What changes while it is read shows as it was or as it is.
func (b readers) Firing(ctx context.Context) (*alertmanager.Snapshot, error) {
	s := new(alertmanager.Snapshot)
	for last := uint64(0); ; {
		err := b.a.loop.look(ctx, func(e *correlate.Engine) error {
			var piece []correlate.Firing
			piece, last = e.Firing(last, firingPiece)
			s.Firing = append(s.Firing, piece...)
			if last == 0 {
				s.Incidents = e.Incidents(func(inc *correlate.Incident) bool { return inc.State.Open() })
			}
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case last == 0:
			return s, nil
		}
	}
}

// Setup returns the configuration in force.
func (b readers) Setup() alertmanager.Setup {
	c := b.a.current.Load().config
	s := alertmanager.Setup{Route: c.Route, Version: b.a.options.Version, Started: plain(b.a.started)}
	for _, r := range c.Receivers {
		s.Receivers = append(s.Receivers, r.Name)
	}
	return s
}

// newReadersVersion is the metric by which Karma knows which API to expect.
func newReadersVersion() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "alertmanager_build_info",
		Help:        "The version of Alertmanager whose API quell speaks, for tools that ask for it here.",
		ConstLabels: prometheus.Labels{"version": alertmanager.Version},
	})
	g.Set(1)
	return g
}
