// Package pagerduty delivers to PagerDuty's Events API v2: one alert event for each page, kept up to date under the incident's dedup key and
// resolved with it, and change events for what was changed on or near its root. PagerDuty drops repetitions by that key, so an
// attempt whose answer was lost may be made again without harm.
package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	pd "github.com/PagerDuty/go-pagerduty"

	"quell/notify"
	"quell/routing"
)

const (
	defaultURL = "https://events.pagerduty.com"
	// maxAnswerBytes is far above the three short fields that the Events API answers with.
	maxAnswerBytes = 64 << 10
)

// integration sends events to one service. It needs no state: the dedup key makes every repetition harmless.
type integration struct {
	routingKey notify.Secret
	url        string
	pictures   bool
	// changes is nil if change events are not wanted.
	changes *changes
	env     notify.Environment
	// description and details are templates of users.
	description string
	details     map[string]string
}

// New makes the integration for one service, out of a valid configuration. It returns the interface, so that it fits
// [notify.Integrations].
func New(c notify.PagerDutyConfig, env notify.Environment) notify.Notifier {
	in := &integration{routingKey: c.RoutingKey, url: strings.TrimRight(c.URL, "/"), pictures: !c.NoPictures, env: env, description: c.Description, details: c.Details}
	if in.url == "" {
		in.url = defaultURL
	}
	if !c.NoChangeEvents {
		in.changes = newChanges()
	}
	return in
}

// Notify sends one event. The possibility of an earlier arrival does not matter: PagerDuty adds a repeated trigger to the open
// incident of its key, and ignores a resolve of what is not open. Change events have no key there, so the reference says which were sent.
func (in *integration) Notify(ctx context.Context, d *routing.Delivery, prev notify.Sent) (ref string, err error) {
	if err := notify.CheckSecret(in.routingKey); err != nil {
		return "", err
	}
	event, err := in.event(d)
	if err != nil {
		return "", err
	}
	err = in.send(func(client *pd.Client) (bool, error) {
		answer, err := client.ManageEventWithContext(ctx, event)
		return err == nil && answer.Status == "success", err
	})
	if err != nil || d.Action != routing.Trigger && d.Action != routing.Update {
		return "", err
	}
	return in.tellChanges(ctx, d.Incident, prev.Ref), nil
}

// send has one request made, and judges what came of it.
func (in *integration) send(request func(*pd.Client) (success bool, err error)) error {
	// A client for each request, since the recorder is one request's. The client is thin: it opens nothing.
	answer := &recorder{exchange: notify.NewExchange(in.env.HTTP, maxAnswerBytes)}
	client := pd.NewClient("", pd.WithV2EventsAPIEndpoint(in.url))
	client.HTTPClient = answer
	success, err := request(client)
	// A status of 202 decides, whatever became of the answer's body. Compatible receivers may answer with another 2xx.
	if answer.exchange.Status() == http.StatusAccepted || err == nil && success {
		return nil
	}
	return answer.exchange.Failure(in.redact(answer.problem()))
}

// redact takes the routing key out of what a receiver said: it may repeat the request.
func (in *integration) redact(s string) string {
	return notify.Line(strings.ReplaceAll(s, string(in.routingKey), in.routingKey.String()), 300)
}

// recorder keeps the answer that refuses an event. The library drops Retry-After and the transport's error, and looks
// in the body for the error format of PagerDuty's REST API, which the Events API does not have.
type recorder struct {
	exchange *notify.Exchange
	refusal  []byte
}

// Do performs the request.
func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	resp, err := r.exchange.Do(req)
	if err != nil || resp.StatusCode < http.StatusMultipleChoices {
		return resp, err
	}
	// What cannot be read is missing in a message for people, nothing else: the status decides.
	r.refusal, _ = io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(r.refusal))
	return resp, nil
}

// problem is what the receiver said, in the Events API's format or as it is.
func (r *recorder) problem() string {
	var said struct {
		Message string
		Errors  []string
	}
	if json.Unmarshal(r.refusal, &said) != nil {
		return string(r.refusal)
	}
	return strings.Join(append([]string{said.Message}, said.Errors...), ": ")
}
