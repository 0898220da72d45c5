package correlate

import (
	"maps"
	"slices"
	"time"

	"quell/correlate/topology"
)

// Self-healing must not mask decay. For each class of trouble on each entity, or workload, quell keeps a record of its episodes: from when an
// incident is ill, since a symptom of it is active, until none is. Five things make trouble chronic: it lasted too long within a window, all
// hidden episodes together (its budget); it flaps; it recurs; it comes more often, or takes longer to heal, than it used to. Each is told
// once in a while, by the rule's action. See docs/decisions/0015-chronic.md.

// chronicCase is an incident as its record and its rule see it.
type chronicCase struct {
	// The key is that of the record: a class, and the subject that it is counted for. The class is by the first symptom on the root, so
	// that it does not change while alerts come and go.
	*chronicName
	rule ChronicRule
}

// chronicName is what a record is found by.
type chronicName struct {
	alert string // the name of the first symptom on the root
	of    topology.Entity
	key   string
	// subject is the key for people.
	subject string
	record  *chronicRecord // as it was looked up last; nil if there was none
}

// find returns the record of n; nil if there is none.
func (t *chronicTable) find(n *chronicName) *chronicRecord {
	if n.record == nil || n.record.forgotten {
		n.record = t.of[n.key]
	}
	return n.record
}

// chronicCase finds the record and the rule for an incident.
func (e *Engine) chronicCase(i *incident) chronicCase {
	first := e.foremost(i)
	rule, _ := e.chronicOf(first)
	return chronicCase{e.chronicNameOf(i, first), rule.withDefaults(e.holdRule(first).Hold)}
}

// foremost is the first symptom on the root of i, or of all if the root is silent.
func (e *Engine) foremost(i *incident) *symptom {
	first := e.symptoms.get(i.sorted()[0])
	if st := e.local(i.root).site; st != nil {
		for _, num := range st.symptoms {
			if s := e.symptoms.get(num); s.incident == i.id {
				return s
			}
		}
	}
	return first
}

// chronicNameOf names the record of i, the foremost symptom of which is given. It is asked for a dozen times in the life of an incident,
// and hardly ever another one. What it finds of the record is good for now.
func (e *Engine) chronicNameOf(i *incident, first *symptom) *chronicName {
	n, subject := i.chronicName, e.chronicSubject(i.root)
	if n == nil || n.alert != first.name || n.of != subject {
		class, of := classOf(first.name, subject), shorten(string(subject), topology.MaxEntityBytes)
		n = &chronicName{alert: first.name, of: subject, key: class + "\x00" + of, subject: class + ": " + of}
		i.chronicName = n
	}
	e.chronic.find(n)
	return n
}

// passing are kinds of entities that come and go under ever new names.
var passing = []string{"pod", "job"}

// chronicSubject is what the trouble of n is counted for: the workload of what comes and goes, by all that is known or else by its name, else n
// itself.
func (e *Engine) chronicSubject(n topology.Node) topology.Entity {
	entity := e.graph.Entity(n)
	for range partsDepth {
		if kind := entity.Kind(); !slices.Contains(passing, kind) && !topology.Revision(kind) {
			break
		}
		owner := e.controllerOf(n)
		if owner == "" {
			owner = namedWorkload(entity)
		}
		if owner == "" {
			break
		}
		entity = owner
		m, known := e.graph.Find(owner)
		if !known {
			break
		}
		n = m
	}
	return entity
}

// controllerOf is what owns n by all that is known, or did when n was ill last; empty if nothing does.
func (e *Engine) controllerOf(n topology.Node) topology.Entity {
	for _, a := range e.graph.Owners(n) {
		if e.graph.TypeName(a.Type) == "owns" {
			return e.graph.Entity(a.Node)
		}
	}
	if st := e.local(n).site; st != nil && len(e.graph.Owners(n)) == 0 {
		for _, num := range st.symptoms {
			if s := e.symptoms.get(num); s.owner != "" {
				return s.owner
			}
		}
	}
	return ""
}

// sicken notes that i is ill from now on, and lets its record be looked at when the step's inputs are read.
func (e *Engine) sicken(i *incident) {
	i.illSince = e.now
	e.dirty.incidents[i.id] = struct{}{}
	e.lookChronic(i, e.now)
}

// lookChronic sees to it that the record of i is looked at by then.
func (e *Engine) lookChronic(i *incident, at int64) {
	if i.chronicDue == 0 || at < i.chronicDue {
		i.chronicDue = at
		e.timer(timerChronic, at, uint64(i.id))
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// watchBudget lets the record of i be looked at when its budget is spent, if that is before its hold ends. While people know of what i waits for,
// nothing is spent; the end of that wait asks again.
func (e *Engine) watchBudget(i *incident) {
	if i.state != Held || i.illSince == 0 || i.overdrawn || i.waitsForMute() && !i.silence.Rule {
		return
	}
	c := e.chronicCase(i)
	c.rule.Budget = max(c.rule.Budget, e.allowance(i))
	hidden, _ := c.record.within(e.now, c.rule.Window)
	due := max(i.illSince+max(int64(c.rule.Budget)-hidden, 0), e.now, c.tellAgain(OverBudget))
	if until, all := e.pardoned(i); all {
		due = max(due, until) // nobody is told before
	}
	if due < i.heldUntil {
		e.lookChronic(i, due)
	}
}

// reviewChronic looks at the record of an open incident since it became ill, or has spent its budget by now.
func (e *Engine) reviewChronic(i *incident) {
	i.chronicDue = 0
	e.dirty.incidents[i.id] = struct{}{}
	if i.illSince == 0 {
		return
	}
	e.judgeChronic(i, e.chronicCase(i))
	e.watchBudget(i)
}

// recover notes that i is well, and returns until when it stays open although it settles, since it flaps; 0 if it does not.
func (e *Engine) recover(i *incident) (until int64) {
	c := e.chronicCase(i)
	if i.illSince != 0 {
		r := e.recordOf(c.chronicName)
		r.ended(e.now, i.unheard(e.now), true, c.rule.Window)
		r.Flaps = r.Flaps.Flapped(e.now, c.rule.Flaps)
		i.illSince = 0
		e.judgeChronic(i, c)
	}
	if r := c.record; r != nil {
		second := int64(time.Second) // people read this time
		return (r.Flaps.Rests(c.rule.Flaps) + second - 1) / second * second
	}
	return 0
}

// lapse notes that nobody knows any more whether i is ill.
func (e *Engine) lapse(i *incident) {
	if i.illSince == 0 {
		return
	}
	c := e.chronicCase(i)
	e.recordOf(c.chronicName).ended(e.now, i.unheard(e.now), false, c.rule.Window)
	i.illSince = 0
	e.dirty.incidents[i.id] = struct{}{}
}

// unheard is for how long i has been ill without anybody being told. For how long people know of it is left out, since they silenced it, or are
// told of what inhibits it.
func (i *incident) unheard(now int64) int64 {
	switch {
	case i.told():
		return 0
	case i.waitsForMute() && !i.silence.Rule:
		return max(i.silence.Since-i.illSince, 0)
	}
	return now - i.illSince
}

// peopleKnow notes that people know of the trouble of i: its budget begins anew.
func (e *Engine) peopleKnow(i *incident) {
	i.overdrawn = false
	n := e.chronicNameOf(i, e.foremost(i))
	if n.record == nil {
		return
	}
	r := e.recordOf(n)
	for k := range r.Spans {
		r.Spans[k].Ill = 0
	}
}

// forgiveSilence lets the budget of i begin anew: who silenced it knows of its trouble. What a rule mutes, nobody does; the time in which nothing
// else was ill has a budget of its own, see allowance, and does not count for what else is ill from now on. Nor does the time of an inhibition, but what
// was before it does: else a source that flaps could keep from paging what never heals.
func (e *Engine) forgiveSilence(i *incident, w *silenceWait) {
	switch {
	case i.illSince == 0:
	case w.Rule || w.Inhibited:
		i.illSince = min(i.illSince+e.now-w.Since, e.now)
		e.dirty.incidents[i.id] = struct{}{}
	default:
		e.peopleKnow(i)
		i.illSince = e.now
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// noteHealed puts a recovery that lasted on record, unless somebody may have brought it about.
func (e *Engine) noteHealed(i *incident) {
	if i.state == Acknowledged {
		return
	}
	e.recordOf(e.chronicNameOf(i, e.foremost(i))).healed(i.recovered, time.Duration(i.recovered-i.heldFrom), e.policy.Reopen)
}

// calm reports whether i would be over if it did not flap: it stayed clear for the settle time. It explains nothing then, and what comes
// back to it gets a hold of its own.
func (e *Engine) calm(i *incident) bool { return i.calmAt != 0 && i.calmAt <= e.now }

// standing is the deadline that a symptom of i, which begins now, may shorten: none if i was calm.
func (e *Engine) standing(i *incident) int64 {
	e.settleStretch(i)
	if i.state == Held && e.calm(i) {
		i.heldFrom, i.heldUntil, i.outlook, i.foreseen, i.ruled = e.now, 0, nil, false, false
		i.parent, i.parentGone, i.late = "", 0, false
		e.endSilenceWait(i)
		e.watch(i)
	}
	return i.heldUntil
}

// reopenFor is how long after its end an incident can be continued. Chronic trouble stays one incident for as long as it is not told again.
func (e *Engine) reopenFor(i *incident) int64 {
	most := int64(e.policy.Reopen)
	for k := range i.chronic {
		most = max(most, i.chronic[k].until()-i.closed)
	}
	return most
}

// beginChronic notes when the first step was: what has no record had no trouble since then.
func (e *Engine) beginChronic() {
	if e.chronic.since == 0 {
		e.chronic.since = e.now
		e.chronic.dirty = append(e.chronic.dirty, chronicSinceKey)
	}
}

// rewatch looks at all that is ill and held by the rules in force now, and, if the time in which incidents may be reopened is another, at
// all that is over.
func (e *Engine) rewatch(graves bool) {
	for _, id := range slices.Sorted(maps.Keys(e.incidents)) {
		i := e.incidents[id]
		if e.watchBudget(i); graves && !i.state.Open() {
			e.timer(timerForget, max(i.closed+int64(e.policy.Reopen), e.now), uint64(id))
			e.watchGrave(i)
		}
	}
}

// excuseUnseen takes the time in which quell saw nothing off for how long i has been ill: nobody knows whether it was.
func (e *Engine) excuseUnseen(i *incident, missed time.Duration) {
	if i.illSince != 0 {
		i.illSince = min(i.illSince+int64(missed), e.now)
		e.dirty.incidents[i.id] = struct{}{}
	}
}
