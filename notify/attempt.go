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
}

// attempt makes one and settles what follows from it.
func (d *Dispatcher) attempt(ctx context.Context, a attempt) {
	began := time.Now()
	ref, err := a.notify(ctx)
	if err != nil && ctx.Err() != nil {
		return // We were stopped in the middle: whether it arrived is for the next process to find out.
	}
	target := a.lane.id.target
	d.metrics.attempts.WithLabelValues(target.Type, reasonOf(err)).Inc()
	d.metrics.duration.WithLabelValues(target.Type).Observe(time.Since(began).Seconds())
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
	if a.item.delivery.Incident != nil {
		d.setRef(a.lane.id, ref) // nothing follows the others, so nobody would ever forget theirs
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
	a.lane.withdraw()
	d.dropSuperseded(a.lane)
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
	d.pending--
	if l := r.lane; l != nil {
		l.queue[0] = nil
		l.queue = l.queue[1:]
		l.busy, l.notBefore = false, time.Time{}
		d.dropSuperseded(l)
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
	result := "accepted"
	switch {
	case r.Withdrawn:
		result = "withdrawn"
	case r.Superseded:
		result = "superseded"
	case errors.Is(r.Err, ErrExpired):
		result = "expired"
	case r.Err != nil:
		result = "rejected"
	}
	d.metrics.deliveries.WithLabelValues(r.Delivery.Target.Type, string(r.Delivery.Action), result).Inc()
	attrs := append(attrsOf(&r.Delivery), slog.String("result", result), slog.Int("attempts", r.Attempts))
	if r.Err != nil {
		d.opts.Log.Error("delivery given up", append(attrs, slog.String("reason", r.Err.Error()))...)
		return
	}
	d.opts.Log.Debug("delivery done", attrs...)
}

func attrsOf(d *routing.Delivery) []any {
	return []any{
		slog.Uint64("delivery", d.ID), slog.String("receiver", d.Target.Receiver), slog.String("integration", fmt.Sprintf("%s[%d]", d.Target.Type, d.Target.Index)),
		slog.String("action", string(d.Action)), slog.String("key", d.Key),
	}
}

// reasonOf names an attempt's outcome in few words.
func reasonOf(err error) string {
	if rejected, ok := errors.AsType[*RejectedError](err); ok {
		return rejected.Reason
	}
	if retry, ok := errors.AsType[*RetryError](err); ok {
		return retry.Reason
	}
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "other"
}
