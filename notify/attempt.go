package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"quell/routing"
)

// attempt is one call of a notifier.
type attempt struct {
	lane    *lane
	item    *item
	in      *integration
	prev    Sent
	timeout time.Duration
	// probe is true for the one that a half-open breaker lets through.
	probe bool
}

// attempt makes one and settles what follows from it.
func (d *Dispatcher) attempt(ctx context.Context, a attempt) {
	began := time.Now()
	ref, err := a.notify(ctx)
	if err != nil && ctx.Err() != nil {
		return // We were stopped in the middle: whether it arrived is for the next process to find out.
	}
	d.metrics.attempted(a.lane.id.target, err, time.Since(began))
	if err != nil {
		level := slog.LevelWarn
		if a.item.attempts > 1 {
			level = slog.LevelDebug // The first failure has been told; the end of it will be.
		}
		d.opts.Log.Log(ctx, level, "delivery attempt failed", append(attrsOf(&a.item.delivery),
			slog.Int("attempt", a.item.attempts), slog.String("reason", err.Error()))...)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.signal()
	a.in.underWay--
	d.learn(ctx, &a, err)
	if a.item.delivery.Followed() { // else nobody would ever forget it
		d.setRef(a.lane.id, ref)
		if err == nil {
			d.arrived(&a)
		}
	}
	_, rejected := errors.AsType[*RejectedError](err)
	if err == nil || rejected {
		d.end(a.lane, Result{Err: err})
		return
	}
	// With a reference there is something to follow, whatever else failed.
	a.item.maybe = a.item.maybe || ref != ""
	d.retryLater(a, err)
}

// learn keeps what an attempt tells about its integration.
func (d *Dispatcher) learn(ctx context.Context, a *attempt, err error) {
	now, v := time.Now(), judge(err)
	switch v {
	case answered:
		a.in.failure = nil
	case ill:
		a.in.failure, a.in.failedAt = err, now
	}
	opened, closed := a.in.breaker.ended(now, v, a.probe, d.cfg.MaxBackoff)
	attrs := []any{slog.String("receiver", a.in.target.Receiver), slog.String("integration", a.in.target.Integration())}
	switch {
	case opened:
		d.opts.Log.ErrorContext(ctx, "receiver is ill, deliveries wait", append(attrs, slog.String("reason", err.Error()))...)
		d.tripped(a.in, true, now)
	case closed:
		d.opts.Log.InfoContext(ctx, "receiver is well again", attrs...)
		d.tripped(a.in, false, now)
	}
}

// notify calls the notifier under the attempt's deadline. A panic rejects the delivery: it would come again at every
// attempt, and a rejected page is escalated while a crashed process pages nobody.
func (a *attempt) notify(ctx context.Context) (ref string, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = &RejectedError{Reason: "panic", Text: fmt.Sprintf("the integration panicked: %T", p)}
		}
	}()
	return a.in.notifier.Notify(ctx, &a.item.delivery, a.prev)
}

// retryLater puts the lane back to wait.
func (d *Dispatcher) retryLater(a attempt, err error) {
	now := time.Now()
	a.item.lastErr = err
	a.lane.notBefore = now.Add(backoff(d.cfg, a.item.attempts))
	retry, ok := errors.AsType[*RetryError](err)
	a.item.maybe = a.item.maybe || !ok || !retry.Unsent
	if ok && retry.After > 0 {
		// The receiver speaks of all requests, not of this one.
		if until := now.Add(min(retry.After, maxRetryAfter)); until.After(a.in.pausedUntil) {
			a.in.pausedUntil = until
		}
	}
	a.lane.busy = false
	a.lane.withdraw(d.wakes(a.lane))
	d.dropSuperseded(a.lane)
	if a.in.breaker.state(now) != BreakerClosed {
		d.deferPages(a.lane, a.in)
	}
	d.arrange(a.lane, now)
}

// backoff is the pause after the given number of attempts: anything between the minimum and a ceiling that doubles, so
// that deliveries that failed together do not come back together (full jitter, after Brooker, "Exponential Backoff And
// Jitter", 2015, on top of a minimum).
func backoff(cfg Config, attempts int) time.Duration {
	ceiling := cfg.MinBackoff
	for i := 0; i < attempts && ceiling < cfg.MaxBackoff; i++ {
		ceiling *= 2
	}
	ceiling = min(ceiling, cfg.MaxBackoff)
	return cfg.MinBackoff + rand.N(ceiling-cfg.MinBackoff+1)
}

// report tells the caller a result until that is durable, then lets the lane's next delivery go.
func (d *Dispatcher) report(ctx context.Context, r report) {
	for n := 1; ; n++ {
		err := d.opts.Results(ctx, r.result)
		if err == nil {
			break
		}
		d.opts.Log.Warn("delivery result not stored", append(attrsOf(&r.result.Delivery), slog.String("reason", err.Error()))...)
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff(d.config(), n)):
		}
	}
	d.count(&r.result)
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.signal()
	d.reporting--
	if r.result.Deferred {
		return
	}
	d.pending--
	l := r.lane
	if r.result.Superseded {
		l.owed--
	} else {
		if r.result.Err == nil && r.result.Delivery.AboutQuell() && r.result.Delivery.Action == routing.Resolve {
			d.unref(l.id)
		}
		l.queue[0] = nil
		l.queue = l.queue[1:]
		l.busy, l.notBefore = false, time.Time{}
		l.withdraw(d.wakes(l))
		d.dropSuperseded(l)
	}
	if !l.busy {
		d.arrange(l, time.Now())
	}
}

func (d *Dispatcher) config() Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}

// count records the end of a delivery for people.
func (d *Dispatcher) count(r *Result) {
	attrs := append(attrsOf(&r.Delivery), slog.Int("attempts", r.Attempts))
	if r.Deferred {
		d.metrics.deferred(r.Delivery.Target)
		d.opts.Log.Warn("page waits for an ill receiver", attrs...)
		return
	}
	result, reason := r.outcome()
	d.metrics.ended(&r.Delivery, result, reason)
	attrs = append(attrs, slog.String("result", result))
	if r.Err != nil {
		d.opts.Log.Error("delivery given up", append(attrs, slog.String("reason", r.Err.Error()))...)
		return
	}
	d.opts.Log.Debug("delivery done", attrs...)
}

// outcome names how a delivery ended, and why, in words of [Reason].
func (r *Result) outcome() (result, reason string) {
	switch {
	case r.Withdrawn:
		return "withdrawn", r.Why
	case r.Superseded:
		return "superseded", r.Why
	case errors.Is(r.Err, ErrExpired):
		if reason = Reason(r.Err); reason == otherReason {
			reason = "expired"
		}
		return "expired", reason
	case r.Err != nil:
		return "rejected", Reason(r.Err)
	}
	return "accepted", "ok"
}

func attrsOf(d *routing.Delivery) []any {
	return []any{
		slog.Uint64("delivery", d.ID), slog.String("receiver", d.Target.Receiver), slog.String("integration", d.Target.Integration()),
		slog.String("action", string(d.Action)), slog.String("key", d.Key),
	}
}
