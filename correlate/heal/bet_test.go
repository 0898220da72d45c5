package heal

import (
	"math/rand/v2"
	"testing"
	"time"
)

// anyEstimate is a curve of one to three kinds of trouble.
func anyEstimate(rng *rand.Rand) *Estimate {
	m := NewModel(DefaultTuning())
	for range 1 + rng.IntN(3) {
		center := anyAge(rng)
		for range rng.IntN(60) {
			m.Observe(began, Path{}, Spell{To: time.Duration(float64(center) * (0.5 + rng.Float64())), Healed: rng.IntN(6) > 0})
		}
	}
	return m.Estimate(began, Path{})
}

// No age costs less than the one until which waiting pays, the price being what Until says; it stays the same while time passes; and it
// is later than now whenever healing within the rest of the budget is likelier than the threshold.
func TestUntilIsTheCheapestAge(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		e := anyEstimate(rng)
		bet := Bet{Budget: time.Second + anyAge(rng)/8, Threshold: rng.Float64()}
		until := e.Until(0, bet).Until
		cost := func(at time.Duration) float64 {
			return e.Survival(at)*(1-bet.Threshold) + e.Survival(bet.Budget)*bet.Threshold*float64(at)/float64(bet.Budget)
		}
		for b := range binCount {
			if at := binStart(b); at < bet.Budget && cost(at) < cost(until)-1e-12 {
				t.Errorf("seed %d: waits until %s at %v, but %s costs %v", seed, until, cost(until), at, cost(at))
			}
		}
		if cost(bet.Budget) < cost(until)-1e-12 {
			t.Errorf("seed %d: waits until %s at %v, but the budget %s costs %v", seed, until, cost(until), bet.Budget, cost(bet.Budget))
		}
		for range 20 {
			age := time.Duration(rng.Int64N(int64(bet.Budget)))
			v := e.Until(age, bet)
			if age < until && v.Until != until {
				t.Errorf("seed %d: at 0 waits until %s, at %s until %s", seed, until, age, v.Until)
			}
			if v.Until < age || v.Until > bet.Budget {
				t.Errorf("seed %d: at %s waits until %s of %s", seed, age, v.Until, bet.Budget)
			}
			if e.Heals(age, bet.Budget-age) > bet.Threshold+1e-9 && v.Until == age {
				t.Errorf("seed %d: does not wait at %s, though it heals within the budget with %v, above %v", seed, age, v.Budget, bet.Threshold)
			}
		}
		if v := e.Until(bet.Budget+time.Hour, bet); v.Until != bet.Budget+time.Hour || v.Heals != 0 {
			t.Errorf("seed %d: waits beyond the budget: %+v", seed, v)
		}
	}
}

// Over classes of any size, no other choice of ages to page at, one per class, has both fewer pages that nobody needed and less delay of those that
// somebody did.
func TestUntilIsBestOverAllClassesTogether(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		bet := Bet{Budget: binStart(9), Threshold: rng.Float64()}
		curves := []*Estimate{anyEstimate(rng), anyEstimate(rng), anyEstimate(rng)}
		var share [3]float64
		for k := range share {
			share[k] = rng.Float64()
		}
		at := func(ages [3]time.Duration) (unneeded, delay float64) {
			for k, e := range curves {
				outlast := e.Survival(bet.Budget)
				unneeded += share[k] * (e.Survival(ages[k]) - outlast)
				delay += share[k] * outlast * ages[k].Seconds()
			}
			return unneeded, delay
		}
		var best [3]time.Duration
		for k, e := range curves {
			best[k] = e.Until(0, bet).Until
		}
		unneeded, delay := at(best)
		for a := range 10 {
			for b := range 10 {
				for c := range 10 {
					u, d := at([3]time.Duration{binStart(a), binStart(b), binStart(c)})
					if u <= unneeded && d <= delay && u+d < unneeded+delay-1e-9 {
						t.Errorf("seed %d: bins %d %d %d have %v unneeded pages and %v s of delay, the bet %v and %v", seed, a, b, c, u, d, unneeded, delay)
					}
				}
			}
		}
	}
}
