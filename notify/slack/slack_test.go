package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake"
	"quell/notify"
	"quell/notify/slack"
	"quell/routing"
)

const token = "xoxb-4711-secret"

func start(t testing.TB) *fake.Slack {
	t.Helper()
	s, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.RequireToken(token)
	return s
}

func notifierFor(url string) notify.Notifier {
	env := notify.Environment{HTTP: notify.NewHTTPClient(), ExternalURL: "https://quell.example"}
	return slack.New(notify.SlackConfig{Token: token, Channel: "#ops", APIURL: url, NoPictures: true}, env)
}

func incident() *correlate.Incident {
	now := time.Now()
	return &correlate.Incident{
		ID: 7, State: correlate.Escalated, Severity: correlate.SeverityCritical, Title: "KubeNodeNotReady on node/n3",
		Roots:  []correlate.Root{{Entity: "node/n3", Score: .9, Silent: true, Why: "8 of 8 pods on it fail"}, {Entity: "deployment/shop/cart", Score: .3}},
		Opened: now.Add(-5 * time.Minute), HoldReason: "held: 94 % healed", Alerts: 9, Active: 8, MemberCount: 12,
		Members: []topology.Entity{"pod/shop/cart-1", "pod/shop/cart-2"},
		Symptoms: []correlate.SymptomView{{
			Entity: "pod/shop/cart-1", Name: "KubePodNotReady", Severity: correlate.SeverityWarning, State: "active", Since: now, Why: "runs on it",
			Path:        []correlate.PathStep{{Entity: "pod/shop/cart-1"}, {Entity: "node/n3", Type: "runs_on"}},
			Annotations: correlate.LabelsOf("runbook_url", "https://runbooks.example/node?a=1&b=<x>", "summary", "cart-1 <waits>"),
		}},
	}
}

func delivery(action routing.Action) *routing.Delivery {
	return &routing.Delivery{ID: 1, Action: action, Key: "s1/inc-7/1", Reason: "nobody healed it", Incident: incident(), Created: time.Now()}
}

func send(t testing.TB, n notify.Notifier, d *routing.Delivery, prev notify.Sent) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return n.Notify(ctx, d, prev)
}

// mustSend is for where nothing goes wrong.
func mustSend(t testing.TB, n notify.Notifier, d *routing.Delivery, prev notify.Sent) string {
	t.Helper()
	ref, err := send(t, n, d, prev)
	if err != nil {
		t.Fatalf("%s: %v", d.Action, err)
	}
	return ref
}

// message is a reference without what is noted beside the place.
func message(ref string) string {
	return strings.Join(strings.SplitN(ref, "/", 3)[:2], "/")
}

// inChannel are the messages that are not in a thread.
func inChannel(s *fake.Slack) []fake.SlackMessage {
	return slices.DeleteFunc(s.Messages(), func(m fake.SlackMessage) bool { return m.ThreadTS != "" })
}

// One message for an incident, edited in place; the rest is in its thread.
func TestIncidentIsOneMessage(t *testing.T) {
	s := start(t)
	n := notifierFor(s.APIURL())
	ref := mustSend(t, n, delivery(routing.Trigger), notify.Sent{})
	for _, action := range []routing.Action{routing.Update, routing.Acknowledge, routing.Resolve} {
		d := delivery(action)
		d.Incident.AckedBy = "kim"
		if again := mustSend(t, n, d, notify.Sent{Ref: ref}); message(again) != message(ref) {
			t.Errorf("%s: reference %q, want the message's own %q", action, again, ref)
		}
	}
	all := inChannel(s)
	if len(all) != 1 || all[0].Edits != 3 || !strings.Contains(string(all[0].Blocks), "✅ Resolved: KubeNodeNotReady on node/n3 [critical]") {
		t.Fatalf("channel shows %+v, want one message, edited three times, resolved", all)
	}
	if all[0].Metadata == nil || all[0].Metadata.EventType != "quell_incident" || all[0].Metadata.EventPayload["key"] != "s1/inc-7/1" {
		t.Errorf("metadata %+v, want the key", all[0].Metadata)
	}
	var thread []string
	for _, m := range s.Messages()[1:] {
		if m.ThreadTS != all[0].TS {
			t.Errorf("message %q is in thread %q, want %q", m.Text, m.ThreadTS, all[0].TS)
		}
		thread = append(thread, m.Text)
	}
	want := []string{
		"Details of inc-7: KubeNodeNotReady on node/n3", "🔄 Update: nobody healed it", "👀 Acknowledged by kim: nobody healed it", "✅ Resolved: nobody healed it",
	}
	if !slices.Equal(thread, want) {
		t.Errorf("thread %q, want %q", thread, want)
	}
}

// An edit makes no sound: what pages again shows in the channel as well, while a notice stays in the thread.
func TestPageOfWhatHasAMessageShowsInTheChannel(t *testing.T) {
	s := start(t)
	n := notifierFor(s.APIURL())
	ref := mustSend(t, n, delivery(routing.Notice), notify.Sent{})
	for _, action := range []routing.Action{routing.Trigger, routing.Notice} {
		d := delivery(action)
		d.Again = true
		mustSend(t, n, d, notify.Sent{Ref: ref})
	}
	var got []string
	for _, m := range s.Messages()[1:] {
		got = append(got, fmt.Sprintf("%v %s", m.Broadcast, m.Text))
	}
	want := []string{
		"false Details of inc-7: KubeNodeNotReady on node/n3", "true 🔔 Paged: KubeNodeNotReady on node/n3 [critical]: nobody healed it",
		"false 📣 Notice: nobody healed it",
	}
	if !slices.Equal(got, want) {
		t.Errorf("thread %q, want %q", got, want)
	}
}

// Cases 29 and 30: when the answer was lost, or we crashed before noting it, the message is found and not posted twice.
func TestLostAnswerLeavesOneMessage(t *testing.T) {
	s := start(t)
	for i := range 30 { // Others talk as well.
		d := delivery(routing.Trigger)
		d.Key = fmt.Sprint("other ", i)
		mustSend(t, notifierFor(s.APIURL()), d, notify.Sent{})
	}
	before := len(inChannel(s))
	s.SetFault(func(_ int, action string) fake.Fault { return fake.Fault{DropAnswer: action == "chat.postMessage"} })
	if _, err := send(t, notifierFor(s.APIURL()), delivery(routing.Trigger), notify.Sent{}); err == nil {
		t.Fatal("no error although the answer was cut off")
	}
	s.SetFault(nil)
	fresh := notifierFor(s.APIURL()) // A new process does not know the channel's id either.
	ref := mustSend(t, fresh, delivery(routing.Trigger), notify.Sent{Maybe: true})
	if got := inChannel(s); len(got) != before+1 || message(ref) != "C0000001/"+got[before].TS {
		t.Errorf("%d messages and reference %s, want one and its time stamp", len(got)-before, ref)
	}
	// The same without knowing that anything was sent: a resolve always looks.
	late := delivery(routing.Resolve)
	late.Created = late.Created.Add(time.Hour) // The message is as old as the incident, not as the resolve.
	if got := mustSend(t, notifierFor(s.APIURL()), late, notify.Sent{}); message(got) != message(ref) {
		t.Errorf("resolve edits %q, want %q", got, ref)
	}
}

// Nothing is looked up where nothing can be there: history calls are few and precious.
func TestFirstTriggerLooksNothingUp(t *testing.T) {
	s := start(t)
	var calls []string
	s.SetFault(func(_ int, action string) fake.Fault {
		calls = append(calls, action)
		return fake.Fault{}
	})
	mustSend(t, notifierFor(s.APIURL()), delivery(routing.Trigger), notify.Sent{})
	if !slices.Equal(calls, []string{"chat.postMessage", "chat.postMessage"}) {
		t.Errorf("calls %v, want two posts", calls)
	}
}

// A message that somebody deleted, or that was never there, is posted anew rather than nothing.
func TestNewsWithoutAMessageArePosted(t *testing.T) {
	s := start(t)
	n := notifierFor(s.APIURL())
	ref := mustSend(t, n, delivery(routing.Trigger), notify.Sent{})
	s.Delete(inChannel(s)[0].TS)
	if got := mustSend(t, n, delivery(routing.Update), notify.Sent{Ref: ref}); message(got) == message(ref) || len(inChannel(s)) != 1 {
		t.Errorf("after a deletion: reference %q and %d messages, want a new one", got, len(inChannel(s)))
	}
	s.Delete(inChannel(s)[0].TS)
	if got := mustSend(t, n, delivery(routing.Update), notify.Sent{Ref: "C9999999/1.2"}); !strings.HasPrefix(got, "C0000001/") || len(inChannel(s)) != 1 {
		t.Errorf("after the channel went: reference %q and %d messages, want one in the channel of the configuration", got, len(inChannel(s)))
	}
	d := delivery(routing.Resolve)
	d.Key = "unknown"
	mustSend(t, n, d, notify.Sent{})
	if got := inChannel(s); len(got) != 2 || !strings.Contains(got[1].Text, "Resolved") {
		t.Errorf("resolve of an unknown incident left %+v, want a message", got)
	}
}

// When the thread fails after the post, the reference comes back with the error, so that the retry edits.
func TestFailedThreadDoesNotRepeatTheMessage(t *testing.T) {
	s := start(t)
	n := notifierFor(s.APIURL())
	s.SetFault(func(n int, _ string) fake.Fault {
		if n == 2 {
			return fake.Fault{Status: 500}
		}
		return fake.Fault{}
	})
	ref, err := send(t, n, delivery(routing.Trigger), notify.Sent{})
	if err == nil || ref == "" {
		t.Fatalf("reference %q and error %v, want both", ref, err)
	}
	mustSend(t, n, delivery(routing.Trigger), notify.Sent{Ref: ref, Maybe: true})
	if got := s.Messages(); len(got) != 2 || got[0].Edits != 1 {
		t.Errorf("messages %+v, want one with its thread", got)
	}
}

// If we may not look, a page twice is better than none.
func TestForbiddenHistoryDoesNotKeepThePageBack(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/conversations.") {
			_, _ = io.WriteString(w, `{"ok":false,"error":"missing_scope"}`)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C0000001","ts":"1.2"}`)
	}))
	defer server.Close()
	if ref := mustSend(t, notifierFor(server.URL), delivery(routing.Trigger), notify.Sent{Maybe: true}); message(ref) != "C0000001/1.2" {
		t.Errorf("reference %q, want that of a new message", ref)
	}
}

// Cases 27, 28: Slack says most errors with HTTP status 200.
func TestErrorsAreJudged(t *testing.T) {
	var status int
	var header, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	in9m := time.Now().Add(9 * time.Minute).UTC().Format(http.TimeFormat)
	for _, tc := range []struct {
		status       int
		header, body string
		want         string
		after        time.Duration
	}{
		{200, "", `{"ok":false,"error":"invalid_auth"}`, "rejected invalid_auth", 0},
		{200, "", `{"ok":false,"error":"channel_not_found"}`, "rejected channel_not_found", 0},
		{200, "", `{"ok":false,"error":"not_in_channel"}`, "rejected not_in_channel", 0},
		{200, "", `{"ok":false,"error":"token_revoked"}`, "rejected token_revoked", 0},
		{200, "", `{"ok":false,"error":"account_inactive"}`, "rejected account_inactive", 0},
		{200, "", `{"ok":false,"error":"missing_scope"}`, "rejected missing_scope", 0},
		{200, "", `{"ok":false,"error":"is_archived"}`, "rejected is_archived", 0},
		{200, "", `{"ok":false,"error":"something_new_every_time_4711"}`, "rejected slack_error", 0},
		{200, "", `{"ok":false,"error":"internal_error"}`, "retry slack_internal_error", 0},
		{200, "9", `{"ok":false,"error":"ratelimited"}`, "retry slack_ratelimited", 9 * time.Second},
		{200, "", `{}`, "retry answer", 0},
		{200, "", `<html>`, "retry answer", 0},
		{429, "30", ``, "retry http_429", 30 * time.Second},
		{429, in9m, ``, "retry http_429", 9 * time.Minute},
		{503, "", `<html>`, "retry http_503", 0},
		{404, "", ``, "rejected http_404", 0},
		{307, "", ``, "rejected http_3xx", 0},
	} {
		status, header, body = tc.status, tc.header, tc.body
		_, err := send(t, notifierFor(server.URL), delivery(routing.Trigger), notify.Sent{})
		got, after := judged(err)
		passed := time.Duration(0)
		if tc.header == in9m {
			passed = 8 * time.Minute // until a date some is gone already, on a busy machine more
		}
		if got != tc.want || after > tc.after || after < tc.after-passed {
			t.Errorf("%d %s: %s after %v, want %s after %v", tc.status, tc.body, got, after, tc.want, tc.after)
		}
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

// Case 66: no error shows the token or the address's credentials.
func TestErrorsKeepSecrets(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": "bad " + r.FormValue("token"), "response_metadata": map[string]any{"messages": []string{r.FormValue("token")}}})
	}))
	secret := strings.Replace(echo.URL, "http://", "http://user:s3cr3t@", 1) + "/s3cr3tpath"
	_, first := send(t, notifierFor(secret), delivery(routing.Trigger), notify.Sent{})
	echo.Close()
	_, second := send(t, notifierFor(secret), delivery(routing.Trigger), notify.Sent{})
	for _, err := range []error{first, second} {
		if err == nil {
			t.Fatal("accepted, want an error")
		}
		for _, planted := range []string{token, "s3cr3t", "user"} {
			if strings.Contains(err.Error(), planted) {
				t.Errorf("error %q shows %q", err, planted)
			}
		}
	}
}

// Whatever limit we got wrong: if Slack refuses the form of a message, its text goes out alone.
func TestRefusedBlocksFallBackToText(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if blocks := r.FormValue("blocks"); blocks != "[]" {
			_, _ = io.WriteString(w, `{"ok":false,"error":"invalid_blocks"}`)
			return
		}
		got = append(got, r.FormValue("text"))
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C0000001","ts":"1.2"}`)
	}))
	defer server.Close()
	mustSend(t, notifierFor(server.URL), delivery(routing.Trigger), notify.Sent{})
	if len(got) != 2 || !strings.Contains(got[0], "KubeNodeNotReady") || !strings.Contains(got[0], "`node/n3`") || !strings.Contains(got[0], "quell.example/api/v1/incidents/inc-7") {
		t.Errorf("texts %q, want title, root and a link", got)
	}
	if !strings.Contains(got[1], "*Candidates") {
		t.Errorf("thread %q, want the details", got[1])
	}
}

func TestDigestAndOperatorMessagesArePostedOnce(t *testing.T) {
	s := start(t)
	n := notifierFor(s.APIURL())
	digest := &routing.Delivery{Action: routing.Digest, Key: "digest-1", Created: time.Now(), Digest: json.RawMessage(`{"title":"Week 9","figures":{"incidents":12},"highlights":["12 pages avoided, 0 sent."]}`)}
	operator := &routing.Delivery{Action: routing.Operator, Key: "operator-1", Created: time.Now(), Text: "store is full <!here>"}
	for _, d := range []*routing.Delivery{digest, operator} {
		first := mustSend(t, n, d, notify.Sent{})
		if second := mustSend(t, n, d, notify.Sent{Maybe: true}); message(second) != message(first) {
			t.Errorf("%s: sent again as %q, want it found as %q", d.Action, second, first)
		}
	}
	all := s.Messages()
	if len(all) != 2 || all[0].Text != "Week 9: 12 pages avoided, 0 sent." || !strings.Contains(string(all[0].Blocks), "• 12 pages avoided") || !strings.Contains(all[1].Text, "store is full &lt;!here&gt;") {
		t.Errorf("messages %+v, want the digest and the operator's", all)
	}
	_, err := send(t, n, &routing.Delivery{Action: routing.Digest, Digest: json.RawMessage(`{`)}, notify.Sent{})
	if got, _ := judged(err); got != "rejected request" {
		t.Errorf("broken digest: %s, want a rejection", got)
	}
}

// Case 57: whatever labels, names and addresses say, the message is accepted: valid UTF-8, within the limits, nobody is
// mentioned, and every link is one that we made.
func FuzzSlackMessage(f *testing.F) {
	for _, hostile := range []string{
		"", "a\nb", "\x1b[31mred", "<!channel>", "<@U1>", "<http://evil|x>", "&<>&", "`code`", "*bold* _it_ ~gone~ ```fence```", "> quote", "a_b_c *.x -_y_-", "{{ .X }}", "\xff\xfe", "\u202egnp.exe",
		"https://e.example/|<!here>", "https://u:p@h/", "javascript:alert(1)", strings.Repeat("&", 1<<20), strings.Repeat("😀", 1000),
	} {
		f.Add(hostile, hostile, uint8(60))
	}
	s := start(f)
	n := slack.New(notify.SlackConfig{Token: token, Channel: "#ops", APIURL: s.APIURL(), Buttons: true, NoPictures: true},
		notify.Environment{HTTP: notify.NewHTTPClient(), ExternalURL: "https://quell.example"})
	var seen []fake.SlackMessage
	s.OnEvent(func(e fake.SlackEvent) { seen = append(seen, e.Message) })
	f.Fuzz(func(t *testing.T, a, b string, count uint8) {
		seen = seen[:0]
		closed := time.Now()
		i := &correlate.Incident{
			ID: 1, Title: a, HoldReason: b, AckedBy: a, Acknowledged: &closed, Closed: &closed, CloseReason: b,
			State: correlate.State(count % 8), Severity: correlate.Severity(count), Alerts: int(count), MergedInto: 2,
			Silenced:   &correlate.Silenced{All: count%2 == 0, By: []correlate.SilencedBy{{By: a, Comment: b}}, How: "muted", Muted: []correlate.MutedBy{{Kind: 1, Why: a, Source: b}}[:count%2]},
			Enrichment: &correlate.Enrichment{Owner: a, Runbook: b, Links: []correlate.EnrichmentLink{{Name: a, URL: b}}, Notes: []string{a, b}},
			HealedBy:   &correlate.Healing{What: a, Entity: topology.Entity(b)}, Chronic: []correlate.Chronic{{Reason: a}, {Reason: b}},
		}
		for range count {
			i.Roots = append(i.Roots, correlate.Root{Entity: topology.Entity(a), Why: b})
			i.Members = append(i.Members, topology.Entity(b))
			i.Symptoms = append(i.Symptoms, correlate.SymptomView{
				Entity: topology.Entity(b), Name: a, State: b, Why: a, Generator: a, Annotations: correlate.LabelsOf("runbook_url", b),
				Path: []correlate.PathStep{{Entity: topology.Entity(a)}, {Entity: topology.Entity(b)}},
			})
			i.Timeline = append(i.Timeline, correlate.TimelineEntry{At: closed.Add(time.Hour), Decision: correlate.Decision(count % 17), Reason: b})
		}
		ref := mustSend(t, n, &routing.Delivery{Action: routing.Trigger, Key: "k", Reason: a, Incident: i, Created: closed}, notify.Sent{})
		mustSend(t, n, &routing.Delivery{Action: routing.Acknowledge, Key: "k", Reason: b, Incident: i, Created: closed}, notify.Sent{Ref: ref})
		mustSend(t, n, &routing.Delivery{Action: routing.Operator, Key: "o", Text: a, Created: closed}, notify.Sent{})
		if m := s.Mentions(); len(m) > 0 {
			t.Fatalf("mentions %q", m)
		}
		for _, m := range seen {
			for _, text := range append(textsOf(t, m), m.Text) {
				checkMarkup(t, text)
				checkFormat(t, text)
			}
		}
	})
}

// checkMarkup finds characters and markup that only we may write, and did not.
func checkMarkup(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e }) {
		t.Errorf("text %.200q has characters that it should not have", text)
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			break
		}
		link, tail, closed := strings.Cut(after, ">")
		if strings.HasPrefix(link, "!date^") { // the fake looks at the rest of it
			rest = tail
			continue
		}
		if !closed || strings.Count(link, "|") != 1 || !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
			t.Errorf("text %.300q has markup that is no link of ours", text)
		}
		rest = tail
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "&")
		if !ok {
			break
		}
		if !strings.HasPrefix(after, "amp;") && !strings.HasPrefix(after, "lt;") && !strings.HasPrefix(after, "gt;") {
			t.Errorf("text %.300q has an escape cut in two", text)
		}
		rest = after
	}
}

var (
	// verbatim is what Slack formats nothing in.
	verbatim = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`|<[^>]*>")
	// ours is the formatting that we write.
	ours = regexp.MustCompile(`(^|[ \n])(\*(Root cause:|Affected:|Symptoms say:|Waiting:|Hold:|Not held longer:|Merged|Ended:|Healed by:|` +
		`What waiting did:|Silenced:|Muted:|Owner:|Chronic:|Notice:|Symptoms|Cascade:|Candidates for the root cause:|Timeline:|` +
		`Update|Notice|Paged|Acknowledged|(Healed|Resolved|Lost)( after [0-9a-z]+)?|Held|Escalated|Silenced|Muted)\*|_(Why:|Its hold:)_)`)
	// opens is where Slack would begin to format.
	opens = regexp.MustCompile("(^|[^\\pL\\pN])[*_~][^\\s]|`")
)

// checkFormat finds formatting that is not ours, and a quotation.
func checkFormat(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "&gt;") {
			t.Errorf("text %.300q has a line that is a quotation", text)
		}
	}
	rest := ours.ReplaceAllString(verbatim.ReplaceAllString(text, ""), "$1")
	if at := opens.FindString(rest); at != "" {
		t.Errorf("text %.300q formats at %q", rest, at)
	}
}

// textsOf lists the texts of a message's blocks, but buttons.
func textsOf(t *testing.T, m fake.SlackMessage) (texts []string) {
	t.Helper()
	var blocks []struct {
		Text     struct{ Text string }
		Elements []struct{ Text json.RawMessage }
	}
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	if len(blocks) == 0 {
		t.Error("a message has no blocks: the fake refused them")
	}
	for _, b := range blocks {
		texts = append(texts, b.Text.Text)
		for _, e := range b.Elements {
			var text string
			if json.Unmarshal(e.Text, &text) == nil {
				texts = append(texts, text)
			}
		}
	}
	return texts
}
