package slack_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"quell/notify"
	"quell/notify/slack"
)

// The manifest in the manual grants what is used: the page, its picture, and finding both again after a crash. The fake refuses what is
// not granted, as Slack does.
func TestManifestGrantsWhatIsUsed(t *testing.T) {
	manual, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	var scopes []string
	for _, m := range regexp.MustCompile(`(?m)^\s+- ([a-z]+:[a-z]+)\s`).FindAllStringSubmatch(string(manual), -1) {
		scopes = append(scopes, m[1])
	}
	s := start(t)
	s.GrantScopes(scopes...)
	n, _ := logged(s, notify.SlackConfig{})
	ref := mustSend(t, n, page(), notify.Sent{})
	late := page()
	late.Created = time.Now()
	fresh, warned := logged(s, notify.SlackConfig{})
	if got := mustSend(t, fresh, late, notify.Sent{Maybe: true}); message(got) != message(ref) || len(inChannel(s)) != 1 || len(s.Files()) == 0 || warned.Len() > 0 {
		t.Errorf("with %v: %q, want %q found again, with its picture and no warning; log %s", scopes, got, ref, warned)
	}
}

// Each code that the integration has a cure for is in the manual.
func TestManualNamesErrors(t *testing.T) {
	manual, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range slack.CuredCodes() {
		if code != "msg_too_long" && !strings.Contains(string(manual), "`"+code+"`") {
			t.Errorf("docs/slack.md lacks %s", code)
		}
	}
}
