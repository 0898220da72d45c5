package notify

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"quell/routing"
)

// keyWorld is two receivers whose routing keys change, and which come and go, while incidents live. Services take what comes, or are down for a
// moment; they ignore the end of what is not open.
type keyWorld struct {
	t *testing.T
	d *Dispatcher

	mu   sync.Mutex // guards what follows: attempts and reports draw, too
	r    *rand.Rand
	cfg  Config
	open map[string]bool // "routing key, dedup key"
	// outbox and places are what is stored.
	outbox map[uint64]routing.Delivery
	places map[laneID]string
	next   uint64
	stop   func()
}

// TestWhateverIsOpenedIsEndedWhileKeysChange under random lives, reloads and restarts: nothing stays open but what [Dispatcher.Lost] told, no
// integration is kept for nothing, and every lane waits where it belongs.
func TestWhateverIsOpenedIsEndedWhileKeysChange(t *testing.T) {
	for _, seed := range simulationSeeds(t, 40) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newKeyWorld(t, seed).run() })
		})
	}
}

func newKeyWorld(t *testing.T, seed uint64) *keyWorld {
	w := &keyWorld{
		t: t, r: rand.New(rand.NewPCG(seed, 0)),
		open: make(map[string]bool), outbox: make(map[uint64]routing.Delivery), places: make(map[laneID]string),
	}
	w.draws()
	return w
}

func (w *keyWorld) n(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.IntN(n)
}

// draws makes another configuration: a is there always, b mostly.
func (w *keyWorld) draws() {
	w.cfg = Config{RatePerMinute: 6000, Workers: 2, MaxBackoff: 5 * time.Second}
	for _, name := range []string{"a", "b"} {
		if name == "a" || w.n(4) > 0 {
			w.cfg.Receivers = append(w.cfg.Receivers, Receiver{Name: name, PagerDuty: []PagerDutyConfig{{RoutingKey: Secret(fmt.Sprint(w.n(3)))}}})
		}
	}
}

// service is where a routing key leads to.
type service struct {
	w   *keyWorld
	key string
}

func (s service) Notify(_ context.Context, d *routing.Delivery, _ Sent) (string, error) {
	time.Sleep(time.Duration(s.w.n(3000)) * time.Millisecond)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.r.IntN(4) == 0 {
		return "", &RetryError{Reason: "connection", Unsent: true}
	}
	at := s.key + ", " + d.Key
	switch d.Action {
	case routing.Resolve:
		delete(s.w.open, at)
	case routing.Acknowledge:
	default:
		s.w.open[at] = true
	}
	return "", nil
}

func (w *keyWorld) result(_ context.Context, r Result) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.r.IntN(10) == 0 {
		return errDown
	}
	if r.Deferred {
		return nil
	}
	delete(w.outbox, r.Delivery.ID)
	w.places[laneID{r.Delivery.Key, r.Delivery.Target}] = r.Place
	return nil
}

// start is a process that takes up what is stored. The one before it had the configuration earlier.
func (w *keyWorld) start(earlier Config) {
	w.t.Helper()
	d, err := NewDispatcher(w.cfg, Options{Results: w.result, Integrations: Integrations{
		PagerDuty: func(c PagerDutyConfig, _ Environment) Notifier { return service{w, string(c.RoutingKey)} },
		Slack:     func(SlackConfig, Environment) Notifier { return service{w, ""} },
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := d.Recall(earlier); err != nil {
		w.t.Fatal(err)
	}
	for lane, place := range w.places {
		d.SetPlace(lane.key, lane.target, place)
	}
	d.Resume(slices.SortedFunc(maps.Values(w.outbox), func(x, y routing.Delivery) int { return int(x.ID) - int(y.ID) })...)
	for _, lost := range d.Lost() {
		maps.DeleteFunc(w.open, func(at string, _ bool) bool { return at[len("0, "):] == lost.Key })
		w.places[laneID{lost.Key, lost.Target}] = ""
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	w.d, w.stop = d, func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
	synctest.Wait()
}

// put hands a delivery over.
func (w *keyWorld) put(key, receiver string, action routing.Action, again bool) {
	w.mu.Lock()
	w.next++
	d := to(receiver, w.next, action, key)
	d.Again, d.Expires = again, d.Created.Add(24*time.Hour)
	if action == routing.Operator || key[0] == 'q' {
		d.Incident = nil
	}
	w.outbox[d.ID] = d
	w.mu.Unlock()
	w.d.Enqueue(d)
}

// run plays lives one beside another, with a change among them now and then.
func (w *keyWorld) run() {
	w.start(w.cfg)
	type life struct {
		key, receiver string
		rest          []routing.Action
		begun         bool
	}
	var lives []*life
	for k := range 30 {
		l := &life{key: fmt.Sprint("i", k), receiver: []string{"a", "b"}[w.n(2)]}
		l.rest = []routing.Action{routing.Trigger, routing.Update, routing.Trigger, routing.Acknowledge, routing.Update, routing.Resolve}
		if w.n(4) == 0 {
			l.key, l.rest = fmt.Sprint("q", k), []routing.Action{routing.Operator, routing.Operator, routing.Resolve}
		}
		lives = append(lives, l)
	}
	for len(lives) > 0 {
		l := lives[w.n(min(6, len(lives)))]
		w.put(l.key, l.receiver, l.rest[0], l.begun)
		l.rest, l.begun = l.rest[1:], true
		lives = slices.DeleteFunc(lives, func(l *life) bool { return len(l.rest) == 0 })
		w.passes(time.Duration(w.n(4000)) * time.Millisecond)
		switch w.n(12) {
		case 0, 1:
			w.draws()
			w.reload()
		case 2:
			w.passes(time.Minute) // nothing is under way whose arrival only the process that ends knows of
			w.stop()
			earlier := w.cfg
			if w.n(2) == 0 {
				w.draws()
			}
			w.start(earlier)
		}
	}
	w.passes(time.Hour)
	w.reload()
	if len(w.open) > 0 || len(w.outbox) > 0 || len(w.d.former) > 0 || len(w.d.places) > 0 {
		w.t.Errorf("open are %v, pending %v; %d earlier integrations are kept, and places %v", w.open, w.outbox, len(w.d.former), w.d.places)
	}
	w.stop()
}

func (w *keyWorld) reload() {
	if err := w.d.Reconfigure(w.cfg); err != nil {
		w.t.Fatal(err)
	}
	w.check()
}

func (w *keyWorld) passes(d time.Duration) {
	pass(d)
	w.check()
}

// check looks at where lanes wait.
func (w *keyWorld) check() {
	w.t.Helper()
	d := w.d
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := 0
	for in := range d.each() {
		for _, l := range in.ready.lanes {
			waiting++
			if l.in != in || d.lanes[l.id] != l {
				w.t.Errorf("%s of %v waits at %s, which it does not know", l.id.key, l.id.target, in.place)
			}
		}
	}
	for id, l := range d.lanes {
		switch ready, alarm := l.readyPos >= 0, l.alarmPos >= 0; {
		case ready != (l.in != nil), alarm && d.alarms.lanes[l.alarmPos] != l, ready && l.in.ready.lanes[l.readyPos] != l:
			w.t.Errorf("%s of %v does not wait where it thinks", id.key, id.target)
		case l.busy && (ready || alarm):
			w.t.Errorf("%s of %v is busy, and waits", id.key, id.target)
		case !l.busy && l.owed == 0 && !ready && !alarm:
			w.t.Errorf("%s of %v waits for nothing", id.key, id.target)
		case ready && d.through(l) != l.in:
			w.t.Errorf("%s of %v waits at %s, and belongs elsewhere", id.key, id.target, l.in.place)
		}
		if l.readyPos >= 0 {
			waiting--
		}
	}
	if waiting != 0 {
		w.t.Errorf("%d lanes more wait than there are", waiting)
	}
}
