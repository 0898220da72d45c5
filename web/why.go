package web

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"quell/internal/picture"
)

// DefaultExplained is how many symptoms of an incident are explained one by one if nobody says so; [MaxLimit] is the most.
const DefaultExplained = 100

const whyHint = "parameters are format (json or text) and limit, how many symptoms are explained"

// why explains an incident, as JSON, or as text for those who ask for it with format=text or prefer it over JSON.
func (s *Server) why(w http.ResponseWriter, r *http.Request) {
	id, ok := incidentID(w, r)
	if !ok {
		return
	}
	limit, text, err := whyQuery(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), whyHint)
		return
	}
	x, err := s.backend.Why(r.Context(), id, limit)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Vary", "Accept")
	if !text {
		write(w, http.StatusOK, x)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, picture.Why(x, picture.Options{})) // the client is gone, and nobody else wants to know
}

// whyQuery reads what is asked for.
func whyQuery(r *http.Request) (limit int, text bool, err error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return 0, false, err
	}
	limit, text = DefaultExplained, prefersText(r.Header.Get("Accept"))
	for name := range v {
		switch value := v.Get(name); name {
		case "limit":
			if limit, err = parseLimit(value); err != nil {
				return 0, false, fmt.Errorf("limit: %w", err)
			}
		case "format":
			if text, err = parseFormat(value); err != nil {
				return 0, false, err
			}
		default:
			return 0, false, fmt.Errorf("unknown parameter %q", name)
		}
	}
	return limit, text, nil
}

func parseFormat(value string) (text bool, err error) {
	if value != "json" && value != "text" {
		return false, fmt.Errorf("format: %q is neither json nor text", value)
	}
	return value == "text", nil
}

// prefersText reports whether an Accept header names text before JSON. Weights are not looked at: whoever sends them for these two
// can say format=text.
func prefersText(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := mime.ParseMediaType(part) // what is no media type is none that we have
		switch media {
		case "text/plain":
			return true
		case "application/json", "application/*", "*/*":
			return false
		}
	}
	return false
}
