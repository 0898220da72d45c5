package callback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake"
	"quell/internal/fake/golden"
)

// slackDesk takes what is asked for, and refuses or fails as it is told.
type slackDesk struct {
	mu       sync.Mutex
	did      []string
	said     []correlate.Feedback
	err      error
	refused  bool
	hold     chan struct{} // if it is there, actions wait for it
	incident *correlate.Incident
}

func (d *slackDesk) note(text string) (refused bool, err error) {
	d.mu.Lock()
	hold := d.hold
	d.mu.Unlock()
	if hold != nil {
		<-hold
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.did = append(d.did, text)
	return d.refused, d.err
}

func (d *slackDesk) Command(_ context.Context, c *correlate.Command, from string) (refused bool, err error) {
	return d.note(fmt.Sprintf("%s %s/%d by %s (%s)", c.Action, c.Incident, c.Generation, c.By, from))
}

func (d *slackDesk) Silence(_ context.Context, o *SilenceOrder, _ string) (made *SilenceMade, refused bool, err error) {
	refused, err = d.note(fmt.Sprintf("silence %s/%d for %s by %s", o.Incident, o.Generation, o.For, o.By))
	return &SilenceMade{ID: "s-1", Until: now.Add(o.For)}, refused, err
}

func (d *slackDesk) Feedback(_ context.Context, f *correlate.Feedback, _ string) (refused bool, err error) {
	d.mu.Lock()
	d.said = append(d.said, *f)
	d.mu.Unlock()
	return d.note("feedback " + f.Incident.String())
}

func (d *slackDesk) Incident(context.Context, correlate.IncidentID) (inc *correlate.Incident, refused bool, err error) {
	return d.incident, d.refused, d.err
}

func (d *slackDesk) done() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.did...)
}

// slackRig is a fake Slack with a message, and a quell's path for what people do with it.
type slackRig struct {
	t     *testing.T
	slack *fake.Slack
	desk  *slackDesk
	front *Slack
	path  *httptest.Server
	ts    string
}

const (
	slackKey    = "quell/s1/inc-7/2"
	slackSecret = "8f742231b10e8888abcd99yyyzzz85a5"
)

var anna = fake.SlackPerson{ID: "U012AB3CD", Name: "anna"}

// newSlackRig starts one; edit changes the place where people act.
func newSlackRig(t *testing.T, edit func(*SlackPlace)) *slackRig {
	t.Helper()
	f, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	r := &slackRig{t: t, slack: f, desk: &slackDesk{}}
	r.desk.incident = &correlate.Incident{ID: 7, Roots: []correlate.Root{
		{Entity: "node/n3", Why: "explains 8 of 8"}, {Entity: "service/shop/db", Why: "explains 3 of 8"}, {Entity: "zone/a"},
	}}
	place := SlackPlace{SigningSecret: slackSecret, AppToken: "xapp-1-test", BotToken: "xoxb-test", APIURL: f.APIURL(), Channel: "#ops"}
	if edit != nil {
		edit(&place)
	}
	cfg := SlackConfig{
		StoreID: "s1", Places: func() []SlackPlace { return []SlackPlace{place} }, Registerer: prometheus.NewRegistry(),
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	r.front = NewSlack(cfg, r.desk, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	r.front.Register(mux)
	r.path = httptest.NewServer(mux)
	t.Cleanup(r.path.Close)
	r.ts = postMessage(t, f)
	return r
}

// postMessage posts a message as quell would, and returns its time stamp.
func postMessage(t *testing.T, f *fake.Slack) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, f.APIURL()+"chat.postMessage", strings.NewReader(`{"channel":"#ops","text":"it burns"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer xoxb-test")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	var posted struct{ TS string }
	if err := json.NewDecoder(resp.Body).Decode(&posted); err != nil || posted.TS == "" {
		t.Fatalf("no message: %v", err)
	}
	return posted.TS
}

func (r *slackRig) address() string { return r.path.URL + "/api/v1/slack" }

// payload is a click of somebody's.
func (r *slackRig) payload(p fake.SlackPerson, action, key string) []byte {
	r.t.Helper()
	b, err := r.slack.Payload(fake.SlackClick{Person: p, TS: r.ts, Action: action, Value: key})
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// click posts a click, and fails the test if the answer is not what Slack wants.
func (r *slackRig) click(p fake.SlackPerson, action, key string) {
	r.t.Helper()
	if reply, err := r.slack.Post(r.address(), slackSecret, r.payload(p, action, key)); err != nil || len(reply) > 0 {
		r.t.Fatalf("%s: answer %q, %v", action, reply, err)
	}
}

// whispers waits for so many, and returns their texts, sorted: each leaves after the answer to its click, and may be overtaken by the next.
func (r *slackRig) whispers(n int) []string {
	r.t.Helper()
	await(r.t, "an answer to who clicked", func() bool { return len(r.slack.Whispers()) >= n })
	var texts []string
	for _, w := range r.slack.Whispers() {
		texts = append(texts, w.Text)
	}
	slices.Sort(texts)
	return texts
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

func TestButtonsAtSlackDoWhatTheySay(t *testing.T) {
	r := newSlackRig(t, nil)
	for _, action := range []string{slackAck, slackResolve, slackSilenceHour, slackSilenceFixed} {
		r.click(anna, action, slackKey)
	}
	from := "(Slack user U012AB3CD of T0000001 by 127.0.0.1:"
	var got []string
	for _, did := range r.desk.done() {
		before, after, found := strings.Cut(did, from)
		if found && strings.HasSuffix(after, ")") {
			before += "…"
		}
		got = append(got, before)
	}
	want := []string{
		"ack inc-7/2 by anna at Slack …", "resolve inc-7/2 by anna at Slack …",
		"silence inc-7/2 for 1h0m0s by anna at Slack", "silence inc-7/2 for 0s by anna at Slack",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	told := r.whispers(2)
	want = []string{
		"Silenced until <!date^1767326645^{date_short_pretty} {time}|2026-01-02 04:04 UTC>, or until inc-7 is over for good: its root, what depends on that, and what is ill in it now. What becomes worse pages all the same. To end it before: `quell silence expire s-1`.",
		"Silenced until inc-7 is over for good, or <!date^1767323045^{date_short_pretty} {time}|2026-01-02 03:04 UTC> at the latest: its root, what depends on that, and what is ill in it now. What becomes worse pages all the same. To end it before: `quell silence expire s-1`.",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told who clicked (-want +got):\n%s", diff)
	}
}

func TestWhatSlackDidNotSignIsNotBelieved(t *testing.T) {
	r := newSlackRig(t, nil)
	payload := r.payload(anna, slackResolve, slackKey)
	for name, c := range map[string]struct {
		secret string
		age    time.Duration
		spoil  func(*http.Request)
		status int
	}{
		"another secret":    {secret: "other", status: http.StatusForbidden},
		"too old":           {age: 6 * time.Minute, status: http.StatusForbidden},
		"of the future":     {age: -6 * time.Minute, status: http.StatusForbidden},
		"no signature":      {spoil: func(q *http.Request) { q.Header.Del("X-Slack-Signature") }, status: http.StatusForbidden},
		"no time":           {spoil: func(q *http.Request) { q.Header.Del("X-Slack-Request-Timestamp") }, status: http.StatusForbidden},
		"another time":      {spoil: func(q *http.Request) { q.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(time.Now().Unix()+1)) }, status: http.StatusForbidden},
		"a time in words":   {spoil: func(q *http.Request) { q.Header.Set("X-Slack-Request-Timestamp", "now") }, status: http.StatusForbidden},
		"signature in part": {spoil: func(q *http.Request) { q.Header.Set("X-Slack-Signature", q.Header.Get("X-Slack-Signature")[:20]) }, status: http.StatusForbidden},
		"another version":   {spoil: func(q *http.Request) { q.Header.Set("X-Slack-Signature", "v1="+q.Header.Get("X-Slack-Signature")[3:]) }, status: http.StatusForbidden},
		"another body": {spoil: func(q *http.Request) {
			b, _ := io.ReadAll(q.Body)
			b = []byte(strings.Replace(string(b), "inc-7", "inc-8", 1))
			q.Body, q.ContentLength = io.NopCloser(strings.NewReader(string(b))), int64(len(b))
		}, status: http.StatusForbidden},
		"huge body": {spoil: func(q *http.Request) {
			q.Body, q.ContentLength = io.NopCloser(io.LimitReader(endless{}, 4<<20)), -1
		}, status: http.StatusRequestEntityTooLarge},
	} {
		secret := slackSecret
		if c.secret != "" {
			secret = c.secret
		}
		q, err := fake.SlackRequest(r.address(), secret, payload, time.Now().Add(-c.age))
		if err != nil {
			t.Fatal(err)
		}
		if c.spoil != nil {
			c.spoil(q)
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, c.status)
		}
	}
	if did := r.desk.done(); len(did) > 0 {
		t.Errorf("carried out: %q", did)
	}
}

func TestRequestThatSomebodyRecordedIsRefused(t *testing.T) {
	r := newSlackRig(t, nil)
	payload, at := r.payload(anna, slackResolve, slackKey), time.Now()
	for k, want := range []int{http.StatusOK, http.StatusForbidden} {
		q, err := fake.SlackRequest(r.address(), slackSecret, payload, at)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("time %d: status %d, want %d", k+1, resp.StatusCode, want)
		}
	}
	if did := r.desk.done(); len(did) != 1 {
		t.Errorf("carried out: %q", did)
	}
}

func TestOneClickActsOnceHoweverItComes(t *testing.T) {
	r := newSlackRig(t, nil)
	payload := r.payload(anna, slackAck, slackKey)
	// The same click, signed anew at another time, is what a retry looks like.
	for k := range 3 {
		q, err := fake.SlackRequest(r.address(), slackSecret, payload, time.Now().Add(time.Duration(k)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if did := r.desk.done(); len(did) != 1 {
		t.Errorf("carried out: %q", did)
	}
	r.click(anna, slackAck, slackKey) // another click of hers
	if did := r.desk.done(); len(did) != 2 {
		t.Errorf("carried out: %q", did)
	}
}

func TestWhoMayNotActIsTold(t *testing.T) {
	bert, stranger := fake.SlackPerson{ID: "U0BERT", Name: "bert"}, fake.SlackPerson{ID: "U0EVE", Name: "eve", Team: "T0000666"}
	for name, c := range map[string]struct {
		who     fake.SlackPerson
		allowed []string
		channel string
		want    string
	}{
		"whoever sees the channel":                  {who: bert, channel: "#ops"},
		"of another workspace":                      {who: stranger, channel: "#ops", want: "another workspace"},
		"of another, but listed":                    {who: stranger, channel: "#ops", allowed: []string{"U0EVE"}},
		"not listed":                                {who: bert, channel: "#ops", allowed: []string{anna.ID}, want: "`U0BERT`"},
		"listed, by id of the channel":              {who: anna, channel: "C0000001", allowed: []string{anna.ID}},
		"in a channel of no known name, not listed": {who: bert, channel: "#private", allowed: []string{anna.ID}, want: "`U0BERT`"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newSlackRig(t, func(p *SlackPlace) { p.AllowedUsers, p.Channel = c.allowed, c.channel })
			r.click(c.who, slackResolve, slackKey)
			if c.want == "" {
				if len(r.desk.done()) != 1 {
					t.Error("it was not carried out")
				}
				return
			}
			if told := r.whispers(1)[0]; !strings.Contains(told, c.want) || len(r.desk.done()) != 0 {
				t.Errorf("told %q, did %q", told, r.desk.done())
			}
		})
	}
}

func TestStaleButtonsAreAnsweredInPlainWords(t *testing.T) {
	r := newSlackRig(t, nil)
	r.desk.err, r.desk.refused = errors.New("incident inc-7 was acknowledged by <ada> already"), true
	r.click(anna, slackAck, slackKey)
	r.desk.err, r.desk.refused = nil, false
	for _, key := range []string{"quell/s2/inc-7/2", "quell/s1/inc-7", "nonsense"} {
		r.click(anna, slackAck, key)
	}
	want := []string{"Nothing was done: incident inc-7 was acknowledged by &lt;ada&gt; already."}
	for range 3 {
		want = append(want, "Nothing was done: this message was written by another quell, or by this one before it lost its store.")
	}
	if diff := cmp.Diff(want, r.whispers(4)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if did := r.desk.done(); len(did) != 1 {
		t.Errorf("carried out: %q", did)
	}
}

// TestSlackIsAnsweredInTimeWhateverTakesLong: Slack waits for three seconds, and the disk may take longer.
func TestSlackIsAnsweredInTimeWhateverTakesLong(t *testing.T) {
	r := newSlackRig(t, nil)
	r.desk.err = context.DeadlineExceeded
	payload := r.payload(anna, slackAck, slackKey)
	if _, err := r.slack.Post(r.address(), slackSecret, payload); err != nil {
		t.Fatal(err)
	}
	if told := r.whispers(1)[0]; !strings.Contains(told, "click again") {
		t.Errorf("told %q", told)
	}
	r.desk.err = nil
	q, err := fake.SlackRequest(r.address(), slackSecret, payload, time.Now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if did := r.desk.done(); len(did) != 2 {
		t.Errorf("what failed does not come again: %q", did)
	}
}

func TestOnlySlackIsAnswered(t *testing.T) {
	own := []SlackPlace{{APIURL: "http://127.0.0.1:8080/api/"}}
	for address, want := range map[string]bool{
		"https://hooks.slack.com/actions/T1/2/x":      true,
		"https://hooks.slack-gov.com/actions/T1/2/x":  true,
		"http://127.0.0.1:8080/hooks/x":               true,
		"http://hooks.slack.com/actions/T1/2/x":       false,
		"https://hooks.slack.com:8443/actions":        false,
		"https://hooks.slack.com.example.org/actions": false,
		"https://x@hooks.slack.com/actions":           false,
		"https://127.0.0.1:8080/hooks/x":              false,
		"http://127.0.0.1:9095/-/reload":              false,
		"http://169.254.169.254/latest":               false,
		"file:///etc/passwd":                          false,
		"":                                            false,
	} {
		if got := isSlackHook(address, own); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
	if isSlackHook("https:///x", []SlackPlace{{}}) {
		t.Error("a place without an address of its own allows any")
	}
}

func TestDialogAsksForTheRoot(t *testing.T) {
	r := newSlackRig(t, nil)
	r.click(anna, slackNotRoot, slackKey)
	await(t, "the dialog", func() bool { return len(r.slack.Views()) == 1 })
	v := r.slack.Views()[0]
	want := []fake.SlackChoice{
		{Value: "0", Text: "service/shop/db", Description: "explains 3 of 8"},
		{Value: "1", Text: "zone/a"},
		{Value: "none", Text: "None of these, or I do not know"},
	}
	if diff := cmp.Diff(want, v.Choices); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	goldenJSON(t, "dialog.golden", v.Blocks)
	send := func(choice, comment string) string {
		b, err := r.slack.Submission(v, anna, choice, comment)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := r.slack.Post(r.address(), slackSecret, b)
		if err != nil {
			t.Fatal(err)
		}
		return string(reply)
	}
	if reply := send("7", ""); !strings.Contains(reply, `"response_action":"errors"`) || !strings.Contains(reply, `"quell_root"`) {
		t.Errorf("a choice that was not offered: %q", reply)
	}
	if reply := send("none", strings.Repeat("ü", 600)); !strings.Contains(reply, `"quell_comment"`) {
		t.Errorf("a comment that is too long: %q", reply)
	}
	if reply := send("0", " disk was full "); reply != "" {
		t.Errorf("got %q", reply)
	}
	send("0", "disk was full")
	wantSaid := []correlate.Feedback{{Incident: 7, By: "anna at Slack", Root: "service/shop/db", NotRoot: "node/n3", Comment: "disk was full"}}
	if diff := cmp.Diff(wantSaid, r.desk.said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// goldenJSON compares JSON with a file.
func goldenJSON(t *testing.T, name string, got []byte) {
	t.Helper()
	var text bytes.Buffer
	if err := json.Indent(&text, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, name, text.String()+"\n")
}

func TestDialogThatDoesNotOpenIsTold(t *testing.T) {
	r := newSlackRig(t, nil)
	r.slack.SetFault(func(_ int, action string) fake.Fault {
		if action == "views.open" {
			return fake.Fault{Status: http.StatusInternalServerError}
		}
		return fake.Fault{}
	})
	r.click(anna, slackNotRoot, slackKey)
	if told := r.whispers(1)[0]; !strings.Contains(told, "quell incident feedback inc-7 --root ENTITY") {
		t.Errorf("told %q", told)
	}
}

// TestDialogFitsWhateverTheRootsAreCalled: Slack refuses a dialog as a whole if one text in it is too long.
func TestDialogFitsWhateverTheRootsAreCalled(t *testing.T) {
	r := newSlackRig(t, nil)
	inc := &correlate.Incident{ID: 7}
	for k := range 40 {
		name := fmt.Sprintf("%s%d", strings.Repeat("ä<&>*", 50), k)
		inc.Roots = append(inc.Roots, correlate.Root{Entity: topology.Entity("pod/" + strings.Repeat("n", 63) + "/" + name), Why: strings.Repeat("x ", 200)})
	}
	r.desk.incident = inc
	r.click(anna, slackNotRoot, slackKey)
	await(t, "the dialog", func() bool { return len(r.slack.Views()) == 1 })
	if n := len(r.slack.Views()[0].Choices); n < 2 || n > 10 {
		t.Errorf("%d choices", n)
	}
}

// FuzzInteraction posts signed payloads of any content: nothing panics, and nothing is done that does not name an incident of this store.
func FuzzInteraction(f *testing.F) {
	for _, seed := range []string{
		`{"type":"block_actions","user":{"id":"U1","name":"anna"},"actions":[{"action_id":"quell_resolve","value":"quell/s1/inc-7/2","action_ts":"1.2"}]}`,
		`{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1","callback_id":"quell_not_root","private_metadata":"{\"key\":\"quell/s1/inc-7/2\",\"was\":\"node/n3\"}","state":{"values":{"quell_root":{"root":{"selected_option":{"value":"none"}}}}}}}`,
		`{"type":"block_actions","user":{"id":"U1"},"actions":[null],"view":null}`, `[]`, `null`, `{"type":"shortcut","user":{"id":"U1"}}`,
	} {
		f.Add(seed)
	}
	desk := &slackDesk{}
	places := []SlackPlace{{SigningSecret: slackSecret}}
	client := &http.Client{Transport: refuser{}}
	f.Fuzz(func(t *testing.T, payload string) {
		s := NewSlack(SlackConfig{StoreID: "s1", Places: func() []SlackPlace { return places }, HTTP: client, Registerer: prometheus.NewRegistry()}, desk, slog.New(slog.DiscardHandler))
		desk.did, desk.incident = nil, &correlate.Incident{ID: 7}
		q, err := fake.SlackRequest("http://quell/api/v1/slack", slackSecret, []byte(payload), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		s.Register(mux)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, q)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Errorf("status %d", w.Code)
		}
		if len(desk.did) > 0 && !strings.Contains(payload, "inc-") && !strings.Contains(payload, `\u`) {
			t.Errorf("did %q of %q", desk.did, payload)
		}
	})
}

// refuser is a network without anybody in it.
type refuser struct{}

func (refuser) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody there")
}
