package kubewatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// pageItems is how many objects a page of a list has.
const pageItems = 500

// part is what one reflector watches: a kind, in one namespace or in all. It lists and watches for the reflector, and adds what that
// does not know: how long to wait, what to do where something is forbidden, and how it goes.
type part struct {
	cluster   *Cluster
	variants  []kind
	namespace string
	places    []*place // for each variant; set before the reflector runs

	refused atomic.Uint64 // objects that could not be used

	mu sync.Mutex
	// variant is which of the variants is watched.
	variant int
	state   State
	objects int
	// synced is when the first list was complete, heard when the server sent something last; zero means never.
	synced, heard time.Time
	// failing is since when nothing can be watched; zero while it can.
	failing    time.Time
	lastError  string
	lastFailed time.Time
	// failures counts those since it worked for a while. notBefore is when to try again after the last one.
	failures  int
	missing   bool // the last answer was that there is no such kind
	notBefore time.Time
}

func newPart(w *Cluster, variants []kind, namespace string) *part {
	return &part{cluster: w, variants: variants, namespace: namespace, state: Syncing}
}

func (p *part) isEvents() bool { return p.variants[0].name == "Event" }

// resource names the part: for status, metrics and logs.
func (p *part) resource() string { return p.variants[0].resource }

func (p *part) connect(c *client) error {
	p.places = nil
	for _, k := range p.variants {
		at, err := c.at(&codec{kind: k, limits: p.cluster.config.Limits, refused: &p.refused}, p.namespace)
		if err != nil {
			return err
		}
		p.places = append(p.places, at)
	}
	return nil
}

// list asks for a page of objects.
func (p *part) list(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	at, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.pace().page, errors.New("the server did not answer in time"))
	defer cancel()
	l, err := at.list(ctx, o)
	if err != nil {
		return nil, p.failed(at, explained(ctx, err))
	}
	p.alive()
	return l, nil
}

// watch begins a watch.
func (p *part) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	at, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(p.pace().answer, func() { cancel(errors.New("the server did not answer in time")) })
	inner, err := at.watch(ctx, o)
	if err == nil && !late.Stop() {
		inner.Stop()
		err = context.Cause(ctx)
	}
	if err != nil && o.SendInitialEvents != nil && apierrors.IsInvalid(err) {
		cancel(nil)
		return nil, err // an older server, which gives lists only: the reflector asks for one next
	}
	if err != nil {
		err = p.failed(at, explained(ctx, err))
		cancel(nil)
		if o.SendInitialEvents != nil && !isStale(err) {
			// The reflector waits where it sees one of some errors, and could not be stopped meanwhile.
			return nil, errors.New(err.Error())
		}
		return nil, err
	}
	g := newGuard(p, inner, o, func() { cancel(nil) })
	context.AfterFunc(ctx, g.Stop) // a reflector that ends before it has synced leaves its watch as it is
	return g, nil
}

func (p *part) pace() *pace { return &p.cluster.options.pace }

// explained prefers the reason for which a request was given up.
func explained(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// isStale reports whether the server no longer knows, or not yet, the version that it was asked for. That is no failure: the reflector
// begins anew.
func isStale(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

// turn waits until the part may ask again, and returns where. That another part got an answer from a server that was away ends the
// pause of all.
func (p *part) turn(ctx context.Context) (*place, error) {
	p.mu.Lock()
	at, wait, revived := p.places[p.variant], p.notBefore.Sub(p.cluster.options.Now()), p.cluster.revival()
	if p.synced.IsZero() && (p.state == Forbidden || p.state == Absent) {
		revived = nil // that the server is back changes nothing
	}
	p.mu.Unlock()
	if wait <= 0 {
		return at, ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-revived:
	case <-ctx.Done():
	}
	return at, ctx.Err()
}

// alive notes that the server does what it should.
func (p *part) alive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = p.cluster.options.Now()
	if p.failing.IsZero() && p.state != Forbidden && p.state != Absent {
		return
	}
	p.failing, p.notBefore = time.Time{}, time.Time{}
	p.setState()
	p.cluster.revive()
	level := slog.LevelDebug
	if p.cluster.failing.Add(-1) == 0 {
		level = slog.LevelInfo
	}
	p.cluster.log.Log(context.Background(), level, "kubernetes kind watched again", slog.String("resource", p.resource()))
}

// setState says how it is while nothing fails.
func (p *part) setState() {
	p.state = Syncing
	if !p.synced.IsZero() {
		p.state = Synced
	}
}

// failed notes that a request ended in err, and returns it.
func (p *part) failed(at *place, err error) error {
	if errors.Is(err, context.Canceled) {
		return err // quell stops
	}
	reason := reasonOf(err)
	p.cluster.options.Metrics.errors.WithLabelValues(p.cluster.config.Name, p.resource(), reason).Inc()
	if isStale(err) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, level := p.cluster.options.Now(), slog.LevelDebug
	if forget := p.pace().forget; now.Sub(p.lastFailed) > forget && now.Sub(p.notBefore) > forget {
		p.failures = 0 // a pause is no time in which nothing failed
	}
	p.lastError, p.lastFailed = err.Error(), now
	p.postpone(p.pace().againMax)
	if p.failing.IsZero() {
		p.failing, p.state = now, Failing
		if p.cluster.failing.Add(1) == 1 {
			level = slog.LevelWarn // the others mostly fail for the same reason
		}
	}
	isForbidden, isAbsent := apierrors.IsForbidden(err), apierrors.IsNotFound(err)
	if (isForbidden || isAbsent) && p.refuse(at, isForbidden) {
		level = slog.LevelWarn
	} else if isAbsent {
		level = slog.LevelDebug
	}
	p.failures++
	p.cluster.log.Log(context.Background(), level, "kubernetes kind cannot be watched", slog.String("resource", p.resource()), slog.String("api", at.kind.apiVersion()),
		slog.String("reason", reason), slog.Any("error", err))
	return err
}

// refuse notes that a variant is forbidden or missing, which another one may not be, and reports whether that is news. p.mu is
// held. A kind that no server has is no trouble, and a permission that was never there is not a failure of the watch.
func (p *part) refuse(at *place, isForbidden bool) (news bool) {
	if at != p.places[p.variant] {
		return false // another request was refused the same
	}
	if p.variant = (p.variant + 1) % len(p.variants); p.variant != 0 {
		p.notBefore = time.Time{}
		return false
	}
	before := p.state
	if p.missing && isForbidden {
		p.failures = 0 // a server that starts forbids what it does not even have: it is asked again soon
	}
	p.missing = !isForbidden
	p.postpone(p.pace().refused)
	if p.state = Absent; isForbidden {
		p.state = Forbidden
	}
	return before != p.state && isForbidden
}

// postpone pauses after a failure: twice as long each time, up to a limit, and by chance up to half as much more, so that not all
// parts come at once. p.mu is held.
func (p *part) postpone(limit time.Duration) {
	pause := min(p.pace().again<<min(p.failures, 20), limit)
	p.notBefore = p.lastFailed.Add(pause + rand.N(pause/2+1))
}

// reasonOf names a kind of errors, for metrics.
func reasonOf(err error) string {
	_, isGarbage := errors.AsType[*garbageError](err)
	switch code := apierrors.ReasonForError(err); {
	case isGarbage:
		return "garbage"
	case isStale(err):
		return "expired"
	case apierrors.IsForbidden(err):
		return "forbidden"
	case apierrors.IsNotFound(err):
		return "absent"
	case apierrors.IsUnauthorized(err):
		return "unauthorized"
	case apierrors.IsTooManyRequests(err):
		return "throttled"
	case code != metav1.StatusReasonUnknown && code != "":
		return "refused"
	default:
		return "unavailable"
	}
}

// quiet notes that a watch was given up which told nothing any more. Whether the server is well is for the next request to tell.
func (p *part) quiet(why string) {
	p.cluster.options.Metrics.errors.WithLabelValues(p.cluster.config.Name, p.resource(), "silence").Inc()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastError, p.lastFailed = why, p.cluster.options.Now()
}

// endedAtOnce notes that a watch ended before it told anything: that is how client-go shows a connection that broke.
func (p *part) endedAtOnce() { _ = p.failed(p.place(), errors.New("the watch ended at once")) }

// place is where the part is watched now.
func (p *part) place() *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.places[p.variant]
}

// broken is what failed says of a watch that ended in an error frame.
func (p *part) broken(status runtime.Object) {
	err := apierrors.FromObject(status)
	if s, ok := status.(*metav1.Status); ok && s.Code == http.StatusInternalServerError && s.Details != nil {
		for _, c := range s.Details.Causes {
			if c.Type == "ClientWatchDecoding" {
				err = &garbageError{s.Message}
			}
		}
	}
	_ = p.failed(p.place(), err)
}

// garbageError says that what a server sent cannot be read.
type garbageError struct{ text string }

// Error returns what could not be read.
func (e *garbageError) Error() string { return fmt.Sprintf("the server sent garbage: %.300s", e.text) }
