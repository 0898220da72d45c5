package bolt

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"quell/storage"
)

// schema is the version of what is in the buckets. It grows when an older quell could misread a newer store.
const schema = 1

// Keys of the facts bucket.
var (
	schemaKey = []byte("schema")
	idKey     = []byte("id")
	// lastKey holds number and time of the newest record: the journal's own end may be damaged.
	lastKey = []byte("last")
)

// create makes the buckets and facts of a new store in one transaction, so that a kill leaves either none or all.
func (db *DB) create() error {
	db.id = newID()
	err := db.update(func(tx *bbolt.Tx) error {
		for _, s := range sections() {
			if _, err := tx.CreateBucket(s.bucket); err != nil {
				return err
			}
		}
		b := tx.Bucket(facts.bucket)
		_, version := facts.seal(nil, schemaKey, binary.BigEndian.AppendUint32(nil, schema))
		if err := b.Put(schemaKey, version); err != nil {
			return err
		}
		_, id := facts.seal(nil, idKey, []byte(db.id))
		return b.Put(idKey, id)
	})
	if err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	return nil
}

// complete adds the table that a store of an earlier quell lacks.
func (db *DB) complete() error {
	err := db.update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(tables[storage.Dead].bucket)
		return err
	})
	if err != nil {
		return fmt.Errorf("add a table to the store: %w", err)
	}
	return nil
}

func newID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// load reads the facts of an existing store and looks at the newest record, whose damage callers should hear of early.
func (db *DB) load() error {
	var newest, sealed []byte
	err := db.view("open", func(tx *bbolt.Tx) error {
		if err := db.loadFacts(tx.Bucket(facts.bucket)); err != nil {
			return err
		}
		k, v := tx.Bucket(journal.bucket).Cursor().Last()
		newest, sealed = append(newest, k...), append(sealed, v...)
		return nil
	})
	if err != nil {
		return err
	}
	if _, ok := journal.open(newest, sealed); newest != nil && !ok {
		db.report(journal.name, newest, "wrong checksum")
	}
	return nil
}

func (db *DB) loadFacts(b *bbolt.Bucket) error {
	fact := func(key []byte, size int) ([]byte, error) {
		v, ok := facts.open(key, b.Get(key))
		if !ok || len(v) != size {
			return nil, damagedFile(db.path, fmt.Errorf("fact %q is unreadable", key))
		}
		return v, nil
	}
	v, err := fact(schemaKey, 4)
	if err != nil {
		return err
	}
	if have := binary.BigEndian.Uint32(v); have > schema {
		return fmt.Errorf("%s: %w: it has version %d, this quell reads up to version %d", db.path, storage.ErrNewer, have, schema)
	}
	if v, err = fact(idKey, 8); err != nil {
		return err
	}
	db.id = string(v)
	if b.Get(lastKey) == nil {
		return nil // nothing was journaled yet
	}
	if v, err = fact(lastKey, 8+timeBytes); err != nil {
		return err
	}
	db.last, db.lastAt = binary.BigEndian.Uint64(v), parseTime(v[8:])
	return nil
}
