package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify/digest"
	"quell/routing"
	"quell/storage"
)

const (
	// jobsEvery is how often periodic work is looked at.
	jobsEvery = 15 * time.Second
	trimEvery = 10 * time.Minute
	// digestExpires is how long a digest is worth delivering.
	digestExpires = 24 * time.Hour
)

// jobs does periodic work until ctx ends: digests that are due, what is too old, reloads by signal.
func (a *App) jobs(ctx context.Context) error {
	ticker := time.NewTicker(jobsEvery)
	defer ticker.Stop()
	trimmed := a.options.wall()
	a.digests(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-a.options.Reload:
			if !ok {
				a.options.Reload = nil
				continue
			}
			_ = a.reload(ctx, "signal", "SIGHUP") // it was logged
		case <-ticker.C:
			a.digests(ctx)
			if now := a.options.wall(); now.Sub(trimmed) >= trimEvery {
				trimmed = now
				a.trim(ctx, now)
			}
		}
	}
}

// trim drops what the retention no longer covers.
func (a *App) trim(ctx context.Context, now time.Time) {
	keep := a.current.Load().config.Retention
	var old [][]byte
	err := a.store.Scan(storage.Incidents, nil, nil, func(k, v []byte) error {
		var inc struct{ Closed *time.Time }
		if json.Unmarshal(v, &inc) == nil && inc.Closed != nil && now.Sub(*inc.Closed) > keep.IncidentsAge {
			old = append(old, append([]byte(nil), k...))
		}
		if len(old) == storage.TrimLimit {
			return errEnough
		}
		return nil
	})
	if err == nil || errors.Is(err, errEnough) {
		err = a.loop.do(ctx, &request{done: make(chan error, 1), with: func(s *step) error {
			for _, k := range old {
				s.changes = append(s.changes, storage.Change{Table: storage.Incidents, Key: k})
			}
			return s.loop.trimJournal(now.Add(-keep.JournalAge), keep.JournalBytes)
		}})
	}
	if err != nil && ctx.Err() == nil {
		a.log.Warn("retention not applied", slog.Any("error", err))
	}
}

// trimJournal removes old records; it belongs to the loop, which is the store's only writer.
func (l *loop) trimJournal(before time.Time, maxBytes int64) error {
	_, err := l.store.Trim(before, maxBytes)
	return err
}

// digestMark is when a digest was made last.
func digestMark(d *config.Digest) string {
	return "digest/" + d.Receiver + "/" + d.Location.String() + "/" + d.Schedule
}

// digests makes the digests that are due. That it was made, and what has to be delivered, is one transaction: so each is made
// exactly once, whatever happens, and late if quell was down when it was due.
func (a *App) digests(ctx context.Context) {
	for i := range a.current.Load().config.Digests {
		d := &a.current.Load().config.Digests[i]
		if err := a.digest(ctx, d, plain(a.options.wall())); err != nil && ctx.Err() == nil {
			a.log.Warn("digest not made", slog.String("receiver", d.Receiver), slog.Any("error", err))
		}
	}
}

func (a *App) digest(ctx context.Context, d *config.Digest, now time.Time) error {
	mark := digestMark(d)
	v, err := a.store.Get(storage.Marks, []byte(mark))
	if err != nil {
		return err
	}
	var last time.Time
	if v != nil {
		if err := json.Unmarshal(v, &last); err != nil {
			return err
		}
	} else {
		// A schedule that is new begins to count now.
		return a.loop.do(ctx, &request{done: make(chan error, 1), with: func(s *step) error { s.put(storage.Marks, mark, now); return nil }})
	}
	due := d.Next(last)
	if due.IsZero() || due.After(now) {
		return nil
	}
	// Of several that were missed the last one covers all.
	for next := d.Next(due); !next.IsZero() && !next.After(now); next = d.Next(due) {
		due = next
	}
	since := last
	if d.Since > 0 {
		since = due.Add(-d.Since)
	}
	incidents, err := a.history(ctx, since)
	if err != nil {
		return err
	}
	body := digest.Build(incidents, since, due, digest.Options{
		Location: d.Location, Late: now.Sub(due) > time.Hour, ExternalURL: a.current.Load().config.ExternalURL,
	}).Slack()
	return a.loop.do(ctx, &request{done: make(chan error, 1), with: func(s *step) error {
		s.put(storage.Marks, mark, due)
		s.deliver(digestDeliveries(a.current.Load(), d.Receiver, mark, due, now, body))
		return nil
	}})
}

// digestDeliveries addresses a digest to a receiver's chat channels.
func digestDeliveries(c *setup, receiver, mark string, due, now time.Time, body json.RawMessage) []routing.Delivery {
	var list []routing.Delivery
	for _, t := range c.config.Targets()[receiver] {
		if t.Type != "slack" {
			continue
		}
		list = append(list, routing.Delivery{
			Target: t, Action: routing.Digest, Key: "quell/" + mark + "/" + due.Format(time.RFC3339), Digest: body,
			Created: now, Expires: now.Add(digestExpires),
		})
	}
	return list
}

// history returns copies of all incidents that were open at since or later.
func (a *App) history(ctx context.Context, since time.Time) ([]*correlate.Incident, error) {
	byID := make(map[correlate.IncidentID]*correlate.Incident)
	err := a.store.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
		inc := new(correlate.Incident)
		if err := json.Unmarshal(v, inc); err != nil {
			return err
		}
		if inc.Closed != nil && !inc.Closed.Before(since) {
			byID[inc.ID] = inc
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = a.loop.look(ctx, func(e *correlate.Engine) error {
		for _, inc := range e.Incidents(func(i *correlate.Incident) bool { return i.State.Open() }) {
			byID[inc.ID] = inc
		}
		return nil
	})
	list := make([]*correlate.Incident, 0, len(byID))
	for _, inc := range byID {
		list = append(list, inc)
	}
	sortNewestFirst(list)
	return list, err
}
