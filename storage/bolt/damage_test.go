package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"quell/storage"
	"quell/storage/bolt"
)

// initialBytes is what bbolt writes first.
func initialBytes(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "initial.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNewerStoreIsRefused is case 13.
func TestNewerStoreIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quell.db")
	db := open(t, path)
	db.SetVersion(t, 7)
	closeStore(t, db)
	_, err := bolt.Open(path, bolt.Options{})
	if !errors.Is(err, storage.ErrNewer) || !strings.Contains(err.Error(), "has version 7, this quell reads up to version 1") {
		t.Errorf("got %v, want ErrNewer with both versions", err)
	}
}

// content is all that can be read of a store: table or "journal", then key, then value.
type content map[string]map[string]string

func read(db *bolt.DB) (content, error) {
	all := content{"journal": {}}
	var errs []error
	for _, table := range storage.Tables() {
		rows := make(map[string]string)
		all[table.String()] = rows
		errs = append(errs, db.Scan(table, nil, nil, func(k, v []byte) error {
			rows[string(k)] = string(v)
			return nil
		}))
	}
	errs = append(errs, db.Journal(0, func(r storage.Record) error {
		all["journal"][fmt.Sprint(r.Seq)] = r.At.String() + string(r.Data)
		return nil
	}))
	return all, errors.Join(errs...)
}

func (c content) rows() int {
	n := 0
	for _, rows := range c {
		n += len(rows)
	}
	return n
}

// wrong lists rows of c that are not in want.
func (c content) wrong(want content) []string {
	var bad []string
	for where, rows := range c {
		for k, v := range rows {
			if w, ok := want[where][k]; !ok || w != v {
				bad = append(bad, fmt.Sprintf("%s %q", where, k))
			}
		}
	}
	return bad
}

// sample is a store of 2 to 4 MB with full and half-empty pages, long and short rows, free pages, and its content now
// and before the last commit.
type sample struct {
	file         []byte
	used         int64
	now, earlier content
	scratch      string // where damaged copies go
	tries        int
}

// samples keeps the one sample that all tests damage copies of.
var samples struct {
	sync.Mutex
	made *sample
}

func newSample(t *testing.T) *sample {
	t.Helper()
	samples.Lock()
	defer samples.Unlock()
	if samples.made == nil {
		samples.made = makeSample(t)
	}
	s := *samples.made
	s.scratch = filepath.Join(t.TempDir(), "damaged.db")
	return &s
}

func makeSample(t *testing.T) *sample {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	db := open(t, path)
	r := rand.New(rand.NewPCG(1, 2))
	s := new(sample)
	commit := func(b *storage.Batch) {
		if err := db.Commit(b); err != nil {
			t.Fatal(err)
		}
	}
	for seq := uint64(1); seq <= 150; seq++ {
		b := numbered(seq)
		for range 20 {
			table := storage.Tables()[r.IntN(len(storage.Tables()))]
			c := storage.Change{Table: table, Key: fmt.Appendf(nil, "random-%04d", r.IntN(5000))}
			if r.IntN(4) > 0 {
				c.Value = alertText(r.IntN(1000), 100+r.IntN(800))
			}
			b.Changes = append(b.Changes, c)
		}
		b.Record = bytes.Repeat(alertText(int(seq), 470), 1+r.IntN(8))
		b.Record = append(b.Record, make([]byte, 100)...)
		for range r.IntN(12_000) {
			b.Record = append(b.Record, byte(r.Uint32()))
		}
		commit(b)
	}
	var err error
	if s.earlier, err = read(db); err != nil {
		t.Fatal(err)
	}
	commit(numbered(151))
	if s.now, err = read(db); err != nil {
		t.Fatal(err)
	}
	db.Sound(t)
	s.used = db.UsedBytes(t)
	closeStore(t, db)
	if s.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	s.file = s.file[:s.used] // without what bbolt reserves
	if s.used < 2<<20 || s.used > 4<<20 {
		t.Fatalf("the sample has %d bytes, want 2 to 4 MB", s.used)
	}
	return s
}

// damage is what happened to one copy of a sample.
type damage struct {
	name  string
	apply func(file []byte)
}

func (s *sample) flip(r *rand.Rand) damage {
	at, bit := r.Int64N(s.used), r.IntN(8)
	return damage{
		fmt.Sprintf("bit %d of byte %d (page %d + %d)", bit, at, at/4096, at%4096),
		func(file []byte) { file[at] ^= 1 << bit },
	}
}

// page damages a whole page: lost, misdirected, or garbage.
func (s *sample) page(r *rand.Rand) damage {
	to, from, kind := r.Int64N(s.used/4096)*4096, r.Int64N(s.used/4096)*4096, r.IntN(3)
	return damage{
		fmt.Sprintf("page %d, kind %d, from %d", to/4096, kind, from/4096),
		func(file []byte) {
			switch page := file[to : to+4096]; kind {
			case 0:
				clear(page)
			case 1:
				copy(page, file[from:from+4096])
			default:
				for i := range page {
					page[i] = byte(r.Uint32())
				}
			}
		},
	}
}

// outcome of opening and reading a damaged copy.
type outcome struct {
	refused  bool
	reported int
	metaLost bool
	earlier  bool // what came back is the content before the last transaction
	wrong    []string
}

// try opens a damaged copy and reads all of it. With trust, checksums are not looked at.
func (s *sample) try(t *testing.T, d damage, trust bool) (o outcome) {
	t.Helper()
	file := bytes.Clone(s.file)
	d.apply(file)
	if err := os.WriteFile(s.scratch, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	db, err := bolt.Open(s.scratch, bolt.Options{OnDamage: func(where string, _ []byte, _ string) {
		mu.Lock()
		defer mu.Unlock()
		o.reported++
		o.metaLost = o.metaLost || where == "meta page"
	}})
	if err != nil {
		if !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", d.name, err)
		}
		o.refused = true
		return o
	}
	if trust {
		db.Trust()
	}
	got, err := read(db)
	if err != nil {
		t.Errorf("%s: opened, then %v", d.name, err)
	}
	want := s.now
	if o.metaLost && len(got.wrong(want)) > 0 {
		want, o.earlier = s.earlier, true
	}
	o.wrong = got.wrong(want)
	rows := o.reported
	if o.metaLost {
		rows--
	}
	if !trust {
		if got.rows()+rows != want.rows() {
			t.Errorf("%s: got %d rows and %d reports, want %d", d.name, got.rows(), o.reported, want.rows())
		}
	}
	if s.tries++; !trust && o.reported > 0 && s.tries%4 == 0 { // syncs make it slow
		s.quarantined(t, db, got, d)
	}
	closeStore(t, db)
	return o
}

// quarantined checks that the next commit moves damaged rows away, and nothing else.
func (s *sample) quarantined(t *testing.T, db *bolt.DB, before content, d damage) {
	t.Helper()
	damaged := db.Stats().DamagedRows
	last, _ := db.Last()
	if err := db.Commit(&storage.Batch{Seq: last + 1, Record: []byte("next")}); err != nil {
		t.Errorf("%s: opened, then %v", d.name, err)
		return
	}
	after, err := read(db)
	if err != nil || db.Stats().DamagedRows > damaged+1 {
		t.Errorf("%s: after quarantine: %v, %d new reports", d.name, err, db.Stats().DamagedRows-damaged)
	}
	if bad := before.wrong(after); len(bad) > 0 {
		t.Errorf("%s: quarantine took %q", d.name, bad)
	}
	if n := db.Stats().JournalRecords; n != int64(len(after["journal"])) {
		t.Errorf("%s: Stats: got %d records, want %d", d.name, n, len(after["journal"]))
	}
	db.Sound(t)
}

// TestFlippedBitIsNeverReturned is case 9: for 300 copies with one flipped bit each, the store refuses to open, or all
// that it returns is what was written last, and what it does not return it reports.
func TestFlippedBitIsNeverReturned(t *testing.T) {
	s := newSample(t)
	r := rand.New(rand.NewPCG(3, 4))
	var refused, reported, harmless int
	for range trials(300) {
		d := s.flip(r)
		o := s.try(t, d, false)
		if len(o.wrong) > 0 {
			t.Errorf("%s: returned %q", d.name, o.wrong)
		}
		switch {
		case o.refused:
			refused++
		case o.reported > 0:
			reported++
		default:
			harmless++
		}
	}
	t.Logf("%d refused, %d reported, %d harmless", refused, reported, harmless)
	if !testing.Short() && (refused == 0 || reported == 0 || harmless == 0) { // few trials may leave the rarest out
		t.Error("an outcome never came up: the test does not test what it should")
	}
}

// TestDamagedPageIsNeverReturned: what disks do, a page at a time.
func TestDamagedPageIsNeverReturned(t *testing.T) {
	s := newSample(t)
	r := rand.New(rand.NewPCG(5, 6))
	for range trials(150) {
		d := s.page(r)
		if o := s.try(t, d, false); len(o.wrong) > 0 {
			t.Errorf("%s: returned %q", d.name, o.wrong)
		}
	}
}

// TestChecksumsAreWhatCatchesFlippedBits is the negative control: without them wrong rows come through.
func TestChecksumsAreWhatCatchesFlippedBits(t *testing.T) {
	s := newSample(t)
	r := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	for range 300 {
		if wrong += len(s.try(t, s.flip(r), true).wrong); wrong > 0 {
			break
		}
	}
	if wrong == 0 {
		t.Error("no wrong row came through")
	}
}

// TestBrokenMetaPageIsReported: with the older one gone nothing is lost, with the newer one the last transaction is,
// which is told.
func TestBrokenMetaPageIsReported(t *testing.T) {
	s := newSample(t)
	lost := 0
	for page := range int64(2) {
		for _, at := range []int64{16, 20, 24, 32, 48, 56, 64, 72} { // a bit of each field
			d := damage{fmt.Sprintf("meta page %d + %d", page, at), func(file []byte) { file[page*4096+at] ^= 1 }}
			o := s.try(t, d, false)
			if o.refused || !o.metaLost || len(o.wrong) > 0 {
				t.Errorf("%s: got %+v, want it to open and tell", d.name, o)
			}
			if o.earlier {
				lost++
			}
		}
	}
	if lost != 8 {
		t.Errorf("the last transaction was lost %d times of 16, want 8", lost)
	}
}

// TestTruncationUnderARunningStoreIsNoCrash is case 11: the kernel answers reads of the mapping with SIGBUS.
func TestTruncationUnderARunningStoreIsNoCrash(t *testing.T) {
	for name, use := range map[string]func(*bolt.DB) error{
		"Get":    func(db *bolt.DB) error { _, err := db.Get(storage.State, posKey); return err },
		"Scan":   func(db *bolt.DB) error { return db.Scan(storage.State, nil, nil, nil) },
		"Commit": func(db *bolt.DB) error { return db.Commit(numbered(2)) },
		"Trim":   func(db *bolt.DB) error { _, err := db.Trim(time.Now(), 1); return err },
		"Backup": func(db *bolt.DB) error { return db.Backup(io.Discard) },
	} {
		path := filepath.Join(t.TempDir(), "quell.db")
		db := open(t, path)
		if err := db.Commit(numbered(1)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		err := use(db)
		if !errors.Is(err, storage.ErrDamaged) || errors.Is(err, storage.ErrUnknown) != (name == "Commit") {
			t.Errorf("%s: got %v, want ErrDamaged, and ErrUnknown of Commit", name, err)
		}
		if err := db.Commit(numbered(2)); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("Commit after %s: got %v, want ErrDamaged again", name, err)
		}
		closeStore(t, db) // releases the lock all the same
		closeStore(t, open(t, path))
	}
}

func trials(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

// TestDamagedRowIsReportedOnceAndQuarantined follows one row through all that can be done with it.
func TestDamagedRowIsReportedOnceAndQuarantined(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quell.db")
	db := open(t, path)
	key := []byte("row-000001")
	change := storage.Change{Table: storage.Outbox, Key: key, Value: []byte("page somebody")}
	if err := db.Commit(&storage.Batch{Changes: []storage.Change{change}}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, db)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.ReplaceAll(file, []byte("somebody"), []byte("somebodx"))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var reports []string
	db, err = bolt.Open(path, bolt.Options{OnDamage: func(where string, key []byte, reason string) {
		reports = append(reports, fmt.Sprintf("%s %s: %s", where, key, reason))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, db)
	for range 2 {
		if v, err := db.Get(storage.Outbox, key); !errors.Is(err, storage.ErrDamagedRow) || v != nil {
			t.Errorf("got %q, %v, want ErrDamagedRow", v, err)
		}
		err := db.Scan(storage.Outbox, nil, nil, func(k, v []byte) error {
			t.Errorf("Scan returned %q = %q", k, v)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if len(reports) != 1 || reports[0] != "outbox row-000001: wrong checksum" || db.Stats().DamagedRows != 1 {
		t.Errorf("got reports %q, %d counted, want one", reports, db.Stats().DamagedRows)
	}
	if err := db.Commit(&storage.Batch{Changes: []storage.Change{{Table: storage.Audit, Key: []byte("k"), Value: []byte("v")}}}); err != nil {
		t.Fatal(err)
	}
	if v, err := db.Get(storage.Outbox, key); v != nil || err != nil {
		t.Errorf("after the commit: got %q, %v, want no row", v, err)
	}
	v, err := db.Get(storage.Quarantine, []byte("outbox/row-000001"))
	if err != nil || !bytes.Contains(v, []byte("page somebodx")) {
		t.Errorf("quarantine: got %q, %v, want the row as it was found", v, err)
	}
}
