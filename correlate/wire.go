package correlate

import (
	"encoding/binary"
	"errors"
	"time"
)

// errWire is what a decoder finds in bytes that no encoder made.
var errWire = errors.New("correlate: malformed record")

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendTime writes Unix nanoseconds; zero stands for the zero time.
func appendTime(b []byte, t time.Time) []byte { return binary.AppendVarint(b, toNano(t)) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// wireReader takes apart what the append functions put together. The first error sticks; values after it are zero. Strings
// are copies, so that a decoded alert does not keep a whole record alive.
type wireReader struct {
	b   []byte
	err error
}

func (r *wireReader) fail() { r.b, r.err = nil, errWire }

func (r *wireReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *wireReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *wireReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *wireReader) string() string  { return string(r.bytes()) }
func (r *wireReader) time() time.Time { return fromNano(r.varint()) }

func (r *wireReader) labels() Labels {
	l := Labels(r.bytes())
	if !l.Valid() {
		r.fail()
		return ""
	}
	return l
}

func (r *wireReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *wireReader) bool() bool {
	switch r.byte() {
	case 0:
		return false
	case 1:
		return true
	}
	r.fail()
	return false
}

func (r *wireReader) uint64() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

// count reads a number of things of at least one byte each, so that a broken length cannot ask for gigabytes.
func (r *wireReader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}
