package honesty

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One in ten runs is asked about, whatever its number looks like, and always the same ones.
func TestChancePicksOneInTen(t *testing.T) {
	for generation := 1; generation <= 3; generation++ {
		picked := 0
		for n := range 20_000 {
			if sampled(fmt.Sprintf("inc-%d", n), generation) {
				picked++
			}
		}
		if picked < 1800 || picked > 2200 {
			t.Errorf("generation %d: %d of 20000", generation, picked)
		}
	}
}

// Only what was asked and answered counts for the estimate; what was said unasked is a false suppression all the same.
func TestReviewCountsAnswersThatWereAskedFor(t *testing.T) {
	records, asked := make([]Record, 200), []int(nil)
	for k := range records {
		records[k] = Record{ID: fmt.Sprintf("inc-%d", k+1), Generations: []Generation{{Number: 1, Opened: at(0), End: Cleared, Closed: at(5), BackUntil: at(35)}}}
		if sampled(records[k].ID, 1) {
			asked = append(asked, k)
		} else if k < 50 {
			records[k].Generations[0].ShouldHavePaged = &yes
		}
	}
	records[asked[0]].Generations[0].ShouldHavePaged = &yes
	for _, k := range asked[1:4] {
		records[k].Generations[0].ShouldHavePaged = &no
	}
	f := Count(records, Period{At: at(100)})
	want := Review{Asked: len(asked), Answered: 4, False: 1, Rate: Wilson(1, 4)}
	for k := len(asked) - 1; k >= len(asked)-reviewShown; k-- {
		want.Open = append(want.Open, records[asked[k]].ID)
	}
	if d := cmp.Diff(want, f.Review); d != "" {
		t.Errorf("review (-want +got):\n%s", d)
	}
	if f.Suppression.Marked < 40 {
		t.Errorf("what was said unasked is forgotten: %+v", f.Suppression)
	}
	if early := Count(records, Period{At: at(10)}).Review; early.Asked != 4 {
		t.Errorf("of what may still come back only the four that were judged count, got %+v", early)
	}
}
