package alertmanager

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/web"
)

const (
	// maxSilenceBytes bounds the body of a silence; what a silence may hold is bounded by package silence.
	maxSilenceBytes = 1 << 20
	// expiredBy is who ends a silence over this API, which does not ask for a name.
	expiredBy = "api"
)

// Labels of a group by which tools silence it: entityLabel and incidentLabel are such as package silence knows.
const (
	entityLabel   = "quell_entity"
	incidentLabel = noteIncident
	rootLabel     = noteRoot
)

// stateOrder are the states in the order of lists.
var stateOrder = []silence.State{silence.Active, silence.Pending, silence.Expired}

// matcherJSON is a matcher in API v2.
type matcherJSON struct {
	// IsEqual is true where it is missing.
	IsEqual *bool   `json:"isEqual"`
	IsRegex *bool   `json:"isRegex"`
	Name    *string `json:"name"`
	Value   *string `json:"value"`
}

// postableSilence is what is posted. What is nil was not sent.
type postableSilence struct {
	ID          string            `json:"id"`
	Annotations map[string]string `json:"annotations"`
	Comment     *string           `json:"comment"`
	CreatedBy   *string           `json:"createdBy"`
	EndsAt      *time.Time        `json:"endsAt"`
	Matchers    []matcherJSON     `json:"matchers"`
	StartsAt    *time.Time        `json:"startsAt"`
}

// gettableSilence is what is shown.
type gettableSilence struct {
	ID          string            `json:"id"`
	Status      stateJSON         `json:"status"`
	UpdatedAt   string            `json:"updatedAt"`
	Annotations map[string]string `json:"annotations"`
	Comment     string            `json:"comment"`
	CreatedBy   string            `json:"createdBy"`
	EndsAt      string            `json:"endsAt"`
	Matchers    []matcherJSON     `json:"matchers"`
	StartsAt    string            `json:"startsAt"`
}

type stateJSON struct {
	State string `json:"state"`
}

// silences lists them as Alertmanager orders them.
func (a *API) silences(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	wanted := make(map[silence.State]bool)
	for _, state := range stateOrder {
		on, err := parseSwitch(v, state.String())
		if err != nil {
			bad(w, err.Error())
			return
		}
		wanted[state] = on
	}
	filter, err := parseMatchers(v["filter"])
	if err != nil {
		bad(w, err.Error())
		return
	}
	list, err := a.known(r)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	list = slices.DeleteFunc(list, func(s correlate.SilenceView) bool { return !wanted[s.State] || !hasMatchers(&s.Silence, filter) })
	slices.SortFunc(list, compareSilences)
	shown := make([]gettableSilence, len(list))
	for k := range list {
		shown[k] = shownSilence(&list[k])
	}
	write(w, http.StatusOK, shown)
}

// known returns the silences but those of maintenance windows, which nobody can change here.
func (a *API) known(r *http.Request) ([]correlate.SilenceView, error) {
	all, err := a.backend.Silences(r.Context())
	list := make([]correlate.SilenceView, 0, len(all))
	for _, s := range all {
		if !s.Maintenance {
			list = append(list, s)
		}
	}
	return list, err
}

// hasMatchers reports whether a silence has each of some matchers, word for word.
func hasMatchers(s *silence.Silence, filter labels.Matchers) bool {
	own := s.AlertmanagerMatchers()
	for _, f := range filter {
		if !slices.ContainsFunc(own, func(m *labels.Matcher) bool { return m.Type == f.Type && m.Name == f.Name && m.Value == f.Value }) {
			return false
		}
	}
	return true
}

// compareSilences puts active silences first, that which ends next leading; then pending ones, that which starts next leading; then
// expired ones, the last that ended leading.
func compareSilences(x, y correlate.SilenceView) int {
	if c := cmp.Compare(slices.Index(stateOrder, x.State), slices.Index(stateOrder, y.State)); c != 0 {
		return c
	}
	switch x.State {
	case silence.Active:
		return cmp.Or(x.EndsAt.Compare(y.EndsAt), cmp.Compare(x.ID, y.ID))
	case silence.Pending:
		return cmp.Or(x.StartsAt.Compare(y.StartsAt), cmp.Compare(x.ID, y.ID))
	}
	return cmp.Or(y.EndsAt.Compare(x.EndsAt), cmp.Compare(x.ID, y.ID))
}

func shownSilence(s *correlate.SilenceView) gettableSilence {
	shown := gettableSilence{
		ID: s.ID, Status: stateJSON{s.State.String()}, Annotations: maps.Clone(s.Annotations), Comment: s.Comment, CreatedBy: s.CreatedBy,
		UpdatedAt: s.UpdatedAt.UTC().Format(timeLayout), StartsAt: s.StartsAt.UTC().Format(timeLayout), EndsAt: s.EndsAt.UTC().Format(timeLayout),
		Matchers: []matcherJSON{},
	}
	if shown.Annotations == nil {
		shown.Annotations = map[string]string{}
	}
	for _, m := range s.AlertmanagerMatchers() {
		equal, regex := m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp, m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp
		shown.Matchers = append(shown.Matchers, matcherJSON{IsEqual: &equal, IsRegex: &regex, Name: &m.Name, Value: &m.Value})
	}
	return shown
}

// silence shows one. Who asks for one that there is not gets no words, as from Alertmanager.
func (a *API) silence(w http.ResponseWriter, r *http.Request) {
	list, err := a.known(r)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	for k := range list {
		if list[k].ID == r.PathValue("id") {
			write(w, http.StatusOK, shownSilence(&list[k]))
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

// putSilence makes a silence, or changes one.
func (a *API) putSilence(w http.ResponseWriter, r *http.Request) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		write(w, http.StatusUnsupportedMediaType, "unsupported media type, only application/json is allowed")
		return
	}
	var body postableSilence
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSilenceBytes)).Decode(&body); err != nil {
		bad(w, "parsing silence body failed: "+err.Error())
		return
	}
	in, err := body.silence()
	switch {
	case err != nil:
		bad(w, err.Error())
		return
	case !in.StartsAt.Before(in.EndsAt):
		bad(w, "Failed to create silence: start time must be before end time")
		return
	case in.EndsAt.Before(a.now()):
		bad(w, "Failed to create silence: end time can't be in the past")
		return
	}
	id, err := a.backend.PutSilence(r.Context(), in, r.RemoteAddr)
	_, invalid := errors.AsType[*silence.InvalidError](err)
	_, broad := errors.AsType[*silence.BroadError](err)
	_, refused := errors.AsType[*web.ConflictError](err)
	switch {
	case err == nil:
		write(w, http.StatusOK, struct {
			SilenceID string `json:"silenceID"`
		}{id})
	case errors.Is(err, web.ErrUnknownSilence):
		write(w, http.StatusNotFound, "silence not found")
	case invalid, broad, refused, errors.Is(err, web.ErrNotFound): // the last is about the incident of the silence
		bad(w, err.Error())
	default:
		a.failed(w, r, err)
	}
}

// silence reads what was posted, with Alertmanager's complaints in its order.
func (p *postableSilence) silence() (*correlate.Silence, error) {
	for _, required := range []struct {
		name    string
		missing bool
	}{
		{"matchers", p.Matchers == nil},
		{"startsAt", p.StartsAt == nil},
		{"endsAt", p.EndsAt == nil},
		{"createdBy", p.CreatedBy == nil},
		{"comment", p.Comment == nil},
	} {
		if required.missing {
			return nil, fmt.Errorf("%s in body is required", required.name)
		}
	}
	in := &correlate.Silence{By: *p.CreatedBy}
	in.Silence = silence.Silence{
		ID: p.ID, StartsAt: p.StartsAt.UTC(), EndsAt: p.EndsAt.UTC(), CreatedBy: *p.CreatedBy, Comment: *p.Comment, Annotations: p.Annotations,
	}
	var err error
	if in.Matchers, err = p.matchers(); err != nil {
		return nil, err
	}
	in.Force, err = silence.FromAlertmanager(&in.Silence)
	return in, err
}

// matchers reads the matchers. The labels of our groups, by which tools silence a whole group, become what they stand for: the incident,
// or where only the root is named, that entity.
func (p *postableSilence) matchers() (labels.Matchers, error) {
	if len(p.Matchers) == 0 {
		return nil, errors.New("matchers in body should have at least 1 items")
	}
	var ms labels.Matchers
	for k, m := range p.Matchers {
		if m.Name == nil || m.Value == nil || m.IsRegex == nil {
			return nil, fmt.Errorf("matchers.%d: name, value and isRegex in body are required", k)
		}
		read, err := labels.NewMatcher(matchType(m.IsEqual == nil || *m.IsEqual, *m.IsRegex), *m.Name, *m.Value)
		if err != nil {
			return nil, fmt.Errorf("invalid silence: invalid label matcher %d: %w", k, err)
		}
		ms = append(ms, read)
	}
	bound := slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return m.Name == incidentLabel && m.Type == labels.MatchEqual })
	kept := ms[:0]
	for _, m := range ms {
		if m.Name == rootLabel && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp) {
			if bound {
				continue
			}
			m.Name = entityLabel
		}
		kept = append(kept, m)
	}
	return kept, nil
}

func matchType(equal, regex bool) labels.MatchType {
	switch {
	case equal && regex:
		return labels.MatchRegexp
	case equal:
		return labels.MatchEqual
	case regex:
		return labels.MatchNotRegexp
	}
	return labels.MatchNotEqual
}

// expireSilence ends a silence. One that ended already is as good as ended.
func (a *API) expireSilence(w http.ResponseWriter, r *http.Request) {
	err := a.backend.ExpireSilence(r.Context(), r.PathValue("id"), expiredBy, r.RemoteAddr)
	_, ended := errors.AsType[*web.ConflictError](err)
	switch {
	case err == nil, ended:
		w.WriteHeader(http.StatusOK)
	case errors.Is(err, web.ErrUnknownSilence):
		w.WriteHeader(http.StatusNotFound)
	default:
		a.failed(w, r, err)
	}
}
