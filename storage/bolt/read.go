package bolt

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"quell/storage"
)

// A chunk is what one read transaction copies. Small, since a transaction pins pages and delays a remapping of the
// file; large enough that the descent to its start does not count.
const (
	chunkRows  = 1000
	chunkBytes = 256 << 10
)

// chunk holds copies of rows, keys and sealed values one after the other.
type chunk struct {
	memory []byte
	sizes  []rowSize
}

type rowSize struct{ key, value int }

func (c *chunk) add(k, v []byte) {
	c.memory = append(append(c.memory, k...), v...)
	c.sizes = append(c.sizes, rowSize{len(k), len(v)})
}

func (c *chunk) full() bool { return len(c.sizes) >= chunkRows || len(c.memory) >= chunkBytes }

// span is what is read: the rows of a section with from <= key < to; nil is no bound.
type span struct {
	*section
	from, to []byte
}

// each calls fn with the sealed rows of the span, outside of transactions.
func (db *DB) each(operation string, s span, fn func(k, sealed []byte) error) error {
	var c chunk
	for from := s.from; ; {
		c.memory, c.sizes = c.memory[:0], c.sizes[:0]
		err := db.view(operation, func(tx *bbolt.Tx) error {
			cur := tx.Bucket(s.bucket).Cursor()
			for k, v := cur.Seek(from); k != nil && !c.full(); k, v = cur.Next() {
				if s.to != nil && bytes.Compare(k, s.to) >= 0 {
					break
				}
				c.add(k, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		db.touched(len(c.memory))
		next := from
		rest := c.memory
		for _, size := range c.sizes {
			k, v := rest[:size.key:size.key], rest[size.key:size.key+size.value:size.key+size.value]
			rest = rest[size.key+size.value:]
			next = k
			if err := fn(k, v); err != nil {
				return err
			}
		}
		if !c.full() {
			return nil
		}
		// The smallest key after the last one. It is copied: its memory is the next chunk's.
		from = append(append(make([]byte, 0, len(next)+1), next...), 0)
	}
}

// Scan calls fn with the rows from <= key < to in order of their keys; nil is no bound. An error of fn ends the scan
// and is returned as it is. Damaged rows are reported to [Options.OnDamage] and left out.
func (db *DB) Scan(t storage.Table, from, to []byte, fn func(k, v []byte) error) error {
	s, err := sectionOf(t)
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return db.each("scan "+s.name, span{s, from, to}, func(k, sealed []byte) error {
		v, ok := s.open(k, sealed)
		if !ok && !db.trusting {
			db.report(s.name, k, "wrong checksum")
			return nil
		}
		return fn(k, v)
	})
}

// Get returns a copy of the row's value, and nil if there is no such row. It fails with [storage.ErrDamagedRow].
func (db *DB) Get(t storage.Table, key []byte) ([]byte, error) {
	s, err := sectionOf(t)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	var sealed []byte
	err = db.view("get "+s.name, func(tx *bbolt.Tx) error {
		if v := tx.Bucket(s.bucket).Get(key); v != nil {
			sealed = append(make([]byte, 0, len(v)), v...)
		}
		return nil
	})
	if err != nil || sealed == nil {
		return nil, err
	}
	v, ok := s.open(key, sealed)
	if !ok && !db.trusting {
		db.report(s.name, key, "wrong checksum")
		return nil, fmt.Errorf("get %s %q: %w", s.name, key, storage.ErrDamagedRow)
	}
	return v, nil
}

// Journal calls fn with the records whose Seq is at least from, in order. An error of fn ends it and is returned as it
// is. Damaged records are reported to [Options.OnDamage] and left out: callers see a gap in Seq.
func (db *DB) Journal(from uint64, fn func(storage.Record) error) error {
	var memory []byte
	return db.each("read journal", span{journal, seqKey(from), nil}, func(k, sealed []byte) error {
		r, reason := openRecord(memory, k, sealed, db.trusting)
		if reason != "" {
			db.report(journal.name, k, reason)
			return nil
		}
		if cap(r.Data) > cap(memory) {
			memory = r.Data
		}
		return fn(r)
	})
}
