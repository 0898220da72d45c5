package notify

import (
	"container/heap"
	"time"

	"quell/correlate"
	"quell/routing"
)

// laneID names the deliveries that must leave in order.
type laneID struct {
	key    string
	target routing.Target
}

// lane holds the waiting deliveries of one key and target in order of their ids. Only its head may be under way. A lane
// that is not busy waits in one or both of two heaps: for its turn at the integration, and for its next moment.
type lane struct {
	id    laneID
	queue []*item
	// busy is true while the head is being attempted, or its result is being reported.
	busy bool
	// notBefore is when the head may be attempted again.
	notBefore time.Time
	// wakeAt is when the lane must be looked at again, for its place in the alarms.
	wakeAt time.Time
	// readyPos and alarmPos are its places in the heaps, or -1.
	readyPos, alarmPos int
}

// item is a delivery with what became of it so far.
type item struct {
	delivery routing.Delivery
	attempts int
	// maybe is true once an attempt may have arrived although we do not know.
	maybe   bool
	lastErr error
	// withdrawn is true when it was decided not to send it; it still leaves through the head of its lane, so that a
	// trigger's report precedes its resolve's.
	withdrawn bool
}

// insert puts an item in its place by id. An id that is there already is left as it is: false.
func (l *lane) insert(it *item) bool {
	at := len(l.queue)
	for at > 0 && l.queue[at-1].delivery.ID >= it.delivery.ID {
		if l.queue[at-1].delivery.ID == it.delivery.ID {
			return false
		}
		at--
	}
	if l.busy {
		at = max(at, 1) // The head is on its way; nothing can precede it any more.
	}
	l.queue = append(l.queue, nil)
	copy(l.queue[at+1:], l.queue[at:])
	l.queue[at] = it
	return true
}

// supersede takes out the updates that a later update or resolve makes pointless, and returns them. The one under way
// stays. They may be reported in any order, since what supersedes them is in the outbox too.
func (l *lane) supersede() []*item {
	first := 0
	if l.busy {
		first = 1
	}
	newest := -1
	for i := first; i < len(l.queue); i++ {
		if a := l.queue[i].delivery.Action; a == routing.Update || a == routing.Resolve {
			newest = i
		}
	}
	var out []*item
	keep := l.queue[:min(first, len(l.queue))]
	for i := first; i < len(l.queue); i++ {
		if it := l.queue[i]; i < newest && it.delivery.Action == routing.Update && !it.withdrawn {
			out = append(out, it)
		} else {
			keep = append(keep, it)
		}
	}
	clear(l.queue[len(keep):])
	l.queue = keep
	return out
}

// withdraw marks everything up to the resolve if the trigger before it certainly never arrived: nobody has to hear of
// an incident that began and ended while its page waited.
func (l *lane) withdraw() {
	if len(l.queue) == 0 || l.busy {
		return
	}
	if l.queue[0].delivery.Action != routing.Trigger {
		return
	}
	for i, it := range l.queue {
		if it.maybe {
			return
		}
		if it.delivery.Action == routing.Resolve {
			for _, gone := range l.queue[:i+1] {
				gone.withdrawn = true
			}
			return
		}
	}
}

// urgency says who goes first when not all can: a page by how bad it is, then what ends one, then news. What quell
// says about itself is as urgent as the worst page.
func urgency(d *routing.Delivery) int {
	const resolve, news, digest = 30, 20, 10
	switch d.Action {
	case routing.Operator:
		return 100 + int(correlate.SeverityCritical)
	case routing.Trigger:
		severity := correlate.SeverityWarning
		if d.Incident != nil && d.Incident.Severity != correlate.SeverityUnset {
			severity = d.Incident.Severity
		}
		return 100 + int(severity)
	case routing.Resolve:
		return resolve
	case routing.Digest:
		return digest
	}
	return news
}

// laneHeap is a binary heap of lanes that know their place, so that they can be taken out of the middle.
type laneHeap struct {
	lanes []*lane
	less  func(a, b *lane) bool
	pos   func(*lane) *int
}

func newReadyHeap() *laneHeap {
	return &laneHeap{
		less: func(a, b *lane) bool {
			x, y := &a.queue[0].delivery, &b.queue[0].delivery
			if ux, uy := urgency(x), urgency(y); ux != uy {
				return ux > uy
			}
			return x.ID < y.ID
		},
		pos: func(l *lane) *int { return &l.readyPos },
	}
}

func newAlarmHeap() *laneHeap {
	return &laneHeap{
		less: func(a, b *lane) bool { return a.wakeAt.Before(b.wakeAt) },
		pos:  func(l *lane) *int { return &l.alarmPos },
	}
}

func (h *laneHeap) top() *lane {
	if len(h.lanes) == 0 {
		return nil
	}
	return h.lanes[0]
}

func (h *laneHeap) add(l *lane) {
	h.drop(l)
	heap.Push(h, l)
}

func (h *laneHeap) drop(l *lane) {
	if at := *h.pos(l); at >= 0 {
		heap.Remove(h, at)
	}
}

// Len, Less, Swap, Push and Pop are for container/heap only.
func (h *laneHeap) Len() int           { return len(h.lanes) }
func (h *laneHeap) Less(i, j int) bool { return h.less(h.lanes[i], h.lanes[j]) }
func (h *laneHeap) Swap(i, j int) {
	h.lanes[i], h.lanes[j] = h.lanes[j], h.lanes[i]
	*h.pos(h.lanes[i]), *h.pos(h.lanes[j]) = i, j
}

func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	*h.pos(l) = len(h.lanes)
	h.lanes = append(h.lanes, l)
}

func (h *laneHeap) Pop() any {
	last := len(h.lanes) - 1
	l := h.lanes[last]
	h.lanes[last] = nil
	h.lanes = h.lanes[:last]
	*h.pos(l) = -1
	return l
}
