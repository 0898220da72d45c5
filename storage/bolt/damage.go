package bolt

import (
	"errors"

	"quell/storage"
)

// maxDamaged bounds the damaged rows that wait for quarantine. More are still reported, and found again by later scans.
const maxDamaged = 1000

// damagedRow names a row with a wrong checksum. Its key may be what is wrong.
type damagedRow struct{ where, key string }

// report tells of damage once per row, and remembers the row for quarantine.
func (db *DB) report(where string, key []byte, reason string) {
	r := damagedRow{where, string(key)}
	db.mu.Lock()
	_, known := db.damaged[r]
	if !known {
		db.damagedRows++
		if len(db.damaged) < maxDamaged {
			db.damaged[r] = struct{}{}
		}
	}
	db.mu.Unlock()
	if !known && db.onDamage != nil {
		db.onDamage(where, key, reason)
	}
}

func (db *DB) damagedRowsToMove() []damagedRow {
	db.mu.Lock()
	defer db.mu.Unlock()
	rows := make([]damagedRow, 0, len(db.damaged))
	for r := range db.damaged {
		rows = append(rows, r)
	}
	return rows
}

// quarantine moves a damaged row to the table Quarantine, under the key where/KEY and with its bytes as they are. A row
// that was overwritten since is left alone, and so are rows of Quarantine itself: there is nowhere else to go.
func (w *writer) quarantine(r damagedRow) {
	s := sectionNamed(r.where)
	if s == nil || s == tables[storage.Quarantine] || w.err != nil {
		return
	}
	b := w.bucket(s)
	raw := b.Get([]byte(r.key))
	if raw == nil {
		return
	}
	if _, ok := s.open([]byte(r.key), raw); ok {
		return
	}
	// The bytes belong to a page that the deletion below may rewrite, so the row is copied, out of the arena.
	key := []byte(r.where + "/" + r.key)
	_, sealed := tables[storage.Quarantine].seal(nil, key, raw)
	if s == journal {
		w.journalGrowth -= int64(len(raw))
		w.journalRecords--
	}
	w.put(w.bucket(tables[storage.Quarantine]), key, sealed)
	w.err = errors.Join(w.err, b.Delete([]byte(r.key)))
}

func sectionNamed(name string) *section {
	for _, s := range sections() {
		if s.name == name {
			return s
		}
	}
	return nil
}
