package correlate

import "testing"

// TestStrengthOfAnEventFadesOnceItIsOver ranks an incident five minutes after an event in it was over, while an alert goes on.
func TestStrengthOfAnEventFadesOnceItIsOver(t *testing.T) {
	x := explain(t, played(t, `0s edge service/web calls service/db
0s event BackOff service/db warning
1s fire Slow service/web severity=critical
2m event Ready service/db
20m tick
`), 1)
	got := make(map[string]float64)
	for _, s := range x.Symptoms {
		got[s.Name] = s.Strength.Event
	}
	if want := DefaultTuning().EventStrength / 2; got["BackOff"] != want || got["Slow"] != 1 {
		t.Errorf("got %v of %+v, want %v for BackOff, 1 for Slow", got, x.Symptoms, want)
	}
}
