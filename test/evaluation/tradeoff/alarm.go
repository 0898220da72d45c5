package main

import (
	"slices"
	"strings"
	"time"

	"quell/correlate/heal"
	"quell/test/evaluation/dataset"
)

// alarm is one alert of a stream, from firing to clearing, with what was known of it when it fired.
type alarm struct {
	at time.Time
	// lasted is how long it fired; for what fired at the end of the stream, how long until then.
	lasted  time.Duration
	cleared bool
	name    string
	entity  string
	// flapping says how long ago the same alert of the same entity had cleared, storm how many alarms of all kinds began
	// within five minutes before; empty if that is nothing particular.
	flapping, storm string
}

// readAlarms reads a stream. Alarms are in order of their start.
func readAlarms(path string) ([]alarm, error) {
	var all []alarm
	open := make(map[string]int)
	var end time.Time
	for o, err := range dataset.Observations(path) {
		if err != nil {
			return nil, err
		}
		end = o.At
		for _, s := range o.Symptoms {
			n, firing := open[s.Key]
			switch {
			case s.Firing && !firing:
				open[s.Key] = len(all)
				all = append(all, alarm{at: o.At, name: s.Name, entity: s.Entity})
			case !s.Firing && firing:
				all[n].lasted, all[n].cleared = o.At.Sub(all[n].at), true
				delete(open, s.Key)
			}
		}
	}
	for _, n := range open {
		all[n].lasted = end.Sub(all[n].at)
	}
	describe(all)
	return all, nil
}

// stormSpan is how long a start counts as part of a storm.
const stormSpan = 5 * time.Minute

// describe fills in what the past said of each alarm when it fired, and nothing of what came after.
func describe(all []alarm) {
	cleared := make(map[[2]string]time.Time) // when last; an alert fires again only after it cleared
	oldest := 0
	for k := range all {
		a := &all[k]
		key := [2]string{a.name, a.entity}
		if last, ok := cleared[key]; ok {
			a.flapping = flapBand(a.at.Sub(last))
		}
		if a.cleared {
			cleared[key] = a.at.Add(a.lasted)
		}
		for all[oldest].at.Before(a.at.Add(-stormSpan)) {
			oldest++
		}
		a.storm = stormBand(k - oldest)
	}
}

// flapBand sorts the time since the last clearing.
func flapBand(since time.Duration) string {
	switch {
	case since <= time.Minute:
		return "within 1m"
	case since <= 10*time.Minute:
		return "within 10m"
	case since <= 2*time.Hour:
		return "within 2h"
	}
	return ""
}

// stormBand sorts the number of other starts of late.
func stormBand(starts int) string {
	switch {
	case starts >= 40:
		return "40 or more"
	case starts >= 10:
		return "10 or more"
	}
	return ""
}

// conditions says which conditions a model sees.
type conditions struct {
	// name is for people; the more general levels come first.
	name                    string
	entity, flapping, storm bool
}

// all that were tried, from general to specific.
var ladder = []conditions{
	{name: "alert"},
	{name: "alert, flapping", flapping: true},
	{name: "alert, device", entity: true},
	{name: "alert, device, flapping", entity: true, flapping: true},
	{name: "alert, device, flapping, storm", entity: true, flapping: true, storm: true},
}

// shipped are the conditions that the headline figures use.
var shipped = ladder[3]

// path is the class of an alarm under these conditions.
func (c conditions) path(a *alarm) heal.Path {
	kind, _, _ := strings.Cut(a.entity, "/")
	p := heal.Path{Kind: kind, Alert: a.name}
	if c.entity {
		p.Workload = a.entity
	}
	if c.flapping && a.flapping != "" {
		p = p.With("flapping", a.flapping)
	}
	if c.storm && a.storm != "" {
		p = p.With("storm", a.storm)
	}
	return p
}

// byEnd returns the indexes of alarms in the order in which one learns of their end: by when they cleared, or had lasted for most.
func byEnd(all []alarm, most time.Duration) []int {
	order := make([]int, len(all))
	for k := range order {
		order[k] = k
	}
	known := func(k int) time.Time { return all[k].at.Add(min(all[k].lasted, most)) }
	slices.SortStableFunc(order, func(a, b int) int { return known(a).Compare(known(b)) })
	return order
}
