// Package slack delivers to one channel of a Slack workspace with a bot token. An incident is one message: later news
// edit it in place and leave a line in its thread, so that the channel does not fill up and the message is never stale.
//
// Slack deduplicates nothing. Every message therefore carries its delivery's key as metadata, and where an earlier
// attempt may have arrived the channel's history is searched for it before anything is posted. That takes the scopes
// channels:history and, if the channel is configured by name, channels:read (groups:… for private channels) beside
// chat:write; without them a crash at the wrong moment can leave a message twice. Pictures take files:write, and are left out without it.
package slack

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
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
	// pictureSaid is what came of the last picture, and until noPicturesUntil none is uploaded.
	pictureSaid     string
	noPicturesUntil time.Time
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

// Notify posts or edits the delivery's message. The reference is the message's channel and time stamp, and what its thread tells.
func (in *integration) Notify(ctx context.Context, d *routing.Delivery, prev notify.Sent) (ref string, err error) {
	if err := notify.CheckSecret(in.config.Token); err != nil {
		return "", err
	}
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
	case d.AboutQuell():
		return in.strike(ctx, c, d, prev)
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
	at, err := in.post(ctx, c, m)
	if err == nil && d.Action == routing.Digest && !in.config.NoPictures && !in.pausedPictures(time.Now()) {
		in.upload(ctx, c, at, func() []notify.Picture { return digestPictures(d) })
	}
	return at.ref(), err
}

// strike says in a message about quell itself that it is over. Where there is none nobody has to hear of it.
func (in *integration) strike(ctx context.Context, c *connection, d *routing.Delivery, prev notify.Sent) (string, error) {
	at := placeOf(prev.Ref)
	if !at.known() {
		return "", nil
	}
	_, err := c.edit(ctx, at, operatorMessage(d))
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
	m := in.incidentMessage(d)
	fresh := false
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
		fresh = true
	}
	// The reference goes back even if the thread fails, so that the next attempt edits and does not post again. What it
	// adds to the thread may be there twice then; that wakes nobody.
	if err := in.addToThread(ctx, c, d, at, fresh); err != nil {
		return at.ref(), err
	}
	at.told = d.Created
	at = in.illustrate(ctx, c, d, at)
	return at.ref(), nil
}

// addToThread posts below the message what there is to add. It fails only if another attempt may succeed: where the thread takes
// nothing, the message above has told what matters.
func (in *integration) addToThread(ctx context.Context, c *connection, d *routing.Delivery, at place, fresh bool) error {
	m := newsMessage(d, at.told)
	if fresh || !d.Again && (d.Action == routing.Trigger || d.Action == routing.Notice) {
		m = detailMessage(d.Incident)
	}
	if m.empty() {
		return nil
	}
	_, err := c.post(ctx, at.channel, m, at.ts)
	if rejected, ok := errors.AsType[*notify.RejectedError](err); ok {
		in.env.Logger().Warn("thread not written at Slack", slog.String("channel", in.config.Channel), slog.String("reason", rejected.Error()))
		return nil
	}
	return err
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
	if i := d.Incident; i != nil && (d.Again || d.Action != routing.Trigger) {
		at.pictures, at.shape = 1, shapeOf(i) // what was told is forgotten; most likely it had its picture
	}
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
