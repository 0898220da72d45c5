package trend

import "slices"

// BenjaminiHochberg is the level up to which the p-values of one round of tests are discoveries: of those at most the share rate, from 0 to
// 1, is expected to be false, if the tests are independent or depend on one another positively (Y. Benjamini and Y. Hochberg, Controlling
// the false discovery rate, J. R. Statist. Soc. B 57, 1995). It is negative if none is a discovery.
func BenjaminiHochberg(pValues []float64, rate float64) (level float64) {
	sorted := slices.Sorted(slices.Values(pValues))
	for k, p := range slices.Backward(sorted) {
		if p <= float64(k+1)/float64(len(sorted))*rate {
			return p
		}
	}
	return -1
}
