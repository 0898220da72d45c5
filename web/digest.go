package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/internal/strictyaml"
)

const (
	// digestSpan is the period of a digest if nobody says which, digestLongest the longest one that can be asked for.
	digestSpan    = 7 * 24 * time.Hour
	digestLongest = 366 * 24 * time.Hour
	digestHint    = "parameters are since, until (times, or durations such as 7d), timezone (Europe/Berlin), matchers (team=\"shop\", may be repeated), format (json, text, markdown or slack)"
)

// DigestQuery says what a digest is to be about.
type DigestQuery struct {
	// Since belongs to the period, Until does not. They are at most a year apart.
	Since, Until time.Time
	Location     *time.Location
	// Matchers pick incidents by the labels that all their alerts share. None means all.
	Matchers labels.Matchers
	// Format is json, text, markdown or slack; [FormatPage] for the page of it.
	Format string
}

// Document is something to read.
type Document struct {
	// Type is that of the content, with its character set.
	Type string
	// Style names the only style sheet in the content, as a policy for it does: 'sha256-…'. Empty if there is none.
	Style string
	Body  []byte
}

// Digester makes digests.
type Digester interface {
	// Digest makes one as of now.
	Digest(ctx context.Context, q *DigestQuery) (*Document, error)
}

var digestFormats = []string{"json", "text", "markdown", "slack"}

// digest reports on a period: what the digests of the configuration send.
func (s *Server) digest(w http.ResponseWriter, r *http.Request) {
	q, err := digestQuery(r, time.Now().UTC())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), digestHint)
		return
	}
	doc, err := s.backend.Digest(r.Context(), q)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", doc.Type)
	_, _ = w.Write(doc.Body) // the client is gone, and nobody else wants to know
}

// digestQuery reads what is asked for.
func digestQuery(r *http.Request, now time.Time) (*DigestQuery, error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	q := &DigestQuery{Since: now.Add(-digestSpan), Until: now, Location: time.UTC, Format: "json"}
	for name, values := range v {
		value := v.Get(name)
		switch name {
		case "since":
			q.Since, err = parseMoment(value, now)
		case "until":
			q.Until, err = parseMoment(value, now)
		case "timezone":
			q.Location, err = parseZone(value)
		case "matchers":
			err = q.match(values)
		case "format":
			if q.Format = value; !slices.Contains(digestFormats, value) {
				err = fmt.Errorf("%q is none", value)
			}
		default:
			return nil, fmt.Errorf("unknown parameter %q", name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	switch {
	case !q.Since.Before(q.Until):
		return nil, fmt.Errorf("since is not before until")
	case q.Until.Sub(q.Since) > digestLongest:
		return nil, fmt.Errorf("the period is longer than a year")
	}
	return q, nil
}

// match adds matchers.
func (q *DigestQuery) match(texts []string) error {
	for _, text := range texts {
		ms, err := strictyaml.ParseMatchers(text)
		if err != nil {
			return err
		}
		q.Matchers = append(q.Matchers, ms...)
	}
	return nil
}

// parseZone reads the name of a time zone.
func parseZone(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	return location, nil
}
