package bolt_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"quell/storage"
	"quell/storage/bolt"
)

// batches makes batches of new rows with ascending keys and values of 400 bytes, and a record as alerts make it: label
// sets that share most of their strings, 470 bytes each.
type batches struct {
	rows  int
	batch storage.Batch
	next  uint64
}

func newBatches(rows int) *batches {
	b := &batches{rows: rows}
	for i := range rows {
		b.batch.Changes = append(b.batch.Changes, storage.Change{
			Table: storage.State, Key: make([]byte, 8), Value: alertText(i, 400),
		})
		b.batch.Record = append(b.batch.Record, alertText(i, 470)...)
	}
	return b
}

func alertText(i, size int) []byte {
	x := uint32(i+1) * 2654435761
	text := fmt.Appendf(nil, "alertname=KubePodNotReady,cluster=prod-eu,endpoint=http-metrics,instance=10.%d.%d.%d:8080,"+
		"job=kube-state-metrics,namespace=shop-%d,node=node-%03d,pod=cart-%08x-%05x,prometheus=monitoring/k8s,severity=warning,"+
		"uid=%08x-%08x;description=Pod cart-%08x-%05x has been in a non-ready state for longer than 15 minutes.;"+
		"runbook_url=https://runbooks.prometheus-operator.dev/runbooks/kubernetes/kubepodnotready;",
		x>>8&255, x>>16&255, x>>24, x%17, x%211, x, x&0xfffff, x*7, x*13, x, x&0xfffff)
	for len(text) < size {
		text = append(text, '.')
	}
	return text[:size]
}

func (b *batches) take() *storage.Batch {
	for i := range b.batch.Changes {
		binary.BigEndian.PutUint64(b.batch.Changes[i].Key, b.next)
		b.next++
	}
	b.batch.Seq++
	b.batch.At = time.Unix(int64(b.batch.Seq), 0)
	return &b.batch
}

// BenchmarkCommit is the hot path: durable batches of new rows on a store that holds 100,000. ns/row is elapsed time,
// cpu-ns/row what user and kernel spent.
func BenchmarkCommit(b *testing.B) {
	for _, rows := range []int{64, 512} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			db, err := bolt.Open(filepath.Join(b.TempDir(), "quell.db"), bolt.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			in := newBatches(rows)
			for in.next < 100_000 {
				if err := db.Commit(in.take()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			cpu := cpuTime()
			for b.Loop() {
				if err := db.Commit(in.take()); err != nil {
					b.Fatal(err)
				}
			}
			n := float64(b.N * rows)
			b.ReportMetric(float64(b.Elapsed())/n, "ns/row")
			b.ReportMetric(float64(cpuTime()-cpu)/n, "cpu-ns/row")
		})
	}
}

// BenchmarkOpen is what a restart costs before anything is read.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "quell.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	in := newBatches(500)
	for in.next < 100_000 {
		if err := db.Commit(in.take()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("rows=100000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			if db, err = bolt.Open(path, bolt.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scan/rows=100000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := db.Scan(storage.State, nil, nil, func(_, _ []byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
