package mem_test

import (
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"quell/storage/mem"
	"quell/storage/storagetest"
)

func TestMemIsAStore(t *testing.T) {
	var opened atomic.Int64
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		db := mem.New(fmt.Sprintf("mem%05d", opened.Add(1)))
		return storagetest.Subject{
			Store: db,
			Reopen: func() storagetest.Store {
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				db.Reopen()
				return db
			},
			Restore: func(backup io.Reader) storagetest.Store {
				restored, err := mem.Restore(backup)
				if err != nil {
					t.Fatal(err)
				}
				return restored
			},
		}
	})
}
