package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestClockNeverGoesBackAndReportsJumps moves the wall clock against the monotonic one (case 36): logical time follows elapsed
// time, never goes back, and names a jump forward instead of making everything overdue.
func TestClockNeverGoesBackAndReportsJumps(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	mono, offset := time.Duration(0), time.Duration(0)
	c := newClock(func() time.Time { return base.Add(mono + offset) }, time.Time{})
	read := mono
	c.since = func(time.Time) time.Duration { d := mono - read; read = mono; return d }
	for _, s := range []struct {
		what         string
		pass, offset time.Duration
		want         time.Duration // logical time since base
		jumped       bool
	}{
		{"time passes", time.Minute, 0, time.Minute, false},
		{"set back by an hour", time.Minute, -time.Hour, time.Minute + 52500*time.Millisecond, false},
		{"set to 1970", time.Minute, -56 * 365 * 24 * time.Hour, 2*time.Minute + 52500*time.Millisecond, false},
		{"right again", time.Minute, 0, 4 * time.Minute, false},
		{"a little ahead", time.Minute, 10 * time.Second, 5*time.Minute + 10*time.Second, false},
		{"set ahead by an hour", time.Minute, time.Hour, time.Hour + 6*time.Minute, true},
		{"goes on there", time.Minute, time.Hour, time.Hour + 7*time.Minute, false},
	} {
		mono += s.pass
		offset = s.offset
		now, jumped := c.now()
		if got := now.Sub(base); got != s.want || jumped.IsZero() == s.jumped {
			t.Errorf("%s: got %v (jumped %v), want %v (%v)", s.what, got, !jumped.IsZero(), s.want, s.jumped)
		}
	}
}

// TestClockMakesUpForAClockThatWasAhead sets the wall clock back by an hour, or starts with a store whose last record is an hour ahead: logical
// time goes on, and eight hours later both agree, so that silences and hours are kept by the clock on the wall again.
func TestClockMakesUpForAClockThatWasAhead(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	wall := base
	c := newClock(func() time.Time { return wall }, base.Add(time.Hour))
	passed := time.Duration(0)
	c.since = func(time.Time) time.Duration { return passed }
	before, _ := c.now()
	for passed = 10 * time.Second; wall.Before(base.Add(9 * time.Hour)); {
		wall = wall.Add(passed)
		now, jumped := c.now()
		if slow := now.Sub(before); slow < passed*7/8 || slow > passed || !jumped.IsZero() {
			t.Fatalf("%v after the start %v passed in %v (jumped: %v)", wall.Sub(base), slow, passed, !jumped.IsZero())
		}
		before = now
		if agree := now.Equal(wall); agree != !wall.Before(base.Add(8*time.Hour)) {
			t.Fatalf("%v after the start logical time is ahead by %v", wall.Sub(base), c.drift())
		}
	}
}

// TestClockStartsAtTheLastRecord: a wall clock that was set back while quell was down does not take logical time back.
func TestClockStartsAtTheLastRecord(t *testing.T) {
	last := time.Now().Add(time.Hour).UTC().Round(0)
	if now, _ := newClock(time.Now, last).now(); now.Before(last) {
		t.Errorf("logical time %v precedes the last record's %v", now, last)
	}
}

// TestSettingTheClockBackLosesNothingThatSendersTell: senders tell times by the clock on the wall. After quell's was an hour ahead and was set right, an alert
// with a time-out of its own is not lost as soon as it comes, and an event is not taken for one of an hour ago.
func TestSettingTheClockBackLosesNothingThatSendersTell(t *testing.T) {
	inBubble(t, func(b *bench) {
		err := b.loop.do(context.Background(), &request{done: make(chan error, 1), with: func(s *step) error {
			s.loop.clock.last = s.loop.clock.last.Add(time.Hour)
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		b.mustPost(&correlate.Event{ID: "u", Entity: "pod/shop/cart", Reason: "BackOff", Component: "kubelet", Warning: true, Count: 1, At: time.Now(), Source: "kubernetes"})
		a := firing("Down", "service/db")
		for range 5 {
			again := *a
			again.Expires = time.Now().Add(4 * time.Minute)
			b.mustPost(&again)
			b.rest(time.Minute)
		}
		timeline := func(id correlate.IncidentID) (text string) {
			if err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
				if inc, ok := e.Incident(id, 0); ok {
					text = fmt.Sprint(inc.Title, inc.Timeline)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return text
		}
		if got := timeline(1); !strings.Contains(got, "BackOff began") {
			t.Errorf("no incident of the event: %s", got)
		}
		if got := timeline(2); !strings.Contains(got, "Down began") || strings.Contains(got, "timed out") {
			t.Errorf("the alert is lost although it is reported: %s", got)
		}
		b.rest(10 * time.Minute) // nobody reports it any more
		if got := timeline(2); !strings.Contains(got, "Down timed out") {
			t.Errorf("nobody reports the alert, and it is not lost: %s", got)
		}
	})
}
