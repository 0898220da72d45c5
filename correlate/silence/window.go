package silence

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/timeinterval"

	"quell/correlate/topology"
)

// WindowPrefix begins the ids under which maintenance windows are shown beside silences. No silence has such an id.
const WindowPrefix = "maintenance/"

// Window is maintenance that comes again and again. While one of its intervals lasts, it is a silence.
type Window struct {
	Name     string            `json:"name"`
	Matchers labels.Matchers   `json:"matchers,omitempty"`
	Entities []topology.Entity `json:"entities,omitempty"`
	// Intervals are the times; there is at least one.
	Intervals []Interval `json:"time_intervals"`
	Comment   string     `json:"comment,omitempty"`
	// Force allows a window that is too broad.
	Force bool `json:"force,omitempty"`
	// Pos is "file:line:col" of its definition, for people. Possibly empty; it decides nothing.
	Pos string `json:"pos,omitempty"`
}

// Interval is one of Alertmanager's time intervals, in its words: a moment has to fit each list that is not empty, by one of its
// ranges.
type Interval struct {
	Times       []TimeRange `json:"times,omitempty"`
	Weekdays    []string    `json:"weekdays,omitempty"`
	DaysOfMonth []string    `json:"days_of_month,omitempty"`
	Months      []string    `json:"months,omitempty"`
	Years       []string    `json:"years,omitempty"`
	// Location names a time zone; empty is UTC.
	Location string `json:"location,omitempty"`
}

// TimeRange is a part of a day, from 00:00 to 24:00; the end is not included.
type TimeRange struct {
	Start string `json:"start_time"`
	End   string `json:"end_time"`
}

// Schedule tells when a window is open. It is safe for concurrent use.
type Schedule struct{ intervals []timeinterval.TimeInterval }

// Compile checks the window and returns its schedule.
func (w *Window) Compile() (*Schedule, error) {
	switch {
	case w.Name == "" || len(WindowPrefix)+len(w.Name) > maxIDBytes:
		return nil, errors.New("a maintenance window needs a name that is not too long")
	case len(w.Intervals) == 0:
		return nil, errors.New("a maintenance window needs a time interval")
	}
	if err := checkScope(w.Matchers, w.Entities, false); err != nil {
		return nil, err
	}
	if why := sweeping(w.Matchers, len(w.Entities) > 0); why != "" && !w.Force {
		return nil, fmt.Errorf("too broad: %s; or say force: true", why)
	}
	s := &Schedule{intervals: make([]timeinterval.TimeInterval, len(w.Intervals))}
	for k := range w.Intervals {
		if err := w.Intervals[k].compile(&s.intervals[k]); err != nil {
			return nil, err
		}
	}
	if !s.closes() {
		return nil, errors.New("the window never closes: what is always silenced needs no alert")
	}
	return s, nil
}

// closes reports whether there is a moment at which the window is closed, by a look at a year that has all there is.
func (s *Schedule) closes() bool {
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := begin; t.Before(begin.AddDate(1, 0, 0)); t = s.Next(t) {
		if !s.Open(t) {
			return true
		}
	}
	return false
}

// compile hands the words to Alertmanager's own reader.
func (iv *Interval) compile(to *timeinterval.TimeInterval) error {
	words, err := json.Marshal(iv)
	if err != nil {
		panic("silence: an interval cannot be encoded: " + err.Error()) // it has no field that could fail
	}
	return json.Unmarshal(words, to)
}

// Open reports whether the window is open.
func (s *Schedule) Open(now time.Time) bool {
	for k := range s.intervals {
		if s.intervals[k].ContainsTime(now.UTC()) {
			return true
		}
	}
	return false
}

// Next returns the first moment after now at which the window may open or close; until then it does neither. These are the begin and
// end of times, midnights, and the moments at which a time zone changes its offset.
func (s *Schedule) Next(now time.Time) time.Time {
	const midnight = 24 * 60
	var next time.Time
	consider := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for k := range s.intervals {
		local := now.UTC()
		if l := s.intervals[k].Location; l != nil {
			local = now.In(l.Location)
		}
		minute := local.Hour()*60 + local.Minute()
		whole := local.Add(-time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
		at := func(m int) {
			if m > minute {
				consider(whole.Add(time.Duration(m-minute) * time.Minute))
			}
		}
		at(midnight)
		for _, r := range s.intervals[k].Times {
			at(r.StartMinute)
			at(r.EndMinute)
		}
		// What was computed above is right until the offset changes.
		_, change := local.ZoneBounds()
		consider(change)
	}
	return next.UTC()
}

// untilSteps bounds how far ahead the end of an open window is looked for: half a year of midnights, or more.
const untilSteps = 200

// Until returns when a window that is open now closes, or a time until which it surely stays open if that is far away.
func (s *Schedule) Until(now time.Time) time.Time {
	for range untilSteps {
		if now = s.Next(now); !s.Open(now) {
			break
		}
	}
	return now
}
