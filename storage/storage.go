// Package storage is the vocabulary of the store seam: what quell writes, and how that can fail.
//
// A store keeps ordered tables of rows and a journal of records. It knows only bytes; callers encode. Everything that one
// batch of inputs changes is one [Batch], which becomes durable as a whole or not at all: a decision, the deliveries it asks for, and
// the record of what led to it are never apart.
//
// Packages bolt (a file) and mem (for tests and simulation) implement the seam with the methods below. There is no interface
// for them: callers declare the few methods that they need. Package storagetest is the conformance suite that every implementation
// passes.
//
//	Commit(*Batch) error                                          makes a batch durable
//	Get(t Table, key []byte) ([]byte, error)                      one row: a copy, nil if there is none
//	Scan(t Table, from, to []byte, fn func(k, v []byte) error) error   rows from <= key < to in order; nil is no bound
//	Journal(from uint64, fn func(Record) error) error             records with Seq >= from in order
//	Last() (seq uint64, at time.Time)                             the newest record; zero if there never was one
//	ID() string                                                   names the store; chosen at random when it was created
//	Trim(before time.Time, maxBytes int64) (removed int, err error)    drops the oldest records, see [TrimLimit]
//	Backup(w io.Writer) error                                     a consistent copy, while writing goes on
//	Stats() Stats
//	Close() error
//
// One goroutine commits and trims; all other methods may be called from any goroutine at any time. Scan and Journal
// hold no transaction while fn runs: fn may take its time and may call the store, and rows that change meanwhile are
// seen in their old or new state. Slices given to fn are valid until it returns.
package storage

import (
	"errors"
	"fmt"
	"time"
)

// Table names an ordered table of rows. The zero value is invalid.
type Table uint8

// Tables of a store. Keys of all but Refs and Marks mostly ascend, and stores may rely on that for density, never for
// correctness.
const (
	State      Table = iota + 1 // the engine's state
	Outbox                      // deliveries that were decided and not accepted yet
	Incidents                   // closed and open incidents for readers
	Refs                        // where incidents went at receivers
	Marks                       // small facts of the program: positions, digests sent, safe mode
	Quarantine                  // what could not be read: damaged rows, undecodable bodies
	Audit                       // who did what
	Dead                        // deliveries that were given up
)

// TableCount is one more than the highest number of a table, for arrays that tables are the indices of.
const TableCount = int(Dead) + 1

var tableNames = [...]string{
	State: "state", Outbox: "outbox", Incidents: "incidents", Refs: "refs",
	Marks: "marks", Quarantine: "quarantine", Audit: "audit", Dead: "dead",
}

// Tables lists all tables in order.
func Tables() []Table {
	return []Table{State, Outbox, Incidents, Refs, Marks, Quarantine, Audit, Dead}
}

// Valid reports whether t is a table.
func (t Table) Valid() bool { return t >= State && t <= Dead }

// String returns the table's name, as it is on disk and in messages.
func (t Table) String() string {
	if !t.Valid() {
		return "invalid"
	}
	return tableNames[t]
}

// Limits of what a store takes.
const (
	// MaxKeyBytes bounds a row's key.
	MaxKeyBytes = 1024
	// MaxValueBytes bounds a row's value and a record. A webhook of 100,000 alerts is about 55 MiB.
	MaxValueBytes = 256 << 20
	// TrimLimit bounds the records that one call of Trim removes, and so the length of its transaction. A call that
	// removed as many should be followed by another, after commits that wait.
	TrimLimit = 1000
)

// Change puts a row, or deletes it when Value is nil. Deleting a row that does not exist is no error.
type Change struct {
	Table      Table
	Key, Value []byte
}

// Batch is what one transaction writes. Stores do not keep its memory.
type Batch struct {
	// Seq and At are the number and the time of the journal record; they count only if Record is not nil. Seq must be
	// one more than the last record's, the first is 1.
	Seq uint64
	At  time.Time
	// Record is the journal record, not compressed; the store does that. Nil writes none.
	Record []byte
	// Changes are applied in order: of several for one key the last wins.
	Changes []Change
}

// Record is one entry of the journal.
type Record struct {
	Seq  uint64
	At   time.Time // in UTC
	Data []byte
}

// Stats tells the size of a store.
type Stats struct {
	// FileBytes is the size of the file, 0 in memory. Space is reserved ahead, and freed space is reused, not returned.
	FileBytes int64
	// SpaceBytes is what the file system has left for the file to grow, -1 if that is not known.
	SpaceBytes int64
	// JournalBytes is what journal records take, compressed.
	JournalBytes   int64
	JournalRecords int64
	// FreePages can be reused without growing the file; a page has PageBytes.
	FreePages, PageBytes int
	// DamagedRows counts rows and records with wrong checksums that were met since the store was opened.
	DamagedRows int64
}

// Errors of stores, to be tested with [errors.Is]. Their messages name the file and what to do.
var (
	// ErrFull: the disk or quota is full. Nothing of the batch is visible; Commit works again once there is space.
	ErrFull = errors.New("no space left for the store")
	// ErrReadOnly: the file or its file system cannot be written. Nothing of the batch is visible.
	ErrReadOnly = errors.New("store cannot be written")
	// ErrUnknown: a commit failed in a way that leaves open whether its batch is durable. Every later call on the
	// handle fails with it. The process must end; the store tells the outcome when it is opened again.
	ErrUnknown = errors.New("outcome of the commit is unknown, the process must restart")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("store is locked")
	// ErrDamaged: the file is no store, or its structure is broken.
	ErrDamaged = errors.New("store is damaged")
	// ErrDamagedRow: the row exists and its checksum is wrong.
	ErrDamagedRow = errors.New("row is damaged")
	// ErrNewer: a later version of quell wrote the store.
	ErrNewer = errors.New("store was written by a newer quell")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrBatch: the batch breaks the rules of [Batch]. That is a bug of the caller; nothing was written.
	ErrBatch = errors.New("invalid batch")
)

// Validate checks the batch against the rules, where last is the number of the last record. The error wraps [ErrBatch].
func (b *Batch) Validate(last uint64) error {
	if b.Record != nil && b.Seq != last+1 {
		return fmt.Errorf("%w: record %d cannot follow record %d", ErrBatch, b.Seq, last)
	}
	if len(b.Record) > MaxValueBytes {
		return fmt.Errorf("%w: record %d has %d bytes (limit %d)", ErrBatch, b.Seq, len(b.Record), MaxValueBytes)
	}
	for i := range b.Changes {
		switch c := &b.Changes[i]; {
		case !c.Table.Valid():
			return fmt.Errorf("%w: change %d: no table %d", ErrBatch, i, c.Table)
		case len(c.Key) == 0 || len(c.Key) > MaxKeyBytes:
			return fmt.Errorf("%w: change %d of %s: key of %d bytes (from 1 to %d)", ErrBatch, i, c.Table, len(c.Key), MaxKeyBytes)
		case len(c.Value) > MaxValueBytes:
			return fmt.Errorf("%w: change %d of %s: value of %d bytes (limit %d)", ErrBatch, i, c.Table, len(c.Value), MaxValueBytes)
		}
	}
	return nil
}
