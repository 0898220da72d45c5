package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// definition says what a real page is, and what one is that nobody needed.
type definition struct {
	name string
	// budget is the longest wait, at which everything is paged.
	budget time.Duration
	// real is how long an alarm must last to be one that somebody has to see. Any that is paged and clears earlier was not needed.
	real time.Duration
	// every counts the delay of every page, also of those that nobody needed.
	every bool
}

// point is what one setting of a policy comes to.
type point struct {
	delay    time.Duration // mean of what counts
	unneeded float64       // pages
}

// sums are what points are made of. They add up over alarms.
type sums struct {
	delay    time.Duration
	counted  int
	unneeded int
}

func (s *sums) add(d definition, lasted, wait time.Duration) {
	isReal, paged := lasted > d.real, lasted > wait
	if isReal || d.every && paged {
		s.delay += wait
		s.counted++
	}
	if paged && !isReal {
		s.unneeded++
	}
}

func (s *sums) point() point {
	return point{s.delay / time.Duration(max(s.counted, 1)), float64(s.unneeded)}
}

// tally has the sums of every setting, in blocks of time: what is near in time is alike, so that chance has to be judged by blocks.
type tally [][]sums // block, setting

// forever is the length of one block that takes all.
const forever = time.Duration(1 << 62)

// blocks cuts what was judged into stretches of a length.
func blocks(all []judged, d definition, length time.Duration) tally {
	var t tally
	var begun time.Time
	for _, j := range all {
		if len(t) == 0 || j.at.Sub(begun) >= length {
			t, begun = append(t, make([]sums, len(j.waits))), j.at
		}
		last := t[len(t)-1]
		for k, wait := range j.waits {
			last[k].add(d, j.lasted, wait)
		}
	}
	return t
}

// curve is the trade-off of the drawn blocks, in order of delay. Nothing is held at its beginning; in between, settings mix.
func (t tally) curve(drawn []int) []point {
	points := make([]point, len(t[0]))
	for k := range points {
		var s sums
		for _, b := range drawn {
			s.delay += t[b][k].delay
			s.counted += t[b][k].counted
			s.unneeded += t[b][k].unneeded
		}
		points[k] = s.point()
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.delay, b.delay) })
	return points
}

// at is the number of unneeded pages at a mean delay, between the two settings next to it. ok is false beyond the ends.
func at(points []point, delay time.Duration) (unneeded float64, ok bool) {
	for k := 1; k < len(points); k++ {
		a, b := points[k-1], points[k]
		if a.delay > delay || b.delay < delay {
			continue
		}
		if a.delay == b.delay {
			return min(a.unneeded, b.unneeded), true
		}
		share := float64(delay-a.delay) / float64(b.delay-a.delay)
		return a.unneeded + (b.unneeded-a.unneeded)*share, true
	}
	return 0, false
}

// fixedHold waits equally long for everything.
func fixedHold(all []judged, waits []time.Duration) []judged {
	held := slices.Clone(all)
	for k := range held {
		held[k].waits = waits
	}
	return held
}

// comparison is how many fewer unneeded pages there are than with a fixed hold of equal delay, as a share: 0.2 is a fifth fewer.
type comparison struct {
	fewer     float64
	low, high float64 // what nine of ten redrawn histories lie within
	ok        bool    // false if the policy has no setting with that delay
}

// resamples is how many histories are redrawn.
const resamples = 400

// compare sets a policy beside fixed holds at some mean delays.
func compare(all []judged, d definition, delays []time.Duration, block time.Duration) []comparison {
	own, fixed := blocks(all, d, block), blocks(fixedHold(all, delays), d, block)
	whole := make([]int, len(own))
	for k := range whole {
		whole[k] = k
	}
	fewer := func(drawn []int) []comparison {
		points := own.curve(drawn)
		result := make([]comparison, len(delays))
		for k, delay := range delays {
			var base sums
			for _, b := range drawn {
				base.unneeded += fixed[b][k].unneeded
			}
			unneeded, ok := at(points, delay)
			ok = ok && base.unneeded > 0
			result[k] = comparison{fewer: 1 - unneeded/float64(max(base.unneeded, 1)), ok: ok}
		}
		return result
	}
	result := fewer(whole)
	redrawn := make([][]float64, len(delays))
	rng := rand.New(rand.NewPCG(1, 1))
	for range resamples {
		drawn := make([]int, len(whole))
		for k := range drawn {
			drawn[k] = rng.IntN(len(whole))
		}
		for k, c := range fewer(drawn) {
			if c.ok {
				redrawn[k] = append(redrawn[k], c.fewer)
			}
		}
	}
	for k := range result {
		slices.Sort(redrawn[k])
		if n := len(redrawn[k]); n > 0 {
			result[k].low, result[k].high = redrawn[k][n/20], redrawn[k][n-1-n/20]
		}
	}
	return result
}

// nearest is the setting whose mean delay is nearest to one.
func nearest(all []judged, d definition, delay time.Duration) int {
	t := blocks(all, d, forever)
	best, gap := 0, forever
	for k := range t[0] {
		if g := (t[0][k].point().delay - delay).Abs(); g < gap {
			best, gap = k, g
		}
	}
	return best
}

// spread is within which wait the middle, and nine of ten, of the real alarms are paged at one setting.
func spread(all []judged, d definition, setting int) (median, most time.Duration) {
	var waits []time.Duration
	for _, j := range all {
		if j.lasted > d.real {
			waits = append(waits, j.waits[setting])
		}
	}
	if len(waits) == 0 {
		return 0, 0
	}
	slices.Sort(waits)
	return waits[len(waits)/2], waits[len(waits)*9/10]
}
