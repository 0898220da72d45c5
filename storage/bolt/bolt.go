// Package bolt keeps a store in one file, with go.etcd.io/bbolt.
//
// It closes the gaps that bbolt leaves. bbolt checks only its two meta pages, so here every row and record carries its own checksum, and the
// structure of the file is checked before bbolt maps it. A failed commit of bbolt may or may not be visible afterwards, so failures are told
// apart by what reached the meta page. And damage, which bbolt answers with panics, becomes [storage.ErrDamaged].
//
// The file is locked while it is open. The package needs flock(2), and so a Unix system.
package bolt

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"quell/storage"
)

// Options of [Open]. The zero value is useful.
type Options struct {
	// OnDamage is told once of every row, record or page that is met with a wrong checksum: the table's name,
	// "journal" or "meta page", the key, and what is wrong. It is called by the goroutine that met it, maybe by
	// several at once, and must not call the store. Nil ignores the news; [storage.Stats] still counts.
	OnDamage func(where string, key []byte, reason string)
}

// DB is an open store. See package [storage] for what its methods promise and who may call them.
type DB struct {
	bolt     *bbolt.DB
	file     *os.File // bbolt's own handle, which holds the lock
	path, id string
	pageSize int
	onDamage func(where string, key []byte, reason string)
	// trusting skips row checksums; only tests set it, to see that the checksums are what protects them.
	trusting bool

	touchedBytes atomic.Int64 // of the mapping, since its pages were given back

	writer sync.Mutex // held by Commit, Trim and Close
	arena  []byte     // memory of one commit's values, reused

	mu             sync.Mutex // guards what follows
	failure        error      // why the handle is of no use any more
	stuck          bool       // a transaction died inside bbolt, which may still hold its locks
	last           uint64
	lastAt         time.Time
	journalBytes   int64
	journalRecords int64
	damaged        map[damagedRow]struct{} // met and not moved to quarantine yet
	damagedRows    int64
}

// initialMmapSize is address space, not memory. bbolt has to wait for readers before it maps more; reserving much lets
// a long backup and the commits beside it go on. A 32-bit machine has none to give away.
func initialMmapSize(fileBytes int64) int {
	const reserve = 1 << 30
	if math.MaxInt == math.MaxInt32 {
		return 64 << 20
	}
	return int(max(reserve, 2*fileBytes))
}

// Open opens the store at path, and creates it with its folder if there is none. It fails with [storage.ErrLocked]
// after at most a second when another process holds it, and with [storage.ErrDamaged], [storage.ErrNewer] or
// [storage.ErrReadOnly]. It checks the structure of the whole file, which
// takes about 20 ms for 100,000 rows in the page cache, and not the rows: Scan and Journal do that.
func Open(path string, o Options) (*DB, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	if err := lock(f, path); err != nil {
		_ = f.Close() // the error that counts is the lock's
		return nil, err
	}
	db := &DB{file: f, path: path, onDamage: o.OnDamage, damaged: make(map[damagedRow]struct{})}
	if err := db.open(); err != nil {
		removeHolder(path)
		_ = db.closeFile() // the error that counts is the first
		return nil, err
	}
	return db, nil
}

func (db *DB) open() error {
	l, err := check(db.file)
	if err != nil {
		return damagedFile(db.path, err)
	}
	for _, w := range l.warnings {
		db.report("meta page", nil, w)
	}
	if l.fresh {
		// What a killed creation left may be half a page; bbolt starts over only from nothing.
		if err := db.file.Truncate(0); err != nil {
			return fmt.Errorf("create store: %w", explain(err))
		}
	}
	if err := db.openBolt(); err != nil {
		return err
	}
	db.pageSize = db.bolt.Info().PageSize
	if l.fresh {
		return db.create()
	}
	if l.older {
		if err := db.complete(); err != nil {
			return err
		}
	}
	db.journalBytes, db.journalRecords = l.journalBytes, l.journalRecords
	return db.load()
}

// openBolt hands bbolt the file that is locked and checked already.
func (db *DB) openBolt() error {
	info, err := db.file.Stat()
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	err = guard(func() (err error) {
		db.bolt, err = bbolt.Open(db.path, 0o600, &bbolt.Options{
			Timeout:         time.Millisecond, // the lock is held; bbolt only asks again
			FreelistType:    bbolt.FreelistMapType,
			InitialMmapSize: initialMmapSize(info.Size()),
			OpenFile:        func(string, int, os.FileMode) (*os.File, error) { return db.file, nil },
		})
		return err
	})
	if p, ok := errors.AsType[*panicError](err); ok {
		return damagedFile(db.path, p)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", db.path, explain(err))
	}
	return nil
}

func openFile(path string) (*os.File, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create folder of the store: %w", explain(err))
	}
	_, missing := os.Lstat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", explain(err))
	}
	if missing == nil {
		return f, nil
	}
	// A file whose name is not on disk is lost with all that is acknowledged in it.
	if err := syncFolder(dir); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("create store: %w", err)
	}
	return f, nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// explain adds the sentinel that an operating system's error stands for.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: %w", storage.ErrReadOnly, err)
	case isFull(err):
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func damagedFile(path string, why error) error {
	return fmt.Errorf("%s: %w: %w; restore a copy of the file, or move it away to start empty", path, storage.ErrDamaged, why)
}

// ID names the store; it was chosen at random when the store was created.
func (db *DB) ID() string { return db.id }

// Last is the newest record's number and time, zero if there never was one.
func (db *DB) Last() (seq uint64, at time.Time) {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.last, db.lastAt
}

// Stats tells the store's size. It is cheap.
func (db *DB) Stats() storage.Stats {
	b := db.bolt.Stats()
	var size int64
	if info, err := db.file.Stat(); err == nil { // after Close there is no size to tell
		size = info.Size()
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	return storage.Stats{
		FileBytes:      size,
		SpaceBytes:     spaceLeft(db.path),
		JournalBytes:   db.journalBytes,
		JournalRecords: db.journalRecords,
		FreePages:      b.FreePageN + b.PendingPageN,
		PageBytes:      db.pageSize,
		DamagedRows:    db.damagedRows,
	}
}

// Backup writes a copy of the store as it is at this moment; the copy is a store that [Open] takes. Commits go on, but
// pages that they free are not reused until Backup returns, so a slow w lets the file grow. The copy has the same ID.
func (db *DB) Backup(w io.Writer) error {
	return db.view("backup", func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// Close waits for calls that are under way and releases the file. Closing twice is fine.
func (db *DB) Close() error {
	db.writer.Lock()
	defer db.writer.Unlock()
	db.mu.Lock()
	closed := errors.Is(db.failure, storage.ErrClosed)
	db.failure = storage.ErrClosed
	db.mu.Unlock()
	if closed {
		return nil
	}
	removeHolder(db.path)
	if err := db.closeFile(); err != nil {
		return fmt.Errorf("close %s: %w", db.path, err)
	}
	return nil
}

// closeFile releases the file and its lock. Where bbolt cannot be asked to any more, the mapping stays until the
// process ends, so the lock is released by name.
func (db *DB) closeFile() error {
	db.mu.Lock()
	stuck := db.stuck
	db.mu.Unlock()
	if db.bolt != nil && !stuck {
		return db.bolt.Close()
	}
	return errors.Join(syscall.Flock(int(db.file.Fd()), syscall.LOCK_UN), db.file.Close())
}

// usable returns the error that made the handle useless, if any.
func (db *DB) usable() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.failure
}

// fail makes err the answer to every later call.
func (db *DB) fail(err error) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.failure == nil {
		db.failure = err
	}
	return err
}

// died makes the handle useless after a panic inside bbolt: it does not release all its locks then, and whoever asked
// it for the next transaction would wait for ever.
func (db *DB) died(err error) error {
	db.mu.Lock()
	db.stuck = true
	db.mu.Unlock()
	return db.fail(err)
}
