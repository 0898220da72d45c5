package lazyfs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Private(m.Run)) }

// bench is a disk in a test; it can be plugged in again after a cut.
type bench struct {
	*testing.T
	durable, mountpoint string
	disk                *Disk
}

func newBench(t *testing.T) *bench {
	if err := Available(); err != nil {
		t.Skipf("SKIP lazyfs: %v", err)
	}
	b := &bench{T: t, durable: t.TempDir(), mountpoint: t.TempDir()}
	b.plugIn()
	t.Cleanup(func() {
		if err := b.disk.Unmount(); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return b
}

func (b *bench) plugIn() {
	b.Helper()
	disk, err := Mount(b.durable, b.mountpoint)
	if err != nil {
		b.Fatal(err)
	}
	b.disk = disk
}

// cut switches the power off and on again.
func (b *bench) cut(survives func() bool) {
	b.Helper()
	if err := errors.Join(b.disk.Cut(survives), b.disk.Unmount()); err != nil {
		b.Fatal(err)
	}
	b.plugIn()
}

func (b *bench) path(name string) string { return filepath.Join(b.mountpoint, name) }

func (b *bench) open(name string, flags int) *os.File {
	b.Helper()
	f, err := os.OpenFile(b.path(name), flags|os.O_RDWR, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) write(f *os.File, text string) {
	b.Helper()
	_, err := f.WriteString(text)
	b.must(err)
}

func (b *bench) want(name, text string) {
	b.Helper()
	got, err := os.ReadFile(b.path(name))
	b.must(err)
	if string(got) != text {
		b.Errorf("%s holds %.40q (%d bytes), want %.40q (%d bytes)", name, got, len(got), text, len(text))
	}
}

func TestPowerCutKeepsWhatWasSyncedAndNothingElse(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE)
	b.write(f, "synced ")
	b.must(f.Sync())
	b.write(f, "lost")
	b.want("a", "synced lost")
	b.must(f.Close())
	b.want("a", "synced lost")
	b.cut(nil)
	b.want("a", "synced ")
}

func TestPowerCutUndoesATruncation(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE)
	b.write(f, "long text")
	b.must(f.Sync())
	b.must(f.Truncate(4))
	b.want("a", "long")
	b.must(f.Truncate(6))
	b.want("a", "long\x00\x00")
	b.must(f.Close())
	b.cut(nil)
	b.want("a", "long text")

	f = b.open("a", os.O_TRUNC)
	b.want("a", "")
	b.must(f.Sync())
	b.must(f.Close())
	b.cut(nil)
	b.want("a", "")
}

func TestRenameIsDurableButNotTheContentBehindIt(t *testing.T) {
	b := newBench(t)
	b.must(os.WriteFile(b.path("new"), []byte("text"), 0o600))
	b.must(os.Rename(b.path("new"), b.path("a")))
	b.want("a", "text")
	b.cut(nil)
	b.want("a", "")
}

func TestWritesOfASyncFileSurvive(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE|os.O_SYNC)
	b.write(f, "eager")
	b.must(f.Close())
	b.cut(nil)
	b.want("a", "eager")
}

func TestMemoryMapSeesWhatWasWritten(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE)
	b.must(f.Truncate(2 * pageBytes))
	view, err := syscall.Mmap(int(f.Fd()), 0, 2*pageBytes, syscall.PROT_READ, syscall.MAP_SHARED)
	b.must(err)
	for _, text := range []string{"first", "again"} {
		_, err = f.WriteAt([]byte(text), pageBytes)
		b.must(err)
		b.must(f.Sync())
		if got := string(view[pageBytes : pageBytes+5]); got != text {
			t.Errorf("map shows %q, want %q", got, text)
		}
	}
	b.must(errors.Join(syscall.Munmap(view), f.Close()))
}

// TestRandomHistoryEqualsAModel compares the disk with a file in memory of which the last synced copy survives.
func TestRandomHistoryEqualsAModel(t *testing.T) {
	b := newBench(t)
	seed, _ := strconv.ParseUint(os.Getenv("QUELL_SEED"), 0, 64) // without one it is 0
	t.Logf("QUELL_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var live, synced []byte
	b.must(b.open("a", os.O_CREATE).Close())
	for range 20 {
		f := b.open("a", 0)
		for range 50 {
			switch offset := random.Int64N(4 * pageBytes); random.IntN(6) {
			case 0:
				b.must(f.Truncate(offset))
				live = append(live, make([]byte, max(0, offset-int64(len(live))))...)[:offset:offset]
			case 1:
				b.must(f.Sync())
				synced = bytes.Clone(live)
			default:
				data := bytes.Repeat([]byte{byte(random.Uint32())}, 1+random.IntN(2*pageBytes))
				_, err := f.WriteAt(data, offset)
				b.must(err)
				live = append(live, make([]byte, max(0, offset+int64(len(data))-int64(len(live))))...)
				copy(live[offset:], data)
			}
		}
		b.want("a", string(live))
		b.must(f.Close())
		b.cut(nil)
		b.want("a", string(synced))
		live = bytes.Clone(synced)
	}
}

func TestPowerCutCanKeepARandomPart(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE)
	b.write(f, string(bytes.Repeat([]byte("x"), 3*pageBytes)))
	b.must(f.Sync())
	_, err := f.WriteAt(bytes.Repeat([]byte("y"), 3*pageBytes), 0)
	b.must(errors.Join(err, f.Close()))
	pages := 0
	b.cut(func() bool { pages++; return pages == 2 })
	b.want("a", string(bytes.Repeat([]byte("x"), pageBytes))+string(bytes.Repeat([]byte("y"), pageBytes))+string(bytes.Repeat([]byte("x"), pageBytes)))
}

// TestFailedSyncLosesItsPagesForGood is what PostgreSQL learnt in 2018: the sync after a failed one succeeds and says nothing
// about what the first one dropped.
func TestFailedSyncLosesItsPagesForGood(t *testing.T) {
	b := newBench(t)
	b.disk.FailSync(2)
	f := b.open("a", os.O_CREATE)
	b.write(f, "good ")
	b.must(f.Sync())
	b.write(f, "bad")
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync 2: got %v, want EIO", err)
	}
	b.want("a", "good bad")
	b.must(f.Sync())
	b.must(f.Close())
	if got := b.disk.Syncs(); got != 3 {
		t.Errorf("got %d syncs, want 3", got)
	}
	b.cut(nil)
	b.want("a", "good ")
}

func TestLyingDiskLosesAll(t *testing.T) {
	b := newBench(t)
	b.disk.Lie()
	f := b.open("a", os.O_CREATE)
	b.write(f, "text")
	b.must(f.Sync())
	b.must(f.Close())
	b.cut(nil)
	b.want("a", "")
}

func TestNothingWorksAfterThePowerCut(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE)
	b.write(f, "text")
	b.must(b.disk.Cut(nil))
	_, writeErr := f.WriteString("more")
	for what, err := range map[string]error{
		"write": writeErr, "sync": f.Sync(), "truncate": f.Truncate(0), "remove": os.Remove(b.path("a")),
		"rename": os.Rename(b.path("a"), b.path("b")), "mkdir": os.Mkdir(b.path("c"), 0o700),
		"create": os.WriteFile(b.path("d"), nil, 0o600),
	} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: got %v, want EIO", what, err)
		}
	}
	b.must(f.Close())
}

func TestRemovedFileStaysReadableWhileOpen(t *testing.T) {
	b := newBench(t)
	f := b.open("a", os.O_CREATE)
	b.write(f, "text")
	b.must(os.Remove(b.path("a")))
	info, err := f.Stat()
	b.must(err)
	got := make([]byte, 4)
	_, err = f.ReadAt(got, 0)
	if err != nil || string(got) != "text" || info.Size() != 4 {
		t.Errorf("got %q of %d bytes and error %v, want %q of 4", got, info.Size(), err, "text")
	}
	b.must(f.Close())
	b.must(os.WriteFile(b.path("a"), []byte("new"), 0o600))
	b.want("a", "new")
}
