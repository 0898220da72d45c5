//go:build linux

package bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"quell/storage"
)

// TestResidentMemoryDoesNotGrowWithTheStore: 200,000 rows are more than 100 MB of pages, of which few may stay mapped.
func TestResidentMemoryDoesNotGrowWithTheStore(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "quell.db"))
	before := residentFileBytes(t)
	for in := newBatches(1000); in.next < 200_000; {
		if err := db.Commit(in.take()); err != nil {
			t.Fatal(err)
		}
	}
	const limit = 48 << 20
	if got := residentFileBytes(t) - before; got > limit {
		t.Errorf("after writing: %d MB of the file are resident, want at most %d", got>>20, limit>>20)
	}
	rows := 0
	if err := db.Scan(storage.State, nil, nil, func(_, _ []byte) error { rows++; return nil }); err != nil || rows != 200_000 {
		t.Fatalf("got %d rows, %v", rows, err)
	}
	if got := residentFileBytes(t) - before; got > limit {
		t.Errorf("after reading: %d MB of the file are resident, want at most %d", got>>20, limit>>20)
	}
}

func residentFileBytes(t *testing.T) (n int64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("RssFile:"))
	if _, err := fmt.Sscan(string(after), &n); err != nil {
		t.Skipf("the kernel does not tell RssFile: %v", err)
	}
	return n << 10
}
