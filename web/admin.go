package web

import (
	"io"
	"net/http"
	"strings"

	"quell/correlate"
)

// figures is [correlate.Figures] in the API's notation: the conversion below compiles as long as the fields are the same.
type figures struct {
	Symptoms      int `json:"symptoms"`
	Active        int `json:"active"`
	Lost          int `json:"lost"`
	Held          int `json:"held"`
	Escalated     int `json:"escalated"`
	Acknowledged  int `json:"acknowledged"`
	Closed        int `json:"closed"`
	Entities      int `json:"entities"`
	Edges         int `json:"edges"`
	Sources       int `json:"sources"`
	SilentSources int `json:"silent_sources"`
	Timers        int `json:"timers"`
	correlate.SilenceFigures
	Heartbeats        int `json:"heartbeats"`
	HeartbeatsMissing int `json:"heartbeats_missing"`
	HeartbeatsFailed  int `json:"heartbeats_failed"`
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.admin.Status(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	shown := *st
	if shown.Degraded == nil {
		shown.Degraded = []string{}
	}
	if shown.Kubernetes == nil {
		shown.Kubernetes = []ClusterStatus{}
	}
	write(w, http.StatusOK, struct {
		Status
		Engine figures `json:"engine"`
	}{shown, figures(st.Engine)})
}

// unexplained lists alerts that make no incident, so that nothing is hidden.
func (s *Server) unexplained(w http.ResponseWriter, r *http.Request) {
	limit := DefaultLimit
	if v := r.URL.Query().Get("limit"); v != "" {
		var err error
		if limit, err = parseLimit(v); err != nil {
			fail(w, http.StatusBadRequest, "limit: "+err.Error(), "")
			return
		}
	}
	views, total, err := s.backend.Unexplained(r.Context(), limit)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if views == nil {
		views = []correlate.SymptomView{}
	}
	write(w, http.StatusOK, struct {
		Alerts []correlate.SymptomView `json:"alerts"`
		Total  int                     `json:"total"`
	}{views, total})
}

// healthy says that the process runs.
func healthy(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "quell is healthy.\n") }

// ready says whether quell can do all it should.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.admin.Ready(); err != nil {
		plain(w, http.StatusServiceUnavailable, "quell is not ready: "+err.Error()+"\n")
		return
	}
	plain(w, http.StatusOK, "quell is ready.\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client is gone, and nobody else wants to know
}

// reload answers like Prometheus: 200 if the configuration was taken, 500 if not, with each problem on its own.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if err := s.admin.Reload(r.Context(), r.RemoteAddr); err != nil {
		write(w, http.StatusInternalServerError, problem{
			Error:    "the configuration was not taken; the one before stays in force",
			Hint:     "quell check -c FILE shows the problems without a reload",
			Problems: strings.Split(strings.TrimSpace(err.Error()), "\n"),
		})
		return
	}
	write(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"reloaded"})
}
