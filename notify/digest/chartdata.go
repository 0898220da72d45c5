package digest

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	// maxDays is how many days are told one by one; of longer periods, each entry tells of a week.
	maxDays = 60
	// maxClassBars bounds the classes that are counted by their outcomes.
	maxClassBars = 10
)

// Outcomes counts incidents by what became of them until the end of the period. Paged are all that ever paged, however they ended.
type Outcomes struct {
	Healed int `json:"healed"`
	Paged  int `json:"paged"`
	ByHand int `json:"by_hand"`
	Lost   int `json:"lost"`
	Open   int `json:"open"`
}

// Total is how many incidents there are.
func (o *Outcomes) Total() int { return o.Healed + o.Paged + o.ByHand + o.Lost + o.Open }

// count adds an incident of the period.
func (o *Outcomes) count(s spell, until time.Time) {
	switch {
	case happened(s.Escalated, until):
		o.Paged++
	case s.ending == SelfHealed:
		o.Healed++
	case s.ending == ByHand:
		o.ByHand++
	case s.ending == Lost:
		o.Lost++
	case s.ending == Cleared:
		o.Healed++ // it cleared, and nobody had been paged
	default:
		o.Open++
	}
}

// Day counts the incidents that opened on a day, or in the week that begins with it.
type Day struct {
	// Date is that of the readers' calendar, such as "2026-10-19". Days is how many it stands for, 1 or 7; the first and the last may belong
	// to the period only in part.
	Date string `json:"date"`
	Days int    `json:"days"`
	Outcomes
}

// HealBin counts incidents that healed by themselves in a stretch of time, in this period and in the one before.
type HealBin struct {
	// FromSeconds belongs to the bin, ToSeconds does not. The last bin has no end: its ToSeconds is 0.
	FromSeconds float64 `json:"from_seconds"`
	ToSeconds   float64 `json:"to_seconds"`
	Count       int     `json:"count"`
	Past        int     `json:"past"`
}

// ClassOutcomes counts the incidents of a class.
type ClassOutcomes struct {
	Class string `json:"class"`
	Outcomes
}

// ChartData is what the charts of a digest are drawn from.
type ChartData struct {
	// Days are all days of the period, in order.
	Days []Day `json:"days"`
	// HealTimes covers the times to heal that occurred, in order; it is empty if nothing healed by itself in either period.
	HealTimes []HealBin `json:"heal_times"`
	// TopClasses are the most frequent classes.
	TopClasses []ClassOutcomes `json:"top_classes"`
}

// healBounds are the limits of the bins in seconds, each some 1.5 to 4 times the one before: times to heal spread over magnitudes.
var healBounds = []float64{0, 30, 60, 2 * 60, 3 * 60, 5 * 60, 10 * 60, 20 * 60, 30 * 60, 3600, 3 * 3600, 12 * 3600, 24 * 3600}

// chartData counts what happened in a period, and the times to heal of the one before; past is nil if nothing is compared.
func chartData(now, past *stretch) ChartData {
	data := ChartData{Days: emptyDays(now)}
	classes := make(map[string]*Outcomes)
	for _, s := range now.spells {
		if !s.Opened.Before(now.since) {
			data.Days[dayOf(s.Opened.In(now.since.Location()), data.Days)].count(s, now.until)
		}
		name := cmp.Or(line(s.Class, maxNameRunes), "without class")
		if classes[name] == nil {
			classes[name] = new(Outcomes)
		}
		classes[name].count(s, now.until)
	}
	data.HealTimes, data.TopClasses = healBins(now, past), topClasses(classes)
	return data
}

const dateLayout = "2006-01-02"

// emptyDays lists the days of a period.
func emptyDays(x *stretch) []Day {
	span := 1
	if x.until.Sub(x.since) > maxDays*24*time.Hour {
		span = 7
	}
	days := []Day{}
	for year, month, day := x.since.Date(); ; day += span {
		date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(dateLayout) // no clock changes in UTC
		if date > x.until.Add(-1).Format(dateLayout) {
			return days
		}
		days = append(days, Day{Date: date, Days: span})
	}
}

// dayOf finds the entry of a moment in the period, in the readers' time zone.
func dayOf(t time.Time, days []Day) int {
	date := t.Format(dateLayout)
	n, found := slices.BinarySearchFunc(days, date, func(day Day, date string) int { return cmp.Compare(day.Date, date) })
	if !found {
		n-- // it lies within the week before
	}
	return n
}

// healBins counts times to heal, from the first bin that has any to the last. past may be nil.
func healBins(now, past *stretch) []HealBin {
	bins := make([]HealBin, len(healBounds))
	for k, from := range healBounds {
		bins[k].FromSeconds = from
		if k+1 < len(healBounds) {
			bins[k].ToSeconds = healBounds[k+1]
		}
	}
	each := func(x *stretch, count func(*HealBin)) {
		for _, s := range x.spells {
			if s.ending == SelfHealed {
				n, _ := slices.BinarySearch(healBounds, math.Nextafter(s.lasted.Seconds(), math.Inf(1)))
				count(&bins[n-1])
			}
		}
	}
	each(now, func(b *HealBin) { b.Count++ })
	if past != nil {
		each(past, func(b *HealBin) { b.Past++ })
	}
	some := func(b HealBin) bool { return b.Count+b.Past > 0 }
	first := slices.IndexFunc(bins, some)
	if first < 0 {
		return []HealBin{}
	}
	last := len(bins) - 1
	for !some(bins[last]) {
		last--
	}
	return bins[first : last+1]
}

// topClasses lists the most frequent ones.
func topClasses(counts map[string]*Outcomes) []ClassOutcomes {
	list := make([]ClassOutcomes, 0, len(counts))
	for name, o := range counts {
		list = append(list, ClassOutcomes{name, *o})
	}
	slices.SortFunc(list, func(a, b ClassOutcomes) int {
		return cmp.Or(cmp.Compare(b.Total(), a.Total()), cmp.Compare(a.Class, b.Class))
	})
	return slices.Clip(list[:min(len(list), maxClassBars)])
}
