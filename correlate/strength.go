package correlate

import "cmp"

// Aspect says what a symptom tells about the entity that it is reported for. More telling ones are greater.
type Aspect uint8

const (
	// AspectEffect is trouble that is felt at the entity and may come from anything that it uses: latency, errors, a missed objective.
	AspectEffect Aspect = iota + 1
	// AspectUnknown is what no rule knows.
	AspectUnknown
	// AspectState is trouble of the entity itself: it crashed, is full, has no memory left, is not ready.
	AspectState
)

var aspectNames = [...]string{AspectEffect: "effect", AspectUnknown: "unknown", AspectState: "state"}

// String returns the word that rule files use.
func (a Aspect) String() string { return wordOf(aspectNames[:], int(a)) }

// MarshalText returns the word.
func (a Aspect) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the word.
func (a *Aspect) UnmarshalText(b []byte) error {
	i, err := parseWord(aspectNames[:], string(b))
	*a = Aspect(i)
	return err
}

// evidence is how much a symptom of an aspect says for its entity being the root of what it explains.
func (e *Engine) evidence(a Aspect) float64 {
	switch a {
	case AspectState:
		return 1
	case AspectEffect:
		return e.tuning.EffectEvidence
	}
	return e.tuning.UnknownEvidence
}

// strength is how much a symptom weighs in a ranking, from 0 to 1.
func (e *Engine) strength(s *symptom) float64 {
	severity, event := e.weight(s)
	return severity * event * e.rarity(s)
}

// weight is what a symptom's severity and its being an event make of its strength. An event that is over tells less and less about
// what goes on: most Warnings of a cluster are about something that has long recovered.
func (e *Engine) weight(s *symptom) (severity, event float64) {
	severity, event = e.tuning.WarningStrength, 1 // most warnings come and go with nothing broken
	switch s.severity {
	case SeverityCritical:
		severity = 1
	case SeverityError:
		severity = e.tuning.ErrorStrength
	}
	if s.isEvent() {
		event = cmp.Or(s.strength, e.tuning.EventStrength) // one observation at one moment
		if s.condition == conditionCleared && e.goesOn(s.incident) {
			event /= 1 + float64(max(e.now-s.ended, 0))/float64(e.tuning.GoneCause)
		}
	}
	return severity, event
}

// goesOn reports whether an incident is not over yet, at the time of the ranking.
func (e *Engine) goesOn(id IncidentID) bool {
	i := e.incidents[id]
	return i != nil && (i.closed == 0 || i.closed > e.now)
}

// span is when an entity was ill, in Unix nanoseconds; ended is zero while it is.
type span struct{ began, ended int64 }

// with widens a span by a symptom's time.
func (p span) with(s *symptom) span {
	p.began = min(p.began, s.began)
	if s.condition != conditionCleared {
		p.ended = 0 // what is lost may well go on
	} else if p.ended != 0 {
		p.ended = max(p.ended, s.ended)
	}
	return p
}

// explaining is how well trouble in one span fits in time as the cause of trouble in another, from 0 to 1: it halves at
// [Tuning.LateCause], OldCause and GoneCause. A cause that was seen a minute after its effect counts 1/(1 + 1m/15m) = 0.94. Times are those at which quell heard of
// the trouble, since senders' clocks differ.
func (e *Engine) explaining(cause, effect span) float32 {
	f := float32(1)
	if late := cause.began - effect.began; late > 0 {
		f /= 1 + float32(late)/float32(e.tuning.LateCause)
	} else {
		f /= 1 + float32(-late)/float32(e.tuning.OldCause)
	}
	if cause.ended != 0 {
		until := effect.ended
		if until == 0 {
			until = e.now
		}
		f /= 1 + float32(max(until-cause.ended, 0))/float32(e.tuning.GoneCause)
	}
	return f
}

// spanOf is the span of one symptom.
func spanOf(s *symptom) span {
	return span{began: s.began, ended: s.ended}.with(s)
}

// illness is when the active symptoms of an ill entity began, and that they go on.
func (e *Engine) illness(st *site) span {
	p := span{began: e.now}
	for _, num := range st.symptoms {
		if s := e.symptoms.get(num); s.active() && s.counts() {
			p.began = min(p.began, s.began)
		}
	}
	return p
}

// grade asks the rules what a symptom tells about its entity.
func (e *Engine) grade(s *symptom) {
	s.strength, s.exhausted = 0, false
	if s.answers = e.answersTo(s.labels); s.answers != nil {
		s.aspect = s.answers.aspect
	} else {
		s.aspect = e.rules.Aspect(s.labels)
	}
	if s.fingerprint != 0 {
		s.beats = e.beatsOf(s)
	}
	if s.isEvent() {
		m := e.rules.Event(e.eventOf(s))
		s.strength, s.exhausted = m.Strength, m.Exhausted
	}
	e.remute(s)
}
