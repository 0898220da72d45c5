package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
	"quell/storage"
)

// delivered makes the result of a delivery durable: it leaves the outbox, its reference is kept, a page that failed is told to
// others, and the engine learns of it.
func (l *loop) delivered(ctx context.Context, r notify.Result) error {
	d := &r.Delivery
	if d.ID >= directFirst {
		return nil // safe mode's: it never was in the outbox
	}
	return l.do(ctx, &request{inputs: told(&r), done: make(chan error, 1), with: func(s *step) error {
		s.delete(storage.Outbox, outboxKey(d.ID))
		if _, known := l.sent[incidentOf(d)]; r.Ref != "" && !known {
			s.forget = append(s.forget, d.Key) // the incident was forgotten while this was on its way
		} else if r.Ref != "" {
			s.put(storage.Refs, refKey(d.Key, d.Target), savedRef{d.Key, d.Target, r.Ref})
		}
		if r.Err != nil {
			l.log.Error("delivery given up", slog.String("receiver", d.Target.Receiver), slog.String("integration", d.Target.Type),
				slog.String("action", string(d.Action)), slog.String("key", d.Key), slog.Any("error", r.Err))
			s.deliver(l.router.Failed(s.at, *d, r.Err.Error()))
		}
		return nil
	}})
}

// told is what the engine has to know of a result: pages, and what failed.
func told(r *notify.Result) []correlate.Input {
	d := &r.Delivery
	if d.Incident == nil || r.Withdrawn || r.Superseded || r.Err == nil && d.Action != routing.Trigger {
		return nil
	}
	in := &correlate.Delivery{
		Incident: d.Incident.ID, Generation: d.Incident.Generation, Receiver: d.Target.Receiver,
		Integration: integration(d.Target), Action: string(d.Action),
	}
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

func integration(t routing.Target) string {
	return fmt.Sprintf("%s[%d]", t.Type, t.Index)
}

// savedRef is a row of table Refs.
type savedRef struct {
	Key    string         `json:"key"`
	Target routing.Target `json:"target"`
	Ref    string         `json:"ref"`
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// readOutbox reads at most limit deliveries with ids of at least from; 0 means all.
func readOutbox(st store, from uint64, limit int) ([]routing.Delivery, error) {
	var list []routing.Delivery
	err := st.Scan(storage.Outbox, binary.BigEndian.AppendUint64(nil, from), nil, func(_, v []byte) error {
		var d routing.Delivery
		if err := json.Unmarshal(v, &d); err != nil {
			return err
		}
		list = append(list, d)
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
