package web

import (
	"context"
	"net/http"
	"time"

	"quell/correlate"
)

// unseenSpan is the period that is summed up where the query names none.
const unseenSpan = 7 * 24 * time.Hour

// Recorder knows what Alertmanager's event recorder told.
type Recorder interface {
	// Unseen sums up the alerts of a period that never reached quell by a webhook, the most frequent first.
	Unseen(ctx context.Context, since, until time.Time) ([]correlate.UnseenView, error)
}

// unseen lists what never reached a webhook: ?since= and &until= are times.
func (s *Server) unseen(w http.ResponseWriter, r *http.Request) {
	until := time.Now()
	since := until.Add(-unseenSpan)
	for name, to := range map[string]*time.Time{"since": &since, "until": &until} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			fail(w, http.StatusBadRequest, name+" is no time", "write 2026-01-02T03:04:05Z")
			return
		}
		*to = at
	}
	list, err := s.backend.Unseen(r.Context(), since, until)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	write(w, http.StatusOK, struct {
		Since  time.Time              `json:"since"`
		Until  time.Time              `json:"until"`
		Alerts []correlate.UnseenView `json:"alerts"`
	}{since.UTC(), until.UTC(), list})
}
