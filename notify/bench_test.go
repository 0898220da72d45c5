package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/routing"
)

// bench is a dispatcher among fakes. It notes what was attempted and reported, and when.
type bench struct {
	*Dispatcher
	start time.Time
	// behave answers attempts; nil accepts. store answers reports; nil stores. Both are set before anything is enqueued.
	behave func(ctx context.Context, d *routing.Delivery, prev Sent) (string, error)
	store  func(n int, r Result) error
	outbox func(ctx context.Context, from uint64, limit int) ([]routing.Delivery, error)

	mu      sync.Mutex
	sent    []sending
	results []Result
	reports int
	// via are the attempts as "ID by routing key".
	via []string
}

// keyed is the bench as an integration with a routing key.
type keyed struct {
	*bench
	key Secret
}

func (k keyed) Notify(ctx context.Context, d *routing.Delivery, prev Sent) (string, error) {
	k.mu.Lock()
	k.via = append(k.via, fmt.Sprintf("%d by %s", d.ID, string(k.key)))
	k.mu.Unlock()
	return k.bench.Notify(ctx, d, prev)
}

type sending struct {
	At     time.Duration
	ID     uint64
	Target string
	Prev   Sent
}

func (b *bench) Notify(ctx context.Context, d *routing.Delivery, prev Sent) (string, error) {
	b.mu.Lock()
	b.sent = append(b.sent, sending{time.Since(b.start), d.ID, d.Target.Receiver, prev})
	b.mu.Unlock()
	if b.behave == nil {
		return "", nil
	}
	return b.behave(ctx, d, prev)
}

func (b *bench) result(_ context.Context, r Result) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports++
	if b.store != nil {
		if err := b.store(b.reports, r); err != nil {
			return err
		}
	}
	b.results = append(b.results, r)
	return nil
}

// ids lists the attempts in order.
func (b *bench) ids() (ids []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sent {
		ids = append(ids, s.ID)
	}
	return ids
}

// attempts counts those at a receiver.
func (b *bench) attempts(receiver string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sent {
		if s.Target == receiver {
			n++
		}
	}
	return n
}

// ends shows the results in order.
func (b *bench) ends() (ends []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.results {
		if r.Deferred {
			continue
		}
		end := "accepted"
		switch {
		case r.Withdrawn:
			end = "withdrawn"
		case r.Superseded:
			end = "superseded"
		case errors.Is(r.Err, ErrExpired):
			end = "expired"
		case r.Err != nil:
			end = "rejected"
		}
		ends = append(ends, fmt.Sprintf("%d %s", r.Delivery.ID, end))
	}
	return ends
}

// waits shows the pages and notices that were told to wait, in order.
func (b *bench) waits() (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.results {
		if r.Deferred {
			list = append(list, fmt.Sprintf("%d waits: %v", r.Delivery.ID, r.Err))
		}
	}
	return list
}

// inBubble runs f with a running dispatcher of the given receivers (one PagerDuty integration each), in fake time.
func inBubble(t *testing.T, cfg Config, receivers string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{start: time.Now()}
		b.outbox = func(context.Context, uint64, int) ([]routing.Delivery, error) { return nil, nil }
		cfg.Receivers = receiversOf(receivers)
		var err error
		b.Dispatcher, err = NewDispatcher(cfg, Options{
			Results:    b.result,
			Registerer: prometheus.NewRegistry(),
			Integrations: Integrations{
				PagerDuty: func(c PagerDutyConfig, _ Environment) Notifier { return keyed{b, c.RoutingKey} },
				Slack:     func(SlackConfig, Environment) Notifier { return b },
			},
			Outbox: func(ctx context.Context, from uint64, limit int) ([]routing.Delivery, error) {
				return b.outbox(ctx, from, limit)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		synctest.Wait()
		f(b)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func receiversOf(names string) (list []Receiver) {
	for name := range strings.FieldsSeq(names) {
		list = append(list, Receiver{Name: name, PagerDuty: []PagerDutyConfig{{RoutingKey: "k"}}})
	}
	return list
}

// pass lets fake time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// to makes a delivery to the first PagerDuty integration of a receiver.
func to(receiver string, id uint64, action routing.Action, key string) routing.Delivery {
	return routing.Delivery{
		ID: id, Action: action, Key: key, Target: routing.Target{Receiver: receiver, Type: "pagerduty"},
		Incident: &correlate.Incident{}, Created: time.Now(), Expires: time.Now().Add(time.Hour),
	}
}

func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var errDown = errors.New("down")
