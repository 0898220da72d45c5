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
	// HoldMax is how long signs of a healing under way may put a page off, from when the incident began.
	HoldMax time.Duration `json:"hold_max"`
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
	// MaxSymptoms bounds symptoms in memory; alerts beyond it are escalated unexplained. Zero means 1,000,000.
	MaxSymptoms int `json:"max_symptoms"`
	// MaxEntities bounds the entities of the topology; updates that would exceed it are refused, while what alerts and events are about
	// always gets in. Zero means 2,000,000.
	MaxEntities int `json:"max_entities"`
	// Rules are the rule files in force, by name, and Packs the embedded rule packs.
	Rules []RuleFile `json:"rules,omitempty"`
	Packs []string   `json:"packs,omitempty"`
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
		Hold:         5 * time.Minute,
		HoldMax:      15 * time.Minute,
		Settle:       time.Minute,
		Reopen:       30 * time.Minute,
		AlertTimeout: 13 * time.Hour,  // three times Alertmanager's default repeat_interval, and an hour
		EventTTL:     3 * time.Minute, // well below the hold, so that what was over in time does not page
		LostAfter:    24 * time.Hour,
		RestartGrace: 5 * time.Minute,
		MaxSymptoms:  1_000_000,
		MaxEntities:  2_000_000,
	}
}

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
	} {
		if d.value < 0 || d.value > d.max {
			errs = append(errs, fmt.Errorf("%s: %v is not between 0 and %v", d.name, d.value, d.max))
		}
	}
	if p.MaxSymptoms < 0 {
		errs = append(errs, fmt.Errorf("max_symptoms: %d is negative", p.MaxSymptoms))
	}
	if p.MaxEntities < 0 {
		errs = append(errs, fmt.Errorf("max_entities: %d is negative", p.MaxEntities))
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
	} {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	if p.MaxSymptoms == 0 {
		p.MaxSymptoms = d.MaxSymptoms
	}
	if p.MaxEntities == 0 {
		p.MaxEntities = d.MaxEntities
	}
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
	// Hold says how long an incident that begins with this symptom may be held, and which rule says so;
	// ok is false where no rule does.
	Hold(Labels, Severity) (hold time.Duration, why string, ok bool)
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
}
