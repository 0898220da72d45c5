package schema

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	seeds = flag.Int("seeds", 100, "how many random documents of each kind")
	base  = flag.Uint64("base", 1, "the seed of the first one")
)

// maker makes random documents of a schema, and spoils them.
type maker struct {
	*rand.Rand
	defs map[string]any
	// depth is how deep the value is that is being made; forms that contain themselves must end.
	depth int
}

// resolved is a schema with what it refers to.
func (m *maker) resolved(s map[string]any) map[string]any {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s
	}
	all := maps.Clone(m.resolved(m.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)))
	maps.Copy(all, s)
	delete(all, "$ref")
	return all
}

// value is a random value that the schema takes.
func (m *maker) value(s map[string]any) any {
	s = m.resolved(s)
	if forms, ok := s["anyOf"].([]any); ok {
		return m.value(pick(m, forms).(map[string]any))
	}
	if words, ok := s["enum"].([]any); ok {
		return pick(m, words)
	}
	switch m.typeOf(s) {
	case "null":
		return nil
	case "boolean":
		return m.IntN(2) == 0
	case "integer":
		lo, hi := bounds(s)
		return int64(lo) + m.Int64N(int64(hi-lo)+1)
	case "number":
		lo, hi := bounds(s)
		return lo + float64(m.IntN(1001))/1000*(hi-lo)
	case "array":
		items, _ := s["items"].(map[string]any)
		list := make([]any, m.IntN(3))
		for i := range list {
			list[i] = m.below(items)
		}
		return list
	case "object":
		return m.object(s)
	}
	return m.text(s)
}

// typeOf chooses a type of those that the value may have: null rarely, and what ends where it went deep.
func (m *maker) typeOf(s map[string]any) string {
	types := typesOf(s)
	if len(types) == 0 {
		types = []string{"string", "boolean", "array", "object"}
		if s["properties"] != nil {
			types = []string{"object"}
		}
	}
	if m.depth > 12 && slices.Contains(types, "null") {
		return "null"
	}
	if len(types) > 1 && m.IntN(8) > 0 {
		types = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == "null" })
	}
	return pick(m, types)
}

func typesOf(s map[string]any) (types []string) {
	switch t := s["type"].(type) {
	case string:
		types = []string{t}
	case []any:
		for _, name := range t {
			types = append(types, name.(string))
		}
	}
	return types
}

func (m *maker) below(s map[string]any) any {
	m.depth++
	defer func() { m.depth-- }()
	return m.value(s)
}

func (m *maker) object(s map[string]any) any {
	o := make(map[string]any)
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		p := properties[key].(map[string]any)
		if slices.Contains(required, any(key)) || p["deprecated"] == nil && m.IntN(3) == 0 && m.depth < 12 {
			o[key] = m.below(p)
		}
	}
	if free, ok := s["additionalProperties"].(map[string]any); ok {
		for i := range m.IntN(3) {
			o[fmt.Sprint("key", i)] = m.below(free)
		}
	}
	return o
}

// text is what people write there, if the schema has examples, or some word.
func (m *maker) text(s map[string]any) string {
	if examples, ok := s["examples"].([]any); ok {
		return pick(m, examples).(string)
	}
	if s["pattern"] != nil {
		panic(fmt.Sprintf("no example for the pattern %v", s["pattern"]))
	}
	return pick(m, []string{"a", "b-1", "x_y", "severity", "ü: #'\"", "09:00", "-"})
}

func pick[T any](m *maker, list []T) T { return list[m.IntN(len(list))] }

func bounds(s map[string]any) (lo, hi float64) {
	lo, hi = 0, 1000
	if n, ok := s["minimum"].(json.Number); ok {
		lo, _ = n.Float64()
		hi += lo
	}
	if n, ok := s["maximum"].(json.Number); ok {
		hi, _ = n.Float64()
	}
	return lo, hi
}

// spoiled returns a value with one mistake in it, somewhere; ok is false if the way that it took ends where anything goes.
func (m *maker) spoiled(s map[string]any, v any) (bad any, ok bool) {
	s = m.resolved(s)
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 && m.IntN(4) > 0 && s["properties"] != nil {
			return m.spoiledPart(s, v)
		}
		return m.spoiledMap(s, v)
	case []any:
		items, _ := s["items"].(map[string]any)
		if len(v) == 0 || items == nil || m.IntN(4) == 0 {
			return "text", len(typesOf(s)) > 0
		}
		list, i := slices.Clone(v), m.IntN(len(v))
		list[i], ok = m.spoiled(items, v[i])
		return list, ok
	}
	return m.spoiledScalar(s)
}

func (m *maker) spoiledPart(s, v map[string]any) (any, bool) {
	key := pick(m, slices.Sorted(maps.Keys(v)))
	p, known := s["properties"].(map[string]any)[key].(map[string]any)
	if !known {
		return nil, false
	}
	o := maps.Clone(v)
	part, ok := m.spoiled(p, v[key])
	o[key] = part
	return o, ok
}

func (m *maker) spoiledMap(s, v map[string]any) (any, bool) {
	o := maps.Clone(v)
	required, _ := s["required"].([]any)
	switch {
	case len(required) > 0 && m.IntN(2) == 0:
		delete(o, pick(m, required).(string))
	case s["additionalProperties"] == false:
		o["unheard_of"] = 1
	default:
		return "text", len(typesOf(s)) > 0
	}
	return o, true
}

func (m *maker) spoiledScalar(s map[string]any) (any, bool) {
	types := typesOf(s)
	switch {
	case s["minimum"] != nil && m.IntN(2) == 0:
		lo, _ := bounds(s)
		return lo - 1, true
	case s["maximum"] != nil && m.IntN(2) == 0:
		_, hi := bounds(s)
		return hi + 1, true
	case s["enum"] != nil || s["pattern"] != nil:
		return pick(m, []any{"unheard of", 12, true, []any{}}), true
	case len(types) > 0:
		return map[string]any{"a": 1}, true
	}
	return nil, false
}

// TestSchemasAndReadersAgreeOnRandomDocuments: documents that are made of the schema, and the same with a mistake.
func TestSchemasAndReadersAgreeOnRandomDocuments(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n /= 5
	}
	for _, l := range languages(t) {
		t.Run(l.name, func(t *testing.T) {
			taken, spoiled := 0, 0
			for seed := range uint64(n) {
				m := &maker{Rand: rand.New(rand.NewPCG(*base+seed, 7)), defs: l.tree["$defs"].(map[string]any)}
				v := m.object(l.tree).(map[string]any)
				if l.name == "config" {
					v["rules"] = map[string]any{"packs": []any{}} // compiling them takes longer than all the rest
				}
				if l.compare(t, fmt.Sprintf("seed %d", *base+seed), jsonOf(t, v)) {
					taken++
				}
				for range 5 {
					bad, ok := m.spoiled(l.tree, v)
					if !ok || l.schema.Validate(normal(t, bad)) == nil {
						continue // what is wrong here is right there: a word where a number may be as well
					}
					spoiled++
					if l.compare(t, fmt.Sprintf("seed %d with a mistake", *base+seed), jsonOf(t, bad)) {
						t.Errorf("seed %d: the reader takes %s", *base+seed, jsonOf(t, bad))
					}
				}
			}
			t.Logf("%d of %d taken; %d with a mistake", taken, n, spoiled)
			if spoiled < n {
				t.Errorf("got %d documents with a mistake, want %d at least", spoiled, n)
			}
		})
	}
}

// jsonOf is a document as YAML, which JSON is.
func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// normal is a value as a validator wants it.
func normal(t *testing.T, v any) any {
	t.Helper()
	value, err := instance(jsonOf(t, v))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
