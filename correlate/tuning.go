package correlate

import "time"

// Tuning holds the engine's thresholds, which data could argue about. They are not configuration: everybody runs with [DefaultTuning], and
// other values exist so that an evaluation can show how much the defaults matter.
type Tuning struct {
	// ExplainsShare is the least share of an incident's ill entities that something must explain to take the incident over.
	ExplainsShare float64
	// CommonWeight is how well entities of two incidents must both explain the trouble of a third entity for the incidents to become one: whoever
	// is called for the third cannot act on one without the other.
	CommonWeight float64
	// LoneWeight is CommonWeight for an incident of one ill entity that shows nothing worse than warnings: how well it must explain the
	// trouble of something that has another cause, to be listed there as a second one instead of paging by itself. It lets trouble travel
	// over one entity that does not show it. If it is above CommonWeight, that counts.
	LoneWeight float64
	// A silent entity becomes a root when at least SiblingsMin of the things that depend on it (or PartsMin of its parts) are
	// ill, and they are at least SiblingsShare of all that do.
	SiblingsMin, PartsMin int
	SiblingsShare         float64

	// WarningStrength and ErrorStrength are how much symptoms of these severities count compared with critical ones, which count 1.
	// EventStrength is how much an event counts compared with an alert, which somebody put thought into.
	WarningStrength, ErrorStrength, EventStrength float64
	// A symptom that tells of the entity itself is evidence 1 for its entity being the root. EffectEvidence is what one counts that may come from
	// something the entity depends on, and UnknownEvidence one that no rule knows. SilentEvidence is the least that an entity has
	// which shows nothing although it could: most broken things do show something.
	EffectEvidence, UnknownEvidence, SilentEvidence float64
	// ChangeBonus is what a change just now multiplies a candidate's score by; it fades within half an hour.
	ChangeBonus float64
	// DeepMargin is the share of the best candidate's score that another one, which explains the trouble of the best, must have to lead in its
	// place.
	DeepMargin float64
	// StayMargin is how many times the score of the root that people were told about another candidate must have to take its place.
	StayMargin float64

	// LateCause halves the credit of a cause that was seen this much later than its effect. Rules wait ("for: 15m"), so effects often
	// show first, and being late by that much says little.
	LateCause time.Duration
	// OldCause halves the credit of a cause that had gone on for this long before its effect began: what fires all day explains nothing.
	OldCause time.Duration
	// GoneCause halves the credit of a cause that ended this long before its effect: Alertmanager may report one recovery a
	// group_interval later than another.
	GoneCause time.Duration
}

// DefaultTuning returns the numbers that quell is shipped with.
func DefaultTuning() Tuning {
	return Tuning{
		ExplainsShare: 0.5, CommonWeight: 0.6, LoneWeight: 0.4, SiblingsMin: 3, PartsMin: 2, SiblingsShare: 0.5,
		WarningStrength: 0.4, ErrorStrength: 0.7, EventStrength: 0.7,
		EffectEvidence: 0.5, UnknownEvidence: 0.6, SilentEvidence: 0.2, ChangeBonus: 1.5, DeepMargin: 0.95, StayMargin: 1.1,
		LateCause: 15 * time.Minute, OldCause: time.Hour, GoneCause: 5 * time.Minute,
	}
}
