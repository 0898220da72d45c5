package routing

import (
	"container/heap"
	"fmt"
	"slices"
	"time"

	"quell/correlate"
)

// telling is what a climb's next message says.
type telling struct {
	incident *correlate.Incident
	why      string
	// newOnly is true if only those are told who were not paged yet.
	newOnly bool
}

// Step turns a step of the engine into deliveries, in order: first what it decided, then what follows from the deliveries that failed
// ([Escalations.Hear]), then what is due by now. The caller sets the deliveries' IDs, and writes them in the transaction of the step.
func (x *Escalations) Step(now time.Time, effects []correlate.Effect, look Lookup) []Delivery {
	s := &step{
		Escalations: x, now: now, look: look,
		cached: make(map[correlate.IncidentID]*correlate.Incident), sent: make(map[sending]bool),
	}
	for i := range effects {
		s.effect(&effects[i])
	}
	if x.reconfigured {
		x.reconfigured = false
		s.rerouted()
	}
	for _, f := range x.failures {
		s.failed(f)
	}
	x.failures = nil
	for at, ok := x.Deadline(); ok && !at.After(now); at, ok = x.Deadline() {
		id := x.due[0].id
		heap.Pop(&x.due)
		s.passed(id)
	}
	return s.out
}

// effect follows one decision of the engine.
func (s *step) effect(f *correlate.Effect) {
	switch f.Decision {
	case correlate.Open, correlate.Hold, correlate.Join, correlate.Leave, correlate.Lost, correlate.Withdraw, correlate.Reopen, correlate.Split:
		return
	}
	inc, e := s.incident(f.Incident), s.byID[f.Incident]
	if inc == nil {
		return
	}
	if e != nil && e.Generation != f.Generation {
		e = nil
	}
	switch {
	case f.Decision == correlate.Notice:
		s.notice(f, inc, e)
	case f.Decision == correlate.Escalate:
		e = s.generation(f, e)
		e.Over = false
		s.begin(e, telling{incident: inc, why: f.Reason})
	case e == nil || e.Over:
		return
	case !inc.State.Open(), f.Decision == correlate.Resolve, f.Decision == correlate.SelfHeal:
		s.end(e, f, inc)
	case f.Decision == correlate.Acknowledge:
		s.acknowledged(e, f, inc)
	default:
		s.news(e, f, inc)
	}
	s.changed(f.Incident)
}

// generation returns the escalation of an effect's generation; e is what there is of it already.
func (s *step) generation(f *correlate.Effect, e *escalation) *escalation {
	if e == nil {
		e = &escalation{Generation: f.Generation}
		if old := s.byID[f.Incident]; old != nil {
			e.Reached, e.Waiting = old.Reached, old.Waiting
		}
		s.byID[f.Incident] = e
	}
	return e
}

// deliver makes a delivery for each target that this step did not tell the same already. A pager that knows the incident as acknowledged
// adds a further trigger to it in silence, so it has to be resolved there first.
func (s *step) deliver(e *escalation, targets []Target, d Delivery) {
	d.Key = s.router.Key(d.Incident.ID, e.Generation)
	for _, t := range targets {
		this := sending{d.Incident.ID, t, d.Action}
		if s.sent[this] {
			continue
		}
		s.sent[this] = true
		has := e.entry(t)
		one := d
		one.Again = has != nil
		if has != nil && has.Acked && !s.router.chat(t) && d.Action == Trigger {
			closing := d
			closing.Action = Resolve
			s.out = append(s.out, s.router.fanOut(s.now, []Target{t}, closing)...)
			one.Again = false
		}
		if has == nil {
			e.Told = append(e.Told, told{Target: t})
			has = &e.Told[len(e.Told)-1]
			if !slices.Contains(e.Reached, t) {
				e.Reached = append(e.Reached, t)
			}
		}
		if d.Action == Trigger {
			has.Paged, has.Acked = true, false
			if has.End == endWithdrawn {
				has.End = ""
			}
		}
		s.out = append(s.out, s.router.fanOut(s.now, []Target{t}, one)...)
	}
}

// follow tells all that were told before, but no news to those whom this step tells more, nor to those whose page was taken back: an
// update would page them.
func (s *step) follow(e *escalation, d Delivery) {
	d.Key = s.router.Key(d.Incident.ID, e.Generation)
	targets := slices.DeleteFunc(e.targets(), func(t Target) bool {
		return d.Action == Update && (e.entry(t).End == endWithdrawn || s.sent[sending{d.Incident.ID, t, Trigger}] || s.sent[sending{d.Incident.ID, t, Notice}])
	})
	s.out = append(s.out, s.router.fanOut(s.now, targets, d)...)
}

// end closes what is open at receivers.
func (s *step) end(e *escalation, f *correlate.Effect, inc *correlate.Incident) {
	d := Delivery{Action: Resolve, Incident: inc, Reason: f.Reason}
	if inc.State == correlate.Merged {
		d.Reason = fmt.Sprintf("continued as %s: %s", inc.MergedInto, d.Reason)
	}
	s.follow(e, d)
	e.Over, e.Climbs = true, nil
	e.note(s.now, "over: nobody else is told")
}

// acknowledged stops all climbs.
func (s *step) acknowledged(e *escalation, f *correlate.Effect, inc *correlate.Incident) {
	s.follow(e, Delivery{Action: Acknowledge, Incident: inc, Reason: f.Reason})
	for i := range e.Told {
		e.Told[i].Acked = e.Told[i].Paged
	}
	for _, c := range e.Climbs {
		c.Acked, c.At, c.Why, c.Awaits, c.Asked, c.AcceptBy = true, noTime, "", nil, noTime, noTime
	}
	e.note(s.now, f.Reason+": nobody else is told")
}

// news tells of what changed. If that makes the incident worse it may concern others now; if it ends an acknowledgement, all climbs begin
// anew.
func (s *step) news(e *escalation, f *correlate.Effect, inc *correlate.Incident) {
	if inc.State == correlate.Held || Hushed(inc) {
		return
	}
	if f.HandBack {
		e.note(s.now, f.Reason)
		e.Climbs = nil
		s.begin(e, telling{incident: inc, why: f.Reason})
		s.follow(e, Delivery{Action: Update, Incident: inc, Reason: f.Reason})
		return
	}
	s.follow(e, Delivery{Action: Update, Incident: inc, Reason: f.Reason})
	if f.Worse {
		s.begin(e, telling{incident: inc, why: f.Reason, newOnly: true})
	}
}

// notice tells chat of something that need not wake anybody: in the incident's thread if it has one, else where its routes lead.
func (s *step) notice(f *correlate.Effect, inc *correlate.Incident, e *escalation) {
	matches := slices.DeleteFunc(s.router.config.Route.Match(Labels(inc)), func(m Match) bool { return len(s.router.chats(m)) == 0 })
	if e == nil && len(matches) == 0 {
		return // there is nobody to read it
	}
	e = s.generation(f, e)
	d := Delivery{Action: Notice, Incident: inc, Reason: f.Reason}
	if chat := slices.DeleteFunc(e.targets(), func(t Target) bool { return !s.router.chat(t) }); len(chat) > 0 {
		s.tell(e, chat, d)
		return
	}
	for _, m := range matches {
		targets := s.router.chats(m)
		if at, ok := s.router.config.Opens(s.now, lookAhead, m.Hours); !ok || at.After(s.now) {
			e.Waiting = append(e.Waiting, waiting{At: at, Hours: m.Hours, Reason: f.Reason, Targets: targets})
			e.note(s.now, fmt.Sprintf("a notice waits for the hours of %s%s until %s: %s", m.where(), s.router.config.hoursWords(m.Hours), day(at), f.Reason))
			continue
		}
		s.tell(e, targets, d)
	}
}

// tell delivers a notice. Of an incident that is over nothing follows, so nothing is open at those who had not heard of it.
func (s *step) tell(e *escalation, targets []Target, d Delivery) {
	before := len(e.Told)
	s.deliver(e, targets, d)
	e.note(s.now, tellsWhom(Notice, targets)+": "+d.Reason)
	if !d.Incident.State.Open() {
		e.Told, e.Over = e.Told[:before], true
	}
}

// chats are the chat integrations that a match leads to: of a policy those of the first step that has any.
func (r *Router) chats(m Match) []Target {
	p, ok := r.follows(m.Escalation, m.Receiver)
	for k := 0; ok && k < len(p.Steps); k++ {
		quiet := p.Steps[k]
		quiet.Notice = true
		if list := r.targets(&quiet); len(list) > 0 {
			return list
		}
	}
	return nil
}

// failed does what follows from a delivery that came to nothing, or waits for a receiver that is ill.
func (s *step) failed(f failure) {
	inc, e := s.incident(f.incident), s.byID[f.incident]
	if e == nil || e.Over || inc == nil || e.Generation != f.generation {
		return
	}
	why := fmt.Sprintf("%s did not reach %s: %s", f.action, f.target, f.reason)
	if f.waits {
		why = fmt.Sprintf("%s cannot be reached at present (%s), its %s waits", f.target, f.reason, f.action)
	}
	for _, c := range f.receiverFailed {
		if slices.Contains(e.Climbs, c) && !c.Acked {
			s.fail(e, c, telling{incident: inc, why: why})
		}
	}
	s.changed(f.incident)
}

// passed does what is due for an incident.
func (s *step) passed(id correlate.IncidentID) {
	e, inc := s.byID[id], s.incident(id)
	e.scheduled = noTime
	defer s.changed(id)
	if inc == nil {
		e.Climbs, e.Waiting = nil, nil // the engine has forgotten it
		return
	}
	for _, c := range slices.Clone(e.Climbs) {
		switch {
		case !c.At.IsZero() && !c.At.After(s.now) && Hushed(inc):
			s.hush(e, c, inc)
		case !c.AcceptBy.IsZero() && !c.AcceptBy.After(s.now):
			s.fail(e, c, telling{incident: inc, why: names(c.Awaits) + " did not accept it in time"})
		case !c.At.IsZero() && !c.At.After(s.now) && !s.waitWhileWell(e, c, inc):
			s.take(e, c, telling{incident: inc, why: c.Why})
		}
	}
	s.waited(e, inc)
}

// waited tells the notices whose hours began.
func (s *step) waited(e *escalation, inc *correlate.Incident) {
	var still []waiting
	for _, w := range e.Waiting {
		at, ok := s.router.config.Opens(s.now, lookAhead, w.Hours)
		if w.At.After(s.now) || !ok || at.After(s.now) {
			w.At = latest(w.At, at)
			still = append(still, w)
			continue
		}
		s.tell(e, w.Targets, Delivery{Action: Notice, Incident: inc, Reason: w.Reason})
	}
	e.Waiting = still
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
