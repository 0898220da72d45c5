package heal

import (
	"slices"
	"testing"
	"time"
)

func sameLevel(a, b Level) bool {
	for bin := range binCount {
		if start, end := binStart(bin), binStart(bin+1); a.At(start) != b.At(start) || a.Fates(start, end) != b.Fates(start, end) {
			return false
		}
	}
	return a.Class == b.Class && a.Cases == b.Cases && a.like == b.like
}

// TestFatesLeaveOutWhatWasLostSightOf compares them with counting by hand.
func TestFatesLeaveOutWhatWasLostSightOf(t *testing.T) {
	m, now := NewModel(DefaultTuning()), time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	p := Path{Kind: "pod", Alert: "Down"}
	for _, s := range []Spell{
		{To: time.Minute, Healed: true}, {To: 8 * time.Minute, Healed: true}, // healed within the quarter of an hour
		{To: time.Hour}, {To: time.Hour, Healed: true}, // outlasted it
		{To: 2 * time.Minute}, {To: 2 * time.Minute}, // put right by somebody
	} {
		m.Observe(now, p, s)
	}
	var e Estimate // is used again
	for _, c := range []struct {
		of   Path
		want int
	}{{p, 3}, {p.With("storm", "yes"), 3}, {Path{Kind: "pod", Alert: "Down", Workload: "deployment/a"}, 3}, {Path{Kind: "pod", Alert: "Up"}, 2}, {Path{Kind: "node"}, 1}} {
		m.EstimateKnown(&e, now, c.of)
		if got := len(e.Levels()); got != c.want {
			t.Errorf("known levels of %s: got %d, want %d", c.of, got, c.want)
		}
		if all := m.Estimate(now, c.of); e.alive != all.alive || !slices.EqualFunc(e.levels, all.levels[:c.want], sameLevel) {
			t.Errorf("%s: what is known of it differs from all of it", c.of)
		}
	}
	l := m.Estimate(now, p).Levels()[2]
	for _, c := range []struct {
		age, by time.Duration
		want    float64
	}{
		{0, 15 * time.Minute, 4}, {4 * time.Minute, 15 * time.Minute, 3}, {0, 30 * time.Second, 6}, {0, 5 * time.Hour, 3}, {6 * time.Hour, 8 * time.Hour, 0},
	} {
		if got := l.Fates(c.age, c.by); got != c.want {
			t.Errorf("from %s by %s: got %v, want %v", c.age, c.by, got, c.want)
		}
	}
}
