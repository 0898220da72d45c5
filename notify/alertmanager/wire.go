//go:build !slim

package alertmanager

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswerBytes bounds what one connection takes in: far more than any receiver answers.
const maxAnswerBytes = 8 << 20

// wire makes the connections of one attempt. They end with its deadline, whatever the code above them heeds, and take in a bounded
// amount.
type wire struct {
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	deadline time.Time
	// connected is true once there was a connection: before, certainly nothing has arrived.
	connected atomic.Bool

	mu   sync.Mutex
	open []net.Conn // under mu; over is true once they were cut
	over bool
}

// cut ends all that its connections wait for, now and later. Not all code above them heeds that an attempt was called off, and a process
// that is to stop cannot wait for a mail server.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for _, c := range w.open {
		_ = c.SetDeadline(time.Unix(1, 0)) // it is closed already
	}
}

// keep notes a connection, and gives it its time.
func (w *wire) keep(c net.Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return context.Canceled
	}
	w.open = append(w.open, c)
	return c.SetDeadline(w.deadline)
}

// DialContext connects.
func (w *wire) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !w.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.deadline)
		defer cancel()
	}
	c, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := w.keep(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	w.connected.Store(true)
	return &boundedConn{Conn: c, left: maxAnswerBytes}, nil
}

// boundedConn fails instead of reading without an end.
type boundedConn struct {
	net.Conn
	left int
}

// Read reads what is left at most.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("answer is too long")
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// attempted is how an attempt went.
type attempted struct {
	err error
	// retry is true if Alertmanager's notifier would try it again.
	retry bool
	// unsent is true if there was no connection at all.
	unsent bool
}

func (w *wire) attempted(err error) attempted {
	return attempted{err: err, unsent: !w.connected.Load()}
}
