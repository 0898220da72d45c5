package bolt

import (
	"encoding/binary"
	"testing"

	"go.etcd.io/bbolt"
)

// Trust makes the store return rows without checking their sums, as a negative control.
func (db *DB) Trust() { db.trusting = true }

// SetVersion writes another version number into the store.
func (db *DB) SetVersion(t *testing.T, version uint32) {
	t.Helper()
	_, sealed := facts.seal(nil, schemaKey, binary.BigEndian.AppendUint32(nil, version))
	err := db.bolt.Update(func(tx *bbolt.Tx) error { return tx.Bucket(facts.bucket).Put(schemaKey, sealed) })
	if err != nil {
		t.Fatal(err)
	}
}

// UsedBytes is the size of the part of the file that holds pages, free ones included.
func (db *DB) UsedBytes(t *testing.T) (n int64) {
	t.Helper()
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		n = tx.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Sound runs bbolt's own check.
func (db *DB) Sound(t *testing.T) {
	t.Helper()
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt's check: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// FailedCommit judges a commit of the current or the next transaction that failed with err.
func (db *DB) FailedCommit(t *testing.T, err error, next bool) error {
	t.Helper()
	var txid uint64
	if err := db.bolt.View(func(tx *bbolt.Tx) error { txid = uint64(tx.ID()); return nil }); err != nil {
		t.Fatal(err)
	}
	if next {
		txid++
	}
	return db.failedCommit(err, txid)
}
