package correlate

import (
	"strconv"
	"time"
)

// round shortens a duration for people: to tenths of a second below a minute, as [time.Duration.String] has it, and from there on to
// seconds, as Prometheus writes durations: "1h30m", "2d", and years and weeks only if nothing is left over. Several texts of each decision
// have one, so they are written here and not by fmt, which cost three times as much.
func round(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Second / 10).String()
	}
	left := int64(d.Round(time.Second) / time.Second)
	b := make([]byte, 0, 24)
	for _, u := range durationUnits {
		if n := left / u.seconds; n > 0 && (!u.whole || left%u.seconds == 0) {
			b = append(strconv.AppendInt(b, n, 10), u.name)
			left -= n * u.seconds
		}
	}
	return string(b)
}

// durationUnits are those of [round]. A whole one is used if nothing is left over, since 90d is easier to read than 12w6d.
var durationUnits = [...]struct {
	seconds int64
	name    byte
	whole   bool
}{{365 * 24 * 3600, 'y', true}, {7 * 24 * 3600, 'w', true}, {24 * 3600, 'd', false}, {3600, 'h', false}, {60, 'm', false}, {1, 's', false}}
