package correlate

import (
	"cmp"
	"container/heap"
)

// timerKind says what is due. Kinds that end trouble come first, so that of things due at one instant recovery wins.
type timerKind uint8

const (
	timerExpire timerKind = iota + 1 // a symptom's time-out
	timerSettle                      // an incident's symptoms stayed clear
	timerGather                      // an incident has more others to merge
	timerHold                        // an incident's hold ends
	timerDoubt                       // the root of an incident is well for long, and others are not: it is ranked again
	timerLost                        // an incident was unknown for too long
	timerRank                        // an incident's candidates are ranked
	timerForget                      // a closed incident can no longer be reopened
	timerDrop                        // a cleared symptom without incident is dropped
	timerFade                        // what sources told of the topology ends
)

// timer is due at a time in Unix nanoseconds. It is a hint: what it is about holds the truth, and a timer that comes too
// early or too late for it is ignored or renewed. So nothing ever has to be taken out of the heap.
type timer struct {
	at   int64
	id   uint64
	kind timerKind
}

func (a timer) compare(b timer) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}

// push avoids the boxing of heap.Push, which would cost an allocation for each alert, and pop that of heap.Pop.
func (h *timerHeap) push(t timer) {
	*h = append(*h, t)
	heap.Fix(h, len(*h)-1)
}

// pop takes out the timer that is due first; there must be one.
func (h *timerHeap) pop() timer {
	old, last := *h, len(*h)-1
	t := old[0]
	old[0] = old[last]
	if *h = old[:last]; last > 0 {
		heap.Fix(h, 0)
	}
	return t
}

// passed takes out what was due by now.
func (h *timerHeap) passed(now int64) {
	for len(*h) > 0 && (*h)[0].at <= now {
		h.pop()
	}
}
