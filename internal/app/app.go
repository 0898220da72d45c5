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
	"quell/ingest/callback"
	"quell/ingest/hook"
	"quell/ingest/kubewatch"
	"quell/internal/config"
	"quell/notify"
	others "quell/notify/alertmanager"
	"quell/notify/pagerduty"
	"quell/notify/slack"
	"quell/routing"
	"quell/storage"
	"quell/storage/bolt"
	"quell/web"
	"quell/web/alertmanager"
)

// Options say what to run.
type Options struct {
	// ConfigPath is the configuration file.
	ConfigPath string
	// Listen and Storage override the file's address and the path of its store. Empty does not.
	Listen, Storage string
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
	slack    *callback.Slack
	sockets  *slackSockets
	posts    *hook.Server
	safe     *safeMode
	deadMan  *deadMan
	clusters []*kubewatch.Cluster
	current  atomic.Pointer[setup]
	started  time.Time
	damaged  atomic.Int64
	running  atomic.Bool // requests are taken
	// refused is why the files are not in force; nil if they are.
	refused atomic.Pointer[refusal]
	// reloading makes reloads wait for each other, and guards print: the fingerprint of the files that were read last.
	reloading sync.Mutex
	print     string
	badBodies atomic.Int64
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
	c, refused, err := a.first()
	if err != nil {
		return err
	}
	a.log, a.reg, a.started = newLogger(o.Stderr, c.Log), prometheus.NewRegistry(), o.wall()
	for _, w := range c.Warnings {
		a.log.Warn("configuration warning", slog.String("problem", w.String()))
	}
	if refused != nil {
		a.refused.Store(&refusal{err: refused, since: a.started, told: true})
		a.log.Error("configuration refused, the one before is in force", slog.Any("error", refused), slog.String("hash", c.Hash))
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
	a.slack = callback.NewSlack(callback.SlackConfig{
		StoreID: a.store.ID(), Places: a.slackPlaces, HTTP: notify.NewHTTPClient(), Registerer: a.reg,
	}, callbacks{backend{a}}, a.log)
	a.sockets = newSlackSockets(a, a.slack)
	begin := newSetup(c, a.store.ID(), a.options.wall())
	begin.by = byStart
	a.current.Store(begin)
	a.metrics.configured(c)
	a.dispatch, err = notify.NewDispatcher(c.NotifyConfig(), notify.Options{
		Log: a.log, Registerer: a.reg, StoreID: a.store.ID(),
		Results:      a.delivered,
		Integrations: notify.Integrations{PagerDuty: pagerduty.New, Slack: slack.New, Other: others.New, Probe: probe{}},
		Outbox: func(_ context.Context, from uint64, limit int) ([]routing.Delivery, error) {
			return readOutbox(a.store, from, limit)
		},
	})
	if err != nil {
		return err
	}
	a.recall(c)
	a.safe = &safeMode{
		log: a.log, metrics: a.metrics, send: a.dispatch, now: a.options.wall, current: a.current.Load,
		reasons: make(map[string]error), sent: make(map[model.Fingerprint]time.Time),
	}
	if a.loop, err = a.newLoop(c); err != nil {
		return err
	}
	a.deadMan = &deadMan{
		log: a.log, metrics: newDeadManMetrics(a.reg), current: a.current.Load, loop: a.loop, store: a.store, safe: a.safe, ping: pinger(),
	}
	if a.clusters, err = a.newClusters(c); err != nil {
		return err
	}
	var refused error
	if r := a.refused.Load(); r != nil {
		refused = r.err
	}
	return a.loop.begin(c, a.beginWith(c, refused), a.announceDamage)
}

func (a *App) newLoop(c *config.Config) (*loop, error) {
	faults := newRuleFaults(a.log, a.reg)
	engine, err := loadEngine(a.store, faults.compile)
	if err != nil {
		return nil, err
	}
	seq, at := a.store.Last()
	l := &loop{
		store: a.store, send: a.dispatch, log: a.log, metrics: a.metrics, compile: faults.compile, engine: engine,
		clock: newClock(a.options.wall, at), seq: seq, safe: a.safe, current: a.current.Load,
		queue: make(chan *request, c.Limits.Queue), stopped: make(chan struct{}),
	}
	return l, l.restore(a.dispatch)
}

// delivered stores how a delivery ended.
func (a *App) delivered(ctx context.Context, r notify.Result) error {
	err := a.loop.delivered(ctx, r)
	if err == nil && r.Delivery.Target == notify.ProbeTarget {
		a.deadMan.delivered(&r)
	}
	return err
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
	sockets := g.start("sockets to Slack", a.sockets.run)
	watches := g.start("kubernetes", func(ctx context.Context) error { return a.watch(ctx) })
	files := g.start("configuration files", a.watchConfig)
	httpd := g.start("http", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	own := ownAddress(listener.Addr())
	a.deadMan.post = func(ctx context.Context, message string) error {
		return postBeat(ctx, own, a.current.Load().config.Token, message)
	}
	alive := g.start("dead man's switch", a.deadMan.run)
	a.log.Info("quell takes requests", slog.String("address", listener.Addr().String()), slog.String("version", a.options.Version),
		slog.String("store", a.store.ID()), slog.Uint64("seq", seq))
	a.metrics.reloaded(a.refused.Load() == nil, a.started)
	a.running.Store(true)
	if a.options.Started != nil {
		a.options.Started(listener.Addr())
	}
	g.wait()
	a.log.Info("stopping")
	alive.stop()
	files.stop()
	jobs.stop()
	graphs.stop()
	watches.stop()
	sockets.stop()
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

// announceDamage tells operators about rows that were left out while loading, or that there are none any more.
func (a *App) announceDamage(s *step) error {
	n := a.damaged.Load()
	if n == 0 {
		s.clear(safeModeKey+reasonDamage, "quell was restarted, and no row is damaged")
		return nil
	}
	err := fmt.Errorf("%d rows of the store had wrong checksums and were left out; restore a backup if what is missing matters", n)
	a.safe.enter(reasonDamage, err)
	s.operator(safeModeKey+reasonDamage, 0, safeModeText(reasonDamage, err))
	return nil
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
	a.posts = a.hooks()
	a.posts.Register(mux)
	web.New(backend{a}, admin{a}, a.log).Register(mux)
	callback.New(callback.Config{StoreID: a.store.ID(), PagerDuty: a.pagerDutySecrets, Now: a.options.wall}, callbacks{backend{a}}, a.log).Register(mux)
	a.slack.Register(mux)
	alertmanager.New(readers{backend{a}}, a.options.wall, a.log).Register(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	a.reg.MustRegister(newState(a.figures), newReadersVersion())
	return &http.Server{
		Handler:           web.NewGate(a.access, a.reg, a.log).Wrap(mux),
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
	if h, ok := selfBeat(inputs); ok {
		r, err := s.a.deadMan.request(h)
		if err != nil {
			return err
		}
		return s.a.loop.do(ctx, r)
	}
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
		f.engine, f.tally, f.drift = e.Figures(), e.Tally(), a.loop.clock.drift()
		f.dead = a.loop.dead.counts()
		f.unseen, f.waiting = e.Unseen(e.Now().Add(-24*time.Hour), e.Now()), e.UnseenWaiting()
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
		s.operator(badBody, momentLasts, fmt.Sprintf("quell could not take something that was posted to %s: %s. Sending it again does not help; the store's quarantine tells more.", path, reason))
		return nil
	}})
	if err != nil {
		a.log.Error("malformed body not kept", slog.String("path", path), slog.Any("error", err))
	}
}
