package trend

import "time"

// MoreFrequent is the p-value of events coming more often in a later period than in an earlier one: before of them within beforeFor, and
// after within afterFor. Given their sum n, and equal rates, the later count is binomial with chance afterFor / (beforeFor + afterFor), so
// that the test is exact however few there are (J. Przyborowski and H. Wilenski, Homogeneity of results in testing samples from Poisson
// series, Biometrika 31, 1940). Without events, or where a period has no length, it is 1. The cost is that of n steps.
func MoreFrequent(before, after int, beforeFor, afterFor time.Duration) float64 {
	if before < 0 || after <= 0 || beforeFor <= 0 || afterFor <= 0 {
		return 1
	}
	return upperTail(before+after, after, beforeFor.Seconds(), afterFor.Seconds())
}

// upperTail is the chance of at least k successes of n, where a failure weighs q and a success p. It sums the ratios of neighbouring terms,
// outward from the largest one, so that no term overflows; those that vanish beside it make a difference below the smallest float. The
// conversions keep compilers from fusing operations, which would give other bits on other machines.
func upperTail(n, k int, q, p float64) float64 {
	mode := min(int(float64(float64(n+1)*p)/(p+q)), n)
	head, tail := 0.0, 0.0
	add := func(at int, w float64) {
		if at >= k {
			tail += w
		} else {
			head += w
		}
	}
	for at, w := mode, 1.0; ; at++ {
		add(at, w)
		if at == n {
			break
		}
		w = float64(w*float64(n-at)) / float64(at+1)
		w = float64(w*p) / q
	}
	for at, w := mode, 1.0; at > 0; at-- {
		w = float64(w*float64(at)) / float64(n-at+1)
		w = float64(w*q) / p
		add(at-1, w)
	}
	return tail / (head + tail)
}
