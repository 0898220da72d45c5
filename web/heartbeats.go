package web

import (
	"context"
	"errors"
	"net/http"

	"quell/correlate"
)

// Pulse knows who is expected to report over and over.
type Pulse interface {
	// Heartbeats lists all that are expected, by name.
	Heartbeats(ctx context.Context) ([]correlate.HeartbeatView, error)
	// Forget expects one no longer and returns once that is durable. from is the address that asked, for the audit log. The
	// error is a [*correlate.HeartbeatError] where there is none, or where the configuration expects it.
	Forget(ctx context.Context, in *correlate.Heartbeat, by, from string) error
}

func (s *Server) listHeartbeats(w http.ResponseWriter, r *http.Request) {
	list, err := s.backend.Heartbeats(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if list == nil {
		list = []correlate.HeartbeatView{}
	}
	write(w, http.StatusOK, struct {
		Heartbeats []correlate.HeartbeatView `json:"heartbeats"`
	}{list})
}

// forgetHeartbeat drops the heartbeat that the path names; the query holds the labels that tell it from others.
func (s *Server) forgetHeartbeat(w http.ResponseWriter, r *http.Request) {
	by, err := readBy(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), "")
		return
	}
	in := &correlate.Heartbeat{Name: r.PathValue("name"), Forget: true}
	var pairs []correlate.Label
	for name, values := range r.URL.Query() {
		pairs = append(pairs, correlate.Label{Name: name, Value: values[0]})
	}
	in.Labels = correlate.NewLabels(pairs)
	err = s.backend.Forget(r.Context(), in, by, r.RemoteAddr)
	switch refused, ok := errors.AsType[*correlate.HeartbeatError](err); {
	case ok && refused.Unknown:
		fail(w, http.StatusNotFound, refused.Reason, "GET /api/v1/heartbeats lists them, with their labels")
	case ok:
		fail(w, http.StatusConflict, refused.Reason, "")
	case err != nil:
		s.failed(w, r, err)
	default:
		write(w, http.StatusOK, struct {
			Status string `json:"status"`
		}{"forgotten"})
	}
}
