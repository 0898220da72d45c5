package correlate

import (
	"fmt"
	"slices"
	"time"

	"quell/correlate/topology"
)

// timelineMax bounds an incident's timeline; what is beyond it replaces the middle, since the beginning and the end matter most.
const (
	timelineMax  = 60
	timelineHead = 20
)

// incident is one root cause and what it explains. Times are Unix nanoseconds, zero for none. What can be computed from the
// symptoms is not stored with it: symptoms, active, lost, sites, severity and common are rebuilt on loading, so that a symptom
// that joins costs no write of the incident.
type incident struct {
	id         IncidentID
	generation int
	state      State
	root       topology.Node
	rootWhy    string
	roots      []Root

	opened       int64
	heldUntil    int64
	holdReason   string
	escalated    int64 // the first page ever
	acknowledged int64
	ackedBy      string
	recovered    int64
	settleAt     int64
	closed       int64
	closeReason  string
	mergedInto   IncidentID
	title, class string
	byHand       bool
	timeline     []TimelineEntry
	skipped      int // timeline entries left out

	pagedGeneration int // the last generation that was paged
	toldAlerts      int // symptoms when people were told last
	toldSeverity    Severity
	ranked          int   // symptoms when its candidates were ranked last
	rankedAt        int64 // when its roots were found
	rankDue         int64 // when it is ranked again at the latest, zero if nothing asks for it; see presume
	// parent is the last root of it that recovered although others were still ill, and parentGone when it did; zero if none did.
	parent     topology.Entity
	parentGone int64
	// gathers are the entities around which there are more incidents to be merged into this one; see gatherLater.
	gathers  []topology.Entity
	late     bool // its hold is over, and it only waits for what its parent brought down to follow
	heldFrom int64
	healed   *Healing // what ended its trouble; nil while it lasts, or if an operator ended it

	symptoms []uint64 // see sorted
	unsorted bool
	active   int
	lost     int
	sites    int // entities with active symptoms
	severity Severity
	common   Labels // labels that all symptoms share
	// uncounted is true if severity and common are to be computed anew; see tally.
	uncounted bool
}

// told reports whether people know of it: they were paged, or took it on.
func (i *incident) told() bool { return i.state == Escalated || i.state == Acknowledged }

// note adds to the timeline.
func (i *incident) note(at time.Time, d Decision, reason string) {
	if len(i.timeline) >= timelineMax {
		i.timeline = append(i.timeline[:timelineHead], i.timeline[timelineHead+1:]...)
		i.skipped++
	}
	i.timeline = append(i.timeline, TimelineEntry{At: at, Decision: d, Reason: reason})
}

// open begins an incident with its first symptom.
func (e *Engine) open(s *symptom) {
	i := e.begun(s.node)
	i.rootWhy = "it is the first symptom, and nothing that it depends on is ill"
	e.adoptSymptom(i, s)
	e.rerank(i)
	e.emit(i, Open, fmt.Sprintf("%s began on %s and nothing known explains it", s.name, e.graph.Entity(s.node)))
	e.hold(i, s, 0)
}

// begun makes an incident rooted in n, without symptoms.
func (e *Engine) begun(n topology.Node) *incident {
	i := &incident{id: e.nextIncident, generation: 1, state: Held, root: n, opened: e.now, heldFrom: e.now}
	e.nextIncident++
	e.dirty.counters = true
	e.incidents[i.id] = i
	e.local(n).root = i.id
	e.local(n).rooted++
	return i
}

// adoptSymptom makes s, which is active, a symptom of i.
func (e *Engine) adoptSymptom(i *incident, s *symptom) {
	if s.incident != i.id {
		e.leave(s)
		e.enlist(i, s)
		e.regrade(i, s.node)
	}
	e.mark(s)
	i.severity = max(i.severity, s.severity)
	i.active++
	e.seat(e.local(s.node).site, i.id)
	if i.recovered != 0 || i.settleAt != 0 {
		i.recovered, i.settleAt = 0, 0
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// enlist puts a symptom on the list of i.
func (e *Engine) enlist(i *incident, s *symptom) {
	i.unsorted = i.unsorted || len(i.symptoms) > 0 && i.symptoms[len(i.symptoms)-1] > s.num
	i.symptoms = append(i.symptoms, s.num)
	if len(i.symptoms) == 1 {
		i.common = s.labels
	} else {
		i.common = common(i.common, s.labels)
	}
	s.incident = i.id
}

// leave takes an inactive symptom out of the incident that it was part of.
func (e *Engine) leave(s *symptom) {
	old := e.incidents[s.incident]
	if old == nil {
		return
	}
	if k, found := slices.BinarySearch(old.sorted(), s.num); found {
		old.symptoms = slices.Delete(old.symptoms, k, k+1)
	}
	if old.uncounted = true; old.state.Open() {
		e.tally(old)
	}
	e.dirty.incidents[old.id] = struct{}{}
}

// tally computes from the symptoms what is the same for all of them, or the worst of them, if it is not known. For an incident that is
// over that waits until somebody looks: all that it had may be ill again in another, and leave it one by one.
func (e *Engine) tally(i *incident) {
	if !i.uncounted {
		return
	}
	i.uncounted = false
	i.severity, i.common = 0, ""
	for k, num := range i.sorted() {
		s := e.symptoms.get(num)
		i.severity = max(i.severity, s.severity)
		if k == 0 {
			i.common = s.labels
		} else {
			i.common = common(i.common, s.labels)
		}
	}
}

// sorted returns the numbers of the symptoms, ascending. Merging many incidents appends; sorting waits until somebody asks.
func (i *incident) sorted() []uint64 {
	if i.unsorted {
		slices.Sort(i.symptoms)
		i.unsorted = false
	}
	return i.symptoms
}

// join adds a symptom to an open incident.
func (e *Engine) join(i *incident, s *symptom, how string) {
	e.adoptSymptom(i, s)
	f := e.emit(i, Join, s.name+" joins: "+how)
	f.Entity = e.graph.Entity(s.node)
	e.hold(i, s, i.heldUntil)
	e.afterActive(i)
}

// resume continues an incident whose symptom came back before it was over.
func (e *Engine) resume(i *incident, s *symptom) {
	e.adoptSymptom(i, s)
	e.dirty.incidents[i.id] = struct{}{}
	e.hold(i, s, i.heldUntil)
	e.afterActive(i)
}

// afterActive escalates what comes back after its hold ran out, and tells people when it got worse.
func (e *Engine) afterActive(i *incident) {
	if i.state == Held && i.heldUntil <= e.now {
		e.timer(timerHold, e.now, uint64(i.id))
	}
	e.hurry(i)
	if i.state == Escalated || i.state == Acknowledged {
		worse := i.severity > i.toldSeverity
		if worse || len(i.symptoms) >= 2*i.toldAlerts && len(i.symptoms) >= i.toldAlerts+5 {
			e.emit(i, Update, fmt.Sprintf("%d symptoms on %d entities, worst %s", len(i.symptoms), i.sites, i.severity)).Worse = worse
			i.toldAlerts, i.toldSeverity = len(i.symptoms), i.severity
		}
	}
}

// tell notes that people who were paged hear that the incident changed its shape.
func (e *Engine) tell(i *incident) {
	if i.state == Escalated || i.state == Acknowledged {
		i.toldAlerts, i.toldSeverity = len(i.symptoms), i.severity
	}
}

// hold gives i the time that rules allow for a symptom. until is the deadline that it has already, 0 for none: a symptom
// may shorten it, never lengthen.
func (e *Engine) hold(i *incident, s *symptom, until int64) {
	if i.state != Held {
		return
	}
	d, why := e.usualHold(s)
	if s.exhausted {
		d = 0
	}
	at := e.now + int64(d)
	if until != 0 && at >= until {
		return
	}
	if s.exhausted {
		e.setHold(i, at, e.vain(s))
		return
	}
	e.setHold(i, at, fmt.Sprintf("held %s to heal by itself (%s); pages at %s", round(d), why, clock(at)))
}

// usualHold is how long a symptom may last until it is paged, and which rule says so.
func (e *Engine) usualHold(s *symptom) (d time.Duration, by string) {
	if d, by, ok := e.rules.Hold(s.labels, s.severity); ok {
		return d, by
	}
	return e.policy.Hold, "default hold"
}

// shorten takes over the earlier deadline of a merged incident. One that is over, since that incident was well when it came, is now.
func (e *Engine) shorten(i *incident, until int64, reason string) {
	switch {
	case i.state != Held || until >= i.heldUntil:
	case until < e.now:
		e.setHold(i, e.now, "the hold of what became a part of it is over")
	default:
		e.setHold(i, until, reason)
	}
}

func (e *Engine) setHold(i *incident, at int64, reason string) {
	i.heldUntil, i.holdReason = at, reason
	e.timer(timerHold, at, uint64(i.id))
	e.emit(i, Hold, reason).Until = fromNano(at)
}

// eased looks whether an incident's symptoms are all gone.
func (e *Engine) eased(i *incident) {
	if !i.state.Open() || i.active > 0 {
		return
	}
	e.dirty.incidents[i.id] = struct{}{}
	if i.lost > 0 {
		e.timer(timerLost, max(e.lastLost(i)+int64(e.policy.LostAfter), e.now), uint64(i.id))
		return
	}
	i.recovered, i.settleAt = e.now, e.now+int64(e.policy.Settle)
	e.timer(timerSettle, i.settleAt, uint64(i.id))
}

// due acts on an incident's timer if what it was set for still holds.
func (e *Engine) due(i *incident, kind timerKind) {
	switch {
	case kind == timerSettle && i.state.Open() && i.settleAt != 0 && i.settleAt <= e.now:
		e.settled(i)
	case kind == timerGather && i.state.Open() && len(i.gathers) > 0:
		e.gatherOn(i)
	case kind == timerRank && i.rankDue != 0 && i.rankDue <= e.now:
		e.rerank(i)
	case kind == timerHold && i.state == Held && i.heldUntil <= e.now && i.active+i.lost > 0:
		e.holdOver(i)
	case kind == timerDoubt && i.state.Open() && e.outlasted(i):
		e.rerank(i)
	case kind == timerLost && i.state.Open() && i.active == 0 && i.lost > 0 && e.lastLost(i)+int64(e.policy.LostAfter) <= e.now:
		e.close(i, Resolved, fmt.Sprintf("given up: nobody reported on it for %s, so whether it healed is unknown", round(e.policy.LostAfter)))
	case kind == timerForget && !i.state.Open() && i.closed+int64(e.policy.Reopen) <= e.now:
		e.forget(i)
	}
}

// settled closes an incident whose symptoms stayed clear.
func (e *Engine) settled(i *incident) {
	took := round(time.Duration(i.recovered - i.opened))
	i.healed = e.credit(i)
	if i.pagedGeneration == i.generation {
		e.close(i, Resolved, fmt.Sprintf("%s cleared after %s and stayed clear for %s; what healed it: %s",
			allOf(len(i.symptoms)), took, round(e.policy.Settle), i.healed))
		return
	}
	state := SelfHealed
	if i.state == Acknowledged {
		state = Resolved // somebody was looking: it cannot be told from a repair
	}
	e.close(i, state, fmt.Sprintf("healed by itself after %s: %s cleared and stayed clear for %s; what healed it: %s",
		took, allOf(len(i.symptoms)), round(e.policy.Settle), i.healed))
}

// holdOver escalates, unless all that is left is unknown because its source fell silent: then the source pages for it.
func (e *Engine) holdOver(i *incident) {
	if src := e.silentSource(i); src != "" {
		e.setHold(i, e.now+int64(max(e.policy.Hold, time.Minute)),
			fmt.Sprintf("unknown, neither healed nor failed: %s fell silent and is an incident of its own", src))
		return
	}
	if until, why := e.orphaned(i); until > e.now {
		i.late = true
		e.setHold(i, until, why)
		return
	}
	if until := e.newcomers(i); until > e.now {
		i.late = false
		e.setHold(i, until, fmt.Sprintf("what it began with recovered; what is ill now began later and gets until %s to heal", clock(until)))
		return
	}
	if until, why := e.healing(i); until > e.now {
		i.late = false
		e.setHold(i, until, why)
		return
	}
	e.splitBeforePage(i)
	if i.active+i.lost > 0 && i.heldUntil <= e.now {
		e.escalate(i)
	}
}

// newcomers is until when i waits although its hold is over: all that was ill when it began recovered, and what is ill now
// gets the hold that it would have had alone. Zero if something has had it, was there from the beginning, is critical, or fell silent.
// What breaks anew all the time is paged after twice the usual hold. It costs one look at each symptom.
func (e *Engine) newcomers(i *incident) (until int64) {
	most := i.opened + 2*int64(e.policy.Hold)
	began := make(map[topology.Node]int64)
	for _, num := range i.symptoms {
		s := e.symptoms.get(num)
		if at, known := began[s.node]; !known || s.began < at {
			began[s.node] = s.began
		}
	}
	for _, num := range i.symptoms {
		s := e.symptoms.get(num)
		if s.condition == conditionCleared {
			continue
		}
		if !s.active() || s.severity == SeverityCritical || began[s.node] <= i.opened {
			return 0
		}
		d, _ := e.usualHold(s)
		if at := began[s.node] + int64(d); until == 0 || at < until {
			until = at
		}
	}
	return min(until, most)
}

// orphaned is until when what a recovered root brought down gets time to follow, and why: the settle time, and as long as the usual
// hold unless somebody reports the rest anew. By then a sender would have told of its recovery, so that what still
// fires is trouble of its own. Zero if that is over, or the root did not recover, or is ill again.
func (e *Engine) orphaned(i *incident) (until int64, why string) {
	if i.parentGone == 0 || e.parentIll(i) {
		return 0, ""
	}
	if until = i.parentGone + int64(e.policy.Settle); until > e.now {
		return until, fmt.Sprintf("its cause recovered at %s; what that brought down gets %s to follow", clock(i.parentGone), round(e.policy.Settle))
	}
	if until = i.parentGone + int64(e.policy.Hold); until <= e.now || e.fresh(i) {
		return 0, ""
	}
	return until, fmt.Sprintf("its cause recovered at %s, and nobody has reported the rest since; waits for word until %s", clock(i.parentGone), clock(until))
}

// hurry ends the wait of an incident whose hold is over once what it still waits for did not come about: its parent is ill again, or,
// after the settle time, somebody reports the rest anew. Otherwise a parent that flaps could put off the page for ever.
func (e *Engine) hurry(i *incident) {
	if !i.late || i.state != Held || i.heldUntil <= e.now {
		return
	}
	if until, _ := e.orphaned(i); until > e.now {
		return
	}
	why := "what its cause brought down was reported again after that had recovered"
	if e.parentIll(i) {
		why = "its cause had recovered, and is ill again"
	}
	e.setHold(i, e.now, "its hold is over: "+why)
}

// parentIll reports whether the root of i that recovered last is ill again.
func (e *Engine) parentIll(i *incident) bool {
	n, ok := e.graph.Find(i.parent)
	return ok && e.ill(n)
}

// fresh reports whether an active symptom of i began, or was reported again, after its root had recovered.
func (e *Engine) fresh(i *incident) bool {
	for _, num := range i.symptoms {
		if s := e.symptoms.get(num); s.active() && s.seen > i.parentGone {
			return true
		}
	}
	return false
}

// allOf counts symptoms for a sentence.
func allOf(n int) string {
	if n == 1 {
		return "its symptom"
	}
	return fmt.Sprintf("all %d symptoms", n)
}

func (e *Engine) escalate(i *incident) {
	i.state, i.pagedGeneration = Escalated, i.generation
	if i.escalated == 0 {
		i.escalated = e.now
	}
	e.rerank(i)
	reason := fmt.Sprintf("did not recover within its hold: %d of %d symptoms still active after %s",
		i.active, len(i.symptoms), round(time.Duration(e.now-i.opened)))
	if i.active == 0 {
		reason = fmt.Sprintf("did not recover within its hold: nobody reports on its %d symptoms any more", i.lost)
	} else if s := e.exhausted(i, e.concern(i)); s != nil {
		reason = fmt.Sprintf("%s; %d of %d symptoms active after %s", e.vain(s), i.active, len(i.symptoms), round(time.Duration(e.now-i.opened)))
	}
	e.emit(i, Escalate, reason)
	e.tell(i)
}

// close ends an incident. It may be reopened for a while.
func (e *Engine) close(i *incident, state State, reason string) {
	i.state, i.closed, i.closeReason, i.settleAt, i.gathers = state, e.now, reason, 0, nil
	e.rerank(i) // what ended first can hardly have been the cause
	if e.local(i.root).root == i.id {
		e.local(i.root).root = 0
	}
	for _, num := range i.symptoms {
		e.resite(e.local(e.symptoms.get(num).node).site)
	}
	e.timer(timerForget, e.now+int64(e.policy.Reopen), uint64(i.id))
	d := Resolve
	if state == SelfHealed {
		d = SelfHeal
	}
	e.emit(i, d, reason)
}

// reopen continues a closed incident in a new generation.
func (e *Engine) reopen(i *incident, s *symptom) {
	away := e.now - i.closed
	e.tally(i)
	i.state, i.generation = Held, i.generation+1
	i.closed, i.closeReason, i.acknowledged, i.ackedBy, i.byHand = 0, "", 0, "", false
	i.heldUntil, i.holdReason, i.heldFrom, i.healed = 0, "", e.now, nil
	i.parent, i.parentGone, i.late = "", 0, false
	i.active, i.lost = 0, 0
	e.local(i.root).root = i.id
	for _, num := range slices.Clone(i.sorted()) {
		if t := e.symptoms.get(num); t != s {
			e.readopt(i, t)
		}
	}
	e.adoptSymptom(i, s)
	e.rerank(i)
	e.emit(i, Reopen, fmt.Sprintf("%s came back %s after the incident had ended", s.name, round(time.Duration(away))))
	e.hold(i, s, 0)
}

// readopt takes a symptom back into its incident, which was closed: it may fire on, if an operator closed it. If its entity
// belongs to another incident by now, it belongs there as well.
func (e *Engine) readopt(i *incident, t *symptom) {
	st := e.local(t.node).site
	if x := e.incidents[st.incident]; t.active() && x != nil && x != i && x.state.Open() {
		e.adoptSymptom(x, t)
		return
	}
	switch t.condition {
	case conditionActive:
		i.active++
	case conditionLost:
		i.lost++
	}
	e.resite(st)
}

// forget drops a closed incident and its cleared symptoms; history keeps its copy. Symptoms that still fire stay without
// incident, so that their end can be matched.
func (e *Engine) forget(i *incident) {
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.incident = 0; s.active() {
			e.mark(s)
			continue
		}
		e.drop(s)
	}
	delete(e.incidents, i.id)
	e.dirty.incidents[i.id] = struct{}{}
	e.local(i.root).rooted--
	e.release(i.root)
}
