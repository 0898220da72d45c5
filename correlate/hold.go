package correlate

import (
	"fmt"
	"time"

	"quell/correlate/topology"
)

// The hold decision. When an incident opens, and with every symptom that joins it, hold sets its deadline: now if the symptom must not wait,
// else by what is known of trouble like it (outlook.go), else by the fixed time of the symptom's rule. A symptom may only shorten it. When the deadline
// comes, holdOver pages, unless there is a reason to wait on (putOff): the source fell silent, the cause has just recovered, what is
// ill began late, healing is under way, or waiting still pays. Every deadline is set with a sentence that says why.

// hold gives i the time that rules allow for a symptom. until is the deadline that it has already, 0 for none: a symptom may shorten it, and
// never lengthen it.
func (e *Engine) hold(i *incident, s *symptom, until int64) {
	if i.state != Held || e.silencedLong(i, s) {
		return
	}
	reason, rule := e.noHold(i, s)
	switch {
	case reason == "":
		e.holdByRule(i, e.holdRule(s), until)
	case until == 0 || e.now < until:
		e.setHoldBy(i, e.now, reason, rule)
	}
}

// noHold says why a symptom lets i page at once, and by which rule if one says so; the reason is empty if it does not.
func (e *Engine) noHold(i *incident, s *symptom) (reason string, rule *RuleID) {
	if s.exhausted {
		return e.vain(s), nil
	}
	if why, by := e.hasteWith(i, s); why != "" {
		return notHeld + why, by
	}
	return "", nil
}

// holdByRule sets the deadline by a rule, or by what is known of trouble like that of i where the rule asks for that.
func (e *Engine) holdByRule(i *incident, rule HoldRule, until int64) {
	if until == 0 {
		if o := e.outlook(i, rule); o != nil {
			e.foresee(i, o.until(i), o)
			return
		}
	}
	d := rule.Hold
	if i.foreseen && rule.Threshold > 0 {
		d = max(rule.Max, rule.Hold) // what is known of i goes for a symptom of it as well, but for no longer than its rule allows
	}
	at := e.now + int64(d)
	if until != 0 && at >= until {
		return
	}
	e.setHoldBy(i, at, fmt.Sprintf("held %s to heal by itself (%s); pages at %s", round(d), rule.Why, clock(at)), rule.Rule)
	i.ruled = true
}

// takeEarlier takes over the earlier deadline of a merged incident. One that is over, since that incident was well when it came, is now.
func (e *Engine) takeEarlier(i, gone *incident) {
	switch {
	case i.state != Held || gone.heldUntil >= i.heldUntil:
	case gone.heldUntil < e.now:
		e.setHold(i, e.now, "the hold of what became a part of it is over")
	default:
		e.takeHold(i, gone)
	}
}

// takeHold takes over the deadline of a merged incident, with what it was set by.
func (e *Engine) takeHold(i, gone *incident) {
	e.setHoldBy(i, gone.heldUntil, gone.holdReason, gone.holdRule)
	i.foreseen, i.ruled, i.outlook = gone.foreseen, gone.ruled, gone.outlook
}

// setHold sets a deadline by no rule.
func (e *Engine) setHold(i *incident, at int64, reason string) { e.setHoldBy(i, at, reason, nil) }

func (e *Engine) setHoldBy(i *incident, at int64, reason string, rule *RuleID) {
	i.heldUntil, i.holdReason, i.holdRule, i.foreseen, i.ruled, i.excused = at, reason, rule, false, false, 0
	e.watchBudget(i)
	e.timer(timerHold, at, uint64(i.id))
	if f := e.emitBy(i, Hold, reason, rule); at < endless {
		f.Until = fromNano(at)
	}
}

// excuseHold gives the hold of i a grace if it ran out in a gap, or ends before senders can have reported what became of i: to be due a
// second after the gap is no better than a second before. Of several gaps one after the other only the first graces count, or a quell that
// crashes over and over would never page. What waits for the end of a mute gets the settle time then.
func (e *Engine) excuseHold(i *incident, in *Gap) {
	missed := max(in.To.Sub(in.From), 0)
	from := cmp0(i.excused, e.now)
	until := min(e.now+int64(min(missed, e.policy.RestartGrace)), from+gracesMax*int64(e.policy.RestartGrace))
	late := i.heldUntil <= e.now
	soon := i.heldUntil < until && i.active+i.lost > 0 && !i.waitsForMute()
	if i.state != Held || !late && !soon || until <= e.now && i.excused != 0 {
		return
	}
	if late && i.silence != nil && i.silence.Joined != 0 {
		e.endSilenceWait(i)
	}
	i.heldUntil, i.holdRule, i.foreseen, i.ruled, i.excused = until, nil, false, false, from
	i.holdReason = fmt.Sprintf("late: quell saw nothing for %s (%s); senders get %s to report recovery",
		round(missed), in.Why, round(time.Duration(until-e.now)))
	e.timer(timerHold, until, uint64(i.id))
	e.emit(i, Hold, i.holdReason).Until = fromNano(until)
}

// gracesMax is how many of the longest graces a hold gets in all.
const gracesMax = 3

// holdOver escalates, unless all that is left is unknown because its source fell silent: then the source pages for it.
func (e *Engine) holdOver(i *incident) {
	if e.awaitsSilence(i) || !i.overdrawn && e.putOff(i) {
		return
	}
	e.splitBeforePage(i)
	if i.active+i.lost > 0 && i.heldUntil <= e.now && !e.awaitsSilence(i) {
		e.escalate(i)
	}
}

// putOff holds i on although its hold is over, if there is a reason to.
func (e *Engine) putOff(i *incident) bool {
	if src := e.silentSource(i); src != "" {
		e.setHold(i, e.now+int64(max(e.policy.Hold, time.Minute)),
			fmt.Sprintf("unknown, neither healed nor failed: %s fell silent and is an incident of its own", src))
		return true
	}
	if until, why := e.orphaned(i); until > e.now {
		i.late = true
		e.setHold(i, until, why)
		return true
	}
	if until := e.newcomers(i); until > e.now {
		i.late = false
		e.setHold(i, until, fmt.Sprintf("what it began with recovered; what is ill now began later and gets until %s to heal", clock(until)))
		return true
	}
	if until, why := e.healing(i); until > e.now {
		i.late = false
		e.setHold(i, until, why)
		return true
	}
	if until, why, rule := e.leisure(i); until > e.now {
		i.late = false
		e.setHoldBy(i, until, why, rule)
		return true
	}
	if until, o := e.pays(i); o != nil {
		i.late = false
		e.foresee(i, until, o)
		return true
	}
	return false
}

// newcomers is until when i waits although its hold is over: all that was ill when it began recovered, and what is ill now
// gets the hold that it would have had alone. Zero if something has had it, was there from the beginning, is critical, or fell silent.
// What breaks anew all the time is paged after twice the usual hold. It costs one look at each symptom.
func (e *Engine) newcomers(i *incident) (until int64) {
	if e.haste(i) != "" {
		return 0
	}
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
		if at := began[s.node] + int64(e.holdRule(s).Hold); until == 0 || at < until {
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
	if until, why := e.orphaned(i); until > e.now {
		if until < i.heldUntil && e.fresh(i) {
			e.setHold(i, until, why) // another root recovered since, and the rest was reported anew: nothing is left to wait for after this
		}
		return
	}
	why := "what its cause brought down was reported again after that had recovered"
	if i.parentGone == 0 {
		why = "all of it had recovered, and not for long"
	} else if e.parentIll(i) {
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
