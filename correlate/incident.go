package correlate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"quell/correlate/honesty"
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
	HoldReason string `json:"hold_reason,omitempty"`
	// HoldRule is the rule that says so; nil if none does.
	HoldRule *RuleID `json:"hold_rule,omitempty"`
	// Silenced is there if symptoms of it that did not clear are silenced or muted by rules; in lists, if it waits for that to end.
	Silenced *Silenced `json:"silenced,omitempty"`
	// Enrichment is what rules add for those who look into it; nil if they say nothing, and in lists.
	Enrichment *Enrichment `json:"enrichment,omitempty"`
	// Outlook is by what quell set its last deadline that is not a rule's alone; nil if there is none.
	Outlook      *Outlook   `json:"outlook,omitempty"`
	Escalated    *time.Time `json:"escalated"`
	Acknowledged *time.Time `json:"acknowledged,omitempty"`
	AckedBy      string     `json:"acknowledged_by,omitempty"`
	// Withdrawn is when it turned out that all pages of this generation were taken back before they left.
	Withdrawn *time.Time `json:"withdrawn,omitempty"`
	Closed    *time.Time `json:"closed"`
	// Recovered is when the last symptom cleared; it precedes Closed by the settle time.
	Recovered *time.Time `json:"recovered,omitempty"`
	// CloseReason says what ended it.
	CloseReason string `json:"close_reason,omitempty"`
	// HealedBy says what ended the trouble, by the evidence that there is; nil while it lasts, or if an operator ended it.
	HealedBy *Healing `json:"healed_by,omitempty"`
	// SettlesAt is when an incident that is well but flaps is over, unless its trouble comes back; nil for others.
	SettlesAt *time.Time `json:"settles_at,omitempty"`
	// Chronic says in which ways it is chronic, in order of their kinds. Read only.
	Chronic []Chronic `json:"chronic,omitempty"`
	// Episodes are how often its alerts fired and cleared, by name.
	Episodes []Episodes `json:"episodes,omitempty"`
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
	// In messages both end at [MaxShown], members with some of each kind; MemberCount counts all, and MemberKinds by kind where some are left out.
	Members     []topology.Entity `json:"members"`
	MemberCount int               `json:"member_count"`
	MemberKinds map[string]int    `json:"member_kinds,omitempty"`
	Symptoms    []SymptomView     `json:"symptoms,omitempty"`
	Timeline    []TimelineEntry   `json:"timeline,omitempty"`
	// Generations are its lives, oldest first; the last is the present one, or the one that ended last. EarlierGenerations counts those
	// that are too long ago to be kept.
	Generations        []honesty.Generation `json:"generations,omitempty"`
	EarlierGenerations int                  `json:"earlier_generations,omitempty"`
	// Feedback is what operators said about it afterwards, oldest first.
	Feedback []Said `json:"feedback,omitempty"`
	// Escalation says who was told of it and who is next; nil if nobody was, or where the one who asks does not know.
	Escalation *Escalation `json:"escalation,omitempty"`
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
	// SilencedBy are the silences that it is under, what lasts longest first.
	SilencedBy []SilencedBy `json:"silenced_by,omitempty"`
	// MutedBy are the rules that keep it from paging, what lasts longest first.
	MutedBy []MutedBy `json:"muted_by,omitempty"`
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
	// Rule is that of the [Effect].
	Rule *RuleID `json:"rule,omitempty"`
}
