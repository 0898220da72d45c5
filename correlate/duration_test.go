package correlate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// Reasons have durations as Prometheus' own type writes them.
func TestDurationsAreWrittenAsPrometheusDoes(t *testing.T) {
	check := func(d time.Duration) {
		t.Helper()
		want := model.Duration(d.Round(time.Second)).String()
		if d < time.Minute {
			want = d.Round(time.Second / 10).String()
		}
		if got := round(d); got != want {
			t.Errorf("%d ns: got %s, want %s", d, got, want)
		}
	}
	for _, d := range []time.Duration{
		-time.Hour, -1, 0, 1, 1499 * time.Millisecond, time.Minute - 1, time.Minute, 90 * time.Second, time.Hour, 90 * time.Minute, 24 * time.Hour,
		7 * 24 * time.Hour, 8 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour, 366 * 24 * time.Hour, 730 * 24 * time.Hour,
	} {
		check(d)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for range 10_000 {
		check(time.Duration(rng.Int64N(1<<62) >> rng.IntN(50)))
	}
}
