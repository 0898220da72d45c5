package slack_test

import (
	"errors"
	"testing"

	"quell/internal/secret"
	"quell/notify"
	"quell/notify/slack"
	"quell/routing"
)

// What is for a workspace whose token could not be read waits, and nobody hears of it.
func TestWithoutItsTokenNothingIsSent(t *testing.T) {
	n := slack.New(notify.SlackConfig{Token: secret.NewAbsent(), Channel: "#ops", APIURL: "http://127.0.0.1:1/"}, notify.Environment{})
	_, err := n.Notify(t.Context(), delivery(routing.Trigger), notify.Sent{})
	if retry, ok := errors.AsType[*notify.RetryError](err); !ok || retry.Reason != "no_credentials" || !retry.Unsent {
		t.Errorf("got %v", err)
	}
}
