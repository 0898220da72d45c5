package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// slackWith is a configuration with keys for one channel.
func slackWith(keys string) map[string]string {
	return map[string]string{
		"quell.yml": "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{token_file: bot, channel: \"#ops\", " + keys + "}]}]\n",
		"bot":       "xoxb-1", "sign": "8f742231b10e8888abcd99yyyzzz85a5", "app": "xapp-1-A0-1",
	}
}

func TestLoadReadsWhoMayActAtSlack(t *testing.T) {
	c := load(t, write(t, slackWith("signing_secret_file: sign, app_token_file: app, allowed_users: [U012AB3CD, W1234567]"))).Receivers[0].Slack[0]
	if !c.Buttons || c.SigningSecret != "8f742231b10e8888abcd99yyyzzz85a5" || c.AppToken != "xapp-1-A0-1" || !slices.Equal(c.AllowedUsers, []string{"U012AB3CD", "W1234567"}) {
		t.Errorf("got %q %q %v", string(c.SigningSecret), string(c.AppToken), c.AllowedUsers)
	}
}

func TestCheckSaysWhatKeepsButtonsFromWorking(t *testing.T) {
	for keys, want := range map[string]string{
		"signing_secret: 8f742231b10e8888":                    "write signing_secret_file: PATH",
		"app_token: xapp-1":                                   "write app_token_file: PATH",
		"app_token_file: bot":                                 "the file holds no app-level token (one begins with xapp-",
		"signing_secret_file: sign, allowed_users: [anna]":    `"anna" is no member ID`,
		"signing_secret_file: sign, allowed_users: [\"@U1\"]": `"@U1" is no member ID`,
	} {
		dir := write(t, slackWith(keys))
		if _, err := Load(dir + "/quell.yml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", keys, err, want)
		}
	}
	c := load(t, write(t, slackWith("allowed_users: [U012AB3CD]")))
	if c.Receivers[0].Slack[0].Buttons || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].String(), "allowed_users without buttons") {
		t.Errorf("warnings %v", c.Warnings)
	}
}

// The configurations in docs/slack.md and the README load; what else is there is of the app's manifest, or for others to read.
func TestExamplesOfSlackLoad(t *testing.T) {
	text, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text = slices.Concat(text, readme)
	blocks := regexp.MustCompile("(?s)```yaml\n( *route: [^\n].*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 5 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		c := load(t, write(t, map[string]string{"quell.yml": b[1], "slack.token": "xoxb-1", "slack-app.token": "xapp-1", "slack.secret": "s", "pd.key": "k"}))
		if len(c.Warnings) > 0 {
			t.Errorf("%s: %v", b[1], c.Warnings)
		}
	}
}
