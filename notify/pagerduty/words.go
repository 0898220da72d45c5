package pagerduty

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	pd "github.com/PagerDuty/go-pagerduty"

	"quell/notify"
	"quell/routing"
)

// maxOwnDetails bounds the details that users add, so that an event with all of them is far below its limit.
const maxOwnDetails = 64

// reword puts a user's words in place of quell's.
func (in *integration) reword(e *pd.V2Event, d *routing.Delivery) {
	text, ok := in.env.Words(d, notify.Field{Name: "description", Text: in.description})
	if text = notify.Line(strings.TrimSpace(text), maxSummaryRunes); ok && text != "" {
		e.Payload.Summary = text
	}
	own := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(in.details)) {
		if text, ok := in.env.Words(d, notify.Field{Name: "details." + name, Text: in.details[name]}); ok && len(own) < maxOwnDetails {
			own[notify.Line(name, maxValueRunes)] = notify.Line(text, maxValueRunes)
		}
	}
	if len(own) > 0 {
		e.Payload.Details = ownDetails{e.Payload.Details, own}
	}
}

// ownDetails are those of a user behind those of quell.
type ownDetails struct {
	ours any
	own  map[string]string
}

// MarshalJSON makes one object of both. A user's detail replaces one of the same name.
func (o ownDetails) MarshalJSON() ([]byte, error) {
	ours, err := json.Marshal(o.ours)
	if err != nil {
		return nil, err
	}
	own, err := json.Marshal(o.own)
	if err != nil {
		return nil, err
	}
	// Ours stay as they are, since PagerDuty shows them in their order, unless one has to go.
	var known map[string]json.RawMessage
	if err := json.Unmarshal(ours, &known); err != nil {
		return nil, err
	}
	for name := range o.own {
		if _, twice := known[name]; twice {
			delete(known, name)
			if ours, err = json.Marshal(known); err != nil {
				return nil, err
			}
		}
	}
	if len(known) == 0 {
		return own, nil
	}
	return append(append(bytes.TrimSuffix(ours, []byte("}")), ','), own[1:]...), nil
}
