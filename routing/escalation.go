package routing

import (
	"container/heap"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"quell/correlate"
)

const (
	// lookAhead is how far ahead the beginning of hours is searched for. What is farther away is searched for again then.
	lookAhead = 32 * 24 * time.Hour
	// logMax bounds the log of an escalation; what is beyond it replaces the middle.
	logMax, logHead = 40, 10
)

// Lookup returns a copy of an incident as it is after the engine's step; ok is false if the engine has forgotten it.
type Lookup func(correlate.IncidentID) (inc *correlate.Incident, ok bool)

// Escalations carries out policies: it turns what the engine decides, how deliveries end, and the passing of time into deliveries. One
// goroutine owns it. It is stepped beside the engine, with the same inputs at the same times; its state is a function of these and
// of nothing else, kept as rows.
type Escalations struct {
	router *Router
	byID   map[correlate.IncidentID]*escalation
	due    dueHeap
	dirty  map[correlate.IncidentID]struct{}
	// failures are what Hear found and Step acts upon, and reconfigured is true if it heard of another configuration.
	failures     []failure
	reconfigured bool
}

// escalation is who was told of an incident's generation, and who is next. It is stored as it is.
type escalation struct {
	Generation int `json:"generation"`
	// Over is true once the generation ended. What was told stays known, so that it can be forgotten at the receivers, too.
	Over bool `json:"over,omitempty"`
	// Told are the targets that have a message about this generation, and Reached those that ever had one about any.
	Told    []told                      `json:"told,omitempty"`
	Reached []Target                    `json:"reached,omitempty"`
	Climbs  []*climb                    `json:"climbs,omitempty"`
	Waiting []waiting                   `json:"waiting,omitempty"`
	Log     []correlate.EscalationEntry `json:"log,omitempty"`
	// scheduled is the last time that was put into the heap for it and is there.
	scheduled time.Time
}

// told is a target with a message of ours.
type told struct {
	Target Target `json:"target"`
	// Paged is true if it was paged; otherwise it was told without being woken.
	Paged bool `json:"paged,omitempty"`
	// Acked is true if the target was told that somebody acknowledged the incident, and not paged since.
	Acked bool `json:"acked,omitempty"`
	// End is how the first page of it ended: accepted, failed or withdrawn; empty while nobody knows.
	End string `json:"end,omitempty"`
	// Dropped counts what was superseded before it left.
	Dropped int `json:"dropped,omitempty"`
}

// Ends of pages.
const (
	endAccepted  = "accepted"
	endFailed    = "failed"
	endWithdrawn = "withdrawn"
)

// waiting is a notice that waits for the hours of its route.
type waiting struct {
	At      time.Time `json:"at"`
	Hours   Hours     `json:"hours"`
	Reason  string    `json:"reason"`
	Targets []Target  `json:"targets"`
}

// failure is a delivery that came to nothing, or waits.
type failure struct {
	incident   correlate.IncidentID
	generation int
	target     Target
	action     Action
	reason     string
	// waits is true if it may still arrive.
	waits bool
	// receiverFailed are the climbs whose step lost a receiver by it.
	receiverFailed []*climb
}

// NewEscalations returns one that follows no incident yet.
func NewEscalations(r *Router) *Escalations {
	return &Escalations{router: r, byID: make(map[correlate.IncidentID]*escalation), dirty: make(map[correlate.IncidentID]struct{})}
}

// Router returns the router in force.
func (x *Escalations) Router() *Router { return x.router }

// Load takes over a row that [Escalations.Changes] gave. It fails on what is none.
func (x *Escalations) Load(id correlate.IncidentID, row []byte) error {
	e := new(escalation)
	if err := json.Unmarshal(row, e); err != nil {
		return err
	}
	x.byID[id] = e
	x.schedule(id)
	return nil
}

// Changes calls put with the row of every incident that changed since the last call, in order; a nil row is gone.
func (x *Escalations) Changes(put func(id correlate.IncidentID, row []byte)) {
	for _, id := range slices.Sorted(maps.Keys(x.dirty)) {
		e := x.byID[id]
		if e == nil {
			put(id, nil)
			continue
		}
		row, err := json.Marshal(e)
		if err != nil {
			panic("routing: row cannot be encoded: " + err.Error()) // no row has a field that could fail
		}
		put(id, row)
	}
	clear(x.dirty)
}

// Forget drops what is known of an incident that can no longer be reopened. It returns the keys under which it was told, and to whom.
func (x *Escalations) Forget(id correlate.IncidentID) (keys []string, reached []Target) {
	e := x.byID[id]
	if e == nil {
		return nil, nil
	}
	delete(x.byID, id)
	x.dirty[id] = struct{}{}
	for generation := 1; generation <= e.Generation; generation++ {
		keys = append(keys, x.router.Key(id, generation))
	}
	return keys, e.Reached
}

// Knows reports whether anybody was told of an incident that is not forgotten.
func (x *Escalations) Knows(id correlate.IncidentID) bool { return x.byID[id] != nil }

// Unheard reports whether an incident's generation was paged and no receiver has accepted the page yet.
func (x *Escalations) Unheard(id correlate.IncidentID, generation int) bool {
	e := x.byID[id]
	if e == nil || e.Generation != generation {
		return false
	}
	paged := false
	for _, t := range e.Told {
		if t.Paged && t.End == endAccepted {
			return false
		}
		paged = paged || t.Paged
	}
	return paged
}

// Deadline reports when [Escalations.Step] must next be called even if nothing happens; ok is false if never.
func (x *Escalations) Deadline() (at time.Time, ok bool) {
	for len(x.due) > 0 {
		if d := x.due[0]; x.next(d.id).Equal(d.at) {
			return d.at, true
		}
		d := heap.Pop(&x.due).(dueAt) // it was moved, and is in the heap again where it belongs
		if e := x.byID[d.id]; e != nil && e.scheduled.Equal(d.at) {
			e.scheduled = noTime // it may be moved back
		}
	}
	return time.Time{}, false
}

// next is when something is due for an incident, zero if nothing is.
func (x *Escalations) next(id correlate.IncidentID) (at time.Time) {
	e := x.byID[id]
	if e == nil {
		return at
	}
	for _, c := range e.Climbs {
		at = earliest(at, earliest(c.At, c.AcceptBy))
	}
	for _, w := range e.Waiting {
		at = earliest(at, w.At)
	}
	return at
}

// earliest returns the earlier of two times, of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// schedule notes when an incident is due.
func (x *Escalations) schedule(id correlate.IncidentID) {
	if at := x.next(id); !at.IsZero() && !at.Equal(x.byID[id].scheduled) {
		x.byID[id].scheduled = at
		heap.Push(&x.due, dueAt{at, id})
	}
}

// changed notes that an incident's row changed, and when it is due then.
func (x *Escalations) changed(id correlate.IncidentID) {
	x.dirty[id] = struct{}{}
	x.schedule(id)
}

// note adds to the log.
func (e *escalation) note(at time.Time, text string) {
	if len(e.Log) >= logMax {
		e.Log = slices.Delete(e.Log, logHead, logHead+1)
	}
	e.Log = append(e.Log, correlate.EscalationEntry{At: at, Text: text})
}

// entry returns what is known of a target, nil if it was not told.
func (e *escalation) entry(t Target) *told {
	k := slices.IndexFunc(e.Told, func(has told) bool { return has.Target == t })
	if k < 0 {
		return nil
	}
	return &e.Told[k]
}

// targets are all that were told.
func (e *escalation) targets() []Target {
	list := make([]Target, len(e.Told))
	for i, has := range e.Told {
		list[i] = has.Target
	}
	return list
}

// dueAt is a hint that something is due for an incident, which itself holds the truth.
type dueAt struct {
	at time.Time
	id correlate.IncidentID
}

type dueHeap []dueAt

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].id < h[j].id
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(dueAt)) }
func (h *dueHeap) Pop() any {
	old := *h
	d := old[len(old)-1]
	*h = old[:len(old)-1]
	return d
}
