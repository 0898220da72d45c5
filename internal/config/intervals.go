package config

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"quell/internal/strictyaml"
	"quell/routing"
)

const (
	// maxIntervals bounds the named time intervals.
	maxIntervals = 1000
	// intervalsAhead is how far ahead hours have to begin for them to be taken seriously.
	intervalsAhead = 400 * day
)

// intervalUse is a place in the file that names a time interval.
type intervalUse struct {
	name string
	node strictyaml.Node
}

// hoursUse is a place in the file that says when something is told.
type hoursUse struct {
	hours *routing.Hours
	node  strictyaml.Node
}

// timeInterval reads one named time interval, in Alertmanager's form.
func (l *loader) timeInterval(n strictyaml.Node) {
	var name string
	var intervals []timeinterval.TimeInterval
	n.Map(strictyaml.Fields{
		"name": strictyaml.Name(&name),
		"time_intervals": list(func(n strictyaml.Node) {
			intervals = append(intervals, interval(n))
		}),
	}, "name", "time_intervals")
	c := l.config
	if name == "" {
		return // reported already
	}
	if c.TimeIntervals == nil {
		c.TimeIntervals = make(map[string][]timeinterval.TimeInterval)
	}
	switch _, again := c.TimeIntervals[name]; {
	case again:
		n.Problem("second time interval of name "+strictyaml.Quote(name), "")
	case len(c.TimeIntervals) == maxIntervals:
		n.Problem("too many time intervals", "")
	default:
		c.TimeIntervals[name] = intervals
		l.placed("time_interval", name, n)
		l.intervals = append(l.intervals, intervalUse{name, n})
	}
}

// interval reads one interval: all that it has must hold.
func interval(n strictyaml.Node) (ti timeinterval.TimeInterval) {
	n.Map(strictyaml.Fields{
		"times": list(func(n strictyaml.Node) {
			var r struct {
				Start string `json:"start_time"`
				End   string `json:"end_time"`
			}
			n.Map(strictyaml.Fields{"start_time": strictyaml.Name(&r.Start), "end_time": strictyaml.Name(&r.End)}, "start_time", "end_time")
			if r.Start != "" && r.End != "" {
				ti.Times = append(ti.Times, parsed[timeinterval.TimeRange](n, r, "write start_time: '09:00' and end_time: '17:00'; an interval over midnight is two"))
			}
		}),
		"weekdays":      ranges(&ti.Weekdays, "write monday or 'monday:friday'"),
		"days_of_month": ranges(&ti.DaysOfMonth, "write 1, '1:5', or -1 for the last"),
		"months":        ranges(&ti.Months, "write january, 1, or 'june:august'"),
		"years":         ranges(&ti.Years, "write 2027 or '2027:2030'"),
		"location": func(n strictyaml.Node) {
			var zone string
			if strictyaml.Name(&zone)(n); zone != "" {
				at := parsed[timeinterval.Location](n, zone, "write a name of the time zone database, e.g. Europe/Berlin")
				if at.Location != nil { // else it was reported
					ti.Location = &at
				}
			}
		},
	})
	return ti
}

// ranges reads a list of single values and ranges.
func ranges[T any](to *[]T, hint string) strictyaml.Setter {
	return list(func(n strictyaml.Node) {
		var text string
		if strictyaml.Plain(&text)(n); text != "" {
			*to = append(*to, parsed[T](n, text, hint))
		}
	})
}

// parsed has Alertmanager's package read a value: what it takes, and what it means, is the same there and here.
func parsed[T any](n strictyaml.Node, value any, hint string) (to T) {
	b, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(b, &to)
	}
	if err != nil {
		n.Problem(err.Error(), hint)
	}
	return to
}

// useIntervals stores names of time intervals, to be compared with those that there are when all are known.
func (l *loader) useIntervals(to *[]string) strictyaml.Setter {
	return list(func(n strictyaml.Node) {
		var name string
		if strictyaml.Name(&name)(n); name != "" {
			*to = append(*to, name)
			l.intervalUses = append(l.intervalUses, intervalUse{name, n})
		}
	})
}

// hours are the keys that say when something is told.
func (l *loader) hours(h *routing.Hours, fields strictyaml.Fields) strictyaml.Fields {
	fields["active_time_intervals"] = l.useIntervals(&h.Active)
	fields["mute_time_intervals"] = l.useIntervals(&h.Mute)
	return fields
}

// checkIntervals compares the intervals that are named with those that there are, and looks for hours that never begin.
func (l *loader) checkIntervals() {
	known := slices.Sorted(maps.Keys(l.config.TimeIntervals))
	used, unknown := make(map[string]bool), false
	for _, u := range l.intervalUses {
		if used[u.name] = true; !slices.Contains(known, u.name) {
			unknown = true
			u.node.Problem("unknown time interval "+strictyaml.Quote(u.name), strictyaml.Suggest(u.name, known))
		}
	}
	for _, u := range l.intervals {
		if !used[u.name] {
			u.node.WarnAs(kindUnusedInterval, "time interval "+strictyaml.Quote(u.name)+" is not used", "name it in a route or step, or remove it")
		}
	}
	if unknown {
		return
	}
	c := routing.Config{TimeIntervals: l.config.TimeIntervals}
	for _, u := range l.hoursUses {
		// What is over some day must not keep quell from starting then.
		if _, ok := c.Opens(time.Now(), intervalsAhead, *u.hours); !ok {
			u.node.WarnAs(kindNeverOpen, "nobody is told here: its hours do not begin within 400 days", "look at its active_time_intervals and mute_time_intervals")
		}
	}
}
