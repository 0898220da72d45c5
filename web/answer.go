package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
)

// problem is the body of an answer that is no success.
type problem struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	// Problems are the lines of a configuration's errors.
	Problems []string `json:"problems,omitempty"`
}

func fail(w http.ResponseWriter, status int, text, hint string) {
	write(w, status, problem{Error: text, Hint: hint})
}

// failed answers for an error of the backend.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	switch conflict, ok := errors.AsType[*ConflictError](err); {
	case errors.Is(err, ErrNotFound):
		fail(w, http.StatusNotFound, err.Error(), "closed incidents are kept as long as storage.retention.incidents_age says")
	case ok:
		fail(w, http.StatusConflict, conflict.Reason, "")
	case r.Context().Err() != nil:
		// The client is gone.
	default:
		s.log.Warn("request not answered", slog.String("path", r.URL.Path), slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, err.Error(), "try again; /api/v1/status tells whether quell is degraded")
	}
}

// write answers with JSON. Encoding comes before the status, so that a value that cannot be encoded is not half an answer.
func write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("web: answer cannot be encoded: " + err.Error()) // no type here has a field that could fail
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client is gone, and nobody else wants to know
}
