// Package slack delivers to one channel of a Slack workspace with a bot token. An incident is one message: later news
// edit it in place and leave a line in its thread, so that the channel does not fill up and the message is never stale.
//
// Slack deduplicates nothing. Every message therefore carries its delivery's key as metadata, and where an earlier
// attempt may have arrived the channel's history is searched for it before anything is posted. That takes the scopes
// channels:history and, if the channel is configured by name, channels:read (groups:… for private channels) beside
// chat:write; without them a crash at the wrong moment can leave a message twice.
package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"quell/notify"
	"quell/routing"
)

const (
	// maxAnswerBytes is generous because Slack repeats a message in its answer, and histories are many messages.
	maxAnswerBytes = 4 << 20

	// How far a lost message and the configured channel's id are searched for.
	historyPages, historyPage = 3, 200
	channelPages, channelPage = 10, 200

	// eventType marks our messages in their metadata.
	eventType = "quell_incident"
)

// integration posts to one channel.
type integration struct {
	config notify.SlackConfig
	env    notify.Environment

	mu sync.Mutex
	// channelID is the configured channel's id once it is known; some methods take no names.
	channelID string
}

// New makes the integration for one channel, out of a valid configuration. It returns the interface, so that it fits
// [notify.Integrations].
func New(c notify.SlackConfig, env notify.Environment) notify.Notifier {
	c.APIURL = strings.TrimRight(cmp.Or(c.APIURL, api.APIURL), "/") + "/"
	in := &integration{config: c, env: env}
	if looksLikeID(c.Channel) {
		in.channelID = c.Channel
	}
	return in
}

// looksLikeID tells ids (C024BE91L, G…, D…) from names, which have no upper-case letters.
func looksLikeID(channel string) bool {
	return len(channel) >= 8 && strings.ContainsRune("CGD", rune(channel[0])) && strings.ToUpper(channel) == channel
}

// Notify posts or edits the delivery's message. The reference is the message's channel and time stamp.
func (in *integration) Notify(ctx context.Context, d *routing.Delivery, prev notify.Sent) (ref string, err error) {
	c := in.connect()
	switch {
	case d.Action == routing.Digest:
		m, err := digestMessage(d)
		if err != nil {
			return "", err
		}
		return in.once(ctx, c, d, prev, m)
	case d.Action == routing.Operator:
		return in.once(ctx, c, d, prev, operatorMessage(d))
	case d.Incident == nil:
		return "", &notify.RejectedError{Reason: "request", Text: "a " + string(d.Action) + " without an incident"}
	}
	return in.follow(ctx, c, d, prev)
}

// once posts a message that nothing follows.
func (in *integration) once(ctx context.Context, c *connection, d *routing.Delivery, prev notify.Sent, m message) (string, error) {
	if prev.Maybe {
		at, err := in.find(ctx, c, d)
		if at.known() || err != nil {
			return at.ref(), err
		}
	}
	m.key = d.Key
	at, err := in.post(ctx, c, m)
	return at.ref(), err
}

// follow brings an incident's message up to date, wherever it is, and adds to its thread.
func (in *integration) follow(ctx context.Context, c *connection, d *routing.Delivery, prev notify.Sent) (string, error) {
	at := placeOf(prev.Ref)
	if !at.known() && (prev.Maybe || d.Action != routing.Trigger) {
		var err error
		if at, err = in.find(ctx, c, d); err != nil {
			return "", err
		}
	}
	m := incidentMessage(d, in.env.ExternalURL)
	m.key = d.Key
	if at.known() {
		gone, err := c.edit(ctx, at, m)
		if err != nil {
			return "", err
		}
		if gone {
			at = place{}
		}
	}
	if !at.known() {
		// Late news in a message of their own are better than none.
		var err error
		if at, err = in.post(ctx, c, m); err != nil {
			return at.ref(), err
		}
	}
	// The reference goes back even if the thread fails, so that the next attempt edits and does not post again. What it
	// adds to the thread may be there twice then; that wakes nobody.
	_, err := c.post(ctx, at.channel, threadMessage(d), at.ts)
	return at.ref(), err
}

// post posts to the configured channel and learns its id.
func (in *integration) post(ctx context.Context, c *connection, m message) (place, error) {
	at, err := c.post(ctx, in.config.Channel, m, "")
	if err == nil {
		in.mu.Lock()
		in.channelID = at.channel
		in.mu.Unlock()
	}
	return at, err
}

// find looks for an earlier message under the delivery's key. An unknown place without an error means that there is
// none, or that we are not allowed to look: then a second message is the lesser evil.
func (in *integration) find(ctx context.Context, c *connection, d *routing.Delivery) (place, error) {
	channel, err := in.resolve(ctx, c)
	if channel == "" || err != nil {
		return place{}, unlessRejected(err)
	}
	since := d.Created
	if i := d.Incident; d.Action != routing.Trigger && i != nil && !i.Opened.IsZero() && i.Opened.Before(since) {
		since = i.Opened // What followed cannot be older than the incident.
	}
	at, err := c.search(ctx, channel, d.Key, since.Add(-time.Minute))
	return at, unlessRejected(err)
}

func unlessRejected(err error) error {
	if _, ok := errors.AsType[*notify.RejectedError](err); ok {
		return nil
	}
	return err
}

// resolve returns the configured channel's id, or "" if there is no such channel among the first ones.
func (in *integration) resolve(ctx context.Context, c *connection) (string, error) {
	in.mu.Lock()
	id := in.channelID
	in.mu.Unlock()
	if id != "" {
		return id, nil
	}
	id, err := c.channelID(ctx, strings.TrimPrefix(in.config.Channel, "#"))
	if id != "" {
		in.mu.Lock()
		in.channelID = id
		in.mu.Unlock()
	}
	return id, err
}

// place is where a message is. Its written form is the integration's reference.
type place struct{ channel, ts string }

func (p place) known() bool { return p.channel != "" && p.ts != "" }

func (p place) ref() string {
	if !p.known() {
		return ""
	}
	return p.channel + "/" + p.ts
}

func placeOf(ref string) place {
	channel, ts, _ := strings.Cut(ref, "/")
	return place{channel, ts}
}

// connection is a client for one attempt.
type connection struct {
	*api.Client
	exchange *notify.Exchange
	token    notify.Secret
}

func (in *integration) connect() *connection {
	exchange := notify.NewExchange(in.env.HTTP, maxAnswerBytes)
	client := api.New(string(in.config.Token), api.OptionAPIURL(in.config.APIURL), api.OptionHTTPClient(exchange))
	return &connection{client, exchange, in.config.Token}
}

// post posts a message, in the thread of another if that is not empty.
func (c *connection) post(ctx context.Context, channel string, m message, thread string) (place, error) {
	send := func(o api.MsgOption) (place, error) {
		id, ts, err := c.PostMessageContext(ctx, channel, o, api.MsgOptionCompose(inThread(thread)...))
		return place{id, ts}, err
	}
	at, err := send(m.options())
	if needsPlainText(err) {
		at, err = send(m.plain())
	}
	if err == nil && !at.known() {
		// The library takes any JSON object without an error in it for success.
		err = errors.New("no time stamp in the answer")
	}
	if err != nil {
		return place{}, c.failure(err)
	}
	return at, nil
}

func inThread(ts string) []api.MsgOption {
	if ts == "" {
		return nil
	}
	return []api.MsgOption{api.MsgOptionTS(ts)}
}

// uneditable are the codes of a message that is out of reach: somebody deleted it, or the channel that it was in when
// the configuration named another.
var uneditable = []string{
	"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "not_in_channel", "is_archived",
}

// edit replaces a message; gone is true if it is out of reach.
func (c *connection) edit(ctx context.Context, at place, m message) (gone bool, err error) {
	send := func(o api.MsgOption) (place, error) {
		id, ts, _, err := c.UpdateMessageContext(ctx, at.channel, at.ts, o)
		return place{id, ts}, err
	}
	now, err := send(m.options())
	if needsPlainText(err) {
		now, err = send(m.plain())
	}
	if slices.Contains(uneditable, codeOf(err)) {
		return true, nil
	}
	if err == nil && !now.known() {
		err = errors.New("no time stamp in the answer")
	}
	if err != nil {
		return false, c.failure(err)
	}
	return false, nil
}

// search pages through a channel's history for our message with a key.
func (c *connection) search(ctx context.Context, channel, key string, since time.Time) (place, error) {
	query := api.GetConversationHistoryParameters{
		ChannelID: channel, Oldest: fmt.Sprintf("%d.000000", since.Unix()), Limit: historyPage, IncludeAllMetadata: true,
	}
	for range historyPages {
		page, err := c.GetConversationHistoryContext(ctx, &query)
		if err != nil {
			return place{}, c.failure(err)
		}
		for _, m := range page.Messages {
			if m.Metadata.EventType == eventType && m.Metadata.EventPayload["key"] == key {
				return place{channel, m.Timestamp}, nil
			}
		}
		if query.Cursor = page.ResponseMetaData.NextCursor; query.Cursor == "" {
			break
		}
	}
	return place{}, nil
}

// channelID finds a channel by name.
func (c *connection) channelID(ctx context.Context, name string) (string, error) {
	query := api.GetConversationsParameters{ExcludeArchived: true, Limit: channelPage, Types: []string{"public_channel", "private_channel"}}
	for range channelPages {
		channels, next, err := c.GetConversationsContext(ctx, &query)
		if err != nil {
			return "", c.failure(err)
		}
		for _, channel := range channels {
			if channel.Name == name {
				return channel.ID, nil
			}
		}
		if query.Cursor = next; next == "" {
			break
		}
	}
	return "", nil
}

// codeOf is the error code in an answer of Slack's, or empty.
func codeOf(err error) string {
	answer, _ := errors.AsType[api.SlackErrorResponse](err)
	return answer.Err
}

// needsPlainText reports that Slack refuses a message's form: then its text alone still says what happened.
func needsPlainText(err error) bool {
	return slices.Contains([]string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}, codeOf(err))
}

// transient are the codes after which another attempt may succeed. All others tell of something that somebody has to
// change, and an unknown one is better escalated at once than when it expires.
var transient = []string{
	"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
	"team_added_to_org", "external_channel_migrating",
}

// permanent are the codes that metrics tell apart.
var permanent = []string{
	"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope",
	"channel_not_found", "not_in_channel", "is_archived", "restricted_action",
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
	if slices.Contains(permanent, answer.Err) {
		return &notify.RejectedError{Reason: answer.Err, Text: text}
	}
	return &notify.RejectedError{Reason: "slack_error", Text: text}
}

// redact takes the token out of what Slack said.
func (c *connection) redact(s string) string {
	return notify.Line(strings.ReplaceAll(s, string(c.token), c.token.String()), 300)
}
