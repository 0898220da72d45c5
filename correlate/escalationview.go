package correlate

import "time"

// Escalation tells readers of an [Incident] where its escalation stands. Package routing makes it; the engine knows nothing of it.
type Escalation struct {
	// Climbs are the policies and plain receivers that the incident's routes lead to.
	Climbs []Climb `json:"climbs,omitempty"`
	// Log is who was told what, and why, oldest first. It is bounded: what is beyond replaces the middle.
	Log []EscalationEntry `json:"log,omitempty"`
	// Dropped counts the deliveries that never left, since later ones said all that they would have said.
	Dropped []DroppedDeliveries `json:"dropped,omitempty"`
}

// DroppedDeliveries are those that were dropped at one integration, "receiver/type[index]".
type DroppedDeliveries struct {
	Target string `json:"target"`
	Count  int    `json:"count"`
}

// Climb is how far an incident climbed in one policy. A plain receiver is a policy of one step.
type Climb struct {
	// Policy is the policy's name; empty for a plain receiver.
	Policy string `json:"policy,omitempty"`
	// Route is the way through the route tree, with the place in the configuration if that is known.
	Route string `json:"route"`
	// State is running, waiting (for its hours), acknowledged, done, or over.
	State string `json:"state"`
	// Step is the step that was taken last, counted from 1, of Steps; 0 if none was. Round counts how often the steps began anew, of
	// at most Rounds.
	Step   int `json:"step"`
	Steps  int `json:"steps"`
	Round  int `json:"round,omitempty"`
	Rounds int `json:"rounds,omitempty"`
	// Next is when NextStep is taken unless somebody acknowledges the incident before, and Whom it tells; nil if nothing follows.
	Next     *time.Time `json:"next,omitempty"`
	NextStep int        `json:"next_step,omitempty"`
	Whom     []string   `json:"whom,omitempty"`
}

// EscalationEntry is one thing that an escalation did.
type EscalationEntry struct {
	At   time.Time `json:"t"`
	Text string    `json:"text"`
}
