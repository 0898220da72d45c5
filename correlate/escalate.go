package correlate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/internal/english"
)

// Whoever acknowledged an incident judged what they saw. It is handed back, and paged again, when it becomes another one: when it is
// worse than anything they saw, spreads, or shows what it did not show. It is handed back as well when the acknowledgement lapses.
const (
	// handBackTimes and handBackMore say how far an incident spreads until it is handed back: to so many times the ill entities, and at
	// least so many more.
	handBackTimes, handBackMore = 2, 5
	// seenNamesMax bounds the names that are remembered of an acknowledged incident. Of one that had more, none counts as new.
	seenNamesMax = 200
)

// acknowledgement is what somebody took on; nil while nobody did. It is stored as it is.
type acknowledgement struct {
	// Until is when it lapses, in Unix nanoseconds; zero if it does not.
	Until int64 `json:"until,omitempty"`
	// Names are those of the symptoms that were seen, sorted. Severity was the worst of them, and Sites how many entities were ill.
	Names    []string `json:"names,omitempty"`
	Severity Severity `json:"severity"`
	Sites    int      `json:"sites"`
}

// acknowledge notes that somebody took an incident on, or still looks at it. That lapses at a time, or, if there is none, as the policy says.
func (e *Engine) acknowledge(i *incident, by, why string, lapses int64) {
	e.unwatch(i, e.now) // who looks may repair
	e.peopleKnow(i)
	a := &acknowledgement{Severity: i.severity, Sites: i.sites}
	for _, num := range i.symptoms {
		name := e.symptoms.get(num).name
		if at, seen := slices.BinarySearch(a.Names, name); !seen && len(a.Names) <= seenNamesMax {
			a.Names = slices.Insert(a.Names, at, name)
		}
	}
	i.state, i.acknowledged, i.ackedBy, i.taken = Acknowledged, e.now, by, a
	if d := e.policy.AckTimeout; lapses == 0 && d > 0 {
		lapses = e.now + int64(d)
	}
	if lapses != 0 {
		e.lapseAt(i, lapses)
		why += fmt.Sprintf("; lapses at %s unless renewed", clock(a.Until))
	}
	e.emit(i, Acknowledge, why)
}

func (e *Engine) lapseAt(i *incident, at int64) {
	i.taken.Until = at
	e.timer(timerAck, at, uint64(i.id))
	e.dirty.incidents[i.id] = struct{}{}
}

// lapses reports whether the acknowledgement of i is over and there is somebody to be told: while it is well it may end by itself.
func (e *Engine) lapses(i *incident) bool {
	return i.state == Acknowledged && i.taken.Until != 0 && i.taken.Until <= e.now && i.active+i.lost > 0
}

// worsened hands i back if it became worse than what was acknowledged. unseen is a name that it shows since just now, empty if there is
// no such name.
func (e *Engine) worsened(i *incident, unseen string) bool {
	if i.state != Acknowledged || e.policy.KeepAck {
		return false
	}
	switch a := i.taken; {
	case i.severity > a.Severity:
		e.handBack(i, fmt.Sprintf("it was %s when %s took it on, and is %s", a.Severity, whom(i.ackedBy), i.severity))
	case unseen != "":
		e.handBack(i, fmt.Sprintf("it shows %s, which it did not when %s took it on", unseen, whom(i.ackedBy)))
	case i.sites >= handBackTimes*a.Sites && i.sites >= a.Sites+handBackMore:
		e.handBack(i, fmt.Sprintf("%s ill when %s took it on, %d now", english.Count(a.Sites, "entity"), whom(i.ackedBy), i.sites))
	default:
		return false
	}
	return true
}

// newName returns the name of a symptom among some that whoever acknowledged i did not see, and that is as bad as the worst they saw; empty
// if there is none.
func (e *Engine) newName(i *incident, nums ...uint64) string {
	if i.state != Acknowledged || len(i.taken.Names) > seenNamesMax {
		return ""
	}
	for _, num := range nums {
		s := e.symptoms.get(num)
		if !s.active() || s.severity < i.taken.Severity {
			continue
		}
		if _, seen := slices.BinarySearch(i.taken.Names, s.name); !seen {
			return s.name
		}
	}
	return ""
}

// handBack ends an acknowledgement, so that people are paged again. If nobody was paged before, that is the first page. While all of the
// incident is silenced, that waits for the end of the silence.
func (e *Engine) handBack(i *incident, why string) {
	if e.owesUpdate(i) {
		return
	}
	e.endSilenceWait(i) // this tells all that people were not told while it was silenced
	reason := "handed back: " + why
	i.state, i.acknowledged, i.ackedBy, i.taken = Escalated, 0, "", nil
	if i.pagedGeneration == i.generation {
		f := e.emit(i, Update, reason)
		f.Worse, f.HandBack = true, true
	} else {
		e.pageFirst(i)
		e.emit(i, Escalate, reason)
	}
	e.tell(i)
}

// escalate has an incident paged whose hold is over, and says what waiting for it came to.
func (e *Engine) escalate(i *incident) {
	overdrawn, lasted := i.overdrawn, round(time.Duration(e.now-i.heldFrom))
	e.pageFirst(i)
	reason, said := fmt.Sprintf("did not recover within its hold: %d of %d symptoms still active after %s", i.active, len(i.symptoms), lasted), false
	if overdrawn {
		reason, said = strings.TrimPrefix(i.holdReason, chronicHold), true
	} else if strings.HasPrefix(i.holdReason, notHeld) && i.active > 0 {
		reason, said = fmt.Sprintf("%s; %d of %d symptoms active after %s", i.holdReason, i.active, len(i.symptoms), lasted), true
	} else if i.active == 0 {
		reason = fmt.Sprintf("did not recover within its hold: nobody reports on its %d symptoms any more", i.lost)
	} else if s := e.exhausted(i, e.concern(i)); s != nil {
		reason = fmt.Sprintf("%s; %d of %d symptoms active after %s", e.vain(s), i.active, len(i.symptoms), lasted)
	}
	rule := i.holdRule
	if w := i.silence; w != nil && w.Ended != 0 && w.RuleID != nil && (rule == nil || !said) {
		rule = w.RuleID // the reason names what it waited for, and not what its hold was by
	}
	e.emitBy(i, Escalate, e.afterSilence(i, reason), rule)
	e.tell(i)
}

// pageFirst notes that a generation is paged.
func (e *Engine) pageFirst(i *incident) {
	i.state, i.pagedGeneration = Escalated, i.generation
	if i.escalated == 0 {
		i.escalated = e.now
	}
	e.learn(i, e.now, false)
	e.rerank(i)
	e.peopleKnow(i)
}

// lapsed hands back what nobody renewed.
func (e *Engine) lapsed(i *incident) {
	e.handBack(i, fmt.Sprintf("%s acknowledged it %s ago and did not renew that", whom(i.ackedBy), round(time.Duration(e.now-i.acknowledged))))
}

// whom names an operator for a sentence.
func whom(by string) string {
	if by == "" {
		return "somebody"
	}
	return by
}

// delivered puts on the timeline how a delivery ended.
func (e *Engine) delivered(d *Delivery) {
	i := e.incidents[d.Incident]
	if i == nil || d.Generation != i.generation {
		return
	}
	at := fromNano(e.now)
	switch {
	case d.Superseded:
		return
	case d.Deferred:
		i.note(at, Notice, fmt.Sprintf("%s cannot be reached: the %s for %s waits (%s)", d.Receiver, d.Action, d.Integration, d.Error))
	case d.Retried != "":
		i.note(at, Notice, fmt.Sprintf("%s had the %s to %s, %s tried again", d.Retried, d.Action, d.Receiver, d.Integration))
	case d.Withdrawn && !d.Unseen:
		i.note(at, Withdraw, fmt.Sprintf("the page to %s, %s was taken back before it left", d.Receiver, d.Integration))
	case d.Error != "":
		i.note(at, Notice, fmt.Sprintf("%s could not be delivered to %s, %s: %s", d.Action, d.Receiver, d.Integration, d.Error))
	case !d.Withdrawn && d.Action == "trigger":
		i.note(at, Notice, fmt.Sprintf("page accepted by %s, %s", d.Receiver, d.Integration))
	case !d.Unseen:
		return
	}
	e.dirty.incidents[i.id] = struct{}{}
	if d.Unseen && i.withdrawn == 0 {
		i.withdrawn = e.now
		e.emit(i, Withdraw, "it was over before any page had left: nobody was woken")
	}
}
