package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
	"quell/internal/picture"
)

// Accountant counts what waiting did, and hears what it cannot see.
type Accountant interface {
	// Figures counts what waiting did in a period.
	Figures(ctx context.Context, p honesty.Period) (*honesty.Figures, error)
	// Feedback keeps what an operator says about an incident and returns once it is durable. from is the address that asked, for the audit
	// log. The error is [ErrNotFound], or a [*ConflictError] for an incident that was merged into another.
	Feedback(ctx context.Context, f *correlate.Feedback, from string) error
}

// figuresSpan is the period that is counted if nobody says which.
const figuresSpan = 7 * 24 * time.Hour

const figuresHint = "parameters are since, until (times, or durations such as 24h), class, format (json or text)"

// figures shows what waiting did, as JSON, or as text for those who ask for it.
func (s *Server) figures(w http.ResponseWriter, r *http.Request) {
	p, text, err := figuresQuery(r, time.Now().UTC())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), figuresHint)
		return
	}
	f, err := s.backend.Figures(r.Context(), p)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Vary", "Accept")
	if !text {
		write(w, http.StatusOK, f)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, picture.Figures(f)) // the client is gone, and nobody else wants to know
}

// figuresQuery reads what is asked for.
func figuresQuery(r *http.Request, now time.Time) (p honesty.Period, text bool, err error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return p, false, err
	}
	p, text = honesty.Period{Since: now.Add(-figuresSpan), At: now}, prefersText(r.Header.Get("Accept"))
	for name := range v {
		switch value := v.Get(name); name {
		case "since":
			p.Since, err = parseMoment(value, now)
		case "until":
			p.Until, err = parseMoment(value, now)
		case "class":
			p.Class = value
		case "format":
			text, err = parseFormat(value)
		default:
			return p, false, fmt.Errorf("unknown parameter %q", name)
		}
		if err != nil {
			return p, false, fmt.Errorf("%s: %w", name, err)
		}
	}
	if !p.Until.IsZero() && p.Until.Before(p.Since) {
		return p, false, fmt.Errorf("until is before since")
	}
	return p, text, nil
}

const feedbackHint = `send {"should_have_paged": true, "root": ENTITY, "not_root": ENTITY, "comment": TEXT, "by": NAME} as application/json, with at least one of the first four`

// feedback takes what an operator knows about an incident.
func (s *Server) feedback(w http.ResponseWriter, r *http.Request) {
	id, ok := incidentID(w, r)
	if !ok {
		return
	}
	f, err := readFeedback(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), feedbackHint)
		return
	}
	f.Incident = id
	if err := s.backend.Feedback(r.Context(), f, r.RemoteAddr); err != nil {
		s.failed(w, r, err)
		return
	}
	s.answerIncident(w, r, id)
}

// readFeedback reads the body of feedback.
func readFeedback(w http.ResponseWriter, r *http.Request) (*correlate.Feedback, error) {
	var body struct {
		ShouldHavePaged *bool           `json:"should_have_paged"`
		Root            topology.Entity `json:"root"`
		NotRoot         topology.Entity `json:"not_root"`
		Comment         string          `json:"comment"`
		By              string          `json:"by"`
	}
	if err := readObject(w, r, &body); err != nil {
		return nil, err
	}
	by, err := checkBy(body.By)
	if err != nil {
		return nil, err
	}
	f := &correlate.Feedback{By: by, ShouldHavePaged: body.ShouldHavePaged, Root: body.Root, NotRoot: body.NotRoot, Comment: strings.TrimSpace(body.Comment)}
	return f, f.Validate()
}
