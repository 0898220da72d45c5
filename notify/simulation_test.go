package notify

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quell/correlate"
	"quell/internal/fake/dice"
	"quell/routing"
)

var simulationSeed = flag.Uint64("seed", 0, "replay one simulation of TestSimulatedReceiversSeeOneOrderedLifePerKey")

func sortSlices[T any](less func(x, y T) bool) cmp.Option { return cmpopts.SortSlices(less) }

// Random lives of incidents over receivers that have outages of every kind, while the dispatcher is killed and started again on what
// its outbox holds. In the end every delivery has ended exactly once: what was accepted had arrived, what was withdrawn had not, what was
// superseded had a successor, and what was given up had been refused. A receiver saw each key in order of ids, with one message
// for it however often an answer or a process was lost, and the resolve last. Breakers went through legal transitions only.
// A seed replays the distribution of faults; which delivery meets which one depends on the scheduler too.
func TestSimulatedReceiversSeeOneOrderedLifePerKey(t *testing.T) {
	for _, seed := range simulationSeeds(t, 40) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newOutageWorld(t, seed).run() })
		})
	}
}

// simulationSeeds are as many seeds as asked for, or the one that the command line names.
func simulationSeeds(t *testing.T, n int) (seeds []uint64) {
	r := dice.New(t)
	if *simulationSeed != 0 {
		return []uint64{*simulationSeed}
	}
	for range n {
		seeds = append(seeds, r.Uint64())
	}
	return seeds
}

// outageWorld is a store, and receivers that fail by schedule.
type outageWorld struct {
	t   *testing.T
	cfg Config

	mu     sync.Mutex // guards what follows: attempts, reports and the story draw at once
	r      *rand.Rand
	outbox map[uint64]routing.Delivery
	refs   map[laneID]string
	all    map[uint64]routing.Delivery
	ends   map[uint64]Result
	places map[string]*place
	// deferred are the pages that this process told to wait.
	deferred map[uint64]bool

	dispatcher *Dispatcher
	breakers   map[routing.Target]BreakerState
	stop       func()
}

// place is a receiver. Its messages are what a channel shows: nobody deduplicates there.
type place struct {
	mood     mood
	until    time.Time
	seen     map[string][]routing.Delivery // by key, in order of arrival
	messages map[string]int
	rejected map[uint64]bool
}

// mood is how a receiver answers for some time.
type mood int

const (
	well mood = iota
	down
	hanging
	limiting
	losing // takes what comes, and its answers are lost
	flaky
	moods
)

func newOutageWorld(t *testing.T, seed uint64) *outageWorld {
	r := rand.New(rand.NewPCG(seed, 0))
	w := &outageWorld{
		t: t, r: r, outbox: make(map[uint64]routing.Delivery), refs: make(map[laneID]string), all: make(map[uint64]routing.Delivery),
		ends: make(map[uint64]Result), places: make(map[string]*place),
		cfg: Config{RatePerMinute: 120, Workers: 1 + r.IntN(6), MaxBackoff: 20 * time.Second, Receivers: receiversOf("a b c")},
	}
	for _, name := range []string{"a", "b", "c"} {
		w.places[name] = &place{seen: make(map[string][]routing.Delivery), messages: make(map[string]int), rejected: make(map[uint64]bool)}
	}
	return w
}

func (w *outageWorld) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.IntN(n)
}

// run plays the lives of thirty incidents, then lets all be well and looks at what came of it.
func (w *outageWorld) run() {
	w.start()
	id := uint64(0)
	for key := range 30 {
		for _, action := range []routing.Action{routing.Trigger, routing.Update, routing.Trigger, routing.Update, routing.Acknowledge, routing.Update, routing.Resolve} {
			for _, receiver := range []string{"a", "b", "c"} {
				id++
				d := to(receiver, id, action, fmt.Sprint(key))
				d.Expires = d.Created.Add(24 * time.Hour)
				d.Incident = &correlate.Incident{Severity: correlate.Severity(key % 6)}
				d.Again = action == routing.Trigger && w.all[id-3].Action == routing.Update
				w.put(d)
			}
			w.pass(time.Duration(w.draw(8000)) * time.Millisecond)
		}
		if w.draw(6) == 0 {
			w.stop()
			w.start()
		}
	}
	w.mu.Lock()
	for _, p := range w.places {
		p.mood, p.until = well, time.Now().Add(24*time.Hour)
	}
	w.mu.Unlock()
	w.pass(time.Hour)
	w.stop()
	w.check()
}

// put commits a delivery.
func (w *outageWorld) put(d routing.Delivery) {
	w.mu.Lock()
	w.outbox[d.ID], w.all[d.ID] = d, d
	w.mu.Unlock()
	w.dispatcher.Enqueue(d)
}

// start is a process that takes up what the store holds.
func (w *outageWorld) start() {
	w.t.Helper()
	notifier := func(PagerDutyConfig, Environment) Notifier { return w }
	d, err := NewDispatcher(w.cfg, Options{
		Results: w.result, Integrations: Integrations{PagerDuty: notifier, Slack: func(SlackConfig, Environment) Notifier { return w }},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	for lane, ref := range w.refs {
		d.SetRef(lane.key, lane.target, ref)
	}
	rows := slices.SortedFunc(maps.Values(w.outbox), func(x, y routing.Delivery) int { return int(x.ID) - int(y.ID) })
	w.deferred, w.breakers = make(map[uint64]bool), make(map[routing.Target]BreakerState)
	w.mu.Unlock()
	d.Resume(rows...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	w.dispatcher, w.stop = d, func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
	synctest.Wait()
}

// pass lets time go by and watches the breakers.
func (w *outageWorld) pass(d time.Duration) {
	for ; d > 0; d -= time.Second {
		pass(min(d, time.Second))
		for _, s := range w.dispatcher.Status() {
			old, known := w.breakers[s.Target]
			if !known {
				old = BreakerClosed
			}
			if old == BreakerClosed && s.Breaker == BreakerHalfOpen {
				w.t.Errorf("the breaker of %s went from closed to half-open", s.Target)
			}
			if (s.Breaker == BreakerClosed) != (s.OpenSince == nil) {
				w.t.Errorf("%s is %s since %v", s.Target, s.Breaker, s.OpenSince)
			}
			w.breakers[s.Target] = s.Breaker
		}
	}
}

// Notify is a receiver without dedup keys that keeps what it is sent.
func (w *outageWorld) Notify(ctx context.Context, d *routing.Delivery, prev Sent) (string, error) {
	w.mu.Lock()
	p := w.places[d.Target.Receiver]
	if now := time.Now(); now.After(p.until) {
		p.mood, p.until = mood(w.r.IntN(int(moods))), now.Add(time.Duration(w.r.IntN(180))*time.Second)
		if w.r.IntN(2) == 0 {
			p.mood = well
		}
	}
	m, dice := p.mood, w.r.IntN(10)
	if m == flaky {
		m = mood(dice % int(flaky))
	}
	if m == well && d.Action == routing.Update && dice == 0 {
		p.rejected[d.ID] = true
		w.mu.Unlock()
		return "", &RejectedError{Reason: "http_400", Text: "this one never"}
	}
	if m == well || m == losing {
		p.takes(d, prev)
	}
	w.mu.Unlock()
	switch m {
	case down:
		return "", &RetryError{Reason: "connection", Unsent: true}
	case hanging:
		<-ctx.Done()
		return "", ctx.Err()
	case limiting:
		return "", &RetryError{Reason: "http_429", After: time.Duration(1+dice) * time.Second, Unsent: true}
	case losing:
		return "", errDown
	}
	return "ref", nil
}

// takes shows a delivery: a new message, unless one is known, or may be there and is.
func (p *place) takes(d *routing.Delivery, prev Sent) {
	p.seen[d.Key] = append(p.seen[d.Key], *d)
	known := prev.Ref != "" || (prev.Maybe || d.Action != routing.Trigger) && p.messages[d.Key] > 0
	if !known {
		p.messages[d.Key]++
	}
}

// result makes an end durable, unless the store is busy.
func (w *outageWorld) result(_ context.Context, r Result) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.r.IntN(10) == 0 {
		return errDown
	}
	id := r.Delivery.ID
	if r.Deferred {
		if opens := r.Delivery.Action == routing.Trigger; w.deferred[id] || !opens || r.Err == nil {
			w.t.Errorf("%s %d was told to wait again, or for nothing: %v", r.Delivery.Action, id, r.Err)
		}
		w.deferred[id] = true
		return nil
	}
	if _, pending := w.outbox[id]; !pending {
		w.t.Errorf("delivery %d ended twice", id)
	}
	delete(w.outbox, id)
	w.ends[id] = r
	if r.Ref != "" {
		w.refs[laneID{r.Delivery.Key, r.Delivery.Target}] = r.Ref
	}
	return nil
}

// check compares ends with what receivers saw.
func (w *outageWorld) check() {
	w.t.Helper()
	for id, d := range w.all {
		r, ended := w.ends[id]
		if !ended {
			w.t.Errorf("%s %d of %s never ended", d.Action, id, d.Key)
			continue
		}
		p := w.places[d.Target.Receiver]
		arrived := slices.ContainsFunc(p.seen[d.Key], func(s routing.Delivery) bool { return s.ID == id })
		switch {
		case r.Err != nil:
			if _, ok := errors.AsType[*RejectedError](r.Err); !ok || !p.rejected[id] {
				w.t.Errorf("%d was given up: %v; it was refused: %t", id, r.Err, p.rejected[id])
			}
		case r.Withdrawn && arrived:
			w.t.Errorf("%s %d arrived and was withdrawn", d.Action, id)
		case r.Superseded && !w.succeeded(&d):
			w.t.Errorf("%s %d was superseded (%s) by nothing", d.Action, id, r.Why)
		case !r.Withdrawn && !r.Superseded && !arrived:
			w.t.Errorf("%s %d was accepted and did not arrive", d.Action, id)
		}
	}
	for name, p := range w.places {
		for key, life := range p.seen {
			for i := 1; i < len(life); i++ {
				if life[i].ID < life[i-1].ID {
					w.t.Errorf("%s saw delivery %d of %s after %d", name, life[i].ID, key, life[i-1].ID)
				}
			}
			if last := life[len(life)-1]; last.Action != routing.Resolve {
				w.t.Errorf("%s saw a %s of %s last, want its resolve", name, last.Action, key)
			}
			if p.messages[key] != 1 {
				w.t.Errorf("%s shows %d messages of %s, want one", name, p.messages[key], key)
			}
		}
	}
}

// succeeded reports whether a later delivery of the lane says what a superseded one would have said.
func (w *outageWorld) succeeded(d *routing.Delivery) bool {
	says := "update resolve"
	if d.Action == routing.Trigger {
		says = "trigger resolve"
	}
	for id, other := range w.all {
		if id > d.ID && other.Key == d.Key && other.Target == d.Target && strings.Contains(says, string(other.Action)) {
			return true
		}
	}
	return false
}
