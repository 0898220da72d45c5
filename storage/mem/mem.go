// Package mem keeps a store in memory, for tests and simulation. It keeps every promise of a store except
// to outlive the process, and it chooses nothing at random.
package mem

import (
	"bytes"
	"cmp"
	"encoding/gob"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"quell/storage"
)

// DB is a store in memory. See package [storage] for what its methods promise and who may call them.
type DB struct {
	mu     sync.RWMutex
	closed bool
	s      state
}

// state is what a backup holds. Keys and values are never changed in place, so readers may keep them.
type state struct {
	ID      string
	Tables  [storage.TableCount][]row
	Records []storage.Record
	Last    uint64
	At      time.Time
	// Bytes is the length of all records.
	Bytes int64
}

type row struct{ Key, Value []byte }

// New returns an empty store of that ID. A simulation gives the same one in every run.
func New(id string) *DB { return &DB{s: state{ID: id}} }

// Restore returns a store with what [DB.Backup] wrote.
func Restore(r io.Reader) (*DB, error) {
	db := new(DB)
	if err := gob.NewDecoder(r).Decode(&db.s); err != nil {
		return nil, fmt.Errorf("restore: %w: %w", storage.ErrDamaged, err)
	}
	return db, nil
}

// Reopen makes a closed store usable again, as a restart does for one on disk.
func (db *DB) Reopen() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = false
}

// find returns where key is or belongs.
func find(rows []row, key []byte) (int, bool) {
	// Keys mostly ascend: look behind the last one first.
	if n := len(rows); n == 0 || bytes.Compare(rows[n-1].Key, key) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(rows, key, func(r row, k []byte) int { return bytes.Compare(r.Key, k) })
}

// Commit applies the batch. It fails with [storage.ErrBatch] or [storage.ErrClosed], and then changes nothing.
func (db *DB) Commit(b *storage.Batch) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return fmt.Errorf("commit: %w", storage.ErrClosed)
	}
	if err := b.Validate(db.s.Last); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, c := range b.Changes {
		rows := &db.s.Tables[c.Table]
		i, found := find(*rows, c.Key)
		switch {
		case c.Value == nil && found:
			*rows = slices.Delete(*rows, i, i+1)
		case c.Value == nil:
		case found:
			(*rows)[i].Value = copied(c.Value)
		default:
			*rows = slices.Insert(*rows, i, row{bytes.Clone(c.Key), copied(c.Value)})
		}
	}
	if b.Record != nil {
		at := b.At.Round(0).UTC()
		db.s.Records = append(db.s.Records, storage.Record{Seq: b.Seq, At: at, Data: copied(b.Record)})
		db.s.Last, db.s.At = b.Seq, at
		db.s.Bytes += int64(len(b.Record))
	}
	return nil
}

// copied returns a copy that is not nil: nil means that there is no row.
func copied(b []byte) []byte { return append([]byte{}, b...) }

// Get returns a copy of the row's value, and nil if there is no such row.
func (db *DB) Get(t storage.Table, key []byte) ([]byte, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.readable(t); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	i, found := find(db.s.Tables[t], key)
	if !found {
		return nil, nil
	}
	return copied(db.s.Tables[t][i].Value), nil
}

func (db *DB) readable(t storage.Table) error {
	if db.closed {
		return storage.ErrClosed
	}
	if !t.Valid() {
		return fmt.Errorf("no table %d", t)
	}
	return nil
}

// Scan calls fn with the rows from <= key < to in order of their keys; nil is no bound. It sees the table as it was
// when Scan was called. An error of fn ends the scan and is returned as it is.
func (db *DB) Scan(t storage.Table, from, to []byte, fn func(k, v []byte) error) error {
	rows, err := db.between(t, from, to)
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	for _, r := range rows {
		if err := fn(r.Key, r.Value); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) between(t storage.Table, from, to []byte) ([]row, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.readable(t); err != nil {
		return nil, err
	}
	rows := db.s.Tables[t]
	if to != nil {
		end, _ := find(rows, to)
		rows = rows[:end]
	}
	start, _ := find(rows, from)
	return slices.Clone(rows[start:]), nil
}

// Journal calls fn with the records whose Seq is at least from, in order. An error of fn ends it and is returned as it is.
func (db *DB) Journal(from uint64, fn func(storage.Record) error) error {
	db.mu.RLock()
	closed := db.closed
	i, _ := slices.BinarySearchFunc(db.s.Records, from, func(r storage.Record, seq uint64) int {
		return cmp.Compare(r.Seq, seq)
	})
	records := db.s.Records[i:]
	db.mu.RUnlock()
	if closed {
		return fmt.Errorf("read journal: %w", storage.ErrClosed)
	}
	for _, r := range records {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// Last is the newest record's number and time, zero if there never was one.
func (db *DB) Last() (seq uint64, at time.Time) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.s.Last, db.s.At
}

// ID names the store.
func (db *DB) ID() string { return db.s.ID }

// Trim deletes journal records, oldest first, that are older than before or beyond maxBytes; zero values set no bound.
// It removes at most [storage.TrimLimit] records and always leaves the newest.
func (db *DB) Trim(before time.Time, maxBytes int64) (removed int, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return 0, fmt.Errorf("trim journal: %w", storage.ErrClosed)
	}
	for removed < min(storage.TrimLimit, len(db.s.Records)-1) {
		r := db.s.Records[removed]
		if !r.At.Before(before) && (maxBytes <= 0 || db.s.Bytes <= maxBytes) {
			break
		}
		db.s.Bytes -= int64(len(r.Data))
		removed++
	}
	// A new slice: readers may still be in the old one.
	db.s.Records = slices.Clone(db.s.Records[removed:])
	return removed, nil
}

// Backup writes a copy for [Restore].
func (db *DB) Backup(w io.Writer) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return fmt.Errorf("backup: %w", storage.ErrClosed)
	}
	if err := gob.NewEncoder(w).Encode(&db.s); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// Stats tells the size of the journal; there is no file.
func (db *DB) Stats() storage.Stats {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return storage.Stats{SpaceBytes: -1, JournalBytes: db.s.Bytes, JournalRecords: int64(len(db.s.Records))}
}

// Close makes every later call fail with [storage.ErrClosed]. Closing twice is fine.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	return nil
}
