package routing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// spoken is what conditions said in a story: minute, action, receiver.
type spoken struct {
	t     *testing.T
	x     *Conditions
	rows  map[string][]byte
	start time.Time
	log   []string
	open  map[string]bool
	line  func(minute int, d *Delivery) string
}

func newSpoken(t *testing.T) *spoken {
	return &spoken{
		t: t, x: NewConditions(), rows: make(map[string][]byte), open: make(map[string]bool),
		start: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC),
		line: func(minute int, d *Delivery) string {
			return fmt.Sprintf("%d %s %s", minute, d.Action, d.Target.Receiver)
		},
	}
}

func (s *spoken) at(minute int) time.Time { return s.start.Add(time.Duration(minute) * time.Minute) }

// note writes deliveries down, and watches that nothing is opened or ended twice at a target.
func (s *spoken) note(minute int, list []Delivery) {
	s.t.Helper()
	for i := range list {
		d := &list[i]
		at := d.Key + " " + d.Target.String()
		switch {
		case d.Action == Operator && s.open[at] != d.Again, d.Action == Resolve && !s.open[at]:
			s.t.Errorf("%s of %s at minute %d: open %v, again %v", d.Action, at, minute, s.open[at], d.Again)
		case !d.Created.Equal(s.at(minute)) || !d.Expires.After(d.Created):
			s.t.Errorf("%s at minute %d is of %v and expires at %v", d.Action, minute, d.Created, d.Expires)
		}
		s.open[at] = d.Action == Operator
		s.log = append(s.log, s.line(minute, d))
	}
	s.x.Changes(func(key string, row []byte) {
		if row == nil {
			delete(s.rows, key)
			return
		}
		s.rows[key] = slices.Clone(row)
	})
}

func (s *spoken) raise(minute int, lasts time.Duration, receivers ...string) {
	s.t.Helper()
	s.pass(minute)
	var list []Delivery
	for _, r := range receivers {
		list = append(list, Delivery{Target: Target{Receiver: r, Type: "pagerduty"}, Action: Operator, Key: "k", Text: "it is bad", Created: s.at(minute), Expires: s.at(minute + 60)})
	}
	s.note(minute, s.x.Raise(s.at(minute), lasts, list))
}

func (s *spoken) clear(minute int, settle time.Duration) {
	s.t.Helper()
	s.pass(minute)
	s.x.Clear(s.at(minute), "k", "it is good", settle)
	s.note(minute, nil)
}

// pass lets time pass, and restarts at each minute: nothing is in memory that is not in the rows.
func (s *spoken) pass(minute int) {
	s.t.Helper()
	for at, ok := s.x.Deadline(); ok && !at.After(s.at(minute)); at, ok = s.x.Deadline() {
		s.note(int(at.Sub(s.start)/time.Minute), s.x.Step(at))
	}
	s.x = NewConditions()
	for key, row := range s.rows {
		if err := s.x.Load(key, row); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *spoken) want(want ...string) {
	s.t.Helper()
	s.pass(10_000)
	if diff := cmp.Diff(want, s.log); diff != "" {
		s.t.Errorf("said (-want +got):\n%s", diff)
	}
}

// TestConditionsAreToldOnceAndEnded plays stories through a restart at each step.
func TestConditionsAreToldOnceAndEnded(t *testing.T) {
	const settle = 5 * time.Minute
	t.Run("a state lasts until it is cleared, and is over when it stayed clear", func(t *testing.T) {
		s := newSpoken(t)
		s.raise(0, 0, "a", "b")
		s.raise(90, 0, "a", "b") // people know
		s.clear(100, settle)
		s.clear(103, settle) // it is clear since 100
		s.want("0 operator a", "0 operator b", "105 resolve a", "105 resolve b")
	})
	t.Run("what comes back while it settles goes on", func(t *testing.T) {
		s := newSpoken(t)
		s.raise(0, 0, "a")
		s.clear(10, settle)
		s.raise(14, 0, "a")
		s.clear(30, settle)
		s.want("0 operator a", "35 resolve a")
	})
	t.Run("what comes back after it was over is new", func(t *testing.T) {
		s := newSpoken(t)
		s.raise(0, 0, "a")
		s.clear(10, settle)
		s.raise(20, 0, "a")
		s.clear(21, settle)
		s.want("0 operator a", "15 resolve a", "20 operator a", "26 resolve a")
	})
	t.Run("a state that had ended is told again after an hour, with those who are told now", func(t *testing.T) {
		s := newSpoken(t)
		s.raise(0, 0, "a")
		s.clear(70, time.Hour)
		s.raise(80, 0, "a", "b")
		s.clear(90, settle)
		s.want("0 operator a", "80 operator a", "80 operator b", "95 resolve a", "95 resolve b")
	})
	t.Run("a moment ends by itself, and is told again once an hour while it comes again", func(t *testing.T) {
		s := newSpoken(t)
		for minute := range 5 {
			s.raise(30*minute, time.Hour, "a")
		}
		s.want("0 operator a", "60 operator a", "120 operator a", "180 resolve a")
	})
	t.Run("nobody was told, so nothing is over", func(t *testing.T) {
		s := newSpoken(t)
		s.raise(0, 0)
		s.clear(1, 0)
		s.want()
	})
}

// TestTheEndOfAConditionSaysWhatItWas: chat edits its message, so it needs the text.
func TestTheEndOfAConditionSaysWhatItWas(t *testing.T) {
	x, now := NewConditions(), time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	r := New(&Config{Route: &Route{Receiver: "a"}, Receivers: map[string][]Target{"a": {{Receiver: "a", Type: "slack"}}}}, Options{StoreID: "s"})
	told := x.Raise(now, 0, r.Operator(now, "disk", "the disk is full"))
	x.Clear(now, r.OperatorKey("disk"), "there is space again", 0)
	over := x.Step(now)
	if len(told) != 1 || len(over) != 1 {
		t.Fatalf("told %+v, over %+v", told, over)
	}
	if d := over[0]; d.Key != told[0].Key || d.Text != "the disk is full" || d.Reason != "there is space again" || !d.AboutQuell() || d.Incident != nil {
		t.Errorf("got %+v", d)
	}
	if len(x.Raised(told[0].Key)) > 0 || len(x.Keys("")) > 0 {
		t.Error("it is still raised")
	}
}

// TestWhatIsAssumedIsEndedOnceAndToldAllTheSame: nobody is told twice of its end, and a row is written only when it changed and bounded.
func TestWhatIsAssumedIsEndedOnceAndToldAllTheSame(t *testing.T) {
	x, now := NewConditions(), time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	rows := func() (n, longest int) {
		x.Changes(func(_ string, row []byte) { n, longest = n+1, max(longest, len(row)) })
		return n, longest
	}
	messages := []Delivery{{Target: Target{Receiver: "a"}, Action: Operator, Key: "k", Text: strings.Repeat("x", 10*conditionRunes)}}
	for range 2 { // two processes in a row were killed
		x.Assume(now, messages)
	}
	if n, longest := rows(); n != 1 || longest > 2*conditionRunes {
		t.Errorf("%d rows of up to %d bytes are written, want a short one", n, longest)
	}
	if n, _ := rows(); n != 0 {
		t.Errorf("%d rows are written though nothing changed", n)
	}
	x.Clear(now, "k", "it is good", time.Hour)
	both := append(messages, Delivery{Target: Target{Receiver: "b"}, Action: Operator, Key: "k"})
	if told := x.Raise(now, 0, both); len(told) != 2 || !told[0].Again || told[1].Again || both[0].Again {
		t.Errorf("told %+v, and the caller has %+v", told, both)
	}
	x.Clear(now, "k", "it is good", 0)
	if over := x.Step(now); len(over) != 2 {
		t.Errorf("told that it is over: %+v", over)
	}
}
