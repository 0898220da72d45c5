package fake

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestDeadlinePassesForAllThatHangsOnIt asks it, a context that was made of it, and one whose parent ended instead.
func TestDeadlinePassesForAllThatHangsOnIt(t *testing.T) {
	d := NewDeadline(t.Context())
	child, cancel := context.WithTimeout(d, time.Hour)
	defer cancel()
	if d.Err() != nil || child.Err() != nil {
		t.Fatalf("over before it passed: %v, %v", d.Err(), child.Err())
	}
	d.Pass()
	d.Pass()
	for _, ctx := range []context.Context{d, child} {
		<-ctx.Done()
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that the deadline is over", err)
		}
	}
	parent, end := context.WithCancel(t.Context())
	orphan := NewDeadline(parent)
	end()
	<-orphan.Done()
	if err := orphan.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v of one whose parent was called off", err)
	}
}
