package kubewatch

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// guard is a watch that ends when it shows no sign of life. A server that hangs keeps its connections, and a reflector would wait for
// frames for as long as they last.
type guard struct {
	part   *part
	inner  watch.Interface
	out    chan watch.Event // not buffered: what is not taken is not read
	cancel func()
	done   chan struct{}
	once   sync.Once
	// silence bounds the time between two frames, end the time of the whole watch.
	silence time.Duration
	end     <-chan time.Time
}

// neverQuiet is longer than any watch.
const neverQuiet = 24 * time.Hour

// newGuard takes a watch over and starts its goroutine, which ends with the watch or with Stop.
func newGuard(p *part, inner watch.Interface, o metav1.ListOptions, cancel func()) *guard {
	g := &guard{
		part: p, inner: inner, cancel: cancel, out: make(chan watch.Event), done: make(chan struct{}), silence: p.pace().silence,
	}
	if p.isEvents() && o.SendInitialEvents == nil {
		g.silence = neverQuiet // servers send no bookmarks for events, so that only end bounds it
	}
	if o.TimeoutSeconds != nil {
		g.end = time.After(time.Duration(*o.TimeoutSeconds)*time.Second + p.pace().overtime)
	}
	// goroutine: one for each watch, of which a part has one. It ends with the watch, which its reflector or the end of the reflector's context stops.
	p.cluster.guards.Go(g.run)
	return g
}

// ResultChan implements [watch.Interface].
func (g *guard) ResultChan() <-chan watch.Event { return g.out }

// Stop implements [watch.Interface].
func (g *guard) Stop() { g.once.Do(func() { close(g.done) }) }

func (g *guard) run() {
	defer close(g.out)
	defer g.cancel()
	defer g.inner.Stop()
	settled, quiet := time.NewTimer(g.part.pace().settled), time.NewTimer(g.silence)
	defer settled.Stop()
	defer quiet.Stop()
	begun := false
	for {
		select {
		case <-g.done:
			return
		case <-settled.C:
			begun = true
			g.part.alive()
		case <-quiet.C:
			g.part.quiet("the watch fell silent")
			return
		case <-g.end:
			g.part.quiet("the watch went on for longer than was asked for")
			return
		case e, ok := <-g.inner.ResultChan():
			if !ok && !begun {
				g.part.endedAtOnce()
			}
			if !ok || !g.pass(&e) {
				return
			}
			begun = true
			if e.Type == watch.Bookmark && g.part.isEvents() {
				g.silence = neverQuiet // the first bookmark of events is the last one: servers send them others of kinds only
			}
			quiet.Reset(g.silence)
		}
	}
}

// pass hands a frame on; it reports false if nobody wants it.
func (g *guard) pass(e *watch.Event) bool {
	m, w := g.part.cluster.options.Metrics, g.part.cluster
	m.frames.WithLabelValues(w.config.Name, g.part.resource(), string(e.Type)).Inc()
	if e.Type == watch.Error {
		g.part.broken(e.Object)
	} else {
		g.part.alive()
	}
	select {
	case g.out <- *e:
		return true
	case <-g.done:
		return false
	}
}
