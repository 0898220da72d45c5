package config

import (
	"time"

	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// silences reads the bounds of silences.
func (l *loader) silences() strictyaml.Setter {
	p := &l.config.policy.Silences
	return section(strictyaml.Fields{
		"max_duration": strictyaml.Duration(&p.MaxDuration, time.Minute, 3660*day),
		"retention":    strictyaml.Duration(&p.Retention, time.Minute, 366*day),
		"max":          strictyaml.Int(&p.Max, 1, 1_000_000),
	})
}

// maintenance reads one maintenance window. What it says as a whole is checked where it is used, so that both agree.
func (l *loader) maintenance(n strictyaml.Node) {
	windows := &l.config.policy.Silences.Windows
	w := silence.Window{Pos: place(n)}
	var entities []string
	n.Map(strictyaml.Fields{
		"name":     strictyaml.Name(&w.Name),
		"matchers": strictyaml.Matchers(&w.Matchers),
		"when":     strictyaml.Refuse("a window is a silence, which has matchers and entities alone", "write matchers; a rule under suppress takes conditions, without hours"),
		"entities": strictyaml.Strings(&entities),
		"time_intervals": list(func(n strictyaml.Node) {
			w.Intervals = append(w.Intervals, readInterval(n))
		}),
		"comment": strictyaml.String(&w.Comment),
		"force":   strictyaml.Bool(&w.Force),
	}, "name", "time_intervals")
	for _, e := range entities {
		w.Entities = append(w.Entities, topology.Entity(e))
	}
	for _, other := range *windows {
		if other.Name == w.Name {
			n.Problem("there are two maintenance windows of the name "+strictyaml.Quote(w.Name), "give each one its own: incidents show it")
		}
	}
	if _, err := w.Compile(); err != nil && w.Name != "" {
		n.Problem("maintenance "+strictyaml.Quote(w.Name)+": "+err.Error(), "")
	}
	*windows = append(*windows, w)
}

// readInterval reads a time interval as Alertmanager has it.
func readInterval(n strictyaml.Node) (iv silence.Interval) {
	n.Map(strictyaml.Fields{
		"times": list(func(n strictyaml.Node) {
			var r silence.TimeRange
			n.Map(strictyaml.Fields{"start_time": strictyaml.Name(&r.Start), "end_time": strictyaml.Name(&r.End)}, "start_time", "end_time")
			iv.Times = append(iv.Times, r)
		}),
		"weekdays":      strictyaml.Strings(&iv.Weekdays),
		"days_of_month": strictyaml.Strings(&iv.DaysOfMonth),
		"months":        strictyaml.Strings(&iv.Months),
		"years":         strictyaml.Strings(&iv.Years),
		"location":      strictyaml.Name(&iv.Location),
	})
	return iv
}
