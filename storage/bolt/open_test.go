package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"quell/storage"
	"quell/storage/bolt"
)

func TestOpenCreatesPrivateFolderAndFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "deep", "quell.db")
	db := open(t, path)
	for p, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + ".lock": 0o600} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", p, got, want)
		}
	}
	closeStore(t, db)
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the holder is still named: %v", err)
	}
}

// filled returns the bytes of a store with some batches.
func filled(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "filled.db")
	db := open(t, path)
	for seq := uint64(1); seq <= 50; seq++ {
		if err := db.Commit(numbered(seq)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, db)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDamagedFileIsRefusedAndKept is case 10.
func TestDamagedFileIsRefusedAndKept(t *testing.T) {
	whole := filled(t)
	zeroed := func(from, to int) []byte {
		b := append([]byte(nil), whole...)
		clear(b[from:to])
		return b
	}
	for name, content := range map[string][]byte{
		"cut to a byte":       whole[:1],
		"cut in meta page":    whole[:60],
		"cut to a page":       whole[:4096],
		"cut to two pages":    whole[:8192],
		"cut to five pages":   whole[:5*4096],
		"cut to 100 KB":       whole[:100_000],
		"all zeros":           make([]byte, len(whole)),
		"beginning zeroed":    zeroed(0, 64<<10),
		"middle zeroed":       zeroed(64<<10, 128<<10),
		"text":                []byte("server: {listen: 127.0.0.1:9095}\n"),
		"text of some length": []byte(strings.Repeat("not a store\n", 10_000)),
	} {
		path := filepath.Join(t.TempDir(), "quell.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := bolt.Open(path, bolt.Options{})
		if !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), "restore a copy of the file, or move it away") {
			t.Errorf("%s: got %v, want ErrDamaged and what to do", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(content) {
			t.Errorf("%s: Open changed the file", name)
		}
	}
}

// TestRemainsOfAKilledCreationCountAsNew: nothing, or what bbolt writes first, whole or cut by the kill.
func TestRemainsOfAKilledCreationCountAsNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quell.db")
	first := initialBytes(t)
	for _, n := range []int{0, 4096, 8192, len(first)} {
		if err := os.WriteFile(path, first[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(path, bolt.Options{})
		if err != nil {
			t.Errorf("%d bytes: %v", n, err)
			continue
		}
		if err := db.Commit(numbered(1)); err != nil {
			t.Error(err)
		}
		closeStore(t, db)
		verify(t, path, 1)
	}
}

func TestReadOnlyFileIsAClearError(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write to every file; the read-only file system has a test of its own")
	}
	path := filepath.Join(t.TempDir(), "quell.db")
	if err := os.WriteFile(path, filled(t), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, bolt.Options{}); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("got %v, want ErrReadOnly", err)
	}
}

// TestStatsTellTheSpaceThatIsLeft: alerts count on it, and on its being absent where it is not known.
func TestStatsTellTheSpaceThatIsLeft(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "quell.db"))
	defer closeStore(t, db)
	switch got := db.Stats().SpaceBytes; {
	case runtime.GOOS == "linux" && got <= 0:
		t.Errorf("got %d bytes left, want more", got)
	case runtime.GOOS != "linux" && got != -1:
		t.Errorf("got %d bytes left, want -1", got)
	}
}

// A store that an earlier quell made has no dead letters; it gets the table when it is opened, and keeps the rest.
func TestOpenAddsTheTableThatCameLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quell.db")
	db := open(t, path)
	if err := db.Commit(&storage.Batch{Changes: []storage.Change{{Table: storage.Audit, Key: []byte("k"), Value: []byte("v")}}}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, db)
	raw, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("dead")) }); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		db = open(t, path)
		if err := db.Commit(&storage.Batch{Changes: []storage.Change{{Table: storage.Dead, Key: []byte("k"), Value: []byte("w")}}}); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[storage.Table]string{storage.Audit: "v", storage.Dead: "w"} {
			if got, err := db.Get(table, []byte("k")); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v, want %q", table, got, err, want)
			}
		}
		closeStore(t, db)
	}
}
