package heal

import "time"

// Fates is of how many cases of the class, decayed, that were still ill at an age is known whether they were at a later one: those that healed
// in between, and those that outlasted it. The others were lost sight of: a class that humans always put right within a minute tells
// nothing of what it would have done by itself in ten.
func (l Level) Fates(age, by time.Duration) float64 {
	if l.of == nil {
		return 0
	}
	n := l.At(by)
	for b := binOf(min(max(age, 0), Horizon-1)); b < len(l.of.healed) && binStart(b) < by; b++ {
		n += l.healed(b)
	}
	return min(n, l.At(age))
}
