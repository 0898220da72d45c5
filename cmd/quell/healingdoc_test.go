package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A night and a day of the policy in docs/healing.md: a node goes down at eight, ada acknowledges, and forgets it.
const policyStory = `{"t":"2026-11-02T08:00:00Z","alertmanager":{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"KubeNodeNotReady","node":"n3","severity":"critical"},"startsAt":"2026-11-02T08:00:00Z"}]}}
{"t":"2026-11-02T08:30:00Z","command":{"action":"ack","incident":"inc-1","by":"ada"}}
{"t":"2026-11-02T13:30:00Z","alertmanager":{"version":"4","status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"KubeNodeNotReady","node":"n3","severity":"critical"},"startsAt":"2026-11-02T08:00:00Z","endsAt":"2026-11-02T13:30:00Z"}]}}
`

// TestThePolicyInTheDocumentDoesWhatItSays plays the policy of docs/healing.md, as it stands there but for the receivers, and asks the route
// of it that is shown: what the document shows comes out.
func TestThePolicyInTheDocumentDoesWhatItSays(t *testing.T) {
	text, err := os.ReadFile("../../docs/healing.md")
	if err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile("(?s)```yaml\n(route:\n.*?)```").FindSubmatch(text)
	told := regexp.MustCompile("(?s)```\n(  Who was told\n.*?)```").FindSubmatch(text)
	route := regexp.MustCompile("(?s)```\n\\$ quell (route -c quell.yml [^\n]*)\n(.*?)```").FindSubmatch(text)
	if config == nil || told == nil || route == nil {
		t.Fatal("it shows no policy, no story or no route")
	}
	t.Chdir(t.TempDir())
	receivers := "receivers:\n- {name: team, slack_configs: [{token_file: key, channel: '#ops'}]}\n- {name: oncall, pagerduty_configs: [{routing_key_file: key}]}\n" +
		"- {name: lead, pagerduty_configs: [{routing_key_file: key}]}\n"
	for name, content := range map[string]string{"quell.yml": string(config[1]) + receivers, "key": strings.Repeat("0", 32), "story.jsonl": policyStory} {
		if err := os.WriteFile(filepath.Join(".", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string]string{"replay -c quell.yml story.jsonl": string(told[1]), string(route[1]): string(route[2])} {
		var out bytes.Buffer
		if status := run(strings.Fields(command), strings.NewReader(""), &out, &out); status != statusFine || !strings.Contains(out.String(), want) {
			t.Errorf("quell %s: status %d, got\n%s\nwant\n%s", command, status, &out, want)
		}
	}
}
