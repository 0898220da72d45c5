package alertmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/api/v2/models"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/web"
)

// silenced is a silence of the backend, from and until some minutes after the start.
func silenced(t testing.TB, id string, from, until int, list ...string) correlate.SilenceView {
	s := silence.Silence{
		ID: id, Matchers: matchers(t, list...), StartsAt: start.Add(time.Duration(from) * time.Minute), EndsAt: start.Add(time.Duration(until) * time.Minute),
		UpdatedAt: start, CreatedBy: "alice", Comment: "disk swap",
	}
	return correlate.SilenceView{Silence: s, State: s.State(start.Add(time.Minute))}
}

func send(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSilencesAreListedInAlertmanagersOrder(t *testing.T) {
	m := storm(t)
	bound := silenced(t, "bound", 0, 90)
	bound.Incident, bound.Annotations = 7, map[string]string{"ticket": "OPS-1"}
	about := silenced(t, "about", 0, 30)
	about.Entities = append(about.Entities, "node/n.1", "node/n2")
	window := silenced(t, silence.WindowPrefix+"night", 0, 60, "a=b")
	window.Maintenance = true
	m.silences = []correlate.SilenceView{
		silenced(t, "over", -9, -5, `alertname="X"`), silenced(t, "next", 5, 9, `alertname="X"`), bound, about, window,
		silenced(t, "here", 0, 60, `alertname=~"X|Y"`, `pod!="a"`, `pod!~"b.*"`), silenced(t, "later", 7, 9, `alertname="X"`), silenced(t, "just over", -9, 0, `alertname="X"`),
	}
	ids := func(query string) string {
		var list models.GettableSilences
		decode(t, get(handler(m), "/api/v2/silences?"+query), &list)
		var ids []string
		for _, s := range list {
			ids = append(ids, *s.ID)
		}
		return strings.Join(ids, ", ")
	}
	for query, want := range map[string]string{
		"":                            "about, here, bound, next, later, just over, over",
		"expired=false&pending=false": "about, here, bound",
		"active=false":                "next, later, just over, over",
		`filter=alertname%3D%22X%22&pending=false`:  "just over, over",
		`filter=pod!%3Da&filter=alertname%3D~X%7CY`: "here",
		`filter=pod!%3Da&filter=pod%3Da`:            "",
		`filter=quell_incident%3Dinc-7`:             "bound",
	} {
		if got := ids(query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if w := get(handler(m), "/api/v2/silences?filter=pod"); w.Code != http.StatusBadRequest || w.Body.String() != "\"bad matcher format: pod\"\n" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	var one models.GettableSilence
	decode(t, get(handler(m), "/api/v2/silence/about"), &one)
	if m := one.Matchers[0]; *m.Name != "quell_entity" || !*m.IsRegex || !*m.IsEqual || *m.Value != `node/n\.1|node/n2` {
		t.Errorf("got %s %v %v %s", *m.Name, *m.IsRegex, *m.IsEqual, *m.Value)
	}
	want := `{"id":"bound","status":{"state":"active"},"updatedAt":"2026-01-02T03:00:00.000Z","annotations":{"ticket":"OPS-1"},"comment":"disk swap",` +
		`"createdBy":"alice","endsAt":"2026-01-02T04:30:00.000Z","matchers":[{"isEqual":true,"isRegex":false,"name":"quell_incident","value":"inc-7"}],` +
		`"startsAt":"2026-01-02T03:00:00.000Z"}` + "\n"
	if diff := cmp.Diff(want, get(handler(m), "/api/v2/silence/bound").Body.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, id := range []string{"nobody", "maintenance%2Fnight"} {
		if w := get(handler(m), "/api/v2/silence/"+id); w.Code != http.StatusNotFound || w.Body.Len() > 0 {
			t.Errorf("%s: got %d %s", id, w.Code, w.Body)
		}
	}
}

// posted makes a body as amtool does, of matchers as {name, value, isRegex, isEqual}.
func posted(t *testing.T, list ...models.Matcher) *models.PostableSilence {
	t.Helper()
	from, until, by, why := strfmt.DateTime(start), strfmt.DateTime(start.Add(time.Hour)), "alice", "disk swap"
	p := &models.PostableSilence{Silence: models.Silence{StartsAt: &from, EndsAt: &until, CreatedBy: &by, Comment: &why}}
	for k := range list {
		p.Matchers = append(p.Matchers, &list[k])
	}
	return p
}

func matcher(name, value string, regex, equal bool) models.Matcher {
	return models.Matcher{Name: &name, Value: &value, IsRegex: &regex, IsEqual: &equal}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPostedSilenceIsTakenAsItIsMeant(t *testing.T) {
	old := matcher("a", "b", false, true)
	old.IsEqual = nil // as clients before 0.22 send it
	forced := posted(t, matcher("a", "", false, false))
	forced.Annotations = models.LabelSet{"quell_force": "true"}
	known := posted(t, matcher("a", "b", false, true))
	known.ID = "8d6cbd45-ed1a-4b7a-8a4c-2f1d9f2a6e02"
	for want, p := range map[string]*models.PostableSilence{
		`{a="b",c!="d",e=~"f.*",g!~"h"} [] 0 false`:              posted(t, matcher("a", "b", false, true), matcher("c", "d", false, false), matcher("e", "f.*", true, true), matcher("g", "h", true, false)),
		`{a="b"} [] 0 false`:                                     posted(t, old),
		`{a!=""} [] 0 true`:                                      forced,
		`8d6cbd45-ed1a-4b7a-8a4c-2f1d9f2a6e02{a="b"} [] 0 false`: known,
		`{} [node/n3] 0 false`:                                   posted(t, matcher("quell_entity", "node/n3", false, true)),
		`{} [] 7 false`:                                          posted(t, matcher("quell_incident", "inc-7", false, true), matcher("quell_root", "node/n1", false, true)),
		`{} [node/n1] 0 false`:                                   posted(t, matcher("quell_root", "node/n1", false, true)),
		`{} [node/n1 node/n2] 0 false`:                           posted(t, matcher("quell_root", "node/n1|node/n2", true, true)),
		`{quell_root!="node/n1",a="b"} [] 0 false`:               posted(t, matcher("quell_root", "node/n1", false, false), matcher("a", "b", false, true)),
	} {
		m := storm(t)
		w := send(handler(m), http.MethodPost, "/api/v2/silences", encoded(t, p))
		if w.Code != http.StatusOK || len(m.puts) != 1 {
			t.Errorf("%s: got %d %s", want, w.Code, w.Body)
			continue
		}
		in := m.puts[0]
		if got := fmt.Sprintf("%s%s %v %d %v", in.ID, in.Matchers, in.Entities, in.Incident, in.Force); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if !in.StartsAt.Equal(start) || !in.EndsAt.Equal(start.Add(time.Hour)) || in.CreatedBy != "alice" || in.By != "alice" || in.Comment != "disk swap" || in.Expire {
			t.Errorf("%s: got %+v", want, in)
		}
		var answer struct{ SilenceID string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.SilenceID == "" {
			t.Errorf("%s: got %s", want, w.Body)
		}
	}
}

// Goal: what a reader changes and posts back is about the same. Method: every silence that is shown is posted, as amtool's update does.
func TestShownSilenceCanBePostedBack(t *testing.T) {
	m := storm(t)
	s := silenced(t, "one", 0, 30, `alertname=~"X|Y"`, `pod!="a"`)
	s.Entities = append(s.Entities, "pod/shop/cart.v1-7d9f@prod", "node/n+2")
	s.Incident, s.Annotations = 3, map[string]string{"ticket": "OPS-1"}
	m.silences = []correlate.SilenceView{s}
	var shown models.GettableSilence
	decode(t, get(handler(m), "/api/v2/silence/one"), &shown)
	w := send(handler(m), http.MethodPost, "/api/v2/silences", encoded(t, &models.PostableSilence{ID: *shown.ID, Silence: shown.Silence}))
	if w.Code != http.StatusOK || len(m.puts) != 1 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	got, want := m.puts[0].Silence, s.Silence
	if got.Matchers.String() != want.Matchers.String() {
		t.Errorf("got matchers %s, want %s", got.Matchers, want.Matchers)
	}
	got.Matchers, want.Matchers, want.UpdatedAt = nil, nil, time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadSilencesAreRefusedInAlertmanagersWords(t *testing.T) {
	body := func(change func(p *models.PostableSilence)) string {
		p := posted(t, matcher("a", "b", false, true))
		change(p)
		return encoded(t, p)
	}
	at := func(minutes int) *strfmt.DateTime {
		d := strfmt.DateTime(start.Add(time.Duration(minutes) * time.Minute))
		return &d
	}
	for name, c := range map[string]struct{ body, want string }{
		"no JSON":        {"{", "parsing silence body failed: unexpected EOF"},
		"bad time":       {`{"startsAt": "soon"}`, `parsing silence body failed: parsing time "soon"`},
		"no matchers":    {`{}`, "matchers in body is required"},
		"no start":       {`{"matchers": []}`, "startsAt in body is required"},
		"no creator":     {`{"matchers": [], "startsAt": "2026-01-02T03:00:00Z", "endsAt": "2026-01-02T03:00:00Z"}`, "createdBy in body is required"},
		"empty matchers": {body(func(p *models.PostableSilence) { p.Matchers = models.Matchers{} }), "matchers in body should have at least 1 items"},
		"half a matcher": {body(func(p *models.PostableSilence) { p.Matchers[0].Value = nil }), "matchers.0: name, value and isRegex in body are required"},
		"bad pattern": {body(func(p *models.PostableSilence) {
			m := matcher("a", "(", true, true)
			p.Matchers[0] = &m
		}), "invalid silence: invalid label matcher 0: error parsing regexp"},
		"backwards":    {body(func(p *models.PostableSilence) { p.StartsAt = at(90) }), "Failed to create silence: start time must be before end time"},
		"no time":      {body(func(p *models.PostableSilence) { p.EndsAt = at(0) }), "Failed to create silence: start time must be before end time"},
		"in the past":  {body(func(p *models.PostableSilence) { p.StartsAt, p.EndsAt = at(-9), at(-5) }), "Failed to create silence: end time can't be in the past"},
		"bad incident": {body(func(p *models.PostableSilence) { *p.Matchers[0].Name = "quell_incident" }), `invalid silence: quell_incident: "b" is no incident id`},
		"large":        {`{"comment": "` + strings.Repeat("x", maxSilenceBytes) + `"}`, "parsing silence body failed: http: request body too large"},
	} {
		m := storm(t)
		w := send(handler(m), http.MethodPost, "/api/v2/silences", c.body)
		var text string
		if err := json.Unmarshal(w.Body.Bytes(), &text); err != nil || w.Code != http.StatusBadRequest || !strings.HasPrefix(text, c.want) || len(m.puts) > 0 {
			t.Errorf("%s: got %d %s, want %s", name, w.Code, w.Body, c.want)
		}
	}
}

func TestWhatTheBackendSaysOfASilenceDecidesTheStatus(t *testing.T) {
	good := encoded(t, posted(t, matcher("a", "b", false, true)))
	broad := &silence.BroadError{Reasons: []string{"it is about all"}}
	for _, c := range []struct {
		err         error
		put, delete int
	}{
		{nil, 200, 200},
		{fmt.Errorf("put: %w", web.ErrUnknownSilence), 404, 404},
		{&silence.InvalidError{Reason: "no"}, 400, 503},
		{fmt.Errorf("put: %w", broad), 400, 503},
		{web.ErrNotFound, 400, 503},
		{&web.ConflictError{Reason: "it is over"}, 400, 200},
		{errors.New("disk full"), 503, 503},
	} {
		m := storm(t)
		m.err = c.err
		if w := send(handler(m), http.MethodPost, "/api/v2/silences", good); w.Code != c.put || c.put != 200 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("put with %v: got %d %s, want %d", c.err, w.Code, w.Body, c.put)
		}
		w := send(handler(m), http.MethodDelete, "/api/v2/silence/x", "")
		if w.Code != c.delete || w.Code < 500 && w.Body.Len() > 0 || len(m.expired) != 1 || m.expired[0] != "x by api" {
			t.Errorf("delete with %v: got %d %s after %v, want %d", c.err, w.Code, w.Body, m.expired, c.delete)
		}
	}
}

func TestOtherTypesCannotSilence(t *testing.T) {
	m := storm(t)
	good := encoded(t, posted(t, matcher("a", "b", false, true)))
	r := httptest.NewRequest(http.MethodPost, "/api/v2/silences", bytes.NewReader([]byte(good)))
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	handler(m).ServeHTTP(w, r)
	if w.Code < 400 || len(m.puts) > 0 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// What a rule inhibits names the alert that does so, after the one by which quell explains it; what else mutes it is named as well.
func TestMutedAlertsAreSuppressed(t *testing.T) {
	m := storm(t)
	m.snapshot.Firing[0].MutedBy = []correlate.MutedBy{{Kind: correlate.Inhibited, Why: "rule a", Source: "Switch", Entity: "switch/s1", Fingerprint: 0xabc}}
	m.snapshot.Firing[6].MutedBy = []correlate.MutedBy{{Kind: correlate.Suppressed, Why: "rule known of a.yml"}}
	var list models.GettableAlerts
	decode(t, get(handler(m), "/api/v2/alerts?filter=alertname%3D~%22KubeNodePressure%7CInfoInhibitor%22"), &list)
	got := make(map[string]string)
	for _, a := range list {
		got[a.Labels["alertname"]] = fmt.Sprintf("%s %v %v %v", *a.Status.State, a.Status.InhibitedBy, a.Status.SilencedBy, a.Status.MutedBy)
	}
	want := map[string]string{
		"KubeNodePressure": "suppressed [0000000000000abc] [] []",
		"InfoInhibitor":    "suppressed [] [] [suppressed by rule known of a.yml]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	decode(t, get(handler(m), "/api/v2/alerts?inhibited=false"), &list)
	for _, a := range list {
		if a.Labels["alertname"] == "KubeNodePressure" {
			t.Error("an inhibited alert is listed although that was not asked for")
		}
	}
}

func TestSilencedAlertsAreSuppressed(t *testing.T) {
	m := storm(t)
	m.snapshot.Firing[0].SilencedBy = []correlate.SilencedBy{{ID: "maintenance/night", Maintenance: true}, {ID: "s1"}, {ID: "s2"}}
	m.snapshot.Firing[6].SilencedBy = []correlate.SilencedBy{{ID: "maintenance/night", Maintenance: true}}
	var list models.GettableAlerts
	decode(t, get(handler(m), "/api/v2/alerts?filter=alertname%3D~%22KubeNodePressure%7CInfoInhibitor%22"), &list)
	var got []string
	for _, a := range list {
		got = append(got, fmt.Sprintf("%s %s %v %v", a.Labels["alertname"], *a.Status.State, a.Status.SilencedBy, a.Status.MutedBy))
	}
	want := []string{"KubeNodePressure suppressed [s1 s2] [night]", "InfoInhibitor suppressed [] [night]"}
	if list[0].Labels["alertname"] == "InfoInhibitor" {
		want[0], want[1] = want[1], want[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for query, want := range map[string]int{"silenced=false": 6, "active=false": 4, "active=false&inhibited=false": 2, "active=false&inhibited=false&silenced=false": 1} {
		if decode(t, get(handler(m), "/api/v2/alerts?"+query), &list); len(list) != want {
			t.Errorf("%s: got %d alerts, want %d", query, len(list), want)
		}
	}
}
