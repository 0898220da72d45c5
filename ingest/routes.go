package ingest

import (
	"context"
	"log/slog"
	"time"

	"quell/correlate"
)

func (s *Server) alertmanager(ctx context.Context, body []byte, now time.Time) (decoded, error) {
	hook, err := DecodeWebhook(body, now, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	if hook.Truncated > 0 {
		s.metrics.truncatedGroups.Inc()
		source := sourceName("alertmanager/", hook.ExternalURL)
		if s.mayWarn("truncated " + source) {
			s.log.LogAttrs(ctx, slog.LevelWarn, "alertmanager left alerts out: nothing is known about them (see its max_alerts)",
				slog.String("source", source), slog.Uint64("truncated_alerts", hook.Truncated))
		}
	}
	return s.alerts(&hook.Batch), nil
}

func (s *Server) prometheus(_ context.Context, body []byte, now time.Time) (decoded, error) {
	batch, err := DecodeAlerts(body, now, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	return s.alerts(batch), nil
}

func (s *Server) alerts(b *Batch) decoded {
	s.metrics.trimmed.Add(float64(b.Trimmed))
	s.metrics.clockSkew.Add(float64(b.Skewed))
	inputs := make([]correlate.Input, len(b.Alerts))
	for i := range b.Alerts {
		inputs[i] = &b.Alerts[i]
	}
	return decoded{inputs: inputs, accepted: len(inputs), Rejections: b.Rejections}
}

func (s *Server) kubernetes(_ context.Context, body []byte, now time.Time) (decoded, error) {
	k, err := DecodeKubernetes(body, now, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	s.metrics.clockSkew.Add(float64(k.Skewed))
	return decoded{inputs: k.Inputs, accepted: len(k.Inputs), Rejections: k.Rejections}, nil
}

// topologySource is the source of updates that came over the network.
const topologySource = "api"

func (s *Server) topology(_ context.Context, body []byte, _ time.Time) (decoded, error) {
	u, err := DecodeTopology(body, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	n := len(u.Entities) + len(u.Edges) + len(u.RemoveEntities) + len(u.RemoveEdges)
	if n == 0 {
		return decoded{}, nil
	}
	return decoded{inputs: []correlate.Input{&correlate.Topology{Update: *u, Source: topologySource}}, accepted: n}, nil
}
