package ingest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// errBusy says that there was no memory for a body in time.
var errBusy = errors.New("no memory for another body")

// budget shares out the memory for bodies. It is safe for concurrent use.
//
// A small demand overtakes a large one that does not fit yet: a body of a hundred thousand alerts must not hold up
// the others, and its sender is told to come back when it has waited too long.
type budget struct {
	mu        sync.Mutex
	freeBytes int64
	waiting   []*demand
}

type demand struct {
	bytes   int64
	granted chan struct{}
}

// acquire takes bytes out of the budget. It waits until they are there, at most for the given time, and returns errBusy
// or the cause of ctx if they never were.
func (b *budget) acquire(ctx context.Context, bytes int64, wait time.Duration) error {
	b.mu.Lock()
	if b.freeBytes >= bytes {
		b.freeBytes -= bytes
		b.mu.Unlock()
		return nil
	}
	d := &demand{bytes: bytes, granted: make(chan struct{})}
	b.waiting = append(b.waiting, d)
	b.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	err := errBusy
	select {
	case <-d.granted:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timer.C:
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, d)
	if i < 0 {
		return nil // granted while we gave up: take it, for the caller releases it in any case
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	return err
}

// release puts bytes back and grants what fits now, oldest demand first.
func (b *budget) release(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.freeBytes += bytes
	if len(b.waiting) == 0 {
		return
	}
	b.waiting = slices.DeleteFunc(b.waiting, func(d *demand) bool {
		if d.bytes > b.freeBytes {
			return false
		}
		b.freeBytes -= d.bytes
		close(d.granted)
		return true
	})
}
