package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"quell/correlate/trend"
)

const (
	// chronicRate is the share of trends found in a daily round that may be false, on average.
	chronicRate = 0.05
	// A rate is tested if there are so many recoveries, and times to heal if there are so many. Both are known before the test and say
	// nothing about its outcome if nothing changed, so leaving the others out costs no rigour and gains power (R. Bourgon et al., PNAS 107, 2010).
	chronicCounts, chronicTimes = 4, 8
	// What is significant is not told unless it matters: rates that double, times that are half as long again.
	chronicRatio, chronicSlower = 2.0, 1.5
)

// chronicTrend is something that gets worse, as of the last round.
type chronicTrend struct {
	Kind   ChronicKind `json:"kind"`
	PValue float64     `json:"p"`
	Reason string      `json:"reason"`
}

// nextRound sets the timer of the next daily round, at midnight UTC, if there is anything to look at.
func (e *Engine) nextRound() {
	if e.chronic.roundAt == 0 && len(e.chronic.of) > 0 {
		e.chronic.roundAt = (e.now/chronicDay + 1) * chronicDay
		e.timer(timerRound, e.chronic.roundAt, 0)
	}
}

// chronicFinding is a test of one record.
type chronicFinding struct {
	key string
	chronicTrend
	matters bool
}

// round tests once a day all records for what gets worse. One round is one family of tests, in which Benjamini's and Hochberg's procedure
// keeps the share of false findings at [chronicRate]. Records of which nothing was heard for long go. The cost is that of all records.
func (e *Engine) round() {
	e.chronic.roundAt = 0
	keys := slices.Sorted(maps.Keys(e.chronic.of))
	var found []chronicFinding
	for _, key := range keys {
		r := e.chronic.of[key]
		if r.Seen <= e.now-chronicKept {
			e.forgetChronic(key)
			continue
		}
		for _, test := range [...]func(int64) (chronicTrend, bool, bool){r.moreFrequent, r.slower} {
			if t, matters, ok := test(e.now); ok {
				found = append(found, chronicFinding{key, t, matters})
			}
		}
	}
	pValues := make([]float64, len(found))
	for k := range found {
		pValues[k] = found[k].PValue
	}
	level := trend.BenjaminiHochberg(pValues, chronicRate)
	worse := make(map[string][]chronicTrend)
	for _, f := range found {
		if f.PValue <= level && f.matters {
			f.Reason += fmt.Sprintf("; one of %s that day, of which at most %s are false", times(len(found), "test"), percent(chronicRate))
			worse[f.key] = append(worse[f.key], f.chronicTrend)
		}
	}
	e.noteWorse(keys, worse)
	e.nextRound()
}

// noteWorse takes over what a round found, and tells of it where the trouble is open now. Of others it is told when they come back.
func (e *Engine) noteWorse(keys []string, worse map[string][]chronicTrend) {
	for _, key := range keys {
		if r := e.chronic.of[key]; r != nil && len(r.Worse)+len(worse[key]) > 0 {
			e.chronicRecord(key).Worse = worse[key]
		}
	}
	if len(worse) == 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(e.incidents)) {
		i := e.incidents[id]
		if !i.state.Open() {
			continue
		}
		if c := e.chronicCase(i); worse[c.key] != nil {
			e.judgeChronic(i, c)
		}
	}
}

// moreFrequent compares the recoveries of the last days with those of the weeks before, as far as they were seen. ok is false where there
// is too little to compare.
func (r *chronicRecord) moreFrequent(now int64) (t chronicTrend, matters, ok bool) {
	today := now / chronicDay
	split, from := today-chronicRecentDays, today-chronicDays
	earlierFor := time.Duration(split*chronicDay - max(r.Since, from*chronicDay))
	if earlierFor < chronicRecentDays*time.Duration(chronicDay) {
		return t, false, false
	}
	earlier, recent := 0, 0
	for _, c := range r.Days {
		switch {
		case c.Day < from || c.Day >= today:
		case c.Day < split:
			earlier += c.Count
		default:
			recent += c.Count
		}
	}
	if earlier+recent < chronicCounts {
		return t, false, false
	}
	recentFor := chronicRecentDays * time.Duration(chronicDay)
	t.Kind, t.PValue = MoreFrequent, trend.MoreFrequent(earlier, recent, earlierFor, recentFor)
	before, after := float64(earlier)/earlierFor.Hours()*24, float64(recent)/recentFor.Hours()*24
	t.Reason = fmt.Sprintf("heals by itself more and more often: %s in the last %s, %d in the %s before (%.2g a day, then %.2g; p = %.2g, exact Poisson rate ratio)",
		times(recent, "time"), round(recentFor), earlier, round(earlierFor), before, after, t.PValue)
	return t, after >= chronicRatio*before, true
}

// slower looks for longer and longer times to heal.
func (r *chronicRecord) slower(int64) (t chronicTrend, matters, ok bool) {
	n := len(r.Heals)
	if n < chronicTimes {
		return t, false, false
	}
	first, last := middle(r.Heals[:n/3]), middle(r.Heals[n-n/3:])
	t.Kind, t.PValue = Slower, trend.Increasing(r.Heals)
	t.Reason = fmt.Sprintf("takes longer and longer to heal: of its last %d recoveries the first %d took %s in the middle, the last %d %s (p = %.2g, Mann-Kendall)",
		n, n/3, seconds(first), n/3, seconds(last), t.PValue)
	return t, last >= chronicSlower*first, true
}

// middle is the median of some numbers, of which there is at least one.
func middle(values []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func seconds(s float64) string { return round(time.Duration(s * float64(time.Second))) }
