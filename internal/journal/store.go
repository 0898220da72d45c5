package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"quell/correlate"
	"quell/internal/rulebook"
	"quell/storage"
)

// Kept is what is needed of a store to read its journal.
type Kept interface {
	ID() string
	Last() (seq uint64, at time.Time)
	Journal(from uint64, fn func(storage.Record) error) error
	Scan(t storage.Table, from, to []byte, fn func(k, v []byte) error) error
	Close() error
}

// Store is the journal of a store. Closing it closes the store.
type Store struct {
	kept Kept
	head Head
	// Engine is the engine as the store left it, to compare with.
	Engine *correlate.Engine
}

// errEnough ends a reading that has seen what it wanted.
var errEnough = errors.New("enough")

// OpenStore takes over an open store; it is closed if this fails. The beginning that it does not keep any more, its state stands in for.
func OpenStore(kept Kept, source string) (*Store, error) {
	s, err := newStore(kept, source)
	if err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return s, nil
}

func newStore(kept Kept, source string) (*Store, error) {
	s := &Store{kept: kept}
	var err error
	if s.Engine, err = loadEngine(kept); err != nil {
		return nil, fmt.Errorf("state of the store: %w", err)
	}
	if s.head, err = HeadOf(kept, time.Time{}); err != nil {
		return nil, err
	}
	if s.head.Source = source; s.head.Cut() {
		s.head.Seed = Seed(s.Engine)
		if s.head.Known, err = Remembered(kept); err != nil {
			return nil, err
		}
		Recall(s.head.Known, s.Engine)
	}
	return s, nil
}

// HeadOf tells what there is of a store's journal since a time; zero is all that is kept. It has no seed, see [Seed]. It costs a look at
// each record before that time.
func HeadOf(kept Kept, since time.Time) (Head, error) {
	h := Head{StoreID: kept.ID()}
	h.Last, h.End = kept.Last()
	err := kept.Journal(0, func(r storage.Record) error {
		if r.At.Before(since) && r.Seq < h.Last {
			return nil
		}
		h.First, h.Begin = r.Seq, r.At
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return h, err
}

// Seed is what stands in for the records before those that are kept: the policy and the topology of an engine as it is now.
func Seed(e *correlate.Engine) []correlate.Input {
	policy := e.Policy()
	seed := []correlate.Input{&policy}
	for _, t := range e.Declared() {
		seed = append(seed, t)
	}
	return seed
}

// Remembered returns what a store knows of incidents that are over.
func Remembered(kept Kept) (map[correlate.IncidentID]Known, error) {
	known := make(map[correlate.IncidentID]Known)
	err := kept.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
		inc := new(correlate.Incident)
		if err := json.Unmarshal(v, inc); err != nil {
			return err
		}
		k := Known{Paged: pages(inc)}
		for i := range inc.Symptoms {
			s := &inc.Symptoms[i]
			k.Symptoms = append(k.Symptoms, correlate.SymptomID{Alert: s.Labels.Fingerprint()}, correlate.SymptomID{Entity: s.Entity, Name: s.Name})
		}
		known[inc.ID] = k
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("incidents of the store: %w", err)
	}
	return known, nil
}

// Recall adds the incidents that an engine knows.
func Recall(known map[correlate.IncidentID]Known, e *correlate.Engine) {
	for _, inc := range e.Incidents(nil) {
		if symptoms := e.SymptomsOf(inc.ID); len(symptoms) > 0 {
			known[inc.ID] = Known{Symptoms: symptoms, Paged: pages(inc)}
		}
	}
}

// pages are the times of an incident's pages.
func pages(inc *correlate.Incident) (list []time.Time) {
	for i := range inc.Generations {
		if g := &inc.Generations[i]; !g.Paged.IsZero() {
			list = append(list, g.Paged)
		}
	}
	return list
}

// Head tells what it is.
func (s *Store) Head() Head { return s.head }

// From is the head of what begins with a record, for an export of the rest.
func (s *Store) From(seq uint64, at time.Time) (Head, error) {
	h := s.head
	h.First, h.Begin = seq, at
	if !h.Cut() || h.Seed != nil {
		return h, nil
	}
	var err error
	h.Seed = Seed(s.Engine)
	if h.Known, err = Remembered(s.kept); err == nil {
		Recall(h.Known, s.Engine)
	}
	return h, err
}

// Read calls take with all records.
func (s *Store) Read(ctx context.Context, take func(*Record) error) error {
	return s.kept.Journal(0, func(r storage.Record) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.Seq > s.head.Last {
			return nil // it was written since
		}
		inputs, err := correlate.ParseRecord(r.Data)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
		return take(&Record{Seq: r.Seq, At: r.At, Inputs: inputs, Where: fmt.Sprintf("record %d", r.Seq)})
	})
}

// Close closes the store.
func (s *Store) Close() error { return s.kept.Close() }

// loadEngine makes an engine of the state that a store holds.
func loadEngine(kept Kept) (*correlate.Engine, error) {
	var scanErr error
	rows := iter.Seq2[[]byte, []byte](func(yield func(k, v []byte) bool) {
		scanErr = kept.Scan(storage.State, nil, nil, func(k, v []byte) error {
			if !yield(k, v) {
				return errEnough
			}
			return nil
		})
	})
	e, err := correlate.Load(rulebook.Compile, rows)
	if scanErr != nil && !errors.Is(scanErr, errEnough) {
		return nil, scanErr
	}
	return e, err
}
