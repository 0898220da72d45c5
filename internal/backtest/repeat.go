package backtest

import (
	"context"
	"fmt"
	"time"

	"quell/correlate"
	"quell/internal/journal"
)

// Step is one step of what a journal tells, after it was repeated.
type Step struct {
	At      time.Time
	Inputs  []correlate.Input
	Effects []correlate.Effect
	// Engine is as the step left it. It must not be changed, nor kept.
	Engine *correlate.Engine
}

// Repeat repeats what happened, and calls after with every step. A recording does not tell what was in force: it is played under s, which does
// not count for other journals. What follows the end of the journal is not played.
func Repeat(ctx context.Context, j journal.Journal, s *Setup, after func(*Step)) error {
	head := j.Head()
	if !head.Recording {
		c, r, err := repeater(head)
		if err != nil {
			return err
		}
		r.after = after
		return tellEach(ctx, j, c)
	}
	s.Policy.AlertTimeout = -1
	o, err := newOther(s, true)
	if err != nil {
		return err
	}
	o.after = after
	return tellEach(ctx, j, o)
}

func tellEach(ctx context.Context, j journal.Journal, to teller) error {
	return j.Read(ctx, func(rec *journal.Record) error {
		if _, err := to.tell(rec); err != nil {
			return fmt.Errorf("%s: %w", rec.Where, err)
		}
		return nil
	})
}
