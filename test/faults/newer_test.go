package faults

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"go.etcd.io/bbolt"
)

// TestCase13NewerStore: a store that a later version wrote is refused and left alone.
func TestCase13NewerStore(t *testing.T) {
	r := started(t, options{})
	r.stop()
	db, err := bbolt.Open(r.store(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The store's own facts are in the bucket "quell", each behind a CRC-32C of bucket, key and value.
	const bucket, key = "quell", "schema"
	value := binary.BigEndian.AppendUint32(nil, 1_000_000)
	sum := crc32.Checksum([]byte(bucket+"\x00"+key+string(value)), crc32.MakeTable(crc32.Castagnoli))
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucket)).Put([]byte(key), append(binary.BigEndian.AppendUint32(nil, sum), value...))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r.refusesToStart(3, "newer quell", "version 1000000")
}
