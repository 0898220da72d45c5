package expr

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// textOf is a single value as text. A whole number has no fraction, however it was given.
func textOf(v ref.Val) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case types.Null:
		return "", true
	case types.Bool:
		return strconv.FormatBool(bool(v)), true
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), true
	case types.Double:
		f := float64(v)
		if f == math.Trunc(f) && math.Abs(f) < 1e15 {
			return strconv.FormatFloat(f, 'f', -1, 64), true
		}
		return strconv.FormatFloat(f, 'g', -1, 64), true
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339Nano), true
	case *types.Optional:
		if !v.HasValue() {
			return "", true
		}
		return textOf(v.GetValue())
	}
	return "", false
}

// maxResult bounds the parts of a result. Lists that are made of other lists take no room until somebody wants to see each item.
const maxResult = 1_000_000

// errTooLarge is the error for results that are larger.
func errTooLarge() *Error {
	return &Error{Text: fmt.Sprintf("stopped: the result has more than %d parts", maxResult), Hint: "the values are larger than the expression is made for"}
}

// listOf are the items of a list, of which there are no more than [maxResult] parts; null has none.
func listOf(v ref.Val) (items []ref.Val, ok bool) {
	if v == types.NullValue {
		return nil, true
	}
	l, ok := v.(traits.Lister)
	if !ok {
		return nil, false
	}
	for it := l.Iterator(); len(items) <= maxResult && it.HasNext() == types.True; {
		items = append(items, it.Next())
	}
	return items, true
}

// eachEntry walks a map in the order of its keys; null has none. It is false if the value is neither.
func eachEntry(v ref.Val, visit func(key, value ref.Val)) bool {
	if v == types.NullValue {
		return true
	}
	m, ok := v.(traits.Mapper)
	if !ok {
		return false
	}
	sorted := sortMap(m)
	for _, k := range sorted.keys {
		value, _ := sorted.Find(k)
		visit(k, value)
	}
	return true
}

// conversion makes values of Go of those of CEL.
type conversion struct {
	program *Program
	parts   int // that there are so far
}

// native is a value of Go.
func (c *conversion) native(v ref.Val) (any, error) {
	if c.parts++; c.parts > maxResult {
		return nil, errTooLarge()
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if uint64(v) > math.MaxInt64 {
			return float64(v), nil
		}
		return int64(v), nil
	case types.Double:
		return float64(v), nil
	case types.String:
		return string(v), nil
	case types.Bytes:
		return []byte(v), nil
	case types.Timestamp:
		return v.UTC(), nil
	case types.Duration:
		return v.Duration, nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return c.native(v.GetValue())
	}
	return c.nativeParts(v)
}

// nativeParts is a list or a map of Go.
func (c *conversion) nativeParts(v ref.Val) (any, error) {
	if items, ok := listOf(v); ok {
		values := make([]any, len(items))
		for i, item := range items {
			n, err := c.native(item)
			if err != nil {
				return nil, err
			}
			values[i] = n
		}
		return values, nil
	}
	entries := make(map[string]any)
	var failed error
	ok := eachEntry(v, func(key, value ref.Val) {
		if failed != nil {
			return
		}
		k, isText := textOf(key)
		if entries[k], failed = c.native(value); failed == nil && !isText {
			failed = c.program.wrong(key, String)
		}
	})
	if failed != nil {
		return nil, failed
	}
	if !ok {
		return nil, c.program.wrong(v, Any)
	}
	return entries, nil
}
