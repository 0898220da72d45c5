package bolt

import "go.etcd.io/bbolt"

// releaseBytes is how much may be written and scanned before the mapping's pages are given back. The kernel maps not
// only the page that is read but those around it, so without this a store that is only appended to becomes resident
// as a whole, 160 MB for 300,000 rows.
const releaseBytes = 16 << 20

// touched counts bytes of the mapping that were used, and from time to time gives its pages back. They stay in the
// page cache; the next reader maps them again.
func (db *DB) touched(n int) {
	if db.touchedBytes.Add(int64(n)) < releaseBytes {
		return
	}
	db.touchedBytes.Store(0)
	// In a transaction bbolt does not move the mapping, and it is at least as long as the transaction's pages. Only
	// memory is at stake, so errors are left to whoever calls next.
	_ = db.view("release memory", func(tx *bbolt.Tx) error {
		releasePages(db.bolt.Info().Data, uintptr(tx.Size()))
		return nil
	})
}
