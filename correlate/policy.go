package correlate

import (
	"errors"
	"fmt"
	"time"

	"quell/correlate/topology"
)

// Policy is the part of the configuration that decisions depend on. It is an [Input], so that the journal holds what
// was in force when. Zero durations take the defaults of [DefaultPolicy].
type Policy struct {
	// Hold is how long an incident may heal by itself where no rule says otherwise.
	Hold time.Duration `json:"hold"`
	// HoldMax is how long a page may be put off at most, from when the incident began: by signs of a healing under way, or since what
	// is like it heals.
	HoldMax time.Duration `json:"hold_max"`
	// HoldThreshold is how likely healing by itself within HoldMax must be, by what is known of trouble like it, to wait for all of that
	// where no rule says otherwise: above 0 and below 1. Negative means that holds are fixed.
	HoldThreshold float64 `json:"hold_threshold"`
	// HoldCases is of how many incidents like one must be known how they ended, for that to count.
	HoldCases int `json:"hold_cases"`
	// NotFor is the severity from which on nothing is held. [SeverityUnset] means that no severity pages at once.
	NotFor Severity `json:"not_for,omitzero"`
	// BlastRadius is how many entities may be ill, or surely depend on the root, for an incident to be held; more page at once. Zero is
	// no limit.
	BlastRadius int `json:"blast_radius,omitempty"`
	// Settle is how long all symptoms must stay clear before an incident counts as over.
	Settle time.Duration `json:"settle"`
	// Reopen is how long after its end an incident is continued when one of its symptoms comes back.
	Reopen time.Duration `json:"reopen"`
	// AlertTimeout is when a firing alert without a time-out of its own is lost unless reported again. Negative means never.
	AlertTimeout time.Duration `json:"alert_timeout"`
	// EventTTL is how long an event is a symptom after it was last seen, where no rule says otherwise.
	EventTTL time.Duration `json:"event_ttl"`
	// LostAfter is how long an incident whose symptoms were lost stays open before it is given up as unknown.
	LostAfter time.Duration `json:"lost_after"`
	// RestartGrace is the longest time that senders get after a gap to report recovery before overdue holds escalate.
	RestartGrace time.Duration `json:"restart_grace"`
	// AckTimeout is how long an acknowledgement lasts unless it is renewed; then people are paged again. Zero means for ever.
	AckTimeout time.Duration `json:"ack_timeout,omitempty"`
	// KeepAck keeps an incident acknowledged however much worse it gets; otherwise people are paged again.
	KeepAck bool `json:"keep_ack,omitempty"`
	// Routing says who is told what, as package routing encodes it. The engine does not read it; it is here so that the journal holds
	// all that deliveries depend on.
	Routing string `json:"routing,omitempty"`
	// MaxSymptoms bounds symptoms in memory; alerts beyond it are escalated unexplained. Zero means 1,000,000.
	MaxSymptoms int `json:"max_symptoms"`
	// MaxEntities bounds the entities of the topology; updates that would exceed it are refused, while what alerts and events are about
	// always gets in. Zero means 2,000,000.
	MaxEntities int `json:"max_entities"`
	// Silences bounds silences and names the maintenance windows.
	Silences Silencing `json:"silences,omitzero"`
	// UnseenAfter is how long after its end an alert of which Alertmanager's event recorder told may take to get here by a webhook.
	UnseenAfter time.Duration `json:"unseen_after"`
	// Heartbeats say who is expected to report over and over.
	Heartbeats []HeartbeatRule `json:"heartbeats,omitempty"`
	// Inhibit are the inhibit rules of the configuration, which come before those of rule files.
	Inhibit []Inhibition `json:"inhibit,omitempty"`
	// Rules are the rule files in force, by name, and Packs the embedded rule packs.
	Rules []RuleFile `json:"rules,omitempty"`
	Packs []string   `json:"packs,omitempty"`
	// Disabled are rules of packs that are out of force: "PACK/SECTION/NAME", "PACK/SECTION/*" or "PACK/*". What names none is ignored, so
	// that a journal can be replayed with newer packs.
	Disabled []string `json:"disabled,omitempty"`
	// ConfigHash identifies the configuration file that this came from.
	ConfigHash string `json:"config_hash,omitempty"`
}

// RuleFile is the text of one rule file.
type RuleFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// DefaultPolicy is what applies where the configuration is silent.
func DefaultPolicy() Policy {
	return Policy{
		Hold:    5 * time.Minute,
		HoldMax: 15 * time.Minute,

		HoldThreshold: 0.7,
		HoldCases:     5,

		Settle:       time.Minute,
		Reopen:       30 * time.Minute,
		AlertTimeout: 13 * time.Hour,  // three times Alertmanager's default repeat_interval, and an hour
		EventTTL:     3 * time.Minute, // well below the hold, so that what was over in time does not page
		LostAfter:    24 * time.Hour,
		RestartGrace: 5 * time.Minute,
		UnseenAfter:  10 * time.Minute, // two of Alertmanager's default group_interval
		MaxSymptoms:  1_000_000,
		MaxEntities:  2_000_000,
	}
}

// MaxBlastRadius bounds [Policy.BlastRadius]: of what more depends on, it is known at a glance.
const MaxBlastRadius = 10_000

// Validate reports every value out of range.
func (p *Policy) Validate() error {
	var errs []error
	for _, d := range []struct {
		name  string
		value time.Duration
		max   time.Duration
	}{
		{"hold", p.Hold, 24 * time.Hour},
		{"hold_max", p.HoldMax, 24 * time.Hour},
		{"settle", p.Settle, time.Hour},
		{"reopen", p.Reopen, 7 * 24 * time.Hour},
		{"event_ttl", p.EventTTL, 24 * time.Hour},
		{"lost_after", p.LostAfter, 30 * 24 * time.Hour},
		{"restart_grace", p.RestartGrace, time.Hour},
		{"unseen_after", p.UnseenAfter, 24 * time.Hour},
		{"ack_timeout", p.AckTimeout, 7 * 24 * time.Hour},
	} {
		if d.value < 0 || d.value > d.max {
			errs = append(errs, fmt.Errorf("%s: %v is not between 0 and %v", d.name, d.value, d.max))
		}
	}
	if p.HoldThreshold >= 1 {
		errs = append(errs, fmt.Errorf("hold_threshold: %v is not below 1", p.HoldThreshold))
	}
	if p.HoldCases < 0 {
		errs = append(errs, fmt.Errorf("hold_cases: %d is negative", p.HoldCases))
	}
	if p.NotFor != SeverityUnset && p.NotFor < SeverityWarning {
		errs = append(errs, fmt.Errorf("not_for: %s makes no incident", p.NotFor))
	}
	if p.BlastRadius < 0 || p.BlastRadius > MaxBlastRadius {
		errs = append(errs, fmt.Errorf("blast_radius: %d is not between 0 and %d", p.BlastRadius, MaxBlastRadius))
	}
	if p.MaxSymptoms < 0 {
		errs = append(errs, fmt.Errorf("max_symptoms: %d is negative", p.MaxSymptoms))
	}
	if p.MaxEntities < 0 {
		errs = append(errs, fmt.Errorf("max_entities: %d is negative", p.MaxEntities))
	}
	if err := p.Silences.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// WithDefaults returns the policy with zero fields filled in from [DefaultPolicy].
func (p Policy) WithDefaults() Policy {
	d := DefaultPolicy()
	for _, f := range []struct{ have, want *time.Duration }{
		{&p.Hold, &d.Hold},
		{&p.HoldMax, &d.HoldMax},
		{&p.Settle, &d.Settle},
		{&p.Reopen, &d.Reopen},
		{&p.AlertTimeout, &d.AlertTimeout},
		{&p.EventTTL, &d.EventTTL},
		{&p.LostAfter, &d.LostAfter},
		{&p.RestartGrace, &d.RestartGrace},
		{&p.UnseenAfter, &d.UnseenAfter},
	} {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	if p.HoldThreshold == 0 {
		p.HoldThreshold = d.HoldThreshold
	}
	if p.HoldCases == 0 {
		p.HoldCases = d.HoldCases
	}
	if p.MaxSymptoms == 0 {
		p.MaxSymptoms = d.MaxSymptoms
	}
	if p.MaxEntities == 0 {
		p.MaxEntities = d.MaxEntities
	}
	p.Silences = p.Silences.withDefaults()
	return p
}

// Rules is what rule files say, compiled. Implementations are pure and deterministic.
type Rules interface {
	// Entity names the entity that an alert with these labels is about, and the dependencies that the labels tell
	// (a pod's node, a service's pod). An alert that names nothing gets an entity of its own, so that it still counts.
	Entity(Labels) (topology.Entity, []topology.Edge)
	// Severity says how bad an alert with these labels is; info, none make no symptom.
	Severity(Labels) Severity
	// Aspect says what a symptom with these labels tells about its entity.
	Aspect(Labels) Aspect
	// Delay says how long the rule of an alert with these labels waits before it fires ("for" in Prometheus); 0 if nobody knows.
	Delay(Labels) time.Duration
	// Hold says how long an incident that begins with this symptom may be held; ok is false where no rule does.
	Hold(Labels, Severity) (rule HoldRule, ok bool)
	// Critical says whether trouble of an entity, told by a symptom with these labels, must not wait, and which rule says so. No labels
	// ask of an entity that shows nothing: whether trouble of what it surely depends on must not wait.
	Critical(topology.Entity, Labels) (rule CriticalRule, ok bool)
	// HasCritical reports whether any rule names critical entities: most people have none.
	HasCritical() bool
	// Chronic says how much self-healing is too much for trouble that begins with this symptom; ok is false where no rule does.
	Chronic(Labels) (rule ChronicRule, ok bool)
	// Heartbeats lists the names of the heartbeats of the policy that an alert with these labels is a beat of, in the policy's order.
	Heartbeats(Labels) []string
	// Muting says whether a symptom with these labels may page, and keep others from it. Rules are the same values each time.
	Muting(Labels) Muting
	Enricher
	// Expected lists the heartbeats that rules expect and the policy does not name itself; their names differ. The caller must not change it.
	Expected() []HeartbeatRule
	// Beats lists the names of those that an event is a beat of.
	Beats(*Event) []string
	// Event says what an event means.
	Event(*Event) EventMeaning
	// Cause says whether symptoms of one name are known to cause symptoms of another on near entities, and with which weight from
	// 0 to 1; ok is false where no rule says so. Names are those of alerts, or reasons of events.
	Cause(cause, effect string) (weight float64, ok bool)
	// HasCauses reports whether there is any rule of that kind: most people have none.
	HasCauses() bool
	// Dependencies lists dependencies that hold as long as the rules are in force. The caller must not change it.
	Dependencies() []topology.Edge
	// EdgeType says what a type of dependency means; ok is false where no rule does.
	EdgeType(name string) (t topology.Traits, ok bool)
	// Overheard reports whether somebody counts what is asked: then a question that was asked must be asked again.
	Overheard() bool
	// Rulings lists which rule decides what about a thing, for people: it may cost more than the questions above.
	Rulings(*Question) []Ruling
}

// CriticalRule is a rule about what must not wait.
type CriticalRule struct {
	// Why names the rule, and says what it has to say.
	Why  string
	Rule *RuleID
}

// HoldRule is how long an incident may be held, by one rule.
type HoldRule struct {
	// Hold is how long it is held; if Threshold is not zero, until more is known of how trouble like it heals. Zero pages at once.
	Hold time.Duration
	// Threshold is how likely healing by itself within Max must be to wait for all of that, see [Policy.HoldThreshold]. Zero means that
	// Hold is fixed. A Max of zero is [Policy.HoldMax].
	Threshold float64
	Max       time.Duration
	// Why names the rule, and says what it has to say.
	Why string
	// Rule is nil for what no rule says.
	Rule *RuleID
}

// EventMeaning is what a rule makes of an event.
type EventMeaning struct {
	// Symptom is true if it is a sign of ill health; it lasts for TTL (zero: [Policy.EventTTL]).
	Symptom bool
	TTL     time.Duration
	// State is true if the event tells how its entity is, not what happened to it. The symptom lasts until another event ends
	// it, and while it does, the entity's other event symptoms do not fade either: silence is no recovery of what is still ill.
	State bool
	// Severity of the symptom.
	Severity Severity
	// Strength is how much the symptom weighs beside an alert of its severity, up to 1; zero leaves it to [Tuning.EventStrength].
	Strength float64
	// Progress is true if it tells that a healing is under way: for TTL (zero: two minutes) what it is about is not escalated, within
	// the longest hold.
	Progress bool
	// Exhausted is true for a symptom that tells that whoever heals such trouble has given up: holding is of no use any more.
	Exhausted bool
	// Heals lists reasons whose symptoms on the same entity this event ends; "*" ends all event symptoms. It never ends its own.
	Heals []string
	// Change is true if it tells of a change that may be the cause of trouble: a rollout, scaling, maintenance.
	Change bool
	// Gone is true if the entity ended, or is about to. Where it had symptoms, other events about it, which come late, make none until one
	// tells a state or heals.
	Gone bool
	// Rule is nil for what no rule knows.
	Rule *RuleID
}
