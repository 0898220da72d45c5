package pagerduty_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/routing"
)

const routingKey = "R0UT1NGK3Y4711000000000000000000"

var opened = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func start(t testing.TB) *fake.PagerDuty {
	t.Helper()
	p, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func notifierFor(url string) notify.Notifier {
	env := notify.Environment{HTTP: notify.NewHTTPClient(), ExternalURL: "https://quell.example/", StoreID: "s1"}
	return pagerduty.New(notify.PagerDutyConfig{RoutingKey: routingKey, URL: url}, env)
}

func send(t testing.TB, url string, d *routing.Delivery) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := notifierFor(url).Notify(ctx, d, notify.Sent{})
	return err
}

func incident() *correlate.Incident {
	held := opened.Add(5 * time.Minute)
	return &correlate.Incident{
		ID: 7, Generation: 1, State: correlate.Escalated, Severity: correlate.SeverityCritical,
		Title: "KubeNodeNotReady on node/n3", Class: "KubeNodeNotReady on node",
		Roots:  []correlate.Root{{Entity: "node/n3@prod", Score: .9, Silent: true, Why: "8 of 8 pods on it fail"}, {Entity: "deployment/shop/cart", Score: .3}},
		Opened: opened, HeldUntil: &held, HoldReason: "held: 94 % healed", Alerts: 9, Active: 8, MemberCount: 2,
		Members: []topology.Entity{"pod/shop/cart-1", "pod/shop/cart-2"},
		Symptoms: []correlate.SymptomView{{
			Entity: "pod/shop/cart-1", Name: "KubePodNotReady", Severity: correlate.SeverityWarning, State: "active", Since: opened,
			Path:        []correlate.PathStep{{Entity: "pod/shop/cart-1"}, {Entity: "node/n3", Type: "runs_on"}},
			Annotations: correlate.LabelsOf("runbook_url", "https://runbooks.example/node", "summary", "cart-1 waits"),
			Generator:   "http://prometheus.example/graph?g0.expr=up{a=\"b\"}",
		}},
		Labels: correlate.LabelsOf("cluster", "prod"),
	}
}

func delivery(action routing.Action, i *correlate.Incident) *routing.Delivery {
	return &routing.Delivery{ID: 1, Action: action, Key: "s1/inc-7/1", Reason: "nobody healed it", Incident: i, Created: opened}
}

// One incident per key, whatever is sent; resolve and acknowledge follow it.
func TestActionsFollowOneIncident(t *testing.T) {
	p := start(t)
	for _, action := range []routing.Action{routing.Trigger, routing.Trigger, routing.Acknowledge, routing.Update, routing.Resolve} {
		if err := send(t, p.URL(), delivery(action, incident())); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
	}
	all := p.Incidents()
	if len(all) != 1 || all[0].Triggers != 3 || all[0].Acknowledged.IsZero() || all[0].Resolved.IsZero() || all[0].Key != "s1/inc-7/1" || all[0].RoutingKey != routingKey {
		t.Errorf("incidents %+v, want one with 3 triggers, acknowledged and resolved", all)
	}
}

func TestTriggerTellsWhatAPersonNeeds(t *testing.T) {
	p := start(t)
	if err := send(t, p.URL(), delivery(routing.Trigger, incident())); err != nil {
		t.Fatal(err)
	}
	got := p.Events()[0]
	want := fake.PDPayload{
		Summary: "KubeNodeNotReady on node/n3 (9 alerts on 2 entities)", Source: "node/n3@prod", Severity: "critical",
		Timestamp: "2026-03-01T12:00:00Z", Component: "n3", Group: "prod", Class: "KubeNodeNotReady on node",
	}
	details := got.Payload.Details
	got.Payload.Details = nil
	if diff := cmp.Diff(want, *got.Payload); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	wantLinks := []fake.PDLink{
		{Href: "https://quell.example/api/v1/incidents/inc-7", Text: "inc-7"},
		{Href: "https://runbooks.example/node", Text: "runbook of KubePodNotReady at runbooks.example"},
		{Href: "http://prometheus.example/graph?g0.expr=up%7Ba=%22b%22%7D", Text: "query of KubePodNotReady at prometheus.example"},
	}
	if diff := cmp.Diff(wantLinks, got.Links); diff != "" || got.ClientURL != wantLinks[0].Href {
		t.Errorf("links (-want +got):\n%s client %s", diff, got.ClientURL)
	}
	for _, part := range []string{
		`"path":["pod/shop/cart-1 → node/n3"]`, `"members":["pod/shop/cart-1","pod/shop/cart-2"]`, `"member_count":2`, `"alerts":9`,
		`"root":{"entity":"node/n3@prod","score":0.9,"silent":true,"why":"8 of 8 pods on it fail"}`, `"held_until":"2026-03-01T12:05:00Z"`,
		`"hold_reason":"held: 94 % healed"`, `"reason":"nobody healed it"`, `"says":["cart-1 waits"]`, `"labels":{"cluster":"prod"}`, `"runner_up_roots":[{"entity":"deployment/shop/cart"`,
	} {
		if !strings.Contains(string(details), part) {
			t.Errorf("custom_details %s\nlack %s", details, part)
		}
	}
}

func TestSeverityMapsToPagerDutysWords(t *testing.T) {
	p := start(t)
	want := []string{"warning", "info", "info", "warning", "error", "critical"}
	for s := range want {
		i := incident()
		i.Severity = correlate.Severity(s)
		if err := send(t, p.URL(), delivery(routing.Trigger, i)); err != nil {
			t.Fatal(err)
		}
		if got := p.Events()[s].Payload.Severity; got != want[s] {
			t.Errorf("%v is sent as %q, want %q", i.Severity, got, want[s])
		}
	}
}

func TestOperatorMessagesPageAndDigestsDoNot(t *testing.T) {
	p := start(t)
	if err := send(t, p.URL(), &routing.Delivery{Action: routing.Operator, Key: "s1/operator/1", Text: "store is full"}); err != nil {
		t.Fatal(err)
	}
	if got := p.Events()[0]; got.Payload.Severity != "critical" || got.Payload.Summary != "store is full" || got.DedupKey != "s1/operator/1" {
		t.Errorf("operator message arrived as %+v", got)
	}
	for _, action := range []routing.Action{routing.Digest, routing.Notice} {
		err := send(t, p.URL(), &routing.Delivery{Action: action, Key: "d"})
		if _, ok := errors.AsType[*notify.RejectedError](err); !ok {
			t.Errorf("%s: %v, want a rejection", action, err)
		}
	}
}

// Cases 27, 28, 31: which faults are worth another attempt, and when.
func TestFaultsAreJudged(t *testing.T) {
	p := start(t)
	in9m := time.Now().Add(9 * time.Minute).UTC().Format(http.TimeFormat)
	for _, tc := range []struct {
		fault fake.Fault
		want  string // the error's type and reason
		after time.Duration
	}{
		{fake.Fault{Status: 400}, "rejected http_400", 0},
		{fake.Fault{Status: 401}, "rejected http_401", 0},
		{fake.Fault{Status: 403}, "rejected http_403", 0},
		{fake.Fault{Status: 404}, "rejected http_404", 0},
		{fake.Fault{Status: 302}, "rejected http_3xx", 0},
		{fake.Fault{Status: 429, RetryAfter: "7"}, "retry http_429", 7 * time.Second},
		{fake.Fault{Status: 429, RetryAfter: in9m}, "retry http_429", 9 * time.Minute},
		{fake.Fault{Status: 429, RetryAfter: "86400"}, "retry http_429", 10 * time.Minute},
		{fake.Fault{Status: 429}, "retry http_429", time.Second},
		{fake.Fault{Status: 500}, "retry http_500", 0},
		{fake.Fault{Status: 503, RetryAfter: "7"}, "retry http_503", 7 * time.Second},
		{fake.Fault{Status: 200}, "retry answer", 0},
		{fake.Fault{DropAnswer: true}, "retry connection", 0},
	} {
		p.SetFault(func(int, string) fake.Fault { return tc.fault })
		got, after := judged(send(t, p.URL(), delivery(routing.Trigger, incident())))
		passed := time.Duration(0)
		if tc.fault.RetryAfter == in9m {
			passed = 8 * time.Minute // until a date some is gone already, on a busy machine more
		}
		if got != tc.want || after > tc.after || after < tc.after-passed {
			t.Errorf("%+v: %s after %v, want %s after %v", tc.fault, got, after, tc.want, tc.after)
		}
	}
	_ = p.Close()
	err := send(t, p.URL(), delivery(routing.Trigger, incident()))
	if retry, ok := errors.AsType[*notify.RetryError](err); !ok || retry.Reason != "connection" || !retry.Unsent {
		t.Errorf("nobody listens: %v, want a retry of what was not sent", err)
	}
}

func judged(err error) (string, time.Duration) {
	if rejected, ok := errors.AsType[*notify.RejectedError](err); ok {
		return "rejected " + rejected.Reason, 0
	}
	if retry, ok := errors.AsType[*notify.RetryError](err); ok {
		return "retry " + retry.Reason, retry.After
	}
	return fmt.Sprint(err), 0
}

// Case 31: a receiver that takes the request and says nothing costs no more than the deadline; one that was clear in
// its status but dribbles its body has accepted.
func TestDeadlineCoversTheWholeAnswer(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, tc := range []struct {
		fault fake.Fault
		want  string
	}{{fake.Fault{Hang: true}, "retry timeout"}, {fake.Fault{SlowBody: true}, "<nil>"}} {
		over := fake.NewDeadline(t.Context())
		p.SetFault(func(int, string) fake.Fault {
			if tc.fault.Hang {
				over.Pass()
			} else {
				time.AfterFunc(3*time.Second, over.Pass) // when its status has arrived, of a body that takes more than a minute
			}
			return tc.fault
		})
		_, err := notifierFor(p.URL()).Notify(over, delivery(routing.Trigger, incident()), notify.Sent{})
		if got, _ := judged(err); got != tc.want {
			t.Errorf("%+v: %s, want %s at the deadline", tc.fault, got, tc.want)
		}
	}
}

// Case 60: a receiver cannot send us elsewhere; case 31: nor flood us.
func TestNoRedirectIsFollowedAndNoFloodIsRead(t *testing.T) {
	visited := false
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/enqueue", func(w http.ResponseWriter, r *http.Request) {
		if agent := r.Header.Get("User-Agent"); agent != "quell" {
			t.Errorf("User-Agent %q, want quell", agent)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { visited = true })
	var written atomic.Int64
	mux.HandleFunc("/flood/v2/enqueue", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for chunk := make([]byte, 64<<10); written.Load() < 64<<20; written.Add(int64(len(chunk))) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	if got, _ := judged(send(t, server.URL, delivery(routing.Trigger, incident()))); got != "rejected http_3xx" || visited {
		t.Errorf("redirect: %s, visited: %v, want a rejection", got, visited)
	}
	if got, _ := judged(send(t, server.URL+"/flood", delivery(routing.Trigger, incident()))); got != "retry http_500" || written.Load() >= 64<<20 {
		t.Errorf("flood: %s after %d bytes, want it cut off", got, written.Load())
	}
}

// Case 32: a certificate that nobody vouches for is an error, never an exception.
func TestUntrustedCertificateIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	got := "retry timeout"
	for tries := 0; tries < 10 && got == "retry timeout"; tries++ { // a handshake gets five seconds, which may be too few on a busy machine
		got, _ = judged(send(t, server.URL, delivery(routing.Trigger, incident())))
	}
	if got != "retry tls" {
		t.Errorf("self-signed certificate: %s, want retry tls", got)
	}
}

// Case 66: no error shows the routing key or the address's credentials, whatever the receiver says.
func TestErrorsKeepSecrets(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"message": "bad", "errors": []string{string(body)}})
	}))
	host := strings.TrimPrefix(echo.URL, "http://")
	secret := "http://user:s3cr3t@" + host + "/hook/s3cr3tpath"
	first := send(t, secret, delivery(routing.Acknowledge, incident()))
	echo.Close()
	for _, err := range []error{first, send(t, secret, delivery(routing.Acknowledge, incident()))} {
		if err == nil {
			t.Fatal("accepted, want an error")
		}
		for _, planted := range []string{routingKey, "s3cr3t", "user"} {
			if strings.Contains(err.Error(), planted) {
				t.Errorf("error %q shows %q", err, planted)
			}
		}
	}
	if !strings.Contains(first.Error(), "bad") {
		t.Errorf("error %q hides what the receiver said", first)
	}
}

// Case 34: the largest event is within the limit and keeps counts, root and links.
func TestHugeEventIsCutToTheLimit(t *testing.T) {
	p := start(t)
	i := incident()
	huge := strings.Repeat("<é\x00😀", 1<<18)
	i.Title, i.HoldReason, i.Alerts, i.MemberCount = huge, huge, 50_000, 40_000
	symptom := i.Symptoms[0]
	symptom.Name, symptom.Path = huge, make([]correlate.PathStep, 1000)
	for n := range symptom.Path {
		symptom.Path[n].Entity = topology.Entity(huge[:1000])
	}
	pairs := make([]string, 0, 200)
	for n := range 100 {
		pairs = append(pairs, fmt.Sprint("name", n), huge[:4096])
	}
	i.Labels = correlate.LabelsOf(pairs...)
	for n := range 100 {
		symptom.Path = slices.Clone(symptom.Path)
		symptom.Path[0].Entity = topology.Entity(fmt.Sprint("pod/p", n))
		i.Symptoms = append(i.Symptoms, symptom)
		i.Members = append(i.Members, topology.Entity(huge[:1000]))
	}
	if err := send(t, p.URL(), delivery(routing.Trigger, i)); err != nil {
		t.Fatal(err)
	}
	got := p.Events()[0]
	if n := utf8.RuneCountInString(got.Payload.Summary); n != 1024 || !strings.HasSuffix(got.Payload.Summary, "… (50000 alerts on 40000 entities)") {
		t.Errorf("summary of %d runes ends in %q", n, got.Payload.Summary[len(got.Payload.Summary)-40:])
	}
	if d := string(got.Payload.Details); !strings.Contains(d, `"alerts":50000`) || !strings.Contains(d, `"member_count":40000`) || !strings.Contains(d, "left out") || len(got.Links) < 3 {
		t.Errorf("details lost their counts, or the event its %d links: %s", len(got.Links), d[:min(len(d), 300)])
	}
}

// Whatever labels, names and addresses say, an event is accepted: valid UTF-8, within the limits, no control characters.
func FuzzPagerDutyEvent(f *testing.F) {
	for _, hostile := range []string{"", "a\nb", "\x1b[31mred", "<!channel>", "<http://evil|x>", "`code`", "{{ .X }}", "\xff\xfe", "\u202egnp.exe", "javascript:alert(1)", "https://u:p@h/", strings.Repeat("x", 1<<20)} {
		f.Add(hostile, hostile, uint8(3))
	}
	p := start(f)
	var last fake.PDEvent // The fake is done with it before it answers.
	p.OnEvent(func(e fake.PDEvent) { last = e })
	notifier := notifierFor(p.URL())
	f.Fuzz(func(t *testing.T, a, b string, n uint8) {
		i := &correlate.Incident{
			ID: 1, Title: a, Class: b, HoldReason: a, Severity: correlate.Severity(n), State: correlate.State(n), Alerts: int(n), Opened: opened,
			Roots: []correlate.Root{{Entity: topology.Entity(a), Why: b}}, Labels: correlate.LabelsOf("x"+a, b, b, a),
		}
		for range n {
			i.Members = append(i.Members, topology.Entity(b))
			i.Symptoms = append(i.Symptoms, correlate.SymptomView{
				Entity: topology.Entity(a), Name: b, State: a, Generator: b, Annotations: correlate.LabelsOf("runbook_url", a),
				Path: []correlate.PathStep{{Entity: topology.Entity(a)}, {Entity: topology.Entity(b)}},
			})
		}
		d := &routing.Delivery{Action: routing.Trigger, Key: "k", Reason: a, Incident: i}
		if _, err := notifier.Notify(t.Context(), d, notify.Sent{}); err != nil {
			t.Fatal(err)
		}
		checkText(t, last)
	})
}

// checkText looks at every string of an event.
func checkText(t *testing.T, e fake.PDEvent) {
	t.Helper()
	texts := []string{e.Payload.Summary, e.Payload.Source, e.Payload.Component, e.Payload.Group, e.Payload.Class}
	for _, image := range e.Images {
		texts = append(texts, image.Alt)
	}
	for _, l := range e.Links {
		texts = append(texts, l.Href, l.Text)
		if !strings.HasPrefix(l.Href, "https://") && !strings.HasPrefix(l.Href, "http://") {
			t.Errorf("link %q is neither http nor https", l.Href)
		}
	}
	var tree any
	if err := json.Unmarshal(e.Payload.Details, &tree); err != nil {
		t.Fatal(err)
	}
	collect(tree, &texts)
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e }) {
			t.Errorf("text %.200q has characters that it should not have", s)
		}
	}
}

func collect(tree any, texts *[]string) {
	switch v := tree.(type) {
	case string:
		*texts = append(*texts, v)
	case []any:
		for _, x := range v {
			collect(x, texts)
		}
	case map[string]any:
		for k, x := range v {
			*texts = append(*texts, k)
			collect(x, texts)
		}
	}
}
