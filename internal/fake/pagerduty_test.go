package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

func send(t *testing.T, url, body string) (status int, problems []string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct{ Errors []string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer.Errors
}

func event(action, key string) string {
	return fmt.Sprintf(`{"routing_key":"e93facc04764012d7bfb002500d5d1a6","event_action":%q,"dedup_key":%q,"payload":{"summary":"s","source":"x","severity":"error"}}`, action, key)
}

// What a fake that deduplicates for ever would hide: a trigger after the resolve pages again.
func TestPagerDutyKeepsOneOpenIncidentPerKey(t *testing.T) {
	p := startPagerDuty(t)
	for _, e := range []string{event("resolve", "a"), event("trigger", "a"), event("trigger", "a"), event("acknowledge", "a"), event("trigger", "b"), event("resolve", "a"), event("resolve", "a"), event("trigger", "a")} {
		if status, _ := send(t, p.URL()+"/v2/enqueue", e); status != http.StatusAccepted {
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

// with puts a value into an event, at a path of its keys.
func with(t *testing.T, event string, value any, path ...string) string {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal([]byte(event), &tree); err != nil {
		t.Fatal(err)
	}
	at := tree
	for _, key := range path[:len(path)-1] {
		at = at[key].(map[string]any)
	}
	at[path[len(path)-1]] = value
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPagerDutyRefusesWhatTheRealOneRefuses(t *testing.T) {
	p := startPagerDuty(t)
	good := event("trigger", "a")
	for _, tc := range []struct{ body, want string }{
		{"{", "JSON parse error"},
		{with(t, good, "", "routing_key"), "'routing_key' is missing or blank"},
		{with(t, good, "short", "routing_key"), "Length of 'routing_key' is incorrect (should be 32 characters)"},
		{with(t, good, "page", "event_action"), "'event_action' is invalid (must be one of trigger, acknowledge, resolve)"},
		{event("resolve", ""), "'dedup_key' is missing or blank"},
		{event("resolve", strings.Repeat("k", 256)), "'dedup_key' is too long (maximum is 255 characters)"},
		{with(t, good, nil, "payload"), "'payload' is missing or blank"},
		{with(t, good, "", "payload", "summary"), "'payload.summary' is missing or blank"},
		{with(t, good, strings.Repeat("s", 1025), "payload", "summary"), "'summary' is too long (maiximum is 1024 characters)"},
		{with(t, good, "", "payload", "source"), "'payload.source' is missing or blank"},
		{with(t, good, "page", "payload", "severity"), "'payload.severity' is invalid (must be one of critical, error, warning, info)"},
		{with(t, good, "noon", "payload", "timestamp"), "'payload.timestamp' is invalid"},
		{with(t, good, "text", "payload", "custom_details"), "'payload.custom_details' is not an object"},
		{with(t, good, []any{map[string]string{"text": "no address"}}, "links"), "'links.href' is no address of [https http]"},
		{with(t, good, []any{"https://quell.example"}, "links"), "JSON parse error"},
		{with(t, good, []any{map[string]string{"src": "http://quell.example/a.png"}}, "images"), "'images.src' is no address of [https]"},
		{with(t, good, "javascript:alert(1)", "client_url"), "'client_url' is no address of [https http]"},
		{with(t, good, strings.Repeat("c", 512_000), "client"), "Event is larger than 512000 bytes"},
	} {
		if status, problems := send(t, p.URL()+"/v2/enqueue", tc.body); status != http.StatusBadRequest || !slices.Contains(problems, tc.want) {
			t.Errorf("%.200s: status %d, errors %q, want 400 and %q", tc.body, status, problems, tc.want)
		}
	}
	if n := len(p.Events()); n != 0 {
		t.Errorf("%d events were accepted, want none", n)
	}
}

func TestPagerDutyKeepsEachChangeEventByItself(t *testing.T) {
	p := startPagerDuty(t)
	good := fmt.Sprintf(`{"routing_key":%q,"payload":{"summary":"rolled out","source":"deployment/shop/cart","timestamp":"2026-03-01T12:00:00Z"}}`, fake.RoutingKey)
	for body, want := range map[string]string{
		with(t, good, "short", "routing_key"):                                "Length of 'routing_key' is incorrect (should be 32 characters)",
		with(t, good, "", "payload", "summary"):                              "'payload.summary' is missing or blank",
		with(t, good, strings.Repeat("s", 1025), "payload", "summary"):       "'summary' is too long (maiximum is 1024 characters)",
		with(t, good, []any{map[string]string{"href": "ftp://a/"}}, "links"): "'links.href' is no address of [https http]",
	} {
		if status, problems := send(t, p.URL()+"/v2/change/enqueue", body); status != http.StatusBadRequest || !slices.Contains(problems, want) {
			t.Errorf("%.200s: status %d, errors %q, want 400 and %q", body, status, problems, want)
		}
	}
	for range 2 {
		if status, _ := send(t, p.URL()+"/v2/change/enqueue", good); status != http.StatusAccepted {
			t.Errorf("status %d, want 202", status)
		}
	}
	if got := p.Changes(); len(got) != 2 || got[1].Payload.Source != "deployment/shop/cart" || len(p.Incidents()) != 0 {
		t.Errorf("changes %+v and %d incidents, want two changes alone", got, len(p.Incidents()))
	}
}
