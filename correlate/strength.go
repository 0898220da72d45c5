package correlate

import "time"

// Aspect says what a symptom tells about the entity that it is reported for. More telling ones are greater.
type Aspect uint8

const (
	// AspectEffect is trouble that is felt at the entity and may come from anything that it uses: latency, errors, a lost objective.
	AspectEffect Aspect = iota + 1
	// AspectUnknown is what no rule knows.
	AspectUnknown
	// AspectState is trouble of the entity itself: it crashed, is full, has no memory left, is not ready.
	AspectState
)

var aspectNames = [...]string{AspectEffect: "effect", AspectUnknown: "unknown", AspectState: "state"}

// String returns the word that rule files use.
func (a Aspect) String() string { return wordOf(aspectNames[:], int(a)) }

// evidence is how much a symptom of this aspect says for its entity being the root of what it explains.
func (a Aspect) evidence() float64 {
	switch a {
	case AspectState:
		return 1
	case AspectEffect:
		return 0.5
	}
	return 0.6
}

// severityStrength is how strong a symptom is by its severity: a warning is a fraction of a critical alert, since most of them
// come and go with nothing broken.
var severityStrength = [...]float64{SeverityUnset: 0.4, SeverityWarning: 0.4, SeverityError: 0.7, SeverityCritical: 1}

// eventStrength is how strong an event is beside an alert, which somebody thought about: it is one observation at one moment.
const eventStrength = 0.7

// strength is how much a symptom weighs in a ranking, from 0 to 1.
func (e *Engine) strength(s *symptom) float64 {
	w := severityStrength[min(int(s.severity), len(severityStrength)-1)]
	if s.isEvent() {
		w *= eventStrength
	}
	return w * e.rarity(s)
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

const (
	// lateCause halves the credit of a cause that was seen so much later than its effect. Rules wait ("for: 15m"), so effects often
	// show first, and being late by that much says little.
	lateCause = int64(15 * time.Minute)
	// oldCause halves the credit of a cause that had gone on for so long before its effect began: what fires all day explains nothing.
	oldCause = int64(time.Hour)
	// goneCause halves the credit of a cause that ended so much before its effect: Alertmanager may tell of a recovery
	// by a group_interval later than of another.
	goneCause = int64(5 * time.Minute)
)

// explains is how well trouble in one span fits as the cause of trouble in another, from 0 to 1. Times are those at which quell heard
// of it, since senders' clocks differ.
func (p span) explains(effect span, now int64) float32 {
	f := float32(1)
	if late := p.began - effect.began; late > 0 {
		f /= 1 + float32(late)/float32(lateCause)
	} else {
		f /= 1 + float32(-late)/float32(oldCause)
	}
	if p.ended != 0 {
		until := effect.ended
		if until == 0 {
			until = now
		}
		f /= 1 + float32(max(until-p.ended, 0))/float32(goneCause)
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
func (e *Engine) grade(s *symptom) { s.aspect = e.rules.Aspect(s.labels) }
