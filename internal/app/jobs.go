package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"quell/storage"
)

const (
	// jobsEvery is how often periodic work is looked at.
	jobsEvery = 15 * time.Second
	trimEvery = 10 * time.Minute
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
			_ = a.reload(ctx, bySignal, "SIGHUP") // it was logged
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
			s.trimLetters(now.Add(-keep.DeadLettersAge), keep.DeadLetters)
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
