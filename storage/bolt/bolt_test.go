package bolt_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"quell/storage/bolt"
	"quell/storage/storagetest"
)

func open(t *testing.T, path string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{OnDamage: func(where string, key []byte, reason string) {
		t.Errorf("damage: %s %q: %s", where, key, reason)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, db) })
	return db
}

func closeStore(t *testing.T, db *bolt.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestBoltIsAStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		path := filepath.Join(t.TempDir(), "quell.db")
		db := open(t, path)
		return storagetest.Subject{
			Store: db,
			Reopen: func() storagetest.Store {
				closeStore(t, db)
				db = open(t, path)
				return db
			},
			Restore: func(backup io.Reader) storagetest.Store {
				path := filepath.Join(t.TempDir(), "restored.db")
				f, err := os.Create(path)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(f, backup); err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				return open(t, path)
			},
		}
	})
}
