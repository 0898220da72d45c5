package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxDepth bounds how deep arrays and objects may be nested, since skipping them recurses.
	maxDepth = 64
	// maxOpenKeys bounds the keys that are remembered of all open objects, to find duplicates.
	maxOpenKeys = 1 << 20
	// fewKeys is up to how many keys comparing each with each is cheaper than sorting.
	fewKeys = 16
	// maxQuoteBytes bounds a sender's text in a reason.
	maxQuoteBytes = 64
)

// BodyError says that a body is malformed as a whole: nothing of it was taken.
type BodyError struct {
	// Offset is the position in the (decompressed) body in bytes.
	Offset int
	// Reason says what is wrong there; text of the sender in it is quoted and bounded.
	Reason string
}

// Error returns the reason with its offset.
func (e *BodyError) Error() string {
	return "malformed body at byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// scanner reads JSON (RFC 8259) in one pass over a body in memory. It is stricter than encoding/json where senders and
// receivers could disagree about what a text means: it refuses duplicate keys, and strings that are no Unicode.
//
// Positions within strings stay known even if their content is bad, so content is judged apart from syntax: by decode.
type scanner struct {
	data  []byte
	pos   int
	depth int
	// keys is a stack: the keys seen so far of each open object.
	keys [][]byte
	// keyText holds keys that had to be unescaped; it is never shortened, as keys point into it.
	keyText []byte
	// scratch holds unescaped values. Whoever decodes values shortens it once they are copied.
	scratch []byte
}

// span is a string as it stands in the body.
type span struct {
	// raw is what is between the quotes.
	raw []byte
	// at is where raw begins.
	at int
	// marks says what decode has to look for.
	marks marks
}

type marks uint8

const (
	escaped marks = 1 << iota
	control
	wide
)

func (s *scanner) fail(at int, format string, args ...any) error {
	return &BodyError{Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// unexpected is the error for what stands at the present position.
func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.data) {
		return s.fail(s.pos, "the body ends where %s was expected", want)
	}
	return s.fail(s.pos, "%s where %s was expected", quote(s.data[s.pos:s.pos+1]), want)
}

// quote makes a sender's text fit for messages and logs: bounded, and printable ASCII.
func quote(b []byte) string { return strconv.QuoteToASCII(string(cut(b, maxQuoteBytes))) }

// cut shortens b to at most maxBytes, and does not cut a rune in two.
func cut(b []byte, maxBytes int) []byte {
	if len(b) <= maxBytes {
		return b
	}
	n := maxBytes
	for n > 0 && n > maxBytes-utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// peek skips white space and returns the next byte, or zero at the end of the body.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end checks that nothing but white space is left.
func (s *scanner) end() error {
	if s.peek(); s.pos < len(s.data) {
		return s.unexpected("the end of the body")
	}
	return nil
}

// enter consumes the bracket that opens an object or array; whoever consumes the other one decrements depth.
func (s *scanner) enter(bracket byte, what string) error {
	if s.peek() != bracket {
		return s.unexpected(what)
	}
	if s.depth++; s.depth > maxDepth {
		return s.fail(s.pos, "nested deeper than %d", maxDepth)
	}
	s.pos++
	return nil
}

// members is the place in an object that is being read.
type members struct {
	base, n int
}

// openObject begins to read an object; next yields its members.
func (s *scanner) openObject() (members, error) {
	return members{base: len(s.keys)}, s.enter('{', "an object")
}

// next reads the next key of an object and the colon behind it. The caller must read the value before it calls next
// again. At the end of the object more is false.
func (s *scanner) next(m *members) (key []byte, more bool, err error) {
	k, more, err := s.nextKey(m.n)
	if err != nil {
		return nil, false, err
	}
	if !more {
		return nil, false, s.closeObject(m)
	}
	key, fault := k.decode(&s.keyText)
	if fault != "" {
		return nil, false, s.fail(k.at, "key has %s", fault)
	}
	if m.n < fewKeys {
		for _, other := range s.keys[m.base:] {
			if string(other) == string(key) {
				return nil, false, s.fail(k.at, "second key %s in one object", quote(key))
			}
		}
	}
	if len(s.keys) >= maxOpenKeys {
		return nil, false, s.fail(k.at, "more than %d keys", maxOpenKeys)
	}
	s.keys = append(s.keys, key)
	m.n++
	return key, true, nil
}

// nextKey reads the syntax of the n-th key and its colon, or the end of the object.
func (s *scanner) nextKey(n int) (k span, more bool, err error) {
	c := s.peek()
	if c == '}' {
		s.pos++
		s.depth--
		return span{}, false, nil
	}
	if n > 0 {
		if c != ',' {
			return span{}, false, s.unexpected("',' or '}'")
		}
		s.pos++
	}
	if k, err = s.text("a key"); err != nil {
		return span{}, false, err
	}
	if s.peek() != ':' {
		return span{}, false, s.unexpected("':'")
	}
	s.pos++
	return k, true, nil
}

// closeObject forgets an object's keys, after it has looked for duplicates among those that next did not compare.
func (s *scanner) closeObject(m *members) error {
	keys := s.keys[m.base:]
	s.keys = s.keys[:m.base]
	if len(keys) <= fewKeys {
		return nil
	}
	slices.SortFunc(keys, bytes.Compare)
	for i := 1; i < len(keys); i++ {
		if bytes.Equal(keys[i-1], keys[i]) {
			return s.fail(s.pos-1, "second key %s in the object that ends here", quote(keys[i]))
		}
	}
	return nil
}

// openArray begins to read an array.
func (s *scanner) openArray() error { return s.enter('[', "an array") }

// nextElement goes to element n of an array, counted from 0; the caller must read it. At the end more is false.
func (s *scanner) nextElement(n int) (more bool, err error) {
	c := s.peek()
	if c == ']' {
		s.pos++
		s.depth--
		return false, nil
	}
	if n > 0 {
		if c != ',' {
			return false, s.unexpected("',' or ']'")
		}
		s.pos++
	}
	return true, nil
}

// text reads a string. It looks at eight bytes at once, since strings are most of a body.
func (s *scanner) text(want string) (span, error) {
	if s.peek() != '"' {
		return span{}, s.unexpected(want)
	}
	d, start := s.data, s.pos+1
	var m marks
	for i := start; i < len(d); {
		if i+8 <= len(d) {
			stop, high := special(binary.LittleEndian.Uint64(d[i:]))
			m |= high
			i += stop
			if stop == 8 {
				continue
			}
		}
		switch c := d[i]; {
		case c == '"':
			s.pos = i + 1
			return span{raw: d[start:i], at: start, marks: m}, nil
		case c == '\\':
			m |= escaped
			i++
		case c < ' ':
			m |= control
		case c >= utf8.RuneSelf:
			m |= wide
		}
		i++
	}
	s.pos = len(d)
	return span{}, s.fail(start-1, "the string that begins here has no end")
}

// special returns how many of the eight bytes in w precede the first quote, backslash or control character, and
// the mark wide if any byte is outside of ASCII (perhaps one behind: decode looks closer).
//
// The tests for a zero byte and for a byte below n are those of S. E. Anderson, "Bit Twiddling Hacks"; a borrow can
// only falsify bytes above the first hit, and that first one alone is used.
func special(w uint64) (stop int, high marks) {
	const low, top = 0x0101010101010101, 0x8080808080808080
	q, b := w^(low*'"'), w^(low*'\\')
	hits := ((q-low)&^q | (b-low)&^b | (w-low*' ')&^w) & top
	if w&top != 0 {
		high = wide
	}
	return bits.TrailingZeros64(hits) / 8, high
}

// decode returns the meaning of a string: a part of the body if nothing had to be unescaped, else of buf.
// If the content is not acceptable, fault says why.
func (t span) decode(buf *[]byte) (b []byte, fault string) {
	switch {
	case t.marks == 0:
		return t.raw, ""
	case t.marks&control != 0:
		return nil, "a raw control character"
	case t.marks&wide != 0 && !utf8.Valid(t.raw):
		return nil, "invalid UTF-8"
	case t.marks&escaped == 0:
		return t.raw, ""
	}
	start := len(*buf)
	*buf, fault = unescape(*buf, t.raw)
	return (*buf)[start:], fault
}

// unescape appends the meaning of raw to dst.
func unescape(dst, raw []byte) (_ []byte, fault string) {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...), ""
		}
		dst = append(dst, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n, fault := unicode(raw)
			if fault != "" {
				return dst, fault
			}
			dst = utf8.AppendRune(dst, r)
			raw = raw[n:]
		default:
			return dst, "an unknown escape"
		}
	}
}

// unicode reads what follows "\u": four digits, and for a surrogate its other half. n is how much that was.
func unicode(raw []byte) (r rune, n int, fault string) {
	r, ok := hex4(raw)
	if !ok {
		return 0, 0, `a \u without four digits`
	}
	if !utf16.IsSurrogate(r) {
		return r, 4, ""
	}
	if len(raw) >= 10 && raw[4] == '\\' && raw[5] == 'u' {
		if low, ok := hex4(raw[6:]); ok {
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, 10, ""
			}
		}
	}
	return 0, 0, "half a surrogate pair"
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// skip reads a value that nobody asked for, and checks all of it: a body that means different things to different
// readers is refused even if quell would not look at that part.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '"':
		return s.skipText()
	case c == '{':
		return s.skipObject()
	case c == '[':
		return s.skipArray()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case c == '-' || '0' <= c && c <= '9':
		_, err := s.number()
		return err
	}
	return s.unexpected("a value")
}

func (s *scanner) skipText() error {
	t, err := s.text("a string")
	if err != nil {
		return err
	}
	keep := len(s.scratch)
	if _, fault := t.decode(&s.scratch); fault != "" {
		return s.fail(t.at, "string has %s", fault)
	}
	s.scratch = s.scratch[:keep]
	return nil
}

func (s *scanner) skipObject() error {
	m, err := s.openObject()
	for err == nil {
		var more bool
		if _, more, err = s.next(&m); err != nil || !more {
			break
		}
		err = s.skip()
	}
	return err
}

func (s *scanner) skipArray() error {
	err := s.openArray()
	for n := 0; err == nil; n++ {
		var more bool
		if more, err = s.nextElement(n); err != nil || !more {
			break
		}
		err = s.skip()
	}
	return err
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.unexpected(word)
	}
	s.pos += len(word)
	return nil
}

// null consumes a null and reports whether there was one.
func (s *scanner) null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}

// number reads the syntax of a number and returns it as it stands. Its size does not matter: 1e400 is a number.
func (s *scanner) number() ([]byte, error) {
	s.peek()
	start := s.pos
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else if s.digits() == 0 {
		return nil, s.unexpected("a digit")
	}
	if s.at('.') {
		s.pos++
		if s.digits() == 0 {
			return nil, s.unexpected("a digit")
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if s.digits() == 0 {
			return nil, s.unexpected("a digit")
		}
	}
	return s.data[start:s.pos], nil
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}
