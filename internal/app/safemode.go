package app

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/internal/english"
	"quell/routing"
	"quell/rules"
	"quell/storage"
)

// Reasons to be in safe mode.
const (
	reasonStore  = "store"
	reasonEngine = "engine"
	reasonDamage = "damage"
)

const (
	// directFirst numbers deliveries that never were in the outbox: safe mode's.
	directFirst = uint64(1) << 62
	// directMax bounds the alerts that safe mode remembers, directAgain is when one is sent again.
	directMax   = 100_000
	directAgain = time.Hour
)

// safeMode is what quell does when it cannot do its work: critical alerts go straight to their receivers, it says that it is
// degraded, and it is not ready. Safe for concurrent use.
type safeMode struct {
	log     *slog.Logger
	metrics *metrics
	send    sender
	now     func() time.Time
	// current is the configuration in force.
	current func() *setup

	mu      sync.Mutex
	reasons map[string]error
	sent    map[model.Fingerprint]time.Time
	next    uint64
}

// enter says that something is wrong. It reports whether that is new: then operators are to be told.
func (m *safeMode) enter(reason string, err error) bool {
	m.mu.Lock()
	_, known := m.reasons[reason]
	m.reasons[reason] = err
	m.mu.Unlock()
	if known {
		return false
	}
	m.metrics.safe.WithLabelValues(reason).Set(1)
	m.log.Error("entered safe mode", slog.String("reason", reason), slog.Any("error", err))
	return true
}

// leave says that it is well again. It reports whether that is new.
func (m *safeMode) leave(reason string) bool {
	m.mu.Lock()
	_, was := m.reasons[reason]
	delete(m.reasons, reason)
	if len(m.reasons) == 0 {
		clear(m.sent)
	}
	m.mu.Unlock()
	if was {
		m.metrics.safe.WithLabelValues(reason).Set(0)
		m.log.Info("left safe mode", slog.String("reason", reason))
	}
	return was
}

// why is the error of a reason, or a plain one.
func (m *safeMode) why(reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reasons[reason]; err != nil {
		return err
	}
	return errors.New(reason)
}

// active lists what is wrong, sorted; empty means that all is well.
func (m *safeMode) active() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []string
	for reason, err := range m.reasons {
		list = append(list, fmt.Sprintf("%s: %v", reason, err))
	}
	slices.Sort(list)
	return list
}

// page sends the critical alerts among inputs that could not be stored straight to their receivers, each once an hour.
func (m *safeMode) page(inputs []correlate.Input) {
	now, c := m.now(), m.current()
	var deliveries []routing.Delivery
	m.mu.Lock()
	for _, in := range inputs {
		a, ok := in.(*correlate.Alert)
		if !ok || a.Resolved() || !rules.Matches(c.config.SafeMode, a.Labels) {
			continue
		}
		if at, ok := m.sent[a.Fingerprint]; ok && now.Sub(at) < directAgain || len(m.sent) >= directMax {
			continue
		}
		m.sent[a.Fingerprint] = now
		deliveries = append(deliveries, c.router.Direct(now, a)...)
	}
	m.mu.Unlock()
	m.metrics.direct.Add(float64(len(deliveries)))
	m.direct(deliveries)
}

// direct hands over deliveries that are in no outbox.
func (m *safeMode) direct(deliveries []routing.Delivery) {
	m.mu.Lock()
	for i := range deliveries {
		m.next++
		deliveries[i].ID = directFirst + m.next
	}
	m.mu.Unlock()
	m.send.Enqueue(deliveries...)
}

// enginePanic is a panic of the engine. It is a bug; the input that caused it must not take quell down for good.
type enginePanic struct {
	value any
	stack []byte
}

func (p *enginePanic) Error() string { return fmt.Sprintf("engine panic: %v", p.value) }

// recoverFrom goes on after the engine panicked in a step: it goes back to the stored state and takes the requests one by one. One
// that panics again is put into quarantine and its alerts are paged as they are.
func (l *loop) recoverFrom(err error, s *step, todo []*request) error {
	var p *enginePanic
	if !errors.As(err, &p) {
		answer(todo, err)
		return err
	}
	l.log.Error("engine panicked", slog.Any("panic", p.value), slog.String("stack", string(p.stack)))
	l.metrics.panics.Inc()
	if len(l.behind) > 0 || len(todo) == 0 {
		l.broken = err
		told := l.degraded(reasonEngine, err)
		answer(todo, fmt.Errorf("%w: %w", errDegraded, err))
		return told
	}
	if err := l.reloadEngine(); err != nil {
		answer(todo, err)
		return err
	}
	// What the loop itself had to say comes first: senders of these time-outs got their answer already.
	var own []correlate.Input
	for _, in := range s.inputs {
		switch in.(type) {
		case *correlate.Gap, *correlate.Refresh:
			own = append(own, in)
		}
	}
	if len(own) > 0 {
		todo = append([]*request{{inputs: own, done: make(chan error, 1)}}, todo...)
	}
	for _, r := range todo {
		if len(l.behind) > 0 { // since one before it: what is stored is not the state to go back to any more
			refuse([]*request{r}, fmt.Errorf("%w: %w", errDegraded, l.safe.why(reasonStore)))
		}
		if r.answered {
			continue
		}
		if err := l.alone(r); err != nil {
			return err
		}
	}
	return nil
}

// alone steps one request by itself.
func (l *loop) alone(r *request) error {
	now, _ := l.clock.now()
	s := &step{loop: l, at: now, inputs: r.inputs}
	if r.with != nil {
		s.with = []*request{r}
	}
	err := l.step(s)
	if err == nil {
		return l.finish(s, []*request{r})
	}
	if err := l.reloadEngine(); err != nil {
		answer([]*request{r}, err)
		return err
	}
	l.log.Error("input put into quarantine", slog.Any("error", err), slog.Int("inputs", len(r.inputs)))
	l.poisoned++
	q := &step{loop: l, at: now}
	q.changes = append(q.changes, storage.Change{
		Table: storage.Quarantine, Key: []byte(fmt.Sprintf("input/%03d", l.poisoned%quarantineMax)), Value: correlate.AppendRecord(nil, r.inputs),
	})
	for _, in := range r.inputs {
		if a, ok := in.(*correlate.Alert); ok && !a.Resolved() {
			q.deliver(l.escalations.Router().Direct(now, a))
		}
	}
	q.operator(engineFailed, momentLasts, fmt.Sprintf("quell could not process %s (%v); they are in quarantine and firing alerts among them were paged as they are.", english.Count(len(r.inputs), "input"), err))
	if r.check != nil {
		r.answer(fmt.Errorf("%w: %w", errDegraded, err)) // somebody asked for something to be done, and it was not
	}
	return l.finish(q, []*request{r})
}

// reloadEngine goes back to the stored state. What the discarded step made of escalations is discarded with it, else the
// same page would not be noted when it is decided again.
func (l *loop) reloadEngine() error {
	e, err := loadEngine(l.store, l.compile)
	if err != nil {
		return fmt.Errorf("reload the engine: %w", err)
	}
	l.engine, l.touched = e, touches{}
	if err := l.restoreEscalations(); err != nil {
		return fmt.Errorf("reload escalations: %w", err)
	}
	if err := l.restoreConditions(); err != nil {
		return fmt.Errorf("reload conditions: %w", err)
	}
	return nil
}
