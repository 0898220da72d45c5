package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Archivist keeps what quell was told.
type Archivist interface {
	// Journal writes the head of the journal, and then its records since a time in order, as JSON Lines. It ends with what was written when
	// it was asked. The error comes before anything is written, or says that the rest is missing.
	Journal(ctx context.Context, since time.Time, w io.Writer) error
}

const (
	// journalReaders bounds how many journals are written at once: each reads a store whose disk others wait for.
	journalReaders = 3
	// journalPieceBytes are taken within journalPieceTime, or else the reader is given up: one that stops reading must not keep its place, nor
	// one that takes a byte now and then.
	journalPieceBytes = 1 << 20
	journalPieceTime  = time.Minute
)

// journal streams the journal. It holds all that quell was ever told, so the [Gate] lets few in.
func (s *Server) journal(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if v := r.URL.Query().Get("since"); v != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, v); err != nil {
			fail(w, http.StatusBadRequest, "since: "+v+" is no time", "write it as 2026-01-02T15:04:05Z")
			return
		}
	}
	select {
	case s.archive <- struct{}{}:
		defer func() { <-s.archive }()
	default:
		w.Header().Set("Retry-After", "30")
		fail(w, http.StatusServiceUnavailable, "too many read the journal now", fmt.Sprintf("%d at a time can; try again later", journalReaders))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := &paced{w: w, control: http.NewResponseController(w), within: s.pieceTime}
	// The connection may have other requests to serve afterwards. Only a test's writer knows no deadlines.
	defer func() { _ = out.control.SetWriteDeadline(time.Time{}) }()
	if err := s.backend.Journal(r.Context(), since, out); err != nil {
		// The status has left. Who reads sees that the last record is not the one that the head promised.
		panic(http.ErrAbortHandler)
	}
}

// paced writes to a reader who has to take each piece in time.
type paced struct {
	w       io.Writer
	control *http.ResponseController
	within  time.Duration
	left    int // bytes of the piece
}

// Write fails if the reader is too slow.
func (p *paced) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		if p.left <= 0 {
			p.left = journalPieceBytes
			_ = p.control.SetWriteDeadline(time.Now().Add(p.within)) // only a test's writer knows none
		}
		part := b[:min(len(b), p.left)]
		var done int
		done, err = p.w.Write(part)
		n, b, p.left = n+done, b[done:], p.left-done
	}
	return n, err
}
