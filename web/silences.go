package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// untilFixed is how long a silence until an incident is over lasts at most if nobody says: somebody should look at it once a week.
const untilFixed = 7 * 24 * time.Hour

// ErrUnknownSilence says that there is no such silence, or not any more.
var ErrUnknownSilence = errors.New("no such silence")

// Silencer knows the silences.
type Silencer interface {
	// Silences returns those that are known, with the maintenance windows that are open, what was changed last first. Nobody changes
	// them afterwards.
	Silences(ctx context.Context) ([]correlate.SilenceView, error)
	// PutSilence makes a silence, if it has no ID, or changes the one of its ID, and returns its ID once that is durable. Where that would
	// change the past the known one is ended, and another made, with another ID. from is the address that asked, for the audit
	// log. The error is [ErrUnknownSilence], [ErrNotFound] for an unknown incident, a [*silence.InvalidError], a
	// [*silence.BroadError], a [*ConflictError], or says why nothing can be done now.
	PutSilence(ctx context.Context, in *correlate.Silence, from string) (id string, err error)
	// ExpireSilence ends a silence. The error is [ErrUnknownSilence], a [*ConflictError] if it has ended already, or says why nothing can
	// be done now.
	ExpireSilence(ctx context.Context, id, by, from string) error
}

// Silence is a silence as people write and read it. An alert has to be meant by each of matchers, entities and incident that is there.
type Silence struct {
	ID    string        `json:"id,omitempty"`
	State silence.State `json:"state,omitzero"`
	// Matchers are written as Alertmanager's: alertname="Down".
	Matchers []string          `json:"matchers,omitempty"`
	Entities []topology.Entity `json:"entities,omitempty"`
	// Incident is silenced, by its root and what depends on that, until it is over, or EndsAt is; Root is that root.
	Incident correlate.IncidentID `json:"incident,omitzero"`
	Root     topology.Entity      `json:"root,omitempty"`
	// StartsAt is now if it is left out; EndsAt may be left out if Duration says how long it lasts, or if there is an incident.
	StartsAt time.Time      `json:"starts_at,omitzero"`
	EndsAt   time.Time      `json:"ends_at,omitzero"`
	Duration model.Duration `json:"duration,omitzero"`

	CreatedBy   string            `json:"created_by"`
	Comment     string            `json:"comment"`
	Annotations map[string]string `json:"annotations,omitempty"`
	UpdatedAt   time.Time         `json:"updated_at,omitzero"`
	// Force insists on one that is too broad.
	Force bool `json:"force,omitempty"`
	// Maintenance is true for a window of the configuration that is open.
	Maintenance bool `json:"maintenance,omitempty"`
	// Alerts counts the active alerts that it silences now.
	Alerts int `json:"alerts"`
}

// shownSilence is a silence for readers.
func shownSilence(v *correlate.SilenceView) Silence {
	s := Silence{
		ID: v.ID, State: v.State, Entities: v.Entities, Incident: correlate.IncidentID(v.Incident), Root: v.Root, StartsAt: v.StartsAt, EndsAt: v.EndsAt,
		CreatedBy: v.CreatedBy, Comment: v.Comment, Annotations: v.Annotations, UpdatedAt: v.UpdatedAt, Maintenance: v.Maintenance, Alerts: v.Alerts,
	}
	for _, m := range v.Matchers {
		s.Matchers = append(s.Matchers, m.String())
	}
	return s
}

// input is what a silence that people wrote asks for. Now is what it begins with if it does not say.
func (s *Silence) input(now time.Time) (*correlate.Silence, error) {
	in := &correlate.Silence{Force: s.Force, By: s.CreatedBy}
	in.ID, in.Entities, in.Incident = s.ID, s.Entities, uint64(s.Incident)
	in.StartsAt, in.EndsAt = s.StartsAt, s.EndsAt
	in.CreatedBy, in.Comment, in.Annotations = s.CreatedBy, s.Comment, s.Annotations
	for _, text := range s.Matchers {
		ms, err := strictyaml.ParseMatchers(text)
		if err != nil {
			return nil, &silence.InvalidError{Reason: fmt.Sprintf("matcher %q: %v", text, err)}
		}
		in.Matchers = append(in.Matchers, ms...)
	}
	if in.StartsAt.IsZero() {
		in.StartsAt = now
	}
	switch {
	case s.Duration != 0 && !s.EndsAt.IsZero():
		return nil, &silence.InvalidError{Reason: "either ends_at or duration says when it ends, not both"}
	case s.Duration < 0:
		return nil, &silence.InvalidError{Reason: "the duration is negative"}
	case s.Duration != 0:
		in.EndsAt = in.StartsAt.Add(time.Duration(s.Duration))
	case s.EndsAt.IsZero() && s.Incident != 0:
		in.EndsAt = in.StartsAt.Add(untilFixed)
	}
	return in, nil
}

const silenceHint = `send {"matchers": ["alertname=\"Down\""], "entities": ["node/n3"], "incident": "inc-7", "duration": "2h", "created_by": "ada", "comment": "why"}; one of the first three is enough`

func (s *Server) listSilences(w http.ResponseWriter, r *http.Request) {
	views, err := s.backend.Silences(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	list := make([]Silence, len(views))
	for k := range views {
		list[k] = shownSilence(&views[k])
	}
	write(w, http.StatusOK, struct {
		Silences []Silence `json:"silences"`
	}{list})
}

func (s *Server) showSilence(w http.ResponseWriter, r *http.Request) {
	s.answerSilence(w, r, r.PathValue("id"))
}

// answerSilence answers with one silence. The ids of maintenance windows have a slash.
func (s *Server) answerSilence(w http.ResponseWriter, r *http.Request, id string) {
	views, err := s.backend.Silences(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	k := slices.IndexFunc(views, func(v correlate.SilenceView) bool { return v.ID == id })
	if k < 0 {
		s.silenceFailed(w, r, fmt.Errorf("%w: %s", ErrUnknownSilence, id))
		return
	}
	write(w, http.StatusOK, shownSilence(&views[k]))
}

func (s *Server) putSilence(w http.ResponseWriter, r *http.Request) {
	var asked Silence
	if err := readObject(w, r, &asked); err != nil {
		fail(w, http.StatusBadRequest, err.Error(), silenceHint)
		return
	}
	if asked.CreatedBy = strings.TrimSpace(asked.CreatedBy); asked.CreatedBy == "" {
		asked.CreatedBy = "api"
	}
	in, err := asked.input(time.Now())
	if err != nil {
		s.silenceFailed(w, r, err)
		return
	}
	id, err := s.backend.PutSilence(r.Context(), in, r.RemoteAddr)
	if err != nil {
		s.silenceFailed(w, r, err)
		return
	}
	s.answerSilence(w, r, id)
}

func (s *Server) expireSilence(w http.ResponseWriter, r *http.Request) {
	by, err := readBy(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), `send nothing, or {"by": "NAME"} as application/json`)
		return
	}
	id := r.PathValue("id")
	if err := s.backend.ExpireSilence(r.Context(), id, by, r.RemoteAddr); err != nil {
		s.silenceFailed(w, r, err)
		return
	}
	s.answerSilence(w, r, id)
}

// silenceFailed answers for an error about a silence.
func (s *Server) silenceFailed(w http.ResponseWriter, r *http.Request, err error) {
	_, invalid := errors.AsType[*silence.InvalidError](err)
	_, broad := errors.AsType[*silence.BroadError](err)
	switch {
	case invalid:
		fail(w, http.StatusBadRequest, err.Error(), silenceHint)
	case broad:
		fail(w, http.StatusBadRequest, err.Error(), `with --force; in a request, "force": true`)
	case errors.Is(err, ErrUnknownSilence):
		fail(w, http.StatusNotFound, err.Error(), "GET /api/v1/silences lists them; ended ones are kept for some days")
	default:
		s.failed(w, r, err)
	}
}
