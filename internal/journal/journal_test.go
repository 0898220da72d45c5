package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 5, time.UTC)

// everything is a record with an input of each kind, all fields set.
func everything() *Record {
	yes := true
	labels := correlate.LabelsOf("alertname", "A<b>", "pod", "p")
	s := &correlate.Silence{Force: true, By: "ada"}
	s.Silence = silence.Silence{ID: "s", Entities: []topology.Entity{"node/n"}, Incident: 7, StartsAt: at, EndsAt: at.Add(time.Hour), CreatedBy: "ada", Comment: "c", UpdatedAt: at}
	return &Record{Seq: 3, At: at, Inputs: []correlate.Input{
		&correlate.Alert{Fingerprint: labels.Fingerprint(), Labels: labels, Annotations: correlate.LabelsOf("x", "y"), GeneratorURL: "g", StartsAt: at, EndsAt: at, Expires: at, Source: "s"},
		&correlate.Event{ID: "i", Entity: "pod/a/b", Reason: "r", Component: "c", Message: "m", Warning: true, Count: 2, At: at, Source: "s"},
		&correlate.Refresh{Alerts: []uint64{1, 2, 9}, Expires: at, Source: "s"},
		&correlate.Topology{Source: "s", Update: topology.Update{
			Entities: []topology.Labeled{{ID: "node/n", Labels: map[string]string{"a": "b"}}}, Edges: []topology.Edge{{From: "pod/a/b", To: "node/n", Type: "runs_on"}},
			RemoveEntities: []topology.Entity{"node/m"}, RemoveEdges: []topology.Edge{{From: "pod/a/c", To: "node/n", Type: "runs_on"}}, Replace: true, TTL: 60e9,
		}},
		&correlate.Command{Action: correlate.ActionAck, Incident: 7, Generation: 2, By: "ada"},
		&correlate.Delivery{Incident: 7, Generation: 2, Receiver: "r", Integration: "i", Action: "a", Error: "e", Deferred: true, Superseded: true, Retried: "t", Withdrawn: true, Unseen: true},
		&correlate.Gap{From: at, To: at.Add(1), Why: "w"},
		&correlate.Policy{Hold: time.Minute, Rules: []correlate.RuleFile{{Name: "n", Text: "t"}}, Packs: []string{"p"}},
		&correlate.Feedback{Incident: 7, By: "ada", ShouldHavePaged: &yes, Root: "node/n", NotRoot: "node/m", Comment: "c"},
		s,
		&correlate.Heartbeat{Name: "n", Labels: labels, Failed: true, Message: "m", Source: "s", Forget: true},
		&correlate.Unseen{Kind: correlate.UnseenFired, Fingerprint: 5, Name: "n", StartsAt: at, EndsAt: at, At: at},
	}}
}

// What a line says is what the record was, to the byte that a store would keep.
func TestLineKeepsEveryKindOfInput(t *testing.T) {
	r := everything()
	got, head, err := ParseLine(AppendRecord(nil, r))
	if err != nil || head != nil {
		t.Fatal(head, err)
	}
	if want, have := correlate.AppendRecord(nil, r.Inputs), correlate.AppendRecord(nil, got.Inputs); !bytes.Equal(want, have) {
		t.Errorf("got %s", AppendRecord(nil, got))
	}
	if got.Seq != r.Seq || !got.At.Equal(r.At) {
		t.Errorf("got record %d of %s", got.Seq, got.At)
	}
}

// A head keeps what stands in for a beginning.
func TestLineKeepsHeads(t *testing.T) {
	h := &Head{
		StoreID: "s", First: 5, Last: 9, Begin: at, End: at, Seed: everything().Inputs[:4],
		Known: map[correlate.IncidentID]Known{7: {Symptoms: []correlate.SymptomID{{Alert: 1<<63 + 1}, {Entity: "node/n", Name: "x"}}, Paged: []time.Time{at}}},
	}
	_, got, err := ParseLine(AppendHead(nil, h))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// FuzzParseLine: no line makes the reader panic, and what it takes it writes and takes again.
func FuzzParseLine(f *testing.F) {
	f.Add(AppendRecord(nil, everything()))
	f.Add(AppendHead(nil, &Head{First: 2, Seed: everything().Inputs}))
	f.Add([]byte(`{"seq":1,"t":"2026-01-02T00:00:00Z","inputs":[{"alert":null,"event":{}}]}`))
	f.Add([]byte(`{"seq":1,"t":"2026-01-02T00:00:00Z","inputs":[{"policy":null},{"topology":{"entities":[{"id":""}]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, h, err := ParseLine(text)
		if err != nil {
			return
		}
		if h != nil {
			AppendHead(nil, h)
			return
		}
		line := AppendRecord(nil, r)
		again, _, err := ParseLine(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if second := AppendRecord(nil, again); !bytes.Equal(line, second) {
			t.Fatalf("%q becomes %q", line, second)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func seqs(t *testing.T, what string, stdin string) (list []uint64, err error) {
	t.Helper()
	j, err := Open(t.Context(), what, Options{Stdin: strings.NewReader(stdin)})
	if err != nil {
		return nil, err
	}
	err = j.Read(t.Context(), func(r *Record) error {
		list = append(list, r.Seq)
		return nil
	})
	return list, errors.Join(err, j.Close())
}

func lines(from, to uint64) string {
	var b []byte
	for seq := from; seq <= to; seq++ {
		b = AppendRecord(b, &Record{Seq: seq, At: at})
	}
	return string(b)
}

// A folder is read as one journal, packed files too; a hole between its files is an error, since what lies in it would be missing.
func TestFoldersAreOneJournal(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), string(AppendHead(nil, &Head{First: 3, Last: 6}))+lines(3, 4))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(lines(5, 6))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "b.jsonl.gz"), packed.String())
	got, err := seqs(t, dir, "")
	if d := cmp.Diff([]uint64{3, 4, 5, 6}, got); d != "" || err != nil {
		t.Fatal(d, err)
	}
	write(t, filepath.Join(dir, "c.jsonl"), lines(8, 8))
	if _, err := seqs(t, dir, ""); err == nil || !strings.Contains(err.Error(), "c.jsonl:1: record 8 follows record 6") {
		t.Errorf("got %v", err)
	}
}

// What is no journal is told by its place, and standard input works as files do.
func TestWhatIsNoJournalIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty.jsonl"), "\n")
	write(t, filepath.Join(dir, "torn.jsonl"), lines(1, 2)+`{"seq":3,`)
	for what, want := range map[string]string{
		filepath.Join(dir, "none"):        "no such file",
		filepath.Join(dir, "empty.jsonl"): "is empty",
		filepath.Join(dir, "torn.jsonl"):  "torn.jsonl:3: this is no record",
		t.TempDir():                       "holds no *.jsonl",
		"http://":                         "is no address",
	} {
		if _, err := seqs(t, what, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", what, err, want)
		}
	}
	if got, err := seqs(t, "-", lines(1, 3)); err != nil || len(got) != 3 {
		t.Errorf("standard input: got %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j, err := Open(t.Context(), "-", Options{Stdin: strings.NewReader(lines(1, 3))})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Read(ctx, func(*Record) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A recording is a journal of instants: lines of one instant are one record, but an operator saw what came before.
func TestRecordingsAreJournals(t *testing.T) {
	const text = `{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"A"}}]}}
{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"B"}}]}}
{"t":"2026-01-02T03:00:00Z","command":{"action":"ack","root":"node/n","by":"ada"}}
{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"C"}}]}}
`
	j, err := Open(t.Context(), "-", Options{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	root := ""
	err = j.Read(t.Context(), func(r *Record) error {
		sizes = append(sizes, len(r.Inputs))
		if r.Roots != nil {
			root = r.Roots[0]
		}
		return nil
	})
	if d := cmp.Diff([]int{2, 1, 1}, sizes); d != "" || err != nil || root != "node/n" || !j.Head().Recording {
		t.Errorf("%s, %v, root %q", d, err, root)
	}
}
