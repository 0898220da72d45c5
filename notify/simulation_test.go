package notify

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quell/correlate"
	"quell/routing"
)

var simulationSeed = flag.Uint64("seed", 0, "replay one simulation of TestSimulatedReceiversSeeOneOrderedLifePerKey")

func sortSlices[T any](less func(x, y T) bool) cmp.Option { return cmpopts.SortSlices(less) }

// Random lives of incidents over receivers that fail, lose answers, hang and reject: each delivery ends exactly once; a
// receiver sees every key's deliveries in order of their ids; and a trigger that it has seen is followed by its resolve.
// A seed replays the distribution of faults; which delivery meets which one depends on the scheduler too.
func TestSimulatedReceiversSeeOneOrderedLifePerKey(t *testing.T) {
	seeds := make([]uint64, 0, 20)
	for len(seeds) < cap(seeds) {
		seeds = append(seeds, rand.Uint64())
	}
	if *simulationSeed != 0 {
		seeds = []uint64{*simulationSeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func simulate(t *testing.T, r *rand.Rand) {
	cfg := Config{RatePerMinute: 120, Workers: 1 + r.IntN(6), MaxBackoff: 5 * time.Second}
	inBubble(t, cfg, "a b c", func(b *bench) {
		type seenKey struct{ receiver, key string }
		seen := make(map[seenKey][]routing.Delivery)
		var lock sync.Mutex // Guards r and seen: attempts, reports and this goroutine draw at once.
		draw := func(n int) int {
			lock.Lock()
			defer lock.Unlock()
			return r.IntN(n)
		}
		b.behave = func(ctx context.Context, d *routing.Delivery, _ Sent) (string, error) {
			dice := draw(10)
			lock.Lock()
			if dice >= 4 { // It arrives, though perhaps without an answer.
				k := seenKey{d.Target.Receiver, d.Key}
				seen[k] = append(seen[k], *d)
			}
			lock.Unlock()
			switch {
			case dice == 0:
				<-ctx.Done()
				return "", ctx.Err()
			case dice <= 2:
				return "", &RetryError{Reason: "connection", Unsent: true}
			case dice == 3:
				return "", &RetryError{Reason: "http_429", After: time.Duration(draw(20)) * time.Second, Unsent: true}
			case dice == 4:
				return "", errDown
			}
			return "ref", nil
		}
		b.store = func(int, Result) error {
			if draw(10) == 0 {
				return errDown
			}
			return nil
		}
		last := enqueueLives(b, draw)
		pass(2 * time.Hour)
		checkLives(t, b, last)
		for k, life := range seen {
			for i := 1; i < len(life); i++ {
				if life[i].ID < life[i-1].ID {
					t.Errorf("%v saw delivery %d after %d", k, life[i].ID, life[i-1].ID)
				}
			}
			if last := life[len(life)-1]; last.Action != routing.Resolve {
				t.Errorf("%v saw a %s last, want its resolve", k, last.Action)
			}
		}
	})
}

// enqueueLives enqueues the lives of thirty incidents for three receivers and returns the last delivery's id.
func enqueueLives(b *bench, draw func(int) int) uint64 {
	id := uint64(0)
	for key := range 30 {
		for _, action := range []routing.Action{routing.Trigger, routing.Update, routing.Update, routing.Acknowledge, routing.Update, routing.Resolve} {
			for _, receiver := range []string{"a", "b", "c"} {
				id++
				d := to(receiver, id, action, fmt.Sprint(key))
				d.Expires = d.Created.Add(24 * time.Hour)
				d.Incident = &correlate.Incident{Severity: correlate.Severity(key % 6)}
				b.Enqueue(d)
			}
			pass(time.Duration(draw(2000)) * time.Millisecond)
		}
	}
	return id
}

// checkLives wants each delivery up to the last one to have ended once, with success.
func checkLives(t *testing.T, b *bench, last uint64) {
	t.Helper()
	ends := make(map[uint64]int)
	for _, res := range b.results {
		ends[res.Delivery.ID]++
		if res.Err != nil {
			t.Errorf("delivery %d ended with %v, want success", res.Delivery.ID, res.Err)
		}
	}
	for i := uint64(1); i <= last; i++ {
		if ends[i] != 1 {
			t.Errorf("delivery %d ended %d times, want once", i, ends[i])
		}
	}
}
