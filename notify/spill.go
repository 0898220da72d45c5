package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"quell/routing"
)

// spill marks deliveries that are in the outbox only, because memory was full when they came. While there is one,
// everything new goes there too: taken at once, it would overtake what waits.
type spill struct {
	// from is the lowest id that may be missing here.
	from    uint64
	reading bool
	// missed is true if something came while a page was being read: that page may lack it.
	missed bool
	// notBefore is when a failed read may be tried again.
	notBefore time.Time
}

// room reports whether a new delivery may be kept in memory, and notes it if not.
func (d *Dispatcher) room(id uint64) bool {
	if d.opts.Outbox == nil || d.spill == nil && d.pending < d.cfg.MaxPending {
		return true
	}
	if d.spill == nil {
		d.spill = &spill{from: id}
		d.opts.Log.Warn("too many deliveries pending, the rest waits in the outbox", slog.Int("pending", d.pending))
	}
	s := d.spill
	s.missed = s.missed || s.reading
	s.from = min(s.from, id)
	d.metrics.spilled.Inc()
	return false
}

// startRefill begins to read from the outbox when half of the memory is free again; otherwise it returns when to try.
func (d *Dispatcher) startRefill(ctx context.Context, workers *sync.WaitGroup, now time.Time) (next time.Time) {
	s := d.spill
	if s == nil || s.reading || d.pending > d.cfg.MaxPending/2 {
		return time.Time{}
	}
	if s.notBefore.After(now) {
		return s.notBefore
	}
	s.reading, s.missed = true, false
	from, limit := s.from, max(1, d.cfg.MaxPending/2)
	// goroutine: one at a time, see spill.reading.
	workers.Go(func() {
		page, err := d.opts.Outbox(ctx, from, limit)
		d.refill(page, err, limit)
	})
	return time.Time{}
}

// refill takes a page of the outbox. What is pending already is told by its id and left alone.
func (d *Dispatcher) refill(page []routing.Delivery, err error, limit int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.signal()
	s, now := d.spill, time.Now()
	s.reading = false
	if err != nil {
		s.notBefore = now.Add(backoff(d.cfg, 1))
		d.opts.Log.Warn("outbox not read", slog.String("reason", err.Error()))
		return
	}
	for i := range page {
		d.add(&item{delivery: page[i], maybe: page[i].ID <= d.resumedTo || page[i].Retried}, now)
		s.from = max(s.from, page[i].ID+1)
	}
	if len(page) < limit && !s.missed {
		d.spill = nil
	}
}
