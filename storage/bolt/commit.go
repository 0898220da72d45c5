package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"quell/storage"
)

// maxIdleArena bounds what a large batch leaves allocated behind it.
const maxIdleArena = 4 << 20

// Commit makes the batch durable as a whole: when it returns nil the batch survives kill and power loss. It fails with
// [storage.ErrFull] or [storage.ErrReadOnly], then nothing of the batch is visible and it may be tried again; with
// [storage.ErrUnknown], then the process must end; or with [storage.ErrBatch]. Rows that were found damaged move to
// the table Quarantine in the same transaction.
func (db *DB) Commit(b *storage.Batch) error {
	db.writer.Lock()
	defer db.writer.Unlock()
	if err := db.usable(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := b.Validate(db.last); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if b.Record == nil && len(b.Changes) == 0 {
		return nil
	}
	db.reserve(b)
	broken := db.damagedRowsToMove()
	var journalGrowth, journalRecords int64
	err := db.update(func(tx *bbolt.Tx) error {
		w := writer{tx: tx, arena: db.arena}
		for _, r := range broken {
			w.quarantine(r)
		}
		for i := range b.Changes {
			w.apply(&b.Changes[i])
		}
		if b.Record != nil {
			w.record(b)
		}
		journalGrowth, journalRecords = w.journalGrowth, w.journalRecords
		return w.err
	})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	db.touched(cap(db.arena))
	db.mu.Lock()
	defer db.mu.Unlock()
	db.journalBytes += journalGrowth
	db.journalRecords += journalRecords
	for _, r := range broken {
		delete(db.damaged, r)
	}
	if b.Record != nil {
		db.last, db.lastAt = b.Seq, b.At.Round(0).UTC()
	}
	return nil
}

// reserve makes the arena hold all values of the batch. bbolt keeps references to values until the commit is over, so
// the arena must not move while it is filled, and one allocation serves all batches.
func (db *DB) reserve(b *storage.Batch) {
	size := 0
	for i := range b.Changes {
		size += sumBytes + len(b.Changes[i].Value)
	}
	if b.Record != nil {
		size += recordBytes(b.Record) + sumBytes + 8 + timeBytes
	}
	if cap(db.arena) < size || cap(db.arena) > maxIdleArena {
		db.arena = make([]byte, 0, size)
	}
}

// writer fills one transaction. The first error stays and makes the rest do nothing.
type writer struct {
	tx      *bbolt.Tx
	arena   []byte
	buckets [storage.TableCount]*bbolt.Bucket
	err     error
	// journalGrowth and journalRecords are what the transaction adds to the journal.
	journalGrowth, journalRecords int64
}

func (w *writer) bucket(s *section) *bbolt.Bucket {
	b := w.tx.Bucket(s.bucket)
	b.FillPercent = s.fill
	return b
}

func (w *writer) put(b *bbolt.Bucket, key, sealed []byte) {
	if w.err == nil {
		w.err = b.Put(key, sealed)
	}
}

func (w *writer) apply(c *storage.Change) {
	if w.buckets[c.Table] == nil {
		w.buckets[c.Table] = w.bucket(tables[c.Table])
	}
	b := w.buckets[c.Table]
	if c.Value == nil {
		if w.err == nil {
			w.err = b.Delete(c.Key)
		}
		return
	}
	var sealed []byte
	w.arena, sealed = tables[c.Table].seal(w.arena, c.Key, c.Value)
	w.put(b, c.Key, sealed)
}

func (w *writer) record(b *storage.Batch) {
	key := seqKey(b.Seq)
	var sealed []byte
	w.arena, sealed = sealRecord(w.arena, key, b.At, b.Record)
	w.put(w.bucket(journal), key, sealed)
	w.journalGrowth += int64(len(sealed))
	w.journalRecords++
	w.arena, sealed = facts.seal(w.arena, lastKey, appendTime(key, b.At))
	w.put(w.bucket(facts), lastKey, sealed)
}

// update runs write in a transaction, commits it, and tells failures apart.
func (db *DB) update(write func(tx *bbolt.Tx) error) error {
	var txid uint64
	written := false
	err := guard(func() error {
		return db.bolt.Update(func(tx *bbolt.Tx) error {
			txid = uint64(tx.ID())
			err := write(tx)
			written = err == nil
			return err
		})
	})
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		return db.died(fmt.Errorf("%w: %w", storage.ErrUnknown, damagedFile(db.path, p)))
	}
	if !written && !errors.Is(err, berrors.ErrInvalidMapping) {
		return err // rolled back before anything was sent to the disk
	}
	return db.failedCommit(err, txid)
}

// failedCommit decides what is known after a failed commit. bbolt writes data pages, syncs, writes the meta page and
// syncs. A write that is refused for want of space or permission is a *fs.PathError, a failed sync a bare errno. After
// a refused write the page cache tells the truth, so if the meta page is still an older transaction's, nothing is
// visible and the pages that were written belong to nobody. After a failed sync the kernel may have dropped what it
// could not write and would report the next sync as fine: nothing can be told from this process. The same goes for
// errors that bbolt passes on as text only, when it grows the file.
func (db *DB) failedCommit(err error, txid uint64) error {
	refused, isWrite := errors.AsType[*fs.PathError](err)
	if isWrite && refused.Op == "write" && db.metaPrecedes(txid) {
		if known := explain(err); errors.Is(known, storage.ErrFull) || errors.Is(err, syscall.EROFS) {
			return known
		}
	}
	return db.fail(fmt.Errorf("%s: %w: %w", db.path, storage.ErrUnknown, err))
}

// metaPrecedes reports whether the meta page that transaction txid would have written is an intact older one.
func (db *DB) metaPrecedes(txid uint64) bool {
	b := make([]byte, metaBytes)
	if _, err := db.file.ReadAt(b, int64(txid%2)*int64(db.pageSize)); err != nil {
		return false
	}
	m, err := parseMeta(b)
	return err == nil && m.txid < txid
}

// Trim deletes journal records, oldest first, that are older than before or beyond maxBytes of compressed journal; zero
// values set no bound. It removes at most [storage.TrimLimit] records in one transaction, and always leaves the newest.
// It fails as [DB.Commit] does.
func (db *DB) Trim(before time.Time, maxBytes int64) (removed int, err error) {
	db.writer.Lock()
	defer db.writer.Unlock()
	keys, size, err := db.trimmable(before, maxBytes)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	err = db.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(journal.bucket)
		b.FillPercent = journal.fill
		for _, k := range keys {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("trim journal: %w", err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.journalBytes -= size
	db.journalRecords -= int64(len(keys))
	return len(keys), nil
}

// trimmable lists the keys of the records to remove and their size.
func (db *DB) trimmable(before time.Time, maxBytes int64) (keys [][]byte, size int64, err error) {
	excess := int64(0)
	if maxBytes > 0 {
		db.mu.Lock()
		excess = db.journalBytes - maxBytes
		db.mu.Unlock()
	}
	err = db.view("trim journal", func(tx *bbolt.Tx) error {
		c := tx.Bucket(journal.bucket).Cursor()
		newest, _ := c.Last()
		newest = append([]byte(nil), newest...)
		for k, v := c.First(); k != nil && len(keys) < storage.TrimLimit; k, v = c.Next() {
			if string(k) == string(newest) || size >= excess && !removable(k, v, before) {
				break
			}
			keys = append(keys, append([]byte(nil), k...))
			size += int64(len(v))
		}
		return nil
	})
	return keys, size, err
}

// removable reports whether the record is older than before. The time of a damaged record is worth nothing; it must
// not keep what comes after it, so it goes with what is older. Checksums are costly, so only a record that would end
// the trimming is checked.
func removable(key, sealed []byte, before time.Time) bool {
	if len(sealed) < sumBytes+timeBytes || parseTime(sealed[sumBytes:]).Before(before) {
		return true
	}
	_, intact := journal.open(key, sealed)
	return !intact
}
