package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest/kubewatch"
	"quell/internal/config"
	"quell/storage"
	"quell/web"
)

// newClusters makes the watches of all clusters, without running them.
func (a *App) newClusters(c *config.Config) ([]*kubewatch.Cluster, error) {
	if len(c.Clusters) == 0 {
		return nil, nil
	}
	o := kubewatch.Options{Log: a.log, Metrics: kubewatch.NewMetrics(a.reg), Version: a.options.Version, Now: a.options.wall}
	list := make([]*kubewatch.Cluster, len(c.Clusters))
	for i, k := range c.Clusters {
		sink := clusterSink{a, k.Name}
		checkpoint, err := sink.checkpoint()
		if err != nil {
			return nil, fmt.Errorf("checkpoint of cluster %q: %w", k.Name, err)
		}
		list[i] = kubewatch.New(kubewatch.Config{
			Name: k.Name, Kubeconfig: k.Kubeconfig, Context: k.Context, Namespaces: k.Namespaces, QPS: k.QPS, Burst: k.Burst, Secrets: k.Secrets,
			Checkpoint: checkpoint,
		}, sink, o)
	}
	return list, nil
}

// watch runs the watches of all clusters until ctx ends.
func (a *App) watch(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, w := range a.clusters {
		wg.Go(func() { w.Run(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

// goneClusters takes back what clusters told that are no longer in the configuration: nobody else would ever say that it is over.
func (l *loop) goneClusters(c *config.Config, now time.Time) (inputs []correlate.Input) {
	for _, source := range l.engine.TopologySources() {
		name, ok := strings.CutPrefix(source, "kubernetes/")
		if !ok || slices.ContainsFunc(c.Clusters, func(k config.Cluster) bool { return k.Name == name }) {
			continue
		}
		for _, e := range l.engine.Told(source) {
			inputs = append(inputs, &correlate.Event{Entity: e, Reason: "Deleted", Component: "quell/state", Count: 1, At: now, Source: source})
		}
		if len(l.engine.ToldEdges(source)) > 0 {
			inputs = append(inputs, &correlate.Topology{Source: source, Update: topology.Update{Replace: true}})
		}
	}
	return inputs
}

// clusterSink is the way of a cluster's watch into the loop.
type clusterSink struct {
	a    *App
	name string
}

// eventsMark is how far the events of a cluster are durable.
func (s clusterSink) eventsMark() string { return "kubernetes/" + s.name + "/events" }

// Submit implements [kubewatch.Sink].
func (s clusterSink) Submit(ctx context.Context, inputs []correlate.Input, checkpoint string) error {
	r := &request{inputs: inputs, done: make(chan error, 1)}
	r.with = func(step *step) error {
		if checkpoint != "" {
			step.put(storage.Marks, s.eventsMark(), checkpoint)
		}
		return step.refused(inputs)
	}
	return s.a.loop.do(ctx, r)
}

// checkpoint is the one that was submitted last. One that is damaged is none: the engine knows repeats of events that it is told again.
func (s clusterSink) checkpoint() (checkpoint string, err error) {
	v, err := s.a.store.Get(storage.Marks, []byte(s.eventsMark()))
	if err != nil && !errors.Is(err, storage.ErrDamagedRow) {
		return "", err
	}
	if v != nil && json.Unmarshal(v, &checkpoint) != nil {
		checkpoint = ""
	}
	return checkpoint, nil
}

// Ill implements [kubewatch.Sink].
func (s clusterSink) Ill(ctx context.Context, source string) (list []topology.Entity, err error) {
	err = s.a.loop.look(ctx, func(e *correlate.Engine) error {
		list = e.Told(source)
		return nil
	})
	return list, err
}

// Edges implements [kubewatch.Sink].
func (s clusterSink) Edges(ctx context.Context, source string) (list []topology.Edge, err error) {
	err = s.a.loop.look(ctx, func(e *correlate.Engine) error {
		list = e.ToldEdges(source)
		return nil
	})
	return list, err
}

// clusterStatus is a status in the API's notation.
func clusterStatus(st kubewatch.Status) web.ClusterStatus {
	out := web.ClusterStatus{
		Cluster: st.Cluster, Synced: st.Synced, StaleSince: timeOrNil(st.StaleSince), Error: st.Error,
		SkewSeconds: st.Skew.Round(time.Millisecond).Seconds(), Checkpoint: st.Checkpoint, Kinds: make([]web.KindStatus, len(st.Kinds)),
	}
	for i, k := range st.Kinds {
		out.Kinds[i] = web.KindStatus{
			Resource: k.Resource, API: k.API, Namespace: k.Namespace, State: string(k.State), Objects: k.Objects, Refused: k.Refused,
			LastHeard: timeOrNil(k.LastHeard), LastError: k.LastError, LastFailed: timeOrNil(k.LastFailed), FailingSince: timeOrNil(k.FailingSince),
		}
	}
	return out
}

// timeOrNil leaves out a time that never was.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = plain(t)
	return &t
}
