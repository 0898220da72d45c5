package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
	"quell/storage"
	"quell/storage/mem"
	"quell/web"
)

// faultyStore is a store in memory whose commits can be made to fail or to take long.
type faultyStore struct {
	*mem.DB
	mu      sync.Mutex
	fail    error
	slow    time.Duration
	commits int
}

func (s *faultyStore) Commit(b *storage.Batch) error {
	s.mu.Lock()
	fail, slow := s.fail, s.slow
	s.commits++
	s.mu.Unlock()
	if slow > 0 {
		<-time.After(slow)
	}
	if fail != nil {
		return fail
	}
	return s.DB.Commit(b)
}

func (s *faultyStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

func (s *faultyStore) set(fail error) {
	s.mu.Lock()
	s.fail = fail
	s.mu.Unlock()
}

// recorder is a dispatcher that remembers what it was given.
type recorder struct {
	mu   sync.Mutex
	sent []routing.Delivery
	lost []notify.Begun
}

// lostPlace is a place that no integration of a recorder leads to.
const lostPlace = "lost"

func (r *recorder) Enqueue(ds ...routing.Delivery) {
	r.mu.Lock()
	r.sent = append(r.sent, ds...)
	r.mu.Unlock()
}
func (r *recorder) Resume(ds ...routing.Delivery)         { r.Enqueue(ds...) }
func (r *recorder) Forget(string)                         {}
func (r *recorder) SetRef(string, routing.Target, string) {}

func (r *recorder) SetPlace(key string, t routing.Target, place string) {
	if place == lostPlace {
		r.lost = append(r.lost, notify.Begun{Key: key, Target: t})
	}
}
func (r *recorder) Lost() []notify.Begun { return r.lost }
func (r *recorder) take() []routing.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.sent
	r.sent = nil
	return list
}

// words shows deliveries as "trigger quell/test/inc-1/1".
func words(ds []routing.Delivery) (out []string) {
	for _, d := range ds {
		out = append(out, string(d.Action)+" "+d.Key)
	}
	return out
}

// bench is a loop with fakes around it, inside a synctest bubble.
type bench struct {
	t     *testing.T
	store *faultyStore
	rec   *recorder
	loop  *loop
	conf  *config.Config
	stop  func() error
}

const loopConfig = `
hold: {default: 5m, settle: 1m, restart_grace: 2m}
route: {receiver: oncall}
receivers: [{name: oncall, pagerduty_configs: [{routing_key_file: key}]}]
`

// inBubble runs fn with a loop on a store in memory, under a clock that stands still until all is quiet.
func inBubble(t *testing.T, fn func(b *bench)) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "key", "secret")
	c, err := config.Parse("quell.yml", []byte(loopConfig), dir)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: &faultyStore{DB: mem.New("test")}, rec: &recorder{}, conf: c}
		b.start(compile)
		fn(b)
		if err := b.stop(); err != nil {
			t.Errorf("the loop ended with %v", err)
		}
	})
}

// start makes a loop on what the store holds, as a process that starts does, and runs it.
func (b *bench) start(compile correlate.Compiler) {
	b.t.Helper()
	log := slog.New(slog.DiscardHandler)
	m := newMetrics(prometheus.NewRegistry())
	set := newSetup(b.conf, "test", time.Now())
	engine, err := loadEngine(b.store, compile)
	if err != nil {
		b.t.Fatal(err)
	}
	seq, at := b.store.Last()
	l := &loop{
		store: b.store, send: b.rec, log: log, metrics: m, compile: compile, engine: engine,
		clock: newClock(time.Now, at), seq: seq, current: func() *setup { return set },
		queue: make(chan *request, 1000), stopped: make(chan struct{}),
	}
	l.safe = &safeMode{
		log: log, metrics: m, send: b.rec, now: time.Now, current: func() *setup { return set },
		reasons: make(map[string]error), sent: make(map[model.Fingerprint]time.Time),
	}
	if err := l.restore(b.rec); err != nil {
		b.t.Fatal(err)
	}
	if err := l.begin(b.conf); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.run(ctx) }()
	b.loop = l
	b.stop = sync.OnceValue(func() error { cancel(); return <-done })
	stop := b.stop
	b.t.Cleanup(func() { _ = stop() }) // else a bubble whose test gave up would let time pass for ever
}

func (b *bench) post(inputs ...correlate.Input) error {
	return submitter{&App{loop: b.loop, safe: b.loop.safe}}.Submit(context.Background(), inputs)
}

func (b *bench) mustPost(inputs ...correlate.Input) {
	b.t.Helper()
	if err := b.post(inputs...); err != nil {
		b.t.Fatal(err)
	}
}

// rest lets time pass until d is over and all is quiet.
func (b *bench) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func firing(name, entity string, pairs ...string) *correlate.Alert {
	a := &correlate.Alert{
		Labels:   correlate.LabelsOf(append([]string{"alertname", name, "quell_entity", entity, "severity", "critical"}, pairs...)...),
		StartsAt: time.Now(), Source: "prometheus/test",
	}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

func ended(a *correlate.Alert) *correlate.Alert {
	b := *a
	b.EndsAt = time.Now()
	return &b
}

func TestLoopPagesAtDeadlineAndResolvesWhenWell(t *testing.T) {
	inBubble(t, func(b *bench) {
		a := firing("Down", "service/db")
		b.mustPost(a)
		b.rest(5*time.Minute - time.Second)
		if got := words(b.rec.take()); got != nil {
			t.Errorf("before the deadline: got %v, want nothing", got)
		}
		b.rest(2 * time.Second)
		if diff := cmp.Diff([]string{"trigger quell/test/inc-1/1"}, words(b.rec.take())); diff != "" {
			t.Errorf("at the deadline (-want +got):\n%s", diff)
		}
		b.mustPost(ended(a))
		b.rest(time.Minute + time.Second)
		if diff := cmp.Diff([]string{"resolve quell/test/inc-1/1"}, words(b.rec.take())); diff != "" {
			t.Errorf("after recovery (-want +got):\n%s", diff)
		}
		if v, err := b.store.Get(storage.Incidents, []byte(historyKey(1))); v == nil || err != nil {
			t.Errorf("no history of the incident: %q, %v", v, err)
		}
	})
}

// TestIncidentsAreExplainedFromTheEngineAndThenFromHistory asks while an incident is open, while it can be reopened, and after.
func TestIncidentsAreExplainedFromTheEngineAndThenFromHistory(t *testing.T) {
	inBubble(t, func(b *bench) {
		why := backend{&App{loop: b.loop, store: b.store}}
		a := firing("Down", "service/db")
		b.mustPost(a)
		b.rest(time.Second)
		x, err := why.Why(context.Background(), 1, 10)
		if err != nil || !x.Live || x.Root.Entity != "service/db" || len(x.Symptoms) != 1 {
			t.Errorf("open: got %+v, %v", x, err)
		}
		b.mustPost(ended(a))
		b.rest(5 * time.Minute)
		if x, err = why.Why(context.Background(), 1, 10); err != nil || !x.Live || x.Incident.Closed == nil {
			t.Errorf("closed: got %+v, %v", x, err)
		}
		b.rest(2 * time.Hour)
		if x, err = why.Why(context.Background(), 1, 10); err != nil || x.Live || x.Root.Entity != "service/db" || len(x.Incident.Symptoms) != 1 {
			t.Errorf("forgotten: got %+v, %v", x, err)
		}
		if _, err = why.Why(context.Background(), 2, 10); !errors.Is(err, web.ErrNotFound) {
			t.Errorf("never there: got %v", err)
		}
	})
}

// TestRequestsDuringACommitShareTheNext holds one commit up while more arrive: they make one batch, one record, one commit.
func TestRequestsDuringACommitShareTheNext(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.store.slow = time.Second
		before, _ := b.store.Last()
		commits := b.store.count()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if i > 0 {
					time.Sleep(time.Duration(i) * time.Millisecond) // the first is being committed
				}
				b.mustPost(firing("Down", fmt.Sprintf("service/s-%d", i)))
			})
		}
		wg.Wait()
		after, _ := b.store.Last()
		if n := b.store.count() - commits; n != 2 || after-before != 2 {
			t.Errorf("20 requests took %d commits and %d records, want 2 and 2", n, after-before)
		}
	})
}

// TestUnchangedAlertCostsNoWrite re-sends an alert every minute for longer than its time-out: no commit of its own, and it is not lost.
func TestUnchangedAlertCostsNoWrite(t *testing.T) {
	inBubble(t, func(b *bench) {
		a := firing("Info", "service/db", "severity", "info")
		a.Expires = time.Now().Add(4 * time.Minute)
		b.mustPost(a)
		commits := b.store.count()
		for range 3 {
			b.rest(time.Minute)
			again := *a
			again.Expires = time.Now().Add(4 * time.Minute)
			b.mustPost(&again)
		}
		if n := b.store.count() - commits; n != 0 {
			t.Errorf("three re-sent alerts took %d commits", n)
		}
		b.rest(2 * time.Minute) // the first time-out is over
		err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
			if _, n := e.Unexplained(10); n != 1 { // information belongs to no incident
				return fmt.Errorf("%d alerts fire, want 1", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestFullStoreRefusesButPages: nothing is accepted that is not stored, critical alerts of refused bodies are paged, what is
// due goes out, and all is well again without a restart once there is space (case 5).
func TestFullStoreRefusesButPages(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"))
		b.store.set(fmt.Errorf("commit: %w", storage.ErrFull))
		if err := b.post(firing("Other", "service/web")); !errors.Is(err, errDegraded) {
			t.Fatalf("a full store answers %v, want errDegraded", err)
		}
		if err := b.post(firing("Third", "service/api")); !errors.Is(err, errDegraded) {
			t.Fatalf("a full store answers %v, want errDegraded", err)
		}
		b.rest(time.Second)
		got := strings.Join(words(b.rec.take()), "\n")
		for _, want := range []string{"operator quell/test/operator/safe-mode/store", "operator quell/safe/"} {
			if !strings.Contains(got, want) {
				t.Errorf("deliveries in safe mode lack %q:\n%s", want, got)
			}
		}
		if len(b.loop.safe.active()) == 0 {
			t.Error("quell calls itself ready while it stores nothing")
		}
		b.rest(5 * time.Minute)
		if got := words(b.rec.take()); !strings.Contains(strings.Join(got, " "), "trigger quell/test/inc-1/1") {
			t.Errorf("the hold ended while the store was full: got %v, want a page", got)
		}
		b.store.set(nil)
		b.rest(3 * time.Second)
		if reasons := b.loop.safe.active(); len(reasons) > 0 {
			t.Errorf("still degraded with space: %v", reasons)
		}
		b.mustPost(firing("Fourth", "service/new"))
		b.checkReplay()
	})
}

// TestUnknownCommitEndsTheLoop: after a failed fsync nobody knows what is on disk (case 4).
func TestUnknownCommitEndsTheLoop(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.store.set(fmt.Errorf("fsync: %w", storage.ErrUnknown))
		if err := b.post(firing("Down", "service/db")); err == nil {
			t.Error("what was not stored was accepted")
		}
		if err := b.stop(); !errors.Is(err, storage.ErrUnknown) {
			t.Errorf("the loop ended with %v, want ErrUnknown", err)
		}
		b.stop = func() error { return nil }
	})
}

// checkReplay steps an empty engine through the journal and compares its state with what is stored (I6).
func (b *bench) checkReplay() {
	b.t.Helper()
	e, err := correlate.New(compile, correlate.Policy{})
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.store.Journal(1, func(r storage.Record) error {
		inputs, err := correlate.ParseRecord(r.Data)
		if err == nil {
			e.Step(r.At, inputs)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	e.Rows(func(k, v []byte) { want[string(k)] = string(v) })
	if err := b.store.Scan(storage.State, nil, nil, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		b.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("stored state is not what the journal gives (-journal +stored):\n%s", diff)
	}
}

// TestRestartContinues stops in the middle of a hold, starts again on the same store, and pages once, with the same key.
func TestRestartContinues(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"), &correlate.Topology{Source: "api", Update: topology.Update{
			Edges: []topology.Edge{{From: "service/web", To: "service/db", Type: "calls"}},
		}})
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.rest(time.Minute)
		b.start(compile)
		b.mustPost(firing("Slow", "service/web"))
		b.rest(6 * time.Minute)
		if diff := cmp.Diff([]string{"trigger quell/test/inc-1/1"}, words(b.rec.take())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		b.checkReplay()
		// The page was not confirmed: a third process delivers it again, under the same key.
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.start(compile)
		if diff := cmp.Diff([]string{"trigger quell/test/inc-1/1"}, words(b.rec.take())); diff != "" {
			t.Errorf("after another restart (-want +got):\n%s", diff)
		}
	})
}

// TestLongDowntimeGivesGrace: nothing pages at once after eight hours; what recovered never does (case 38).
func TestLongDowntimeGivesGrace(t *testing.T) {
	inBubble(t, func(b *bench) {
		a, c := firing("Down", "service/a"), firing("Down", "service/c")
		b.mustPost(a, c)
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.rest(8 * time.Hour)
		b.start(compile)
		b.rest(time.Minute)
		b.mustPost(ended(a))
		if got := words(b.rec.take()); got != nil {
			t.Errorf("within the grace period: got %v", got)
		}
		b.rest(5 * time.Minute)
		if diff := cmp.Diff([]string{"trigger quell/test/inc-2/1"}, words(b.rec.take())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestResultLeavesTheOutbox: an accepted page leaves the outbox; a rejected one is told to the operators.
func TestResultLeavesTheOutbox(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"))
		b.rest(6 * time.Minute)
		page := b.rec.take()[0]
		if err := b.loop.delivered(context.Background(), notify.Result{Delivery: page, Ref: "r1"}); err != nil {
			t.Fatal(err)
		}
		outbox, err := readOutbox(b.store, 0, 0)
		if err != nil || len(outbox) != 0 {
			t.Errorf("outbox holds %d deliveries (%v) after all were accepted", len(outbox), err)
		}
		var inc *correlate.Incident
		err = b.loop.look(context.Background(), func(e *correlate.Engine) error { inc, _ = e.Incident(1, 0); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if last := inc.Timeline[len(inc.Timeline)-1]; !strings.Contains(last.Reason, "accepted by oncall") {
			t.Errorf("timeline ends with %q, want the accepted page", last.Reason)
		}
	})
}

// TestPanicOfTheEngineCostsOneInput: the input that panics goes into quarantine and is paged as it is; others are not harmed.
func TestPanicOfTheEngineCostsOneInput(t *testing.T) {
	inBubble(t, func(b *bench) {
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.start(func(p *correlate.Policy) (correlate.Rules, error) {
			r, err := compile(p)
			return poisoned{r}, err
		})
		b.mustPost(firing("Down", "service/db"))
		b.mustPost(firing("Poison", "service/web"))
		b.mustPost(firing("Down", "service/other"))
		got := strings.Join(words(b.rec.take()), " ")
		if !strings.Contains(got, "operator quell/safe/") || !strings.Contains(got, "engine-panic") {
			t.Errorf("deliveries %q lack the poisoned alert's own page", got)
		}
		n := 0
		if err := b.store.Scan(storage.Quarantine, nil, nil, func(_, _ []byte) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("%d inputs in quarantine (%v), want 1", n, err)
		}
		if f := figuresOf(b); f.Held != 2 {
			t.Errorf("%d incidents held, want those of the two good alerts", f.Held)
		}
	})
}

// poisoned panics on one alert name.
type poisoned struct{ correlate.Rules }

func (p poisoned) Entity(l correlate.Labels) (topology.Entity, []topology.Edge) {
	if l.Get("alertname") == "Poison" {
		panic("poison")
	}
	return p.Rules.Entity(l)
}
