package main

import (
	"fmt"
	"io"
	"time"

	"quell/correlate/heal"
	"quell/test/evaluation/document"
)

// trial is one choice of constants, and how much fewer unneeded pages it has on each stream, mean over the delays.
type trial struct {
	tuning     heal.Tuning
	conditions conditions
	fewer      []float64
}

func (t trial) String() string {
	return fmt.Sprintf("k=%g, half-life %dd, %s", t.tuning.Pseudo, t.tuning.HalfLife/(24*time.Hour), t.conditions.name)
}

// trials scores choices of constants around the shipped ones on every stream.
func trials(all []*study) []trial {
	var tried []trial
	for _, pseudo := range []float64{1, 2, 4, 8} {
		for _, days := range []time.Duration{7, 30, 90} {
			for _, c := range ladder[2:] {
				t := trial{tuning: heal.DefaultTuning(), conditions: c}
				t.tuning.Pseudo, t.tuning.HalfLife = pseudo, days*24*time.Hour
				for _, s := range all {
					t.fewer = append(t.fewer, s.meanFewer(playSurvival(s.alarms, s.headline.budget, t.tuning, c)))
				}
				tried = append(tried, t)
			}
		}
	}
	return tried
}

// meanFewer is how much fewer unneeded pages there are, mean over the delays of the study.
func (s *study) meanFewer(all []judged) float64 {
	total := 0.0
	for _, delay := range s.delays {
		base := unneededAt(fixedHold(all, []time.Duration{delay}), s.headline, delay)
		total += 1 - unneededAt(all, s.headline, delay)/max(base, 1)
	}
	return total / float64(len(s.delays))
}

// carrySection writes what constants that were chosen on the other streams come to on each.
func carrySection(out io.Writer, all []*study, tried []trial) {
	t := document.Table{{"scored on", "shipped constants", "best on the other stream", "best on itself", "worst of all tried"}}
	for k, s := range all {
		var shippedHere, others, itself, worst trial
		for n, c := range tried {
			if c.tuning == heal.DefaultTuning() && c.conditions == shipped {
				shippedHere = c
			}
			if n == 0 || c.elsewhere(k) > others.elsewhere(k) {
				others = c
			}
			if n == 0 || c.fewer[k] > itself.fewer[k] {
				itself = c
			}
			if n == 0 || c.fewer[k] < worst.fewer[k] {
				worst = c
			}
		}
		cell := func(c trial) string { return fmt.Sprintf("%+.0f %% (%s)", -100*c.fewer[k], c) }
		t = append(t, []string{s.set, cell(shippedHere), cell(others), cell(itself), cell(worst)})
	}
	_, _ = fmt.Fprintf(out, "#### Do the constants carry over?\n\n%d choices of constants, scored by how much fewer unneeded pages there are, mean over the delays above.\n\n", len(tried))
	t.Write(out)
}

// elsewhere is the mean over all streams but one.
func (t trial) elsewhere(but int) float64 {
	total := 0.0
	for k, f := range t.fewer {
		if k != but {
			total += f
		}
	}
	return total / float64(max(len(t.fewer)-1, 1))
}
