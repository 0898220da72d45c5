package correlate

import (
	"fmt"
	"slices"
)

// A held incident of which all that goes on is muted waits, for a silence or for what rules say. Here it begins to wait and ceases to.

// awaitsSilence lets an incident whose hold is over wait on if all its trouble is silenced, or muted by rules, and, when that ends, for the
// settle time: what is still ill then is paged. What a rule put off for a time pages when that is over. It reports whether it waits.
func (e *Engine) awaitsSilence(i *incident) bool {
	c := e.covered(i)
	w := i.silence
	switch {
	case c != nil:
		e.waitForSilence(i, c)
		return true
	case w == nil || w.Ended != 0:
		return false
	case w.Joined != 0:
		e.endSilenceWait(i) // the hold of what joined is over
		return false
	case w.Until > e.now && i.heldUntil != w.Until:
		e.endSilenceWait(i) // what is muted for a shorter time joined, and its hold is over
		e.forgiveSilence(i, w)
		return false
	case w.Rule && w.Until <= e.now:
		w.Ended = e.now // it had the time that the rule gives
		e.dirty.incidents[i.id] = struct{}{}
		return false
	}
	e.settleSilence(i, w)
	return true
}

// settleSilence gives what was muted in i, and is not any more, the settle time. What began only now was not: it gets no more than it would have had.
func (e *Engine) settleSilence(i *incident, w *silenceWait) {
	if w.Ended = e.now; w.Joined == 0 {
		e.forgiveSilence(i, w)
	}
	why := fmt.Sprintf("no longer %s; what is still ill gets %s to recover, then it pages", w.how(), round(e.policy.Settle))
	e.setHoldBy(i, e.now+int64(e.policy.Settle), why, w.RuleID)
	for _, num := range i.sorted() {
		if s := e.symptoms.get(num); s.condition != conditionCleared && s.since == e.now && len(e.muters(s)) == 0 {
			e.hold(i, s, i.heldUntil)
		}
	}
}

// waitForSilence holds i until a silence ends, or what else mutes it.
func (e *Engine) waitForSilence(i *incident, c *cover) {
	was := i.silence
	if was != nil && was.Ended == 0 && was.Until == c.until && i.heldUntil == c.until && was.By == c.by.text() && !was.known(c) {
		return
	}
	known := was != nil
	w := newSilenceWait(c)
	switch w.Since = e.now; {
	case !known || was.Ended != 0 || was.Joined != 0:
	case was.known(c):
		e.forgiveSilence(i, was)
	default:
		w.Since = was.Since
	}
	i.silence = w
	e.silences.waiting[i.id] = struct{}{}
	if c.pardoned {
		e.unwatch(i, e.now) // who silences it may repair it
	}
	if c.silenced {
		e.forgiveSilence(i, w)
	}
	e.setHoldBy(i, c.until, c.reason(i), c.by.id())
	if c.notice != nil && !known {
		e.emitBy(i, Notice, "nobody is paged for it: suppressed by "+c.notice.why, c.notice.rule)
	}
}

// known reports whether people knew of all that was muted, and do not know of all that is.
func (w *silenceWait) known(c *cover) bool { return !w.Rule && !c.pardoned }

// waitsForMute reports whether i is held until what mutes all of it ends.
func (i *incident) waitsForMute() bool {
	w := i.silence
	return i.state == Held && w != nil && w.Ended == 0 && w.Joined == 0 && i.heldUntil == w.Until
}

// unmuted notes that s, which began, is not muted although its incident waits for the end of mutes: its hold runs by its own rules. If that is
// so of another symptom, its mute ended just now.
func (e *Engine) unmuted(i *incident, s *symptom) {
	w := i.silence
	if w == nil || w.Ended != 0 || w.Joined != 0 || i.state != Held {
		return
	}
	switch c := e.covered(i); {
	case c != nil && w.known(c) && i.waitsForMute():
		e.waitForSilence(i, c)
	case c != nil:
	case len(e.muters(s)) > 0:
		e.unsettledSilence(i.id)
	default:
		e.forgiveSilence(i, w)
		w.Joined = e.now
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// bereft reports whether the mute of something ended in i, which waits for that although its deadline is by what joined since.
func (e *Engine) bereft(i *incident, w *silenceWait) bool {
	return slices.ContainsFunc(i.sorted(), func(num uint64) bool {
		s := e.symptoms.get(num)
		return s.condition != conditionCleared && (w.Joined == 0 || s.since < w.Joined) && len(e.muters(s)) == 0
	})
}

// partingMute is what an incident that merges into another brings of mutes: whether it waited for their end, what it waited for, and whether something
// of it goes on that is not muted.
type partingMute struct {
	waited, free bool
	how          string
	rule         *RuleID
}

// partSilence ends the wait of an incident that is about to merge into another.
func (e *Engine) partSilence(gone *incident) (m partingMute) {
	m.free = gone.active+gone.lost > 0 && e.covered(gone) == nil
	if w := gone.silence; w != nil {
		m.waited, m.how, m.rule = gone.waitsForMute(), w.how(), w.RuleID
		if w.Ended == 0 && w.Joined == 0 {
			e.forgiveSilence(gone, w)
		}
	}
	e.endSilenceWait(gone)
	return m
}

// joinSilence looks again at i, into which an incident merged: what it waited for may be no reason for the rest to wait, and what the other one waited for
// may have ended just now.
func (e *Engine) joinSilence(i *incident, m partingMute) {
	if i.state != Held {
		return
	}
	if at := e.now + int64(e.policy.Settle); m.waited && m.free && at < i.heldUntil {
		why := fmt.Sprintf("its hold is over: what became a part of it is no longer %s, and gets %s to recover", m.how, round(e.policy.Settle))
		e.setHoldBy(i, at, why, m.rule)
	}
	w := i.silence
	switch {
	case w == nil || w.Ended != 0 || w.Joined != 0 || e.covered(i) != nil:
	case m.free && !m.waited:
		e.endSilenceWait(i)
		e.forgiveSilence(i, w)
	default:
		e.unsettledSilence(i.id)
	}
}

// recheckSilence looks again at an incident that waits for the end of a silence: silences changed, or what depends on what.
func (e *Engine) recheckSilence(i *incident) {
	switch {
	case i == nil || !i.state.Open() || i.silence == nil:
	case i.state == Held:
		switch w := i.silence; {
		case w.Ended != 0 || i.active+i.lost == 0:
		case i.waitsForMute():
			e.awaitsSilence(i)
		case w.Joined == 0 && w.Until <= e.now: // senders get a grace now, since quell was down when it ended
		case e.now+int64(e.policy.Settle) < i.heldUntil && e.bereft(i, w):
			e.settleSilence(i, w)
		}
	case i.silence.Owed && i.active+i.lost > 0:
		if e.covered(i) == nil {
			e.tellOwed(i)
		}
	}
}

// endSilenceWait forgets that i waited.
func (e *Engine) endSilenceWait(i *incident) {
	if i.silence != nil {
		i.silence = nil
		delete(e.silences.waiting, i.id)
		e.dirty.incidents[i.id] = struct{}{}
	}
}
