package digest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"quell/correlate/honesty"
	"quell/correlate/trend"
	"quell/internal/english"
)

// Worse is a class of trouble that got worse beyond chance.
type Worse struct {
	Class string `json:"class"`
	// Kind is [WorseRate] or [WorseTime].
	Kind string `json:"kind"`
	// Count and Past are how often it began in the period and the one before, or how many times to heal are compared.
	Count int `json:"count"`
	Past  int `json:"past"`
	// MedianSeconds and PastMedianSeconds are the times to heal in the middle; zero for a rate.
	MedianSeconds     float64 `json:"median_seconds,omitempty"`
	PastMedianSeconds float64 `json:"past_median_seconds,omitempty"`
	// PValue is the chance of such a difference if nothing had changed.
	PValue float64 `json:"p_value"`
	// Text says it in a clause.
	Text string `json:"text"`
}

// What gets worse.
const (
	WorseRate = "rate"
	WorseTime = "time to heal"
)

const (
	// falseDiscoveries is the share of what is called worse that may be chance, on average.
	falseDiscoveries = 0.05
	// What is tested needs so many openings, or times to heal in all and in each period: fewer could never be significant.
	worseCounts, worseTimes, worseEach = 4, 8, 3
	// What is significant is not told unless it matters: rates that double, times that are half as long again.
	worseRatio, worseSlower = 2.0, 1.5
	// oneOccasion is how close openings of one class may be to count as one: a storm has many, which depend on each other, and the test takes
	// them to be independent.
	oneOccasion = 10 * time.Minute
)

// addWorse tests all classes. All tests of a digest are one family, in which Benjamini's and Hochberg's procedure keeps the share of false
// findings at [falseDiscoveries].
func (d *Digest) addWorse(now, past *stretch) {
	var tests []Worse
	var matters []bool
	for class, k := range now.classes {
		p := past.kind(class)
		for _, test := range [...]func(now, past *stretch, k, p *kind) (Worse, bool, bool){moreFrequent, slower} {
			if w, matter, ok := test(now, past, k, p); ok {
				w.Class = className(class)
				w.Text = w.Class + ": " + w.Text
				tests, matters = append(tests, w), append(matters, matter)
			}
		}
	}
	pValues := make([]float64, len(tests))
	for n := range tests {
		pValues[n] = tests[n].PValue
	}
	level := trend.BenjaminiHochberg(pValues, falseDiscoveries)
	for n, w := range tests {
		if w.PValue <= level && matters[n] {
			d.Worse = append(d.Worse, w)
		}
	}
	slices.SortFunc(d.Worse, func(a, b Worse) int {
		return cmp.Or(cmp.Compare(a.PValue, b.PValue), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
	})
	d.Worse, d.MoreWorse = cut(d.Worse)
}

// moreFrequent compares how often a class began.
func moreFrequent(now, past *stretch, k, p *kind) (w Worse, matters, ok bool) {
	w = Worse{Kind: WorseRate, Count: occasions(k.began), Past: occasions(p.began)}
	if len(p.all) == 0 || w.Count+w.Past < worseCounts {
		return w, false, false // what is new is told as such
	}
	nowFor, pastFor := now.until.Sub(now.since), past.until.Sub(past.since)
	w.PValue = trend.MoreFrequent(w.Past, w.Count, pastFor, nowFor)
	w.Text = fmt.Sprintf("%s, %d in the previous period (p = %.2g)", english.Times(w.Count), w.Past, w.PValue)
	return w, float64(w.Count)*pastFor.Hours() >= worseRatio*float64(w.Past)*nowFor.Hours(), true
}

// occasions counts moments, those that are close to each other once.
func occasions(moments []time.Time) (n int) {
	var last time.Time
	for _, t := range slices.SortedFunc(slices.Values(moments), time.Time.Compare) {
		if n == 0 || t.Sub(last) >= oneOccasion {
			n++
		}
		last = t
	}
	return n
}

// slower looks for a rise in the times to heal of both periods.
func slower(_, _ *stretch, k, p *kind) (w Worse, matters, ok bool) {
	recent, earlier := k.times(), p.times()
	w = Worse{Kind: WorseTime, Count: len(recent), Past: len(earlier)}
	if min(w.Count, w.Past) < worseEach || w.Count+w.Past < worseTimes {
		return w, false, false
	}
	// The last ones tell enough, and the test is quadratic.
	const most = 200
	series := slices.Concat(earlier[max(len(earlier)-most, 0):], recent[:min(len(recent), most)])
	seconds := make([]float64, len(series))
	for n, t := range series {
		seconds[n] = t.Seconds()
	}
	w.PValue = trend.Increasing(seconds)
	w.MedianSeconds, w.PastMedianSeconds = honesty.SpreadOf(recent).MedianSeconds, honesty.SpreadOf(earlier).MedianSeconds
	w.Text = fmt.Sprintf("takes longer to heal (median %s, %s in the previous period; p = %.2g)", span(w.MedianSeconds), span(w.PastMedianSeconds), w.PValue)
	return w, w.MedianSeconds >= worseSlower*w.PastMedianSeconds, true
}

// ClassCount is a class and how many incidents of it there were.
type ClassCount struct {
	Class string `json:"class"`
	Count int    `json:"count"`
}

// addNovel finds the classes that came and went.
func (d *Digest) addNovel(now, past *stretch) {
	for class, k := range now.classes {
		// What was open before the period began is known to both.
		if p := past.classes[class]; len(k.began) == len(k.all) && len(k.all) > 0 && (p == nil || len(p.all) == 0) {
			d.New = append(d.New, ClassCount{className(class), len(k.all)})
		}
	}
	for class, p := range past.classes {
		if k := now.classes[class]; len(p.all) > 0 && (k == nil || len(k.all) == 0) {
			d.Gone = append(d.Gone, ClassCount{className(class), len(p.all)})
		}
	}
	order := func(a, b ClassCount) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Class, b.Class)) }
	slices.SortFunc(d.New, order)
	slices.SortFunc(d.Gone, order)
	d.New, d.MoreNew = cut(d.New)
	d.Gone, d.MoreGone = cut(d.Gone)
}
