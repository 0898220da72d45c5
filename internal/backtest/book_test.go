package backtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/honesty"
)

// TestHistoryHearsWhatAnIncidentBecomes lets random incidents begin anew, go on, and forget their oldest lives, as the engine does, and looks at
// them now and then: the book must know all that is still kept, though it takes over only what may be new.
func TestHistoryHearsWhatAnIncidentBecomes(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var list []honesty.Generation
		h, earlier, keeps := new(history), 0, 1+r.IntN(8)
		for number := 1; number < 40; {
			switch r.IntN(3) {
			case 0:
				if len(list) == keeps {
					list = slices.Delete(list, 0, 1)
					earlier++
				}
				list = append(list, honesty.Generation{Number: number, Opened: epoch.Add(time.Duration(number) * time.Hour)})
				h.cases = append(h.cases, &Case{Generation: number})
				number++
			case 1:
				if len(list) > 0 {
					last := &list[len(list)-1]
					last.Closed, last.End = last.Opened.Add(time.Duration(r.IntN(3000))*time.Second), honesty.Cleared
				}
			default:
				h.hear(list, earlier)
				if got := h.record; !slices.Equal(list, got.Generations) && len(list) > 0 || got.Earlier != earlier {
					t.Fatalf("seed %d: %d earlier, want %d, and generations differ (-want +got):\n%s", seed, got.Earlier, earlier, cmp.Diff(list, got.Generations))
				}
				for _, g := range list {
					if c := h.life(g.Number); c.Opened != g.Opened || c.Closed != g.Closed {
						t.Fatalf("seed %d: the case of generation %d is %s, want %s", seed, g.Number, fmt.Sprint(c.Opened, c.Closed), fmt.Sprint(g.Opened, g.Closed))
					}
				}
			}
		}
	}
}
