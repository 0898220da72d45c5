package notify

import (
	"cmp"
	"slices"
	"time"

	"quell/routing"
)

// IntegrationStatus tells how one integration is, and what it has to do.
type IntegrationStatus struct {
	Target  routing.Target
	Breaker BreakerState
	// Failures counts the attempts in a row that failed; OpenSince is when the breaker left the closed state, nil if it is closed.
	Failures  int
	OpenSince *time.Time
	// RetryAt is when it is attempted again at the earliest, nil if nothing keeps it from being attempted now.
	RetryAt *time.Time
	// Error is why its last attempt failed, and FailedAt when; empty and nil if that one arrived.
	Error    string
	FailedAt *time.Time
	// Pending counts its deliveries in memory; Oldest is when the oldest of them was decided, nil if there is none.
	Pending int
	Oldest  *time.Time
}

// Progress is how far a pending delivery came in this process.
type Progress struct {
	Attempts int
	// UnderWay is true while it is attempted, or its end is being stored.
	UnderWay bool
	// Next is when it is attempted again at the earliest, nil if that does not depend on time. What waits behind others of its key has
	// none.
	Next *time.Time
	// Error is what the last attempt met; empty if none was made.
	Error string
}

// Status tells how all integrations are that are configured, ordered by receiver and integration.
func (d *Dispatcher) Status() []IntegrationStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	byTarget := make(map[routing.Target]*IntegrationStatus, len(d.integrations))
	for t, in := range d.integrations {
		if t != ProbeTarget && !in.retired {
			byTarget[t] = in.status(now)
		}
	}
	for _, l := range d.lanes {
		s := byTarget[l.id.target]
		if s == nil || len(l.queue) == 0 {
			continue
		}
		s.Pending += len(l.queue)
		// What is behind the head of a lane is younger.
		if at := l.queue[0].delivery.Created; s.Oldest == nil || at.Before(*s.Oldest) {
			s.Oldest = &at
		}
	}
	list := make([]IntegrationStatus, 0, len(byTarget))
	for _, s := range byTarget {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b IntegrationStatus) int {
		return cmp.Or(cmp.Compare(a.Target.Receiver, b.Target.Receiver), cmp.Compare(a.Target.Type, b.Target.Type), cmp.Compare(a.Target.Index, b.Target.Index))
	})
	return list
}

func (in *integration) status(now time.Time) *IntegrationStatus {
	s := &IntegrationStatus{Target: in.target, Breaker: in.breaker.state(now), Failures: in.breaker.failures}
	if s.Breaker != BreakerClosed {
		s.OpenSince = moment(in.breaker.opened)
	}
	if at := latest(in.breaker.until, in.pausedUntil); at.After(now) {
		s.RetryAt = moment(at)
	}
	if in.failure != nil {
		s.Error, s.FailedAt = in.failure.Error(), moment(in.failedAt)
	}
	return s
}

// Progress tells how far deliveries came, by their ids. Those that are not in memory are missing.
func (d *Dispatcher) Progress(ids []uint64) map[uint64]Progress {
	wanted := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	found := make(map[uint64]Progress, len(ids))
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, l := range d.lanes {
		for k, it := range l.queue {
			if !wanted[it.delivery.ID] {
				continue
			}
			p := Progress{Attempts: it.attempts, UnderWay: k == 0 && l.busy}
			if in := d.through(l); k == 0 && !l.busy && in != nil {
				if at := latest(l.notBefore, latest(in.breaker.until, in.pausedUntil)); at.After(now) {
					p.Next = moment(at)
				}
			}
			if it.lastErr != nil {
				p.Error = it.lastErr.Error()
			}
			found[it.delivery.ID] = p
		}
	}
	return found
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// moment is a time for readers: in UTC, without what only this process knows.
func moment(t time.Time) *time.Time {
	t = t.UTC().Round(0)
	return &t
}
