package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
	"quell/storage"
)

// delivered makes the result of a delivery durable: it leaves the outbox, its reference is kept, and the engine and the escalation of
// its incident learn of it.
func (l *loop) delivered(ctx context.Context, r notify.Result) error {
	d := &r.Delivery
	if d.ID >= directFirst {
		return nil // safe mode's: it never was in the outbox
	}
	if r.Deferred {
		return l.deferred(ctx, &r)
	}
	return l.do(ctx, &request{inputs: told(&r), done: make(chan error, 1), with: func(s *step) error {
		s.delete(storage.Outbox, outboxKey(d.ID))
		s.refer(&r)
		switch {
		case d.Target == notify.ProbeTarget, r.Withdrawn, r.Superseded:
		case r.Err != nil:
			s.bury(&r)
		default:
			s.works(d.Target)
		}
		return nil
	}})
}

// refer keeps what is needed to change and end at a receiver what it was told.
func (s *step) refer(r *notify.Result) {
	d, row := &r.Delivery, savedRef{r.Delivery.Key, r.Delivery.Target, r.Ref, r.Place}
	known := d.AboutQuell() || s.loop.escalations.Knows(incidentOf(d))
	switch ended := d.Action == routing.Resolve && r.Err == nil; {
	case !d.Followed():
	case ended && (d.AboutQuell() || r.Ref == ""):
		s.delete(storage.Refs, refKey(d.Key, d.Target))
	case r.Ref == "" && r.Place == "":
	case !known:
		s.forget = append(s.forget, d.Key) // the incident was forgotten while this was on its way
	default:
		s.put(storage.Refs, refKey(d.Key, d.Target), row)
	}
}

// noPlace forgets where something was opened: it cannot be followed there.
func (s *step) noPlace(b notify.Begun) {
	key := refKey(b.Key, b.Target)
	v, err := s.loop.store.Get(storage.Refs, []byte(key))
	var row savedRef
	if err != nil || v == nil || json.Unmarshal(v, &row) != nil {
		return // it is damaged or gone: then nothing says where either
	}
	if row.Place = ""; row.Ref == "" {
		s.delete(storage.Refs, key)
		return
	}
	s.put(storage.Refs, key, row)
}

// told is what engine and escalations have to know of a result: how pages and notices ended, what failed, and what was dropped.
func told(r *notify.Result) []correlate.Input {
	d := &r.Delivery
	opens := d.Action == routing.Trigger || d.Action == routing.Notice
	if d.Incident == nil || r.Err == nil && !opens && !r.Superseded {
		return nil
	}
	in := correlateDelivery(d)
	in.Withdrawn, in.Superseded = r.Withdrawn, r.Superseded
	if r.Err != nil {
		in.Error = r.Err.Error()
	}
	return []correlate.Input{in}
}

// incidentOf is 0 for digests and messages of quell about itself.
func incidentOf(d *routing.Delivery) correlate.IncidentID {
	if d.Incident == nil {
		return 0
	}
	return d.Incident.ID
}

// savedRef is a row of table Refs.
type savedRef struct {
	Key    string         `json:"key"`
	Target routing.Target `json:"target"`
	Ref    string         `json:"ref,omitempty"`
	// Place is where it was opened, as the dispatcher names it; empty if that does not matter, or is over.
	Place string `json:"place,omitempty"`
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// readOutbox reads at most limit deliveries with ids of at least from; 0 means all.
func readOutbox(st store, from uint64, limit int) ([]routing.Delivery, error) {
	var list []routing.Delivery
	err := scanOutbox(st, from, func(d *routing.Delivery) error {
		list = append(list, *d)
		if limit > 0 && len(list) >= limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// scanOutbox reads the deliveries with ids of at least from.
func scanOutbox(st store, from uint64, fn func(*routing.Delivery) error) error {
	return st.Scan(storage.Outbox, binary.BigEndian.AppendUint64(nil, from), nil, func(_, v []byte) error {
		d := new(routing.Delivery)
		if err := json.Unmarshal(v, d); err != nil {
			return err
		}
		return fn(d)
	})
}
