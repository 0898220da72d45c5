package correlate

import (
	"fmt"
	slashpath "path"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

// Mute says in which way a rule keeps a symptom from paging. The zero value is invalid.
type Mute uint8

// The ways.
const (
	// Inhibited is what trouble that shows elsewhere says already, as Alertmanager's inhibition has it.
	Inhibited Mute = iota + 1
	// Suppressed is what a rule says needs nobody, for a while.
	Suppressed
	// Expected is what a change brings about, for a while.
	Expected
)

var muteNames = [...]string{Inhibited: "inhibited", Suppressed: "suppressed", Expected: "expected"}

// String returns the word in reasons, API and UI.
func (m Mute) String() string { return wordOf(muteNames[:], int(m)) }

// word is the word for a rule's mute; empty for zero, which is a silence.
func (m Mute) word() string {
	if m == 0 {
		return ""
	}
	return m.String()
}

// MarshalText returns the word.
func (m Mute) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the word.
func (m *Mute) UnmarshalText(b []byte) error {
	i, err := parseWord(muteNames[:], string(b))
	*m = Mute(i)
	return err
}

// Muting is what rules say of whether symptoms with some labels page, and whether they keep others from it. Read only: symptoms share the rules.
type Muting struct {
	// Suppress are the rules that say that such a symptom needs nobody, in their order.
	Suppress []*SuppressRule
	// Sources are the rules by which such a symptom inhibits others, Targets those by which others inhibit it. One in both is never
	// inhibited by another that is in both.
	Sources, Targets []*InhibitRule
	// Expect are the rules that say after which changes such a symptom is expected.
	Expect []*ExpectRule
}

// Empty reports whether no rule says anything.
func (m *Muting) Empty() bool {
	return len(m.Suppress)+len(m.Sources)+len(m.Targets)+len(m.Expect) == 0
}

// Inhibition is an inhibit rule as a [Policy] has it: what is a source, what a target, and which labels they share. Matchers are written as
// Alertmanager writes them; none match everything.
type Inhibition struct {
	Name           string   `json:"name"`
	SourceMatchers []string `json:"source_matchers,omitempty"`
	TargetMatchers []string `json:"target_matchers,omitempty"`
	Equal          []string `json:"equal,omitempty"`
	// File and Line say where it stands, Why what it is for; possibly empty.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Why  string `json:"why,omitempty"`
}

// InhibitRule says that an active symptom, the source, keeps others, the targets, from paging. Which are which, [Muting] says. The engine
// tells rules apart by their address.
type InhibitRule struct {
	// Equal are the labels that source and target must have the same values of; one that is missing counts as empty.
	Equal []string
	// Rule says which rule it is; nil if that is not known. Why names it, and says what it has to say.
	Rule *RuleID
	Why  string
}

// equal is what source and target of a rule must have in common: the values of its labels, told apart whatever is in them.
func (r *InhibitRule) equal(l Labels) string {
	switch len(r.Equal) {
	case 0:
		return ""
	case 1:
		return l.Get(r.Equal[0])
	}
	var b []byte
	for _, name := range r.Equal {
		b = appendString(b, l.Get(name))
	}
	return string(b)
}

// SuppressRule says that a symptom needs nobody.
type SuppressRule struct {
	// For is how long it may last until it pages all the same; more than zero. It is also the least budget of self-healing that trouble
	// has of which nothing but suppressed symptoms are active.
	For time.Duration
	// Notice has chat told once when it would have paged; otherwise it shows in digests only.
	Notice bool
	// Incidents extends it to all of an incident on whose root such a symptom is active, except for what is worse than that.
	Incidents bool
	// Rule says which rule it is; nil if that is not known. Why names it, and says what it has to say.
	Rule *RuleID
	Why  string
}

// MaxExpectation bounds [ExpectRule.For]: for so long the engine remembers changes.
const MaxExpectation = time.Duration(changeFor)

// ExpectRule says that a symptom is to be expected after a change of what it is about, of what owns that, or of what it depends on.
type ExpectRule struct {
	// Reasons are those of the events that tell of the change, Kinds those of what changed, Entities its ids, in which "*" stands for any
	// part of a name. Empty lists stand for all.
	Reasons, Kinds, Entities []string
	// For is how long after the change it is expected: more than zero, at most [MaxExpectation].
	For time.Duration
	// NotFor is the severity from which on nothing is expected. [SeverityUnset] is none.
	NotFor Severity
	// Rule says which rule it is; nil if that is not known. Why names it, and says what it has to say.
	Rule *RuleID
	Why  string
}

// about reports whether a change is one that the rule means.
func (r *ExpectRule) about(entity topology.Entity, c *change) bool {
	named := func(reason string) bool { return c.Text == reason || strings.HasPrefix(c.Text, reason+", ") }
	return (len(r.Reasons) == 0 || slices.ContainsFunc(r.Reasons, named)) &&
		(len(r.Kinds) == 0 || slices.Contains(r.Kinds, entity.Kind())) &&
		(len(r.Entities) == 0 || slices.ContainsFunc(r.Entities, func(p string) bool { return EntityMatches(p, entity) }))
}

// EntityMatches reports whether an entity is meant by a pattern of ids, in which "*" stands for any part of a name. One without a cluster
// means all clusters. A pattern that is malformed, see [slashpath.Match], matches nothing.
func EntityMatches(pattern string, e topology.Entity) bool {
	id := string(e)
	if !strings.Contains(pattern, "@") {
		id, _, _ = strings.Cut(id, "@")
	}
	if !strings.Contains(pattern, "*") {
		return pattern == id
	}
	ok, _ := slashpath.Match(pattern, id)
	return ok
}

// text says what mutes a symptom, without the line of the rule: who waits for a mute goes by it, and a line more in a file changes nothing.
func (m *muter) text() string {
	switch {
	case m.kind == 0:
		return m.row.text()
	case m.rule == nil:
		return m.about(m.why)
	}
	return m.about(m.rule.Key())
}

// said is the same for reasons, with the line, and with what the rule has to say.
func (m *muter) said() string {
	if m.kind == 0 {
		return m.row.text() + m.row.place()
	}
	return m.about(m.why)
}

// placed is [muter.text] with the line of the rule.
func (m *muter) placed() string {
	switch {
	case m.kind == 0:
		return m.row.text() + m.row.place()
	case m.rule == nil:
		return m.about(m.why)
	}
	return m.about(m.rule.String())
}

// about says what a rule goes by: "NodeDown on node/a (rule …)".
func (m *muter) about(rule string) string {
	switch m.kind {
	case Inhibited:
		return fmt.Sprintf("%s on %s (%s)", m.source.name, m.at, rule)
	case Expected:
		return fmt.Sprintf("%s of %s (%s)", m.change.Text, m.at, rule)
	}
	return rule
}

// id is the rule that mutes; nil if that is none, or not known.
func (m *muter) id() *RuleID {
	if m.kind == 0 {
		return m.row.rule
	}
	return m.rule
}

// how is the word for what a mute does, and the one that links it with its [muter.text].
func (m *muter) how() string {
	switch m.kind {
	case 0:
		return silencedBy
	case Expected:
		return "expected after"
	}
	return m.kind.String() + " by"
}

// silencedBy is how silences mute.
const silencedBy = "silenced by"
