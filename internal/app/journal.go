package app

import (
	"context"
	"errors"
	"io"
	"time"

	"quell/correlate"
	"quell/internal/journal"
	"quell/storage"
)

// errWritten ends a reading of the journal at what was there when it began.
var errWritten = errors.New("all is written")

// Journal writes the journal for backtests elsewhere. What stands in for records that are not asked for, or not kept, is read between two
// steps, which takes about a second where there are a million entities.
func (b backend) Journal(ctx context.Context, since time.Time, w io.Writer) error {
	kept, ok := b.a.store.(journal.Kept)
	if !ok {
		return errors.New("this store keeps no journal")
	}
	head, err := journal.HeadOf(kept, since)
	if err != nil {
		return err
	}
	if head.Cut() {
		if head.Known, err = journal.Remembered(kept); err != nil {
			return err
		}
		err := b.a.loop.look(ctx, func(e *correlate.Engine) error {
			head.Seed = journal.Seed(e)
			journal.Recall(head.Known, e)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if _, err := w.Write(journal.AppendHead(nil, &head)); err != nil {
		return err
	}
	var line []byte
	err = kept.Journal(head.First, func(r storage.Record) error {
		if r.Seq > head.Last {
			return errWritten
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		inputs, err := correlate.ParseRecord(r.Data)
		if err != nil {
			return err
		}
		line = journal.AppendRecord(line[:0], &journal.Record{Seq: r.Seq, At: r.At, Inputs: inputs})
		_, err = w.Write(line)
		return err
	})
	if errors.Is(err, errWritten) {
		return nil
	}
	return err
}
