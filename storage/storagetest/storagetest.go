// Package storagetest is the conformance suite of the store seam. Every implementation passes [Run].
package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/storage"
)

// Store is what the suite needs of an implementation: all of the seam.
type Store interface {
	Commit(b *storage.Batch) error
	Get(t storage.Table, key []byte) ([]byte, error)
	Scan(t storage.Table, from, to []byte, fn func(k, v []byte) error) error
	Journal(from uint64, fn func(storage.Record) error) error
	Last() (seq uint64, at time.Time)
	ID() string
	Trim(before time.Time, maxBytes int64) (removed int, err error)
	Backup(w io.Writer) error
	Stats() storage.Stats
	Close() error
}

// Subject is a new, empty store and what the suite does with it from outside. Its functions fail the test on errors.
type Subject struct {
	Store Store
	// Reopen closes the store and opens it again.
	Reopen func() Store
	// Restore opens a store from a backup.
	Restore func(backup io.Reader) Store
}

// Run runs the suite on stores that open makes. Stores must be closed by the test's cleanup.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"RowsComeBackInOrderOfTheirKeys":     rowsComeBackInOrder,
		"LastChangeOfAKeyWins":               lastChangeWins,
		"RejectedBatchChangesNothing":        rejectedBatchChangesNothing,
		"JournalKeepsRecordsAsTheyWere":      journalKeepsRecords,
		"ReaderMayWrite":                     readerMayWrite,
		"ReaderStopsWhenAsked":               readerStops,
		"TrimDropsOldestByAge":               trimByAge,
		"TrimDropsOldestBySize":              trimBySize,
		"TrimIsBoundedAndLeavesTheNewest":    trimIsBounded,
		"BackupWhileWritingHoldsOneMoment":   backupHoldsOneMoment,
		"ClosedStoreRefuses":                 closedStoreRefuses,
		"ReadersSeeWholeBatchesOnly":         readersSeeWholeBatches,
		"RandomHistoryEqualsModel":           randomHistory,
		"IdentityStaysAndIsNotThatOfAnother": func(t *testing.T, s Subject) { identityStays(t, s, open(t).Store) },
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func key(i int) []byte { return fmt.Appendf(nil, "key-%06d", i) }

func value(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "value-%d ", i), 1+i%40) }

func put(t storage.Table, k, v []byte) storage.Change {
	return storage.Change{Table: t, Key: k, Value: v}
}

func commit(t *testing.T, s Store, changes ...storage.Change) {
	t.Helper()
	if err := s.Commit(&storage.Batch{Changes: changes}); err != nil {
		t.Fatal(err)
	}
}

// journalN commits n records of size bytes, a minute apart; the first is of epoch.
func journalN(t *testing.T, s Store, n, size int) {
	t.Helper()
	seq, at := s.Last()
	if seq == 0 {
		at = epoch.Add(-time.Minute)
	}
	for i := range uint64(n) {
		at = at.Add(time.Minute)
		b := &storage.Batch{Seq: seq + 1 + i, At: at, Record: incompressible(seq+1+i, size)}
		if err := s.Commit(b); err != nil {
			t.Fatal(err)
		}
	}
}

// incompressible returns bytes that depend on seq only.
func incompressible(seq uint64, size int) []byte {
	b := make([]byte, size)
	x := seq*0x9e3779b97f4a7c15 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

type row struct{ Key, Value string }

// span names rows with from <= key < to; nil is no bound.
type span struct {
	table    storage.Table
	from, to []byte
}

func all(t storage.Table) span { return span{table: t} }

func scan(t *testing.T, s Store, in span) []row {
	t.Helper()
	var rows []row
	err := s.Scan(in.table, in.from, in.to, func(k, v []byte) error {
		rows = append(rows, row{string(k), string(v)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func records(t *testing.T, s Store, from uint64) []storage.Record {
	t.Helper()
	var got []storage.Record
	err := s.Journal(from, func(r storage.Record) error {
		r.Data = append([]byte{}, r.Data...)
		got = append(got, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) { // a hundred times as fast as cmp
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: got differs from want (-want +got):\n%s", what, d)
	}
}

// rowsComeBackInOrder: more rows than an implementation reads at once, inserted in no order, in each table.
func rowsComeBackInOrder(t *testing.T, sub Subject) {
	const n = 2500
	for _, table := range storage.Tables() {
		var changes []storage.Change
		var want []row
		for i := range n {
			j := (i*7919 + int(table)) % n
			changes = append(changes, put(table, key(j), value(j+int(table))))
			want = append(want, row{string(key(i)), string(value(i + int(table)))})
		}
		commit(t, sub.Store, changes...)
		diff(t, "all rows of "+table.String(), scan(t, sub.Store, all(table)), want)
		diff(t, "range", scan(t, sub.Store, span{table, key(100), key(1400)}), want[100:1400])
		diff(t, "open end", scan(t, sub.Store, span{table, key(2000), nil}), want[2000:])
		diff(t, "open start", scan(t, sub.Store, span{table, nil, key(10)}), want[:10])
		diff(t, "empty range", scan(t, sub.Store, span{table, key(10), key(10)}), []row(nil))
	}
	s := sub.Reopen()
	for _, table := range storage.Tables() {
		if got := len(scan(t, s, all(table))); got != n {
			t.Errorf("after reopening: got %d rows of %s, want %d", got, table, n)
		}
	}
}

func lastChangeWins(t *testing.T, sub Subject) {
	s := sub.Store
	commit(t, s, put(storage.State, key(1), value(1)), put(storage.State, key(2), value(2)))
	commit(t, s,
		put(storage.State, key(1), nil), put(storage.State, key(1), value(11)), // deleted and put
		put(storage.State, key(2), value(22)), put(storage.State, key(2), nil), // put and deleted
		put(storage.State, key(3), []byte{}), // empty, and there
		put(storage.State, key(4), nil))      // deleting nothing is fine
	want := []row{{string(key(1)), string(value(11))}, {string(key(3)), ""}}
	diff(t, "rows", scan(t, s, all(storage.State)), want)
	s = sub.Reopen()
	diff(t, "rows after reopening", scan(t, s, all(storage.State)), want)

	for i, want := range map[int][]byte{1: value(11), 2: nil, 3: {}, 4: nil} {
		got, err := s.Get(storage.State, key(i))
		if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("Get(%s): got %q, %v, want %q", key(i), got, err, want)
		}
	}
	// The value belongs to the caller.
	got, _ := s.Get(storage.State, key(1))
	clear(got)
	if again, _ := s.Get(storage.State, key(1)); !bytes.Equal(again, value(11)) {
		t.Errorf("changing what Get returned changed the store to %q", again)
	}
}

func rejectedBatchChangesNothing(t *testing.T, sub Subject) {
	s := sub.Store
	journalN(t, s, 3, 10)
	good := put(storage.State, key(1), value(1))
	for name, b := range map[string]*storage.Batch{
		"record repeated": {Seq: 3, Record: []byte("x"), Changes: []storage.Change{good}},
		"record left out": {Seq: 5, Record: []byte("x"), Changes: []storage.Change{good}},
		"no table":        {Changes: []storage.Change{good, {Key: key(1), Value: value(1)}}},
		"no key":          {Changes: []storage.Change{good, {Table: storage.State, Value: value(1)}}},
		"long key":        {Changes: []storage.Change{good, put(storage.State, make([]byte, storage.MaxKeyBytes+1), value(1))}},
	} {
		if err := s.Commit(b); !errors.Is(err, storage.ErrBatch) {
			t.Errorf("%s: got %v, want ErrBatch", name, err)
		}
	}
	diff(t, "rows", scan(t, s, all(storage.State)), []row(nil))
	if err := s.Commit(&storage.Batch{}); err != nil {
		t.Errorf("empty batch: %v", err)
	}
	journalN(t, s, 1, 10)
	if _, err := s.Get(0, key(1)); err == nil {
		t.Error("Get of table 0 succeeded")
	}
	if err := s.Scan(99, nil, nil, nil); err == nil {
		t.Error("Scan of table 99 succeeded")
	}
}

func journalKeepsRecords(t *testing.T, sub Subject) {
	s := sub.Store
	if seq, at := s.Last(); seq != 0 || !at.IsZero() {
		t.Errorf("Last of an empty store: got %d, %v", seq, at)
	}
	zone := time.FixedZone("", 3600)
	want := []storage.Record{
		{Seq: 1, At: time.Time{}, Data: []byte{}},
		{Seq: 2, At: epoch, Data: bytes.Repeat([]byte(`alertname="KubePodNotReady" `), 10_000)},
		{Seq: 3, At: epoch.Add(time.Nanosecond).In(zone), Data: incompressible(3, 1<<20)},
		{Seq: 4, At: epoch.AddDate(-500, 0, 0), Data: []byte("small")},
	}
	for _, r := range want {
		commitRecord(t, s, r)
	}
	want[2].At = want[2].At.UTC()
	for range 2 {
		diff(t, "journal", records(t, s, 0), want)
		diff(t, "journal from 3", records(t, s, 3), want[2:])
		diff(t, "journal from 5", records(t, s, 5), []storage.Record(nil))
		if seq, at := s.Last(); seq != 4 || !at.Equal(want[3].At) {
			t.Errorf("Last: got %d at %v, want 4 at %v", seq, at, want[3].At)
		}
		if st := s.Stats(); st.JournalRecords != 4 || st.JournalBytes < 1<<20 {
			t.Errorf("Stats: got %d records, %d bytes", st.JournalRecords, st.JournalBytes)
		}
		s = sub.Reopen()
	}
}

func commitRecord(t *testing.T, s Store, r storage.Record) {
	t.Helper()
	if err := s.Commit(&storage.Batch{Seq: r.Seq, At: r.At, Record: r.Data}); err != nil {
		t.Fatal(err)
	}
}

// readerMayWrite: rows that nobody changes are seen exactly once, even if the reader moves everything around them.
func readerMayWrite(t *testing.T, sub Subject) {
	s := sub.Store
	const n = 3000
	var changes []storage.Change
	for i := range n {
		changes = append(changes, put(storage.Outbox, key(i), value(i)))
	}
	commit(t, s, changes...)
	seen := make(map[string]int)
	i := 0
	err := s.Scan(storage.Outbox, nil, nil, func(k, v []byte) error {
		seen[string(k)]++
		if i++; i%100 == 0 { // delete what was seen, and add in front of it
			return s.Commit(&storage.Batch{Changes: []storage.Change{
				put(storage.Outbox, k, nil),
				put(storage.Outbox, append([]byte("a"), k...), v),
			}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if seen[string(key(i))] != 1 {
			t.Fatalf("%s was seen %d times", key(i), seen[string(key(i))])
		}
	}
}

func readerStops(t *testing.T, sub Subject) {
	s := sub.Store
	journalN(t, s, 3, 10)
	commit(t, s, put(storage.State, key(1), value(1)), put(storage.State, key(2), value(2)))
	stop := errors.New("stop")
	calls := 0
	if err := s.Scan(storage.State, nil, nil, func(_, _ []byte) error { calls++; return stop }); err != stop { //nolint:errorlint // as it is
		t.Errorf("Scan: got %v, want fn's error as it is", err)
	}
	if err := s.Journal(0, func(storage.Record) error { calls++; return stop }); err != stop { //nolint:errorlint // as it is
		t.Errorf("Journal: got %v, want fn's error as it is", err)
	}
	if calls != 2 {
		t.Errorf("got %d calls, want 2", calls)
	}
}

func backupHoldsOneMoment(t *testing.T, sub Subject) {
	s := sub.Store
	mark := func(seq uint64) storage.Change {
		return put(storage.State, key(0), incompressible(seq, 3000))
	}
	var writing sync.WaitGroup
	stop := make(chan struct{})
	started := make(chan struct{})
	writing.Go(func() {
		for seq := uint64(1); ; seq++ {
			b := &storage.Batch{Seq: seq, At: epoch, Record: incompressible(seq, 3000), Changes: []storage.Change{mark(seq)}}
			if err := s.Commit(b); err != nil {
				t.Error(err)
				return
			}
			if seq == 20 {
				close(started)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	<-started
	for range 3 {
		var copied bytes.Buffer
		if err := s.Backup(&copied); err != nil {
			t.Error(err)
			break
		}
		restored := sub.Restore(&copied)
		kept := records(t, restored, 0)
		last, _ := restored.Last()
		for i, r := range kept {
			if r.Seq != uint64(i+1) || !bytes.Equal(r.Data, incompressible(r.Seq, 3000)) {
				t.Errorf("record %d of the copy is not what was written", i+1)
			}
		}
		got, _ := restored.Get(storage.State, key(0))
		if last < 20 || last != uint64(len(kept)) || !bytes.Equal(got, mark(last).Value) {
			t.Errorf("the copy has %d records, Last %d, and a state that does not match", len(kept), last)
		}
		if restored.ID() != s.ID() {
			t.Errorf("ID of the copy: got %s, want %s", restored.ID(), s.ID())
		}
	}
	close(stop)
	writing.Wait()
}

func closedStoreRefuses(t *testing.T, sub Subject) {
	s := sub.Store
	commit(t, s, put(storage.State, key(1), value(1)))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, getErr := s.Get(storage.State, key(1))
	_, trimErr := s.Trim(epoch, 0)
	for name, err := range map[string]error{
		"Commit":  s.Commit(&storage.Batch{Changes: []storage.Change{put(storage.State, key(1), value(1))}}),
		"Get":     getErr,
		"Scan":    s.Scan(storage.State, nil, nil, nil),
		"Journal": s.Journal(0, nil),
		"Trim":    trimErr,
		"Backup":  s.Backup(io.Discard),
	} {
		if !errors.Is(err, storage.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, err)
		}
	}
	_ = s.Stats() // must not panic
	_, _ = s.Last()
}

// readersSeeWholeBatches: rows of one batch that fit one read have one generation.
func readersSeeWholeBatches(t *testing.T, sub Subject) {
	s := sub.Store
	batch := func(generation byte) *storage.Batch {
		b := new(storage.Batch)
		for i := range 50 {
			b.Changes = append(b.Changes, put(storage.Incidents, key(i), bytes.Repeat([]byte{generation}, 100)))
		}
		return b
	}
	if err := s.Commit(batch(0)); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				var generations []byte
				err := s.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
					generations = append(generations, v[0])
					return nil
				})
				if err != nil || len(slices.Compact(generations)) != 1 {
					t.Errorf("got generations %v, %v, want one", generations, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for g := range byte(100) {
		if err := s.Commit(batch(g)); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

func identityStays(t *testing.T, sub Subject, other Store) {
	id := sub.Store.ID()
	if len(id) != 8 || id == other.ID() {
		t.Errorf("got IDs %q and %q, want two of 8 characters", id, other.ID())
	}
	if again := sub.Reopen().ID(); again != id {
		t.Errorf("ID after reopening: got %q, want %q", again, id)
	}
}
