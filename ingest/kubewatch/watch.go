// Package kubewatch watches Kubernetes clusters and reports what it sees as inputs.
//
// A [Cluster] runs one client-go reflector for each kind of object, which lists, watches, resumes after a break where it left off, and
// starts over when the server has forgotten that place. What it brings is turned at once into an [ingest.KubernetesObject], kept on a shelf, and
// compared with what was there before. Differences go through a channel to the one goroutine that makes inputs of them and submits
// these. That channel is bounded and nothing before it buffers, so a slow engine makes the API server wait.
//
// What happened while nobody was watching is made up for. Objects that a list no longer holds are reported as deleted, including those
// that only the engine still knows from an earlier process; and each event is reported once, by the resource version up to which events are
// durable.
package kubewatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest"
)

// Config says which cluster to watch, and how.
type Config struct {
	// Name is appended to the names of entities. Possibly empty.
	Name string
	// Kubeconfig is the path of a file with the server's address and credentials. Empty means the service account of the pod that quell
	// runs in.
	Kubeconfig string
	// Context is one of the kubeconfig's; empty means its current one.
	Context string
	// Namespaces are those whose objects are watched; none means all. Objects outside of namespaces are watched in any case.
	Namespaces []string
	// QPS is how many requests a second quell sends in the long run, and Burst how many at once. Zero means 20 and 40.
	QPS   float64
	Burst int
	// Secrets is true if the metadata of secrets is watched. Their content never is.
	Secrets bool
	// Checkpoint is what [Sink.Submit] was told last; empty if it never was told any.
	Checkpoint string
	// Limits bound what is kept of an object.
	Limits ingest.Limits
}

func (c *Config) qps() float32 {
	if c.QPS == 0 {
		return 20
	}
	return float32(c.QPS)
}

func (c *Config) burst() int {
	if c.Burst == 0 {
		return 40
	}
	return c.Burst
}

// source is how inputs name where they come from.
func (c *Config) source() string {
	if c.Name == "" {
		return "kubernetes"
	}
	return "kubernetes/" + c.Name
}

// entity stands for the watch itself: what is wrong with it is a symptom like others.
func (c *Config) entity() topology.Entity {
	name := "kubernetes"
	if c.Name != "" {
		name += "-" + c.Name
	}
	return topology.NewEntity("source", "", name, "")
}

// Sink takes what a cluster tells: the loop.
type Sink interface {
	// Submit returns once the inputs are durable, and with them the checkpoint, unless that is empty. After an error they are submitted
	// again; a [*topology.FullError] means that they were taken but for what there was no room for.
	Submit(ctx context.Context, inputs []correlate.Input, checkpoint string) error
	// Ill returns the entities with symptoms that events of a source told.
	Ill(ctx context.Context, source string) ([]topology.Entity, error)
	// Edges returns the dependencies that a source told and did not take back.
	Edges(ctx context.Context, source string) ([]topology.Edge, error)
}

// Options are what all clusters share. Log and Metrics must be set.
type Options struct {
	Log     *slog.Logger
	Metrics *Metrics
	// Version is what API servers see as the name of the client.
	Version string
	// Now is the wall clock; nil means [time.Now].
	Now func() time.Time
	// pace is how patient to be; zero means defaultPace.
	pace pace
}

// pace is how long things may take, and how often they are tried.
type pace struct {
	// answer is how long a server may take to begin with its answer, page how long a page of a list may take as a whole.
	answer, page time.Duration
	// silence is how long a watch may be without a sign of life where the server sends bookmarks, and overtime how much longer than
	// asked for one may last.
	silence, overtime time.Duration
	// settled is when a watch that was just begun counts as begun well.
	settled time.Duration
	// again is the first pause before something that failed is tried again. It doubles up to againMax, or up to refused where something is
	// forbidden or missing, and is forgotten when nothing failed for as long as forget.
	again, againMax, refused, forget time.Duration
	// stale is how long something may not be watched until that is a symptom; look is how often that is looked at.
	stale, look time.Duration
	// retry is the first pause before inputs are submitted again; it doubles up to retryMax.
	retry, retryMax time.Duration
}

var defaultPace = pace{
	answer: 30 * time.Second, page: 2 * time.Minute, silence: 150 * time.Second, overtime: 30 * time.Second, settled: time.Second,
	// client-go goes up to 30 s, and twice that by chance, for the sake of servers with thousands of nodes. quell is one client, and
	// people wait for it to see again.
	again: 800 * time.Millisecond, againMax: 10 * time.Second, refused: 2 * time.Minute, forget: 2 * time.Minute,
	stale: time.Minute, look: time.Second, retry: 100 * time.Millisecond, retryMax: 10 * time.Second,
}

// changesWaiting is how many changes of objects may wait to be made into inputs. When there are as many, reading stops, and the API
// server has to wait.
const changesWaiting = 256

// Cluster watches one cluster. Its methods are safe for concurrent use.
type Cluster struct {
	config  Config
	options Options
	sink    Sink
	lens    ingest.KubernetesLens
	log     *slog.Logger
	// changes carries what parts saw to the goroutine of Run. When it is full, parts wait.
	changes chan change
	// stopped is closed when Run ends, so that nobody waits for it.
	stopped chan struct{}
	parts   []*part
	guards  sync.WaitGroup // of watches under way
	failing atomic.Int32   // parts that cannot be watched

	mu sync.Mutex
	// revived is closed, and made anew, when a part got an answer after it had failed.
	revived chan struct{}
	// fault is why there is no connection to try at all, since the credentials cannot be read; nil if there is. since is when it was
	// first so.
	fault error
	since time.Time
	skew  time.Duration
	// staleSince is when the engine was told that the watch is stale; zero while it is not.
	staleSince time.Time
	synced     bool
	checkpoint string
}

// New returns a cluster that is not watched yet.
func New(c Config, sink Sink, o Options) *Cluster {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.pace == (pace{}) {
		o.pace = defaultPace
	}
	w := &Cluster{
		config: c, options: o, sink: sink, checkpoint: c.Checkpoint, log: o.Log.With(slog.String("cluster", c.Name)),
		lens:    ingest.KubernetesLens{Cluster: c.Name, Source: c.source(), Limits: c.Limits},
		changes: make(chan change, changesWaiting), stopped: make(chan struct{}), revived: make(chan struct{}),
	}
	list := kinds
	if c.Secrets {
		list = append(list[:len(list):len(list)], secrets)
	}
	for _, variants := range list {
		namespaces := c.Namespaces
		if len(namespaces) == 0 || !variants[0].namespaced {
			namespaces = []string{""}
		}
		for _, ns := range namespaces {
			w.parts = append(w.parts, newPart(w, variants, ns))
		}
	}
	return w
}

// Run watches until ctx ends. What goes wrong is tried again, told as a symptom if it lasts, and shown by [Cluster.Status]. It must be
// called once.
func (w *Cluster) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(w.stopped)
	wg.Go(func() { w.reflect(ctx) })
	p := pump{cluster: w, checkpoint: parseCheckpoint(w.config.Checkpoint), dues: newDues(), edges: make(edgeSet)}
	p.run(ctx)
}

// reflect runs a reflector for each part, as soon as credentials can be read. They may come later than quell.
// goroutine: one for each part.
func (w *Cluster) reflect(ctx context.Context) {
	for !w.connect() {
		if !sleep(ctx, w.options.pace.retryMax) {
			return
		}
	}
	// What went wrong is told by parts, in words of their own.
	ctx = klog.NewContext(ctx, logr.Discard())
	var wg sync.WaitGroup
	for _, p := range w.parts {
		store := cache.ReflectorStore(&shelf{part: p})
		if p.isEvents() {
			store = &belt{part: p, seen: newSeen(parseCheckpoint(w.config.Checkpoint).of(p.namespace))}
		}
		lists := &cache.ListWatch{ListWithContextFunc: p.list, WatchFuncWithContext: p.watch}
		// Parts pause by themselves, in a way that can be ended.
		backoff := wait.Backoff{Duration: w.options.pace.again / 4, Factor: 1, Steps: 1}
		r := cache.NewReflectorWithOptions(lists, nil, store, cache.ReflectorOptions{
			Name: w.config.source(), TypeDescription: p.variants[0].resource, Backoff: &backoff,
		})
		r.WatchListPageSize = pageItems
		wg.Go(func() { r.RunWithContext(ctx) })
	}
	wg.Wait()
	w.guards.Wait()
}

// connect makes the clients of all parts; it reports false if that is not possible now.
func (w *Cluster) connect() bool {
	c, err := newClient(&w.config, &w.options, w.measured)
	for _, p := range w.parts {
		if err == nil {
			err = p.connect(c)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && (w.fault == nil || w.fault.Error() != err.Error()) {
		w.log.Warn("kubernetes cluster cannot be reached", slog.Any("error", err))
	}
	if w.fault == nil {
		w.since = w.options.Now()
	}
	w.fault = err
	return err == nil
}

// revival returns what is closed when a part gets an answer after it had failed.
func (w *Cluster) revival() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.revived
}

// revive lets all parts try again at once.
func (w *Cluster) revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.revived)
	w.revived = make(chan struct{})
}

// measured notes how far the server's clock is ahead.
func (w *Cluster) measured(skew time.Duration) {
	w.mu.Lock()
	w.skew = skew
	w.mu.Unlock()
	w.options.Metrics.skew.WithLabelValues(w.config.Name).Set(skew.Seconds())
}

var errStopped = errors.New("the watch ends")

// tell hands a change to the pump. It waits while that is busy.
func (w *Cluster) tell(c change) error {
	select {
	case w.changes <- c:
		return nil
	case <-w.stopped:
		return errStopped
	}
}

// sleep waits; it reports false if ctx ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
