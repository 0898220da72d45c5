package trend

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const day = 24 * time.Hour

// TestRateRatioIsTheBinomialTail compares with the sum of exact terms, in big rationals.
func TestRateRatioIsTheBinomialTail(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		before, after := r.IntN(60), r.IntN(40)
		t1, t2 := time.Duration(1+r.IntN(50))*day, time.Duration(1+r.IntN(50))*day
		want := 1.0
		if after > 0 {
			want = exactTail(before+after, after, int64(t1/day), int64(t2/day))
		}
		if got := MoreFrequent(before, after, t1, t2); math.Abs(got-want) > 1e-12*want {
			t.Fatalf("%d in %v, %d in %v: got p = %g, want %g", before, t1, after, t2, got, want)
		}
	}
}

// exactTail is the sum of C(n,j) p^j q^(n-j) from k on, over (p+q)^n.
func exactTail(n, k int, q, p int64) float64 {
	sum := new(big.Int)
	for j := k; j <= n; j++ {
		term := new(big.Int).Binomial(int64(n), int64(j))
		term.Mul(term, new(big.Int).Exp(big.NewInt(p), big.NewInt(int64(j)), nil))
		term.Mul(term, new(big.Int).Exp(big.NewInt(q), big.NewInt(int64(n-j)), nil))
		sum.Add(sum, term)
	}
	all := new(big.Int).Exp(big.NewInt(p+q), big.NewInt(int64(n)), nil)
	f, _ := new(big.Rat).SetFrac(sum, all).Float64()
	return f
}

// TestRateRatioKeepsSmallPValues would fail if terms far from the middle were left out.
func TestRateRatioKeepsSmallPValues(t *testing.T) {
	want := math.Pow(0.2, 40) // no event in 28 days, 40 in 7
	if got := MoreFrequent(0, 40, 28*day, 7*day); math.Abs(got-want) > 1e-12*want {
		t.Errorf("got %g, want %g", got, want)
	}
	for _, p := range []float64{MoreFrequent(0, 0, day, day), MoreFrequent(5, 0, day, day), MoreFrequent(1, 1, 0, day), MoreFrequent(1, 1, day, 0)} {
		if p != 1 {
			t.Errorf("got %g where nothing can be told, want 1", p)
		}
	}
	if p := MoreFrequent(1<<16, 1<<16, day, day); p < 0.5 || p > 0.51 {
		t.Errorf("of many equal counts p is %g", p)
	}
}

// TestTrendIsThatOfAllOrders compares with an enumeration of every order of the values.
func TestTrendIsThatOfAllOrders(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for n := 2; n <= 7; n++ {
		for range 30 {
			values := make([]float64, n)
			for k := range values {
				values[k] = float64(r.IntN(1 + r.IntN(8)))
			}
			s, few, all := statistic(values), 0, 0
			permute(slices.Clone(values), func(p []float64) {
				all++
				if statistic(p) >= s {
					few++
				}
			})
			if got, want := Increasing(values), float64(few)/float64(all); math.Abs(got-want) > 1e-12 {
				t.Fatalf("%v: got p = %g, want %g", values, got, want)
			}
		}
	}
}

// statistic is Kendall's S by its definition.
func statistic(values []float64) (s int) {
	for j := range values {
		for i := range j {
			switch {
			case values[j] > values[i]:
				s++
			case values[j] < values[i]:
				s--
			}
		}
	}
	return s
}

func permute(values []float64, visit func([]float64)) {
	if len(values) == 0 {
		visit(nil)
		return
	}
	var place func(k int)
	place = func(k int) {
		if k == len(values) {
			visit(values)
			return
		}
		for i := k; i < len(values); i++ {
			values[k], values[i] = values[i], values[k]
			place(k + 1)
			values[k], values[i] = values[i], values[k]
		}
	}
	place(0)
}

// TestTrendHasThePublishedProbabilities takes values of the table of upper tail probabilities of Mann and Kendall's S, as in R. O. Gilbert,
// Statistical Methods for Environmental Pollution Monitoring, table A18.
func TestTrendHasThePublishedProbabilities(t *testing.T) {
	for _, c := range []struct {
		n, s int
		p    float64
	}{{4, 4, 0.167}, {4, 6, 0.042}, {5, 8, 0.042}, {8, 16, 0.031}, {8, 18, 0.016}, {9, 20, 0.022}, {10, 21, 0.036}, {10, 25, 0.014}} {
		if got := Increasing(withStatistic(c.n, c.s)); math.Abs(got-c.p) > 0.0006 {
			t.Errorf("n = %d, S = %d: got p = %.4f, want %.3f", c.n, c.s, got, c.p)
		}
	}
}

// withStatistic makes n different values whose statistic is s: each in turn lets as many of the smaller ones come after it as still must.
func withStatistic(n, s int) []float64 {
	falls := (n*(n-1)/2 - s) / 2
	left, values := make([]float64, n), make([]float64, 0, n)
	for k := range left {
		left[k] = float64(k)
	}
	for len(left) > 0 {
		k := min(falls, len(left)-1)
		falls -= k
		values = append(values, left[k])
		left = slices.Delete(left, k, k+1)
	}
	return values
}

// TestApproximationMeetsTheExactTest compares both where the exact one ends.
func TestApproximationMeetsTheExactTest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for range 200 {
		values := make([]float64, 20)
		for k := range values {
			values[k] = float64(k)*r.Float64() + float64(r.IntN(6))
		}
		exact := Increasing(values)
		s, variance := statistic(values), spread(20)
		for _, n := range ties(values) {
			variance -= spread(n)
		}
		normal := math.Erfc(float64(s-1)/math.Sqrt(variance/18)/math.Sqrt2) / 2
		if math.Abs(exact-normal) > 0.006 {
			t.Fatalf("%v: exact %g, normal %g", values, exact, normal)
		}
	}
	rising := make([]float64, 30)
	for k := range rising {
		rising[k] = float64(k)
	}
	if up := Increasing(rising); up > 1e-9 {
		t.Errorf("rising: p = %g", up)
	}
	slices.Reverse(rising)
	if down := Increasing(rising); down < 0.999999 {
		t.Errorf("falling: p = %g", down)
	}
	if flat := Increasing(make([]float64, 30)); flat != 1 {
		t.Errorf("flat: p = %g", flat)
	}
}

// TestDiscoveriesAreThoseOfThePaper takes the example of Benjamini and Hochberg's section 3.2: of 15 p-values, four are discoveries at 5 %.
func TestDiscoveriesAreThoseOfThePaper(t *testing.T) {
	p := []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1}
	if got := BenjaminiHochberg(p, 0.05); got != 0.0095 {
		t.Errorf("got level %g, want 0.0095", got)
	}
	for _, none := range [][]float64{nil, {0.06}, {0.9, 0.04}} {
		if got := BenjaminiHochberg(none, 0.05); got >= 0 {
			t.Errorf("%v: got level %g, want none", none, got)
		}
	}
}

// TestFewDiscoveriesAreFalse plays rounds in which most hypotheses hold: the mean share of false discoveries stays within the rate.
func TestFewDiscoveriesAreFalse(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	share, rounds := 0.0, 2000
	for range rounds {
		p := make([]float64, 50)
		for k := range p {
			if p[k] = r.Float64(); k < 10 {
				p[k] *= 0.001 // something did change
			}
		}
		level, found, wrong := BenjaminiHochberg(p, 0.1), 0, 0
		for k := range p {
			if p[k] <= level {
				if found++; k >= 10 {
					wrong++
				}
			}
		}
		share += float64(wrong) / float64(max(found, 1))
	}
	if share /= float64(rounds); share > 0.1 || share < 0.05 {
		t.Errorf("%.3f of the discoveries are false; want about 0.08, and no more than 0.1", share)
	}
}

var marks = Marks{High: 4, Low: 1.5, HalfLife: 30 * time.Minute}

// TestPenaltyDecaysByHalves compares with the exponential, from which linear decay between the halvings differs by 6.2 % at most.
func TestPenaltyDecaysByHalves(t *testing.T) {
	p := Penalty{Milli: 8000}
	for _, c := range []struct {
		after time.Duration
		want  float64
	}{{0, 8}, {30 * time.Minute, 4}, {time.Hour, 2}, {2 * time.Hour, 0.5}, {100 * time.Hour, 0}} {
		if got := p.Value(int64(c.after), marks); got != c.want {
			t.Errorf("after %v: got %g, want %g", c.after, got, c.want)
		}
	}
	for age := time.Duration(0); age < 3*time.Hour; age += time.Minute {
		got, want := p.Value(int64(age), marks), 8*math.Exp2(-age.Hours()*2)
		if got < want-0.002 || got > want*1.062+0.002 {
			t.Fatalf("after %v: got %g, want about %g", age, got, want)
		}
	}
}

// TestPenaltyHasTwoMarks flaps often, then seldom: it is over from the high mark on, and not before it fell to the low one.
func TestPenaltyHasTwoMarks(t *testing.T) {
	var p Penalty
	var over []bool
	at := time.Duration(0)
	for _, pause := range []time.Duration{0, 2, 2, 2, 2, 20, 20, 20, 60, 1} {
		at += pause * time.Minute
		p = p.Flapped(int64(at), marks)
		over = append(over, p.Over)
	}
	want := []bool{false, false, false, false, true, true, true, true, false, false}
	if fmt.Sprint(over) != fmt.Sprint(want) {
		t.Errorf("got over = %v, want %v", over, want)
	}
}

// TestPenaltyRestsWhenItSaysSo checks for random flaps that Rests is the first instant at the low mark, and that the ceiling bounds it.
func TestPenaltyRestsWhenItSaysSo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for range 500 {
		m := Marks{Low: 0.5 + 2*r.Float64(), HalfLife: time.Duration(1 + r.Int64N(int64(day)))}
		m.High = m.Low + r.Float64()*12
		var p Penalty
		now := int64(1_700_000_000_000_000_000)
		for range 1 + r.IntN(30) {
			now += r.Int64N(int64(m.HalfLife))
			p = p.Flapped(now, m)
			rests := p.Rests(m)
			if !p.Over {
				if rests != 0 || p.Value(now, m) >= m.High {
					t.Fatalf("%+v of %+v is not over, and rests at %d", p, m, rests)
				}
				continue
			}
			if p.decayed(rests, m) > m.low() || rests > now && p.decayed(rests-1, m) < m.low() {
				t.Fatalf("%+v of %+v rests at %d with %d, one instant before with %d", p, m, rests-now, p.decayed(rests, m), p.decayed(rests-1, m))
			}
			if most := now + 3*int64(m.HalfLife); rests > most {
				t.Fatalf("%+v of %+v takes %v to rest", p, m, time.Duration(rests-now))
			}
		}
	}
}
