package kubewatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake"
)

// memorySink takes what a cluster tells, as the loop would.
type memorySink struct {
	mu         sync.Mutex
	inputs     []correlate.Input
	checkpoint string
	ill        []topology.Entity
	known      []topology.Edge
	// fail is asked before inputs are taken; nil takes all.
	fail func() error
}

func (s *memorySink) Submit(_ context.Context, inputs []correlate.Input, checkpoint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return err
		}
	}
	s.inputs = append(s.inputs, inputs...)
	if checkpoint != "" {
		s.checkpoint = checkpoint
	}
	return nil
}

func (s *memorySink) Ill(context.Context, string) ([]topology.Entity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ill, nil
}

// Edges returns what an earlier process told, and what this one told.
func (s *memorySink) Edges(context.Context, string) ([]topology.Edge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.known)
	for _, in := range s.inputs {
		if t, ok := in.(*correlate.Topology); ok {
			list = append(list, t.Edges...)
		}
	}
	return list, nil
}

func (s *memorySink) setFail(fail func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// events shows the events that were taken as "pod/shop/cart BackOff 3", those about the watch itself aside.
func (s *memorySink) events() []string { return s.show(false) }

// reports shows what was told about the watch itself.
func (s *memorySink) reports() []string { return s.show(true) }

func (s *memorySink) show(aboutWatch bool) (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.inputs {
		if e, ok := in.(*correlate.Event); ok && (e.Entity.Kind() == "source") == aboutWatch {
			line := fmt.Sprintf("%s %s", e.Entity, e.Reason)
			if e.Component != stateComponent {
				line += fmt.Sprintf(" %d", e.Count)
			}
			list = append(list, line)
		}
	}
	return list
}

// edges replays all updates of the topology and shows what is left.
func (s *memorySink) edges() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := make(map[topology.Edge]string) // edge: source
	for _, e := range s.known {
		left[e] = "before"
	}
	for _, in := range s.inputs {
		t, ok := in.(*correlate.Topology)
		if !ok {
			continue
		}
		for _, e := range t.RemoveEdges {
			delete(left, e)
		}
		for _, e := range t.Edges {
			left[e] = t.Source
		}
	}
	for e, source := range left {
		list = append(list, fmt.Sprintf("%s %s %s (%s)", e.From, e.Type, e.To, source))
	}
	slices.Sort(list)
	return list
}

// watched is a cluster that is watched, and the fake server that it is.
type watched struct {
	t      *testing.T
	server *fake.Kubernetes
	sink   *memorySink
	*Cluster
	stop func()
}

// quick is a pace for tests: pauses of minutes take moments. Servers have as long for their answers as ever, since a busy machine needs it.
var quick = pace{
	answer: time.Minute, page: time.Minute, silence: time.Minute, overtime: time.Second, settled: 20 * time.Millisecond,
	again: 8 * time.Millisecond, againMax: 20 * time.Millisecond, refused: 50 * time.Millisecond, forget: time.Minute, stale: 100 * time.Millisecond, look: 10 * time.Millisecond, retry: time.Millisecond, retryMax: 10 * time.Millisecond,
}

// newServer starts a fake API server.
func newServer(t *testing.T, settings fake.KubernetesSettings) *fake.Kubernetes {
	t.Helper()
	k, err := fake.NewKubernetes(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// kubeconfig writes a file that leads to a server.
func kubeconfig(t *testing.T, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
		users: [{name: u, user: {token: secret}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`, url)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start watches a server until the test ends or stop is called.
func start(t *testing.T, server *fake.Kubernetes, sink *memorySink, adapt ...func(*Config, *Options)) *watched {
	t.Helper()
	c := Config{Name: "eu", Kubeconfig: kubeconfig(t, server.URL()), QPS: 1000, Burst: 1000, Checkpoint: sink.checkpoint}
	o := Options{Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Version: "test", pace: quick}
	for _, f := range adapt {
		f(&c, &o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watched{t: t, server: server, sink: sink, Cluster: New(c, sink, o)}
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(w.stop)
	return w
}

// within waits until a claim holds.
func (w *watched) within(claim string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-deadline:
			w.t.Fatalf("not within a minute: %s\nevents: %q\nreports: %q\nstatus: %+v", claim, w.sink.events(), w.sink.reports(), w.Status())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (w *watched) synced() {
	w.t.Helper()
	w.within("synced", func() bool { return w.Status().Synced })
}

// lastReport is what was told last about the watch itself.
func (w *watched) lastReport() string {
	list := w.sink.reports()
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// kindOf returns the status of a kind.
func (w *watched) kindOf(resource string) KindStatus {
	for _, k := range w.Status().Kinds {
		if k.Resource == resource {
			return k
		}
	}
	return KindStatus{}
}

// saw reports whether an event was taken, how often.
func (w *watched) saw(event string) int {
	return strings.Count("\n"+strings.Join(w.sink.events(), "\n")+"\n", "\n"+event+"\n")
}

// pod is a Pod that is ready or waits for its image.
func pod(name string, isReady bool) string {
	status := `"phase":"Running","conditions":[{"type":"Ready","status":"True"}]`
	if !isReady {
		status = `"phase":"Pending","containerStatuses":[{"name":"app","state":{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}}]`
	}
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":%q},"spec":{"nodeName":"n1"},"status":{%s}}`, name, status)
}

// event is an Event about pod shop/cart.
func event(name, reason string, count int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"shop","name":%q},"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart"},
		"reason":%q,"type":"Warning","count":%d,"lastTimestamp":%q}`, name, reason, count, time.Now().UTC().Format(time.RFC3339))
}

var errFull = errors.New("too many requests are waiting")
