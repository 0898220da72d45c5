package ingest

import (
	"strconv"
)

// DecodeValue reads a body of any JSON into the values that expressions work on: nil, bool, int64, float64, string, []any and
// map[string]any. A number without fraction and exponent is an int64 if it fits, since identifiers must not be rounded. It is as strict as
// the other decoders: a key that occurs twice, text that is no Unicode, nesting deeper than 64, a number that is out of range and more than
// maxValues values are malformed.
//
// The error is a [*BodyError]. DecodeValue does not keep body.
func DecodeValue(body []byte, maxValues int) (any, error) {
	r := valueReader{scanner: scanner{data: body}, left: maxValues}
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	return v, r.end()
}

// valueReader builds values; left is how many more there may be.
type valueReader struct {
	scanner
	left int
}

func (r *valueReader) value() (any, error) {
	if r.left--; r.left < 0 {
		return nil, r.fail(r.pos, "more values than the limit")
	}
	switch c := r.peek(); {
	case c == '"':
		return r.string()
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == 't':
		return true, r.literal("true")
	case c == 'f':
		return false, r.literal("false")
	case c == 'n':
		return nil, r.literal("null")
	case c == '-' || '0' <= c && c <= '9':
		return r.numeral()
	}
	return nil, r.unexpected("a value")
}

func (r *valueReader) string() (any, error) {
	t, err := r.text("a string")
	if err != nil {
		return nil, err
	}
	r.scratch = r.scratch[:0]
	b, fault := t.decode(&r.scratch)
	if fault != "" {
		return nil, r.fail(t.at, "string has %s", fault)
	}
	return string(b), nil
}

func (r *valueReader) object() (any, error) {
	m, err := r.openObject()
	object := make(map[string]any)
	for err == nil {
		key, more, e := r.next(&m)
		if e != nil {
			return nil, e
		}
		if !more {
			return object, nil
		}
		name := string(key)
		object[name], err = r.value()
	}
	return nil, err
}

func (r *valueReader) array() (any, error) {
	if err := r.openArray(); err != nil {
		return nil, err
	}
	array := []any{}
	for {
		more, err := r.nextElement(len(array))
		if err != nil {
			return nil, err
		}
		if !more {
			return array, nil
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
}

func (r *valueReader) numeral() (any, error) {
	b, err := r.number()
	if err != nil {
		return nil, err
	}
	text := string(b)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, r.fail(r.pos-len(b), "number %s is out of range", quote(b))
	}
	return f, nil
}
