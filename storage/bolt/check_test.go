package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quell/internal/fake/dice"
	"quell/storage"
)

// image is a store's file with the places that tests break. The table State has a branch page with many leaves, and
// the first leaf's page before the last commit is free.
type image struct {
	file       []byte
	root       []byte // root bucket's page
	branch     []byte // of table State
	leaf, next []byte // its first children
	freelist   []byte
	stale      uint64 // free page that once was the first leaf
}

const imagePage = 4096

// checkedCommits is the length of a random history whose every step is checked.
const checkedCommits = 150

func (im *image) page(id uint64) []byte { return im.file[id*imagePage : (id+1)*imagePage] }

// child is the place of the i-th child's page number in a branch page.
func child(branch []byte, i int) []byte { return branch[headerBytes+elementBytes*i+8:][:8] }

func keyAt(leaf []byte, i int) []byte {
	e := headerBytes + elementBytes*i
	pos, size := int(order.Uint32(leaf[e+4:])), int(order.Uint32(leaf[e+8:]))
	return leaf[e+pos:][:size]
}

func makeImage(t *testing.T) *image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := new(storage.Batch)
	for i := range 500 {
		k := binary.BigEndian.AppendUint32(nil, uint32(i))
		b.Changes = append(b.Changes, storage.Change{Table: storage.State, Key: k, Value: make([]byte, 300)})
	}
	for _, n := range []int{500, 1} { // all rows, then the first again
		b.Changes = b.Changes[:n]
		if err := db.Commit(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	im := new(image)
	if im.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	m0, _ := parseMeta(im.page(0))
	m1, _ := parseMeta(im.page(1))
	if m1.txid > m0.txid {
		m0 = m1
	}
	im.root, im.freelist = im.page(m0.root), im.page(m0.freelist)
	at := bytes.Index(im.root, []byte("state"))
	im.branch = im.page(order.Uint64(im.root[at+len("state"):]))
	im.leaf, im.next = im.page(order.Uint64(child(im.branch, 0))), im.page(order.Uint64(child(im.branch, 1)))
	for i := range int(order.Uint16(im.freelist[10:])) {
		id := order.Uint64(im.freelist[headerBytes+8*i:])
		p := im.page(id)
		if order.Uint64(p) == id && order.Uint16(p[8:]) == leafFlag && bytes.Equal(keyAt(p, 0), keyAt(im.leaf, 0)) {
			im.stale = id
		}
	}
	if im.stale == 0 {
		t.Fatal("the first leaf's old page is not free")
	}
	return im
}

func swap(a, b []byte) {
	old := bytes.Clone(a)
	copy(a, b)
	copy(b, old)
}

// TestCheckFindsWhatWouldMisleadBolt breaks one thing each. All pages stay what they say they are, so that bbolt would
// take them.
func TestCheckFindsWhatWouldMisleadBolt(t *testing.T) {
	for name, test := range map[string]struct {
		harm func(im *image)
		want string
	}{
		"nothing":                       {func(*image) {}, ""},
		"two parents for a page":        {func(im *image) { copy(child(im.branch, 0), child(im.branch, 1)) }, "out of order"},
		"parent of itself":              {func(im *image) { copy(child(im.branch, 0), im.branch[:8]) }, "used twice"},
		"old page instead of new":       {func(im *image) { order.PutUint64(child(im.branch, 0), im.stale) }, "used and free"},
		"page beyond the end":           {func(im *image) { order.PutUint64(child(im.branch, 0), 1<<40) }, "does not exist"},
		"children exchanged":            {func(im *image) { swap(child(im.branch, 0), child(im.branch, 1)) }, "out of order"},
		"keys of a leaf exchanged":      {func(im *image) { swap(keyAt(im.leaf, 2), keyAt(im.leaf, 3)) }, "out of order"},
		"last key beyond the next":      {func(im *image) { keyAt(im.leaf, int(order.Uint16(im.leaf[10:]))-1)[0] = 9 }, "out of order"},
		"first key before the branch's": {func(im *image) { keyAt(im.next, 0)[3]-- }, "out of order"},
		"one element less":              {func(im *image) { im.leaf[10]-- }, "misplaced"},
		"one child less":                {func(im *image) { im.branch[10]-- }, "misplaced"},
		"key longer than it was":        {func(im *image) { im.leaf[headerBytes+8]++ }, "misplaced"},
		"value that is a bucket":        {func(im *image) { im.leaf[headerBytes] = 1 }, "flags"},
		"leaf that is a branch":         {func(im *image) { im.leaf[8] = branchFlag }, "misplaced"},
		"leaf that is nothing":          {func(im *image) { im.leaf[8] = 0 }, "flags"},
		"leaf without rows":             {func(im *image) { order.PutUint16(im.leaf[10:], 0) }, "empty"},
		"another page's number":         {func(im *image) { im.leaf[0]++ }, "broken header"},
		"run into the next page":        {func(im *image) { im.leaf[12]++ }, "used"},
		"unknown bucket":                {func(im *image) { copy(im.root[bytes.Index(im.root, []byte("state")):], "statf") }, "no bucket \"state\""},
		"page free twice":               {func(im *image) { copy(im.freelist[headerBytes:][:8], im.freelist[headerBytes+8:][:8]) }, "cannot be free"},
		"page free and in use":          {func(im *image) { copy(im.freelist[headerBytes:][:8], im.leaf[:8]) }, "used and free"},
		"no list of free pages":         {func(im *image) { im.freelist[8] = leafFlag }, "list of free pages"},
		"more free pages than fit":      {func(im *image) { order.PutUint16(im.freelist[10:], 0xfff0) }, "entries"},
	} {
		t.Run(name, func(t *testing.T) {
			im := makeImage(t)
			test.harm(im)
			path := filepath.Join(t.TempDir(), "harmed.db")
			if err := os.WriteFile(path, im.file, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_, err = check(f)
			if (test.want == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestCheckAcceptsWhatBoltWrites: a check that is too strict keeps a sound store from opening, which is the worst that
// it can do. Tables grow, shrink to nothing and come back, with keys in and out of order and rows longer than pages.
func TestCheckAcceptsWhatBoltWrites(t *testing.T) {
	db, err := Open(filepath.Join(t.TempDir(), "quell.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.bolt.NoSync = true // only the structure counts here
	r := dice.New(t)
	for seq := uint64(1); seq <= checkedCommits; seq++ {
		b := &storage.Batch{Seq: seq, At: time.Unix(int64(seq), 0), Record: make([]byte, r.IntN(10))}
		deleting := r.IntN(10) // of ten; the mood of a batch
		for range 1 << r.IntN(10) {
			table := storage.Tables()[r.IntN(len(storage.Tables()))]
			c := storage.Change{Table: table, Key: binary.BigEndian.AppendUint64(nil, uint64(r.IntN(200<<table)))}
			if r.IntN(8) == 0 {
				c.Key = bytes.Repeat(c.Key, 1+r.IntN(storage.MaxKeyBytes/8))
			}
			if r.IntN(10) >= deleting {
				c.Value = make([]byte, r.IntN(100)<<r.IntN(8))
			}
			b.Changes = append(b.Changes, c)
		}
		if err := db.Commit(b); err != nil {
			t.Fatal(err)
		}
		if r.IntN(5) == 0 {
			if _, err := db.Trim(time.Unix(int64(r.Uint64N(seq)), 0), 0); err != nil {
				t.Fatal(err)
			}
		}
		l, err := check(db.file)
		if err != nil || l.fresh || len(l.warnings) > 0 || l.journalRecords != db.journalRecords || l.journalBytes != db.journalBytes {
			t.Fatalf("record %d: got %v, %+v, want a sound store with %d records", seq, err, l, db.journalRecords)
		}
	}
	db.Sound(t)
}
