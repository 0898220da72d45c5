package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/test/evaluation/score"
)

func TestDrawBeginsWithTheDefaultsAndStaysAroundThem(t *testing.T) {
	type numbers struct {
		Share, Weight float64
		Least         int
		Grace         time.Duration
	}
	defaults := numbers{Share: 0.8, Weight: 3, Least: 1, Grace: time.Minute}
	all := draw(rand.New(rand.NewPCG(1, 0)), defaults, 200)
	if len(all) != 201 || all[0] != defaults {
		t.Fatalf("got %d tunings, the first %+v", len(all), all[0])
	}
	for _, n := range all {
		if n.Share < 0.4 || n.Share > 1 || n.Weight < 1.5 || n.Weight > 6 || n.Least < 1 || n.Least > 2 ||
			n.Grace < 30*time.Second || n.Grace > 2*time.Minute {
			t.Errorf("out of bounds: %+v", n)
		}
	}
	if diff := cmp.Diff(all, draw(rand.New(rand.NewPCG(1, 0)), defaults, 200)); diff != "" {
		t.Errorf("one seed, two draws\n%s", diff)
	}
}

func TestDrawKnowsEveryFieldOfTheTuning(t *testing.T) {
	if got := draw(rand.New(rand.NewPCG(1, 0)), correlate.DefaultTuning(), 1); got[0] == got[1] {
		t.Errorf("got %+v twice", got[0])
	}
}

func TestBestLooksOnlyAtItsFamiliesAndKeepsTheDefaultsOnTies(t *testing.T) {
	of := func(a, b int) trial {
		return trial{families: map[string]*score.Tally{"a": {Cases: 10, Alerting: 10, Top1Alerting: a}, "b": {Cases: 10, Alerting: 10, Top1Alerting: b}}}
	}
	trials := []trial{of(5, 5), of(9, 1), of(5, 9)}
	for want, families := range map[int][]string{1: {"a"}, 2: {"b"}} {
		if got := best(trials, families); got != &trials[want] {
			t.Errorf("%v: got %+v, want trial %d", families, got, want)
		}
	}
	if ties := []trial{of(5, 5), of(5, 5)}; best(ties, []string{"a", "b"}) != &ties[0] {
		t.Error("a tuning that is no better than the defaults won")
	}
}

func TestPagesCostWhatIsAboveTheBearable(t *testing.T) {
	few, many := &score.Tally{Cases: 10, Pages: 10, Alerting: 10, Top1Alerting: 10}, &score.Tally{Cases: 10, Pages: 31, Alerting: 10, Top1Alerting: 10}
	if got := worth(few); got != 1 {
		t.Errorf("got %v, want 1", got)
	}
	if got := worth(many); got >= 0.03 || got <= 0.02 {
		t.Errorf("got %v, want 1 - (3.1 - 1.15) / 2", got)
	}
}
