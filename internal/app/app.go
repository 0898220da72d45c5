package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/ingest"
	"quell/ingest/kubewatch"
	"quell/internal/config"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/notify/slack"
	"quell/routing"
	"quell/storage"
	"quell/storage/bolt"
	"quell/web"
)

// Options say what to run.
type Options struct {
	// ConfigPath is the configuration file.
	ConfigPath string
	// Listen overrides the file's address. Empty does not.
	Listen string
	// Version is shown in status and metrics.
	Version string
	// Stderr gets the log.
	Stderr io.Writer
	// Reload asks for a reload each time it yields. Nil never does.
	Reload <-chan struct{}
	// Started is called with the address once quell takes requests. Nil is fine.
	Started func(addr net.Addr)
	// wall is the wall clock; nil means [time.Now].
	wall func() time.Time
	// open opens the store; nil means a file.
	open func(path string, damaged func(where string, key []byte, reason string)) (closingStore, error)
}

type closingStore interface {
	store
	Close() error
}

// App is one running quell.
type App struct {
	options  Options
	log      *slog.Logger
	reg      *prometheus.Registry
	metrics  *metrics
	store    closingStore
	loop     *loop
	dispatch *notify.Dispatcher
	graphs   *graphs
	safe     *safeMode
	clusters []*kubewatch.Cluster
	current  atomic.Pointer[setup]
	started  time.Time
	damaged  atomic.Int64
	running  atomic.Bool // requests are taken
	// refused is why the last reload was not taken; nil if it was.
	refused atomic.Pointer[error]
	// reloading makes reloads wait for each other.
	reloading sync.Mutex
	badBodies atomic.Int64
	// badBodyTold is when operators were told of a malformed body last. It belongs to the loop.
	badBodyTold time.Time
}

// Run serves until ctx ends, then stops in order and returns nil. An error says what could not be started, or why it had to
// stop: [config.Problems], errors of package storage, or a store whose state is unknown.
func Run(ctx context.Context, o Options) error { return (&App{options: o}).run(ctx) }

func (a *App) run(ctx context.Context) error {
	o := &a.options
	if o.wall == nil {
		o.wall = time.Now
	}
	if o.open == nil {
		o.open = func(path string, damaged func(string, []byte, string)) (closingStore, error) {
			return bolt.Open(path, bolt.Options{OnDamage: damaged})
		}
	}
	c, err := config.Load(o.ConfigPath)
	if err != nil {
		return err
	}
	if o.Listen != "" {
		c.Listen = o.Listen
	}
	a.log, a.reg, a.started = newLogger(o.Stderr, c.Log), prometheus.NewRegistry(), o.wall()
	for _, w := range c.Warnings {
		a.log.Warn("configuration warning", slog.String("problem", w.String()))
	}
	if err := a.start(c); err != nil {
		return err
	}
	return a.serve(ctx, c)
}

// start opens the store and builds everything that runs, without running it.
func (a *App) start(c *config.Config) (err error) {
	a.store, err = a.options.open(c.StoragePath, a.damage)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	a.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), version.NewCollector("quell"))
	a.metrics = newMetrics(a.reg)
	a.graphs = newGraphs(a)
	a.current.Store(newSetup(c, a.store.ID(), a.options.wall()))
	a.dispatch, err = notify.NewDispatcher(c.NotifyConfig(), notify.Options{
		Log: a.log, Registerer: a.reg, StoreID: a.store.ID(),
		Results:      func(ctx context.Context, r notify.Result) error { return a.loop.delivered(ctx, r) },
		Integrations: notify.Integrations{PagerDuty: pagerduty.New, Slack: slack.New},
		Outbox: func(_ context.Context, from uint64, limit int) ([]routing.Delivery, error) {
			return readOutbox(a.store, from, limit)
		},
	})
	if err != nil {
		return err
	}
	a.safe = &safeMode{
		log: a.log, metrics: a.metrics, send: a.dispatch, now: a.options.wall, current: a.current.Load,
		reasons: make(map[string]error), sent: make(map[model.Fingerprint]time.Time),
	}
	if a.loop, err = a.newLoop(c); err != nil {
		return err
	}
	if a.clusters, err = a.newClusters(c); err != nil {
		return err
	}
	return a.loop.begin(c)
}

func (a *App) newLoop(c *config.Config) (*loop, error) {
	engine, err := loadEngine(a.store, compile)
	if err != nil {
		return nil, err
	}
	seq, at := a.store.Last()
	l := &loop{
		store: a.store, send: a.dispatch, log: a.log, metrics: a.metrics, compile: compile, engine: engine,
		router: a.current.Load().router, clock: newClock(a.options.wall, at), seq: seq, safe: a.safe,
		sent: make(map[correlate.IncidentID]sentTo), queue: make(chan *request, c.Limits.Queue), stopped: make(chan struct{}),
	}
	return l, l.restore(a.dispatch)
}

// damage is told of rows with wrong checksums.
func (a *App) damage(where string, key []byte, reason string) {
	a.damaged.Add(1)
	a.log.Error("damaged row left out", slog.String("table", where), slog.String("key", fmt.Sprintf("%x", key)), slog.String("reason", reason))
}

// serve runs all that start built. Its parts stop in reverse order: no new requests, then the loop, then deliveries.
func (a *App) serve(ctx context.Context, c *config.Config) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), a.store.Close())
	}
	server := a.server(c)
	seq := a.loop.seq // the loop's own once it runs
	g := newGroup(ctx)
	// goroutine: one each, ended by their stop functions in the order below.
	deliveries := g.start("deliveries", func(ctx context.Context) error { return a.dispatch.Run(ctx) })
	loop := g.start("loop", func(ctx context.Context) error { return a.loop.run(ctx) })
	graphs := g.start("service graphs", a.graphs.run)
	jobs := g.start("jobs", func(ctx context.Context) error { return a.jobs(ctx) })
	watches := g.start("kubernetes", func(ctx context.Context) error { return a.watch(ctx) })
	httpd := g.start("http", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	a.announceDamage()
	a.log.Info("quell takes requests", slog.String("address", listener.Addr().String()), slog.String("version", a.options.Version),
		slog.String("store", a.store.ID()), slog.Uint64("seq", seq))
	a.metrics.reloaded(true, a.started)
	a.running.Store(true)
	if a.options.Started != nil {
		a.options.Started(listener.Addr())
	}
	g.wait()
	a.log.Info("stopping")
	jobs.stop()
	graphs.stop()
	watches.stop()
	stopCtx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = shutdown(stopCtx, server)
	httpd.stop()
	loop.stop()
	deliveries.stop()
	err = errors.Join(err, g.errors(), a.store.Close())
	if err == nil {
		a.log.Info("stopped")
	}
	return err
}

// shutdown waits for requests under way; those that hang are cut off.
func shutdown(ctx context.Context, s *http.Server) error {
	if err := s.Shutdown(ctx); err != nil {
		return s.Close()
	}
	return nil
}

// announceDamage tells operators about rows that were left out while loading.
func (a *App) announceDamage() {
	n := a.damaged.Load()
	if n == 0 {
		return
	}
	a.safe.enter(reasonDamage, fmt.Errorf("%d rows of the store had wrong checksums and were left out; restore a backup if what is missing matters", n))
}

// server puts the HTTP side together.
func (a *App) server(c *config.Config) *http.Server {
	mux := http.NewServeMux()
	in := ingest.New(ingest.Config{
		Body:       ingest.BodyConfig{MaxBytes: c.MaxBodyBytes, MemoryBytes: c.Limits.RequestBytesInMemory},
		Quarantine: a.quarantine,
		Now:        a.options.wall,
	}, submitter{a}, a.reg, a.log)
	in.Register(mux)
	web.New(backend{a}, admin{a}, a.log).Register(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	a.reg.MustRegister(newState(a.figures))
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

// submitter is the ingest edge's way into the loop.
type submitter struct{ a *App }

// Submit blocks until the inputs are durable. They go in by pieces of one step, so that others get in between; after an error
// some of them may be stored, which does no harm when they are sent again. If they cannot be stored, the critical alerts
// among the rest are paged all the same.
func (s submitter) Submit(ctx context.Context, inputs []correlate.Input) error {
	for len(inputs) > 0 {
		n := min(len(inputs), stepInputs)
		if err := s.a.loop.submit(ctx, inputs[:n]); err != nil {
			if errors.Is(err, errDegraded) {
				s.a.safe.page(inputs)
			}
			return err
		}
		inputs = inputs[n:]
	}
	return nil
}

// figures is what a scrape shows.
func (a *App) figures() (f figures, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err = a.loop.look(ctx, func(e *correlate.Engine) error {
		f.engine, f.drift = e.Figures(), a.loop.clock.drift()
		return nil
	})
	f.store = a.store.Stats()
	return f, err
}

// quarantineMax bounds the malformed bodies that are kept, by numbering their rows round and round.
const quarantineMax = 100

// quarantine keeps what could not be taken, and tells operators, at most once an hour.
func (a *App) quarantine(path string, body []byte, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), submitWait)
	defer cancel()
	n := a.badBodies.Add(1)
	row := struct {
		At           time.Time
		Path, Reason string
		Body         []byte
	}{a.options.wall(), path, reason, body}
	err := a.loop.do(ctx, &request{done: make(chan error, 1), with: func(s *step) error {
		s.put(storage.Quarantine, fmt.Sprintf("body/%03d", n%quarantineMax), row)
		if n == 1 || s.at.Sub(a.badBodyTold) >= time.Hour {
			a.badBodyTold = s.at
			s.deliver(a.loop.router.Operator(s.at, "bad-body", fmt.Sprintf("quell could not take something that was posted to %s: %s. Sending it again does not help; the store's quarantine tells more.", path, reason)))
		}
		return nil
	}})
	if err != nil {
		a.log.Error("malformed body not kept", slog.String("path", path), slog.Any("error", err))
	}
}
