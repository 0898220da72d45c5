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

func startSlack(t *testing.T) *fake.Slack {
	t.Helper()
	s, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
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
	button := func(id, more string) string {
		return fmt.Sprintf(`{"type":"button","text":{"type":"plain_text","text":"x"},"action_id":%q%s}`, id, more)
	}
	actions := func(buttons ...string) string {
		return `[{"type":"actions","elements":[` + strings.Join(buttons, ",") + `]}]`
	}
	s.SetChannel(fake.SlackChannel{ID: "C0000002", Name: "attic", Archived: true})
	s.SetChannel(fake.SlackChannel{ID: "C0000003", Name: "private", Outside: true})
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
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {section(strings.Repeat("x", 3000), 4)}}, nil},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {section(strings.Repeat("x", 3000), 5)}}, "msg_blocks_too_long"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {strings.Repeat("x", 4001)}}, "msg_too_long"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {`[{"type":"section","txt":"x"}]`}}, "invalid_blocks_format"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {actions(button("a", ""), button("b", ""))}}, nil},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {actions(button("a", ""), button("a", ""))}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {actions(button("a", `,"url":"javascript:alert(1)"`))}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {actions(button("a", `,"style":"loud"`))}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "blocks": {actions(button("a", `,"confirm":{}`))}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"<!date^1^{time}|00:00> <#C1|ops>"}}, "invalid_blocks"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"<!date^1^{time}|00:00>"}}, nil},
		{"chat.postMessage", url.Values{"channel": {"#attic"}, "text": {"hi"}}, "is_archived"},
		{"chat.postMessage", url.Values{"channel": {"#private"}, "text": {"hi"}}, "not_in_channel"},
		{"files.getUploadURLExternal", url.Values{"filename": {"a.png"}}, "invalid_arguments"},
		{"files.completeUploadExternal", url.Values{"files": {`[{"id":"F1"}]`}, "channel_id": {"#ops"}}, "channel_not_found"},
		{"files.completeUploadExternal", url.Values{"files": {`[{"id":"F1"}]`}, "channel_id": {"C0000001"}}, "file_not_found"},
		{"chat.update", url.Values{"channel": {"#ops"}, "ts": {"1"}, "text": {"hi"}}, "channel_not_found"},
		{"chat.update", url.Values{"channel": {"C0000001"}, "ts": {"1"}, "text": {"hi"}}, "message_not_found"},
	} {
		if got := call(t, s, tc.method, tc.args)["error"]; got != tc.want {
			t.Errorf("%s: error %v, want %v", tc.method, got, tc.want)
		}
	}
	if n := len(s.Mentions()); n != 2 {
		t.Errorf("%d mentions recorded, want 2", n)
	}
	s.GrantScopes("chat:write")
	got := call(t, s, "files.getUploadURLExternal", url.Values{"filename": {"a.png"}, "length": {"3"}})
	if got["error"] != "missing_scope" || got["needed"] != "files:write" || got["provided"] != "chat:write" {
		t.Errorf("without the scope: %v", got)
	}
}

// A file goes in three steps, and shows only after the third.
func TestSlackTakesFiles(t *testing.T) {
	s := startSlack(t)
	announced := call(t, s, "files.getUploadURLExternal", url.Values{"filename": {"a.png"}, "length": {"3"}, "alt_txt": {"a picture"}})
	share := url.Values{"files": {fmt.Sprintf(`[{"id":%q,"title":"A"}]`, announced["file_id"])}, "channel_id": {"C0000001"}, "thread_ts": {"1.2"}}
	for _, step := range []struct {
		body   string
		status int
		want   any
	}{
		{"four", http.StatusBadRequest, "file_not_found"},
		{"two", http.StatusOK, nil},
	} {
		resp, err := http.Post(announced["upload_url"].(string), "image/png", strings.NewReader(step.body))
		if err != nil || resp.StatusCode != step.status {
			t.Fatalf("upload of %q: %v, %v", step.body, resp, err)
		}
		_ = resp.Body.Close()
		if got := call(t, s, "files.completeUploadExternal", share)["error"]; got != step.want {
			t.Errorf("after %q: error %v, want %v", step.body, got, step.want)
		}
	}
	want := []fake.SlackFile{{ID: "F0000001", Name: "a.png", Title: "A", Alt: "a picture", Data: []byte("two"), Channel: "C0000001", ThreadTS: "1.2"}}
	if diff := cmp.Diff(want, s.Files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
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
