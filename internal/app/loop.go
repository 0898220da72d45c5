package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
	"quell/storage"
)

// store is what the loop needs of a store.
type store interface {
	Commit(*storage.Batch) error
	Get(t storage.Table, key []byte) ([]byte, error)
	Scan(t storage.Table, from, to []byte, fn func(k, v []byte) error) error
	Last() (seq uint64, at time.Time)
	ID() string
	Trim(before time.Time, maxBytes int64) (removed int, err error)
	Stats() storage.Stats
}

// sender hands deliveries to receivers: the dispatcher.
type sender interface {
	Enqueue(deliveries ...routing.Delivery)
	Forget(key string)
}

var (
	errBusy     = errors.New("too many requests are waiting")
	errDegraded = errors.New("quell cannot store anything now")
	errStopping = errors.New("quell is shutting down")
)

const (
	// stepInputs is how many inputs one step takes at most: more wait for the next, so that a huge body does not keep everybody
	// waiting behind one transaction.
	stepInputs = 4096
	// retryCommit is the pause between attempts to store what could not be stored.
	retryCommit = time.Second
	// submitWait is how long a sender waits for its commit before it is asked to come back.
	submitWait = 10 * time.Second
)

// request is one call into the loop. inputs become part of the next step, unless check refuses; with may add to what that step
// stores, or read, after the engine was stepped. done gets the answer once all is durable.
type request struct {
	inputs []correlate.Input
	check  func(*correlate.Engine) error
	with   func(*step) error
	read   bool       // with only reads: it is served even while nothing can be stored
	done   chan error // buffered: the loop never waits for a caller that went away
	// mu is held while check and with run, and guards gone: the caller waits no longer, and was told that it failed.
	mu   sync.Mutex
	gone bool
	// answered is true once done was sent something. It belongs to the loop, as all of a request that was taken from the queue does.
	answered bool
}

// answer tells the caller how it ended; only the first answer counts.
func (r *request) answer(err error) {
	if !r.answered {
		r.answered = true
		r.done <- err
	}
}

// leave says that the caller goes. When it returns, check and with do not run, and of a read they never will: what they write to, the
// caller reads without a lock.
func (r *request) leave() {
	r.mu.Lock()
	r.gone = true
	r.mu.Unlock()
}

// allowed runs check. Who asks for something that may be refused, and went away, was told that it is not done.
func (r *request) allowed(e *correlate.Engine) error {
	if r.check == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return errBusy
	}
	return r.check(e)
}

// run runs with, unless there is nobody left to read for. What is written is written all the same: its inputs are part of the step.
func (r *request) run(s *step) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone && r.read {
		return errBusy
	}
	return r.with(s)
}

// loop owns the engine. All its methods but submit and call belong to the goroutine of run.
type loop struct {
	store   store
	send    sender
	log     *slog.Logger
	metrics *metrics
	compile correlate.Compiler

	engine *correlate.Engine
	// escalations are stepped with the engine. Their router is that of the engine's policy.
	escalations *routing.Escalations
	// conditions are what quell said of itself, and is to take back once it is over.
	conditions *routing.Conditions

	clock  *clock
	seq    uint64
	nextID uint64 // of deliveries
	audits uint64 // entries of the audit log, to tell those of one instant apart
	// dead is what was given up. current is the configuration in force.
	dead    deadLetters
	current func() *setup
	// lost is what the first step has to tell that nobody can end at its receiver any more.
	lost []notify.Begun
	// poisoned counts the requests that went into quarantine.
	poisoned int
	// broken is why the engine cannot be stepped any more, nil while it can.
	broken error
	// behind are steps that the store did not take yet, oldest first. While there are any, nothing new is accepted.
	behind  []*step
	touched touches
	fresh   map[model.Fingerprint]struct{} // see sortOut; reused from batch to batch
	record  []byte                         // reused from commit to commit
	spare   *memory
	safe    *safeMode

	// queue holds requests that wait for the next batch. When it is full, submit fails with errBusy.
	queue chan *request
	// stopped is closed when run has returned: nobody answers any more.
	stopped chan struct{}
}

// submit gives inputs to the loop and waits until they are durable. The error is a [*topology.FullError] if there was no room for an
// update among them; the others were taken. It is a [*correlate.HeartbeatError] if nobody expects a heartbeat among them: then
// nothing was.
func (l *loop) submit(ctx context.Context, inputs []correlate.Input) error {
	r := &request{inputs: inputs, done: make(chan error, 1)}
	if slices.ContainsFunc(inputs, isTopology) {
		r.with = func(s *step) error { return s.refused(inputs) }
	}
	if slices.ContainsFunc(inputs, isHeartbeat) {
		r.check = func(e *correlate.Engine) error { return expected(e, inputs) }
	}
	return l.do(ctx, r)
}

// look runs fn in the loop, between steps. fn must not change anything.
func (l *loop) look(ctx context.Context, fn func(*correlate.Engine) error) error {
	with := func(*step) error { return fn(l.engine) }
	return l.do(ctx, &request{with: with, read: true, done: make(chan error, 1)})
}

func (l *loop) do(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeoutCause(ctx, submitWait, errBusy)
	defer cancel()
	select {
	case l.queue <- r:
	case <-l.stopped:
		return errStopping
	default:
		l.metrics.busy.Inc()
		return errBusy
	}
	select {
	case err := <-r.done:
		return err
	case <-l.stopped:
	case <-ctx.Done():
		r.leave()
	}
	// An answer counts, even if the caller wakes only after the loop has ended or the time is over.
	select {
	case err := <-r.done:
		return err
	default:
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return errStopping
}

// run steps the engine until ctx ends. It returns an error when the process must end: the store's state is unknown.
func (l *loop) run(ctx context.Context) error {
	defer close(l.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(l.wait())
		select {
		case <-ctx.Done():
			return l.drain()
		case r := <-l.queue:
			if err := l.batch(l.gather(r)); err != nil {
				return err
			}
		case <-timer.C:
			if err := l.tick(); err != nil {
				return err
			}
		}
	}
}

// wait is how long there is nothing to do without requests.
func (l *loop) wait() time.Duration {
	const idle = 10 * time.Second // to notice a clock that jumps
	if len(l.behind) > 0 {
		return retryCommit
	}
	at, ok := l.deadline()
	if next, more := l.conditions.Deadline(); more && (!ok || next.Before(at)) {
		at, ok = next, true
	}
	if !ok || l.broken != nil {
		return idle
	}
	return min(max(at.Sub(l.clock.last)-l.clock.since(l.clock.read), 0), idle)
}

// deadline is when there must be a step even without requests.
func (l *loop) deadline() (at time.Time, ok bool) {
	at, ok = l.engine.Deadline()
	if next, more := l.escalations.Deadline(); more && (!ok || next.Before(at)) {
		return next, true
	}
	return at, ok
}

// gather takes what else waits, up to one step's worth.
func (l *loop) gather(first *request) []*request {
	batch, n := []*request{first}, len(first.inputs)
	for n < stepInputs {
		select {
		case r := <-l.queue:
			batch = append(batch, r)
			n += len(r.inputs)
		default:
			return batch
		}
	}
	return batch
}

// tick does what is due without requests.
func (l *loop) tick() error {
	if err := l.catchUp(); err != nil {
		return err
	}
	return l.batch(nil)
}

// batch makes one step of the requests, stores it, and answers them.
func (l *loop) batch(requests []*request) error {
	if err := l.catchUp(); err != nil {
		answer(requests, err)
		return err
	}
	switch {
	case l.broken != nil:
		answer(requests, fmt.Errorf("%w: %w", errDegraded, l.broken))
		return nil
	case len(l.behind) > 0:
		// The store takes nothing: senders must keep what they have. Time goes on, though, and so do pages and readers.
		requests = refuse(requests, fmt.Errorf("%w: %w", errDegraded, l.safe.why(reasonStore)))
	}
	now, jumped := l.clock.now()
	s := l.newStep(now)
	if !jumped.IsZero() {
		s.inputs = append(s.inputs, &correlate.Gap{From: jumped, To: now, Why: "the clock was moved or the machine slept"})
		l.log.Warn("clock jumped", slog.Duration("by", now.Sub(jumped)))
	}
	todo := l.sortOut(s, requests)
	if err := l.step(s); err != nil {
		return l.recoverFrom(err, s, todo)
	}
	return l.finish(s, todo)
}

// sortOut sorts out what says nothing new, and returns the requests that have to wait for the commit.
func (l *loop) sortOut(s *step, requests []*request) []*request {
	todo, late := requests[:0:0], l.clock.late()
	// The engine knows of nothing that this batch says, so an alert that comes twice in it is never unchanged the second time: it may
	// have ended, or begun, in between.
	if l.fresh == nil {
		l.fresh = make(map[model.Fingerprint]struct{})
	}
	clear(l.fresh)
	for _, r := range requests {
		if err := r.allowed(l.engine); err != nil {
			r.answer(err)
			continue
		}
		fresh := 0
		for _, in := range r.inputs {
			in = inLogicalTime(in, late)
			if a, ok := in.(*correlate.Alert); ok {
				if _, again := l.fresh[a.Fingerprint]; !again {
					if num, known := l.engine.Unchanged(a); known {
						l.touched.add(a, num, s.at)
						continue
					}
					l.fresh[a.Fingerprint] = struct{}{}
				}
			}
			if u, ok := in.(*correlate.Unseen); ok && !l.engine.UnseenNews(u) {
				continue
			}
			s.inputs = append(s.inputs, in)
			fresh++
		}
		if fresh == 0 && r.with == nil {
			l.metrics.unchanged.Add(float64(len(r.inputs)))
			r.answer(nil) // all of it is on disk already
			continue
		}
		l.metrics.unchanged.Add(float64(len(r.inputs) - fresh))
		if r.with != nil {
			s.with = append(s.with, r)
		}
		todo = append(todo, r)
	}
	return todo
}

// step runs the engine and collects what has to be stored. A panic of the engine comes back as an error.
func (l *loop) step(s *step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &enginePanic{value: p, stack: debug.Stack()}
		}
	}()
	at, due := l.deadline()
	if len(s.inputs) > 0 || due && !at.After(s.at) || l.touched.full() {
		s.inputs = append(l.touched.take(), s.inputs...)
		s.run()
	}
	for _, r := range s.with {
		if err := r.run(s); err != nil {
			r.answer(err)
		}
	}
	return nil
}

// finish stores a step and answers its requests. While the store is behind, deliveries leave before they are stored.
func (l *loop) finish(s *step, todo []*request) error {
	s.over()
	if s.empty() {
		answer(todo, nil)
		return nil
	}
	if len(l.behind) > 0 {
		l.behind = append(l.behind, s)
		l.send.Enqueue(s.deliveries...)
		s.delivered = true
		answer(todo, nil) // all others were refused: these only read
		return nil
	}
	err := l.commit(s)
	switch {
	case err == nil:
		answer(todo, nil)
		return nil
	case errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrReadOnly):
		l.behind = append(l.behind, s)
		l.send.Enqueue(s.deliveries...)
		s.delivered = true
		told := l.degraded(reasonStore, err)
		answer(refuse(todo, fmt.Errorf("%w: %w", errDegraded, err)), nil)
		return told
	default:
		answer(todo, fmt.Errorf("%w: %w", errDegraded, err))
		return fmt.Errorf("commit: %w", err)
	}
}

// catchUp tries to store what the store did not take before.
func (l *loop) catchUp() error {
	for len(l.behind) > 0 {
		err := l.commit(l.behind[0])
		switch {
		case err == nil:
			l.behind = l.behind[1:]
		case errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrReadOnly):
			return l.degraded(reasonStore, err)
		default:
			return fmt.Errorf("commit: %w", err)
		}
	}
	return l.recovered(reasonStore, "the store takes all again")
}

// commit writes one step as one transaction and then hands over its deliveries.
func (l *loop) commit(s *step) error {
	begin := time.Now()
	b := &storage.Batch{At: s.at, Changes: s.changes}
	if len(s.inputs) > 0 || s.stepped {
		l.record = correlate.AppendRecord(l.record[:0], s.inputs)
		b.Seq, b.Record = l.seq+1, l.record
	}
	if err := l.store.Commit(b); err != nil {
		l.metrics.storeFailed(err)
		return err
	}
	if b.Record != nil {
		l.seq++
	}
	l.metrics.committed(len(s.inputs), time.Since(begin))
	if !s.delivered {
		l.send.Enqueue(s.deliveries...)
	}
	for _, key := range s.forget {
		l.send.Forget(key)
	}
	l.reuse(s)
	return nil
}

// drain answers what still waits and takes a last step, so that time-outs that moved are not lost by an orderly stop.
func (l *loop) drain() error {
	for {
		select {
		case r := <-l.queue:
			if err := l.batch(l.gather(r)); err != nil {
				return err
			}
			continue
		default:
		}
		break
	}
	if l.touched.count > 0 && len(l.behind) == 0 {
		now, _ := l.clock.now()
		s := &step{loop: l, at: now, inputs: l.touched.take()}
		s.run()
		if err := l.finish(s, nil); err != nil {
			return err
		}
	}
	if len(l.behind) > 0 {
		return nil
	}
	return l.say(func(s *step) { s.put(storage.Marks, stoppedKey, s.at) })
}

// refuse answers all requests but those that only read, and returns these.
func refuse(requests []*request, err error) []*request {
	var readers []*request
	for _, r := range requests {
		if r.read {
			readers = append(readers, r)
			continue
		}
		r.answer(err)
	}
	return readers
}

func answer(requests []*request, err error) {
	for _, r := range requests {
		r.answer(err)
	}
}
