package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"quell/correlate"
	"quell/internal/fake"
)

// Options say where the demo is shown.
type Options struct {
	// Stdout gets the show: with colours and a line that moves if it is a terminal, as plain lines otherwise.
	Stdout io.Writer
	// Stderr gets what quell logs that is worth a look, which is nothing if all is well.
	Stderr io.Writer
	// Quick plays about four times as fast as people can read.
	Quick bool
}

// How many seconds of real life pass in one of the demo.
const (
	speed      = 40
	quickSpeed = 150
)

// Run plays the demo, which takes about 40 seconds. It listens on free ports of the loopback interface only, and keeps its files in a
// temporary folder that is gone when it returns, also with an error. If ctx ends, it stops at once and returns the cause.
func Run(ctx context.Context, o Options) error {
	_, err := play(ctx, o)
	return err
}

// outcome is what is left of the morning.
type outcome struct {
	incidents      []*correlate.Incident
	alerts, events int
	began, ended   time.Time
	pages          []fake.PDIncident
	calls          []fake.PDEvent
}

func play(ctx context.Context, o Options) (out *outcome, err error) {
	rate := time.Duration(speed)
	if o.Quick {
		rate = quickSpeed
	}
	dir, err := os.MkdirTemp("", "quell-demo-")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer func() {
		if gone := os.RemoveAll(dir); err == nil && gone != nil {
			err = fmt.Errorf("demo: %w", gone)
		}
	}()
	s := newScreen(o.Stdout)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t, err := open(ctx, cancel, theatreOptions{dir: dir, rate: rate, log: o.Stderr})
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer func() {
		if closed := t.close(); err == nil && closed != nil {
			err = fmt.Errorf("demo: %w", closed)
		}
	}()
	c := newCluster()
	p := &player{
		screen: s, theatre: t, rate: rate, story: newStory(c), began: time.Now(),
		client: client{root: t.url, http: http.Client{Timeout: 10 * time.Second}}, seen: make(map[correlate.IncidentID]correlate.State),
	}
	p.welcome(c)
	if err := p.run(ctx); err != nil {
		s.end()
		return nil, fmt.Errorf("demo: %w", err)
	}
	out, err = p.outcome(ctx)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	s.end()
	return out, p.report(out)
}
