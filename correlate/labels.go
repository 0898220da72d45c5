package correlate

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// Labels is a set of name-value pairs, sorted by name, packed into one string: for each pair the length of the name
// (uvarint), the name, the length of the value, the value. Packed, a hundred thousand alerts cost the garbage
// collector one pointer each instead of seventeen. The zero value is the empty set. Labels are comparable with ==.
type Labels string

// Label is one pair.
type Label struct{ Name, Value string }

// NewLabels packs pairs; it sorts the slice it is given. Of pairs with one name the last wins.
func NewLabels(pairs []Label) Labels {
	slices.SortStableFunc(pairs, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	return PackSorted(pairs)
}

// LabelsOf packs alternating names and values. It panics when their number is odd.
func LabelsOf(namesAndValues ...string) Labels {
	if len(namesAndValues)%2 != 0 {
		panic("correlate: LabelsOf needs pairs")
	}
	pairs := make([]Label, 0, len(namesAndValues)/2)
	for i := 0; i < len(namesAndValues); i += 2 {
		pairs = append(pairs, Label{namesAndValues[i], namesAndValues[i+1]})
	}
	return NewLabels(pairs)
}

// PackSorted packs pairs that are sorted by name already.
func PackSorted(pairs []Label) Labels {
	size := 0
	for _, p := range pairs {
		size += len(p.Name) + len(p.Value) + 6
	}
	b := make([]byte, 0, size)
	for i, p := range pairs {
		if i+1 < len(pairs) && pairs[i+1].Name == p.Name {
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(p.Name)))
		b = append(b, p.Name...)
		b = binary.AppendUvarint(b, uint64(len(p.Value)))
		b = append(b, p.Value...)
	}
	return Labels(b)
}

// cut splits the first length-prefixed string off s. Broken input gives ok = false.
func cut(s string) (part, rest string, ok bool) {
	if s != "" && s[0] < 0x80 && int(s[0]) < len(s) {
		n := int(s[0]) + 1
		return s[1:n], s[n:], true
	}
	var n uint64
	for i := 0; i < len(s) && i < binary.MaxVarintLen32; i++ {
		c := s[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			s = s[i+1:]
			if n > uint64(len(s)) {
				return "", "", false
			}
			return s[:n], s[n:], true
		}
	}
	return "", "", false
}

// All yields the pairs in order of their names.
func (l Labels) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		s := string(l)
		for s != "" {
			name, rest, ok := cut(s)
			if !ok {
				return
			}
			value, rest, ok := cut(rest)
			if !ok || !yield(name, value) {
				return
			}
			s = rest
		}
	}
}

// Get returns the value of name, or "" if there is none.
func (l Labels) Get(name string) string {
	for s := string(l); s != ""; {
		n, rest, ok := cut(s)
		if !ok || n > name {
			return ""
		}
		v, rest, ok := cut(rest)
		if n == name || !ok {
			return v
		}
		s = rest
	}
	return ""
}

// common returns the pairs that both sets have. It returns a itself, without an allocation, if b has all of it.
func common(a, b Labels) Labels {
	var shared []Label
	differ := false
	t := string(b)
	for s := string(a); s != ""; {
		name, rest, ok := cut(s)
		value, rest, ok2 := cut(rest)
		if !ok || !ok2 {
			return a
		}
		s = rest
		n, v := "", ""
		for t != "" && n < name {
			next, after, _ := cut(t)
			if next > name {
				break
			}
			n = next
			v, t, _ = cut(after)
		}
		has := n == name && v == value
		if !has && !differ {
			// Only now is it worth collecting: start over with what was shared so far.
			differ = true
			for n, v := range a.All() {
				if n == name {
					break
				}
				shared = append(shared, Label{n, v})
			}
		} else if has && differ {
			shared = append(shared, Label{name, value})
		}
	}
	if !differ {
		return a
	}
	return PackSorted(shared)
}

// Len is the number of pairs.
func (l Labels) Len() int {
	n := 0
	for range l.All() {
		n++
	}
	return n
}

// Valid reports whether l is well packed and sorted: what [Labels.UnmarshalJSON], NewLabels and PackSorted make.
func (l Labels) Valid() bool {
	s, prev, first := string(l), "", true
	for s != "" {
		name, rest, ok := cut(s)
		if !ok || !first && name <= prev {
			return false
		}
		if _, rest, ok = cut(rest); !ok {
			return false
		}
		s, prev, first = rest, name, false
	}
	return true
}

// Map returns a copy as a map.
func (l Labels) Map() map[string]string {
	m := make(map[string]string, 8)
	for n, v := range l.All() {
		m[n] = v
	}
	return m
}

// Fingerprint is Prometheus' fingerprint of the set: the FNV-1a hash over sorted names and values with 0xff between
// them, as model.LabelSet.Fingerprint computes it.
func (l Labels) Fingerprint() model.Fingerprint {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for name, value := range l.All() {
		for i := 0; i < len(name); i++ {
			h = (h ^ uint64(name[i])) * prime
		}
		h = (h ^ 0xff) * prime
		for i := 0; i < len(value); i++ {
			h = (h ^ uint64(value[i])) * prime
		}
		h = (h ^ 0xff) * prime
	}
	return model.Fingerprint(h)
}

// String shows the set in Prometheus' notation.
func (l Labels) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for n, v := range l.All() {
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s=%q", n, v)
	}
	b.WriteByte('}')
	return b.String()
}

// MarshalJSON shows the set as an object.
func (l Labels) MarshalJSON() ([]byte, error) { return json.Marshal(l.Map()) }

// UnmarshalJSON reads an object of strings.
func (l *Labels) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	pairs := make([]Label, 0, len(m))
	for n, v := range m {
		pairs = append(pairs, Label{n, v})
	}
	*l = NewLabels(pairs)
	return nil
}
