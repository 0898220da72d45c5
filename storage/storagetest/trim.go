package storagetest

import (
	"testing"
	"time"

	"quell/storage"
)

func trim(t *testing.T, s Store, before time.Time, maxBytes int64) int {
	t.Helper()
	n, err := s.Trim(before, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func firstSeq(t *testing.T, s Store) uint64 {
	t.Helper()
	return records(t, s, 0)[0].Seq
}

func trimByAge(t *testing.T, sub Subject) {
	s := sub.Store
	if n := trim(t, s, epoch, 1); n != 0 {
		t.Errorf("empty journal: removed %d", n)
	}
	journalN(t, s, 100, 50)
	if n := trim(t, s, epoch.Add(30*time.Minute), 0); n != 30 || firstSeq(t, s) != 31 {
		t.Errorf("removed %d, first is %d, want 30 and 31", n, firstSeq(t, s))
	}
	if n := trim(t, s, epoch.Add(30*time.Minute), 0); n != 0 {
		t.Errorf("second time: removed %d, want 0", n)
	}
	if got := s.Stats().JournalRecords; got != 70 {
		t.Errorf("Stats: got %d records, want 70", got)
	}
	s = sub.Reopen()
	if got := s.Stats().JournalRecords; got != 70 || firstSeq(t, s) != 31 {
		t.Errorf("after reopening: got %d records from %d, want 70 from 31", got, firstSeq(t, s))
	}
	journalN(t, s, 1, 50)
}

func trimBySize(t *testing.T, sub Subject) {
	s := sub.Store
	journalN(t, s, 100, 1000)
	before := s.Stats().JournalBytes
	removed := trim(t, s, time.Time{}, before/2)
	if got := s.Stats().JournalBytes; got > before/2 || got < before/2-2000 || firstSeq(t, s) != uint64(removed+1) {
		t.Errorf("removed %d and left %d of %d bytes from record %d, want just below half", removed, got, before, firstSeq(t, s))
	}
	if after := sub.Reopen().Stats().JournalBytes; after > before/2 || after < before/2-2000 {
		t.Errorf("after reopening: got %d of %d bytes", after, before)
	}
}

func trimIsBounded(t *testing.T, sub Subject) {
	s := sub.Store
	const n = storage.TrimLimit + 300
	journalN(t, s, n, 5)
	later := epoch.AddDate(1, 0, 0)
	for i, want := range []int{storage.TrimLimit, 299, 0} {
		if got := trim(t, s, later, 1); got != want {
			t.Errorf("call %d: removed %d, want %d", i, got, want)
		}
	}
	s = sub.Reopen()
	if seq, _ := s.Last(); seq != n || firstSeq(t, s) != n {
		t.Errorf("got Last %d, first %d, want %d", seq, firstSeq(t, s), n)
	}
	journalN(t, s, 2, 5)
}
