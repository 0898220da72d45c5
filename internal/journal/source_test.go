package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/rulebook"
	"quell/storage"
	"quell/storage/bolt"
)

// read opens a journal and reads all of it.
func read(t *testing.T, what string) (head Head, count int, err error) {
	t.Helper()
	j, err := Open(t.Context(), what, Options{Wait: time.Minute})
	if err != nil {
		return head, 0, err
	}
	err = j.Read(t.Context(), func(*Record) error {
		count++
		return nil
	})
	return j.Head(), count, errors.Join(err, j.Close())
}

// What an address answers that is no journal is told in its own words, with what to do about it; half a journal is never taken for the whole.
func TestWhatAnAddressAnswersInsteadIsTold(t *testing.T) {
	head := string(AppendHead(nil, &Head{First: 1, Last: 3}))
	for name, c := range map[string]struct {
		status int
		body   string
		want   string // empty is a whole journal
	}{
		"whole":                   {200, head + lines(1, 3), ""},
		"no token":                {401, `{"error":"who asks from another machine has to know the token","hint":"send Authorization"}`, "who asks from another machine has to know the token (send Authorization)"},
		"a proxy's own 401":       {401, "<html>Sign in</html>", "answer 401 Unauthorized (whoever answers there wants to know who asks; --token-file names a token)"},
		"another program":         {404, "404 page not found\n", "answer 404 Not Found (is that the address of a running quell?)"},
		"busy":                    {503, `{"error":"too many read the journal now","hint":"3 at a time can; try again later"}`, "too many read the journal now (3 at a time can; try again later)"},
		"a page":                  {200, "<!doctype html>\n<p>Sign in</p>\n", "is not quell's journal: this is no record"},
		"nothing":                 {200, "", "is not quell's journal: EOF"},
		"JSON of another kind":    {200, `{"status":"success"}` + "\n", "is not quell's journal"},
		"records without a head":  {200, lines(1, 3), "is not quell's journal"},
		"its head alone":          {200, head, "broke off after record 0 of 3"},
		"some of it":              {200, head + lines(1, 2), "broke off after record 2 of 3"},
		"half a line at its end":  {200, head + lines(1, 2) + `{"seq":3,"t":"2026`, "line 4: this is no record"},
		"a record left out":       {200, head + lines(1, 1) + lines(3, 3), "record 3 follows record 1"},
		"another record at first": {200, head + lines(2, 3), "record 2 follows a head that begins with record 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			_, n, err := read(t, s.URL)
			switch {
			case c.want == "" && (err != nil || n != 3):
				t.Errorf("got %d records, %v", n, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case err != nil && !strings.Contains(err.Error(), s.URL):
				t.Errorf("%v does not name the address", err)
			}
		})
	}
}

// Files keep what their heads promise: where they begin, that they are of one store, and where they end.
func TestFilesKeepWhatTheirHeadsPromise(t *testing.T) {
	head := func(store string, first, last uint64) string {
		return string(AppendHead(nil, &Head{StoreID: store, First: first, Last: last}))
	}
	for name, c := range map[string]struct {
		files []string
		want  string // empty is a journal
	}{
		"one":                    {[]string{head("a", 5, 7) + lines(5, 7)}, ""},
		"parts with heads":       {[]string{head("a", 5, 6) + lines(5, 6), head("a", 7, 9) + lines(7, 9)}, ""},
		"parts of which one has": {[]string{head("a", 5, 9) + lines(5, 6), lines(7, 9)}, ""},
		"torn":                   {[]string{head("a", 5, 9) + lines(5, 6)}, "breaks off after record 6 of 9"},
		"its beginning is gone":  {[]string{head("a", 5, 9) + lines(6, 9)}, "record 6 follows a head that begins with record 5"},
		"a part is gone":         {[]string{head("a", 5, 6) + lines(5, 6), head("a", 8, 9) + lines(8, 9)}, "record 8 follows record 6"},
		"two stores":             {[]string{head("a", 5, 6) + lines(5, 6), head("b", 7, 9) + lines(7, 9)}, "the journal of another store begins, b after a"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for k, text := range c.files {
				write(t, filepath.Join(dir, fmt.Sprintf("%d.jsonl", k)), text)
			}
			got, _, err := read(t, dir)
			if err == nil && got.Source != dir {
				t.Errorf("it is called %q", got.Source)
			}
			if c.want == "" && (err != nil || got.First != 5) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got head %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

// stored writes a store of n records, in which an alert fires.
func stored(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quell.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := correlate.New(rulebook.Compile, correlate.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for seq := range n {
		labels := correlate.LabelsOf("alertname", "Down", "quell_entity", fmt.Sprintf("node/n-%d", seq%7), "text", strings.Repeat("x", 500))
		inputs := []correlate.Input{
			&correlate.Alert{Fingerprint: labels.Fingerprint(), Labels: labels, Source: "s", StartsAt: at},
			&correlate.Topology{Source: "api", Update: topology.Update{Edges: []topology.Edge{{From: "pod/a/b", To: "node/n-1", Type: "runs_on"}}}},
		}
		now := at.Add(time.Duration(seq) * time.Second)
		e.Step(now, inputs)
		b := &storage.Batch{Seq: uint64(seq) + 1, At: now, Record: correlate.AppendRecord(nil, inputs)}
		e.Changes(func(k, v []byte) {
			b.Changes = append(b.Changes, storage.Change{Table: storage.State, Key: bytes.Clone(k), Value: bytes.Clone(v)})
		})
		if err := db.Commit(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A store that cannot be read as a whole gives an error that says why, and never a part of its journal: one cut off anywhere, one of a later
// version, one that is held.
func TestStoresThatCannotBeReadAreTold(t *testing.T) {
	path := stored(t, 60)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := read(t, path); n != 60 || err != nil {
		t.Fatalf("the whole store has %d records, %v", n, err)
	}
	for _, size := range []int{20, 4096, 8192, 12288, len(whole) / 4, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		cut := filepath.Join(t.TempDir(), "cut.db")
		if err := os.WriteFile(cut, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, n, err := read(t, cut); err == nil && n != 60 {
			t.Errorf("of a store cut off at %d of %d bytes %d records are read, and nobody is told", size, len(whole), n)
		} else if err != nil && !strings.Contains(err.Error(), cut) {
			t.Errorf("cut off at %d bytes: %v does not name the file", size, err)
		}
	}
	held, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, path); !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), "ask the running quell instead") {
		t.Errorf("held: got %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Clone(whole)
	for _, page := range []int{0, 1} { // bbolt's own format of a version that this one does not know, with its checksum right
		meta := foreign[page*4096+16:]
		binary.LittleEndian.PutUint32(meta[4:], 9)
		h := fnv.New64a()
		_, _ = h.Write(meta[:56])
		binary.LittleEndian.PutUint64(meta[56:], h.Sum64())
	}
	later := filepath.Join(t.TempDir(), "later.db")
	if err := os.WriteFile(later, foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, later); err == nil || !strings.Contains(err.Error(), later) {
		t.Errorf("of a later version: got %v", err)
	}
}

// An export that leaves the beginning out is the journal that the store itself would be from there on: with the rules, the topology and what
// is known of incidents.
func TestExportOfTheRestTellsWhatStandsInForTheBeginning(t *testing.T) {
	j, err := Open(t.Context(), stored(t, 9), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := j.(*Store)
	if h, err := s.From(1, at); err != nil || h.Seed != nil || h.First != 1 {
		t.Errorf("from the first on: %+v, %v", h, err)
	}
	h, err := s.From(4, at.Add(3*time.Second))
	if err != nil || h.First != 4 || h.Last != 9 || len(h.Seed) != 2 || len(h.Known) == 0 {
		t.Fatalf("got %+v, %v", h, err)
	}
	text := AppendHead(nil, &h)
	if err := j.Read(t.Context(), func(r *Record) error {
		if r.Seq >= 4 {
			text = AppendRecord(text, r)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rest.jsonl")
	write(t, path, string(text))
	got, n, err := read(t, path)
	if err != nil || n != 6 || !got.Cut() {
		t.Fatalf("got %d records, %v, %+v", n, err, got)
	}
	if d := cmp.Diff(h.Known, got.Known); d != "" {
		t.Errorf("known (-want +got):\n%s", d)
	}
	if _, is := got.Seed[0].(*correlate.Policy); !is {
		t.Errorf("the seed begins with %T", got.Seed[0])
	}
}
