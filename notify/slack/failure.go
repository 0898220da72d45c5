package slack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/slack-go/slack"

	"quell/notify"
)

// codeOf is the error code in an answer of Slack's, or empty.
func codeOf(err error) string {
	answer, _ := errors.AsType[api.SlackErrorResponse](err)
	return answer.Err
}

// needsPlainText reports that Slack refuses a message's form: then its text alone still says what happened.
func needsPlainText(err error) bool {
	return slices.Contains([]string{
		"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large",
	}, codeOf(err))
}

// transient are the codes after which another attempt may succeed. All others tell of something that somebody has to
// change, and an unknown one is better escalated at once than when it expires.
var transient = []string{
	"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
	"team_added_to_org", "external_channel_migrating",
}

// cures say what to do about the codes that metrics tell apart.
var cures = map[string]string{
	"invalid_auth":     "Slack does not know the token: copy the bot token (xoxb-…) of the app's page OAuth & Permissions into token_file",
	"not_authed":       "the token is empty: put the bot token (xoxb-…) into token_file",
	"token_revoked":    "the token was revoked: install the app again, and put its new bot token into token_file",
	"token_expired":    "the token has expired: turn token rotation off for the app, install it again, and put its new bot token into token_file",
	"account_inactive": "the app was removed from the workspace, or its bot user deactivated: install it again",
	"missing_scope":    "add the scope under OAuth & Permissions, then install the app again",
	"channel_not_found": "there is no such channel, or it is private and the bot is not in it: check channel, and type /invite " +
		"with the bot's name in the channel",
	"not_in_channel":    "type /invite with the bot's name in the channel",
	"is_archived":       "the channel is archived: unarchive it, or name another one",
	"restricted_action": "the workspace does not let the bot post there: an admin may change that under the channel's posting permissions",
	"msg_too_long":      "the message is longer than Slack takes, even as plain text",
}

// failure judges an error of the library.
func (c *connection) failure(err error) error {
	answer, ok := errors.AsType[api.SlackErrorResponse](err)
	if !ok {
		// The library's own errors may quote the request's address and the answer; the exchange knows the rest.
		return c.exchange.Failure(c.redact("no answer in Slack's format"))
	}
	text := c.redact(strings.Join(append([]string{answer.Err}, answer.ResponseMetadata.Messages...), ": "))
	if slices.Contains(transient, answer.Err) {
		limited := strings.HasSuffix(answer.Err, "limited")
		return &notify.RetryError{Reason: "slack_" + answer.Err, Text: text, After: c.exchange.RetryAfter(), Unsent: limited}
	}
	if answer.Needed != "" {
		text += c.redact(fmt.Sprintf(": it needs %s, and has %s", answer.Needed, answer.Provided))
	}
	if cure, known := cures[answer.Err]; known {
		return &notify.RejectedError{Reason: answer.Err, Text: text + ": " + cure}
	}
	return &notify.RejectedError{Reason: "slack_error", Text: text}
}

// redact takes the token out of what Slack said.
func (c *connection) redact(s string) string {
	return notify.Line(strings.ReplaceAll(s, string(c.token), c.token.String()), 300)
}
