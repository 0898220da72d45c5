package callback

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	api "github.com/slack-go/slack"
)

// slackAnswerMax bounds what is read of an answer of Slack's.
const slackAnswerMax = 1 << 20

// slackHooks are the hosts of response addresses.
var slackHooks = []string{"hooks.slack.com", "hooks.slack-gov.com"}

// whisper tells who acted, and nobody else, a text. It is best effort: what counts is in the message and in the audit log.
func (s *Slack) whisper(ctx context.Context, address string, places []SlackPlace, text string) {
	ctx, cancel := context.WithTimeout(ctx, slackAfterWait)
	defer cancel()
	if err := s.respond(ctx, address, places, text); err != nil {
		s.metrics.unheard.Inc()
		s.log.Warn("answer did not reach who acted at Slack", slog.Any("error", err))
	}
}

func (s *Slack) respond(ctx context.Context, address string, places []SlackPlace, text string) error {
	if !isSlackHook(address, places) {
		return errors.New("the response address is none of Slack's")
	}
	body, err := json.Marshal(map[string]any{"response_type": "ephemeral", "replace_original": false, "text": text})
	if err != nil {
		panic("callback: message cannot be encoded: " + err.Error()) // it holds strings only
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the response address makes no request")
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.cfg.HTTP.Do(r)
	if err != nil {
		return unaddressed(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, slackAnswerMax))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the answer was status %d", resp.StatusCode)
	}
	return nil
}

// isSlackHook reports whether an address may be posted to. It came in a signed payload, but whoever got hold of a secret must not be able
// to send quell elsewhere in its network: so it is one of Slack's, or of the server that the configuration names in its place.
func isSlackHook(address string, places []SlackPlace) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Host == "" {
		return false
	}
	for _, host := range slackHooks {
		if u.Scheme == "https" && u.Host == host {
			return true
		}
	}
	for _, p := range places {
		if base, err := url.Parse(p.APIURL); err == nil && p.APIURL != "" && u.Scheme == base.Scheme && u.Host == base.Host {
			return true
		}
	}
	return false
}

// client calls Slack's methods with a place's bot token.
func (s *Slack) client(p SlackPlace) *api.Client {
	return api.New(string(p.BotToken), api.OptionAPIURL(cmp.Or(p.APIURL, api.APIURL)), api.OptionHTTPClient(boundedClient{s.cfg.HTTP}))
}

// boundedClient reads no more of an answer than makes sense.
type boundedClient struct{ *http.Client }

// Do performs a request.
func (c boundedClient) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.Client.Do(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, slackAnswerMax), resp.Body}
	return resp, nil
}

// slackCode is Slack's word for an error, or what the network says, without addresses: these may hold tickets.
func slackCode(err error) string {
	if answer, ok := errors.AsType[api.SlackErrorResponse](err); ok {
		return answer.Err
	}
	return unaddressed(err).Error()
}

// unaddressed is an error of an HTTP client without the address.
func unaddressed(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
