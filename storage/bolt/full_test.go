package bolt_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"quell/storage"
	"quell/storage/bolt"
)

// mount makes a small file system for the test; it skips the test where that is not possible.
func mount(t *testing.T, kind string) (dir string, remount func(option string)) {
	t.Helper()
	dir = t.TempDir()
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			return errors.New(name + ": " + err.Error() + ": " + strings.TrimSpace(string(out)))
		}
		return nil
	}
	var err error
	switch kind {
	case "tmpfs":
		err = run("mount", "-t", "tmpfs", "-o", "size=8m", "none", dir)
	case "ext4":
		image := filepath.Join(t.TempDir(), "image")
		err = errors.Join(
			os.WriteFile(image, nil, 0o600),
			os.Truncate(image, 24<<20),
			run("mkfs.ext4", "-q", image),
			run("mount", "-o", "loop", image, dir))
	}
	if err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := run("umount", dir); err != nil {
			t.Error(err)
		}
	})
	return dir, func(option string) {
		if err := run("mount", "-o", "remount,"+option, dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDiskIsSurvivedWithoutReopening is case 5: commits fail with nothing visible, reading goes on, and when space
// is freed commits work again. Several times, since what a failed commit leaves behind shows later.
func TestFullDiskIsSurvivedWithoutReopening(t *testing.T) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			dir, _ := mount(t, kind)
			path, ballast := filepath.Join(dir, "quell.db"), filepath.Join(dir, "ballast")
			db := open(t, path)
			seq := uint64(0)
			for range 4 {
				fill(t, ballast)
				for failures := 0; failures < 3; {
					err := db.Commit(numbered(seq + 1))
					if err == nil {
						seq++
						continue
					}
					if !errors.Is(err, storage.ErrFull) {
						t.Fatalf("record %d: got %v, want ErrFull", seq+1, err)
					}
					failures++
					if got, err := db.Get(storage.Marks, posKey); err != nil || string(got) != string(model(seq)[storage.Marks][string(posKey)]) {
						t.Fatalf("after a failed commit: got position %q, %v, want %d", got, err, seq)
					}
				}
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
				for range 20 {
					seq++
					if err := db.Commit(numbered(seq)); err != nil {
						t.Fatalf("with space again, record %d: %v", seq, err)
					}
				}
			}
			db.Sound(t)
			closeStore(t, db)
			verify(t, path, seq)
		})
	}
}

// fill takes all space of the file system but a little, which commits use up.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for block := make([]byte, 64<<10); err == nil; {
		var n int
		n, err = f.Write(block)
		size += int64(n)
	}
	if err := f.Truncate(size - 256<<10); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyFileSystemIsAClearError is the first half of case 7.
func TestReadOnlyFileSystemIsAClearError(t *testing.T) {
	dir, remount := mount(t, "tmpfs")
	path := filepath.Join(dir, "quell.db")
	closeStore(t, open(t, path))
	remount("ro")
	for _, p := range []string{path, filepath.Join(dir, "new.db"), filepath.Join(dir, "new", "new.db")} {
		_, err := bolt.Open(p, bolt.Options{})
		if !errors.Is(err, storage.ErrReadOnly) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want ErrReadOnly in one line", p, err)
		}
	}
	remount("rw")
	closeStore(t, open(t, path))
}

// TestRefusedMetaWriteThatReachedTheFileIsUnknown: a file system may refuse a write and have it done all the same.
func TestRefusedMetaWriteThatReachedTheFileIsUnknown(t *testing.T) {
	refused := &fs.PathError{Op: "write", Path: "quell.db", Err: syscall.ENOSPC}
	db := open(t, filepath.Join(t.TempDir(), "quell.db"))
	if err := db.FailedCommit(t, refused, true); !errors.Is(err, storage.ErrFull) {
		t.Errorf("meta page untouched: got %v, want ErrFull", err)
	}
	if err := db.Commit(numbered(1)); err != nil {
		t.Fatal(err)
	}
	if err := db.FailedCommit(t, refused, false); !errors.Is(err, storage.ErrUnknown) {
		t.Errorf("meta page written: got %v, want ErrUnknown", err)
	}
	if err := db.Commit(numbered(2)); !errors.Is(err, storage.ErrUnknown) {
		t.Errorf("afterwards: got %v, want ErrUnknown", err)
	}
}
