package routing

import (
	"encoding/json"
	"time"

	"quell/correlate"
)

// Action is what a delivery asks a receiver to do.
type Action string

// Actions. Trigger opens the incident at the receiver; the others follow it there.
const (
	Trigger     Action = "trigger"
	Update      Action = "update"
	Acknowledge Action = "acknowledge"
	Resolve     Action = "resolve"
	Digest      Action = "digest"
	// Operator is a message of quell about itself: a failed delivery, a full disk, safe mode.
	Operator Action = "operator"
)

// Delivery is one message to one integration of one receiver. It is written to the outbox in the transaction of the
// decision that asked for it, carries all that the notifier needs, and leaves the outbox when it was accepted or given up.
type Delivery struct {
	// ID orders deliveries; those of one Key and Target leave in this order.
	ID uint64 `json:"id"`
	// Target is where it goes, e.g. {"oncall", "pagerduty", 0}.
	Target Target `json:"target"`
	Action Action `json:"action"`
	// Key is the dedup key at the receiver: it identifies an incident and its generation across all stores and
	// never changes within one, whatever is sent or sent again.
	Key string `json:"key"`
	// Reason is the decision's reason.
	Reason string `json:"reason,omitempty"`
	// Incident is a copy from the moment of the decision; nil for digests and operator messages.
	Incident *correlate.Incident `json:"incident,omitempty"`
	// Text is the body of an operator message; Digest that of a digest, as package notify's digest encodes it.
	Text   string          `json:"text,omitempty"`
	Digest json.RawMessage `json:"digest,omitempty"`
	// Created is when it was decided; after Expires it is given up, and that is escalated.
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// Target names one integration of a receiver.
type Target struct {
	Receiver string `json:"receiver"`
	// Type is the kind of integration: pagerduty or slack.
	Type string `json:"type"`
	// Index counts integrations of one type in a receiver from 0.
	Index int `json:"index"`
}
