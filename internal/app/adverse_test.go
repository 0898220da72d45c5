package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
	"quell/storage"
	"quell/storage/mem"
)

var errFull = fmt.Errorf("commit: %w", storage.ErrFull)

// TestAlertThatEndsAndComesBackInOneBatchFires: the second report of a batch is judged by the first one, not by what the engine
// knew before it.
func TestAlertThatEndsAndComesBackInOneBatchFires(t *testing.T) {
	inBubble(t, func(b *bench) {
		a := firing("Down", "service/db")
		b.mustPost(a)
		b.rest(10 * time.Second)
		b.mustPost(ended(a), firing("Down", "service/db"))
		if f := figuresOf(b); f.Active != 1 {
			t.Errorf("%d alerts are active, want the one that came back", f.Active)
		}
	})
}

// TestAlertThatComesBackAndEndsInOneBatchHasEnded is the other order, with the old start of a source that was away.
func TestAlertThatComesBackAndEndsInOneBatchHasEnded(t *testing.T) {
	inBubble(t, func(b *bench) {
		a := firing("Down", "service/db")
		b.mustPost(a)
		b.rest(10 * time.Second)
		b.mustPost(ended(a))
		b.rest(2 * time.Minute)
		b.mustPost(a, ended(a))
		if f := figuresOf(b); f.Active != 0 {
			t.Errorf("%d alerts are active after the last word was that it ended", f.Active)
		}
	})
}

func figuresOf(b *bench) (f correlate.Figures) {
	b.t.Helper()
	err := b.loop.look(context.Background(), func(e *correlate.Engine) error { f = e.Figures(); return nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// byHand stops the loop, so that the test can take its place and say what comes in one batch.
func (b *bench) byHand() {
	b.t.Helper()
	if err := b.stop(); err != nil {
		b.t.Fatal(err)
	}
}

// TestReaderIsAnsweredInABatchThatCannotBeStored: it asked for nothing that has to be.
func TestReaderIsAnsweredInABatchThatCannotBeStored(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.byHand()
		b.store.set(errFull)
		reader := &request{read: true, done: make(chan error, 1), with: func(*step) error { return nil }}
		writer := &request{inputs: []correlate.Input{firing("Down", "service/db")}, done: make(chan error, 1)}
		if err := b.loop.batch([]*request{reader, writer}); err != nil {
			t.Fatal(err)
		}
		if err := <-reader.done; err != nil {
			t.Errorf("the reader got %v", err)
		}
		if err := <-writer.done; !errors.Is(err, errDegraded) {
			t.Errorf("the sender got %v, want errDegraded", err)
		}
	})
}

// TestReaderIsAnsweredWithAStepThatWaits asks the loop for a step that has something to store while an earlier one waits.
func TestReaderIsAnsweredWithAStepThatWaits(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"))
		b.rest(30 * time.Second)
		b.mustPost(firing("Down", "service/web"))
		b.store.set(errFull)
		b.rest(5*time.Minute - 30*time.Second + 100*time.Millisecond)
		b.byHand()
		if len(b.loop.behind) == 0 {
			t.Fatal("no step waits")
		}
		time.Sleep(30 * time.Second)
		r := &request{read: true, done: make(chan error, 1), with: func(*step) error { return nil }}
		if err := b.loop.batch([]*request{r}); err != nil {
			t.Fatal(err)
		}
		if len(b.loop.behind) < 2 {
			t.Fatalf("%d steps wait, want the second page too", len(b.loop.behind))
		}
		select {
		case err := <-r.done:
			if err != nil {
				t.Errorf("the reader got %v", err)
			}
		default:
			t.Error("the reader got no answer")
		}
	})
}

// TestStartOnAFullStore: quell comes up in safe mode, pages what is due, and stores it all once there is space.
func TestStartOnAFullStore(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"))
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.store.set(errFull)
		b.start(compile)
		if err := b.post(firing("Other", "service/web")); !errors.Is(err, errDegraded) {
			t.Errorf("a full store answers %v, want errDegraded", err)
		}
		b.rest(6 * time.Minute)
		if got := fmt.Sprint(words(b.rec.take())); !containsAll(got, "operator quell/safe/", "trigger quell/test/inc-1/1") {
			t.Errorf("got %s, want the new alert as it came and the page that is due", got)
		}
		b.store.set(nil)
		b.rest(3 * time.Second)
		b.checkReplay()
	})
}

// TestPanicKeepsWherePagesWent: a page that is decided in a step that is thrown away is decided again, and its resolve finds it
// even after a restart.
func TestPanicKeepsWherePagesWent(t *testing.T) {
	inBubble(t, func(b *bench) {
		a := firing("Down", "service/db")
		b.mustPost(a)
		b.byHand()
		b.rest(5 * time.Minute)
		panics := true
		r := &request{done: make(chan error, 1), with: func(*step) error { // after the engine's step: its effects were routed
			if panics {
				panics = false
				panic("once")
			}
			return nil
		}}
		if err := b.loop.batch([]*request{r}); err != nil {
			t.Fatal(err)
		}
		b.start(compile)
		if got := fmt.Sprint(words(b.rec.take())); !containsAll(got, "trigger quell/test/inc-1/1") {
			t.Fatalf("got %s, want the page", got)
		}
		b.mustPost(ended(a))
		b.rest(2 * time.Minute)
		if got := fmt.Sprint(words(b.rec.take())); got != "[resolve quell/test/inc-1/1]" {
			t.Errorf("got %s, want the page resolved", got)
		}
	})
}

// TestPanicKeepsWhatWasAnswered: time-outs that moved without a write survive a panic of the engine.
func TestPanicKeepsWhatWasAnswered(t *testing.T) {
	inBubble(t, func(b *bench) {
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.start(func(p *correlate.Policy) (correlate.Rules, error) {
			r, err := compile(p)
			return poisoned{r}, err
		})
		a := firing("Info", "service/db", "severity", "info")
		a.Expires = time.Now().Add(4 * time.Minute)
		b.mustPost(a)
		b.rest(3 * time.Minute)
		again := *a
		again.Expires = time.Now().Add(4 * time.Minute)
		b.mustPost(&again)
		b.mustPost(firing("Poison", "service/web"))
		b.rest(2 * time.Minute)
		err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
			if _, n := e.Unexplained(10); n != 1 {
				return fmt.Errorf("%d alerts fire, want the one that was sent again, and accepted, before the panic", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestCommandThatPanicsIsNoSuccess: who asked for something is not told that it was done.
func TestCommandThatPanicsIsNoSuccess(t *testing.T) {
	inBubble(t, func(b *bench) {
		err := b.loop.do(context.Background(), &request{
			done:  make(chan error, 1),
			check: func(*correlate.Engine) error { return nil },
			with:  func(*step) error { panic("always") },
		})
		if !errors.Is(err, errDegraded) {
			t.Errorf("got %v, want errDegraded", err)
		}
	})
}

// TestReloadThatCannotBeStoredIsWhole: when the store is full at the moment of a reload, router and receivers are of one
// configuration, so that a page that is due arrives.
func TestReloadThatCannotBeStoredIsWhole(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "key", "secret")
	read := func(text string) *config.Config {
		writeFile(t, dir, "quell.yml", text)
		c, err := config.Load(filepath.Join(dir, "quell.yml"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one := read(loopConfig)
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: &faultyStore{DB: mem.New("test")}, rec: &recorder{}, conf: one}
		b.start(compile)
		pages := make(chan string, 10)
		a := &App{
			options: Options{ConfigPath: filepath.Join(dir, "quell.yml"), wall: time.Now}, log: slog.New(slog.DiscardHandler),
			loop: b.loop, metrics: b.loop.metrics, store: b.store, safe: b.loop.safe, reg: prometheus.NewRegistry(),
		}
		a.graphs, a.sockets = newGraphs(a), newSlackSockets(a, nil)
		a.current.Store(newSetup(one, "test", time.Now()))
		var err error
		a.dispatch, err = notify.NewDispatcher(one.NotifyConfig(), notify.Options{
			Results: a.loop.delivered,
			Integrations: notify.Integrations{
				PagerDuty: func(notify.PagerDutyConfig, notify.Environment) notify.Notifier { return pageTaker(pages) },
				Slack:     func(notify.SlackConfig, notify.Environment) notify.Notifier { return pageTaker(pages) },
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan error, 1)
		go func() { stopped <- a.dispatch.Run(ctx) }()
		err = b.loop.look(ctx, func(*correlate.Engine) error { b.loop.send = a.dispatch; return nil })
		if err != nil {
			t.Fatal(err)
		}
		b.mustPost(firing("Down", "service/db"))
		b.store.set(errFull)
		read(`
hold: {default: 5m}
route: {receiver: sre}
receivers: [{name: sre, pagerduty_configs: [{routing_key_file: key}]}]
`)
		if err := a.reload(ctx, "test", "test"); err != nil {
			t.Logf("reload: %v", err)
		}
		b.rest(7 * time.Minute)
		got := fmt.Sprint(drained(pages))
		if name := a.current.Load().config.Route.Receiver; !containsAll(got, "trigger quell/test/inc-1/1 "+name) {
			t.Errorf("with receiver %s in force these arrived: %s", name, got)
		}
		b.store.set(nil)
		b.rest(time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		cancel()
		<-stopped
	})
}

// pageTaker accepts all.
type pageTaker chan string

func (p pageTaker) Notify(_ context.Context, d *routing.Delivery, _ notify.Sent) (string, error) {
	p <- fmt.Sprintf("%s %s %s", d.Action, d.Key, d.Target.Receiver)
	return "", nil
}

func drained(c chan string) (list []string) {
	for {
		select {
		case s := <-c:
			list = append(list, s)
		default:
			return list
		}
	}
}

func containsAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// TestReaderGetsItsOwnError asks often, so that the race detector sees both ends of a request that fails.
func TestReaderGetsItsOwnError(t *testing.T) {
	inBubble(t, func(b *bench) {
		own := errors.New("own")
		for range 200 {
			if err := b.loop.look(context.Background(), func(*correlate.Engine) error { return own }); !errors.Is(err, own) {
				t.Fatalf("got %v, want the reader's own error", err)
			}
		}
	})
}

// TestReferencesAreKeptOnlyWhileSomethingMayFollow: not of a message that nothing follows, nor of what is over and forgotten.
func TestReferencesAreKeptOnlyWhileSomethingMayFollow(t *testing.T) {
	inBubble(t, func(b *bench) {
		a := firing("Down", "service/db")
		b.mustPost(a)
		b.rest(6 * time.Minute)
		page := b.rec.take()[0]
		report := func(d routing.Delivery, ref string) (rows int) {
			if err := b.loop.delivered(context.Background(), notify.Result{Delivery: d, Ref: ref}); err != nil {
				t.Fatal(err)
			}
			err := b.store.Scan(storage.Refs, nil, nil, func(_, _ []byte) error { rows++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		if n := report(routing.Delivery{ID: 1 << 40, Target: page.Target, Action: routing.Digest, Key: "quell/test/week"}, "r0"); n != 0 {
			t.Errorf("%d references after a digest, want none", n)
		}
		for action, want := range map[routing.Action]int{routing.Operator: 1, routing.Resolve: 0} {
			d := routing.Delivery{ID: 1<<40 + 1, Target: page.Target, Action: action, Key: "quell/test/operator/" + string(action)}
			if n := report(d, "r0"); n != want {
				t.Errorf("%d references after the %s of a message of quell about itself, want %d", n, action, want)
			}
			d.Action = routing.Resolve
			report(d, "r0")
		}
		if n := report(page, "r1"); n != 1 {
			t.Errorf("%d references after a page, want 1", n)
		}
		b.mustPost(ended(a))
		b.rest(2 * time.Minute)
		resolve := b.rec.take()[0]
		b.rest(2 * time.Hour) // the receiver takes nothing all that time
		if n := report(resolve, "r2"); n != 0 {
			t.Errorf("%d references after the end of a forgotten incident, want none", n)
		}
	})
}
