package routing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
)

// Action is what a delivery asks a receiver to do.
type Action string

// Actions. Trigger opens the incident at the receiver; the others follow it there.
const (
	Trigger Action = "trigger"
	// Notice tells of an incident without waking anybody. It goes to chat only; see [Config.Chats].
	Notice      Action = "notice"
	Update      Action = "update"
	Acknowledge Action = "acknowledge"
	Resolve     Action = "resolve"
	Digest      Action = "digest"
	// Operator is a message of quell about itself: a failed delivery, a full disk, safe mode. Once that is over a [Resolve] without an
	// incident follows.
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
	// Again is true for a trigger, notice or operator message if the target has an open message under this key already. The first one can be taken back
	// by the incident's end as long as it did not leave; of what follows it the end has to be told.
	Again bool `json:"again,omitempty"`
	// Retried is true if it was given up before, and an operator had it tried again: it may have arrived the first time.
	Retried bool `json:"retried,omitempty"`
	// Reason is the decision's reason.
	Reason string `json:"reason,omitempty"`
	// Incident is a copy from the moment of the decision; nil for digests and operator messages.
	Incident *correlate.Incident `json:"incident,omitempty"`
	// Text is the body of an operator message, also in the resolve that ends it; Digest is a digest as JSON, which package notify's digest reads and writes.
	Text   string          `json:"text,omitempty"`
	Digest json.RawMessage `json:"digest,omitempty"`
	// Created is when it was decided; after Expires it is given up, and that is escalated.
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// AboutQuell reports whether it tells of quell itself: a message that [Conditions] raised, or that what it told of is over.
func (d *Delivery) AboutQuell() bool {
	return d.Action == Operator || d.Action == Resolve && d.Incident == nil
}

// directPrefix begins the keys of [Router.Direct]. No store has an identity as short as its second part.
const directPrefix = "quell/safe/"

// Followed reports whether anything may follow under its key: of an incident and of a condition it does, of a digest, and of an alert that safe
// mode passed on, nothing.
func (d *Delivery) Followed() bool {
	return d.Incident != nil || d.AboutQuell() && !strings.HasPrefix(d.Key, directPrefix)
}

// Opens reports whether a delivery may begin something at its receiver that has to be ended there.
func (d *Delivery) Opens() bool {
	return d.Action == Trigger || d.Action == Notice || d.Action == Operator
}

// Target names one integration of a receiver.
type Target struct {
	Receiver string `json:"receiver"`
	// Type is the kind of integration: pagerduty, slack, or the name that Alertmanager has for one of its own, such as email.
	Type string `json:"type"`
	// Index counts integrations of one type in a receiver from 0.
	Index int `json:"index"`
}

// String returns "receiver/type[index]".
func (t Target) String() string { return t.Receiver + "/" + t.Integration() }

// Integration returns "type[index]", as [correlate.Delivery] has it.
func (t Target) Integration() string { return fmt.Sprintf("%s[%d]", t.Type, t.Index) }

// targetOf is the target of a delivery that the engine is told of.
func targetOf(d *correlate.Delivery) Target {
	t := Target{Receiver: d.Receiver}
	typ, index, _ := strings.Cut(strings.TrimSuffix(d.Integration, "]"), "[")
	t.Type = typ
	t.Index, _ = strconv.Atoi(index) // what is no number is no target that anybody was sent anything at
	return t
}
