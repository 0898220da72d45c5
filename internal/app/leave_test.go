package app

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"quell/correlate"
)

// TestReaderThatWentAwayIsNotRead gives up while a slow commit holds the loop up: what the reader would have written to is the caller's
// again, who may iterate over it, so nothing may be written there later.
func TestReaderThatWentAwayIsNotRead(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.store.delay(time.Minute)
		go func() { _ = b.post(firing("Down", "service/db")) }()
		synctest.Wait()
		reads := 0
		for _, patience := range []time.Duration{time.Second, time.Hour} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			err := b.loop.look(ctx, func(*correlate.Engine) error { reads++; return nil })
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errBusy) {
				t.Errorf("with a patience of %v: got %v, want that it takes too long", patience, err)
			}
		}
		b.rest(2 * time.Minute)
		if reads > 0 {
			t.Errorf("%d callers were read for after they had gone", reads)
		}
		b.store.delay(0)
	})
}

// TestReaderWaitsForAReadThatHasBegun goes away in the middle of it: it gets the answer, or the read is over when it hears otherwise.
func TestReaderWaitsForAReadThatHasBegun(t *testing.T) {
	inBubble(t, func(b *bench) {
		for range 50 {
			ctx, cancel := context.WithCancel(context.Background())
			read := 0
			err := b.loop.look(ctx, func(*correlate.Engine) error {
				cancel()
				for range 100 {
					runtime.Gosched()
					read++
				}
				return nil
			})
			if read != 100 || err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("the caller goes on after %d of 100 parts of the read, with %v", read, err)
			}
		}
	})
}

// TestCommandWhoseCallerWentAwayIsNotCarriedOut: the operator was told that it failed.
func TestCommandWhoseCallerWentAwayIsNotCarriedOut(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.mustPost(firing("Down", "service/db"))
		b.store.delay(time.Minute)
		go func() { _ = b.post(firing("Down", "service/other")) }()
		synctest.Wait()
		api := backend{&App{loop: b.loop, store: b.store}}
		err := api.Command(context.Background(), &correlate.Command{Action: correlate.ActionAck, Incident: 1, By: "ada"}, "test")
		if !errors.Is(err, errBusy) {
			t.Errorf("got %v, want that quell is busy", err)
		}
		b.store.delay(0)
		b.rest(2 * time.Minute)
		if f := figuresOf(b); f.Held != 2 {
			t.Errorf("%d incidents are held, want both: %+v", f.Held, f)
		}
	})
}

// TestAnswerCountsThoughTheLoopHasEnded: who comes to hear of it only when the loop has ended is told what became of it all the same.
func TestAnswerCountsThoughTheLoopHasEnded(t *testing.T) {
	queued := 0
	for range 200 {
		l := &loop{queue: make(chan *request, 1), stopped: make(chan struct{})}
		close(l.stopped)
		r := &request{done: make(chan error, 1)}
		r.answer(nil)
		err := l.do(context.Background(), r)
		if len(l.queue) == 0 {
			continue // it was not taken at all
		}
		queued++
		if err != nil {
			t.Fatalf("it was stored, and its sender is told: %v", err)
		}
	}
	if queued == 0 {
		t.Error("none of 200 was taken")
	}
}
