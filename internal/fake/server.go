// Package fake has servers that speak the protocols of PagerDuty and Slack on a loopback port, with the semantics that
// matter to a sender: deduplication at the one, none at the other, limits, error answers. Tests and `quell demo` page
// them instead of people. Faults can be switched on request by request.
//
// Memory is bounded: beyond a generous limit the oldest records are forgotten.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxRequestBytes bounds what a fake reads of one request; it is above what the real services accept.
const maxRequestBytes = 2 << 20

// Fault is what goes wrong with one request. The zero value is nothing.
type Fault struct {
	// Status answers with this HTTP status and has no effect otherwise. Zero means the normal answer.
	Status int
	// RetryAfter is sent as the header of that name beside Status.
	RetryAfter string
	// Code answers with this error of Slack's, as it does with HTTP status 200, and has no effect otherwise.
	Code string
	// Hang reads the request and never answers; it has no effect otherwise.
	Hang bool
	// DropAnswer does what was asked and then cuts the connection instead of answering.
	DropAnswer bool
	// SlowBody does what was asked and then answers one byte a second.
	SlowBody bool
}

// server is what both fakes have in common: a listener, the fault hook, a clean end.
type server struct {
	http   *http.Server
	addr   string
	closed context.Context
	cancel context.CancelFunc
	served chan struct{}

	mu    sync.Mutex
	fault func(n int, action string) Fault
	n     int
}

// start listens on a free port of 127.0.0.1.
func (s *server) start(routes http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("fake server: %w", err)
	}
	s.addr = listener.Addr().String()
	s.closed, s.cancel = context.WithCancel(context.Background())
	s.served = make(chan struct{})
	s.http = &http.Server{Handler: http.MaxBytesHandler(routes, maxRequestBytes), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		// The error is always ErrServerClosed: nobody but Close ends it.
		_ = s.http.Serve(listener)
	}()
	return nil
}

// URL is the server's base address, without a slash at its end.
func (s *server) URL() string { return "http://" + s.addr }

// Close cuts all connections and waits for the listener to end.
func (s *server) Close() error {
	s.cancel()
	err := s.http.Close()
	<-s.served
	return err
}

// SetFault sets what decides about the fault of the n-th request (from 1). The action is the event's action at
// PagerDuty and the method's name at Slack. Nil means no faults.
func (s *server) SetFault(fault func(n int, action string) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// nextFault counts a request.
func (s *server) nextFault(action string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if s.fault == nil {
		return Fault{}
	}
	return s.fault(s.n, action)
}

// prevents answers (or not) in place of a request's effect, and reports whether it did.
func (s *server) prevents(f Fault, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.closed.Done():
		}
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		http.Error(w, http.StatusText(f.Status), f.Status)
		return true
	}
	return false
}

// answer sends JSON after a request's effect, as the fault allows.
func (s *server) answer(f Fault, w http.ResponseWriter, status int, body any) {
	if f.DropAnswer {
		panic(http.ErrAbortHandler)
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic("fake: " + err.Error()) // The answers are our own.
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if !f.SlowBody {
		_, _ = w.Write(data) // The client may be gone, which is its business.
		return
	}
	for i := range data {
		_, err := w.Write(data[i : i+1])
		if err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-s.closed.Done():
			return
		case <-time.After(time.Second):
		}
	}
}
