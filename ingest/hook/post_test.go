package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/rules/webhook"
)

var testNow = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// keeper stores reports, or fails.
type keeper struct {
	reports []Report
	err     error
}

func (k *keeper) SubmitReports(_ context.Context, reports []Report) error {
	if k.err != nil {
		return k.err
	}
	k.reports = append(k.reports, reports...)
	return nil
}

// names are the alert names and reasons of what was stored.
func (k *keeper) names() []string {
	var names []string
	for _, r := range k.reports {
		switch in := r.Input.(type) {
		case *correlate.Alert:
			names = append(names, in.Labels.Get("alertname"))
		case *correlate.Event:
			names = append(names, in.Reason)
		}
	}
	return names
}

const testMapping = `
each: body.items
become:
  quiet: {when: item.name == "quiet", ignore: true}
  alert: {when: item.name != "strange", alert: {name: item.name, resolved: item.?over.orValue(false)}}
`

func testSource(t testing.TB, change func(*Source)) *Source {
	t.Helper()
	m, problems := webhook.NewLanguage().Parse("test.yml", []byte(testMapping))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := &Source{Name: "shop", Mapping: m, MaxItems: 100, Auth: Auth{Bearer: "let me in"}}
	if change != nil {
		change(s)
	}
	return s
}

type fixture struct {
	*keeper
	mux        *http.ServeMux
	reg        *prometheus.Registry
	quarantine []string
}

func newFixture(s *Source, transport http.RoundTripper) *fixture {
	f := &fixture{keeper: new(keeper), mux: http.NewServeMux(), reg: prometheus.NewRegistry()}
	New(Config{
		Sources: func() map[string]*Source { return map[string]*Source{s.Name: s} }, Now: func() time.Time { return testNow }, Transport: transport,
		Local: func(r *http.Request) bool { return strings.HasPrefix(r.RemoteAddr, "127.") },
		Quarantine: func(path string, body []byte, reason string) {
			f.quarantine = append(f.quarantine, path+" "+string(body)+" "+reason)
		},
	}, f.keeper, f.reg, slog.New(slog.DiscardHandler)).Register(f.mux)
	return f
}

func (f *fixture) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "remote" {
			r.RemoteAddr = headers[i+1]
		}
	}
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, r)
	return w
}

const token = "Bearer let me in"

func TestABelievedBodyIsStoredBeforeItIsAnswered(t *testing.T) {
	f := newFixture(testSource(t, nil), nil)
	w := f.post("/api/v1/webhook/shop", `{"items": [{"name": "A"}, {"name": "quiet"}, {"name": "B", "over": true}]}`, "Authorization", token)
	if got, want := strings.TrimSpace(w.Body.String()), `{"accepted":2,"ignored":1}`; w.Code != 200 || got != want {
		t.Errorf("got %d %s, want %s", w.Code, got, want)
	}
	if diff := cmp.Diff([]string{"A", "B"}, f.names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f.reports[0].IfFiring || !f.reports[1].IfFiring {
		t.Error("only ends count only if the alert fires")
	}
	f.err = errors.New("disk full")
	w = f.post("/api/v1/webhook/shop", `{"items": [{"name": "A"}]}`, "Authorization", token)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "not stored, send again: disk full") {
		t.Errorf("got %d %s %s, want 503 and when to come back", w.Code, w.Header(), w.Body)
	}
}

// TestWhatCannotBeMappedIsTold: an alert about the source, the body in the quarantine, the reason to the sender; good items are kept.
func TestWhatCannotBeMappedIsTold(t *testing.T) {
	for _, c := range []struct {
		body   string
		code   int
		names  []string
		reason string
	}{
		{`{"items": [{"name": "A"}, {"nome": "B"}]}`, 200, []string{"A", "WebhookUnmapped"}, `test.yml:4:17: quiet.when: there is no "name"`},
		{`{"items": [{"name": "strange"}]}`, 400, []string{"WebhookUnmapped"}, `every "when" is false`},
		{`{"items": "none"}`, 400, []string{"WebhookUnmapped"}, "test.yml:2:7: each: "},
		{`{"items": [`, 400, []string{"WebhookUnmapped"}, "malformed body at byte 11"},
		{`{"items": []}`, 200, nil, ""},
	} {
		f := newFixture(testSource(t, nil), nil)
		w := f.post("/api/v1/webhook/shop", c.body, "Authorization", token)
		if w.Code != c.code {
			t.Errorf("%s: got %d %s, want %d", c.body, w.Code, w.Body, c.code)
		}
		if diff := cmp.Diff(c.names, f.names()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.body, diff)
		}
		if c.reason == "" {
			continue
		}
		told := strings.ReplaceAll(w.Body.String(), `\"`, `"`)
		last := f.reports[len(f.reports)-1].Input.(*correlate.Alert)
		for where, text := range map[string]string{
			"answer": told, "quarantine": strings.Join(f.quarantine, "\n"), "alert": last.Annotations.Get("summary"),
		} {
			if !strings.Contains(text, c.reason) {
				t.Errorf("%s: %s says %q, want %q in it", c.body, where, text, c.reason)
			}
		}
	}
}

func hmacOf(text string) []byte {
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func TestStrangersAreRefusedBeforeAnythingIsMadeOfTheirBodies(t *testing.T) {
	const body = `{"items": [{"name": "A"}]}`
	plain := &HMAC{Secret: "key", Header: "X-Signature", Prefix: "sha256=", Algorithm: "sha256", Encoding: "hex"}
	timed := &HMAC{
		Secret: "key", Header: "X-Signature", Algorithm: "sha256", Encoding: "base64", TimestampHeader: "X-Time", Separator: ":", Tolerance: 5 * time.Minute,
	}
	at := func(t string) []string {
		return []string{"X-Time", t, "X-Signature", base64.StdEncoding.EncodeToString(hmacOf(t + ":" + body))}
	}
	for _, c := range []struct {
		name    string
		auth    Auth
		headers []string
		code    int
		reason  string
	}{
		{"no token", Auth{Bearer: "x"}, nil, 401, reasonCredentials},
		{"a wrong token", Auth{Bearer: "x"}, []string{"Authorization", "Bearer xy"}, 401, reasonCredentials},
		{"another scheme", Auth{Bearer: "x"}, []string{"Authorization", "x"}, 401, reasonCredentials},
		{"the token", Auth{Bearer: "x"}, []string{"Authorization", "Bearer x"}, 200, ""},
		{"a wrong password", Auth{Basic: &Basic{"u", "p"}}, []string{"Authorization", "Basic dTpx"}, 401, reasonCredentials},
		{"the password", Auth{Basic: &Basic{"u", "p"}}, []string{"Authorization", "Basic dTpw"}, 200, ""},
		{"no signature", Auth{HMAC: plain}, nil, 401, reasonSignature},
		{"a signature without its prefix", Auth{HMAC: plain}, []string{"X-Signature", hex.EncodeToString(hmacOf(body))}, 401, reasonSignature},
		{"that of another body", Auth{HMAC: plain}, []string{"X-Signature", "sha256=" + hex.EncodeToString(hmacOf(body+" "))}, 401, reasonSignature},
		{"no hexadecimal", Auth{HMAC: plain}, []string{"X-Signature", "sha256=zz"}, 401, reasonSignature},
		{"the signature", Auth{HMAC: plain}, []string{"X-Signature", "sha256=" + hex.EncodeToString(hmacOf(body))}, 200, ""},
		{"the signature, now", Auth{HMAC: timed}, at("1795230000"), 200, ""},
		{"the signature, in RFC 3339", Auth{HMAC: timed}, at("2026-11-21T03:04:00Z"), 200, ""},
		{"recorded", Auth{HMAC: timed}, at("1795229600"), 401, reasonReplay},
		{"from the future", Auth{HMAC: timed}, at("1795230400"), 401, reasonReplay},
		{"without its time", Auth{HMAC: timed}, []string{"X-Signature", base64.StdEncoding.EncodeToString(hmacOf(body))}, 401, reasonSignature},
		{"another time", Auth{HMAC: timed}, append(at("1795230000"), "X-Time", "1795230001"), 401, reasonSignature},
		{"no auth, from elsewhere", Auth{}, nil, 403, reasonCredentials},
		{"no auth, from this machine", Auth{}, []string{"remote", "127.0.0.1:5"}, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(testSource(t, func(s *Source) { s.Auth = c.auth }), nil)
			w := f.post("/api/v1/webhook/shop", body, c.headers...)
			if w.Code != c.code || (len(f.reports) > 0) != (c.code == 200) {
				t.Errorf("got %d %s, %d reports, want %d", w.Code, w.Body, len(f.reports), c.code)
			}
			if c.reason == "" {
				return
			}
			want := "# HELP quell_webhook_refused_total Requests of webhook sources that were refused, by reason.\n" +
				"# TYPE quell_webhook_refused_total counter\nquell_webhook_refused_total{reason=\"" + c.reason + "\",webhook=\"shop\"} 1\n"
			if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "quell_webhook_refused_total"); err != nil {
				t.Error(err)
			}
			if len(f.quarantine) > 0 {
				t.Error("a stranger's body is kept")
			}
		})
	}
}

func TestEverybodyMayPostWhereTheConfigurationSaysSo(t *testing.T) {
	f := newFixture(testSource(t, func(s *Source) { s.Auth, s.AllowUnauthenticated = Auth{}, true }), nil)
	if w := f.post("/api/v1/webhook/shop", `{"items": []}`); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestUnknownNamesAndOtherMediaTypesAreRefused(t *testing.T) {
	f := newFixture(testSource(t, nil), nil)
	if w := f.post("/api/v1/webhook/shap", `{}`); w.Code != 404 || !strings.Contains(w.Body.String(), `there is no webhook \"shap\"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for ct, code := range map[string]int{
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "": 200, "application/cloudevents+json; charset=UTF-8": 200,
	} {
		if w := f.post("/api/v1/webhook/shop", `{"items": []}`, "Authorization", token, "Content-Type", ct); w.Code != code {
			t.Errorf("%q: got %d %s, want %d", ct, w.Code, w.Body, code)
		}
	}
}

func TestABodyThatIsTooLargeIsRefused(t *testing.T) {
	f := newFixture(testSource(t, nil), nil)
	w := f.post("/api/v1/webhook/shop", `"`+strings.Repeat("x", maxBodyBytes)+`"`, "Authorization", token)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %.200s", w.Code, w.Body)
	}
}

// TestABelievedBodyThatIsNotReadIsTold: a group of alerts that grew too large is an alert, not silence. Of strangers nothing is made, nor of what
// a web page can make a browser on this machine send.
func TestABelievedBodyThatIsNotReadIsTold(t *testing.T) {
	large := `"` + strings.Repeat("x", maxBodyBytes) + `"`
	open := func(s *Source) { s.Auth = Auth{} }
	signed := func(s *Source) { s.Auth = Auth{HMAC: &HMAC{Secret: "s", Header: "X-Signature"}} }
	for name, c := range map[string]struct {
		change func(*Source)
		body   string
		kind   string
		code   int
		names  []string
	}{
		"too large":                  {nil, large, "application/json", 413, []string{"WebhookUnmapped"}},
		"other media type":           {nil, "{}", "text/plain", 415, []string{"WebhookUnmapped"}},
		"other media type, unproven": {open, "{}", "text/plain", 415, nil},
		"too large, unproven":        {signed, large, "application/json", 413, nil},
	} {
		f := newFixture(testSource(t, c.change), nil)
		w := f.post("/api/v1/webhook/shop", c.body, "Authorization", token, "Content-Type", c.kind, "remote", "127.0.0.1:1")
		if w.Code != c.code {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, c.code)
		}
		if diff := cmp.Diff(c.names, f.names()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestCredentialsBecomeNoLabels: a mapping sees all headers but those.
func TestCredentialsBecomeNoLabels(t *testing.T) {
	h := http.Header{"Authorization": {token}, "Cookie": {"a=b"}, "X-Event": {"a"}, "Ce-Subject": {`Euro%20%E2%82%AC`}, "Ce-Source": {`"a \"b\""`}, "Ce-Id": {"100%"}}
	want := map[string]string{"x-event": "a", "ce-subject": "Euro €", "ce-source": `a "b"`, "ce-id": "100%"}
	if diff := cmp.Diff(want, headersOf(h)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
