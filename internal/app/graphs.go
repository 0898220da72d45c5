package app

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"

	"quell/ingest/servicegraph"
	"quell/web"
)

// graphs runs the pollers of the service graphs that are configured now.
type graphs struct {
	app     *App
	metrics *servicegraph.Metrics
	// changed is sent to when a configuration came into force. When it is full, one is looked at soon anyway.
	changed chan struct{}

	mu      sync.Mutex
	running map[string]*graphPoller
}

// graphPoller is one poller that runs.
type graphPoller struct {
	config servicegraph.Config
	poller *servicegraph.Poller
	part   *part
}

func newGraphs(a *App) *graphs {
	return &graphs{app: a, metrics: servicegraph.NewMetrics(a.reg), changed: make(chan struct{}, 1), running: make(map[string]*graphPoller)}
}

// wake has the configuration looked at.
func (g *graphs) wake() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// run keeps pollers as the configuration in force says until ctx ends, and stops them.
func (g *graphs) run(ctx context.Context) error {
	for {
		g.adopt(ctx, g.app.current.Load().config.ServiceGraphs)
		select {
		case <-ctx.Done():
			g.adopt(ctx, nil)
			return nil
		case <-g.changed:
		}
	}
}

// adopt stops the pollers that are configured no longer or otherwise now, and starts those that are not running. When ctx ended it only
// stops.
func (g *graphs) adopt(ctx context.Context, configs []servicegraph.Config) {
	want := make(map[string]servicegraph.Config, len(configs))
	for _, c := range configs {
		want[c.Name] = c
	}
	for name, r := range g.list() {
		c, configured := want[name]
		if configured && reflect.DeepEqual(c, r.config) {
			delete(want, name)
			continue
		}
		r.part.stop()
		if !configured && ctx.Err() == nil {
			g.farewell(ctx, name)
		}
		g.metrics.Forget(name)
		g.mu.Lock()
		delete(g.running, name)
		g.mu.Unlock()
	}
	for name, c := range want {
		p, err := servicegraph.New(c, servicegraph.Options{Submitter: submitter{g.app}, Metrics: g.metrics, Log: g.app.log})
		if err != nil {
			g.app.log.Error("service graph not started", slog.String("graph", name), slog.Any("error", err))
			continue
		}
		// goroutine: ended by stop, above or when run ends.
		r := &graphPoller{config: c, poller: p, part: newGroup(context.Background()).start(name, p.Run)}
		g.mu.Lock()
		g.running[name] = r
		g.mu.Unlock()
	}
}

// farewell takes back what a poller told while the configuration without it came into force, which took it back already. What cannot be
// stored now ends by its time to live.
func (g *graphs) farewell(ctx context.Context, name string) {
	if err := (submitter{g.app}).Submit(ctx, servicegraph.Farewell(name, g.app.options.wall())); err != nil {
		g.app.log.Warn("service graph not taken back", slog.String("graph", name), slog.Any("error", err))
	}
}

// list returns a copy of what runs.
func (g *graphs) list() map[string]*graphPoller {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.running)
}

// status tells how all service graphs do, by name.
func (g *graphs) status() []web.ServiceGraphStatus {
	var list []web.ServiceGraphStatus
	for _, r := range g.list() {
		s := r.poller.Status()
		v := web.ServiceGraphStatus{
			Name: s.Name, Error: s.Error, Warning: s.Warning, Stale: s.Stale, Series: s.Series, Unnamed: s.Unnamed,
			Dependencies: s.Edges, Truncated: s.Truncated,
		}
		if !s.LastSuccess.IsZero() {
			v.LastSuccess = &s.LastSuccess
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b web.ServiceGraphStatus) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
