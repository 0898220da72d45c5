package servicegraph

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// Submitter takes inputs on their way to the engine, and returns once they are durable.
type Submitter interface {
	Submit(ctx context.Context, inputs []correlate.Input) error
}

// Options are what a [Poller] works with.
type Options struct {
	Submitter Submitter
	Metrics   *Metrics
	Log       *slog.Logger
}

// Status is how a service graph does.
type Status struct {
	Name string
	// LastSuccess is when Prometheus answered last; zero if it never did.
	LastSuccess time.Time
	// Error is what was wrong with the last query; empty if nothing was.
	Error string
	// Warning is what Prometheus had to say about its last answer; possibly empty.
	Warning string
	// Stale is true while the failure goes on for so long that it is a symptom.
	Stale bool
	// Series came with the last answer; Unnamed of them had a side that names no entity. They made so many Edges; if Truncated, there
	// were more than fit.
	Series, Unnamed, Edges int
	Truncated              bool
}

// Poller keeps one service graph up to date. Its methods are safe for concurrent use, but Run runs once.
type Poller struct {
	config  Config
	options Options
	source  querier
	// told says when each edge that is fresh was told last.
	told map[topology.Edge]time.Time
	// failing is since when queries fail; zero while they do not.
	failing time.Time
	// known is what the engine was told of the graph's source.
	known freshness

	mu     sync.Mutex
	status Status
}

// freshness is the state of a source.
type freshness int

const (
	untold freshness = iota
	fresh
	stale
)

// New makes a poller. An error says that credentials or certificates cannot be used.
func New(c Config, o Options) (*Poller, error) {
	c = c.withDefaults()
	source, err := newClient(&c)
	if err != nil {
		return nil, err
	}
	return newPoller(c, o, source), nil
}

func newPoller(c Config, o Options, source querier) *Poller {
	o.Metrics.begin(c.Name)
	return &Poller{
		config: c, options: o, source: source, told: make(map[topology.Edge]time.Time),
		status: Status{Name: c.Name},
	}
}

// Status returns how the graph does.
func (p *Poller) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Run asks on the interval until ctx ends, and returns nil. A query that takes longer delays the next one.
func (p *Poller) Run(ctx context.Context) error {
	ticker := time.NewTicker(p.config.Interval)
	defer ticker.Stop()
	for {
		p.poll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// poll asks once and tells what came.
func (p *Poller) poll(ctx context.Context) {
	found, warnings, err := p.ask(ctx)
	switch {
	case ctx.Err() != nil:
		return // stopping is no failure
	case err != nil:
		p.failed(ctx, err)
		return
	}
	refused := p.tell(ctx, found.edges)
	if ctx.Err() != nil {
		return
	}
	p.answered(ctx, found, warnings, refused)
}

// ask evaluates the query.
func (p *Poller) ask(ctx context.Context) (answer, []string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.config.Timeout, fmt.Errorf("no answer within %s", model.Duration(p.config.Timeout)))
	defer cancel()
	begin := time.Now()
	v, warnings, err := p.source.instant(ctx, p.config.promQL())
	p.options.Metrics.duration.WithLabelValues(p.config.Name).Observe(time.Since(begin).Seconds())
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return answer{}, nil, err
	}
	return p.config.read(v), warnings, nil
}

// tell gives the engine the edges that it does not know or should hear of again. Each is told as what its time to live ends unless it
// is told again, and again after a quarter of that time, so that what goes on unchanged costs little.
func (p *Poller) tell(ctx context.Context, edges []topology.Edge) error {
	now, again := time.Now(), p.config.TTL/4
	var due []topology.Edge
	for _, e := range edges {
		if at, ok := p.told[e]; !ok || now.Sub(at) >= again {
			due = append(due, e)
		}
	}
	for e, at := range p.told {
		if now.Sub(at) > p.config.TTL+again {
			delete(p.told, e)
		}
	}
	if len(due) == 0 {
		return nil
	}
	update := topology.Update{Edges: due, TTL: model.Duration(p.config.TTL + again)}
	err := p.options.Submitter.Submit(ctx, []correlate.Input{&correlate.Topology{Update: update, Source: Source(p.config.Name)}})
	if err != nil {
		return fmt.Errorf("edges not taken: %w", err)
	}
	for _, e := range due {
		p.told[e] = now
	}
	return nil
}

// failed takes note of a query without an answer. The engine goes on with what it was told, until that is too old.
func (p *Poller) failed(ctx context.Context, err error) {
	text := clean(err.Error())
	now := time.Now()
	if p.failing.IsZero() {
		p.failing = now
		p.options.Log.Warn("service graph not read", slog.String("graph", p.config.Name), slog.String("error", text))
	}
	p.options.Metrics.queries.WithLabelValues(p.config.Name, "failure").Inc()
	if since := now.Sub(p.failing); since >= p.config.TTL/3 && p.known != stale {
		message := fmt.Sprintf("Prometheus has not told who calls whom for %s: %s", model.Duration(since.Round(time.Second)), text)
		p.declare(ctx, stale, "ServiceGraphStale", message)
	}
	p.note(func(s *Status) { s.Error, s.Stale = text, p.known == stale })
}

// answered takes note of an answer.
func (p *Poller) answered(ctx context.Context, a answer, warnings []string, refused error) {
	name, m := p.config.Name, p.options.Metrics
	if !p.failing.IsZero() {
		p.failing = time.Time{}
		p.options.Log.Info("service graph is read again", slog.String("graph", name))
	}
	m.queries.WithLabelValues(name, "success").Inc()
	m.series.WithLabelValues(name).Set(float64(a.series))
	m.edges.WithLabelValues(name).Set(float64(len(a.edges)))
	m.success.WithLabelValues(name).SetToCurrentTime()
	if a.truncated {
		m.truncated.WithLabelValues(name).Inc()
	}
	if p.known != fresh {
		p.declare(ctx, fresh, "ServiceGraphFresh", "Prometheus tells who calls whom")
	}
	p.note(func(s *Status) {
		*s = Status{
			Name: name, LastSuccess: time.Now().UTC().Round(0), Stale: p.known == stale, Warning: clean(strings.Join(warnings, "; ")),
			Series: a.series, Unnamed: a.unnamed, Edges: len(a.edges), Truncated: a.truncated,
		}
		if refused != nil {
			s.Error = clean(refused.Error())
		}
	})
}

func (p *Poller) note(change func(*Status)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

// declare tells the engine how the graph's source is. If that fails, the next query brings another attempt.
func (p *Poller) declare(ctx context.Context, is freshness, reason, message string) {
	err := p.options.Submitter.Submit(ctx, []correlate.Input{stateOf(p.config.Name, reason, message, time.Now())})
	if err != nil {
		p.options.Log.Warn("state of a service graph not stored", slog.String("graph", p.config.Name), slog.Any("error", err))
		return
	}
	p.known = is
	p.options.Metrics.stale.WithLabelValues(p.config.Name).Set(map[freshness]float64{stale: 1}[is])
}

// stateOf is an event that tells how the source of a graph is.
func stateOf(name, reason, message string, at time.Time) *correlate.Event {
	return &correlate.Event{
		Entity: topology.NewEntity("source", "", "servicegraph-"+name, ""), Reason: reason, Component: "quell/state", Message: message,
		Count: 1, At: at.UTC().Round(0), Source: Source(name),
	}
}

// Farewell is what the engine has to be told of a graph that is configured no longer: its edges go, and what ailed its source.
func Farewell(name string, now time.Time) []correlate.Input {
	return []correlate.Input{
		&correlate.Topology{Update: topology.Update{Replace: true}, Source: Source(name)},
		stateOf(name, "ServiceGraphFresh", "the service graph is configured no longer", now),
	}
}

// clean makes text from outside fit for logs and status: one line, not too long.
func clean(text string) string {
	const longest = 300
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return string(r)
}
