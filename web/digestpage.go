package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
)

// FormatPage is the form of a digest that people look at in a browser.
const FormatPage = "page"

const pageHint = "parameters are since, until (times, or durations such as 7d), period (a duration until then), timezone (Europe/Berlin), matchers (team=\"shop\", may be repeated)"

var (
	errNoFormat = errors.New("format: a page has one only; /api/v1/digest has others")
	errPeriod   = errors.New("period: it is a duration of at most a year, such as 7d, and excludes since")
)

// digestPage shows a digest. It works without scripts and fetches nothing; its charts are a part of it.
func (s *Server) digestPage(w http.ResponseWriter, r *http.Request) {
	q, err := pageQuery(r, time.Now().UTC())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), pageHint)
		return
	}
	doc, err := s.backend.Digest(r.Context(), q)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src "+doc.Style+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "same-origin")
	w.Header().Set("Content-Type", doc.Type)
	_, _ = w.Write(doc.Body) // the client is gone, and nobody else wants to know
}

// pageQuery reads what a page is asked for: what a digest is, and a period that ends with it.
func pageQuery(r *http.Request, now time.Time) (*DigestQuery, error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if v.Has("format") {
		return nil, errNoFormat
	}
	period := v.Get("period")
	v.Del("period")
	plain := *r.URL
	plain.RawQuery = v.Encode()
	q, err := digestQuery(&http.Request{URL: &plain}, now)
	if err != nil {
		return nil, err
	}
	q.Format = FormatPage
	if period == "" {
		return q, nil
	}
	d, err := model.ParseDuration(period)
	if err != nil || d <= 0 || time.Duration(d) > digestLongest || v.Has("since") {
		return nil, errPeriod
	}
	q.Since = q.Until.Add(-time.Duration(d))
	return q, nil
}
