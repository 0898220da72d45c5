package app

import (
	"time"

	"quell/correlate"
)

const (
	// jumpAfter is how far wall clock and monotonic clock may drift apart before that counts as a jump.
	jumpAfter = time.Minute
	// slower is by which part logical time runs slower than the monotonic clock while it is ahead of the wall clock: an hour is made up for in
	// eight, and a hold of five minutes takes 43 seconds longer meanwhile.
	slower = 8
	// slowerMax is from how far ahead on that makes up for nothing: by then the wall clock is more likely wrong than set right.
	slowerMax = 36 * time.Hour
)

// clock makes logical time, which the engine lives in: it advances with the monotonic clock and follows the wall clock only
// forward, so that a wall clock that is set back stops nothing and one that is set forward makes nothing overdue at once. After a wall
// clock was set back it runs slower until both agree: hours and silences are told by the wall clock's. Not safe for concurrent use.
type clock struct {
	wall  func() time.Time              // the wall clock
	since func(time.Time) time.Duration // what passed since a reading of it, by the monotonic clock
	read  time.Time                     // the last reading
	last  time.Time                     // logical time then
}

// newClock starts at the wall clock, or at the store's last record if that is later.
func newClock(wall func() time.Time, last time.Time) *clock {
	now := wall()
	c := &clock{wall: wall, since: func(t time.Time) time.Duration { return wall().Sub(t) }, read: now, last: plain(now)}
	if last.After(c.last) {
		c.last = last
	}
	return c
}

// plain strips the monotonic reading and the zone.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }

// now returns logical time. If the wall clock jumped ahead (it was set, or the machine slept), jumped is the time before it.
func (c *clock) now() (now time.Time, jumped time.Time) {
	passed := max(c.since(c.read), 0) // both readings have a monotonic part, so this is true elapsed time
	reading := c.wall()
	c.read = reading
	c.last = c.last.Add(passed)
	switch ahead := plain(reading).Sub(c.last); {
	case ahead > jumpAfter:
		jumped, c.last = c.last, plain(reading)
	case ahead > 0:
		c.last = plain(reading)
	case ahead >= -slowerMax:
		c.last = c.last.Add(-min(-ahead, passed/slower))
	}
	return c.last, jumped
}

// late is by how much the times that others tell are behind logical time, since the wall clock was set back to what theirs show; zero if that
// matters to nobody, or the wall clock is more likely wrong.
func (c *clock) late() time.Duration {
	if d := c.last.Sub(plain(c.read)); d > jumpAfter && d <= slowerMax {
		return d
	}
	return 0
}

// inLogicalTime is an input with the times that senders tell, and that the engine compares with its own, put forward by how late they are: else an alert would
// be lost as soon as it comes, and an event have faded before. The input itself is not changed, since it may be handed in again.
func inLogicalTime(in correlate.Input, late time.Duration) correlate.Input {
	if late == 0 {
		return in
	}
	switch in := in.(type) {
	case *correlate.Alert:
		if !in.Expires.IsZero() {
			a := *in
			a.Expires = a.Expires.Add(late)
			return &a
		}
	case *correlate.Event:
		if !in.At.IsZero() {
			ev := *in
			ev.At = ev.At.Add(late)
			return &ev
		}
	}
	return in
}

// drift is how far logical time is ahead of the wall clock.
func (c *clock) drift() time.Duration { return c.last.Sub(plain(c.wall())) }
