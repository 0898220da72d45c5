package heal

import "time"

// Bet says what waiting may cost.
type Bet struct {
	// Budget is the longest that trouble may be left alone, from its start. What outlasts it needs a human.
	Budget time.Duration
	// Threshold, from 0 to 1, is how likely healing within the whole budget must be to wait for all of it. A page that nobody needed
	// weighs as much as (1 − Threshold)/Threshold of the budget in delay of one that somebody did: with 0.8 and half an hour, 7.5 minutes.
	Threshold float64
}

// Verdict is until when waiting pays, with the numbers that say why.
type Verdict struct {
	// Until is an age: page what is not healed then. It is the age asked about if waiting does not pay at all.
	Until time.Duration
	// Heals is the chance that it heals before Until, Budget that it heals within the budget, both given that it has not so far.
	Heals, Budget float64
}

// Until is until which age, at least the given one and at most the budget, waiting pays for what is not healed yet.
//
// To wait on for d gains a page saved with the chance that it heals within d, and costs d of delay with the chance that it outlasts
// the budget. Waiting pays while for some d
//
//	P(heals within d) × (1 − Threshold)  >  P(outlasts the budget) × Threshold × d/Budget
//
// all given that it is not healed yet. With the whole budget for d that is P(heals within the budget) > Threshold; a shorter wait has to
// earn its share only. The last age at which this holds minimises the pages that nobody needed at any mean delay of those that somebody
// did, over all classes together: it is the Lagrangian of that problem, with one price for a minute everywhere. So it is enough
// to look for the age with the least cost. It costs one look at each bin within the budget.
func (e *Estimate) Until(age time.Duration, b Bet) Verdict {
	age = max(age, 0)
	v := Verdict{Until: age, Budget: e.Heals(age, b.Budget-age)}
	if age >= b.Budget {
		return v
	}
	outlasts := e.Survival(b.Budget)
	cost := func(at time.Duration, survival float64) float64 {
		delay := outlasts * b.Threshold * (float64(at) / float64(b.Budget))
		return float64(survival*(1-b.Threshold)) + delay
	}
	least := cost(age, e.Survival(age))
	for bin := binOf(min(age, Horizon-1)) + 1; bin < binCount && binStart(bin) < b.Budget; bin++ {
		if c := cost(binStart(bin), e.alive[bin]); c < least {
			v.Until, least = binStart(bin), c
		}
	}
	if cost(b.Budget, outlasts) < least {
		v.Until = b.Budget
	}
	v.Heals = e.Heals(age, v.Until-age)
	return v
}
