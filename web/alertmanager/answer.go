package alertmanager

import (
	"encoding/json"
	"log/slog"
	"net/http"
)

// write answers with JSON.
func write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("alertmanager: answer cannot be encoded: " + err.Error()) // no type here has a field that could fail
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client is gone, and nobody else wants to know
}

// bad answers that the request is wrong.
func bad(w http.ResponseWriter, text string) { write(w, http.StatusBadRequest, text) }

// busy asks to come back.
func busy(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", "5")
	write(w, http.StatusServiceUnavailable, text)
}

// failed answers for an error of the backend.
func (a *API) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client is gone
	}
	a.log.Warn("request not answered", slog.String("path", r.URL.Path), slog.Any("error", err))
	busy(w, err.Error())
}
