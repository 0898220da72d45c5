// Package ingest is the edge that takes requests in: it reads bodies within limits, decodes them into inputs of package
// correlate, and answers a sender once its inputs are durable.
//
// Decoders are pure functions of body, time and limits, so that replay can read files with them, too. They are strict
// about the body (a duplicate key, invalid UTF-8 or text after the end make it malformed, since another reader could
// understand it differently) and forgiving about its items: an alert that is wrong in itself is rejected with its
// index, and never takes its neighbours down with it.
package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/correlate/topology"
)

// Submitter takes inputs on their way to the engine.
type Submitter interface {
	// Submit blocks until the inputs are durable, and returns an error if they may not be: then the sender is asked to
	// send them again, unless it is a [*topology.FullError] or a [*correlate.HeartbeatError]. Inputs of one call may share memory; who keeps one for long copies what
	// it needs. Submit is called concurrently.
	Submit(ctx context.Context, inputs []correlate.Input) error
}

// Config is the configuration of a [Server].
type Config struct {
	// Limits bounds what is taken of a body.
	Limits Limits
	// Body bounds how bodies are read.
	Body BodyConfig
	// Now tells the time at which a body counts as received. Nil means [time.Now].
	Now func() time.Time
	// Quarantine is told of each body that was refused as malformed or too large, and of items that were, for sending them
	// again does not help: with the request's path, at most the first 64 KiB of a malformed body, and what is wrong. It is
	// called concurrently and must copy body if it keeps it. Nil means that nobody is told.
	Quarantine func(path string, body []byte, reason string)
}

// Validate reports every problem, by field path.
func (c *Config) Validate() error {
	var errs []error
	if err := c.Limits.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("limits: %w", err))
	}
	if err := c.Body.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("body: %w", err))
	}
	return errors.Join(errs...)
}

const (
	// maxQuarantineBytes is how much of a malformed body is kept.
	maxQuarantineBytes = 64 << 10
	// maxReasonBytes bounds a reason in an answer.
	maxReasonBytes = 1 << 10
)

// Server answers those who send alerts, events and topology. It is safe for concurrent use.
type Server struct {
	cfg     Config
	sub     Submitter
	bodies  *BodyReader
	metrics *metrics
	log     *slog.Logger
	warned  *recently
}

// New returns a server that gives what it reads to sub. It panics if cfg is not valid, or if its metrics are registered
// already.
func New(cfg Config, sub Submitter, reg prometheus.Registerer, log *slog.Logger) *Server {
	if err := cfg.Validate(); err != nil {
		panic("ingest: " + err.Error())
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{
		cfg: cfg, sub: sub, bodies: NewBodyReader(cfg.Body), metrics: newMetrics(reg), log: log,
		warned: newRecently(time.Minute),
	}
}

// Register adds the server's paths to mux.
func (s *Server) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+heartbeatPath, s.heartbeat)
	for _, rt := range []route{
		{path: "/api/v1/alertmanager", decode: s.alertmanager},
		{path: "/api/v1/alertmanager/events", decode: s.recorder},
		{path: "/api/v2/alerts", decode: s.prometheus, isSilent: true},
		{path: "/api/v1/kubernetes", decode: s.kubernetes},
		{path: "/api/v1/topology", decode: s.topology},
	} {
		mux.HandleFunc("POST "+rt.path, func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			a := s.serve(w, r, rt)
			a.write(w)
			s.metrics.requests.WithLabelValues(rt.path, strconv.Itoa(a.code)).Inc()
			s.metrics.seconds.Observe(time.Since(start).Seconds())
		})
	}
}

// route is a path and what reads its bodies.
type route struct {
	path   string
	decode func(r *http.Request, body []byte, now time.Time) (decoded, error)
	// isSilent is true if success is answered with an empty body, as Alertmanager does.
	isSilent bool
}

// decoded is what a body holds.
type decoded struct {
	inputs []correlate.Input
	// accepted is how many items the sender is told were taken.
	accepted int
	Rejections
}

// answer is what a sender is told.
type answer struct {
	code int
	body any
	// isRetryable is true if the sender should come back in some seconds; closes, if the rest of its body is not wanted.
	isRetryable, closes bool
}

type failure struct {
	Error string `json:"error"`
}

type success struct {
	Accepted int         `json:"accepted"`
	Rejected []Rejection `json:"rejected,omitempty"`
	// RejectedTotal counts those too that are not listed.
	RejectedTotal int `json:"rejected_total,omitempty"`
}

func fail(code int, reason string) answer {
	return answer{code: code, body: failure{Error: string(cut([]byte(reason), maxReasonBytes))}}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt route) answer {
	if ct := r.Header.Get("Content-Type"); !isJSON(ct) {
		a := fail(http.StatusUnsupportedMediaType, "content type "+quote([]byte(ct))+" (want application/json)")
		a.closes = true
		return a
	}
	body, err := s.bodies.ReadBody(w, r)
	if err != nil {
		return s.unread(r.Context(), rt, err)
	}
	defer body.Release()
	s.metrics.bodyBytes.Observe(float64(len(body.Bytes)))
	d, err := rt.decode(r, body.Bytes, s.cfg.Now())
	if err != nil {
		return s.malformed(r.Context(), rt, body.Bytes, err)
	}
	body.Recycle()
	if len(d.inputs) > 0 {
		err := s.sub.Submit(r.Context(), d.inputs)
		if full, ok := errors.AsType[*topology.FullError](err); ok {
			return s.full(r.Context(), rt, full)
		}
		if err != nil {
			if s.mayWarn(rt.path + " submit") {
				s.log.LogAttrs(r.Context(), slog.LevelWarn, "inputs not taken", slog.String("path", rt.path), slog.Any("error", err))
			}
			a := fail(http.StatusServiceUnavailable, "not stored, send again: "+err.Error())
			a.isRetryable = true
			return a
		}
		s.metrics.took(rt.path, d.inputs)
	}
	return s.taken(r.Context(), rt, d)
}

// full answers an update that the graph has no room for: nothing of it was taken, and to send it again does not help.
func (s *Server) full(ctx context.Context, rt route, err error) answer {
	s.metrics.rejected.WithLabelValues(rt.path).Inc()
	if s.mayWarn(rt.path + " full") {
		s.log.LogAttrs(ctx, slog.LevelWarn, "update refused", slog.String("path", rt.path), slog.Any("error", err))
	}
	s.refused(rt, nil, err.Error())
	return fail(http.StatusRequestEntityTooLarge, err.Error())
}

// taken answers a body of which at least the good items are durable.
func (s *Server) taken(ctx context.Context, rt route, d decoded) answer {
	if n := d.RejectedCount; n > 0 {
		s.metrics.rejected.WithLabelValues(rt.path).Add(float64(n))
		if s.mayWarn(rt.path + " rejected") {
			s.log.LogAttrs(ctx, slog.LevelWarn, "items of a body rejected", slog.String("path", rt.path),
				slog.Int("rejected", n), slog.Int("accepted", d.accepted), slog.String("first_reason", d.Rejected[0].Reason))
		}
		s.refused(rt, nil, fmt.Sprintf("%d of its items could not be read, first item %d: %s", n, d.Rejected[0].Index, d.Rejected[0].Reason))
		return answer{code: http.StatusBadRequest, body: success{d.accepted, d.Rejected, n}}
	}
	if rt.isSilent {
		return answer{code: http.StatusOK}
	}
	return answer{code: http.StatusOK, body: success{Accepted: d.accepted}}
}

// malformed answers a body of which nothing was taken. The sender will not send it again, so it is kept elsewhere.
func (s *Server) malformed(ctx context.Context, rt route, body []byte, err error) answer {
	s.metrics.rejected.WithLabelValues(rt.path).Inc()
	if s.mayWarn(rt.path + " malformed") {
		s.log.LogAttrs(ctx, slog.LevelWarn, "malformed body", slog.String("path", rt.path), slog.Any("error", err))
	}
	s.refused(rt, body, err.Error())
	return fail(http.StatusBadRequest, err.Error())
}

// refused tells whoever wants to know what senders will not get in by sending it again.
func (s *Server) refused(rt route, body []byte, reason string) {
	if s.cfg.Quarantine != nil {
		s.cfg.Quarantine(rt.path, body[:min(len(body), maxQuarantineBytes)], reason)
	}
}

// unread answers a body that could not be read.
func (s *Server) unread(ctx context.Context, rt route, err error) answer {
	a := fail(http.StatusInternalServerError, err.Error())
	if e, ok := errors.AsType[*StatusError](err); ok {
		a.code = e.Code
	}
	a.closes = true
	a.isRetryable = a.code == http.StatusServiceUnavailable
	if a.code == http.StatusRequestEntityTooLarge {
		s.refused(rt, nil, err.Error())
	}
	if s.mayWarn(rt.path + " unread " + strconv.Itoa(a.code)) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "body not read", slog.String("path", rt.path), slog.Int("code", a.code), slog.Any("error", err))
	}
	return a
}

func (a answer) write(w http.ResponseWriter) {
	if a.closes {
		w.Header().Set("Connection", "close")
	}
	if a.isRetryable {
		// Senders that were turned away together should not come back together.
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	}
	if a.body == nil {
		w.WriteHeader(a.code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.code)
	// An error here means that the sender is gone; it will send again, which does no harm.
	_ = json.NewEncoder(w).Encode(a.body)
}

// isJSON reports whether a content type may be JSON; that there is none is taken for it.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.Contains(t, "json")
}

// mayWarn reports whether to log what can happen with every request: at most once a minute for each key.
func (s *Server) mayWarn(key string) bool { return s.warned.first(key, time.Now()) }
