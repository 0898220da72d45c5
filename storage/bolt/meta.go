package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The layout of bbolt's file, version 2, in the byte order of the machine. A page begins with a header: id (8 bytes),
// flags (2), count (2), overflow (4). Pages 0 and 1 are meta pages; a transaction writes that of its number's parity.
const (
	headerBytes  = 16
	elementBytes = 16
	bucketBytes  = 16 // root page (8), sequence (8)
	metaBytes    = headerBytes + 64

	magic         = 0xED0CDAED
	formatVersion = 2

	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10

	bucketFlag = 0x01 // of an element whose value is a bucket

	noFreelist = ^uint64(0)

	// initialPages are what bbolt writes first: two metas, no free pages, no buckets. The first transaction copies what
	// it changes behind them, and the number never falls, so with so many pages there was no transaction yet.
	initialPages = 4

	minPageSize = 1 << 10
	maxPageSize = 1 << 24
)

var order = binary.NativeEndian

// meta is a meta page: where everything is as of one transaction.
type meta struct {
	pageSize uint64
	root     uint64 // page of the root bucket
	freelist uint64 // page of the list of free pages
	pages    uint64 // high-water mark: all page numbers are below it
	txid     uint64
}

// parseMeta reads a meta page, header included. It fails if it is not what a transaction wrote.
func parseMeta(page []byte) (m meta, err error) {
	b := page[headerBytes:metaBytes]
	h := fnv.New64a()
	_, _ = h.Write(b[:56]) // never fails
	switch {
	case order.Uint32(b) != magic:
		return m, errors.New("no magic number")
	case order.Uint32(b[4:]) != formatVersion:
		return m, fmt.Errorf("format %d instead of %d", order.Uint32(b[4:]), formatVersion)
	case order.Uint64(b[56:]) != h.Sum64():
		return m, errors.New("wrong checksum")
	}
	return meta{
		pageSize: uint64(order.Uint32(b[8:])),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		pages:    order.Uint64(b[40:]),
		txid:     order.Uint64(b[48:]),
	}, nil
}

// readMeta returns the newer intact meta page, as bbolt chooses it. A warning tells that the other one is broken: then
// the last transaction may be missing, and opening with all before it beats paging nobody.
func readMeta(f *os.File, fileBytes int64) (m meta, warnings []string, err error) {
	at := func(offset int64) (meta, error) {
		b := make([]byte, metaBytes)
		if _, err := f.ReadAt(b, offset); err != nil && !errors.Is(err, io.EOF) {
			return meta{}, err
		}
		return parseMeta(b)
	}
	m0, err0 := at(0)
	if err0 == nil {
		m1, err1 := at(int64(m0.pageSize))
		if err1 != nil {
			return m0, []string{fmt.Sprintf("meta page 1 is broken (%v): the last transaction may be missing", err1)}, nil
		}
		if m1.txid > m0.txid {
			return m1, nil, nil
		}
		return m0, nil, nil
	}
	// Where page 1 begins is not known without page 0.
	for size := int64(minPageSize); size <= min(maxPageSize, fileBytes); size *= 2 {
		if m1, err1 := at(size); err1 == nil && m1.pageSize == uint64(size) {
			return m1, []string{fmt.Sprintf("meta page 0 is broken (%v): the last transaction may be missing", err0)}, nil
		}
	}
	return m, nil, fmt.Errorf("%s (%w)", looksLike(f), err0)
}

// looksLike says in a few words what a file without meta pages is.
func looksLike(f *os.File) string {
	b := make([]byte, 4096)
	n, err := f.ReadAt(b, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "its beginning cannot be read"
	case len(bytes.Trim(b[:n], "\x00")) == 0:
		return "it begins with zeros"
	}
	return "it is not a store of quell"
}
