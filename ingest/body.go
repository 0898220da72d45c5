package ingest

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// BodyConfig bounds how bodies are read. Zero fields mean the default that their comment names.
type BodyConfig struct {
	// MaxBytes is how long a body may be, as sent and also decompressed. Zero means 64 MiB, which is room for a
	// group of 100,000 alerts.
	MaxBytes int64
	// MemoryBytes is how much memory all bodies that are being worked on may take together; further ones wait. It is at
	// least twice MaxBytes. Zero means 256 MiB, or twice MaxBytes if that is more.
	MemoryBytes int64
	// WaitTimeout is how long a body waits for memory before its sender is told to come back. Zero means 10s.
	WaitTimeout time.Duration
	// ReadGrace is how long a sender may be slow; from then on it has to have sent BytesPerSecond on average.
	// Zero means 10s and 1 KiB.
	ReadGrace      time.Duration
	BytesPerSecond int64
	// ReadTimeout is how long a body may take in all, since it occupies memory. Zero means 2m.
	ReadTimeout time.Duration
}

// Validate reports every value out of range.
func (c *BodyConfig) Validate() error {
	var errs []error
	for _, f := range []struct {
		name     string
		negative bool
	}{
		{"max_bytes", c.MaxBytes < 0},
		{"memory_bytes", c.MemoryBytes < 0},
		{"wait_timeout", c.WaitTimeout < 0},
		{"read_grace", c.ReadGrace < 0},
		{"bytes_per_second", c.BytesPerSecond < 0},
		{"read_timeout", c.ReadTimeout < 0},
	} {
		if f.negative {
			errs = append(errs, fmt.Errorf("%s: negative", f.name))
		}
	}
	if d := c.withDefaults(); c.MemoryBytes > 0 && c.MemoryBytes < 2*d.MaxBytes {
		errs = append(errs, fmt.Errorf("memory_bytes: %d is less than twice max_bytes (%d)", c.MemoryBytes, d.MaxBytes))
	}
	return errors.Join(errs...)
}

// withDefaults fills zero fields.
func (c BodyConfig) withDefaults() BodyConfig {
	orDefault(&c.MaxBytes, 64<<20)
	orDefault(&c.MemoryBytes, max(256<<20, 2*c.MaxBytes))
	orDefault(&c.WaitTimeout, 10*time.Second)
	orDefault(&c.ReadGrace, 10*time.Second)
	orDefault(&c.BytesPerSecond, 1<<10)
	orDefault(&c.ReadTimeout, 2*time.Minute)
	return c
}

// StatusError is a reason not to read a body, with the HTTP status that tells the sender.
type StatusError struct {
	// Code is 400, 408, 413, 415 or 503.
	Code int
	// Reason is for people.
	Reason string
}

// Error returns the reason.
func (e *StatusError) Error() string { return e.Reason }

// BodyReader reads bodies of requests into shared, bounded memory. It is safe for concurrent use.
type BodyReader struct {
	cfg    BodyConfig
	budget budget
	// pools keep buffers of firstBytes, and each of growth times the one before.
	pools [poolCount]sync.Pool
	gzips sync.Pool
}

const (
	// firstBytes is the size of the first buffer of a body; most fit into it.
	firstBytes = 16 << 10
	// growth is how much larger the next buffer is.
	growth = 4
	// poolCount is how many sizes are kept: up to 1 MiB.
	poolCount = 4
)

// NewBodyReader returns a reader. It panics if cfg is not valid.
func NewBodyReader(cfg BodyConfig) *BodyReader {
	if err := cfg.Validate(); err != nil {
		panic("ingest: " + err.Error())
	}
	cfg = cfg.withDefaults()
	return &BodyReader{cfg: cfg, budget: budget{freeBytes: cfg.MemoryBytes}}
}

// Body is a body in memory. Its holder must call Release once.
type Body struct {
	// Bytes is the body, decompressed. It is good until Recycle or Release.
	Bytes []byte

	owner *BodyReader
	held  int64
}

// Recycle gives the buffer back, but not its share of the memory budget: what was decoded from it takes as much.
func (b *Body) Recycle() {
	b.owner.put(b.Bytes)
	b.Bytes = nil
}

// Release gives back all that the body took.
func (b *Body) Release() {
	b.Recycle()
	b.owner.budget.release(b.held)
	b.held = 0
}

// ReadBody reads the body of r, which may be compressed with gzip, once. It fails with a [*StatusError]: 413 if the body
// is too large, 415 if it is encoded otherwise, 408 if it comes too slowly, 503 if there was no memory for it
// in time, 400 if it is broken. After an error the connection should be closed.
//
// It sets the read deadline of the connection, and clears it again on success.
func (b *BodyReader) ReadBody(w http.ResponseWriter, r *http.Request) (*Body, error) {
	if r.ContentLength > b.cfg.MaxBytes {
		return nil, b.tooLarge()
	}
	wire := &wireReader{
		src:     http.MaxBytesReader(w, r.Body, b.cfg.MaxBytes),
		control: http.NewResponseController(w),
		cfg:     &b.cfg,
		start:   time.Now(),
	}
	var src io.Reader = wire
	expected := r.ContentLength
	switch encoding := strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ",")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := b.gunzip(wire)
		if err != nil {
			return nil, b.readError(err)
		}
		defer b.gzips.Put(z)
		src, expected = z, -1
	default:
		return nil, &StatusError{http.StatusUnsupportedMediaType, "content encoding " + quote([]byte(encoding)) + " (want gzip or identity)"}
	}
	body, err := b.fill(r.Context(), src, expected)
	if err != nil {
		return nil, err
	}
	wire.done()
	return body, nil
}

func (b *BodyReader) gunzip(src io.Reader) (*gzip.Reader, error) {
	if z, ok := b.gzips.Get().(*gzip.Reader); ok {
		return z, z.Reset(src)
	}
	return gzip.NewReader(src)
}

// fill reads src to its end. The buffer grows with what has arrived, not with what was announced, so that
// announcing much costs a sender as much as sending it.
func (b *BodyReader) fill(ctx context.Context, src io.Reader, expected int64) (_ *Body, err error) {
	body := &Body{owner: b}
	defer func() {
		if err != nil {
			body.Release()
		}
	}()
	for {
		if len(body.Bytes) == cap(body.Bytes) {
			if err := b.grow(ctx, body, expected); err != nil {
				return nil, err
			}
		}
		n, err := src.Read(body.Bytes[len(body.Bytes):cap(body.Bytes)])
		body.Bytes = body.Bytes[:len(body.Bytes)+n]
		if int64(len(body.Bytes)) > b.cfg.MaxBytes {
			return nil, b.tooLarge()
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, b.readError(err)
		}
	}
}

// grow moves the body into a larger buffer. One more byte than is expected or allowed lets the next read see the end.
func (b *BodyReader) grow(ctx context.Context, body *Body, expected int64) error {
	size := max(firstBytes, growth*int64(cap(body.Bytes)))
	if expected >= 0 && size > firstBytes<<8 { // smaller ones are better taken from a pool
		size = min(size, max(expected, int64(len(body.Bytes)))+1)
	}
	size = min(size, max(firstBytes, b.cfg.MaxBytes+1))
	if err := b.budget.acquire(ctx, size, b.cfg.WaitTimeout); err != nil {
		return &StatusError{http.StatusServiceUnavailable, err.Error()}
	}
	old, held := body.Bytes, body.held
	body.Bytes, body.held = append(b.get(size), old...), size
	b.put(old)
	b.budget.release(held)
	return nil
}

// get returns an empty buffer of exactly that capacity.
func (b *BodyReader) get(size int64) []byte {
	if i := poolOf(size); i >= 0 {
		if p, ok := b.pools[i].Get().(*[]byte); ok {
			return (*p)[:0]
		}
	}
	return make([]byte, 0, size)
}

func (b *BodyReader) put(buf []byte) {
	if i := poolOf(int64(cap(buf))); i >= 0 {
		b.pools[i].Put(&buf)
	}
}

// poolOf returns the pool of buffers of that size, or -1: large ones are too rare to be kept.
func poolOf(size int64) int {
	for i, s := 0, int64(firstBytes); i < poolCount; i, s = i+1, s*growth {
		if s == size {
			return i
		}
	}
	return -1
}

func (b *BodyReader) tooLarge() error {
	return &StatusError{http.StatusRequestEntityTooLarge, fmt.Sprintf(
		"body is larger than %d bytes (raise the limit here, or set max_alerts at the sender)", b.cfg.MaxBytes)}
}

// readError says what an error of reading means to the sender.
func (b *BodyReader) readError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return b.tooLarge()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &StatusError{http.StatusRequestTimeout, "body comes too slowly"}
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return &StatusError{http.StatusBadRequest, "body is no valid gzip"}
	}
	return &StatusError{http.StatusBadRequest, "body is cut off"}
}

// wireReader reads a body as it comes from the network, and gives up on a sender that is too slow. It goes by the
// clock of the machine, not by that of the configuration, for the network does too.
type wireReader struct {
	src     io.Reader
	control *http.ResponseController
	cfg     *BodyConfig
	start   time.Time
	n       int64
	set     time.Time
}

// Read fails with [os.ErrDeadlineExceeded] when the sender was too slow so far.
func (r *wireReader) Read(p []byte) (int, error) {
	deadline := r.start.Add(min(r.cfg.ReadTimeout, r.cfg.ReadGrace+time.Duration(r.n/r.cfg.BytesPerSecond)*time.Second))
	if deadline.Sub(r.set) >= time.Second {
		r.set = deadline
		// Where there is no connection, as in tests, the check below is all there is.
		_ = r.control.SetReadDeadline(deadline)
	}
	n, err := r.src.Read(p)
	r.n += int64(n)
	if err == nil && time.Now().After(deadline) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// done clears the deadline. Otherwise, net/http would take it for the end of the connection while it looks out for
// that during the rest of the request, and cancel the request's context.
func (r *wireReader) done() { _ = r.control.SetReadDeadline(time.Time{}) }
