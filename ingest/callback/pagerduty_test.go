package callback

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/fake"
	"quell/internal/secret"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// desk takes commands and refuses those that it has an error for.
type desk struct {
	commands []correlate.Command
	err      error
	refused  bool
}

func (d *desk) Command(_ context.Context, c *correlate.Command, _ string) (refused bool, err error) {
	d.commands = append(d.commands, *c)
	return d.refused, d.err
}

func server(d *desk, secrets ...secret.Text) http.Handler {
	mux := http.NewServeMux()
	cfg := Config{StoreID: "s1", PagerDuty: func() []secret.Text { return secrets }, Now: func() time.Time { return now }}
	New(cfg, d, slog.New(slog.DiscardHandler)).Register(mux)
	return mux
}

// send sends a webhook that is signed with a secret.
func send(t *testing.T, h http.Handler, hook fake.PDHook, secret string) *httptest.ResponseRecorder {
	t.Helper()
	if hook.At.IsZero() {
		hook.At = now
	}
	r, err := hook.Request("http://quell/api/v1/pagerduty", secret)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhatPeopleDoAtPagerDutyCountsHere(t *testing.T) {
	d := &desk{}
	h := server(d, "old", "new")
	send(t, h, fake.PDHook{ID: "1", Type: "incident.acknowledged", Key: "quell/s1/inc-7/2", Agent: "Ada"}, "new")
	w := send(t, h, fake.PDHook{ID: "2", Type: "incident.resolved", Key: "quell/s1/inc-7/2", Agent: "Ada\x1b[31m"}, "old")
	want := []correlate.Command{
		{Action: correlate.ActionAck, Incident: 7, Generation: 2, By: "Ada at PagerDuty"},
		{Action: correlate.ActionResolve, Incident: 7, Generation: 2, By: "Ada[31m at PagerDuty"},
	}
	if diff := cmp.Diff(want, d.commands); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w.Code != http.StatusOK || w.Body.String() != `{"done":"resolve inc-7"}`+"\n" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestWebhookIsCarriedOutOnceHoweverOftenItComes(t *testing.T) {
	d := &desk{}
	h := server(d, "secret")
	hook := fake.PDHook{ID: "1", Type: "incident.acknowledged", Key: "quell/s1/inc-7/1"}
	d.err = errors.New("disk full")
	if w := send(t, h, hook, "secret"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("PagerDuty would not send it again: %d %v", w.Code, w.Header())
	}
	d.err = nil
	send(t, h, hook, "secret")
	if w := send(t, h, hook, "secret"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "already") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if len(d.commands) != 2 {
		t.Errorf("got %d commands, want the one that failed and the one that did not", len(d.commands))
	}
}

func TestCommandThatIsRefusedIsNotSentAgain(t *testing.T) {
	d := &desk{err: errors.New("incident inc-7 is resolved already"), refused: true}
	w := send(t, server(d, "secret"), fake.PDHook{ID: "1", Type: "incident.resolved", Key: "quell/s1/inc-7/1"}, "secret")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "resolved already") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestWhatIsNotOursIsIgnored(t *testing.T) {
	d := &desk{}
	h := server(d, "secret")
	for k, hook := range []fake.PDHook{
		{Type: "incident.escalated", Key: "quell/s1/inc-7/1"},
		{Type: "pagey.ping"},
		{Type: "incident.acknowledged", Key: "quell/s2/inc-7/1"},
		{Type: "incident.acknowledged", Key: "quell/s1/inc-7"},
		{Type: "incident.acknowledged", Key: "quell/s1/inc-7/0"},
		{Type: "incident.acknowledged", Key: "quell/s1/operator/disk"},
		{Type: "incident.acknowledged", Key: ""},
		{Type: "incident.acknowledged", Key: "quell/s1/inc-7/1", At: now.Add(-49 * time.Hour)},
		{Type: "incident.resolved", Key: "quell/s1/inc-7/1", AgentType: "service_reference"}, // quell itself did
		{Type: "incident.resolved", Key: "quell/s1/inc-7/1", ResolveReason: "merge_resolve_reason"},
	} {
		hook.ID = string(rune('a' + k))
		if w := send(t, h, hook, "secret"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ignored") {
			t.Errorf("%+v: got %d %s", hook, w.Code, w.Body)
		}
	}
	if len(d.commands) > 0 {
		t.Errorf("carried out: %+v", d.commands)
	}
}

func TestForgedWebhooksAreRefused(t *testing.T) {
	hook := fake.PDHook{ID: "1", Type: "incident.resolved", Key: "quell/s1/inc-7/1", At: now}
	for name, c := range map[string]struct {
		secrets []secret.Text
		spoil   func(*http.Request)
		status  int
	}{
		"wrong secret":          {[]secret.Text{"other"}, func(*http.Request) {}, http.StatusForbidden},
		"nobody listens":        {nil, func(*http.Request) {}, http.StatusForbidden},
		"no signature":          {[]secret.Text{"secret"}, func(r *http.Request) { r.Header.Del("X-PagerDuty-Signature") }, http.StatusBadRequest},
		"signature of no sense": {[]secret.Text{"secret"}, func(r *http.Request) { r.Header.Set("X-PagerDuty-Signature", "v1=zz") }, http.StatusBadRequest},
		"no body":               {[]secret.Text{"secret"}, func(r *http.Request) { r.Body = http.NoBody }, http.StatusBadRequest},
		"another body": {[]secret.Text{"secret"}, func(r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(b, []byte("inc-7"), []byte("inc-8"), 1)))
		}, http.StatusForbidden},
		"huge body": {[]secret.Text{"secret"}, func(r *http.Request) {
			r.Body = io.NopCloser(io.LimitReader(endless{}, 64<<20))
		}, http.StatusRequestEntityTooLarge},
	} {
		d := &desk{}
		r, err := hook.Request("http://quell/api/v1/pagerduty", "secret")
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(r)
		w := httptest.NewRecorder()
		server(d, c.secrets...).ServeHTTP(w, r)
		if w.Code != c.status || len(d.commands) > 0 {
			t.Errorf("%s: got %d %s and %d commands, want %d", name, w.Code, w.Body, len(d.commands), c.status)
		}
	}
}

// endless is a body that does not end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestRecentRequestsAreForgottenInOrder(t *testing.T) {
	r := newRecent(2)
	r.add("a")
	r.add("b")
	if r.add("a") || !r.add("c") || !r.add("a") || r.add("c") || len(r.has) != 2 {
		t.Errorf("remembers %v", r.has)
	}
}
