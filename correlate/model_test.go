package correlate

import (
	"fmt"
	"time"

	"quell/correlate/topology"
)

// dumbModel says who is ill when, from what quell was told. It knows nothing of dependencies and incidents and looks at everything each
// time, so that it can be read and believed: the engine has to agree with it.
type dumbModel struct {
	rules    Rules
	policy   Policy
	forget   time.Duration // the shortest time after which a policy lets anything be forgotten
	symptoms map[string]*modelSymptom
	progress map[topology.Entity]modelSign // the last sign of a healing under way
	healed   map[topology.Entity]time.Time // when an event ended a symptom last
	numbers  map[uint64]string             // what the engine calls them in a Refresh
}

// modelSymptom is one alert, by its labels, or one reason for events about one entity.
type modelSymptom struct {
	condition condition
	entity    topology.Entity
	counts    bool
	isEvent   bool
	explicit  bool
	state     bool // it lasts until an event ends it
	exhausted bool // it tells that nothing is to be hoped for
	gone      bool // an event said last that its entity ended
	startsAt  time.Time
	since     time.Time // when it began to be active without pause
	seen      time.Time // when it was reported last while it was active
	ended     time.Time // when it cleared, or was lost
	left      time.Time // when it was no longer active, cleared or lost
	expires   time.Time // zero: never
	eventID   string
	message   string
	count     int
	hold      time.Duration // how long rules let it wait
	// waits is when somebody must have been told of it, if it stayed active and nobody took it off our hands.
	waits  time.Time
	faults map[int]bool
	// resolved is true while the incident that it belonged to last was closed by an operator: it may be forgotten with that.
	resolved bool
}

func newModel(rules Rules, p Policy) *dumbModel {
	m := &dumbModel{rules: rules, symptoms: make(map[string]*modelSymptom), progress: make(map[topology.Entity]modelSign), healed: make(map[topology.Entity]time.Time), numbers: make(map[uint64]string)}
	m.adopt(p)
	return m
}

func (m *dumbModel) adopt(p Policy) {
	m.policy = p.WithDefaults()
	if m.forget == 0 || m.policy.Reopen < m.forget {
		m.forget = m.policy.Reopen
	}
}

func eventName(e topology.Entity, reason string) string {
	return "event " + reason + " of " + string(e)
}

// hear applies one input at a time.
func (m *dumbModel) hear(now time.Time, in Input, faults []int) {
	switch in := in.(type) {
	case *Alert:
		m.alert(now, in, faults)
	case *Event:
		m.event(now, in, faults)
	case *Refresh:
		for _, num := range in.Alerts {
			s := m.symptoms[m.numbers[num]]
			if s == nil || s.condition != conditionActive {
				continue
			}
			s.seen = now
			switch {
			case !in.Expires.IsZero():
				s.expires = latest(s.expires, in.Expires)
			case !s.explicit && m.policy.AlertTimeout >= 0:
				s.expires = now.Add(m.policy.AlertTimeout)
			}
		}
	case *Policy:
		m.adopt(*in)
	case *Gap:
		m.gap(now, in)
	}
}

func (m *dumbModel) alert(now time.Time, a *Alert, faults []int) {
	name := string(a.Labels)
	s := m.symptoms[name]
	if s == nil {
		severity := m.rules.Severity(a.Labels)
		entity, _ := m.rules.Entity(a.Labels)
		s = &modelSymptom{
			condition: conditionCleared, entity: entity, counts: severity == SeverityUnset || severity >= SeverityWarning, faults: make(map[int]bool),
		}
		m.symptoms[name] = s
		if a.Resolved() {
			s.ended, s.left, s.startsAt = now, now, firstOf(a.StartsAt, now)
		}
	}
	for _, f := range faults {
		s.faults[f] = true
	}
	late := s.condition == conditionCleared && !s.ended.IsZero() && !a.StartsAt.IsZero() && !a.StartsAt.After(s.startsAt) &&
		now.Sub(s.ended) < min(20*time.Second, m.policy.Settle)
	switch {
	case a.Resolved():
		if s.condition != conditionCleared && !a.EndsAt.Before(s.startsAt) {
			s.end(conditionCleared, now)
		}
		return
	case late:
		return // somebody who had not heard yet that it was over
	case s.condition != conditionActive:
		s.startsAt = firstOf(a.StartsAt, now)
		s.begin(now, m.hold(a.Labels, s.entity))
	}
	s.seen = now
	s.explicit, s.expires = !a.Expires.IsZero(), a.Expires
	if !s.explicit && m.policy.AlertTimeout >= 0 {
		s.expires = now.Add(m.policy.AlertTimeout)
	}
}

func (s *modelSymptom) begin(now time.Time, hold time.Duration) {
	s.condition, s.since, s.ended, s.hold, s.waits = conditionActive, now, time.Time{}, hold, now.Add(hold)
}

// hold is how long rules let an alert wait.
func (m *dumbModel) hold(l Labels, e topology.Entity) time.Duration {
	severity := m.rules.Severity(l)
	if m.presses(severity, e) {
		return 0
	}
	if rule, ok := m.rules.Hold(l, severity); ok {
		return rule.Hold
	}
	return m.policy.Hold
}

// presses reports whether trouble of an entity must not wait.
func (m *dumbModel) presses(severity Severity, e topology.Entity) bool {
	_, critical := m.rules.Critical(e, "")
	return critical || m.policy.NotFor != SeverityUnset && severity >= m.policy.NotFor
}

func (s *modelSymptom) end(c condition, now time.Time) {
	if s.condition == conditionActive {
		s.left = now
	}
	s.condition, s.ended, s.expires = c, now, time.Time{}
}

func (m *dumbModel) event(now time.Time, ev *Event, faults []int) {
	at := firstOf(ev.At, now)
	if at.After(now) {
		at = now
	}
	meaning := m.rules.Event(ev)
	m.sign(now, at, ev, &meaning, m.heal(now, ev, meaning.Heals, at))
	ttl := meaning.TTL
	if ttl == 0 {
		ttl = m.policy.EventTTL
	}
	if late := m.depart(ev.Entity, &meaning); !meaning.Symptom || late || !meaning.State && !at.Add(ttl).After(now) {
		return
	}
	name := eventName(ev.Entity, ev.Reason)
	s := m.symptoms[name]
	switch {
	case s == nil:
		s = &modelSymptom{
			condition: conditionCleared, entity: ev.Entity, isEvent: true, faults: make(map[int]bool),
			counts: meaning.Severity == SeverityUnset || meaning.Severity >= SeverityWarning, exhausted: meaning.Exhausted,
		}
		m.symptoms[name] = s
	case meaning.State && s.state && s.condition == conditionActive && s.message == ev.Message:
		s.seen = now // it is still so
		return
	case !meaning.State && ev.ID != "" && s.eventID == ev.ID && s.count >= ev.Count:
		return
	}
	for _, f := range faults {
		s.faults[f] = true
	}
	expires := at.Add(ttl)
	// A recorder that sent its burst is heard of every five minutes only.
	if spent := ev.Count >= 25 && !s.startsAt.IsZero() && at.Sub(s.startsAt) <= 6*time.Minute; spent {
		expires = latest(expires, at.Add(6*time.Minute))
	}
	if s.condition != conditionActive {
		hold := m.policy.Hold
		if meaning.Exhausted || m.presses(meaning.Severity, ev.Entity) {
			hold = 0
		}
		s.begin(now, hold)
	}
	if s.state = meaning.State; s.state {
		expires = time.Time{}
	}
	s.eventID, s.count, s.message, s.startsAt, s.expires, s.seen = ev.ID, ev.Count, ev.Message, firstOf(ev.At, now), expires, now
}

// heal ends what an event speaks against. What lasted only because a state did fades from then on.
func (m *dumbModel) heal(now time.Time, ev *Event, reasons []string, at time.Time) (ended bool) {
	stateEnded := false
	for name, s := range m.symptoms {
		if !s.isEvent || s.entity != ev.Entity || s.condition != conditionActive || s.startsAt.After(at) || name == eventName(ev.Entity, ev.Reason) {
			continue
		}
		for _, reason := range reasons {
			if reason == "*" || name == eventName(ev.Entity, reason) {
				ended, stateEnded = true, stateEnded || s.state
				s.end(conditionCleared, now)
				break
			}
		}
	}
	if !stateEnded || m.toldState(ev.Entity) {
		return ended
	}
	for _, s := range m.symptoms {
		if s.isEvent && s.entity == ev.Entity && s.condition == conditionActive && s.expires.IsZero() {
			s.expires = now.Add(m.policy.EventTTL)
		}
	}
	return ended
}

// toldState reports whether a state of an entity is known and goes on.
func (m *dumbModel) toldState(e topology.Entity) bool {
	for _, s := range m.symptoms {
		if s.isEvent && s.entity == e && s.state && s.condition == conditionActive {
			return true
		}
	}
	return false
}

// depart notes whether an entity is gone, as far as an event says so, and reports whether it is: what else comes is late then. Of an
// entity that never was ill nobody remembers.
func (m *dumbModel) depart(e topology.Entity, meaning *EventMeaning) (late bool) {
	for _, s := range m.symptoms {
		if !s.isEvent || s.entity != e {
			continue
		}
		if s.condition != conditionActive && (meaning.Gone || meaning.State || len(meaning.Heals) > 0) {
			s.gone = meaning.Gone
		}
		late = late || s.gone
	}
	return late
}

// gap starts time-outs over, and gives senders time before anybody is told.
func (m *dumbModel) gap(now time.Time, g *Gap) {
	grace := min(g.To.Sub(g.From), m.policy.RestartGrace)
	for _, s := range m.symptoms {
		if s.condition != conditionActive {
			continue
		}
		s.waits = latest(s.waits, now.Add(grace))
		if s.expires.IsZero() {
			continue
		}
		timeout := m.policy.AlertTimeout
		switch {
		case s.isEvent:
			timeout = 0
		case s.explicit:
			timeout = 5 * time.Minute
		}
		s.expires = latest(s.expires, now.Add(max(grace, timeout)))
	}
}

// pass ends what is due by now: events fade, alerts are lost.
func (m *dumbModel) pass(now time.Time) {
	for _, s := range m.symptoms {
		switch {
		case s.condition != conditionActive || s.expires.IsZero() || s.expires.After(now):
		case s.isEvent && m.toldState(s.entity):
			s.expires = time.Time{} // silence is no recovery of what is still ill
		case s.isEvent:
			s.end(conditionCleared, now)
		case !s.explicit && m.policy.AlertTimeout < 0:
			s.expires = time.Time{}
		default:
			s.end(conditionLost, now)
		}
	}
}

// compare says where the engine disagrees, or "". What the engine forgot when it may, the model forgets too.
func (m *dumbModel) compare(now time.Time, e *Engine) string {
	known := make(map[string]*symptom)
	for _, num := range e.symptoms.numbers() {
		switch s := e.symptoms.get(num); {
		case s.isEvent():
			known[eventName(e.graph.Entity(s.node), s.name)] = s
		case s.fingerprint != 0: // others are the engine's own
			known[string(s.labels)] = s
			m.numbers[num] = string(s.labels)
		}
	}
	for name, s := range m.symptoms {
		k := known[name]
		switch {
		case k == nil && (s.condition == conditionActive || now.Sub(s.left) < m.forget && !s.resolved):
			return fmt.Sprintf("%s is %s and not known", display(name), conditionNames[s.condition])
		case k == nil:
			delete(m.symptoms, name)
		case k.condition != s.condition:
			return fmt.Sprintf("%s is %s, the engine thinks %s", display(name), conditionNames[s.condition], conditionNames[k.condition])
		case k.counts() != s.counts:
			return fmt.Sprintf("%s counts: %v, the engine thinks %v", display(name), s.counts, k.counts())
		}
		delete(known, name)
	}
	for name := range known {
		return fmt.Sprintf("%s is known and was never heard of, or should be forgotten", display(name))
	}
	return ""
}

// display makes the name of a symptom readable.
func display(name string) string {
	if l := Labels(name); l.Valid() && l.Len() > 0 {
		return l.String()
	}
	return name
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func firstOf(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}
