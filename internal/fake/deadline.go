package fake

import (
	"context"
	"sync"
)

// Deadline is a context whose time is over when a test says so, not when a machine was slow: its error is [context.DeadlineExceeded] from
// then on. It has no time that could be asked for, and ends with its parent as well. Its methods may be called concurrently.
type Deadline struct {
	context.Context
	done chan struct{} // its own: what is derived takes the error of the context whose channel it is
	mu   sync.Mutex
	err  error
}

// NewDeadline returns one that ends with parent, or earlier by Pass.
func NewDeadline(parent context.Context) *Deadline {
	d := &Deadline{Context: parent, done: make(chan struct{})}
	context.AfterFunc(parent, func() { d.end(parent.Err()) })
	return d
}

// Pass makes its time be over. Calling it again changes nothing.
func (d *Deadline) Pass() { d.end(context.DeadlineExceeded) }

func (d *Deadline) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
		close(d.done)
	}
}

// Done implements [context.Context].
func (d *Deadline) Done() <-chan struct{} { return d.done }

// Err implements [context.Context].
func (d *Deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}
