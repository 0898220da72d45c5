package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/picture"
)

// ErrUnknownEntity says that the topology does not know an entity.
var ErrUnknownEntity = errors.New("the topology does not know this entity")

// Mapper knows the topology.
type Mapper interface {
	// Neighbourhood returns what is next to an entity, at most limit entities on each side, or [ErrUnknownEntity]. The answer is not
	// changed afterwards.
	Neighbourhood(ctx context.Context, entity topology.Entity, limit int) (*correlate.Neighbourhood, error)
}

// ServiceGraphStatus tells how a service graph does.
type ServiceGraphStatus struct {
	Name string `json:"name"`
	// LastSuccess is when Prometheus answered last; nil if it never did.
	LastSuccess *time.Time `json:"last_success"`
	// Error is what was wrong with the last query, Warning what Prometheus had to say about its last answer; empty if nothing.
	Error   string `json:"error,omitempty"`
	Warning string `json:"warning,omitempty"`
	// Stale is true while it has failed for so long that it is a symptom.
	Stale bool `json:"stale"`
	// Series came with the last answer; Unnamed of them had a side that names no entity.
	Series  int `json:"series"`
	Unnamed int `json:"unnamed"`
	// Dependencies are what came of it; if Truncated, there were more than fit.
	Dependencies int  `json:"dependencies"`
	Truncated    bool `json:"truncated"`
}

const topologyHint = "parameters are entity, limit, format (json or text)"

// topology shows what is next to an entity, as JSON, or as text for those who ask for it.
func (s *Server) topology(w http.ResponseWriter, r *http.Request) {
	entity, limit, text, err := topologyQuery(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), topologyHint)
		return
	}
	h, err := s.backend.Neighbourhood(r.Context(), entity, limit)
	switch {
	case errors.Is(err, ErrUnknownEntity):
		fail(w, http.StatusNotFound, err.Error(), "ids are kind/name or kind/namespace/name, with @cluster behind them where a cluster is known")
		return
	case err != nil:
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Vary", "Accept")
	if !text {
		write(w, http.StatusOK, h)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, picture.Neighbourhood(h, time.Now())) // the client is gone, and nobody else wants to know
}

// topologyQuery reads what is asked for.
func topologyQuery(r *http.Request) (entity topology.Entity, limit int, text bool, err error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", 0, false, err
	}
	limit, text = DefaultExplained, prefersText(r.Header.Get("Accept"))
	for name := range v {
		switch value := v.Get(name); name {
		case "entity":
			entity = topology.Entity(value)
		case "limit":
			if limit, err = parseLimit(value); err != nil {
				return "", 0, false, fmt.Errorf("limit: %w", err)
			}
		case "format":
			if text, err = parseFormat(value); err != nil {
				return "", 0, false, err
			}
		default:
			return "", 0, false, fmt.Errorf("unknown parameter %q", name)
		}
	}
	if _, err := topology.ParseEntity(string(entity)); err != nil {
		return "", 0, false, fmt.Errorf("entity: %w", err)
	}
	return entity, limit, text, nil
}
