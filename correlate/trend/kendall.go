package trend

import "math"

// exactUpTo is up to how many values [Increasing] counts all orders instead of using the normal approximation: 20! is the last factorial
// that 64 bits hold.
const exactUpTo = 20

// Increasing is the p-value of values rising over time, in the order in which they came: the test of H. B. Mann (Nonparametric tests
// against trend, Econometrica 13, 1945) and M. G. Kendall (Rank Correlation Methods, 1948). It asks only which of two values is larger, so that
// one that is way out counts no more than others. Ties are taken into account. Up to 20 values it is exact, beyond that it is the normal
// approximation with correction for ties and continuity. With fewer than two values, or if all are equal, it is 1. The cost is
// quadratic.
func Increasing(values []float64) float64 {
	rises, falls := 0, 0
	for j := range values {
		for i := range j {
			switch {
			case values[j] > values[i]:
				rises++
			case values[j] < values[i]:
				falls++
			}
		}
	}
	if rises+falls == 0 {
		return 1
	}
	groups := ties(values)
	if len(values) <= exactUpTo {
		return fewInversions(groups, falls)
	}
	variance := spread(len(values))
	for _, t := range groups {
		variance -= spread(t)
	}
	z := float64(rises-falls-1) / math.Sqrt(variance/18)
	return math.Erfc(z/math.Sqrt2) / 2
}

// spread is 18 times what n values without ties add to the variance of the statistic, or n that are tied take from it.
func spread(n int) float64 { return float64(n * (n - 1) * (2*n + 5)) }

// ties are the sizes of groups of equal values.
func ties(values []float64) []int {
	counts := make(map[float64]int, len(values))
	for _, v := range values {
		counts[v]++
	}
	sizes := make([]int, 0, len(counts))
	for _, n := range counts {
		sizes = append(sizes, n) // in any order: products do not depend on it
	}
	return sizes
}

// fewInversions is the chance that a random order of values that are tied in groups has at most so many pairs of which the later one is
// smaller. The orders by inversions are the coefficients of the Gaussian multinomial [n]! / ([t1]! [t2]! …), where [n]! is the product of
// 1 + q + … + q^(i-1) for i up to n (P. A. MacMahon, Combinatory Analysis, 1915).
func fewInversions(groups []int, most int) float64 {
	orders, n := []uint64{1}, 0
	for _, t := range groups {
		for i := 1; i <= t; i++ {
			n++
			orders = divided(multiplied(orders, n), i)
		}
	}
	few, all := uint64(0), uint64(0)
	for k, c := range orders {
		if all += c; k <= most {
			few += c
		}
	}
	return float64(few) / float64(all)
}

// multiplied is a polynomial times 1 + q + … + q^(n-1).
func multiplied(p []uint64, n int) []uint64 {
	product, sum := make([]uint64, len(p)+n-1), uint64(0)
	for k := range product {
		if k < len(p) {
			sum += p[k]
		}
		if k >= n {
			sum -= p[k-n]
		}
		product[k] = sum
	}
	return product
}

// divided is a polynomial that is a multiple of 1 + q + … + q^(n-1), divided by it.
func divided(p []uint64, n int) []uint64 {
	quotient, sum := make([]uint64, len(p)-n+1), uint64(0)
	for k := range quotient {
		if k >= n {
			sum -= quotient[k-n]
		}
		quotient[k] = p[k] - sum
		sum += quotient[k]
	}
	return quotient
}
