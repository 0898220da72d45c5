package fake

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// Limits of the Events API v2.
const (
	maxEventBytes   = 512_000
	maxDedupKey     = 255
	maxSummaryRunes = 1024
	routingKeyRunes = 32
)

// problems checks what the API documents of an alert event, and returns all that it would refuse.
func (e *PDEvent) problems() []string {
	var found problems
	found.routingKey(e.RoutingKey)
	found.unless(slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action), "'event_action' is invalid (must be one of trigger, acknowledge, resolve)")
	found.unless(utf8.RuneCountInString(e.DedupKey) <= maxDedupKey, "'dedup_key' is too long (maximum is 255 characters)")
	found.unless(e.DedupKey != "" || e.Action == "trigger", "'dedup_key' is missing or blank")
	if e.Action != "trigger" {
		return found
	}
	if e.Payload == nil {
		return append(found, "'payload' is missing or blank")
	}
	p := e.Payload
	found.summary(p.Summary)
	found.unless(p.Source != "", "'payload.source' is missing or blank")
	found.unless(slices.Contains([]string{"critical", "error", "warning", "info"}, p.Severity), "'payload.severity' is invalid (must be one of critical, error, warning, info)")
	found.timestamp(p.Timestamp)
	found.details(p.Details)
	found.links(e.Links)
	for _, image := range e.Images {
		found.address("images.src", image.Src, "https")
		if image.Href != "" {
			found.address("images.href", image.Href, "https", "http")
		}
	}
	if e.ClientURL != "" {
		found.address("client_url", e.ClientURL, "https", "http")
	}
	return found
}

// problems are what is wrong with an event, nil if nothing is.
type problems []string

func (p *problems) unless(ok bool, problem string) {
	if !ok {
		*p = append(*p, problem)
	}
}

func (p *problems) routingKey(key string) {
	if key == "" {
		*p = append(*p, "'routing_key' is missing or blank")
		return
	}
	p.unless(utf8.RuneCountInString(key) == routingKeyRunes, "Length of 'routing_key' is incorrect (should be 32 characters)")
}

func (p *problems) summary(text string) {
	p.unless(text != "", "'payload.summary' is missing or blank")
	// Its own spelling.
	p.unless(utf8.RuneCountInString(text) <= maxSummaryRunes, "'summary' is too long (maiximum is 1024 characters)")
}

func (p *problems) timestamp(text string) {
	if text == "" {
		return
	}
	_, err := time.Parse(time.RFC3339Nano, text)
	p.unless(err == nil, "'payload.timestamp' is invalid")
}

func (p *problems) details(raw json.RawMessage) {
	var object map[string]any
	p.unless(raw == nil || json.Unmarshal(raw, &object) == nil, "'payload.custom_details' is not an object")
}

func (p *problems) links(links []PDLink) {
	for _, l := range links {
		p.address("links.href", l.Href, "https", "http")
	}
}

// address checks an address that is shown to people, or loaded by their browsers.
func (p *problems) address(field, address string, schemes ...string) {
	u, err := url.Parse(address)
	p.unless(err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme), fmt.Sprintf("'%s' is no address of %v", field, schemes))
}
