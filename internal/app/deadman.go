package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
)

const (
	// deadManTimeout bounds a round trip, and a ping.
	deadManTimeout = 10 * time.Second
	// deadManIdle is how often is looked whether a reload asks for a switch.
	deadManIdle = 15 * time.Second
	// unheardAfter is how long a page may wait at all of its receivers before quell says no longer that it works.
	unheardAfter = 5 * time.Minute
	// unheardScan is how many deliveries of the outbox, oldest first, are looked at for such pages.
	unheardScan = 1000
	// maxPingAnswer is how much of an answer is read, to use the connection again.
	maxPingAnswer = 64 << 10
)

// Steps of a round, as its metric names them.
const (
	stepDegraded = "degraded"
	stepIngest   = "ingest"
	stepDispatch = "dispatch"
	stepPages    = "pages"
	stepPing     = "ping"
)

// deadMan tells the outside that quell works: it pings an address after each round trip through all that a page depends on, and not
// otherwise, so that somebody else can alert on its absence. A round trip is a beat over quell's own socket, in at the handler,
// through loop and engine to the store, whose commit puts a delivery into the outbox that the dispatcher works off, which is stored as well.
type deadMan struct {
	log     *slog.Logger
	metrics *deadManMetrics
	current func() *setup
	loop    *loop
	store   store
	safe    *safeMode
	// post sends a beat with this message to quell itself; ping tells the outside.
	post func(ctx context.Context, message string) error
	ping func(ctx context.Context, c *config.DeadMansSwitch) error

	mu sync.Mutex
	// nonce is the message of the beat under way; empty if there is none. Nobody else can know it.
	nonce string
	// arrived is closed when the delivery of that beat has left the outbox.
	arrived chan struct{}
	failing string // the step that failed last; empty after a good round
}

// stepError is why a round failed.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// run makes a round in each interval until ctx ends.
func (d *deadMan) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		c := d.current().config.DeadMansSwitch
		if c == nil {
			timer.Reset(deadManIdle)
			continue
		}
		begin := time.Now()
		d.note(ctx, d.round(ctx, c), time.Since(begin))
		timer.Reset(max(c.Interval-time.Since(begin), 0))
	}
}

// note counts and tells how a round went; what stays as it was is told once.
func (d *deadMan) note(ctx context.Context, err error, took time.Duration) {
	failed, _ := errors.AsType[*stepError](err)
	switch {
	case err == nil:
		d.metrics.succeeded(took)
		if d.failing != "" {
			d.log.Info("dead man's switch is held again")
		}
		d.failing = ""
	case ctx.Err() != nil: // quell stops
	default:
		d.metrics.failures.WithLabelValues(failed.step).Inc()
		if d.failing != failed.step {
			d.log.Warn("dead man's switch is let go", slog.String("step", failed.step), slog.Any("error", failed.err))
		}
		d.failing = failed.step
	}
}

// round makes one round trip and, if it was a good one, pings. An error is a [*stepError].
func (d *deadMan) round(ctx context.Context, c *config.DeadMansSwitch) error {
	if list := d.safe.active(); len(list) > 0 {
		return &stepError{stepDegraded, errors.New(strings.Join(list, "; "))}
	}
	if err := d.trip(ctx); err != nil {
		return err
	}
	if err := d.unheard(ctx); err != nil {
		return &stepError{stepPages, err}
	}
	d.metrics.tripped()
	if c.URL == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deadManTimeout)
	defer cancel()
	if err := d.ping(ctx, c); err != nil {
		return &stepError{stepPing, err}
	}
	return nil
}

// trip sends a beat and waits until its delivery has gone all the way.
func (d *deadMan) trip(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deadManTimeout)
	defer cancel()
	nonce, arrived := rand.Text(), make(chan struct{})
	d.expect(nonce, arrived)
	defer d.expect("", nil)
	if err := d.post(ctx, nonce); err != nil {
		return &stepError{stepIngest, err}
	}
	select {
	case <-arrived:
		return nil
	case <-ctx.Done():
		return &stepError{stepDispatch, errors.New("the delivery of a beat was not worked off in time")}
	}
}

func (d *deadMan) expect(nonce string, arrived chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nonce, d.arrived = nonce, arrived
}

// request is how a beat to quell itself goes through the loop: with a delivery in its transaction. The error is a
// [*correlate.HeartbeatError] if it is not the one under way.
func (d *deadMan) request(in *correlate.Heartbeat) (*request, error) {
	d.mu.Lock()
	nonce := d.nonce
	d.mu.Unlock()
	if nonce == "" || in.Message != nonce {
		return nil, &correlate.HeartbeatError{Reason: fmt.Sprintf("heartbeat %q is for quell alone", in.Name), Unknown: true}
	}
	return &request{inputs: []correlate.Input{in}, done: make(chan error, 1), with: func(s *step) error {
		if !s.loop.engine.HeartbeatSeen(in.Name).Equal(s.at) {
			return errors.New("the engine did not take the beat")
		}
		text, err := json.Marshal(nonce)
		if err != nil {
			panic("app: nonce cannot be encoded: " + err.Error()) // it is letters and digits
		}
		s.deliver([]routing.Delivery{{
			Target: notify.ProbeTarget, Action: routing.Digest, Key: "quell/dead-mans-switch/" + nonce, Digest: text,
			Created: s.at, Expires: s.at.Add(time.Minute),
		}})
		return nil
	}}, nil
}

// delivered is told that a delivery to the switch has left the outbox, durably.
func (d *deadMan) delivered(r *notify.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var nonce string
	if r.Err == nil && json.Unmarshal(r.Delivery.Digest, &nonce) == nil && nonce == d.nonce && d.arrived != nil {
		close(d.arrived)
		d.nonce, d.arrived = "", nil
	}
}

// unheard returns an error if a page waits at all of its receivers for too long, or was given up: whatever works, nobody is woken.
func (d *deadMan) unheard(ctx context.Context) error {
	outbox, err := readOutbox(d.store, 0, unheardScan)
	if err != nil {
		return err
	}
	now := d.safe.now()
	var waiting []*routing.Delivery
	for i := range outbox {
		if p := &outbox[i]; p.Action == routing.Trigger && p.Incident != nil && now.Sub(p.Created) >= unheardAfter {
			waiting = append(waiting, p)
		}
	}
	return d.loop.do(ctx, &request{read: true, done: make(chan error, 1), with: func(s *step) error {
		for _, p := range waiting {
			if s.loop.escalations.Unheard(p.Incident.ID, p.Incident.Generation) {
				return fmt.Errorf("the page for %s has reached nobody since %s", p.Incident.ID, p.Created.Format(time.RFC3339))
			}
		}
		return s.loop.unheardLetter()
	}})
}

// ownAddress is where quell reaches itself.
func ownAddress(listener net.Addr) string {
	at, err := netip.ParseAddrPort(listener.String())
	if err != nil {
		return listener.String()
	}
	switch addr := at.Addr().Unmap(); {
	case addr.IsUnspecified() && addr.Is4():
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	case addr.IsUnspecified():
		at = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
	}
	return at.String()
}

// postBeat posts a beat to quell itself, over a connection of its own: that new ones are accepted is part of what is tested.
// token is what quell asks of other machines: it is one to itself if it listens on the address of a network.
func postBeat(ctx context.Context, address string, token notify.Secret, message string) error {
	link := "http://" + address + "/api/v1/heartbeat/" + correlate.SelfHeartbeat
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader(message))
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+string(token))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return cmp.Or(errors.Unwrap(err), err) // without the address, which is known
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it says more than nothing
		return fmt.Errorf("status %d: %s", resp.StatusCode, bytes.TrimSpace(text))
	}
	return nil
}

// pinger returns a function that pings the switch's address. Its errors never show the address, which mostly is a secret.
func pinger() func(ctx context.Context, c *config.DeadMansSwitch) error {
	client := notify.NewHTTPClient()
	return func(ctx context.Context, c *config.DeadMansSwitch) error {
		req, err := http.NewRequestWithContext(ctx, c.Method, string(c.URL), nil)
		if err != nil {
			return errors.New("no request can be made of the address")
		}
		resp, err := client.Do(req)
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }() // it was only read
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxPingAnswer))
		if resp.StatusCode/100 != 2 {
			return fmt.Errorf("the answer was status %d", resp.StatusCode)
		}
		return nil
	}
}

// probe takes what the switch sends through the dispatcher. That it was handed over is all.
type probe struct{}

// Notify implements [notify.Notifier].
func (probe) Notify(context.Context, *routing.Delivery, notify.Sent) (string, error) { return "", nil }
