package learn

import (
	"cmp"
	"math"
	"slices"
)

// poissonTail bounds the logarithm of the chance that a Poisson variable with a mean is at least k, by Chernoff: it never claims more
// evidence than there is, and holds for counts that faded to fractions.
func poissonTail(k, mean float64) float64 {
	switch {
	case k <= mean:
		return 0
	case mean <= 0:
		return math.Inf(-1)
	}
	return k - mean - k*math.Log(k/mean)
}

// coinTail bounds the logarithm of the chance that a fair coin shows heads at least k times in n, by Chernoff.
func coinTail(k, n float64) float64 {
	if n <= 0 || k <= n/2 {
		return 0
	}
	p := k / n
	divergence := math.Ln2
	for _, q := range [...]float64{p, 1 - p} {
		if q > 0 {
			divergence += q * math.Log(q)
		}
	}
	return -n * divergence
}

// withstand returns the candidates that are not chance, sorted by the tail, when as many as tests were looked at: of those returned
// at most a share is expected to be false (Benjamini and Hochberg, Controlling the False Discovery Rate, 1995).
func withstand(list []*candidate, tail func(*candidate) float64, tests float64) []*candidate {
	slices.SortStableFunc(list, func(a, b *candidate) int { return cmp.Compare(tail(a), tail(b)) })
	keep := 0
	for k, c := range list {
		if tail(c) <= math.Log(falseShare*float64(k+1)/tests) {
			keep = k + 1
		}
	}
	return list[:keep]
}
