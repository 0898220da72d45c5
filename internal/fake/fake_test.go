package fake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/internal/fake"
)

func startPagerDuty(t *testing.T) *fake.PagerDuty {
	t.Helper()
	p, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func startSlack(t *testing.T) *fake.Slack {
	t.Helper()
	s, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func send(t *testing.T, p *fake.PagerDuty, body string) int {
	t.Helper()
	resp, err := http.Post(p.URL()+"/v2/enqueue", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func event(action, key string) string {
	return fmt.Sprintf(`{"routing_key":"r","event_action":%q,"dedup_key":%q,"payload":{"summary":"s","source":"x","severity":"error"}}`, action, key)
}

// What a fake that deduplicates for ever would hide: a trigger after the resolve pages again.
func TestPagerDutyKeepsOneOpenIncidentPerKey(t *testing.T) {
	p := startPagerDuty(t)
	for _, e := range []string{event("resolve", "a"), event("trigger", "a"), event("trigger", "a"), event("acknowledge", "a"), event("trigger", "b"), event("resolve", "a"), event("resolve", "a"), event("trigger", "a")} {
		if status := send(t, p, e); status != http.StatusAccepted {
			t.Errorf("%s: status %d, want 202", e, status)
		}
	}
	var got []string
	for _, i := range p.Incidents() {
		got = append(got, fmt.Sprintf("%s triggers=%d acknowledged=%v resolved=%v", i.Key, i.Triggers, !i.Acknowledged.IsZero(), !i.Resolved.IsZero()))
	}
	want := []string{"a triggers=2 acknowledged=true resolved=true", "b triggers=1 acknowledged=false resolved=false", "a triggers=1 acknowledged=false resolved=false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
}

func TestPagerDutyRefusesWhatTheRealOneRefuses(t *testing.T) {
	p := startPagerDuty(t)
	for body, want := range map[string]int{
		`{`: 400,
		`{"event_action":"trigger","payload":{"summary":"s","source":"x","severity":"error"}}`:                                                                  400,
		`{"routing_key":"r","event_action":"page"}`:                                                                                                             400,
		`{"routing_key":"r","event_action":"resolve"}`:                                                                                                          400,
		`{"routing_key":"r","event_action":"trigger"}`:                                                                                                          400,
		`{"routing_key":"r","event_action":"trigger","payload":{"summary":"s","source":"x","severity":"bad"}}`:                                                  400,
		event("trigger", strings.Repeat("k", 256)):                                                                                                              400,
		`{"routing_key":"r","event_action":"trigger","payload":{"summary":"` + strings.Repeat("s", 1025) + `","source":"x","severity":"info"}}`:                 400,
		`{"routing_key":"r","event_action":"trigger","client":"` + strings.Repeat("c", 512_000) + `","payload":{"summary":"s","source":"x","severity":"info"}}`: 413,
	} {
		if got := send(t, p, body); got != want {
			t.Errorf("%.80s: status %d, want %d", body, got, want)
		}
	}
	if n := len(p.Events()); n != 0 {
		t.Errorf("%d events were accepted, want none", n)
	}
}

func call(t *testing.T, s *fake.Slack, method string, args url.Values) map[string]any {
	t.Helper()
	args.Set("token", "xoxb-1")
	resp, err := http.PostForm(s.APIURL()+method, args)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestSlackRefusesWhatTheRealOneRefuses(t *testing.T) {
	s := startSlack(t)
	section := func(text string, n int) string {
		one := fmt.Sprintf(`{"type":"section","text":{"type":"mrkdwn","text":%q}}`, text)
		return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]"
	}
	for _, tc := range []struct {
		method string
		args   url.Values
		want   any
	}{
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"hi"}}, nil},
		{"chat.postMessage", url.Values{"channel": {"#none"}, "text": {"hi"}}, "channel_not_found"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}}, "no_text"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"<!channel>"}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {section("x", 51)}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {section(strings.Repeat("x", 3001), 1)}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {section(strings.Repeat("x", 3000), 50)}}, nil},
		{"chat.update", url.Values{"channel": {"#ops"}, "ts": {"1"}, "text": {"hi"}}, "channel_not_found"},
		{"chat.update", url.Values{"channel": {"C0000001"}, "ts": {"1"}, "text": {"hi"}}, "message_not_found"},
	} {
		if got := call(t, s, tc.method, tc.args)["error"]; got != tc.want {
			t.Errorf("%s: error %v, want %v", tc.method, got, tc.want)
		}
	}
	if n := len(s.Mentions()); n != 1 {
		t.Errorf("%d mentions recorded, want 1", n)
	}
}

func TestSlackTakesJSONWithABearerToken(t *testing.T) {
	s := startSlack(t)
	s.RequireToken("xoxb-right")
	for token, want := range map[string]bool{"xoxb-right": true, "xoxb-wrong": false} {
		body := []byte(`{"channel":"C0000001","text":"hi","blocks":[{"type":"divider"}]}`)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+"chat.postMessage", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ OK bool }
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.OK != want {
			t.Errorf("token %s: ok=%v (%v), want %v", token, answer.OK, err, want)
		}
		_ = resp.Body.Close()
	}
}

func TestSlackShowsHistoryNewestFirstInPages(t *testing.T) {
	s := startSlack(t)
	var posted []string
	for i := range 5 {
		posted = append(posted, call(t, s, "chat.postMessage", url.Values{"channel": {"#ops"}, "text": {fmt.Sprint(i)}})["ts"].(string))
	}
	call(t, s, "chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"in a thread"}, "thread_ts": {posted[0]}})
	var seen []string
	for cursor := "0"; cursor != ""; {
		page := call(t, s, "conversations.history", url.Values{"channel": {"C0000001"}, "limit": {"2"}, "cursor": {cursor}, "oldest": {posted[0]}})
		for _, m := range page["messages"].([]any) {
			seen = append(seen, m.(map[string]any)["text"].(string))
		}
		cursor = page["response_metadata"].(map[string]any)["next_cursor"].(string)
	}
	if diff := cmp.Diff([]string{"4", "3", "2", "1"}, seen); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}
