package ingest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"quell/correlate"
)

func (s *Server) alertmanager(r *http.Request, body []byte, now time.Time) (decoded, error) {
	hook, err := DecodeWebhook(body, now, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	if hook.Truncated > 0 {
		s.metrics.truncatedGroups.Inc()
		source := sourceName("alertmanager/", hook.ExternalURL)
		if s.mayWarn("truncated " + source) {
			s.log.LogAttrs(r.Context(), slog.LevelWarn, "alertmanager left alerts out: nothing is known about them (see its max_alerts)",
				slog.String("source", source), slog.Uint64("truncated_alerts", hook.Truncated))
		}
	}
	return s.alerts(&hook.Batch), nil
}

func (s *Server) prometheus(_ *http.Request, body []byte, now time.Time) (decoded, error) {
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

func (s *Server) kubernetes(_ *http.Request, body []byte, now time.Time) (decoded, error) {
	k, err := DecodeKubernetes(body, now, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	s.metrics.clockSkew.Add(float64(k.Skewed))
	s.metrics.malformed.Add(float64(k.Malformed))
	return decoded{inputs: k.Inputs, accepted: len(k.Inputs), Rejections: k.Rejections}, nil
}

// topologySource is the source of updates that came over the network. One that gives its name in the query is told apart from others
// by it: "api/NAME".
const topologySource = "api"

// maxSourceBytes bounds the name of a source.
const maxSourceBytes = 128

func (s *Server) topology(r *http.Request, body []byte, _ time.Time) (decoded, error) {
	source, err := updateSource(r.URL.Query())
	if err != nil {
		return decoded{}, err
	}
	u, err := DecodeTopology(body, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	n := len(u.Entities) + len(u.Edges) + len(u.RemoveEntities) + len(u.RemoveEdges)
	if n == 0 && !u.Replace {
		return decoded{}, nil
	}
	return decoded{inputs: []correlate.Input{&correlate.Topology{Update: *u, Source: source}}, accepted: n}, nil
}

// updateSource names who sends an update.
func updateSource(query url.Values) (string, error) {
	if !query.Has("source") {
		return topologySource, nil
	}
	name := query.Get("source")
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if name == "" || len(name) > maxSourceBytes || strings.ContainsFunc(name, odd) {
		return "", fmt.Errorf("source %s is no name (want 1 to %d printable ASCII characters, no space)", quote([]byte(name)), maxSourceBytes)
	}
	return topologySource + "/" + name, nil
}
