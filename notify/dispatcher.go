// Package notify delivers what was decided to the receivers: at least once, in order where order matters, and the most urgent first where not
// everything can go at once.
//
// The outbox table belongs to the caller. The [Dispatcher] keeps copies of its rows in memory, works through them, and reports how each one
// ended, whereupon the caller deletes the row. So a crash at any moment loses nothing, and repeats only what was under way; dedup keys
// and [Sent.Maybe] make that harmless.
//
// Deliveries about one incident to one integration form a lane, and only the head of a lane is ever attempted: a resolve cannot overtake
// its trigger. Lanes of one integration take turns by urgency, within its rate. An attempt that fails is repeated with growing pauses until the delivery
// expires, and a breaker stops asking an integration that keeps failing. The packages below this one speak the protocols ([Notifier]).
package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"quell/routing"
)

// ErrExpired is in the error of a delivery that was not accepted until [routing.Delivery.Expires].
var ErrExpired = errors.New("expired")

// Options are what a dispatcher needs from its surroundings.
type Options struct {
	// Log gets one warning when a delivery first fails and an error when it is given up.
	Log *slog.Logger
	// Registerer gets the metrics. Nil means none are exported.
	Registerer prometheus.Registerer
	// Results is told how each delivery ended and returns when that is durable. After an error it is told again later.
	// The next delivery of the same key and target does not leave before. It is called by several goroutines.
	Results func(ctx context.Context, r Result) error
	// StoreID tells this quell from others where it writes to receivers.
	StoreID string
	// Integrations makes the notifiers.
	Integrations Integrations
	// Outbox reads at most limit deliveries with ids of at least from, in order of their ids. It is asked for those that
	// found more than [Config.MaxPending] before them. If nil, these are kept in memory all the same.
	Outbox func(ctx context.Context, from uint64, limit int) ([]routing.Delivery, error)
}

// Result is how a delivery ended.
type Result struct {
	Delivery routing.Delivery
	// Ref and Place are what to restore with [Dispatcher.SetRef] and [Dispatcher.SetPlace] after a restart; empty if there is nothing.
	Ref, Place string
	// Err is nil if it was accepted or became unnecessary; otherwise why it was given up: a [*RejectedError], or
	// [ErrExpired] with the last attempt's error.
	Err error
	// Withdrawn is true if nothing arrived because the incident ended, or was acknowledged, before its trigger could; Superseded if nothing
	// was sent, or no answer came, and a later delivery says all that this one would have said.
	Withdrawn, Superseded bool
	// Why is one word for why it is withdrawn or superseded: newer_update, newer_page, incident_over or acknowledged.
	Why string
	// Deferred is true if this is no end: a page or notice waits because its integration is not attempted at present, and Err says
	// why. It is told at most once, so that others can be told at once, and its end is told as ever.
	Deferred bool
	// Attempts counts how often it was tried by this process.
	Attempts int
}

// Dispatcher works off deliveries. Its methods may be called concurrently.
type Dispatcher struct {
	opts    Options
	env     Environment
	metrics *metrics
	extras  *prometheus.CounterVec
	// wake holds one token when there may be something to do; a second one would say nothing new.
	wake chan struct{}

	mu           sync.Mutex
	cfg          Config
	integrations map[routing.Target]*integration
	lanes        map[laneID]*lane
	alarms       *laneHeap
	// reports are ends that were not told yet; reporting counts the goroutines that tell them.
	reports   []report
	reporting int
	pending   int
	// refs are the integrations' own references, by dedup key.
	refs map[string]map[routing.Target]string
	// places are where what is open was opened, by dedup key, for integrations that have places.
	places map[string]map[routing.Target]string
	// former are integrations in whose place others are now, and through which something is open.
	former []*integration
	// brokenFields were told of already.
	brokenFields map[brokenField]bool
	// spill says what is in the outbox only; nil if nothing is.
	spill *spill
	// resumedTo is the highest id that an earlier process may have sent.
	resumedTo uint64
}

// integration is a notifier with its place in the queue. Its fields belong to the dispatcher's lock.
type integration struct {
	target   routing.Target
	notifier Notifier
	// config tells whether a new configuration leaves it as it is.
	config  any
	limiter *rate.Limiter
	// wakes is false where people read and nobody is woken.
	wakes bool
	// place names where it leads to, empty if that does not matter: what is open at one place cannot be ended at another. absent is true
	// if its credential could not be read.
	place  string
	absent bool
	// retired is true if it is configured no longer: it only ends and changes what it began. There are as many as names that receivers
	// ever had in this process.
	retired     bool
	timeout     time.Duration
	ready       *laneHeap
	underWay    int
	pausedUntil time.Time
	breaker     breaker
	// failure is what the last attempt that failed met, at failedAt; nil after one that arrived.
	failure  error
	failedAt time.Time
}

// report is a result on its way to the caller. Lane is nil if nothing in it waits for that.
type report struct {
	result Result
	lane   *lane
}

// NewDispatcher makes a dispatcher that keeps what it is given until [Dispatcher.Run]. It fails on a bad configuration,
// on missing options, and when metrics cannot be registered.
func NewDispatcher(cfg Config, opts Options) (*Dispatcher, error) {
	if opts.Results == nil || opts.Integrations.PagerDuty == nil || opts.Integrations.Slack == nil {
		return nil, errors.New("dispatcher: options Results and Integrations are needed")
	}
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	d := &Dispatcher{
		opts:   opts,
		env:    Environment{HTTP: NewHTTPClient(), StoreID: opts.StoreID},
		wake:   make(chan struct{}, 1),
		lanes:  make(map[laneID]*lane),
		alarms: newAlarmHeap(),
		refs:   make(map[string]map[routing.Target]string),
		places: make(map[string]map[routing.Target]string),
		extras: newExtras(),
	}
	d.env.countExtra = d.countExtra
	d.env.Log = opts.Log
	if err := d.Reconfigure(cfg); err != nil {
		return nil, err
	}
	d.metrics = newMetrics(d)
	if opts.Registerer == nil {
		return d, nil
	}
	return d, errors.Join(d.metrics.register(opts.Registerer), opts.Registerer.Register(d.extras))
}

// Reconfigure swaps the receivers at once or, when it returns an error, not at all. Deliveries that are under way go on
// with the old ones; integrations that stay as they are keep their rate limits. What would begin anything at an integration that
// no longer exists is reported with a [*RejectedError]; what ends or changes something that it was told is delivered as before, until
// the process ends: else incidents would stay open at a pager whose receiver has got another name, or another routing key.
func (d *Dispatcher) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	next := d.integrate(cfg)
	d.mu.Lock()
	defer d.mu.Unlock()
	var replaced []*integration
	for target, in := range next {
		old := d.integrations[target]
		switch {
		case old == nil:
		case old.same(in):
			old.retired = false
			old.limiter.SetLimit(in.limiter.Limit())
			old.limiter.SetBurst(in.limiter.Burst())
			old.timeout = in.timeout
			next[target] = old
		case old.place != "" && old.place != in.place:
			replaced = append(replaced, old)
		}
	}
	for in := range d.each() {
		for l := in.ready.top(); l != nil; l = in.ready.top() {
			in.ready.drop(l)
			l.in = nil
		}
	}
	for target, in := range d.integrations {
		if next[target] == nil {
			in.retired = true
			next[target] = in
		}
	}
	d.replaced(replaced, next)
	d.cfg, d.integrations, d.brokenFields = cfg, next, nil
	now := time.Now()
	for _, l := range d.lanes {
		if !l.busy {
			d.arrange(l, now)
		}
	}
	d.signal()
	return nil
}

// integrate makes the integrations of a valid configuration.
func (d *Dispatcher) integrate(cfg Config) map[routing.Target]*integration {
	env := d.env
	env.ExternalURL, env.Templates, env.Broken = cfg.ExternalURL, cfg.Templates, d.broken
	templates := ""
	if cfg.Templates != nil {
		templates = cfg.Templates.ID()
	}
	all := make(map[routing.Target]*integration)
	limits := Limits{}.or(&cfg)
	add := func(target routing.Target, n Notifier, config any) {
		all[target] = &integration{
			target:   target,
			notifier: n,
			config:   [3]any{config, cfg.ExternalURL, templates},
			limiter:  rate.NewLimiter(rate.Every(time.Minute/time.Duration(limits.RatePerMinute)), limits.Burst),
			wakes:    target.Type != "slack",
			timeout:  limits.Timeout,
			ready:    newReadyHeap(),
		}
	}
	if d.opts.Integrations.Probe != nil {
		add(ProbeTarget, d.opts.Integrations.Probe, ProbeTarget)
	}
	for _, r := range cfg.Receivers {
		limits = r.Limits.or(&cfg)
		for i, c := range r.PagerDuty {
			t := routing.Target{Receiver: r.Name, Type: "pagerduty", Index: i}
			add(t, d.opts.Integrations.PagerDuty(c, env), c)
			all[t].place, all[t].absent = placeOf(d.opts.StoreID, &c), c.RoutingKey.Absent()
		}
		for i, c := range r.Slack {
			t := routing.Target{Receiver: r.Name, Type: "slack", Index: i}
			add(t, d.opts.Integrations.Slack(c, env), c)
			all[t].absent = c.Token.Absent()
		}
		for _, c := range r.Others {
			add(c.Target(r.Name), d.opts.Integrations.other(c, env), c)
			all[c.Target(r.Name)].wakes = !c.Notices
		}
	}
	return all
}

// wakes reports whether a page that waits in a lane would wake people. It is called with the lock.
func (d *Dispatcher) wakes(l *lane) bool {
	in := d.integrations[l.id.target]
	return in == nil || in.wakes
}

// Enqueue takes deliveries that were committed to the outbox just now. It does not block and does not fail. The caller
// must not change them, nor what they point to.
func (d *Dispatcher) Enqueue(deliveries ...routing.Delivery) { d.take(deliveries, false) }

// Resume takes what is in the outbox at start. An earlier process may have sent some of it already, so nothing of it
// is withdrawn and notifiers are told that it may have arrived.
func (d *Dispatcher) Resume(deliveries ...routing.Delivery) { d.take(deliveries, true) }

func (d *Dispatcher) take(deliveries []routing.Delivery, resumed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for i := range deliveries {
		if resumed {
			d.resumedTo = max(d.resumedTo, deliveries[i].ID)
		}
		if d.room(deliveries[i].ID) {
			d.add(&item{delivery: deliveries[i], maybe: resumed || deliveries[i].Retried}, now)
		}
	}
	d.signal()
}

// add puts an item in its lane and sees to what it makes pointless.
func (d *Dispatcher) add(it *item, now time.Time) {
	id := laneID{it.delivery.Key, it.delivery.Target}
	l := d.lanes[id]
	if l == nil {
		l = &lane{id: id, readyPos: -1, alarmPos: -1}
		d.lanes[id] = l
	}
	if !l.busy {
		d.disarrange(l) // The heaps look at the head, which may change now.
	}
	if l.insert(it) {
		d.pending++
		l.withdraw(d.wakes(l))
		d.dropSuperseded(l)
		if in := d.through(l); in != nil && in.breaker.state(now) != BreakerClosed {
			d.deferPages(l, in)
		}
	}
	if !l.busy {
		d.arrange(l, now)
	}
}

func (d *Dispatcher) dropSuperseded(l *lane) {
	for _, old := range l.supersede() {
		l.owed++
		d.reports = append(d.reports, report{result: Result{Delivery: old.delivery, Superseded: true, Why: old.pointless, Attempts: old.attempts}, lane: l})
	}
}

// SetRef restores a reference that an earlier process reported.
func (d *Dispatcher) SetRef(key string, target routing.Target, ref string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setRef(laneID{key, target}, ref)
}

func (d *Dispatcher) setRef(id laneID, ref string) {
	if ref == "" {
		return
	}
	if d.refs[id.key] == nil {
		d.refs[id.key] = make(map[routing.Target]string)
	}
	d.refs[id.key][id.target] = ref
}

// unref drops the reference of a lane.
func (d *Dispatcher) unref(id laneID) {
	if delete(d.refs[id.key], id.target); len(d.refs[id.key]) == 0 {
		delete(d.refs, id.key)
	}
}

// Forget drops the references and places under a key, to which nothing will be delivered any more.
func (d *Dispatcher) Forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.refs, key)
	delete(d.places, key)
}

// signal wakes Run.
func (d *Dispatcher) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
