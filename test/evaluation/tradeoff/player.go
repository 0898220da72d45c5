package main

import (
	"math"
	"slices"
	"time"

	"quell/correlate/heal"
)

// warmUp is the share of a stream that is learned from only.
const warmUp = 0.3

// judged is one alarm with how long each setting of a policy would have waited for it to clear.
type judged struct {
	at     time.Time
	lasted time.Duration
	waits  []time.Duration // by setting, in an order in which they grow
}

// policy decides on alarms as they fire, and learns of each when it is over, or has outlasted the budget: never earlier.
type policy interface {
	// waits is how long each setting waits for what fires now.
	waits(a *alarm) []time.Duration
	// learn is told of an alarm at now, when it cleared or had outlasted the budget. waits is what was decided.
	learn(a *alarm, now time.Time, waits []time.Duration)
}

// play lets a policy decide on a stream alarm by alarm, each before anything is known of what comes after. It returns what
// it decided after the warm-up.
func play(all []alarm, budget time.Duration, p policy) []judged {
	result := make([]judged, 0, len(all))
	ended, next := byEnd(all, budget), 0
	for k := range all {
		a := &all[k]
		for ; next < len(ended); next++ {
			e := &all[ended[next]]
			known := e.at.Add(min(e.lasted, budget))
			// What clears at this very instant is not known yet. Nor is what fires later and is over at once.
			if !known.Before(a.at) {
				break
			}
			p.learn(e, known, result[ended[next]].waits)
		}
		result = append(result, judged{at: a.at, lasted: a.lasted, waits: p.waits(a)})
	}
	return result[int(warmUp*float64(len(all))):]
}

// playSurvival is play with quell's model and the constants and conditions given.
func playSurvival(all []alarm, budget time.Duration, t heal.Tuning, c conditions) []judged {
	return play(all, budget, newSurvival(budget, t, c))
}

// playAttended is the same as an engine in production would do it: somebody takes over so long after each page, so that nothing is
// learned of how it would have gone on, and while little is known of an alert the default hold applies. Each threshold has a
// history of its own.
func playAttended(all []alarm, budget, attended time.Duration) []judged {
	var result []judged
	grid := thresholds()
	for k := 0; k < len(grid); k += 3 {
		p := newSurvival(budget, heal.DefaultTuning(), shipped)
		p.thresholds, p.attended, p.untried = grid[k:k+1], attended, min(defaultHold, budget)
		for n, j := range play(all, budget, p) {
			if k == 0 {
				result = append(result, judged{at: j.at, lasted: j.lasted})
			}
			result[n].waits = append(result[n].waits, j.waits...)
		}
	}
	return result
}

const (
	// defaultHold is quell's hold where nothing is known.
	defaultHold = 5 * time.Minute
	// knownCases is how many cases make something known.
	knownCases = 5
)

// survival is quell's model and rule.
type survival struct {
	model      *heal.Model
	conditions conditions
	budget     time.Duration
	thresholds []float64
	// plain has the whole rest of the budget as the only wait that may pay off.
	plain bool
	// attended is after which time somebody takes over what was paged; zero for never. Then there must be one threshold only.
	attended time.Duration
	// untried is how long to wait for what too few like it are known of, zero to trust the model all the same.
	untried time.Duration
}

func newSurvival(budget time.Duration, t heal.Tuning, c conditions) *survival {
	return &survival{model: heal.NewModel(t), conditions: c, budget: budget, thresholds: thresholds()}
}

// thresholds are evenly spread in their odds, from the highest: waits grow.
func thresholds() []float64 {
	var all []float64
	for x := 8.0; x >= -6; x -= 0.25 {
		all = append(all, 1/(1+math.Exp(-x)))
	}
	return all
}

func (s *survival) waits(a *alarm) []time.Duration {
	e := s.model.Estimate(a.at, s.conditions.path(a))
	waits := make([]time.Duration, len(s.thresholds))
	if _, known := e.Carrier(0, knownCases); s.untried > 0 && !known {
		waits[0] = s.untried
		return waits
	}
	for k, threshold := range s.thresholds {
		bet := heal.Bet{Budget: s.budget, Threshold: threshold}
		if s.plain {
			waits[k] = plainUntil(e, bet)
		} else {
			waits[k] = e.Until(0, bet).Until
		}
	}
	return waits
}

func (s *survival) learn(a *alarm, now time.Time, waits []time.Duration) {
	spell := heal.Spell{To: min(a.lasted, s.budget), Healed: a.cleared && a.lasted <= s.budget}
	if s.attended > 0 && spell.To > waits[0]+s.attended {
		spell = heal.Spell{To: waits[0] + s.attended}
	}
	s.model.Observe(now, s.conditions.path(a), spell)
}

// plainUntil is the first age, in steps of a hundredth of the budget, at which healing within the rest of it is less likely than the
// threshold.
func plainUntil(e *heal.Estimate, bet heal.Bet) time.Duration {
	for k := range 100 {
		age := bet.Budget * time.Duration(k) / 100
		if e.Heals(age, bet.Budget-age) < bet.Threshold {
			return age
		}
	}
	return bet.Budget
}

// quantile waits until a share of the alert's past alarms had cleared.
type quantile struct {
	budget time.Duration
	past   map[string][]time.Duration // of an alert, sorted; of all under ""
}

// quantileLeast is how many alarms of its own an alert must have had; before, all count.
const quantileLeast = 10

func (q *quantile) waits(a *alarm) []time.Duration {
	past := q.past[a.name]
	if len(past) < quantileLeast {
		past = q.past[""]
	}
	waits := make([]time.Duration, 0, 100)
	for percent := range 100 {
		wait := time.Duration(0)
		if len(past) > 0 && percent > 0 {
			wait = past[len(past)*percent/100]
		}
		waits = append(waits, min(wait, q.budget))
	}
	return waits
}

func (q *quantile) learn(a *alarm, _ time.Time, _ []time.Duration) {
	lasted := min(a.lasted, q.budget) // of the rest nothing is known yet
	for _, name := range []string{a.name, ""} {
		at, _ := slices.BinarySearch(q.past[name], lasted)
		q.past[name] = slices.Insert(q.past[name], at, lasted)
	}
}
