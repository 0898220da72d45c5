package correlate

import (
	"cmp"
	"encoding/json"
	"slices"

	"quell/correlate/topology"
)

// memoryMax bounds the entities that a memory knows: where more than that happens at once, it is no news.
const memoryMax = 50_000

// remembered is what a memory keeps of one entity.
type remembered interface {
	// heardAt is when quell heard of it last, in Unix nanoseconds.
	heardAt() int64
}

// memory keeps the last word about entities for a while, as rows of the state.
type memory[V remembered] struct {
	of map[topology.Entity]V
	// order holds them in the order in which they were heard of. An entity that is heard of again stands there once more, later.
	order []hearing
	dirty map[topology.Entity]struct{}
}

// hearing is when an entity was heard of.
type hearing struct {
	at     int64
	entity topology.Entity
}

func newMemory[V remembered]() memory[V] {
	return memory[V]{of: make(map[topology.Entity]V), dirty: make(map[topology.Entity]struct{})}
}

// keep remembers v in the place of what was known of an entity; ok is false if there is no room for it.
func (m *memory[V]) keep(entity topology.Entity, v V) (ok bool) {
	if _, known := m.of[entity]; !known && len(m.of) >= memoryMax || len(entity) > topology.MaxEntityBytes {
		return false
	}
	m.of[entity] = v
	m.order = append(m.order, hearing{v.heardAt(), entity})
	m.dirty[entity] = struct{}{}
	return true
}

// forget drops what was heard before a time.
func (m *memory[V]) forget(before int64) {
	k := 0
	for ; k < len(m.order) && m.order[k].at <= before; k++ {
		entity := m.order[k].entity
		if v, known := m.of[entity]; known && v.heardAt() <= before {
			delete(m.of, entity)
			m.dirty[entity] = struct{}{}
		}
	}
	m.order = m.order[k:]
}

// load takes over a row.
func (m *memory[V]) load(entity string, row []byte) error {
	var v V
	err := json.Unmarshal(row, &v)
	m.of[topology.Entity(entity)] = v
	return err
}

// loaded rebuilds the order when all rows are there.
func (m *memory[V]) loaded() {
	for entity, v := range m.of {
		m.order = append(m.order, hearing{v.heardAt(), entity})
	}
	slices.SortFunc(m.order, func(a, b hearing) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.entity, b.entity))
	})
}

// changed calls put with the rows of the kind that changed since the last call; key is memory for their keys.
func (m *memory[V]) changed(kind byte, key []byte, put func(key, value []byte)) {
	for _, entity := range inOrder(m.dirty) {
		key = append(append(key[:0], kind), entity...)
		if v, ok := m.of[entity]; ok {
			put(key, mustJSON(v))
		} else {
			put(key, nil)
		}
	}
	clear(m.dirty)
}

// touch marks all rows as changed.
func (m *memory[V]) touch() {
	for entity := range m.of {
		m.dirty[entity] = struct{}{}
	}
}
