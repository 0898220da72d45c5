package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// group runs the parts of the process and stops them one by one.
type group struct {
	ctx    context.Context // ends when the process is asked to stop, or when a part fails
	cancel context.CancelFunc

	mu   sync.Mutex
	errs []error
}

// part is one running function.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func newGroup(ctx context.Context) *group {
	g := &group{}
	g.ctx, g.cancel = context.WithCancel(ctx)
	return g
}

// start runs fn until its part is stopped. If it returns before, the whole group is asked to end.
func (g *group) start(name string, fn func(ctx context.Context) error) *part {
	// Parts do not inherit the group's end: they are stopped in order.
	ctx, cancel := context.WithCancel(context.WithoutCancel(g.ctx))
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer g.cancel()
		if err := fn(ctx); err != nil && !errors.Is(err, context.Canceled) {
			g.mu.Lock()
			g.errs = append(g.errs, fmt.Errorf("%s: %w", name, err))
			g.mu.Unlock()
		}
	}()
	return p
}

// wait returns when the group is to end.
func (g *group) wait() { <-g.ctx.Done() }

// errors joins what the parts returned.
func (g *group) errors() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}

// stop ends the part and waits for it.
func (p *part) stop() {
	p.cancel()
	<-p.done
}
