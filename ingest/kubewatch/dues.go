package kubewatch

import (
	"container/heap"
	"iter"
	"time"

	"quell/ingest"
)

// dues are when to look again at objects that tell something else with time though they do not change.
type dues struct {
	queue dueQueue
	byKey map[dueKey]*due
}

type dueKey struct {
	part            *part
	namespace, name string
}

// due is when to look at an object again. place is where in the queue it is.
type due struct {
	at     time.Time
	key    dueKey
	object *ingest.KubernetesObject
	place  int
}

func newDues() dues { return dues{byKey: make(map[dueKey]*due)} }

// set notes when to look at an object that takes another's place. Either may be nil.
func (d *dues) set(p *part, before, after *ingest.KubernetesObject, now time.Time) {
	if before != nil {
		d.drop(dueKey{p, before.Namespace(), before.Name()})
	}
	if after == nil || after.IsEvent() {
		return
	}
	if at := after.Due(now); !at.IsZero() {
		next := &due{at: at, key: dueKey{p, after.Namespace(), after.Name()}, object: after}
		d.drop(next.key)
		d.byKey[next.key] = next
		heap.Push(&d.queue, next)
	}
}

func (d *dues) drop(key dueKey) {
	if waits := d.byKey[key]; waits != nil {
		delete(d.byKey, key)
		heap.Remove(&d.queue, waits.place)
	}
}

// due takes out the objects for which it is time, and notes when it is again.
func (d *dues) due(now time.Time) iter.Seq[*ingest.KubernetesObject] {
	return func(yield func(*ingest.KubernetesObject) bool) {
		for len(d.queue) > 0 && !d.queue[0].at.After(now) {
			next := d.queue[0]
			d.set(next.key.part, next.object, next.object, now)
			if !yield(next.object) {
				return
			}
		}
	}
}

// dueQueue is a heap, the first one first.
type dueQueue []*due

// Len implements [heap.Interface].
func (q dueQueue) Len() int { return len(q) }

// Less implements [heap.Interface].
func (q dueQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

// Swap implements [heap.Interface].
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements [heap.Interface].
func (q *dueQueue) Push(x any) {
	if d, ok := x.(*due); ok {
		d.place = len(*q)
		*q = append(*q, d)
	}
}

// Pop implements [heap.Interface].
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return d
}
