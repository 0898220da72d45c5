package correlate

import (
	"fmt"
	"slices"
	"time"

	"quell/correlate/topology"
	"quell/internal/english"
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
	holdRule     *RuleID // the rule that holdReason names; nil if there is none
	escalated    int64   // the first page ever
	acknowledged int64
	ackedBy      string
	taken        *acknowledgement // what was acknowledged; nil unless the state is Acknowledged
	withdrawn    int64            // when all pages of this generation turned out to be taken back unsent
	recovered    int64
	settleAt     int64
	calmAt       int64 // when it would have been over if it did not flap; zero unless it is well and flaps
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
	generations generations
	gathers     []topology.Entity
	late        bool // its hold is over, and it only waits for what its parent brought down to follow
	heldFrom    int64
	excused     int64        // when its hold got a grace after a gap first; zero if it is no longer by that
	silence     *silenceWait // what the end of silences means for it; nil if nothing
	healed      *Healing     // what ended its trouble; nil while it lasts, or if an operator ended it
	foreseen    bool         // its deadline is by its outlook
	ruled       bool         // its deadline is by a rule alone
	outlook     *Outlook     // the last one that set a deadline in this generation; nil if none did
	watched     int64        // since when the present stretch of it goes on, of which lifetimes are learned; zero if nothing is
	trouble     trouble      // what that stretch is counted as
	storm       string       // how much else began just before; empty if that is nothing particular
	relapse     string       // why it is not held: somebody had taken it on before it came back; empty if nobody had

	illSince   int64      // since when some symptom of it has been active; zero if none is
	chronicDue int64      // when its record is looked at next; zero if that is not needed
	overdrawn  bool       // it is to be paged since it is chronic, whatever might put that off
	chronic    []Chronic  // in which ways it is chronic, in order of their kinds; copies may be given out, so it is never changed in place
	episodes   []Episodes // how often its alerts fired and cleared, in order of their names
	// chronicName is that of its record as it was asked for last; nil if it never was.
	chronicName *chronicName

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
	e.emitBy(i, Open, fmt.Sprintf("%s began on %s and nothing known explains it%s", s.name, e.graph.Entity(s.node), s.ownWords()), e.ownRule(s))
	e.watch(i)
	e.hold(i, s, 0)
}

// begun makes an incident rooted in n, without symptoms.
func (e *Engine) begun(n topology.Node) *incident {
	i := &incident{id: e.nextIncident, generation: 1, state: Held, root: n, opened: e.now, heldFrom: e.now, storm: e.rush.band(e.now)}
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
		i.recovered, i.settleAt, i.calmAt = 0, 0, 0
		e.dirty.incidents[i.id] = struct{}{}
	}
	if i.illSince == 0 {
		e.sicken(i)
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
	until := e.standing(i)
	e.adoptSymptom(i, s)
	f := e.emit(i, Join, s.name+" joins: "+how+s.ownWords())
	f.Entity, f.Rule = e.graph.Entity(s.node), e.ownRule(s)
	e.hold(i, s, until)
	e.budgetAnew(i, s)
	e.afterActive(i, e.newName(i, s.num))
}

// budgetAnew looks at the budget of an incident of which s began: it may be silenced no longer, or muted.
func (e *Engine) budgetAnew(i *incident, s *symptom) {
	if e.silences.inForce+e.mutes.mutable > 0 {
		e.unmuted(i, s)
		e.watchBudget(i)
	}
}

// resume continues an incident whose symptom came back before it was over.
func (e *Engine) resume(i *incident, s *symptom) {
	until := e.standing(i)
	e.adoptSymptom(i, s)
	e.dirty.incidents[i.id] = struct{}{}
	e.hold(i, s, until)
	e.budgetAnew(i, s)
	e.afterActive(i, e.newName(i, s.num))
}

// afterActive escalates what comes back after its hold ran out, and tells people when it got worse. unseen is as in [Engine.worsened].
func (e *Engine) afterActive(i *incident, unseen string) {
	if i.state == Held && i.heldUntil <= e.now {
		e.timer(timerHold, e.now, uint64(i.id))
	}
	e.hurry(i)
	if e.lapses(i) {
		e.timer(timerAck, e.now, uint64(i.id))
	}
	if e.worsened(i, unseen) {
		return
	}
	if i.state == Escalated || i.state == Acknowledged {
		worse := i.severity > i.toldSeverity
		if (worse || len(i.symptoms) >= 2*i.toldAlerts && len(i.symptoms) >= i.toldAlerts+5) && !e.owesUpdate(i) {
			e.emit(i, Update, fmt.Sprintf("%s on %s, worst %s", english.Count(len(i.symptoms), "symptom"), english.Count(i.sites, "entity"), i.severity)).Worse = worse
			i.toldAlerts, i.toldSeverity = len(i.symptoms), i.severity
		}
	}
}

// tell notes that people who were paged hear that the incident changed its shape.
func (e *Engine) tell(i *incident) {
	if (i.state == Escalated || i.state == Acknowledged) && !e.owesUpdate(i) {
		i.toldAlerts, i.toldSeverity = len(i.symptoms), i.severity
	}
}

// eased looks whether an incident's symptoms are all gone.
func (e *Engine) eased(i *incident) {
	if !i.state.Open() || i.active > 0 {
		return
	}
	e.dirty.incidents[i.id] = struct{}{}
	if i.lost > 0 {
		e.lapse(i)
		e.timer(timerLost, max(e.lastLost(i)+int64(e.policy.LostAfter), e.now), uint64(i.id))
		return
	}
	i.recovered, i.settleAt = e.now, e.now+int64(e.policy.Settle)
	if rests := e.recover(i); rests > i.settleAt {
		i.calmAt, i.settleAt = i.settleAt, rests
	}
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
	case kind == timerAck && e.lapses(i):
		e.lapsed(i)
	case kind == timerDoubt && i.state.Open() && e.outlasted(i):
		e.rerank(i)
	case kind == timerLost && i.state.Open() && i.active == 0 && i.lost > 0 && e.lastLost(i)+int64(e.policy.LostAfter) <= e.now:
		e.unwatch(i, e.lastLost(i))
		e.close(i, Resolved, fmt.Sprintf("given up: nobody reported on it for %s, so whether it healed is unknown", round(e.policy.LostAfter)))
	case kind == timerLearn:
		e.checkpoint(i)
	case kind == timerForget && !i.state.Open() && i.closed+int64(e.policy.Reopen) <= e.now:
		e.bury(i)
	case kind == timerChronic && i.state.Open() && i.chronicDue != 0 && i.chronicDue <= e.now:
		e.reviewChronic(i)
	}
}

// settled closes an incident whose symptoms stayed clear.
func (e *Engine) settled(i *incident) {
	took, stayed := round(time.Duration(i.recovered-i.heldFrom)), round(time.Duration(e.now-i.recovered))
	i.healed = e.credit(i)
	e.learn(i, i.recovered, true)
	e.ended(i)
	i.watched = 0
	e.noteHealed(i)
	if i.pagedGeneration == i.generation {
		e.close(i, Resolved, fmt.Sprintf("%s cleared after %s and stayed clear for %s; what healed it: %s",
			allOf(len(i.symptoms)), took, stayed, i.healed))
		return
	}
	state := SelfHealed
	if i.state == Acknowledged {
		state = Resolved // somebody was looking: it cannot be told from a repair
	}
	e.close(i, state, fmt.Sprintf("healed by itself after %s: %s cleared and stayed clear for %s; what healed it: %s",
		took, allOf(len(i.symptoms)), stayed, i.healed))
}

// allOf counts symptoms for a sentence.
func allOf(n int) string {
	if n == 1 {
		return "its symptom"
	}
	return fmt.Sprintf("all %d symptoms", n)
}

// close ends an incident. It may be reopened for a while.
func (e *Engine) close(i *incident, state State, reason string) {
	e.unwatch(i, e.now)
	i.state, i.closed, i.closeReason, i.settleAt, i.gathers = state, e.now, reason, 0, nil
	e.endSilenceWait(i)
	i.calmAt, i.illSince, i.chronicDue, i.overdrawn = 0, 0, 0, false
	e.rerank(i) // what ended first can hardly have been the cause
	if e.local(i.root).root == i.id {
		e.local(i.root).root = 0
	}
	for _, num := range i.symptoms {
		e.resite(e.local(e.symptoms.get(num).node).site)
	}
	e.watchGrave(i)
	d := Resolve
	if state == SelfHealed {
		d = SelfHeal
	}
	e.emit(i, d, reason)
}

// reopen continues a closed incident in a new generation.
func (e *Engine) reopen(i *incident, s *symptom) {
	away := e.now - i.closed
	i.relapse = relapsed(i, away)
	e.tally(i)
	i.state, i.generation = Held, i.generation+1
	i.closed, i.closeReason, i.acknowledged, i.ackedBy, i.byHand = 0, "", 0, "", false
	i.taken, i.withdrawn = nil, 0
	i.heldUntil, i.holdReason, i.holdRule, i.heldFrom, i.healed = 0, "", nil, e.now, nil
	i.foreseen, i.ruled = false, false
	i.parent, i.parentGone, i.late, i.outlook, i.storm = "", 0, false, nil, e.rush.band(e.now)
	i.active, i.lost = 0, 0
	i.expireChronic(e.now)
	e.local(i.root).root = i.id
	for _, num := range slices.Clone(i.sorted()) {
		if t := e.symptoms.get(num); t != s {
			e.readopt(i, t)
		}
	}
	e.adoptSymptom(i, s)
	e.rerank(i)
	how := "came back"
	if s.since <= e.now-away {
		how = "still fires"
	}
	e.emitBy(i, Reopen, fmt.Sprintf("%s %s %s after the incident had ended%s", s.name, how, round(time.Duration(away)), s.ownWords()), e.ownRule(s))
	e.watch(i)
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

// watchGrave sets the timers of an incident that is over: when what still fires is taken up again, and when it can no longer be reopened.
func (e *Engine) watchGrave(i *incident) {
	last := i.closed + e.reopenFor(i)
	if first := i.closed + int64(e.policy.Reopen); first < last && first > e.now {
		e.timer(timerForget, first, uint64(i.id))
	}
	e.timer(timerForget, last, uint64(i.id))
}

// bury takes up again what still fires although an operator closed i so long ago, since nobody would ever hear of it otherwise, or forgets
// i if it can no longer be reopened.
func (e *Engine) bury(i *incident) {
	for _, num := range slices.Clone(i.sorted()) {
		s := e.symptoms.get(num)
		if !s.active() || s.incident != i.id || i.state.Open() {
			continue
		}
		if e.place(s, e.local(s.node).site); s.incident != i.id && i.state != Merged {
			i.active--
		}
	}
	if !i.state.Open() && i.closed+e.reopenFor(i) <= e.now {
		e.forget(i)
	}
}

// forget drops a closed incident and its symptoms; history keeps its copy.
func (e *Engine) forget(i *incident) {
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.incident = 0; s.condition == conditionCleared && s.ended+e.keptFor(s) > e.now {
			e.mark(s)
			e.dropLater(s)
			continue
		}
		e.drop(s)
	}
	e.seal(i, true)
	e.endSilencesOf(i.id)
	delete(e.incidents, i.id)
	e.dirty.incidents[i.id] = struct{}{}
	e.local(i.root).rooted--
	e.release(i.root)
}
