package correlate

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// notedEvery is how often changed annotations of a firing alert are worth a write: rules that print the current value
// into them change them at each evaluation.
const notedEvery = int64(15 * time.Minute)

// condition is how a symptom stands. The zero value is invalid.
type condition uint8

const (
	conditionActive  condition = iota + 1
	conditionCleared           // somebody said that it is over, or an event faded
	conditionLost              // its source fell silent: nobody knows
)

var conditionNames = [...]string{conditionActive: "active", conditionCleared: "cleared", conditionLost: "lost"}

// symptom is an active condition of an entity, or one that ended not long ago. Times are Unix nanoseconds, zero for none.
type symptom struct {
	num         uint64
	fingerprint model.Fingerprint // of alerts; 0 for events
	node        topology.Node
	incident    IncidentID // 0: none, since it is information only
	condition   condition
	severity    Severity
	explicit    bool     // the sender gave a time-out
	fades       bool     // it is an event
	state       bool     // it is an event that tells a state, see [EventMeaning]
	gone        bool     // it is an event, and its entity is gone; never with state
	changed     bool     // its row is marked
	beats       []string // the heartbeats that it is a beat of, as rules say; not stored
	answers     *answers // what rules say of its labels; nil if they are to be asked each time; not stored
	unawaited   bool     // it is an event, and Pending does not await its expiry timer since it had ended
	aspect      Aspect   // what rules say, like the next two; not stored
	strength    float64
	exhausted   bool
	muting      *muting // what rules say of whether it pages; nil if nothing; not stored
	count       int32

	startsAt int64 // by the sender's clock
	began    int64 // when quell heard of it first in the course of its incident, less what its rule waits; pauses do not count
	since    int64 // when quell heard that it began last
	seen     int64 // when it was reported last while it was active
	ended    int64 // when quell heard that it ended, or lost it
	expires  int64
	expireAt int64 // when its expiry timer comes, which may be before it is due
	dropAt   int64 // likewise
	noted    int64 // when annotations were taken over last

	name        string
	class       string // what it is counted by, see rarity.go; not stored
	source      string
	generator   string
	eventID     string
	labels      Labels
	annotations Labels
	owner       topology.Entity // what owned its entity when it was active last; possibly empty
}

func (s *symptom) active() bool  { return s.condition == conditionActive }
func (s *symptom) isEvent() bool { return s.fades }

// counts reports whether it makes incidents; information does not.
func (s *symptom) counts() bool { return s.severity == SeverityUnset || s.severity >= SeverityWarning }

type eventKey struct {
	node   topology.Node
	reason string
}

// Unchanged reports whether an alert says nothing new: the caller may answer for it without a write. A beat always says something: when it came. num is what to put in a
// [Refresh], or 0 if not even its time-out moves.
func (e *Engine) Unchanged(a *Alert) (num uint64, ok bool) {
	s := e.alerts[a.Fingerprint]
	if s == nil {
		return 0, false
	}
	if a.Resolved() {
		return 0, s.condition == conditionCleared && toNano(a.StartsAt) <= max(s.startsAt, s.ended)
	}
	if !s.active() || len(s.beats) > 0 || s.annotations != a.Annotations && e.now-s.noted >= notedEvery {
		return 0, false
	}
	return s.num, true
}

func (e *Engine) alert(a *Alert) {
	s := e.alerts[a.Fingerprint]
	switch {
	case s == nil:
		e.newAlert(a)
	case a.Resolved():
		if s.condition != conditionCleared && s.endedBy(a) {
			e.end(s, conditionCleared)
		}
	case s.active():
		e.note(s, a)
		e.seenAgain(s, e.now)
		e.setExpiry(s, e.expiry(s, a.Expires))
	case s.condition == conditionCleared && e.stale(s, a):
	default:
		s.startsAt = cmp0(toNano(a.StartsAt), e.now)
		e.note(s, a)
		e.begin(s)
		e.setExpiry(s, e.expiry(s, a.Expires))
	}
}

// staleFor is how long after a recovery a report of the same episode counts as late: a peer of an Alertmanager cluster sends up to
// 15 s after another. What comes later is believed, since a source that was away comes back with the old start, and a
// webhook would not repeat it for hours; a peer that is later still tells of the recovery next.
const staleFor = int64(20 * time.Second)

// endedBy reports whether a resolved report is about the episode that is known, and not about one before it. Its start tells; so does an
// end after the start that is known, by whatever clock: an Alertmanager that gives an alert up writes the end by its own, which may be
// behind that of the sender who wrote the start.
func (s *symptom) endedBy(a *Alert) bool {
	return toNano(a.StartsAt) == s.startsAt || toNano(a.EndsAt) >= s.startsAt
}

// stale reports whether a firing report is older than the recovery that is known.
func (e *Engine) stale(s *symptom, a *Alert) bool {
	start := toNano(a.StartsAt)
	return start != 0 && start <= s.startsAt && e.now < s.ended+min(staleFor, int64(e.policy.Settle))
}

func (e *Engine) newAlert(a *Alert) {
	if e.symptoms.len() >= e.policy.MaxSymptoms {
		e.overflow()
		return
	}
	severity, entity, edges := e.subject(a.Labels)
	s := e.newSymptom(e.graph.Intern(entity), severity)
	s.fingerprint = a.Fingerprint
	s.startsAt = cmp0(toNano(a.StartsAt), e.now)
	s.name = e.strings.get(a.Labels.Get(model.AlertNameLabel))
	s.labels = a.Labels
	s.source = e.strings.get(a.Source)
	e.alerts[a.Fingerprint] = s
	e.note(s, a)
	e.addEdges(s, edges)
	e.track(s)
	if len(s.beats) > 0 {
		s.severity = SeverityNone // it should always fire: that it does is no symptom
	}
	if a.Resolved() {
		// It fired and ended before anybody told us: a short trouble that healed, and part of the story.
		e.begin(s)
		e.end(s, conditionCleared)
		return
	}
	e.begin(s)
	e.setExpiry(s, e.expiry(s, a.Expires))
}

func (e *Engine) newSymptom(n topology.Node, severity Severity) *symptom {
	s := &symptom{num: e.nextSymptom, node: n, severity: severity, condition: conditionCleared, count: 1}
	e.nextSymptom++
	e.symptoms.put(s)
	e.dirty.counters = true
	return s
}

// note takes over what may change while an alert fires.
func (e *Engine) note(s *symptom, a *Alert) {
	s.annotations, s.generator, s.noted = a.Annotations, e.strings.get(a.GeneratorURL), e.now
	e.mark(s)
}

// expiry is when s is lost unless it is reported again: the sender's word if it gave one.
func (e *Engine) expiry(s *symptom, told time.Time) int64 {
	s.explicit = !told.IsZero()
	if s.explicit {
		return told.UnixNano()
	}
	if e.policy.AlertTimeout < 0 {
		return 0
	}
	return e.now + int64(e.policy.AlertTimeout)
}

// timeout is how long s may go unreported after a gap.
func (e *Engine) timeout(s *symptom) int64 {
	switch {
	case s.isEvent():
		return 0
	case s.explicit:
		return int64(5 * time.Minute) // Alertmanager's resolve_timeout, longer than Prometheus' four resends
	default:
		return int64(e.policy.AlertTimeout)
	}
}

// setExpiry moves a time-out. A timer that is due earlier stays and renews itself, so that a refresh costs no timer.
func (e *Engine) setExpiry(s *symptom, at int64) {
	if at == s.expires {
		return
	}
	if at != 0 && (s.expireAt == 0 || at < s.expireAt) {
		e.expireTimer(s, at)
	}
	s.expires = at
	e.dirty.expiries[s.num/expiryBlock] = struct{}{}
}

// seenAgain notes that an active symptom was reported again at a time.
func (e *Engine) seenAgain(s *symptom, at int64) {
	s.seen = max(s.seen, at)
	e.dirty.expiries[s.num/expiryBlock] = struct{}{}
	e.alertBeats(s, at)
	if i := e.incidents[s.incident]; i != nil && s.counts() {
		e.hurry(i)
	}
}

// expireTimer sets the expiry timer. Those set before it come too, and are ignored: each symptom renews one only, or one that
// comes and goes would gather them.
func (e *Engine) expireTimer(s *symptom, at int64) {
	s.expireAt = at
	e.timer(timerExpire, at, s.num)
}

func (e *Engine) refresh(in *Refresh, at int64) {
	for _, num := range in.Alerts {
		s := e.symptoms.get(num)
		if s == nil || !s.active() {
			continue
		}
		e.seenAgain(s, at)
		switch {
		case !in.Expires.IsZero():
			e.setExpiry(s, max(s.expires, in.Expires.UnixNano()))
		case e.policy.AlertTimeout >= 0 && !s.explicit:
			e.setExpiry(s, e.now+int64(e.policy.AlertTimeout))
		}
	}
}

// expire ends what was not reported again in time: events fade, alerts are lost.
func (e *Engine) expire(t timer) {
	s := e.symptoms.get(t.id)
	if s == nil || s.expireAt != t.at {
		return
	}
	s.expireAt = 0
	if !s.active() || s.expires == 0 {
		return
	}
	if s.expires > e.now {
		e.expireTimer(s, s.expires)
		return
	}
	if s.isEvent() {
		if e.toldState(s.node) {
			e.setExpiry(s, 0)
			return
		}
		e.end(s, conditionCleared)
		return
	}
	if !s.explicit && e.policy.AlertTimeout < 0 {
		e.setExpiry(s, 0) // a policy since then says that it never times out
		return
	}
	e.end(s, conditionLost)
	e.lostBy(s)
}

func (e *Engine) event(ev *Event) {
	m := e.rules.Event(ev)
	e.eventBeats(ev)
	at := e.now
	if t := toNano(ev.At); t != 0 && t < at {
		at = t
	}
	n := e.graph.Intern(ev.Entity)
	ended := e.heal(n, ev.Reason, m.Heals, at)
	e.noteSign(n, ev, &m, ended)
	if m.Change && at+changeFor > e.now {
		e.noteChange(n, ev, at)
	}
	late := e.depart(n, &m)
	ttl := int64(m.TTL)
	if ttl == 0 {
		ttl = int64(e.policy.EventTTL)
	}
	if !m.Symptom || late || !m.State && at+ttl <= e.now {
		e.release(n)
		return
	}
	e.eventSymptom(n, ev, m, at+ttl)
}

const (
	// An event recorder of Kubernetes sends recorderBurst events about an object as they come, and then one in five minutes
	// (client-go, tools/record). From then on nothing can be read from a silence that is shorter than recorderPause.
	recorderBurst = 25
	recorderPause = int64(6 * time.Minute)
)

// fadesAt returns when an event symptom ends if nothing more is heard: at the time given, or later when its recorder goes slow.
func (e *Engine) fadesAt(s *symptom, ev *Event, expires int64) int64 {
	at := min(cmp0(toNano(ev.At), e.now), e.now)
	if ev.Count >= recorderBurst && at-s.startsAt <= recorderPause {
		return max(expires, at+recorderPause)
	}
	return expires
}

// depart notes on the event symptoms of n whether it is gone, as far as an event of this meaning says so, and reports whether it is:
// then the event comes late.
func (e *Engine) depart(n topology.Node, m *EventMeaning) (late bool) {
	st := e.local(n).site
	if st == nil {
		return false
	}
	tells := m.Gone || m.State || len(m.Heals) > 0
	for _, num := range st.symptoms {
		s := e.symptoms.get(num)
		if s.isEvent() && !s.active() && tells && s.gone != m.Gone {
			s.gone, s.state = m.Gone, s.state && !m.Gone
			e.mark(s)
		}
		late = late || s.gone
	}
	return late
}

// toldState reports whether a state holds on n.
func (e *Engine) toldState(n topology.Node) bool {
	st := e.local(n).site
	return st != nil && slices.ContainsFunc(st.symptoms, func(num uint64) bool {
		s := e.symptoms.get(num)
		return s.state && s.active()
	})
}

func (e *Engine) eventSymptom(n topology.Node, ev *Event, m EventMeaning, expires int64) {
	s := e.events[eventKey{n, ev.Reason}]
	if s == nil {
		if e.symptoms.len() >= e.policy.MaxSymptoms {
			e.release(n)
			e.overflow()
			return
		}
		s = e.newSymptom(n, m.Severity)
		s.fades = true
		s.name = e.strings.get(ev.Reason)
		s.source = e.strings.get(ev.Source)
		s.labels = eventLabels(ev, m.Severity)
		s.count = 0
		e.events[eventKey{n, s.name}] = s
		e.track(s)
	} else if m.State && s.state && s.active() {
		if s.annotations.Get("message") == ev.Message {
			e.seenAgain(s, e.now)
			return // it is still so
		}
	} else if !m.State && ev.ID != "" && s.eventID == ev.ID && int(s.count) >= ev.Count {
		return // a duplicate, or an older repeat
	}
	expires = e.fadesAt(s, ev, expires)
	s.eventID, s.count = ev.ID, int32(min(ev.Count, 1<<30))
	e.say(s, ev)
	s.startsAt = cmp0(toNano(ev.At), e.now)
	e.mark(s)
	if !s.active() {
		s.state = false
		e.begin(s)
		e.giveUp(s)
	} else {
		e.seenAgain(s, e.now)
	}
	if s.state = s.state || m.State; s.state {
		expires = 0
	}
	e.setExpiry(s, expires)
}

// eventLabels gives an event the labels that routes and rules select alerts by.
func eventLabels(ev *Event, severity Severity) Labels {
	pairs := []Label{
		{model.AlertNameLabel, ev.Reason},
		{"severity", severity.String()},
		{"source", "kubernetes"},
		{"component", ev.Component},
		{"namespace", ev.Entity.Namespace()},
		{"cluster", ev.Entity.Cluster()},
	}
	if kind := ev.Entity.Kind(); kind != "namespace" {
		pairs = append(pairs, Label{kind, ev.Entity.Name()})
	}
	return NewLabels(slices.DeleteFunc(pairs, func(l Label) bool { return l.Value == "" }))
}

// heal ends the event symptoms of an entity that an event speaks against, if they are not newer than it, and reports whether there
// were any.
func (e *Engine) heal(n topology.Node, reason string, reasons []string, at int64) (ended bool) {
	st := e.local(n).site
	if st == nil || len(reasons) == 0 {
		return false
	}
	stateEnded := false
	for _, num := range slices.Clone(st.symptoms) {
		s := e.symptoms.get(num)
		if s.isEvent() && s.active() && s.startsAt <= at && s.name != reason &&
			(slices.Contains(reasons, s.name) || slices.Contains(reasons, "*")) {
			ended, stateEnded = true, stateEnded || s.state
			e.end(s, conditionCleared)
		}
	}
	if !stateEnded || e.toldState(n) {
		return ended
	}
	for _, num := range st.symptoms { // what did not fade while the state held does from now on
		if s := e.symptoms.get(num); s.isEvent() && s.active() && s.expires == 0 {
			e.setExpiry(s, e.now+int64(e.policy.EventTTL))
		}
	}
	return ended
}

// overflowEntity is what the symptom of having no room is about.
const overflowEntity topology.Entity = "quell/symptoms"

// overflow escalates that there is no room for another symptom: it is better to be told once than to miss one in silence.
func (e *Engine) overflow() {
	n := e.graph.Intern(overflowEntity)
	if st := e.local(n).site; st != nil && st.active > 0 {
		return
	}
	s := e.newSymptom(n, SeverityCritical)
	s.name, s.startsAt = "TooManySymptoms", e.now
	s.labels = LabelsOf(model.AlertNameLabel, s.name, "severity", "critical")
	s.annotations = LabelsOf("summary", fmt.Sprintf("more than %d symptoms: further alerts are not looked at", e.policy.MaxSymptoms))
	e.track(s)
	e.begin(s)
}

func cmp0(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}
