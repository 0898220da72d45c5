// Package backtest replays a journal under another configuration and says what would have been different: which pages would have been added,
// spared, sent earlier or later, given other roots, or sent to other people.
//
// One run repeats what happened, record by record. The others are told the same under other rules, alongside it and at most a few thousand
// records behind, so that memory holds the incidents and not the journal. What people did because of a page, they do in the other runs the same
// time after their page. docs/backtesting.md says what a run cannot know.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"quell/correlate"
	"quell/internal/journal"
)

// Options say what to compare.
type Options struct {
	Journal journal.Journal
	// New is the configuration that is tried.
	New *Setup
	// Old is the one that it is compared with. Nil is what was in force, which a recording does not tell: there it has to be named.
	Old *Setup
	// Since is how much of the journal counts, back from its end; what comes before warms up. Zero is all of it.
	Since time.Duration
	// Progress is told how far the journal was read, now and then, by the goroutine of [Run]. Nil is nobody.
	Progress func(seq uint64, at time.Time)
}

// Result is what [Run] found.
type Result struct {
	// Journal, Old and New name what was compared.
	Journal string `json:"journal"`
	Old     string `json:"old"`
	New     string `json:"new"`
	// Begin and End are those of the journal, Since is from when on differences count.
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	Since time.Time `json:"since"`
	// Records, Alerts and Events count what was replayed.
	Records int `json:"records"`
	Alerts  int `json:"alerts"`
	Events  int `json:"events"`
	// Figures are those of both runs, Counts how many differences there are of each kind.
	Figures struct {
		Old Figures `json:"old"`
		New Figures `json:"new"`
	} `json:"figures"`
	Counts      map[Kind]int `json:"counts"`
	Differences []Difference `json:"differences"`
	// Notes tell what people did that found nothing to be done to; NotesLeft counts those that there was no room for.
	Notes     []Note `json:"notes,omitempty"`
	NotesLeft int    `json:"notes_left_out,omitempty"`
	// Caveats say what is uncertain, a sentence each.
	Caveats []string `json:"caveats,omitempty"`
}

const (
	// chunkRecords is how many records go from one run to the next at once, and chunksAhead how many of these may wait.
	chunkRecords, chunksAhead = 256, 4
	// progressEvery is how many records pass between two tellings of progress.
	progressEvery = 1024
)

// teller is the run that the journal speaks of: numbers in a record are its own.
type teller interface {
	// tell plays a record, and translates it for other runs.
	tell(r *journal.Record) (*telling, error)
}

// bench is what runs side by side.
type bench struct {
	Options
	head journal.Head
	// recorded repeats what happened; nil for a recording. reference is it, or the old configuration's run.
	recorded  *run
	reference teller
	old, new  *other // old is nil if recorded is what is compared with
	result    *Result
	seq       uint64
	gaps      int
}

// Run replays the journal. Errors are those of the journal, of a policy in it that this version does not understand, or ctx's.
func Run(ctx context.Context, o Options) (*Result, error) {
	b := &bench{Options: o, head: o.Journal.Head(), result: &Result{New: o.New.Name, Counts: make(map[Kind]int)}}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	if err := b.replay(ctx); err != nil {
		return nil, err
	}
	return b.conclude()
}

// prepare makes the runs.
func (b *bench) prepare() (err error) {
	exact := b.head.Recording
	if exact && b.Old == nil {
		return errors.New("a recording does not tell which configuration was in force; name the one to compare with")
	}
	for _, s := range [...]*Setup{b.Old, b.New} {
		if s != nil && (exact || b.head.Cut()) {
			s.Policy.AlertTimeout = -1
		}
	}
	if b.new, err = newOther(b.New, exact); err != nil {
		return err
	}
	b.result.Old = "what was in force"
	if b.Old != nil {
		b.result.Old = b.Old.Name
		if b.old, err = newOther(b.Old, exact); err != nil {
			return err
		}
	}
	if exact {
		b.reference = b.old
		return nil
	}
	b.reference, b.recorded, err = repeater(b.head)
	return err
}

// replay plays the journal to all runs.
//
// goroutine: beside the caller's, which reads, one repeats, and each other run has one; all end with the journal, and are waited for.
func (b *bench) replay(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	records := make(chan []*journal.Record, chunksAhead) // a full one makes the reader wait
	var followers []chan []*telling                      // likewise
	var group sync.WaitGroup
	for _, o := range [...]*other{b.old, b.new} {
		if o == nil || teller(o) == b.reference {
			continue
		}
		in := make(chan []*telling, chunksAhead)
		followers = append(followers, in)
		group.Go(func() {
			for chunk := range in {
				for _, t := range chunk {
					o.take(t)
				}
			}
		})
	}
	group.Go(func() {
		if err := b.tellAll(records, followers); err != nil {
			cancel(err)
			for range records { // the reader must not wait for ever
			}
		}
		for _, in := range followers {
			close(in)
		}
	})
	err := b.read(ctx, records)
	close(records)
	group.Wait()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	} else if err == nil && cause != nil {
		err = cause
	}
	return err
}

// read hands the records over in chunks.
func (b *bench) read(ctx context.Context, to chan<- []*journal.Record) error {
	var chunk []*journal.Record
	err := b.Journal.Read(ctx, func(r *journal.Record) error {
		b.count(r)
		if chunk = append(chunk, r); len(chunk) == chunkRecords {
			to <- chunk
			chunk = nil
		}
		if b.Progress != nil && b.result.Records%progressEvery == 0 {
			b.Progress(r.Seq, r.At)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
	if len(chunk) > 0 {
		to <- chunk
	}
	return err
}

// count books what a record holds.
func (b *bench) count(r *journal.Record) {
	res := b.result
	if res.Records++; res.Records == 1 {
		res.Begin = r.At
	}
	if b.seq != 0 && r.Seq != b.seq+1 {
		b.gaps++
	}
	b.seq, res.End = r.Seq, r.At
	for _, in := range r.Inputs {
		switch in.(type) {
		case *correlate.Alert:
			res.Alerts++
		case *correlate.Event:
			res.Events++
		}
	}
}

// tellAll plays the records to the reference, and passes them on.
func (b *bench) tellAll(records <-chan []*journal.Record, followers []chan []*telling) error {
	for chunk := range records {
		tellings := make([]*telling, len(chunk))
		for k, r := range chunk {
			t, err := b.reference.tell(r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Where, err)
			}
			tellings[k] = t
		}
		for _, in := range followers {
			in <- tellings
		}
	}
	return nil
}

// conclude compares what the runs came to.
func (b *bench) conclude() (*Result, error) {
	res := b.result
	res.Journal = b.head.Source
	if res.Records == 0 {
		return nil, fmt.Errorf("%s holds no records", b.head.Source)
	}
	old := b.recorded
	switch c, cut := b.reference.(*torso); {
	case b.old != nil:
		b.old.finish(res.End)
		old = b.old.run
	case cut:
		c.finish(res.End)
	}
	b.new.finish(res.End)
	old.book.finish(old.engine)
	b.new.book.finish(b.new.engine)
	end := res.End
	for _, r := range [...]*run{old, b.new.run} {
		if now := r.engine.Now(); now.After(end) {
			end = now
		}
	}
	res.Since = res.Begin
	if b.Since > 0 && res.End.Add(-b.Since).After(res.Begin) {
		res.Since = res.End.Add(-b.Since)
	}
	pairs := match(old.book.list(), b.new.book.list(), end)
	res.Differences = differences(pairs, res.Since)
	for _, k := range Kinds() {
		res.Counts[k] = 0
	}
	for k := range res.Differences {
		res.Counts[res.Differences[k].Kind]++
	}
	res.Figures.Old = count(old, pairs, func(p *pair) *Case { return p.old }, res.Since, end)
	res.Figures.New = count(b.new.run, pairs, func(p *pair) *Case { return p.new }, res.Since, end)
	res.Notes, res.NotesLeft = b.new.notes, b.new.left
	err := b.caveats()
	return res, err
}
