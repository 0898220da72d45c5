package correlate

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ledger is what effects alone say about incidents: what somebody knows who only gets pages. It checks that no effect contradicts
// those before it, and that every hold is met.
type ledger struct {
	life   map[IncidentID]*account
	lastID IncidentID
	pages  int
	// expected are effects that have to follow in the same step: those about a new incident that another one was split into, and the
	// acknowledgement of an incident that took over one that somebody had taken on.
	expected map[IncidentID]*expectation
	// recovered are those in this step that may have been the root of an incident that begins in it.
	recovered []recovery
	// silences is true in a world that has some: who gave up while an incident waited for a silence may have become near to it since, so that
	// its deadline was cut short without a word before it is paged and split.
	silences bool
}

// expectation is what must follow about an incident: that it opens, is then held until a time, or is acknowledged.
type expectation struct {
	open, acknowledge bool
	until, heldFrom   time.Time
	vain              bool // the time was cut short for a reason that may not concern it: it may be held longer
	relapsed          bool // somebody had taken on what it is part of, before that was reopened
}

// account is what effects said about one incident.
type account struct {
	generation  int
	open        bool
	paged       bool // in this generation
	everPaged   bool
	acked       bool
	byHand      bool // an operator closed it
	mergedInto  IncidentID
	heldFrom    time.Time // since when it is held, or what it was part of
	heldUntil   time.Time // the last promise in this generation; zero if there is none
	vain        bool      // it was cut short, since healing is exhausted or nothing was to be waited for
	relapsed    bool      // somebody had taken it on before it was reopened, or something that became a part of it
	quietSince  time.Time // since when nothing of it was active or lost; zero if something is
	quietFirst  time.Time // the same, gaps included
	deaf        time.Time // until when what came back in a gap may not have been heard of
	rested      bool      // it was quiet for the settle time before quell was down
	withdrawn   bool      // nobody was woken by this generation
	overdue     bool      // its hold ran out while it was quiet
	graced      time.Time // when it got a grace first of those that it got since its deadline was set; zero for none
	grace       time.Time // after a gap: not to be paged before, unless something new joins; zero for none
	excused     time.Time // its deadline was put off until then since its root had recovered
	roots       []Root
	lastMention time.Time
	orphans     orphans
}

func newLedger(silences bool) *ledger {
	return &ledger{silences: silences, life: make(map[IncidentID]*account), expected: make(map[IncidentID]*expectation)}
}

// unfinished says what a step's effects promised of others that did not come, or "".
func (l *ledger) unfinished() string {
	for id, x := range l.expected {
		return fmt.Sprintf("%s must have been told more of: %+v", id, *x)
	}
	return ""
}

// read takes note of an effect; asked is what an operator asked for in the same step, of this incident. The answer is empty, or says
// what is wrong with the effect.
func (l *ledger) read(f *Effect, asked Action) string {
	if f.Reason == "" {
		return "it has no reason"
	}
	a := l.life[f.Incident]
	switch f.Decision {
	case Open:
		if a != nil || f.Incident <= l.lastID || f.Generation != 1 {
			return "its id is not new"
		}
		from, relapsed := f.At, false
		if x := l.expected[f.Incident]; x != nil {
			x.open, from, relapsed = false, x.heldFrom, x.relapsed
		}
		l.lastID = f.Incident
		a = &account{open: true, generation: 1, heldFrom: from, relapsed: relapsed, orphans: orphans{may: slices.Clone(l.recovered)}}
		l.life[f.Incident] = a
	case Reopen:
		if a == nil || a.open || a.mergedInto != 0 || f.Generation != a.generation+1 {
			return fmt.Sprintf("it was not closed in the generation before: %+v", a)
		}
		*a = account{open: true, generation: f.Generation, everPaged: a.everPaged, heldFrom: f.At, relapsed: a.acked, orphans: orphans{may: slices.Clone(l.recovered)}}
	default:
		if late := f.Decision == Withdraw; a == nil || !a.open && !late || f.Generation != a.generation {
			return fmt.Sprintf("it is not open in that generation: %+v", a)
		}
	}
	if a.lastMention.After(f.At) {
		return "it is older than the one before"
	}
	a.lastMention = f.At
	if f.Decision != Merge {
		a.roots = f.Roots
	}
	return l.decide(a, f, asked)
}

// hold checks a deadline.
func (l *ledger) hold(a *account, f *Effect) string {
	if a.paged || a.acked {
		return "somebody has it already"
	}
	x := l.expected[f.Incident]
	delete(l.expected, f.Incident)
	switch {
	case x != nil && (x.open || x.acknowledge || !f.Until.Equal(x.until) && !(x.vain && f.Until.After(x.until))):
		return fmt.Sprintf("its deadline is not that of the incident that it was part of: %+v", *x)
	case x == nil && f.Until.Before(f.At):
		return "its deadline is over"
	}
	if foreseen := strings.HasPrefix(f.Reason, "held: ") || strings.HasPrefix(f.Reason, "held longer: "); foreseen {
		a.excused = latest(a.excused, f.Until)
	}
	if !strings.HasPrefix(f.Reason, "late: ") {
		a.graced = time.Time{}
	}
	if f.Until.Before(a.grace) {
		a.grace = time.Time{} // something that came back since then may wait for less
	}
	if !a.heldUntil.IsZero() && f.Until.Before(a.heldUntil) && !shortens(f.Reason) {
		return fmt.Sprintf("it was to be held until %v, and nothing says why that is cut short", a.heldUntil.Sub(start))
	}
	a.heldUntil, a.overdue, a.vain = f.Until, f.Until.Before(f.At), strings.HasPrefix(f.Reason, "not held")
	return ""
}

// decide checks what a decision means for an incident that it may be about.
func (l *ledger) decide(a *account, f *Effect, asked Action) string {
	switch f.Decision {
	case Hold:
		return l.hold(a, f)
	case Join:
		a.grace = time.Time{}
	case Escalate:
		if f.At.Before(a.grace) {
			return fmt.Sprintf("senders have until %v to report recovery", a.grace.Sub(start))
		}
		a.handBack(f)
		if a.paged || a.acked {
			return "somebody has it already in this generation"
		}
		if f.At.Before(a.heldUntil) {
			return fmt.Sprintf("it was to be held until %v", a.heldUntil.Sub(start))
		}
		if late := !f.At.Equal(a.heldUntil) && f.At.After(a.heldUntil); late && !a.overdue {
			return fmt.Sprintf("its hold ended %s before", f.At.Sub(a.heldUntil))
		}
		a.paged, a.everPaged = true, true
		l.pages++
	case Update:
		if !a.paged && !a.acked || f.HandBack && (!a.paged || !a.acked) {
			return "nobody was told before, or nobody had taken on what is handed back"
		}
		a.acked = a.acked && !f.HandBack
	case Acknowledge:
		if x := l.expected[f.Incident]; asked != ActionAck && (x == nil || !x.acknowledge) {
			return "no operator said so"
		}
		delete(l.expected, f.Incident)
		a.acked = true
	case SelfHeal:
		if a.paged || a.acked {
			return "somebody has it"
		}
		a.open = false
	case Resolve:
		a.open, a.byHand = false, asked == ActionResolve
	case Withdraw:
		if a.withdrawn {
			return "that was told already"
		}
		a.withdrawn = true
	case Merge:
		return l.merge(a, f)
	case Split:
		if f.Other <= l.lastID || a.paged || a.acked || f.At.Before(a.heldUntil) {
			return fmt.Sprintf("%s is not new, or it is told of already, or not about to be", f.Other)
		}
		l.expected[f.Other] = &expectation{open: true, until: a.heldUntil, heldFrom: a.heldFrom, vain: a.vain || l.silences, relapsed: a.relapsed}
	}
	return ""
}

// shortens reports whether a reason says why a deadline is earlier than the one before it: nothing is to be waited for, a symptom that joined
// has less time, or what became a part of the incident had, or what a late one waited for did not come about.
func shortens(reason string) bool {
	if waits, ended := saysMuted(reason); waits || ended {
		return true
	}
	return slices.ContainsFunc([]string{"not held", "held ", "held: ", "the hold of what became a part of it is over", "its hold is over: ", "what it began with", "its cause"}, func(begin string) bool {
		return strings.HasPrefix(reason, begin)
	})
}

// handBack lets an acknowledgement end by the first page.
func (a *account) handBack(f *Effect) {
	if a.acked && !a.paged && strings.HasPrefix(f.Reason, "handed back: ") {
		a.acked, a.heldUntil = false, f.At
	}
}

func (a *account) told() bool { return a.paged || a.acked }

// merge checks that whoever was told of the incident that goes finds the one that stays.
func (l *ledger) merge(a *account, f *Effect) string {
	to := l.life[f.Other]
	if to == nil || !to.open || to == a {
		return fmt.Sprintf("%s is not there to take it", f.Other)
	}
	switch {
	case a.told() && !to.told():
		return fmt.Sprintf("people know of it, and of %s nobody does", f.Other)
	case a.told() == to.told() && f.Incident < f.Other:
		return fmt.Sprintf("it is older than %s", f.Other)
	case a.acked && !to.acked:
		l.expected[f.Other] = &expectation{acknowledge: true}
	}
	if a.heldFrom.Before(to.heldFrom) {
		to.heldFrom = a.heldFrom
	}
	to.excused = latest(to.excused, a.excused)
	to.relapsed = to.relapsed || a.relapsed
	a.open, a.mergedInto = false, f.Other
	return ""
}

// gap lets what is quiet settle anew, and what is overdue wait for a grace: senders may have had something to say meanwhile. What was quiet
// for settle before has settled.
func (l *ledger) gap(in *Gap, settle, most time.Duration) {
	now, grace := in.To, min(in.To.Sub(in.From), most)
	for _, a := range l.life {
		if !a.quietSince.IsZero() {
			a.rested = a.rested || in.From.Sub(a.quietSince) >= settle
			a.quietSince, a.deaf = now, now.Add(min(grace, settle))
		}
		if a.open && a.state() == Held && !a.heldUntil.After(now) {
			if a.graced.IsZero() {
				a.graced = now
			}
			if last := a.graced.Add(gracesMax * most); now.Add(grace).Before(last) {
				a.grace = now.Add(grace)
			}
		}
	}
}

// promised is the deadline that was told last; where there is none yet, never.
func (l *ledger) promised(id IncidentID) time.Time {
	if a := l.life[id]; a != nil && !a.heldUntil.IsZero() {
		return a.heldUntil
	}
	return start.Add(never)
}

// final follows merges to the incident that has the symptoms.
func (l *ledger) final(id IncidentID) IncidentID {
	for l.life[id] != nil && l.life[id].mergedInto != 0 {
		id = l.life[id].mergedInto
	}
	return id
}

// state is what an incident must be in by its effects; an open one only.
func (a *account) state() State {
	switch {
	case a.acked:
		return Acknowledged
	case a.paged:
		return Escalated
	}
	return Held
}

// compare checks an incident of the engine against its account at the end of a step.
func (l *ledger) compare(now time.Time, i *incident, settle time.Duration) string {
	a := l.life[i.id]
	switch {
	case a == nil:
		return "no effect told of it"
	case a.open != i.state.Open() || a.generation != i.generation:
		return fmt.Sprintf("it is %s in generation %d, effects said %+v", i.state, i.generation, a)
	case a.byHand != i.byHand:
		return fmt.Sprintf("an operator closed it: %v, effects said %v", i.byHand, a.byHand)
	case !a.open:
		return ""
	case i.state == Acknowledged && i.taken.Until != 0 && !fromNano(i.taken.Until).After(now) && i.active+i.lost > 0 && (i.silence == nil || !i.silence.Owed):
		return fmt.Sprintf("its acknowledgement ended at %v, and it was not handed back", fromNano(i.taken.Until).Sub(start))
	case a.state() != i.state:
		return fmt.Sprintf("it is %s, effects said %s", i.state, a.state())
	case a.heldUntil.IsZero() && i.state == Held:
		return "it is held, and no deadline was told"
	case i.state == Held && !fromNano(i.heldUntil).Equal(a.heldUntil):
		return fmt.Sprintf("it is held until %v, told was %v", fromNano(i.heldUntil).Sub(start), a.heldUntil.Sub(start))
	}
	if i.active+i.lost > 0 {
		a.quietSince, a.rested, a.deaf = time.Time{}, false, time.Time{}
		if i.state == Held && !a.heldUntil.After(now) {
			return fmt.Sprintf("its hold ended at %v, and it is neither paged nor held anew", a.heldUntil.Sub(start))
		}
		return ""
	}
	if a.quietSince.IsZero() {
		a.quietSince, a.quietFirst = now, now
	}
	if i.state == Held && !a.heldUntil.After(now) {
		a.overdue = true
	}
	if now.Sub(a.quietSince) > settle {
		return fmt.Sprintf("it is open, and quiet since %v", a.quietSince.Sub(start))
	}
	return ""
}
