package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
	"quell/storage/mem"
)

// switchBench is a dead man's switch on a loop with fakes around it. Its dispatcher works off what the switch sends, unless it is
// blocked, and no page at all.
type switchBench struct {
	*bench
	*deadMan
	blocked atomic.Bool
	pings   atomic.Int64
	pages   []routing.Delivery
}

func newSwitchBench(b *bench) *switchBench {
	set := newSetup(b.conf, "test", time.Now())
	set.config.DeadMansSwitch = &config.DeadMansSwitch{URL: "http://outside.invalid/secret", Interval: time.Minute}
	s := &switchBench{bench: b}
	a := &App{loop: b.loop, safe: b.loop.safe}
	s.deadMan = &deadMan{
		log: slog.New(slog.DiscardHandler), metrics: newDeadManMetrics(prometheus.NewRegistry()), current: func() *setup { return set },
		loop: b.loop, store: b.store, safe: b.loop.safe,
		ping: func(context.Context, *config.DeadMansSwitch) error { s.pings.Add(1); return nil },
	}
	a.deadMan = s.deadMan
	s.deadMan.post = func(ctx context.Context, message string) error {
		err := submitter{a}.Submit(ctx, []correlate.Input{&correlate.Heartbeat{Name: correlate.SelfHeartbeat, Message: message}})
		for _, d := range b.rec.take() {
			switch {
			case d.Target != notify.ProbeTarget:
				s.pages = append(s.pages, d)
			case !s.blocked.Load():
				_ = a.delivered(ctx, notify.Result{Delivery: d}) // a dispatcher would tell it again
			}
		}
		return err
	}
	return s
}

// want rests for five minutes and wants as many pings, or none.
func (s *switchBench) want(what string, held bool) {
	s.t.Helper()
	s.rest(30 * time.Second) // what is under way ends
	before := s.pings.Load()
	s.rest(5 * time.Minute)
	if got := s.pings.Load() - before; held && got != 5 || !held && got != 0 {
		s.t.Errorf("%s: %d pings in five minutes", what, got)
	}
}

// TestSwitchIsHeldWhileAndOnlyWhileQuellWorks breaks what a page depends on, one after the other, and mends it.
func TestSwitchIsHeldWhileAndOnlyWhileQuellWorks(t *testing.T) {
	inBubble(t, func(b *bench) {
		s := newSwitchBench(b)
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.run(ctx) })
		defer wg.Wait()
		defer cancel()
		s.want("all is well", true)
		for what, fault := range map[string]struct{ broken, mended func() }{
			"store full":         {func() { b.store.set(errFull) }, func() { b.store.set(nil) }},
			"dispatcher blocked": {func() { s.blocked.Store(true) }, func() { s.blocked.Store(false) }},
			"degraded":           {func() { b.loop.safe.enter(reasonDamage, errors.New("rows")) }, func() { b.loop.safe.leave(reasonDamage) }},
			"loop stuck":         {func() { b.store.delay(time.Minute) }, func() { b.store.delay(0) }},
		} {
			fault.broken()
			s.want(what, false)
			fault.mended()
			s.rest(3 * time.Minute)
			s.want(what+", mended", true)
		}
		b.mustPost(firing("Down", "service/db"))
		b.rest(4 * time.Minute)
		s.want("a page waits, not for long", true)
		b.rest(30 * time.Second)
		s.want("a page reaches nobody", false)
		for _, d := range s.pages {
			if err := b.loop.delivered(ctx, notify.Result{Delivery: d}); err != nil {
				t.Error(err)
			}
		}
		s.want("the page arrived", true)
		err := b.loop.do(ctx, &request{read: true, done: make(chan error, 1), with: func(st *step) error {
			st.loop.broken = errors.New("the engine panicked while time passed")
			return nil
		}})
		if err != nil {
			t.Error(err)
		}
		s.want("the engine is broken", false)
		for _, step := range []string{stepDegraded, stepIngest, stepDispatch, stepPages} {
			if testutil.ToFloat64(s.deadMan.metrics.failures.WithLabelValues(step)) == 0 {
				t.Errorf("no failure of step %s was counted", step)
			}
		}
	})
}

func (s *faultyStore) delay(d time.Duration) {
	s.mu.Lock()
	s.slow = d
	s.mu.Unlock()
}

// TestBeatOfAStrangerIsNoBeatOfQuell: only what the switch sent itself, just now, makes a delivery.
func TestBeatOfAStrangerIsNoBeatOfQuell(t *testing.T) {
	inBubble(t, func(b *bench) {
		s := newSwitchBench(b)
		for _, message := range []string{"", "guessed"} {
			_, err := s.request(&correlate.Heartbeat{Name: correlate.SelfHeartbeat, Message: message})
			if refused, ok := errors.AsType[*correlate.HeartbeatError](err); !ok || !refused.Unknown {
				t.Errorf("%q: got %v, want that it is unknown", message, err)
			}
		}
	})
}

// fullStore is a store in memory that can be full.
type fullStore struct{ *faultyStore }

func (fullStore) Close() error { return nil }

// TestSwitchPingsOverSockets runs a whole quell: its own socket, handler, loop, dispatcher, and the ping outside. The store is full for a
// while.
func TestSwitchPingsOverSockets(t *testing.T) {
	var pings atomic.Int64
	outside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/ping/secret-token" {
			pings.Add(1)
		}
	}))
	defer outside.Close()
	dir := t.TempDir()
	writeFile(t, dir, "key", "secret")
	writeFile(t, dir, "ping.url", outside.URL+"/ping/secret-token")
	writeFile(t, dir, "quell.yml", strings.TrimSpace(loopConfig)+`
server: {listen: "127.0.0.1:0"}
dead_mans_switch: {url_file: ping.url, interval: 1s, method: POST}
`)
	store := &faultyStore{DB: mem.New("test")}
	var log syncBuffer
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{
			ConfigPath: filepath.Join(dir, "quell.yml"), Stderr: &log, Started: func(net.Addr) {},
			open: func(string, func(string, []byte, string)) (closingStore, error) { return fullStore{store}, nil },
		})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if text := log.String(); strings.Contains(text, "secret-token") {
			t.Errorf("the address is in the log:\n%s", text)
		}
	}()
	more := func(what string) {
		t.Helper()
		from, end := pings.Load(), time.After(time.Minute)
		for pings.Load() < from+2 {
			select {
			case <-end:
				t.Fatalf("%s: no pings; log:\n%s", what, log.String())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	more("all is well")
	store.set(errFull)
	for end := time.After(time.Minute); !strings.Contains(log.String(), "switch is let go"); {
		select {
		case <-end:
			t.Fatalf("the switch is not let go; log:\n%s", log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	before := pings.Load()
	<-time.After(2500 * time.Millisecond)
	if got := pings.Load() - before; got != 0 {
		t.Errorf("%d pings while the store is full", got)
	}
	store.set(nil)
	more("there is space again")
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestPingErrorsHideTheAddress(t *testing.T) {
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	address := outside.URL
	ping := pinger()
	for _, c := range []struct{ url, want string }{
		{address + "/token", "status 418"},
		{address + "/moved", "status 302"},
		{"http://127.0.0.1:1/token", "refused"},
		{"://token", "no request"},
	} {
		err := ping(context.Background(), &config.DeadMansSwitch{URL: notify.Secret(c.url), Method: http.MethodGet})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: got %v, want %s", c.url, err, c.want)
		}
	}
	outside.Close()
}

func TestOwnAddressIsOnThisMachine(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:9095": "127.0.0.1:9095", "[::]:9095": "[::1]:9095", "10.1.2.3:9095": "10.1.2.3:9095", "127.0.0.1:1": "127.0.0.1:1",
	} {
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := ownAddress(addr); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}
