package correlate

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// Updates of a topology may be large and name each entity many times, so a record has a table of names, and edges are numbers of
// names in it.

// nameTable numbers texts in the order in which they come.
type nameTable struct {
	numbers map[string]uint64
	names   []byte
}

func (t *nameTable) number(s string) uint64 {
	n, ok := t.numbers[s]
	if !ok {
		n = uint64(len(t.numbers))
		t.numbers[s] = n
		t.names = appendString(t.names, s)
	}
	return n
}

func appendTopology(b []byte, in *Topology) []byte {
	t := &nameTable{numbers: make(map[string]uint64, len(in.Entities))}
	var body []byte
	body = binary.AppendUvarint(body, uint64(len(in.Entities)))
	for i := range in.Entities {
		e := &in.Entities[i]
		body = binary.AppendUvarint(body, t.number(string(e.ID)))
		body = binary.AppendUvarint(body, uint64(len(e.Labels)))
		for _, name := range slices.Sorted(maps.Keys(e.Labels)) {
			body = binary.AppendUvarint(body, t.number(name))
			body = binary.AppendUvarint(body, t.number(e.Labels[name]))
		}
	}
	body = t.appendEdges(body, in.Edges)
	body = binary.AppendUvarint(body, uint64(len(in.RemoveEntities)))
	for _, e := range in.RemoveEntities {
		body = binary.AppendUvarint(body, t.number(string(e)))
	}
	body = t.appendEdges(body, in.RemoveEdges)

	b = appendString(b, in.Source)
	b = appendBool(b, in.Replace)
	b = binary.AppendVarint(b, int64(in.TTL))
	b = binary.AppendUvarint(b, uint64(len(t.numbers)))
	b = append(b, t.names...)
	return append(b, body...)
}

func (t *nameTable) appendEdges(b []byte, edges []topology.Edge) []byte {
	b = binary.AppendUvarint(b, uint64(len(edges)))
	for i := range edges {
		b = binary.AppendUvarint(b, t.number(string(edges[i].From)))
		b = binary.AppendUvarint(b, t.number(string(edges[i].To)))
		b = binary.AppendUvarint(b, t.number(edges[i].Type))
	}
	return b
}

func (r *wireReader) topology() *Topology {
	in := &Topology{Source: r.string()}
	in.Replace, in.TTL = r.bool(), model.Duration(r.varint())
	names := make([]string, r.count())
	for i := range names {
		names[i] = r.string()
	}
	in.Entities = some[topology.Labeled](r.count())
	for i := range in.Entities {
		in.Entities[i].ID = topology.Entity(r.name(names))
		for range r.count() {
			if in.Entities[i].Labels == nil {
				in.Entities[i].Labels = make(map[string]string)
			}
			name := r.name(names)
			in.Entities[i].Labels[name] = r.name(names)
		}
	}
	in.Edges = r.edges(names)
	in.RemoveEntities = some[topology.Entity](r.count())
	for i := range in.RemoveEntities {
		in.RemoveEntities[i] = topology.Entity(r.name(names))
	}
	in.RemoveEdges = r.edges(names)
	return in
}

func (r *wireReader) edges(names []string) []topology.Edge {
	edges := some[topology.Edge](r.count())
	for i := range edges {
		edges[i] = topology.Edge{From: topology.Entity(r.name(names)), To: topology.Entity(r.name(names)), Type: r.name(names)}
	}
	return edges
}

// name reads the number of a name.
func (r *wireReader) name(names []string) string {
	n := r.uvarint()
	if n >= uint64(len(names)) {
		r.fail()
		return ""
	}
	return names[n]
}

// some makes a list of n, and nil of none.
func some[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}
