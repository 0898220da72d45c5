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
	// owed counts superseded deliveries whose end is not durable yet. The head waits for them: if it ended first and a crash followed,
	// they would be sent after it.
	owed int
	// notBefore is when the head may be attempted again.
	notBefore time.Time
	// wakeAt is when the lane must be looked at again, for its place in the alarms.
	wakeAt time.Time
	// in is the integration in whose heap it waits for its turn, nil if it does not.
	in *integration
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
	// pointless is why it is superseded or withdrawn, see [Result.Why]; empty if it is not.
	pointless string
	// deferred is true once it was told that it cannot leave for now.
	deferred bool
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
	if at > 0 && it.follows(l.queue[at-1]) {
		it.withdrawn, it.pointless = true, l.queue[at-1].pointless
	}
	return true
}

// supersede takes out what later deliveries make pointless, and returns it. The one under way stays. They may be reported in any order.
func (l *lane) supersede() []*item {
	first := 0
	if l.busy {
		first = 1
	}
	l.judge(first)
	var out []*item
	keep := l.queue[:min(first, len(l.queue))]
	for i := first; i < len(l.queue); i++ {
		if it := l.queue[i]; it.pointless != "" && !it.withdrawn {
			out = append(out, it)
		} else {
			keep = append(keep, it)
		}
	}
	clear(l.queue[len(keep):])
	l.queue = keep
	return out
}

// judge says of what waits, from the index first on, why it is pointless: an update before a later update or resolve, a repeated page or
// notice before a later resolve, and a page before another one. Of two pages that wait only the later one is told, else a receiver
// that recovers would wake people as often as their policy came back to them meanwhile.
func (l *lane) judge(first int) {
	update, paged, opener, over := "", false, -1, false
	for i := len(l.queue) - 1; i >= first; i-- {
		it := l.queue[i]
		if it.withdrawn {
			continue
		}
		switch it.delivery.Action {
		case routing.Update:
			it.pointless = update
			update = whyUpdate
		case routing.Resolve:
			update, paged, opener, over = whyOver, false, -1, true
		case routing.Trigger, routing.Notice, routing.Operator:
			switch {
			case it.delivery.Action == routing.Trigger && paged:
				l.replace(i, opener)
			case over && it.delivery.Again:
				it.pointless = whyOver
			default:
				opener, paged = i, paged || it.delivery.Action == routing.Trigger
			}
		}
	}
}

// replace makes the page or notice at opener the one that opens the incident at the receiver, in place of the page at gone. What is
// between them has nothing to follow then.
func (l *lane) replace(gone, opener int) {
	was, next := l.queue[gone], l.queue[opener]
	for _, it := range l.queue[gone:opener] {
		next.maybe = next.maybe || it.maybe
		it.pointless = whyPage
	}
	next.delivery.Again = was.delivery.Again
}

// Why deliveries are superseded, or withdrawn.
const (
	whyUpdate = "newer_update"
	whyPage   = "newer_page"
	whyOver   = "incident_over"
	whyAcked  = "acknowledged"
)

// withdraw marks everything up to the resolve if what opens the incident before it certainly never arrived: nobody has to hear of
// an incident that began and ended while its page waited. Nor is anybody woken for one that somebody else has acknowledged meanwhile.
// What repeats an earlier page opens nothing: that one has to be resolved. wakes is false where people read and nobody is woken.
func (l *lane) withdraw(wakes bool) {
	if len(l.queue) == 0 || l.busy {
		return
	}
	if d := &l.queue[0].delivery; !d.Opens() || d.Again {
		return
	}
	for i, it := range l.queue {
		switch {
		case it.maybe:
			return
		case it.delivery.Action == routing.Resolve:
			l.takeBack(i+1, whyOver)
			return
		case it.delivery.Action == routing.Acknowledge && wakes:
			l.takeBack(i+1, whyAcked)
			return
		}
	}
}

// takeBack marks the first n, and what only follows them.
func (l *lane) takeBack(n int, why string) {
	for i, it := range l.queue {
		if i >= n && !it.follows(l.queue[i-1]) {
			return
		}
		it.withdrawn, it.pointless = true, why
	}
}

// follows reports whether a delivery has nothing to say if the one before it is withdrawn.
func (it *item) follows(before *item) bool {
	return before.withdrawn && before.delivery.Action != routing.Resolve && !it.delivery.Opens()
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
