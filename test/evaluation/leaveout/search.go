package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"

	"quell/test/evaluation/score"
)

// pagesBearable is how many pages a case may cost before each further one counts against a tuning.
const pagesBearable = 1.15

// draw returns the defaults and then n random variations of them: each number is scaled by a factor from 1/2 to 2, evenly on a
// log scale. What is a share, from 0 to 1, stays one, and whole numbers stay whole and above 0. T is a struct of numbers.
func draw[T any](dice *rand.Rand, defaults T, n int) []T {
	all := []T{defaults}
	for range n {
		t := defaults
		fields := reflect.ValueOf(&t).Elem()
		for i := range fields.NumField() {
			factor := math.Exp2(2*dice.Float64() - 1)
			switch f := fields.Field(i); {
			case f.CanFloat() && f.Float() <= 1:
				f.SetFloat(min(1, hundredths(f.Float()*factor)))
			case f.CanFloat():
				f.SetFloat(hundredths(f.Float() * factor))
			case f.CanInt():
				f.SetInt(max(1, int64(math.Round(float64(f.Int())*factor))))
			default:
				panic(fmt.Sprintf("leaveout: %s of %T is no number", fields.Type().Field(i).Name, t))
			}
		}
		all = append(all, t)
	}
	return all
}

// hundredths rounds: who reads the result wants no more digits than mean something.
func hundredths(x float64) float64 { return math.Round(x*100) / 100 }

// worth is what is searched for: the right root first counts 1 and among the first three half as much, as shares of the cases whose
// root alerts; each page a case above what is bearable costs a half.
func worth(t *score.Tally) float64 {
	alerting := float64(max(1, t.Alerting))
	pages := float64(t.Pages) / float64(max(1, t.Cases))
	return float64(t.Top1Alerting)/alerting + float64(t.Top3Alerting)/alerting/2 - max(0, pages-pagesBearable)/2
}

// best returns the trial with the highest mean worth over families, the earliest of equals: so the defaults win ties.
func best(trials []trial, families []string) *trial {
	mean := func(t *trial) float64 {
		sum := 0.0
		for _, f := range families {
			sum += worth(t.families[f])
		}
		return sum
	}
	first := &trials[0]
	for k := range trials {
		if mean(&trials[k]) > mean(first) {
			first = &trials[k]
		}
	}
	return first
}

// report prints, for each family, the defaults, what was tuned on the others, and what was tuned on itself.
func report(out io.Writer, trials []trial) {
	families := slices.Sorted(maps.Keys(trials[0].families))
	_, _ = fmt.Fprintf(out, "%d tunings; top1 and top3 of the cases whose root alerts, pages a case, worth\n\n", len(trials))
	for _, left := range families {
		others := slices.DeleteFunc(slices.Clone(families), func(f string) bool { return f == left })
		carried, own := best(trials, others), best(trials, []string{left})
		_, _ = fmt.Fprintf(out, "%s left out\n", left)
		for _, row := range []struct {
			name string
			t    *trial
		}{{"shipped defaults", &trials[0]}, {"tuned on the others", carried}, {"tuned on itself", own}} {
			s := row.t.families[left]
			_, _ = fmt.Fprintf(out, "  %-20s %.3f %.3f %5.2f %6.3f  %+v\n", row.name, share(s.Top1Alerting, s.Alerting), share(s.Top3Alerting, s.Alerting),
				share(s.Pages, s.Cases), worth(s), row.t.tuning)
		}
		_, _ = fmt.Fprintf(out, "  gap of what was tuned on the others %.3f, of the defaults %.3f\n\n",
			worth(own.families[left])-worth(carried.families[left]), worth(own.families[left])-worth(trials[0].families[left]))
	}
}

func share(part, whole int) float64 { return float64(part) / float64(max(1, whole)) }
