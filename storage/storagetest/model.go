package storagetest

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"quell/storage"
)

var seed = flag.Uint64("storagetest.seed", 0, "seed of the random history; 0 chooses one")

// model is the dumbest store that can be right.
type model struct {
	rows    map[storage.Table]map[string]string
	records []storage.Record
}

func (m *model) scan(t storage.Table) []row {
	var rows []row
	for k, v := range m.rows[t] {
		rows = append(rows, row{k, v})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.Key, b.Key) })
	return rows
}

func (m *model) apply(b *storage.Batch) {
	for _, c := range b.Changes {
		if c.Value == nil {
			delete(m.rows[c.Table], string(c.Key))
			continue
		}
		if m.rows[c.Table] == nil {
			m.rows[c.Table] = make(map[string]string)
		}
		m.rows[c.Table][string(c.Key)] = string(c.Value)
	}
	if b.Record != nil {
		m.records = append(m.records, storage.Record{Seq: b.Seq, At: b.At, Data: b.Record})
	}
}

// randomHistory commits random batches, trims and reopens, and compares all that can be read with a map.
func randomHistory(t *testing.T, sub Subject) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("to repeat: -storagetest.seed=%d", *seed)
	r := rand.New(rand.NewPCG(*seed, 1))
	m := &model{rows: make(map[storage.Table]map[string]string)}
	s := sub.Store
	seq, at := uint64(0), epoch
	for step := range 150 {
		b := randomBatch(r, seq)
		at = at.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
		b.At = at
		if err := s.Commit(b); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		m.apply(b)
		if b.Record != nil {
			seq++
		}
		if r.IntN(10) == 0 && len(m.records) > 0 {
			before := m.records[r.IntN(len(m.records))].At
			n := trim(t, s, before, 0)
			for range n {
				if !m.records[0].At.Before(before) {
					t.Fatalf("step %d: Trim removed record %d, which is not older than %v", step, m.records[0].Seq, before)
				}
				m.records = m.records[1:]
			}
		}
		if r.IntN(12) == 0 {
			s = sub.Reopen()
		}
		if step%10 == 0 {
			compare(t, s, m)
		}
		if t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
	compare(t, sub.Reopen(), m)
}

func compare(t *testing.T, s Store, m *model) {
	t.Helper()
	for _, table := range storage.Tables() {
		diff(t, table.String(), scan(t, s, all(table)), m.scan(table))
	}
	got := records(t, s, 0)
	if len(got) == 0 && len(m.records) == 0 {
		return
	}
	diff(t, "journal", got, m.records)
	if n := s.Stats().JournalRecords; n != int64(len(m.records)) {
		t.Errorf("Stats: got %d records, want %d", n, len(m.records))
	}
}

// randomBatch mixes ascending and random keys, small and large values, deletions, and batches without a record.
func randomBatch(r *rand.Rand, last uint64) *storage.Batch {
	b := new(storage.Batch)
	for range r.IntN(60) {
		c := storage.Change{Table: storage.Tables()[r.IntN(len(storage.Tables()))]}
		c.Key = key(r.IntN(400))
		if r.IntN(2) == 0 {
			c.Key = key(int(last)*100 + len(b.Changes))
		}
		switch r.IntN(10) {
		case 0, 1, 2:
		case 3:
			c.Value = incompressible(r.Uint64(), r.IntN(20_000))
		default:
			c.Value = incompressible(r.Uint64(), r.IntN(600))
		}
		b.Changes = append(b.Changes, c)
	}
	if r.IntN(4) > 0 {
		b.Seq, b.Record = last+1, incompressible(r.Uint64(), r.IntN(8000))
	}
	return b
}
