package kubewatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest"
)

// inputsAtOnce is how many inputs are submitted together, so that other senders get in between.
const inputsAtOnce = 1000

// pump makes inputs of changes and submits them. It belongs to the goroutine of [Cluster.Run].
type pump struct {
	cluster *Cluster
	// inputs wait to be submitted; read is when the first of them was read.
	inputs []correlate.Input
	read   time.Time
	// checkpoint is how far events are durable once inputs are; moved is true if there are any among them.
	checkpoint checkpoint
	moved      bool
	// dues are when objects are to be looked at again though they did not change.
	dues dues
	// edges are the dependencies that were told since the start; nil once they were compared with what was told before.
	edges edgeSet
	// told is true once the engine was told that the watch is fresh, or stale: what an earlier process told may be otherwise.
	told bool
}

func (p *pump) run(ctx context.Context) {
	ticker := time.NewTicker(p.cluster.options.pace.look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.look()
			p.remind()
			p.sweep(ctx)
		case c := <-p.cluster.changes:
			p.take(ctx, c)
		}
		p.gather(ctx)
		p.flush(ctx)
	}
}

// gather takes what else waits, up to what is submitted together.
func (p *pump) gather(ctx context.Context) {
	for len(p.inputs) < inputsAtOnce && ctx.Err() == nil {
		select {
		case c := <-p.cluster.changes:
			p.take(ctx, c)
		default:
			return
		}
	}
}

// take makes inputs of a change.
func (p *pump) take(ctx context.Context, c change) {
	if c.all != nil {
		p.flush(ctx) // what was there before comes first
		p.first(ctx, c)
		return
	}
	if p.read.IsZero() {
		p.read = c.at
	}
	p.inputs = append(p.inputs, p.observe(c.part, c.old, c.new)...)
	if c.part.isEvents() {
		p.checkpoint.set(c.part.namespace, c.new.ResourceVersion())
		p.moved = true
	}
}

// observe makes inputs of what became of an object, and notes when to look at it again.
func (p *pump) observe(from *part, before, after *ingest.KubernetesObject) []correlate.Input {
	now := p.cluster.options.Now()
	p.dues.set(from, before, after, now)
	return p.edges.note(p.cluster.lens.Observe(before, after, now).Inputs)
}

// remind tells again what changes by itself: a pod that is not ready becomes one that should have been ready by now.
func (p *pump) remind() {
	now := p.cluster.options.Now()
	for o := range p.dues.due(now) {
		p.inputs = append(p.inputs, p.edges.note(p.cluster.lens.Again(o, now).Inputs)...)
	}
}

// first takes the first list of a part: dependencies before states, so that these are understood at once.
func (p *pump) first(ctx context.Context, c change) {
	present := make(map[topology.Entity]struct{}, len(c.all))
	var links, states []correlate.Input
	for _, o := range c.all {
		present[p.cluster.lens.Entity(o)] = struct{}{}
		for _, in := range p.observe(c.part, nil, o) {
			if _, ok := in.(*correlate.Topology); ok {
				links = append(links, in)
				continue
			}
			states = append(states, in)
		}
	}
	gone, ok := p.gone(ctx, c.part, present)
	if !ok {
		return
	}
	all := slices.Concat(gone, links, states)
	for len(all) > 0 && ctx.Err() == nil {
		n := min(len(all), inputsAtOnce)
		p.inputs = append(p.inputs, all[:n]...)
		p.flush(ctx)
		all = all[n:]
	}
	c.part.complete()
}

// gone tells of what the engine knows to be ill and a list does not hold: it vanished while nobody watched. ok is false if ctx ended.
func (p *pump) gone(ctx context.Context, from *part, present map[topology.Entity]struct{}) (inputs []correlate.Input, ok bool) {
	w := p.cluster
	var ill []topology.Entity
	ok = p.persist(ctx, func() (err error) {
		ill, err = w.sink.Ill(ctx, w.config.source())
		return err
	})
	own := from.variants[0].entityKind()
	for _, e := range ill {
		_, isThere := present[e]
		if isThere || e.Kind() != own || e.Cluster() != w.config.Name || from.namespace != "" && e.Namespace() != from.namespace {
			continue
		}
		inputs = append(inputs, &correlate.Event{
			Entity: e, Reason: "Deleted", Component: stateComponent, Count: 1, At: utc(w.options.Now()), Source: w.config.source(),
		})
	}
	return inputs, ok
}

// sweep takes back the dependencies that an earlier process told and this one did not, once every part was listed.
func (p *pump) sweep(ctx context.Context) {
	if p.edges == nil || !p.cluster.listed() {
		return
	}
	w := p.cluster
	p.flush(ctx)
	var known []topology.Edge
	ok := p.persist(ctx, func() (err error) {
		known, err = w.sink.Edges(ctx, w.config.source())
		return err
	})
	if !ok {
		return
	}
	known = slices.DeleteFunc(known, func(e topology.Edge) bool { _, isTold := p.edges[e]; return isTold })
	if len(known) > 0 {
		p.inputs = append(p.inputs, &correlate.Topology{Source: w.config.source(), Update: topology.Update{RemoveEdges: known}})
	}
	p.edges = nil
}

// edgeSet are the dependencies that were told and not taken back. A nil one takes no notes.
type edgeSet map[topology.Edge]struct{}

func (s edgeSet) note(inputs []correlate.Input) []correlate.Input {
	if s == nil {
		return inputs
	}
	for _, in := range inputs {
		t, ok := in.(*correlate.Topology)
		if !ok {
			continue
		}
		for _, e := range t.RemoveEdges {
			delete(s, e)
		}
		for _, e := range t.Edges {
			s[e] = struct{}{}
		}
	}
	return inputs
}

// flush submits what was gathered, however long that takes: nothing is read meanwhile, and so nothing is lost.
func (p *pump) flush(ctx context.Context) {
	if len(p.inputs) == 0 && !p.moved {
		return
	}
	checkpoint := ""
	if p.moved {
		checkpoint = p.checkpoint.String()
	}
	w := p.cluster
	ok := p.persist(ctx, func() error {
		err := w.sink.Submit(ctx, p.inputs, checkpoint)
		if full, isFull := errors.AsType[*topology.FullError](err); isFull {
			w.log.Warn("kubernetes objects left out of the topology", slog.Any("error", full))
			return nil
		}
		return err
	})
	if ok {
		if !p.read.IsZero() {
			w.options.Metrics.lag.WithLabelValues(w.config.Name).Observe(w.options.Now().Sub(p.read).Seconds())
		}
		w.mu.Lock()
		w.checkpoint = p.checkpoint.String()
		w.mu.Unlock()
	}
	clear(p.inputs)
	p.inputs, p.moved, p.read = p.inputs[:0], false, time.Time{}
}

// persist calls do until it succeeds; it reports false if ctx ended before.
func (p *pump) persist(ctx context.Context, do func() error) bool {
	w := p.cluster
	for pause := w.options.pace.retry; ; pause = min(2*pause, w.options.pace.retryMax) {
		err := do()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		w.options.Metrics.retries.WithLabelValues(w.config.Name).Inc()
		if pause == w.options.pace.retry {
			w.log.Warn("kubernetes inputs have to wait", slog.Any("error", err))
		}
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// stateComponent is the component of events that tell how something is.
const stateComponent = "quell/state"

// look tells whether what is known of the cluster is up to date, when that changed.
func (p *pump) look() {
	w := p.cluster
	now := w.options.Now()
	stale, settled := w.survey(now)
	w.mu.Lock()
	was := !w.staleSince.IsZero()
	reason, message := "", ""
	switch {
	case stale != "" && !was:
		w.staleSince, reason, message = now, "WatchStale", stale
	case stale == "" && settled && (was || !p.told):
		w.staleSince, reason, message = time.Time{}, "WatchFresh", "all kinds are watched"
	}
	w.mu.Unlock()
	if reason == "" {
		return
	}
	p.told = true
	p.inputs = append(p.inputs, &correlate.Event{
		Entity: w.config.entity(), Reason: reason, Component: stateComponent, Message: message, Warning: reason == "WatchStale", Count: 1,
		At: utc(now), Source: w.config.source(),
	})
}

// utc strips what a time of the process has and one of a record has not.
func utc(t time.Time) time.Time { return t.Round(0).UTC() }
