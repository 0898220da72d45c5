package callback

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	// socketWorkers is how many envelopes of one socket are worked on at once; more wait, unacknowledged.
	socketWorkers = 4
	// socketReadMax bounds one envelope.
	socketReadMax = 1 << 20
	// socketPause and socketPauseMax bound the pause between two connections of which the first did not last for socketLasts. Slack lets an app
	// open one a minute or so in the long run.
	socketPause, socketPauseMax = time.Second, time.Minute
	socketLasts                 = time.Minute
	// socketRetry is when a token that Slack refused is tried again: somebody may have repaired the app.
	socketRetry = 5 * time.Minute
	// socketOpens is how long Slack may take to say where to connect. The library itself would wait for ever.
	socketOpens = 20 * time.Second
	// socketPatience is how long Slack may ask for, which the library would do for a year.
	socketPatience = 10 * time.Minute
)

// SlackSocket is one connection that quell keeps open to Slack, for an app in Socket Mode.
type SlackSocket struct {
	slack  *Slack
	place  SlackPlace // one of those that share the token
	client *socketmode.Client
	pace   pace

	mu     sync.Mutex
	status SlackSocketStatus // under mu
}

// SlackSocketStatus tells how a socket does.
type SlackSocketStatus struct {
	// Connected is true while Slack can be heard.
	Connected bool
	// Since is when that last changed. Zero means that nothing happened yet.
	Since time.Time
	// Connects counts the connections so far.
	Connects int
	// Error is why there is none, or why the last one ended.
	Error string
}

// Socket returns the socket of a place's app. Nothing is opened before [SlackSocket.Run].
func (s *Slack) Socket(p SlackPlace) *SlackSocket {
	k := &SlackSocket{slack: s, place: p}
	client := *s.cfg.HTTP
	client.Timeout = socketOpens
	k.pace.next = boundedClient{&client}
	return k
}

// Status tells how it does. It may be called concurrently.
func (k *SlackSocket) Status() SlackSocketStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// Run keeps the connection open until ctx ends; then it lets actions under way finish and returns nil. A token that Slack refuses is a
// warning, and tried again some minutes later.
func (k *SlackSocket) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		k.failed(k.connect(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(socketRetry):
		}
	}
	return nil
}

// connect runs a client, which connects again by itself, until ctx ends or it gives up.
func (k *SlackSocket) connect(ctx context.Context) error {
	options := []api.Option{
		api.OptionAppLevelToken(string(k.place.AppToken)), api.OptionAPIURL(cmp.Or(k.place.APIURL, api.APIURL)), api.OptionHTTPClient(&k.pace),
	}
	k.client = socketmode.New(api.New("", options...), socketmode.OptionReadLimit(socketReadMax))
	// The connection outlives ctx until what came over it is answered.
	open, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	ended := make(chan error, 1)
	var workers, connection sync.WaitGroup
	// goroutine: one for each socket; hangUp ends it, and it is waited for below.
	connection.Go(func() { ended <- k.client.RunContext(open) })
	gaveUp, stop := context.WithCancel(ctx)
	defer stop()
	envelopes := make(chan *socketmode.Request)
	// goroutine: one for each socket; stop ends it, and it is waited for below.
	workers.Go(func() { k.follow(gaveUp, envelopes) })
	for range socketWorkers {
		// goroutine: socketWorkers of them; stop ends them, and they are waited for below.
		workers.Go(func() { k.work(gaveUp, envelopes) })
	}
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	stop()
	workers.Wait()
	hangUp()
	connection.Wait()
	k.lost("")
	return err
}

// follow takes events until ctx ends, one after the other: a connection that opens is told after the attempt to open it, and whoever noted
// them the other way round would believe it closed for as long as it lasts. Envelopes are handed on.
func (k *SlackSocket) follow(ctx context.Context, envelopes chan<- *socketmode.Request) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-k.client.Events:
			r := k.take(&e)
			if r == nil {
				continue
			}
			select {
			case <-ctx.Done(): // not acknowledged, so Slack sends it again
				return
			case envelopes <- r:
			}
		}
	}
}

// work carries out envelopes until ctx ends.
func (k *SlackSocket) work(ctx context.Context, envelopes <-chan *socketmode.Request) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-envelopes:
			k.envelope(ctx, r)
		}
	}
}

// take notes what one event tells of the connection, and returns the envelope that it brought, or nil.
func (k *SlackSocket) take(e *socketmode.Event) *socketmode.Request {
	switch e.Type {
	case socketmode.EventTypeConnected:
		k.connected()
	case socketmode.EventTypeConnecting:
		k.lost("")
	case socketmode.EventTypeConnectionError:
		if c, ok := e.Data.(*api.ConnectionErrorEvent); ok {
			k.failed(c.ErrorObj)
		}
	case socketmode.EventTypeErrorBadMessage:
		// What the library does not understand of a message may be nothing that we need.
		var request socketmode.Request
		if bad, ok := e.Data.(*socketmode.ErrorBadMessage); ok && json.Unmarshal(bad.Message, &request) == nil {
			return &request
		}
	default:
		return e.Request
	}
	return nil
}

// envelope carries out what is in an envelope, and acknowledges it then. What is none of ours is acknowledged, so that Slack does not send
// it again.
func (k *SlackSocket) envelope(ctx context.Context, r *socketmode.Request) {
	if r.EnvelopeID == "" {
		return
	}
	var reply json.RawMessage
	var after func(context.Context)
	if r.Type == socketmode.RequestTypeInteractive {
		in, err := readInteraction(r.Payload)
		if err != nil {
			k.slack.metrics.refuse("payload")
			return // Slack tells who clicked that nobody answered
		}
		reply, after = k.slack.handle(ctx, in, slackOrigin{k.places(), "Slack's socket"})
	}
	var payload any
	if reply != nil {
		payload = reply
	}
	// The connection is as open as it was: only what waits for room in its queue is bounded.
	ack, cancel := context.WithTimeout(context.WithoutCancel(ctx), slackActWait)
	defer cancel()
	if err := k.client.AckCtx(ack, r.EnvelopeID, payload); err != nil {
		k.slack.log.Warn("envelope not acknowledged to Slack", slog.Any("error", err))
	}
	if after != nil {
		after(context.WithoutCancel(ctx))
	}
}

// places are those of the socket's app, as they are configured now.
func (k *SlackSocket) places() []SlackPlace {
	return slices.DeleteFunc(slices.Clone(k.slack.cfg.Places()), func(p SlackPlace) bool {
		return p.AppToken != k.place.AppToken || p.APIURL != k.place.APIURL
	})
}

func (k *SlackSocket) connected() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slack.metrics.connects.Inc()
	if k.status.Connects++; !k.status.Connected {
		k.slack.metrics.connected.Inc()
		k.slack.log.Info("socket to Slack is open")
	}
	k.status.Connected, k.status.Since, k.status.Error = true, time.Now(), ""
}

// lost notes that nothing can be heard.
func (k *SlackSocket) lost(why string) (before SlackSocketStatus) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before = k.status
	if k.status.Connected {
		k.slack.metrics.connected.Dec()
	}
	if k.status.Connected || k.status.Since.IsZero() {
		k.status.Connected, k.status.Since = false, time.Now()
	}
	if why != "" {
		k.status.Error = why
	}
	return before
}

// failed notes why there is no connection, and logs what is news.
func (k *SlackSocket) failed(err error) {
	if err == nil {
		return
	}
	why := slackCode(err)
	if cure := socketCures[why]; cure != "" {
		why += ": " + cure
	}
	why = strings.ReplaceAll(why, string(k.place.AppToken), "<secret>")
	if before := k.lost(why); before.Error != why {
		k.slack.log.Warn("no socket to Slack, so buttons do nothing", slog.String("error", why))
	}
}

// socketCures say what to do about what Slack answers.
var socketCures = map[string]string{
	"invalid_auth":           "app_token_file holds no valid app-level token (xapp-…)",
	"not_authed":             "app_token_file holds no valid app-level token (xapp-…)",
	"token_revoked":          "make another app-level token for app_token_file",
	"token_expired":          "make another app-level token for app_token_file",
	"account_inactive":       "the app was removed from the workspace: install it again",
	"not_allowed_token_type": "app_token_file needs an app-level token (xapp-…), no bot token",
	"missing_scope":          "give the app-level token the scope connections:write",
	"no_permission":          "give the app-level token the scope connections:write",
	"forbidden_team":         "the workspace does not allow the app to connect",
}

// pace is an HTTP client that opens connections no faster than Slack allows: the library opens the next one at once if one closes, be it
// the first after hours or the tenth within a second.
type pace struct {
	next boundedClient

	mu     sync.Mutex
	last   time.Time     // of the last request
	waited time.Duration // before it
}

// Do performs a request when it is time.
func (p *pace) Do(r *http.Request) (*http.Response, error) {
	timer := time.NewTimer(p.wait(time.Now()))
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-timer.C:
	}
	resp, err := p.next.Do(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		resp.Header.Set("Retry-After", patience(resp.Header.Get("Retry-After")))
	}
	return resp, err
}

// patience makes a number of seconds of what Slack asks for that the library can read, and that has an end.
func patience(header string) (seconds string) {
	n, err := strconv.ParseUint(header, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		n = 1 // the pause between connections is as long as it is without
	}
	return strconv.FormatUint(min(n, uint64(socketPatience/time.Second)), 10)
}

// wait says how long to wait before a request that is wanted now.
func (p *pace) wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := time.Duration(0)
	if !p.last.IsZero() && now.Sub(p.last) < socketLasts {
		pause = min(max(2*p.waited, socketPause), socketPauseMax)
	}
	p.last, p.waited = now.Add(pause), pause
	return pause
}
