package notify

import "time"

const (
	// breakerFailures and breakerSpan are what opens a breaker: so many attempts in a row that failed, the first and the
	// last so far apart. Either alone says little: a storm makes many attempts within a second, and a quiet night few.
	breakerFailures = 5
	breakerSpan     = 30 * time.Second
	// breakerPause is how long it stays open before the first probe. The pause doubles up to [Config.MaxBackoff], so that a
	// receiver that recovers is never found later than by attempts without a breaker.
	breakerPause = 5 * time.Second
)

// BreakerState is whether an integration is attempted at all.
type BreakerState string

// States of a breaker. It goes from closed to open, from there to half-open, and from there to either.
const (
	// BreakerClosed lets everything through.
	BreakerClosed BreakerState = "closed"
	// BreakerOpen lets nothing through: the integration failed over and over.
	BreakerOpen BreakerState = "open"
	// BreakerHalfOpen lets one attempt through, to see whether the integration works again.
	BreakerHalfOpen BreakerState = "half-open"
)

// breaker keeps an integration that is ill from being attempted by everything that waits for it. The zero value is closed. It
// belongs to the dispatcher's lock.
type breaker struct {
	// failures counts the attempts in a row that failed; first is when the first of them ended.
	failures int
	first    time.Time
	// pause is how long it stays open this time, zero while it is closed. opened is when it left the closed state, until
	// when the next probe may start, and probing is true while one is under way.
	pause         time.Duration
	opened, until time.Time
	probing       bool
}

// state returns the state at a time.
func (b *breaker) state(now time.Time) BreakerState {
	switch {
	case b.pause == 0:
		return BreakerClosed
	case now.Before(b.until):
		return BreakerOpen
	}
	return BreakerHalfOpen
}

// admits returns when the next attempt may start; ok is false while that depends on the probe under way.
func (b *breaker) admits(now time.Time) (at time.Time, ok bool) {
	switch {
	case b.pause == 0:
		return now, true
	case b.probing:
		return time.Time{}, false
	case now.Before(b.until):
		return b.until, true
	}
	return now, true
}

// start notes that an attempt starts, and reports whether it is the probe.
func (b *breaker) start() (probe bool) {
	b.probing = b.pause > 0
	return b.probing
}

// ended notes how an attempt ended, and reports whether that opened or closed the breaker. Attempts that were under way when
// it opened count only if they arrived: their failure says nothing new.
func (b *breaker) ended(now time.Time, v verdict, probe bool, maxPause time.Duration) (opened, closed bool) {
	if probe {
		b.probing = false
	}
	switch {
	case v == answered:
		closed = b.pause > 0
		*b = breaker{}
	case v == silent:
	case b.pause > 0 && probe:
		b.failures++
		b.pause = min(2*b.pause, maxPause)
		b.until = now.Add(b.pause)
	case v == limited || b.pause > 0:
	default:
		if b.failures++; b.failures == 1 {
			b.first = now
		}
		if b.failures >= breakerFailures && now.Sub(b.first) >= breakerSpan {
			b.pause, b.opened = min(breakerPause, maxPause), now
			b.until = now.Add(b.pause)
			opened = true
		}
	}
	return opened, closed
}
