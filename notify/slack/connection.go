package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	api "github.com/slack-go/slack"

	"quell/notify"
)

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
		return place{channel: id, ts: ts}, err
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
		return place{channel: id, ts: ts}, err
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
				return place{channel: channel, ts: m.Timestamp}, nil
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
