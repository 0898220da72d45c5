package app

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"quell/correlate"
)

const (
	// touchGrain is how exactly time-outs of re-sent alerts are kept: rules that are evaluated seconds apart share one refresh.
	// Rounding is down, so an alert is lost at most this much early, out of the minutes that Prometheus gives it.
	touchGrain = 15 * time.Second
	// touchesMax bounds what waits for a step.
	touchesMax = 1_000_000
)

// touches collects alerts that were reported again unchanged. They go into the next step's record, whenever there is one: before a
// time-out can strike there is a step at the latest, so nothing is lost by waiting. The zero value is ready.
type touches struct {
	by    map[touch]*touched
	count int
}

type touch struct {
	source  string
	expires int64 // Unix nanoseconds, zero if the sender gave none
}

// touched are the alerts that share one, and when the last of them was reported.
type touched struct {
	nums []uint64
	last time.Time
}

// add notes that an alert was reported again at a time that is not before that of an earlier call.
func (t *touches) add(a *correlate.Alert, num uint64, at time.Time) {
	key := touch{source: a.Source}
	if !a.Expires.IsZero() {
		key.expires = a.Expires.Truncate(touchGrain).UnixNano()
	}
	if t.by == nil {
		t.by = make(map[touch]*touched)
	}
	of := t.by[key]
	if of == nil {
		of = new(touched)
		t.by[key] = of
	}
	of.last = at
	if num != 0 { // else the source is alive, and no more
		of.nums = append(of.nums, num)
		t.count++
	}
}

func (t *touches) full() bool { return t.count >= touchesMax }

// take returns what was collected as inputs, always in the same order, and forgets it.
func (t *touches) take() []correlate.Input {
	keys := slices.SortedFunc(maps.Keys(t.by), func(a, b touch) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.expires, b.expires))
	})
	inputs := make([]correlate.Input, 0, len(keys))
	for _, k := range keys {
		of := t.by[k]
		slices.Sort(of.nums)
		r := &correlate.Refresh{Source: k.source, Alerts: slices.Compact(of.nums), Heard: of.last}
		if k.expires != 0 {
			r.Expires = time.Unix(0, k.expires).UTC()
		}
		inputs = append(inputs, r)
	}
	*t = touches{}
	return inputs
}
