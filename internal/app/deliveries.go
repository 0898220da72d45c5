package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
	"quell/storage"
	"quell/web"
)

// Deliveries lists what waits in the outbox, or what was given up, by id.
func (b backend) Deliveries(ctx context.Context, q web.DeliveryQuery) (*web.DeliveryPage, error) {
	page := &web.DeliveryPage{Deliveries: []web.Delivery{}}
	collect := func(v *web.Delivery) error {
		if q.Receiver != "" && v.Receiver != q.Receiver {
			return nil
		}
		if len(page.Deliveries) == q.Limit {
			page.More = true
			return errEnough
		}
		page.Deliveries = append(page.Deliveries, *v)
		return nil
	}
	var err error
	if q.Dead {
		err = scanLetters(b.a.store, q.From, func(row *deadLetter) error { return collect(row.view()) })
	} else {
		err = scanOutbox(b.a.store, q.From, func(d *routing.Delivery) error { return collect(viewOf(d)) })
		b.a.progress(page.Deliveries)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	page.Integrations, err = b.a.integrations(ctx)
	return page, err
}

// Delivery returns one with all that is known.
func (b backend) Delivery(_ context.Context, id uint64) (*web.Delivery, error) {
	v, err := b.a.store.Get(storage.Outbox, []byte(outboxKey(id)))
	if err != nil {
		return nil, err
	}
	if v != nil {
		var d routing.Delivery
		if err := json.Unmarshal(v, &d); err != nil {
			return nil, err
		}
		list := []web.Delivery{*viewOf(&d)}
		list[0].Text = d.Text
		b.a.progress(list)
		return &list[0], nil
	}
	row, err := b.letter(id)
	if err != nil {
		return nil, err
	}
	shown := row.view()
	shown.Text = row.Delivery.Text
	return shown, nil
}

func (b backend) letter(id uint64) (*deadLetter, error) {
	v, err := b.a.store.Get(storage.Dead, []byte(outboxKey(id)))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, web.ErrUnknownDelivery
	}
	row := new(deadLetter)
	return row, json.Unmarshal(v, row)
}

// viewOf is a delivery of the outbox for readers.
func viewOf(d *routing.Delivery) *web.Delivery {
	v := &web.Delivery{
		ID: d.ID, State: web.DeliveryPending, Receiver: d.Target.Receiver, Integration: d.Target.Integration(), Action: string(d.Action), Key: d.Key,
		Reason: d.Reason, Created: d.Created, Expires: d.Expires,
	}
	if d.Incident != nil {
		v.Incident, v.Title = d.Incident.ID, d.Incident.Title
	}
	return v
}

func (row *deadLetter) view() *web.Delivery {
	v := viewOf(&row.Delivery)
	v.State, v.Attempts, v.Error, v.Died = web.DeliveryDead, row.Attempts, row.Error, &row.Died
	return v
}

// progress adds to pending deliveries what only the dispatcher knows.
func (a *App) progress(list []web.Delivery) {
	ids := make([]uint64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	known := a.dispatch.Progress(ids)
	for i := range list {
		p := known[list[i].ID]
		list[i].Attempts, list[i].NextAttempt, list[i].Error = p.Attempts, p.Next, p.Error
		if p.UnderWay {
			list[i].State = web.DeliveryUnderWay
		}
	}
}

// integrations tells how each integration of a receiver is.
func (a *App) integrations(ctx context.Context) ([]web.Integration, error) {
	var dead map[routing.Target]int
	err := a.loop.look(ctx, func(*correlate.Engine) error {
		dead = a.loop.dead.counts()
		return nil
	})
	list := []web.Integration{}
	for _, s := range a.dispatch.Status() {
		list = append(list, web.Integration{
			Receiver: s.Target.Receiver, Integration: s.Target.Integration(), Breaker: string(s.Breaker), Failures: s.Failures, OpenSince: s.OpenSince,
			RetryAt: s.RetryAt, Error: s.Error, FailedAt: s.FailedAt, Pending: s.Pending, Oldest: s.Oldest, Dead: dead[s.Target],
		})
	}
	return list, err
}

// RetryDelivery puts a dead letter into the outbox again, under a new id. What it says of its incident is as of now.
func (b backend) RetryDelivery(ctx context.Context, id uint64, r web.Retry) (uint64, error) {
	row, err := b.letter(id)
	if err != nil {
		return 0, err
	}
	l, d := b.a.loop, row.Delivery
	var retried uint64 // the loop's until it has answered
	in := correlateDelivery(&d)
	in.Retried = r.By
	err = l.do(ctx, &request{
		inputs: []correlate.Input{in},
		done:   make(chan error, 1),
		check: func(e *correlate.Engine) error {
			if _, found := l.dead.find(id); !found {
				return web.ErrUnknownDelivery
			}
			if !l.configured(d.Target) {
				return &web.ConflictError{Reason: fmt.Sprintf("%s is not configured any more", d.Target)}
			}
			if reason := l.pointless(e, &d); reason != "" && !r.Force {
				return &web.ConflictError{Reason: reason + "; force sends it all the same"}
			}
			return nil
		},
		with: func(s *step) error {
			s.exhume(id)
			fresh := again(s, d, r.By)
			s.deliver(fresh)
			retried = fresh[0].ID
			s.audit(auditEntry{By: r.By, From: r.From, Action: "retry delivery", On: d.Target.String(), Detail: fmt.Sprintf("%s of %s, %d as %d", d.Action, d.Key, id, retried)})
			l.log.Info("dead letter is tried again", slog.Uint64("delivery", id), slog.Uint64("as", retried), slog.String("target", d.Target.String()),
				slog.String("action", string(d.Action)), slog.String("key", d.Key), slog.String("by", r.By))
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	return retried, nil
}

// pointless says why a delivery has nothing to tell any more; empty if it has.
func (l *loop) pointless(e *correlate.Engine, d *routing.Delivery) string {
	if d.AboutQuell() && d.Followed() {
		switch known := l.conditions.Raised(d.Key); {
		case d.Action == routing.Operator && !slices.Contains(known, d.Target):
			return "what it tells of is over" // and nobody would close it at a pager
		case d.Action == routing.Resolve && slices.Contains(known, d.Target):
			return "what it calls over began anew" // and the pager would close what tells of that
		}
	}
	if d.Incident == nil {
		return ""
	}
	inc, known := e.Incident(d.Incident.ID, 1)
	switch {
	case !known:
		return fmt.Sprintf("%s is over and forgotten", d.Incident.ID)
	case inc.Generation != d.Incident.Generation:
		return fmt.Sprintf("%s was reopened since, and paged anew", inc.ID)
	case d.Action == routing.Resolve && inc.State.Open():
		return fmt.Sprintf("%s is not over any more", inc.ID)
	case d.Action == routing.Resolve:
		return ""
	case !inc.State.Open():
		return fmt.Sprintf("%s is over (%s)", inc.ID, inc.State)
	case d.Action == routing.Acknowledge && inc.State != correlate.Acknowledged:
		return fmt.Sprintf("%s is not acknowledged any more", inc.ID)
	case d.Action == routing.Trigger && inc.State == correlate.Acknowledged:
		return fmt.Sprintf("somebody has acknowledged %s", inc.ID)
	}
	return ""
}

// again is what a dead letter says now.
func again(s *step, d routing.Delivery, by string) []routing.Delivery {
	lifetime := d.Expires.Sub(d.Created)
	d.Created, d.Expires, d.Retried = s.at, s.at.Add(lifetime), true
	d.Reason = fmt.Sprintf("%s; tried again by %s", d.Reason, by)
	if d.Incident != nil {
		if inc, ok := s.loop.engine.Incident(d.Incident.ID, correlate.MaxShown); ok && inc.Generation == d.Incident.Generation {
			d.Incident = inc
		}
	}
	return []routing.Delivery{d}
}

// deferred tells engine and escalations that a page waits for a receiver that is ill.
func (l *loop) deferred(ctx context.Context, r *notify.Result) error {
	in := correlateDelivery(&r.Delivery)
	in.Deferred, in.Error = true, r.Err.Error()
	return l.do(ctx, &request{inputs: []correlate.Input{in}, done: make(chan error, 1)})
}

// correlateDelivery names a delivery of an incident for engine and escalations.
func correlateDelivery(d *routing.Delivery) *correlate.Delivery {
	in := &correlate.Delivery{Receiver: d.Target.Receiver, Integration: d.Target.Integration(), Action: string(d.Action)}
	if d.Incident != nil {
		in.Incident, in.Generation = d.Incident.ID, d.Incident.Generation
	}
	return in
}
