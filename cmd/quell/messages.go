package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/notify/slack"
	"quell/routing"
)

// recorder is an http.RoundTripper that keeps what is sent, and answers as a receiver does that takes everything. Nothing leaves the machine.
type recorder struct {
	status int
	answer string
	sent   []recordedRequest
}

type recordedRequest struct {
	path string
	body []byte
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.sent = append(r.sent, recordedRequest{req.URL.Path, body})
	return &http.Response{
		StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(r.answer)),
	}, nil
}

// page is the delivery of an incident's first page, as an outbox holds it.
func page(inc *correlate.Incident) *routing.Delivery {
	at := inc.Opened
	if inc.Escalated != nil {
		at = *inc.Escalated
	}
	return &routing.Delivery{
		ID: 1, Action: routing.Trigger, Key: fmt.Sprintf("quell/sample/%s/%d", inc.ID, inc.Generation), Reason: inc.HoldReason,
		Incident: inc, Created: at, Expires: at.Add(24 * time.Hour),
	}
}

// pagerDutyEvent is what PagerDuty would get of an incident, as indented JSON.
func pagerDutyEvent(ctx context.Context, inc *correlate.Incident, externalURL string) ([]byte, error) {
	r := &recorder{status: http.StatusAccepted, answer: `{"status":"success","message":"Event processed","dedup_key":"sample"}`}
	in := pagerduty.New(notify.PagerDutyConfig{RoutingKey: notify.Secret(strings.Repeat("0", 32))}, notify.Environment{
		HTTP: &http.Client{Transport: r}, ExternalURL: externalURL, StoreID: "sample",
	})
	if _, err := in.Notify(ctx, page(inc), notify.Sent{}); err != nil {
		return nil, fmt.Errorf("the event for PagerDuty: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(r.sent[0].body), "", "  "); err != nil {
		return nil, fmt.Errorf("the event for PagerDuty: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// slackMessage is what Slack would get of an incident: the blocks as indented JSON, and how they read.
func slackMessage(ctx context.Context, inc *correlate.Incident, externalURL string) (blocks, text []byte, err error) {
	r := &recorder{status: http.StatusOK, answer: `{"ok":true,"channel":"C0000000000","ts":"1.000001"}`}
	in := slack.New(notify.SlackConfig{Token: "xoxb-sample", Channel: "C0000000000"}, notify.Environment{
		HTTP: &http.Client{Transport: r}, ExternalURL: externalURL, StoreID: "sample",
	})
	if _, err := in.Notify(ctx, page(inc), notify.Sent{}); err != nil {
		return nil, nil, fmt.Errorf("the message for Slack: %w", err)
	}
	var b bytes.Buffer
	n := slices.IndexFunc(r.sent, func(s recordedRequest) bool { return strings.HasSuffix(s.path, "/chat.postMessage") })
	if n < 0 {
		return nil, nil, fmt.Errorf("the message for Slack was not posted")
	}
	args, err := url.ParseQuery(string(r.sent[n].body))
	if err == nil {
		err = json.Indent(&b, []byte(args.Get("blocks")), "", "  ")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the message for Slack: %w", err)
	}
	b.WriteByte('\n')
	text, err = slackText(args.Get("text"), b.Bytes())
	return b.Bytes(), text, err
}

// slackText writes a message as it reads: what a phone shows, and then the blocks.
func slackText(push string, raw []byte) ([]byte, error) {
	type element struct {
		Text json.RawMessage `json:"text"`
		Alt  string          `json:"alt_text"`
	}
	var blocks []struct {
		Type string `json:"type"`
		element
		Fields   []element `json:"fields"`
		Elements []element `json:"elements"`
	}
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return nil, fmt.Errorf("the message for Slack: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "On the phone: %s\n", readable(push))
	for _, block := range blocks {
		b.WriteByte('\n')
		var words []string
		for _, e := range slices.Concat([]element{block.element}, block.Fields, block.Elements) {
			if text := textOf(e.Text); text != "" && block.Type == "actions" {
				words = append(words, "["+text+"]")
			} else if text != "" {
				words = append(words, text)
			}
		}
		switch block.Type {
		case "header":
			fmt.Fprintf(&b, "%s\n%s\n", strings.Join(words, " "), strings.Repeat("=", len([]rune(strings.Join(words, " ")))))
		case "actions":
			fmt.Fprintln(&b, strings.Join(words, " "))
		default:
			fmt.Fprintln(&b, strings.Join(words, "\n"))
		}
	}
	return b.Bytes(), nil
}

// textOf reads a text of Block Kit, which is an object or, in context blocks, a string beside its type.
func textOf(raw json.RawMessage) string {
	var object struct {
		Text string `json:"text"`
	}
	var text string
	if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &object) == nil {
		text = object.Text
	}
	return readable(text)
}

var (
	slackDate = regexp.MustCompile(`<!date\^[^|>]*\|([^>]*)>`)
	slackLink = regexp.MustCompile(`<(https?://[^|>]*)\|([^>]*)>`)
)

// readable takes Slack's markup out of a text.
func readable(s string) string {
	s = slackDate.ReplaceAllString(s, "$1")
	s = slackLink.ReplaceAllString(s, "$2 ($1)")
	return strings.NewReplacer("\u200b", "", "\u2060", "").Replace(html.UnescapeString(s))
}
