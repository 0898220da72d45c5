package correlate

import (
	"time"

	"quell/correlate/topology"
)

// Decision is what the engine decided. The zero value is invalid.
type Decision uint8

// Decisions, in the order of an incident's life.
const (
	Open Decision = iota + 1
	Hold
	Join
	Leave
	Reroot
	Merge
	Split
	Escalate
	Update
	Acknowledge
	Withdraw
	Notice
	SelfHeal
	Resolve
	Reopen
	Lost
	// Changed is no decision, and never that of an [Effect]: it tells on a timeline what was changed on or near an incident's root.
	Changed
)

var decisionNames = [...]string{
	Open: "open", Hold: "hold", Join: "join", Leave: "leave", Reroot: "reroot", Merge: "merge", Split: "split",
	Escalate: "escalate", Update: "update", Acknowledge: "acknowledge", Withdraw: "withdraw", Notice: "notice",
	SelfHeal: "self-heal", Resolve: "resolve", Reopen: "reopen", Lost: "lost", Changed: "change",
}

// String returns the decision's word in replay, API and docs.
func (d Decision) String() string { return wordOf(decisionNames[:], int(d)) }

// MarshalText returns the word.
func (d Decision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the word.
func (d *Decision) UnmarshalText(b []byte) error {
	i, err := parseWord(decisionNames[:], string(b))
	*d = Decision(i)
	return err
}

// Effect is one decision about one incident, with its reason. The caller stores effects with the state that they left
// behind, then performs them.
type Effect struct {
	At       time.Time
	Decision Decision
	Incident IncidentID
	// Generation counts the incident's lives from 1; a reopened incident is a new one at the receivers.
	Generation int
	// Reason is a sentence for people, with the numbers that led to the decision.
	Reason string
	// Rule is the rule by which an incident is held, or not held, or escalated since its hold is over, or of which people are told that its time
	// is over; of what began with a heartbeat that was missed, the heartbeat's. Nil where no rule says so. A reason that names rules names this one.
	Rule *RuleID
	// Entity is whom the decision is about, where that is not the root: who joined, who was lost. Possibly empty.
	Entity topology.Entity
	// Other is the second incident of a merge or split.
	Other IncidentID
	// Until is a hold's deadline.
	Until time.Time
	// Worse is true for an [Update] because the severity rose above what people were told: it may concern others now.
	Worse bool
	// HandBack is true for an [Update] that ended an acknowledgement: people have to be paged again.
	HandBack bool
	// Roots are the incident's ranked roots at that moment. Read only: effects may share them.
	Roots []Root
}
