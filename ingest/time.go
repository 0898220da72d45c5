package ingest

import "time"

// parseTime reads a time of RFC 3339 with any offset and fraction into UTC. Zero stands for a missing one, and so does
// all of year 1 and before, since a zero time that was moved to another time zone is written so.
func parseTime(b []byte) (t time.Time, ok bool) {
	// UnmarshalText is the standard library's hand-written parser: strict, and without an allocation.
	if err := t.UnmarshalText(b); err != nil {
		return time.Time{}, false
	}
	if t = t.UTC(); t.Year() <= 1 {
		return time.Time{}, true
	}
	return t, true
}

// clamp replaces a time that is further in the future than clocks can be apart by now, and says so.
func (l *Limits) clamp(t, now time.Time) (_ time.Time, skewed bool) {
	if t.After(now.Add(l.ClockSkew)) {
		return now, true
	}
	return t, false
}
