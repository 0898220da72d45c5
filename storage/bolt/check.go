package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"quell/storage"
)

// layout is what a check found.
type layout struct {
	// fresh: the file holds nothing yet. It is empty, or was left by a creation that was killed.
	fresh          bool
	journalRecords int64
	journalBytes   int64
	warnings       []string
	// older: it lacks the table that an earlier quell did not have.
	older bool
}

// check reads the structure of the file and fails if bbolt could be misled by it: a page that is not what it should be,
// keys out of order, a page that is used twice or is used and free. bbolt itself would panic, run in circles, return
// old pages as current, or hand out pages in use; it looks at none of this when it opens. With a sound structure, a
// flipped bit can only be inside of keys and values, where the rows' checksums find it.
//
// The file is read, not mapped, so that a broken disk is an error and not a signal, and the process does not come to
// hold all of it. Of pages longer than one only the first and the keys are read. Memory: a byte a page.
func check(f *os.File) (layout, error) {
	info, err := f.Stat()
	if err != nil {
		return layout{}, err
	}
	if info.Size() == 0 {
		return layout{fresh: true}, nil
	}
	m, warnings, err := readMeta(f, info.Size())
	if err != nil {
		return layout{}, err
	}
	if m.pages == initialPages {
		return layout{fresh: true}, nil // maybe cut off, but nothing ever was in it
	}
	if have := uint64(info.Size()) / m.pageSize; have < m.pages {
		return layout{}, fmt.Errorf("it is cut off: %d of %d pages are there", have, m.pages)
	}
	if m.freelist == noFreelist {
		return layout{}, errors.New("another program wrote it: there is no list of free pages")
	}
	c := &checker{file: f, pageSize: m.pageSize, use: make([]byte, m.pages), layout: layout{warnings: warnings}}
	if err := c.freelist(m.freelist); err != nil {
		return layout{}, fmt.Errorf("list of free pages: %w", err)
	}
	err = c.root(m.root)
	return c.layout, err
}

// Uses of a page.
const (
	unused = iota
	free
	used
)

type checker struct {
	file     *os.File
	pageSize uint64
	use      []byte   // by page number
	buffers  [][]byte // first pages of the path that is being walked, by depth
	layout   layout
}

// page is a page with its overflow pages, or one that is inlined in a value.
type page struct {
	flags, count int
	bytes        uint64 // length with overflow
	loaded       []byte // its beginning: at least header and elements
	file         *os.File
	offset       int64 // in the file
}

// load reads the first page of a run, checks its header and takes it into use.
func (c *checker) load(id uint64, buffer []byte) (page, error) {
	if id < 2 || id >= uint64(len(c.use)) {
		return page{}, fmt.Errorf("page %d does not exist", id)
	}
	p := page{file: c.file, offset: int64(id * c.pageSize), loaded: buffer}
	if _, err := c.file.ReadAt(buffer, p.offset); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	overflow := uint64(order.Uint32(buffer[12:]))
	p.flags, p.count, p.bytes = int(order.Uint16(buffer[8:])), int(order.Uint16(buffer[10:])), (1+overflow)*c.pageSize
	if order.Uint64(buffer) != id || id+overflow >= uint64(len(c.use)) {
		return page{}, fmt.Errorf("page %d: broken header", id)
	}
	for i := id; i <= id+overflow; i++ {
		if c.use[i] != unused {
			return page{}, fmt.Errorf("page %d: used twice, or used and free", i)
		}
		c.use[i] = used
	}
	return p, nil
}

// at returns n bytes of the page from off, of which the caller knows that they exist.
func (p *page) at(off, n uint64) ([]byte, error) {
	if off+n <= uint64(len(p.loaded)) {
		return p.loaded[off : off+n], nil
	}
	b := make([]byte, n)
	_, err := p.file.ReadAt(b, p.offset+int64(off))
	return b, err
}

func (c *checker) freelist(id uint64) error {
	p, err := c.load(id, make([]byte, c.pageSize))
	if err != nil {
		return err
	}
	if p.flags != freelistFlag {
		return fmt.Errorf("page %d: flags %#x", id, p.flags)
	}
	start, count := uint64(headerBytes), uint64(p.count)
	if p.count == 0xffff { // more than fit the header: the first entry is the count
		first, err := p.at(start, 8)
		if err != nil {
			return err
		}
		start, count = start+8, order.Uint64(first)
	}
	if count > uint64(len(c.use)) || start+8*count > p.bytes {
		return fmt.Errorf("page %d: %d entries", id, count)
	}
	entries, err := p.at(start, 8*count)
	if err != nil {
		return err
	}
	for ; len(entries) > 0; entries = entries[8:] {
		id := order.Uint64(entries)
		if id < 2 || id >= uint64(len(c.use)) || c.use[id] != unused {
			return fmt.Errorf("page %d cannot be free", id)
		}
		c.use[id] = free
	}
	return nil
}

// root walks the root bucket, which must hold exactly the sections of a store but for a table that came later, and then those.
func (c *checker) root(id uint64) error {
	entries := make(map[string][]byte)
	err := c.walk(id, 0, limits{}, func(p *page, e element) error {
		if e.flags != bucketFlag || e.valueBytes < bucketBytes {
			return fmt.Errorf("unexpected row %q", e.key)
		}
		entry, err := p.at(e.valueAt, e.valueBytes)
		entries[string(e.key)] = bytes.Clone(entry)
		return err
	})
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	known := 0
	for _, s := range sections() {
		entry := entries[s.name]
		if entry == nil && s == tables[storage.Dead] {
			c.layout.older = true
			continue
		}
		if known++; entry == nil {
			return fmt.Errorf("there is no bucket %q", s.name)
		}
		if err := c.section(s, entry); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if len(entries) > known {
		return errors.New("there are unknown buckets")
	}
	return nil
}

// section walks the bucket of that entry. A small bucket is a page inside of its entry.
func (c *checker) section(s *section, entry []byte) error {
	visit := func(_ *page, e element) error {
		if e.flags != 0 {
			return fmt.Errorf("key %q: flags %#x", e.key, e.flags)
		}
		if s == journal {
			c.layout.journalRecords++
			c.layout.journalBytes += int64(e.valueBytes)
		}
		return nil
	}
	if id := order.Uint64(entry); id != 0 {
		return c.walk(id, 0, limits{}, visit)
	}
	inline := entry[bucketBytes:]
	if len(inline) < headerBytes || order.Uint16(inline[8:]) != leafFlag {
		return errors.New("broken inline page")
	}
	p := page{flags: leafFlag, count: int(order.Uint16(inline[10:])), bytes: uint64(len(inline)), loaded: inline}
	return p.leaf(limits{}, visit)
}

// walk checks the tree below page id, whose keys must be within the limits.
func (c *checker) walk(id uint64, depth int, in limits, visit func(*page, element) error) error {
	if depth == len(c.buffers) {
		c.buffers = append(c.buffers, make([]byte, c.pageSize))
	}
	p, err := c.load(id, c.buffers[depth])
	if err != nil {
		return err
	}
	switch {
	case p.count == 0: // bbolt removes empty pages, and inlines empty buckets
		err = errors.New("empty")
	case p.flags == leafFlag:
		err = p.leaf(in, visit)
	case p.flags == branchFlag:
		return p.branch(in, func(child uint64, in limits) error { return c.walk(child, depth+1, in, visit) })
	default:
		err = fmt.Errorf("flags %#x", p.flags)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// limits bound the keys of a page: from <= key < to. Nil is no bound.
type limits struct{ from, to []byte }

// element is an entry of a leaf page. Its value is not read.
type element struct {
	flags               uint32
	key                 []byte
	valueAt, valueBytes uint64
}

// leaf visits the elements in order and checks that they are as bbolt writes them: keys ascend, and keys and values
// follow each other without gaps. So a wrong count or length shows.
func (p *page) leaf(in limits, visit func(*page, element) error) error {
	next := headerBytes + elementBytes*uint64(p.count)
	if next > uint64(len(p.loaded)) {
		return fmt.Errorf("%d elements", p.count)
	}
	var previous []byte
	for i := range p.count {
		at := headerBytes + elementBytes*uint64(i)
		b := p.loaded[at:]
		keyAt, keyBytes := at+uint64(order.Uint32(b[4:])), uint64(order.Uint32(b[8:]))
		e := element{flags: order.Uint32(b), valueAt: keyAt + keyBytes, valueBytes: uint64(order.Uint32(b[12:]))}
		if keyAt != next || keyBytes == 0 || e.valueAt+e.valueBytes > p.bytes {
			return fmt.Errorf("element %d is misplaced", i)
		}
		next = e.valueAt + e.valueBytes
		var err error
		if e.key, err = p.at(keyAt, keyBytes); err != nil {
			return err
		}
		if err := in.check(previous, e.key); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if err := visit(p, e); err != nil {
			return err
		}
		previous = e.key
	}
	return nil
}

// branch visits the children in order, each with the limits of its keys.
func (p *page) branch(in limits, visit func(child uint64, in limits) error) error {
	next := headerBytes + elementBytes*uint64(p.count)
	if next > uint64(len(p.loaded)) {
		return fmt.Errorf("%d children", p.count)
	}
	keys, children := make([][]byte, p.count), make([]uint64, p.count)
	for i := range keys {
		at := headerBytes + elementBytes*uint64(i)
		b := p.loaded[at:]
		keyAt, keyBytes := at+uint64(order.Uint32(b)), uint64(order.Uint32(b[4:]))
		if keyAt != next || keyBytes == 0 || keyAt+keyBytes > p.bytes {
			return fmt.Errorf("child %d is misplaced", i)
		}
		next = keyAt + keyBytes
		children[i] = order.Uint64(b[8:])
		var err error
		if keys[i], err = p.at(keyAt, keyBytes); err != nil {
			return err
		}
		var previous []byte
		if i > 0 {
			previous = keys[i-1]
		}
		if err := in.check(previous, keys[i]); err != nil {
			return fmt.Errorf("child %d: %w", i, err)
		}
	}
	for i, child := range children {
		to := in.to
		if i+1 < len(keys) {
			to = keys[i+1]
		}
		if err := visit(child, limits{keys[i], to}); err != nil {
			return err
		}
	}
	return nil
}

func (l limits) check(previous, key []byte) error {
	switch {
	case previous == nil && l.from != nil && bytes.Compare(key, l.from) < 0,
		previous != nil && bytes.Compare(key, previous) <= 0,
		l.to != nil && bytes.Compare(key, l.to) >= 0:
		return errors.New("key out of order")
	}
	return nil
}
