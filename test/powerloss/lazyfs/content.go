package lazyfs

import (
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"
)

// pageBytes is the unit in which a disk keeps or loses what was not synced, as kernels write back.
const pageBytes = 4096

// page is a part of a file as the program sees it.
type page struct {
	data [pageBytes]byte
	// dirty is true until a sync wrote the page to the platter, or tried to.
	dirty bool
}

// content is one file: what is durable, which is the file on the backing file system, and above it what is only in the
// disk's cache. It belongs to the disk's lock.
type content struct {
	platter *os.File
	pages   map[int64]*page
	// size is the file's length as the program sees it.
	size int64
	// floor is the shortest that the file was since the last sync: what the platter holds beyond it was cut off.
	floor int64
	// resized is true while the platter does not know size.
	resized bool
}

// newContent opens the file at path. The caller closes platter.
func newContent(path string) (*content, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &content{platter: f, pages: make(map[int64]*page), size: info.Size(), floor: info.Size()}, nil
}

// load returns a page with the data that a reader would get, without putting it into the cache.
func (c *content) load(number int64) (*page, error) {
	if p, ok := c.pages[number]; ok {
		return p, nil
	}
	p := new(page)
	at := number * pageBytes
	if at >= c.floor {
		return p, nil
	}
	_, err := c.platter.ReadAt(p.data[:min(pageBytes, c.floor-at)], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return p, nil
}

// read fills dest from offset on and returns how much there was.
func (c *content) read(dest []byte, offset int64) (int, error) {
	dest = dest[:max(0, min(int64(len(dest)), c.size-offset))]
	for done := 0; done < len(dest); {
		at := offset + int64(done)
		p, err := c.load(at / pageBytes)
		if err != nil {
			return done, err
		}
		done += copy(dest[done:], p.data[at%pageBytes:])
	}
	return len(dest), nil
}

// write changes the cache only.
func (c *content) write(data []byte, offset int64) error {
	for done := 0; done < len(data); {
		at := offset + int64(done)
		p, err := c.load(at / pageBytes)
		if err != nil {
			return err
		}
		done += copy(p.data[at%pageBytes:], data[done:])
		p.dirty = true
		c.pages[at/pageBytes] = p
	}
	if end := offset + int64(len(data)); end > c.size {
		c.size, c.resized = end, true
	}
	return nil
}

// truncate changes the length in the cache only. What is cut off reads as zeros if the file grows again.
func (c *content) truncate(size int64) error {
	if size < c.size {
		for number := range c.pages {
			if number*pageBytes >= size {
				delete(c.pages, number)
			}
		}
		if rest := size % pageBytes; rest != 0 {
			p, err := c.load(size / pageBytes)
			if err != nil {
				return err
			}
			clear(p.data[rest:])
			p.dirty = true
			c.pages[size/pageBytes] = p
		}
	}
	c.floor = min(c.floor, size)
	c.size, c.resized = size, true
	return nil
}

// sync makes the file durable and empties its cache.
func (c *content) sync() error {
	if err := c.keep(func() bool { return true }); err != nil {
		return err
	}
	clear(c.pages)
	c.floor, c.resized = c.size, false
	return nil
}

// keep writes those changes to the platter for which chosen says so, in the order of the file, whatever the order was
// in which the program made them.
func (c *content) keep(chosen func() bool) error {
	if c.resized && chosen() {
		// First down to the floor: what lay beyond it must not come back as data.
		if err := errors.Join(c.platter.Truncate(c.floor), c.platter.Truncate(c.size)); err != nil {
			return err
		}
	}
	for _, number := range slices.Sorted(maps.Keys(c.pages)) {
		p := c.pages[number]
		if !p.dirty || !chosen() {
			continue
		}
		at := number * pageBytes
		if _, err := c.platter.WriteAt(p.data[:min(pageBytes, c.size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// forget is a failed write-back as Linux has it: the pages still read as written but count as clean, so that a later sync
// that succeeds does not write them either.
func (c *content) forget() {
	for _, p := range c.pages {
		p.dirty = false
	}
	c.resized = false
}
