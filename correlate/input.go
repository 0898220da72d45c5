package correlate

import (
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// Input is one thing that the engine is told: *Alert, *Event, *Topology, *Command, *Delivery, *Refresh, *Gap, *Policy, *Silence,
// *Heartbeat, *Unseen or *Feedback.
// Everything that changes the engine's state is an input, and every input is in the journal.
type Input interface{ input() }

// Alert is one report about a deduplicated condition. Reports are state, not deltas: the same alert is reported over
// and over while it fires, by several senders, and not always in order. Decoders make them; [Alert.Fingerprint] identifies them.
type Alert struct {
	// Fingerprint is Labels.Fingerprint(), computed once by the decoder.
	Fingerprint model.Fingerprint
	Labels      Labels
	Annotations Labels
	// GeneratorURL links to what raised the alert; possibly empty. It is data, never fetched.
	GeneratorURL string
	// StartsAt is when the condition began to fire, by the sender's clock. Zero means now.
	StartsAt time.Time
	// EndsAt is when it was resolved, and zero while it fires.
	EndsAt time.Time
	// Expires is when a firing alert is to be considered lost unless it is reported again. Zero leaves it to [Policy.AlertTimeout].
	Expires time.Time
	// Source names who reported it, "alertmanager/HOST:PORT" or "prometheus/HOST:PORT". A source whose alerts all time out is an incident.
	Source string
}

// Resolved reports whether the alert says that its condition ended.
func (a *Alert) Resolved() bool { return !a.EndsAt.IsZero() }

// Event is one observation at one moment, normalised from a core/v1 or events.k8s.io/v1 Event.
type Event struct {
	// ID is the event object's uid; with Count it tells a repeat from a duplicate. Possibly empty.
	ID     string
	Entity topology.Entity
	// Reason is the machine-readable word (BackOff, FailedScheduling); Component says who emitted it.
	Reason, Component string
	// Message is text for people, cut at the decoder's limit.
	Message string
	// Warning is true for events of type Warning.
	Warning bool
	// Count is how often it was seen so far, at least 1.
	Count int
	// At is when it was last seen, by the emitter's clock. Zero means now.
	At time.Time
	// Source names the cluster or the sender, "kubernetes/NAME".
	Source string
}

// Topology adds and removes entities and dependencies of one source.
type Topology struct {
	topology.Update
	// Source is who says so: "config", "api", "api/NAME", "kubernetes/NAME", … It must not be "labels", which is what alerts tell.
	Source string
}

// Command is an operator's action on an incident.
type Command struct {
	Action   Action
	Incident IncidentID
	// Generation is the life of the incident that is meant, where who asks knows of one only: a page that was answered late. Zero is any.
	Generation int `json:",omitempty"`
	// By is who did it, as the audit log shows it.
	By string
}

// Action is what an operator asks for.
type Action string

// Actions that operators may take.
const (
	ActionAck     Action = "ack"
	ActionResolve Action = "resolve"
)

// Delivery tells the engine how a delivery to a receiver went.
type Delivery struct {
	Incident   IncidentID
	Generation int
	// Receiver and Integration name where it went, e.g. "oncall" and "pagerduty[0]".
	Receiver, Integration string
	// Action is what was delivered: trigger, update, acknowledge, resolve.
	Action string
	// Error is empty when it was accepted or withdrawn; else the final reason why it never will be. Of one that is deferred it is why.
	Error string
	// Deferred is true if this is no end: it waits for a receiver that is ill, and others are told meanwhile.
	Deferred bool `json:",omitempty"`
	// Superseded is true if it was dropped, since a later one says all that it would have said.
	Superseded bool `json:",omitempty"`
	// Retried is who had it tried again after it was given up. That, too, is no end.
	Retried string `json:",omitempty"`
	// Withdrawn is true if it was taken back before it left, since the incident had ended, or somebody had acknowledged it.
	Withdrawn bool `json:",omitempty"`
	// Unseen is true if with this one no page of the generation is left that arrived, or may still arrive. Package routing sets it.
	Unseen bool `json:",omitempty"`
}

// Refresh says that alerts were reported again unchanged; it only moves their time-outs.
// It exists so that a re-sent alert costs a varint in somebody else's journal record and no write of its own.
type Refresh struct {
	// Alerts are numbers that [Engine.Unchanged] gave, ascending.
	Alerts []uint64
	// Expires is the latest time-out among the reports; zero means that [Policy.AlertTimeout] runs anew.
	Expires time.Time
	// Source as in Alert.
	Source string
	// Heard is when the latest of the reports came, which may be long before the step; zero means with it.
	Heard time.Time
}

// Gap says that quell saw nothing between From and To: it was down, suspended, or its clock was moved.
// Time-outs start over, and holds that ran out meanwhile get a grace period in which senders can report recovery first.
type Gap struct {
	From, To time.Time
	// Why is shown in the reasons it causes: "restart", "clock moved".
	Why string
}

// Heartbeat is what somebody says who reports by itself over and over: a cron job, a backup, another quell. See [HeartbeatRule].
type Heartbeat struct {
	Name string `json:"name"`
	// Labels hold those that the rule's heartbeats are told apart by; others do not count.
	Labels Labels `json:"labels,omitempty"`
	// Failed is true if it reports that its work went wrong, which is a sign of life as well. Message may say how.
	Failed  bool   `json:"failed,omitempty"`
	Message string `json:"message,omitempty"`
	// Source names who reported it; possibly empty.
	Source string `json:"source,omitempty"`
	// Forget says that it is expected no longer, until it beats again; all else but Name and Labels does not count then, and the
	// name may be that of alerts.
	Forget bool `json:"forget,omitempty"`
}

func (*Unseen) input()    {}
func (*Alert) input()     {}
func (*Event) input()     {}
func (*Topology) input()  {}
func (*Command) input()   {}
func (*Delivery) input()  {}
func (*Refresh) input()   {}
func (*Gap) input()       {}
func (*Policy) input()    {}
func (*Heartbeat) input() {}
