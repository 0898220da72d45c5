package correlate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"quell/correlate/topology"
)

// IncidentID numbers incidents of one store from 1; it is written "inc-7". Zero is no incident.
type IncidentID uint64

// String returns the written form.
func (id IncidentID) String() string { return "inc-" + strconv.FormatUint(uint64(id), 10) }

// ParseIncidentID reads the written form.
func ParseIncidentID(s string) (IncidentID, error) {
	digits, ok := strings.CutPrefix(s, "inc-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no incident id (want inc-NUMBER)", s)
	}
	return IncidentID(n), nil
}

// MarshalText returns the written form.
func (id IncidentID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the written form.
func (id *IncidentID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseIncidentID(string(b))
	return err
}

// State is where an incident is in its life. The zero value is invalid.
type State uint8

// States of an incident.
const (
	Held State = iota + 1
	SelfHealed
	Escalated
	Acknowledged
	Resolved
	Merged
)

var stateNames = [...]string{Held: "held", SelfHealed: "self-healed", Escalated: "escalated", Acknowledged: "acknowledged", Resolved: "resolved", Merged: "merged"}

// String returns the state's word in API, UI and docs.
func (s State) String() string { return wordOf(stateNames[:], int(s)) }

// MarshalText returns the word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *State) UnmarshalText(b []byte) error {
	i, err := parseWord(stateNames[:], string(b))
	*s = State(i)
	return err
}

// Open reports whether incidents in this state still wait for something.
func (s State) Open() bool { return s == Held || s == Escalated || s == Acknowledged }

// Severity orders how bad an alert says it is. The zero value is no severity label at all.
type Severity uint8

// Severities in ascending order. Info and None do not make a symptom.
const (
	SeverityUnset Severity = iota
	SeverityNone
	SeverityInfo
	SeverityWarning
	SeverityError
	SeverityCritical
)

var severityNames = [...]string{SeverityUnset: "unset", SeverityNone: "none", SeverityInfo: "info", SeverityWarning: "warning", SeverityError: "error", SeverityCritical: "critical"}

// String returns the word.
func (s Severity) String() string { return wordOf(severityNames[:], int(s)) }

// MarshalText returns the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Severity) UnmarshalText(b []byte) error {
	i, err := parseWord(severityNames[:], string(b))
	*s = Severity(i)
	return err
}

// ParseSeverity reads a severity label as people write it; unknown words count as warning, so that nothing is
// missed because of its spelling.
func ParseSeverity(label string) Severity {
	switch strings.ToLower(label) {
	case "":
		return SeverityUnset
	case "none", "ok", "debug":
		return SeverityNone
	case "info", "information", "informational", "notice":
		return SeverityInfo
	case "error", "err", "major", "high":
		return SeverityError
	case "critical", "crit", "page", "fatal", "emergency", "disaster", "p1", "sev1":
		return SeverityCritical
	}
	return SeverityWarning
}

func wordOf(words []string, i int) string {
	if i < 0 || i >= len(words) || words[i] == "" {
		return "invalid"
	}
	return words[i]
}

func parseWord(words []string, s string) (int, error) {
	for i, w := range words {
		if w == s && w != "" {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown word %q", s)
}

// Root is a candidate for an incident's root cause.
type Root struct {
	Entity topology.Entity `json:"entity"`
	// Score is from 0 to 1; candidates are ranked by it.
	Score float64 `json:"score"`
	// Silent is true for an entity with no symptom of its own.
	Silent bool `json:"silent"`
	// Explains counts the ill entities that it explains, alone.
	Explains int `json:"explains"`
	// Why is one sentence.
	Why string `json:"why"`
}

// Incident is a copy of what is known about one incident, for readers: the API, deliveries, digests, pictures.
type Incident struct {
	ID         IncidentID `json:"id"`
	Generation int        `json:"generation"`
	State      State      `json:"state"`
	// Outcome is escalated if it ever paged, else self-healed or resolved (by an operator) when closed, else open.
	Outcome  string   `json:"outcome"`
	Severity Severity `json:"severity"`
	// Title is the headline without the state, e.g. "KubeNodeNotReady on node/n3".
	Title string `json:"title"`
	// Class is what digests group by: alert name and kind of the root, e.g. "KubePodNotReady on pod".
	Class string `json:"class"`
	// Roots are ranked, best first; there is at least one.
	Roots []Root `json:"roots"`

	Opened    time.Time  `json:"opened"`
	HeldUntil *time.Time `json:"held_until,omitempty"`
	// HoldReason says why quell waits, or why it did not wait longer.
	HoldReason   string     `json:"hold_reason,omitempty"`
	Escalated    *time.Time `json:"escalated"`
	Acknowledged *time.Time `json:"acknowledged,omitempty"`
	AckedBy      string     `json:"acknowledged_by,omitempty"`
	Closed       *time.Time `json:"closed"`
	// Recovered is when the last symptom cleared; it precedes Closed by the settle time.
	Recovered *time.Time `json:"recovered,omitempty"`
	// CloseReason says what ended it.
	CloseReason string `json:"close_reason,omitempty"`
	// HealedBy says what ended the trouble, by the evidence that there is; nil while it lasts, or if an operator ended it.
	HealedBy *Healing `json:"healed_by,omitempty"`
	// ByHand is true if an operator closed it.
	ByHand bool `json:"by_hand,omitempty"`
	// Paged is true once this generation was escalated.
	Paged bool `json:"paged"`
	// MergedInto is the incident that took this one's symptoms.
	MergedInto IncidentID `json:"merged_into,omitzero"`

	// Alerts counts the symptoms that ever belonged to it; Active, Lost of them are still firing, or not heard of any more.
	Alerts int `json:"alerts"`
	Active int `json:"active"`
	Lost   int `json:"lost"`
	// Members are the entities that had a symptom in it, in order of their ids, and Symptoms their conditions, oldest first.
	// Both end at [MaxShown]; MemberCount counts all.
	Members     []topology.Entity `json:"members"`
	MemberCount int               `json:"member_count"`
	Symptoms    []SymptomView     `json:"symptoms,omitempty"`
	Timeline    []TimelineEntry   `json:"timeline,omitempty"`
	// Labels are those that all its alerts share: what routes match on.
	Labels Labels `json:"labels,omitempty"`
}

// MaxShown bounds lists in an [Incident] that is made for a message; API and replay ask for all.
const MaxShown = 50

// SymptomView is one symptom for readers.
type SymptomView struct {
	Entity      topology.Entity `json:"entity"`
	Name        string          `json:"name"`
	Severity    Severity        `json:"severity"`
	State       string          `json:"state"` // active, cleared or lost
	Since       time.Time       `json:"since"`
	Ended       *time.Time      `json:"ended,omitempty"`
	Labels      Labels          `json:"labels,omitempty"`
	Annotations Labels          `json:"annotations,omitempty"`
	// Generator links to what raised it; possibly empty or hostile.
	Generator string `json:"generator_url,omitempty"`
	// Path leads from the symptom's entity over dependencies to the root, both included.
	Path []PathStep `json:"path,omitempty"`
	// Why says how it came to this incident.
	Why string `json:"why,omitempty"`
}

// PathStep is an entity and the dependency that led to it: its type, and the sources that tell of it. The first step has neither.
type PathStep struct {
	Entity  topology.Entity `json:"entity"`
	Type    string          `json:"type,omitempty"`
	Sources []string        `json:"sources,omitempty"`
}

// TimelineEntry is one decision about an incident.
type TimelineEntry struct {
	At       time.Time `json:"t"`
	Decision Decision  `json:"decision"`
	Reason   string    `json:"reason"`
}
