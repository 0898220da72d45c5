package bolt_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"quell/storage"
	"quell/storage/bolt"
)

// childEnv makes the test binary a process that writes to a store, to be killed and lied to by the tests. Its value is
// "MODE COMMITS PATH".
const childEnv = "QUELL_STORE_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		os.Exit(runJob(job))
	}
	os.Exit(m.Run())
}

var posKey = []byte("position")

// numbered is the batch with record seq: the state row tells which record it belongs to, and other rows come and go.
func numbered(seq uint64) *storage.Batch {
	text := fmt.Appendf(nil, "record %d ", seq)
	b := &storage.Batch{Seq: seq, At: time.Unix(int64(seq), 0), Record: text}
	for i := range uint64(20) {
		k := fmt.Appendf(nil, "row-%06d", seq*10+i) // half of them overwrite rows of the batch before
		b.Changes = append(b.Changes, storage.Change{Table: storage.State, Key: k, Value: append(text, make([]byte, 300)...)})
	}
	b.Changes = append(b.Changes,
		storage.Change{Table: storage.Outbox, Key: fmt.Appendf(nil, "row-%06d", seq), Value: text},
		storage.Change{Table: storage.Outbox, Key: fmt.Appendf(nil, "row-%06d", seq-min(seq, 3))},
		storage.Change{Table: storage.Marks, Key: posKey, Value: text})
	return b
}

// runJob commits numbered batches and prints the number of each when it is acknowledged, or what went wrong.
func runJob(job string) int {
	runtime.LockOSThread() // strace counts system calls by thread
	var mode, path string
	var commits uint64
	if _, err := fmt.Sscanf(job, "%s %d %s", &mode, &commits, &path); err != nil {
		panic(err)
	}
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	defer db.Close()
	if mode == "hold" {
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	last, _ := db.Last()
	for seq := last + 1; seq <= last+commits; seq++ {
		err := db.Commit(numbered(seq))
		for _, retried := range []error{storage.ErrFull, storage.ErrReadOnly} {
			if errors.Is(err, retried) {
				fmt.Println("refused:", err)
				err = db.Commit(numbered(seq))
			}
		}
		if err != nil {
			fmt.Println("failed:", err)
			return stillUnknown(db, seq)
		}
		fmt.Println(seq)
	}
	return 0
}

// stillUnknown reports whether the handle refuses everything after an unknown outcome.
func stillUnknown(db *bolt.DB, seq uint64) int {
	_, get := db.Get(storage.Marks, posKey)
	_, trim := db.Trim(time.Now(), 1)
	for _, err := range []error{
		db.Commit(numbered(seq)), db.Commit(numbered(seq + 1)), get, trim,
		db.Scan(storage.State, nil, nil, nil), db.Journal(0, nil), db.Backup(io.Discard),
	} {
		if !errors.Is(err, storage.ErrUnknown) {
			fmt.Println("went on:", err)
			return 1
		}
	}
	fmt.Println("unknown")
	return 3
}

// childProcess prepares the child, below the command wrap if there is one. It does not outlive the test: its pipes
// break.
func childProcess(job string, wrap ...string) *exec.Cmd {
	args := append(wrap, os.Args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+job)
	cmd.Stderr = os.Stderr
	return cmd
}

// output is what a child said.
type output struct {
	acked uint64
	lines []string // all but acknowledgements
}

func (o *output) says(word string) bool {
	for _, l := range o.lines {
		if strings.Contains(l, word) {
			return true
		}
	}
	return false
}

// listen reads what the child says until it ends; it calls acked after each acknowledgement.
func listen(stdout io.Reader, acked func(n int)) output {
	var o output
	n := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var seq uint64
		if _, err := fmt.Sscanf(lines.Text(), "%d", &seq); err != nil {
			o.lines = append(o.lines, lines.Text())
			continue
		}
		o.acked = seq
		n++
		acked(n)
	}
	return o
}

// runChild runs a child to its end, however that comes.
func runChild(t *testing.T, job string, wrap ...string) output {
	t.Helper()
	cmd := childProcess(job, wrap...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := listen(stdout, func(int) {})
	_ = cmd.Wait() // being killed is what it is for
	return o
}

// verify checks that the store holds everything acknowledged, a journal without gaps, and the state of its last record.
func verify(t *testing.T, path string, acked uint64) {
	t.Helper()
	db := open(t, path)
	defer closeStore(t, db)
	last, _ := db.Last()
	if last < acked {
		t.Errorf("record %d was acknowledged, the last one there is %d", acked, last)
	}
	var next uint64
	err := db.Journal(0, func(r storage.Record) error {
		next++
		if want := numbered(next); r.Seq != next || string(r.Data) != string(want.Record) {
			t.Errorf("record %d: got %d %q", next, r.Seq, r.Data)
		}
		return nil
	})
	if err != nil || next != last {
		t.Errorf("journal: %v, got %d records, Last says %d", err, next, last)
	}
	want := model(last)
	for _, table := range []storage.Table{storage.State, storage.Outbox, storage.Marks} {
		got := make(map[string]string)
		err := db.Scan(table, nil, nil, func(k, v []byte) error {
			got[string(k)] = string(v)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if len(got) != len(want[table]) {
			t.Errorf("%s: got %d rows, want those of record %d: %d", table, len(got), last, len(want[table]))
		}
		for k, v := range want[table] {
			if got[k] != v {
				t.Errorf("%s %s: got %q, want %q", table, k, got[k], v)
			}
		}
	}
}

// model is what the tables hold after the batches up to last.
func model(last uint64) map[storage.Table]map[string]string {
	m := map[storage.Table]map[string]string{storage.State: {}, storage.Outbox: {}, storage.Marks: {}}
	for seq := uint64(1); seq <= last; seq++ {
		for _, c := range numbered(seq).Changes {
			if c.Value == nil {
				delete(m[c.Table], string(c.Key))
			} else {
				m[c.Table][string(c.Key)] = string(c.Value)
			}
		}
	}
	return m
}
