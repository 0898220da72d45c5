package app

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"quell/correlate"
	"quell/routing"
	"quell/storage"
)

// historyShown bounds the symptoms and members that are kept of a closed incident.
const historyShown = 500

// step is one step of the engine on its way to the store: what went in, and all that has to be written with it.
type step struct {
	loop    *loop
	at      time.Time
	inputs  []correlate.Input
	with    []*request
	stepped bool

	changes    []storage.Change
	deliveries []routing.Delivery
	forget     []string // keys at receivers to which nothing will be delivered any more
	delivered  bool     // deliveries left already
	buf        []byte   // backs keys and values of changes
}

// memory is what a step collects in, kept for the next one: a storm makes thousands of steps of half a megabyte each.
type memory struct {
	changes []storage.Change
	buf     []byte
}

// memoryMax is how large a buffer may be to be kept.
const memoryMax = 8 << 20

// newStep begins a step in the memory of one that was stored, if there is any.
func (l *loop) newStep(at time.Time) *step {
	s := &step{loop: l, at: at}
	if m := l.spare; m != nil {
		s.changes, s.buf, l.spare = m.changes, m.buf, nil
	}
	return s
}

// reuse keeps the memory of a step that is stored.
func (l *loop) reuse(s *step) {
	if cap(s.buf) <= memoryMax {
		clear(s.changes)
		l.spare = &memory{s.changes[:0], s.buf[:0]}
	}
	s.changes, s.buf = nil, nil
}

// sentTo is where the page of an incident's generation went.
type sentTo struct {
	Generation int              `json:"generation"`
	Targets    []routing.Target `json:"targets"`
}

// run steps the engine at s.at with s.inputs and turns what it says into changes and deliveries.
func (s *step) run() {
	effects := s.loop.engine.Step(s.at, s.inputs)
	s.stepped = true
	s.loop.metrics.effects(effects)
	s.countRefused()
	for i := range effects {
		s.route(&effects[i])
	}
	s.loop.engine.Changes(s.row)
}

func isTopology(in correlate.Input) bool {
	_, ok := in.(*correlate.Topology)
	return ok
}

// refused returns why the engine did not take one of the inputs, or nil if it took all.
func (s *step) refused(inputs []correlate.Input) error {
	for _, in := range inputs {
		if t, ok := in.(*correlate.Topology); ok {
			if err := s.loop.engine.Refused(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// countRefused counts the updates that the engine did not take, and logs the first.
func (s *step) countRefused() {
	count, first := 0, error(nil)
	for _, in := range s.inputs {
		if err := s.refused([]correlate.Input{in}); err != nil {
			count++
			first = cmp.Or(first, err)
		}
	}
	if count > 0 {
		s.loop.metrics.refusedUpdates.Add(float64(count))
		s.loop.log.Warn("topology updates refused", slog.Int("updates", count), slog.Any("error", first))
	}
}

// empty reports whether there is nothing to store.
func (s *step) empty() bool { return !s.stepped && len(s.changes) == 0 && len(s.deliveries) == 0 }

// row takes over one changed row of the engine, copying it.
func (s *step) row(key, value []byte) {
	c := storage.Change{Table: storage.State, Key: s.copy(key)}
	if value != nil {
		c.Value = s.copy(value)
	} else if id, ok := correlate.IncidentOfRow(key); ok {
		s.forgetIncident(id)
	}
	s.changes = append(s.changes, c)
}

// copy keeps b in one large buffer, instead of an allocation for each row.
func (s *step) copy(b []byte) []byte {
	if cap(s.buf)-len(s.buf) < len(b) {
		// What was handed out stays valid in the old buffer.
		s.buf = make([]byte, 0, max(64<<10, 2*cap(s.buf), len(b)))
	}
	n := len(s.buf)
	s.buf = append(s.buf, b...)
	return s.buf[n : n+len(b) : n+len(b)]
}

func (s *step) put(t storage.Table, key string, value any) {
	v, err := json.Marshal(value)
	if err != nil {
		panic("app: row cannot be encoded: " + err.Error()) // no row has a field that could fail
	}
	s.changes = append(s.changes, storage.Change{Table: t, Key: []byte(key), Value: v})
}

func (s *step) delete(t storage.Table, key string) {
	s.changes = append(s.changes, storage.Change{Table: t, Key: []byte(key)})
}

// route asks the router what an effect means for receivers, and keeps history of what ended.
func (s *step) route(f *correlate.Effect) {
	if !concernsReceivers(f.Decision) {
		return
	}
	l := s.loop
	inc, ok := l.engine.Incident(f.Incident, correlate.MaxShown)
	if !ok {
		return
	}
	before := l.sent[f.Incident]
	change := routing.Change{Effect: *f, Incident: inc}
	if before.Generation == f.Generation {
		change.Sent = before.Targets
	}
	deliveries, targets := l.router.Deliveries(s.at, change)
	s.deliver(deliveries)
	if len(targets) > 0 && (before.Generation != f.Generation || len(before.Targets) != len(targets)) {
		l.sent[f.Incident] = sentTo{f.Generation, targets}
		s.put(storage.Marks, sentKey(f.Incident), l.sent[f.Incident])
	}
	switch f.Decision {
	case correlate.SelfHeal, correlate.Resolve, correlate.Merge:
		s.remember(f.Incident)
	}
}

func concernsReceivers(d correlate.Decision) bool {
	switch d {
	case correlate.Join, correlate.Hold, correlate.Open, correlate.Leave, correlate.Lost:
		return false
	}
	return true
}

// deliver numbers deliveries and puts them into the outbox.
func (s *step) deliver(deliveries []routing.Delivery) {
	for i := range deliveries {
		d := &deliveries[i]
		s.loop.nextID++
		d.ID = s.loop.nextID
		s.put(storage.Outbox, outboxKey(d.ID), d)
		s.deliveries = append(s.deliveries, *d)
	}
}

// remember keeps a copy of an incident for those who ask later.
func (s *step) remember(id correlate.IncidentID) {
	if inc, ok := s.loop.engine.Incident(id, historyShown); ok {
		s.put(storage.Incidents, historyKey(id), inc)
	}
}

// forgetIncident drops what was kept to reach an incident at its receivers.
func (s *step) forgetIncident(id correlate.IncidentID) {
	to, ok := s.loop.sent[id]
	if !ok {
		return
	}
	delete(s.loop.sent, id)
	s.delete(storage.Marks, sentKey(id))
	for gen := 1; gen <= to.Generation; gen++ {
		key := s.loop.router.Key(id, gen)
		s.forget = append(s.forget, key)
		for _, t := range to.Targets {
			s.delete(storage.Refs, refKey(key, t))
		}
	}
}

func sentKey(id correlate.IncidentID) string { return "sent/" + id.String() }

func refKey(key string, t routing.Target) string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%d", key, t.Receiver, t.Type, t.Index)
}

func outboxKey(id uint64) string { return string(binary.BigEndian.AppendUint64(nil, id)) }

func historyKey(id correlate.IncidentID) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(id)))
}
