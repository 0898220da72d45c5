package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// Limits of lists.
const (
	// DefaultLimit is how many incidents a page has if nobody says so, MaxLimit the most that can be asked for.
	DefaultLimit = 50
	MaxLimit     = 1000
	// maxCommandBytes bounds the body of an operator action, maxByBytes the name in it.
	maxCommandBytes = 64 << 10
	maxByBytes      = 256
)

// Query selects incidents. Zero fields select all.
type Query struct {
	// States are those wanted; empty is any but merged.
	States []correlate.State
	// Entity is a root or a member, Class as in [correlate.Incident].
	Entity topology.Entity
	Class  string
	// Severity is the least that is wanted.
	Severity correlate.Severity
	// Since and Until select incidents whose life, from opened to closed, touches the time from Since to Until.
	Since, Until time.Time
	// Before selects ids below it: where the page before ended.
	Before correlate.IncidentID
	// Limit is from 1 to [MaxLimit].
	Limit int
}

// Match reports whether an incident is selected. Limit does not count.
func (q *Query) Match(inc *correlate.Incident) bool {
	switch {
	case len(q.States) == 0 && inc.State == correlate.Merged:
	case len(q.States) > 0 && !slices.Contains(q.States, inc.State):
	case inc.Severity < q.Severity:
	case q.Class != "" && inc.Class != q.Class:
	case q.Before != 0 && inc.ID >= q.Before:
	case !q.Since.IsZero() && inc.Closed != nil && inc.Closed.Before(q.Since):
	case !q.Until.IsZero() && inc.Opened.After(q.Until):
	case q.Entity != "" && !slices.Contains(inc.Members, q.Entity) &&
		!slices.ContainsFunc(inc.Roots[:min(len(inc.Roots), 1)], func(r correlate.Root) bool { return r.Entity == q.Entity }):
	default:
		return true
	}
	return false
}

// parseQuery reads the parameters of a list. Now is what durations are counted back from.
func parseQuery(v url.Values, now time.Time) (Query, error) {
	q := Query{Limit: DefaultLimit}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		for _, value := range v[name] {
			if err := q.set(name, value, now); err != nil {
				return Query{}, err
			}
		}
	}
	return q, nil
}

func (q *Query) set(name, value string, now time.Time) (err error) {
	switch name {
	case "state":
		for word := range strings.SplitSeq(value, ",") {
			var s correlate.State
			if err := s.UnmarshalText([]byte(word)); err != nil {
				return fmt.Errorf("state: %w", err)
			}
			q.States = append(q.States, s)
		}
	case "entity", "root":
		q.Entity, err = topology.ParseEntity(value)
	case "severity":
		if err := q.Severity.UnmarshalText([]byte(value)); err != nil {
			return fmt.Errorf("severity: %w", err)
		}
	case "class":
		q.Class = value
	case "since":
		q.Since, err = parseMoment(value, now)
	case "until":
		q.Until, err = parseMoment(value, now)
	case "cursor":
		q.Before, err = correlate.ParseIncidentID(value)
	case "limit":
		q.Limit, err = parseLimit(value)
	default:
		return fmt.Errorf("unknown parameter %q", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// parseMoment reads a time, or a duration before now.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if d, err := model.ParseDuration(s); err == nil {
		return now.Add(-time.Duration(d)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a time nor a duration", s)
	}
	return t.UTC(), nil
}

func parseLimit(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxLimit {
		return 0, fmt.Errorf("%q is no number from 1 to %d", s, MaxLimit)
	}
	return n, nil
}

const queryHint = "parameters are state, entity, severity, class, since, until (times, or durations such as 24h), limit, cursor"

func (s *Server) listIncidents(w http.ResponseWriter, r *http.Request) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), queryHint)
		return
	}
	q, err := parseQuery(v, time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), queryHint)
		return
	}
	page, err := s.backend.Incidents(r.Context(), q)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	answer := struct {
		Incidents []*correlate.Incident `json:"incidents"`
		// Next is the cursor of the page that follows.
		Next string `json:"next,omitempty"`
	}{Incidents: make([]*correlate.Incident, len(page.Incidents))}
	for i, inc := range page.Incidents {
		brief := *inc // symptoms and timelines of a thousand incidents are nobody's list
		brief.Symptoms, brief.Timeline = nil, nil
		answer.Incidents[i] = &brief
	}
	if n := len(page.Incidents); page.More && n > 0 {
		answer.Next = page.Incidents[n-1].ID.String()
	}
	write(w, http.StatusOK, answer)
}

func (s *Server) showIncident(w http.ResponseWriter, r *http.Request) {
	id, ok := incidentID(w, r)
	if !ok {
		return
	}
	s.answerIncident(w, r, id)
}

// answerIncident answers with one incident.
func (s *Server) answerIncident(w http.ResponseWriter, r *http.Request, id correlate.IncidentID) {
	inc, err := s.backend.Incident(r.Context(), id)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	write(w, http.StatusOK, inc)
}

// act makes the handler of an operator action.
func (s *Server) act(action correlate.Action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := incidentID(w, r)
		if !ok {
			return
		}
		by, err := readBy(w, r)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error(), `send nothing, {"by": "NAME"} as application/json, or the form by=NAME`)
			return
		}
		if err := s.backend.Command(r.Context(), &correlate.Command{Action: action, Incident: id, By: by}, r.RemoteAddr); err != nil {
			s.failed(w, r, err)
			return
		}
		s.answerIncident(w, r, id)
	}
}
