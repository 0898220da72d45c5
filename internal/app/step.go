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

// run steps the engine at s.at with s.inputs and turns what it says into changes and deliveries.
func (s *step) run() {
	l := s.loop
	l.escalations.Hear(s.inputs)
	effects := l.engine.Step(s.at, s.inputs)
	s.stepped = true
	l.metrics.effects(effects)
	s.countRefused()
	s.deliver(l.escalations.Step(s.at, effects, func(id correlate.IncidentID) (*correlate.Incident, bool) {
		return l.engine.Incident(id, correlate.MaxShown)
	}))
	for i := range effects {
		switch effects[i].Decision {
		case correlate.SelfHeal, correlate.Resolve, correlate.Merge, correlate.Withdraw:
			s.remember(effects[i].Incident)
		}
	}
	l.engine.Changes(s.row)
	l.escalations.Changes(s.mark)
}

// mark takes over a changed row of an incident's escalation.
func (s *step) mark(id correlate.IncidentID, row []byte) {
	s.changes = append(s.changes, storage.Change{Table: storage.Marks, Key: []byte(escalationKey(id)), Value: row})
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
		inc.Escalation = s.loop.escalations.View(id)
		s.put(storage.Incidents, historyKey(id), inc)
	}
}

// forgetIncident drops what was kept to reach an incident at its receivers.
func (s *step) forgetIncident(id correlate.IncidentID) {
	keys, reached := s.loop.escalations.Forget(id)
	s.forget = append(s.forget, keys...)
	for _, key := range keys {
		for _, t := range reached {
			s.delete(storage.Refs, refKey(key, t))
		}
	}
}

const escalationPrefix = "escalation/"

func escalationKey(id correlate.IncidentID) string { return escalationPrefix + id.String() }

func refKey(key string, t routing.Target) string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%d", key, t.Receiver, t.Type, t.Index)
}

func outboxKey(id uint64) string { return string(binary.BigEndian.AppendUint64(nil, id)) }

func historyKey(id correlate.IncidentID) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(id)))
}
