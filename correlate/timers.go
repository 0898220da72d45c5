package correlate

// timerKind says what is due. Kinds that end trouble come first, so that of things due at one instant recovery wins.
type timerKind uint8

const (
	timerExpire    timerKind = iota + 1 // a symptom's time-out
	timerSettle                         // an incident's symptoms stayed clear
	timerGather                         // an incident has more others to merge
	timerSilence                        // a silence begins or ends, or one that an incident waits for has to be looked at again
	timerHold                           // an incident's hold ends
	timerChronic                        // an incident's record is looked at
	timerAck                            // an incident's acknowledgement lapses
	timerDoubt                          // the root of an incident is well for long, and others are not: it is ranked again
	timerLost                           // an incident was unknown for too long
	timerRank                           // an incident's candidates are ranked
	timerForget                         // a closed incident can no longer be reopened
	timerDrop                           // a cleared symptom without incident is dropped
	timerFade                           // what sources told of the topology ends
	timerHeartbeat                      // a heartbeat may be missing
	timerUnseen                         // alerts that Alertmanager told of had their time to get here
	timerLearn                          // an incident goes on for long
	timerRound                          // all records of chronic trouble are looked at
)

// timer is due at a time in Unix nanoseconds. It is a hint: what it is about holds the truth, and a timer that comes too
// early or too late for it is ignored or renewed. So nothing ever has to be taken out of the heap.
type timer struct {
	at   int64
	id   uint64
	kind timerKind
}

// before reports whether a is due before b. It is asked some ten times for each timer, so it decides by the time alone where it can.
func (a *timer) before(b *timer) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	return a.id < b.id
}

// timerHeap has the timer that is due first in front. It is a binary heap as in container/heap, whose calls through an interface took
// longer than what they compared and swapped. Timers that are equal are alike, so the order in which they come out is that of before.
type timerHeap []timer

func (h *timerHeap) push(t timer) {
	*h = append(*h, t)
	list := *h
	k := len(list) - 1
	for k > 0 {
		up := (k - 1) / 2
		if !t.before(&list[up]) {
			break
		}
		list[k] = list[up]
		k = up
	}
	list[k] = t
}

// pop takes out the timer that is due first; there must be one.
func (h *timerHeap) pop() timer {
	last := len(*h) - 1
	first, t := (*h)[0], (*h)[last]
	list := (*h)[:last]
	*h = list
	if last == 0 {
		return first
	}
	k := 0
	for {
		down := 2*k + 1
		if down >= last {
			break
		}
		if next := down + 1; next < last && list[next].before(&list[down]) {
			down = next
		}
		if !list[down].before(&t) {
			break
		}
		list[k] = list[down]
		k = down
	}
	list[k] = t
	return first
}

// passed takes out what was due by now.
func (h *timerHeap) passed(now int64) {
	for len(*h) > 0 && (*h)[0].at <= now {
		h.pop()
	}
}
