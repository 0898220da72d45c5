package backtest

import (
	"strings"
	"testing"
	"time"

	"quell/internal/journal"
	"quell/storage/mem"
)

// A journal in which nothing was ever told is an error that says so, and no difference of nothing from nothing.
func TestAnEmptyJournalIsTold(t *testing.T) {
	j, err := journal.OpenStore(mem.New("empty"), "empty.db")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), Options{Journal: j, New: &Setup{Name: "new.yml", Policy: policyFor(t, 5*time.Minute)}})
	if err == nil || !strings.Contains(err.Error(), "empty.db holds no records") {
		t.Errorf("got %v", err)
	}
}

// A period that is longer than the journal is all of it, and one that holds nothing gives no differences: both are told or plain to see.
func TestSinceBeyondTheJournalIsAllOfIt(t *testing.T) {
	w := newTown(t, policyFor(t, 5*time.Minute), 4)
	w.play(40)
	whole, err := Run(t.Context(), Options{Journal: w.journal(), New: &Setup{Name: "new.yml", Policy: policyFor(t, 12*time.Minute)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, since := range []time.Duration{1000 * 24 * time.Hour, time.Nanosecond} {
		r, err := Run(t.Context(), Options{Journal: w.journal(), Since: since, New: &Setup{Name: "new.yml", Policy: policyFor(t, 12*time.Minute)}})
		if err != nil {
			t.Fatal(err)
		}
		isTold := len(r.Caveats) == 1 && strings.Contains(r.Caveats[0], "The journal does not reach back")
		if since > time.Hour && (!isTold || !r.Since.Equal(r.Begin) || len(r.Differences) != len(whole.Differences) || len(whole.Differences) == 0) {
			t.Errorf("since %s: %d differences of %d, from %s on, %q", since, len(r.Differences), len(whole.Differences), r.Since, r.Caveats)
		}
		if since < time.Hour && (len(r.Differences) > 0 || len(r.Caveats) > 0) {
			t.Errorf("since %s: %d differences, %q", since, len(r.Differences), r.Caveats)
		}
	}
}
