package notify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"quell/routing"
)

const (
	// burst is how many attempts an integration takes at once before its rate limit applies.
	burst = 10
	// lookAgain is how late it is noticed that the wall clock, by which deliveries expire, was moved.
	lookAgain = 10 * time.Second
)

// Run works until ctx ends, then waits for its goroutines and returns nil. Attempts that are cut short by the end of ctx
// are reported by nobody: they are still in the outbox and count as perhaps sent when they are resumed. It may be
// called once.
func (d *Dispatcher) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-timer.C:
		}
		if wait, ok := d.step(ctx, &workers); ok {
			timer.Reset(min(wait, lookAgain))
		}
	}
}

// step starts all that can start now, and says how long nothing else will happen; ok is false for as long as nobody wakes.
func (d *Dispatcher) step(ctx context.Context, workers *sync.WaitGroup) (wait time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for l := d.alarms.top(); l != nil && !l.wakeAt.After(now); l = d.alarms.top() {
		d.arrange(l, now)
	}
	for len(d.reports) > 0 && d.reporting < d.cfg.Workers {
		r := d.reports[0]
		d.reports[0] = report{} // Let go of the incident within.
		d.reports = d.reports[1:]
		d.reporting++
		// goroutine: at most Config.Workers tell results.
		workers.Go(func() { d.report(ctx, r) })
	}
	next := d.startAttempts(ctx, workers, now)
	if at := d.startRefill(ctx, workers, now); !at.IsZero() {
		next = earliest(next, at)
	}
	if l := d.alarms.top(); l != nil {
		next = earliest(next, l.wakeAt)
	}
	return max(0, next.Sub(now)), !next.IsZero()
}

// startAttempts hands the most urgent ready lanes to goroutines, one for each integration in turn, and returns when a
// rate limit lets the next one through.
func (d *Dispatcher) startAttempts(ctx context.Context, workers *sync.WaitGroup, now time.Time) (next time.Time) {
	free, idle := max(d.cfg.Workers, len(d.integrations)+len(d.former)), 0
	for in := range d.each() {
		free -= in.underWay
		if in.underWay == 0 {
			idle++
		}
	}
	for started := true; started; {
		started = false
		for in := range d.each() {
			// A place is kept for each idle integration, so one receiver that hangs never holds up another. There are
			// at least as many places as integrations, so an idle one always finds its own.
			if in.ready.top() == nil || in.underWay > 0 && free <= idle {
				continue
			}
			if at, ok := in.opens(now); !ok || at.After(now) {
				next = earliest(next, at)
				continue
			}
			if in.underWay == 0 {
				idle--
			}
			free--
			started = true
			d.start(ctx, workers, in)
		}
	}
	return next
}

// start hands the most urgent lane of an integration to a goroutine.
func (d *Dispatcher) start(ctx context.Context, workers *sync.WaitGroup, in *integration) {
	l := in.ready.top()
	d.disarrange(l)
	l.busy = true
	in.underWay++
	a := attempt{lane: l, item: l.queue[0], in: in, timeout: in.timeout, probe: in.breaker.start()}
	a.prev = Sent{Ref: d.refs[l.id.key][l.id.target], Maybe: a.item.maybe}
	a.item.attempts++
	// goroutine: startAttempts keeps them within Config.Workers, or the number of integrations if that is higher.
	workers.Go(func() { d.attempt(ctx, a) })
}

// opens returns when the integration takes another attempt; ok is false while that depends on one under way. If it is now, the
// attempt is counted.
func (in *integration) opens(now time.Time) (at time.Time, ok bool) {
	at, ok = in.breaker.admits(now)
	if !ok || at.After(now) {
		return at, ok
	}
	if in.pausedUntil.After(now) {
		return in.pausedUntil, true
	}
	r := in.limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return now.Add(wait), true
}

// deferPages tells that the pages and notices of a lane cannot leave for now, each once.
func (d *Dispatcher) deferPages(l *lane, in *integration) {
	first := 0
	if l.busy {
		first = 1 // It is on its way, or its end is.
	}
	for _, it := range l.queue[min(first, len(l.queue)):] {
		opens := it.delivery.Action == routing.Trigger || it.delivery.Action == routing.Notice
		if !opens || it.deferred || it.withdrawn || it.delivery.Incident == nil {
			continue
		}
		it.deferred = true
		d.reports = append(d.reports, report{result: Result{
			Delivery: it.delivery, Deferred: true, Attempts: it.attempts,
			Err: fmt.Errorf("%d attempts in a row failed, last error: %w", in.breaker.failures, in.failure),
		}})
	}
}

// tripped does what follows from a breaker that opened or closed: what waits is told that it waits, or comes at once.
func (d *Dispatcher) tripped(in *integration, opened bool, now time.Time) {
	for _, l := range d.lanes {
		if d.through(l) != in {
			continue
		}
		if opened {
			d.deferPages(l, in)
		} else if !l.busy && l.notBefore.After(now) {
			l.notBefore = time.Time{}
			d.arrange(l, now)
		}
	}
}

// disarrange takes a lane out of the heaps.
func (d *Dispatcher) disarrange(l *lane) {
	d.alarms.drop(l)
	if l.in != nil {
		l.in.ready.drop(l)
		l.in = nil
	}
}

// arrange decides what a lane that is not busy waits for: its turn, its time, or the report of its head's end.
func (d *Dispatcher) arrange(l *lane, now time.Time) {
	d.disarrange(l)
	if l.owed > 0 {
		return
	}
	if len(l.queue) == 0 {
		delete(d.lanes, l.id)
		return
	}
	head := l.queue[0]
	in := d.through(l)
	expires := head.delivery.Expires
	switch {
	case head.withdrawn:
		d.end(l, Result{Withdrawn: true, Why: head.pointless})
	case in == nil, in.retired && !d.follows(&head.delivery):
		d.end(l, Result{Err: &RejectedError{Reason: "no_target", Text: "this integration is not configured any more"}})
	case !expires.IsZero() && !now.Before(expires):
		err := fmt.Errorf("%w before the first attempt", ErrExpired)
		if head.lastErr != nil {
			err = fmt.Errorf("%w, last error: %w", ErrExpired, head.lastErr)
		}
		d.end(l, Result{Err: err})
	case l.notBefore.After(now):
		l.wakeAt = earliest(expires, l.notBefore)
		d.alarms.add(l)
	default:
		in.ready.add(l)
		l.in = in
		if !expires.IsZero() {
			l.wakeAt = expires
			d.alarms.add(l)
		}
	}
}

// follows reports whether a delivery can only change or end what its receiver was told. What PagerDuty does not know it ignores the
// end of; everybody else gets a reference by what they accepted.
func (d *Dispatcher) follows(next *routing.Delivery) bool {
	switch next.Action {
	case routing.Update:
		return d.refs[next.Key][next.Target] != "" || d.places[next.Key][next.Target] != ""
	case routing.Acknowledge, routing.Resolve:
		return next.Target.Type == "pagerduty" || d.refs[next.Key][next.Target] != ""
	}
	return false
}

// end hands the result of a lane's head to be reported. The lane is busy until that is durable: were its successor
// sent before, a crash could repeat a trigger after its resolve, and the receiver would open a second incident.
func (d *Dispatcher) end(l *lane, r Result) {
	head := l.queue[0]
	r.Delivery, r.Attempts = head.delivery, head.attempts
	r.Ref, r.Place = d.refs[l.id.key][l.id.target], d.places[l.id.key][l.id.target]
	l.busy = true
	d.reports = append(d.reports, report{result: r, lane: l})
	d.signal()
}

// earliest returns the earlier of two times, of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
