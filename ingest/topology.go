package ingest

import (
	"fmt"
	"strings"

	"quell/correlate/topology"
)

// DecodeTopology reads an update of the topology, in the format of topology files. People write these, so an unknown
// key is an error, and so is every other deviation.
//
// The error is a [*BodyError] where the text is malformed, else what [topology.Update.Validate] says.
// DecodeTopology does not keep body.
func DecodeTopology(body []byte, lim Limits) (*topology.Update, error) {
	r := topologyReader{scanner: scanner{data: body}, room: lim.withDefaults().TopologyItems}
	var u topology.Update
	if err := r.update(&u); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := u.Validate(); err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	return &u, nil
}

type topologyReader struct {
	scanner
	// room is how many entities and edges may still come.
	room int
	// edgeType is that of the last edge: there are few, and neighbours mostly share it.
	edgeType string
}

// object reads an object; visit reads the value of a key that it knows, and reports false for others.
func (r *topologyReader) object(known []string, visit func(key string) (bool, error)) error {
	m, err := r.openObject()
	for err == nil {
		key, more, e := r.next(&m)
		if e != nil || !more {
			return e
		}
		var ok bool
		at := r.pos
		if ok, err = visit(string(key)); !ok && err == nil {
			err = r.fail(at, "unknown key %s (want %s)", quote(key), strings.Join(known, ", "))
		}
	}
	return err
}

func (r *topologyReader) update(u *topology.Update) error {
	known := []string{"entities", "edges", "remove_entities", "remove_edges"}
	return r.object(known, func(key string) (bool, error) {
		switch key {
		case "entities":
			return true, r.array(func() error {
				u.Entities = append(u.Entities, topology.Labeled{})
				return r.entity(&u.Entities[len(u.Entities)-1])
			})
		case "edges":
			return true, r.edges(&u.Edges)
		case "remove_entities":
			return true, r.array(func() error {
				s, err := r.string()
				u.RemoveEntities = append(u.RemoveEntities, topology.Entity(s))
				return err
			})
		case "remove_edges":
			return true, r.edges(&u.RemoveEdges)
		}
		return false, nil
	})
}

// array reads an array; null is an empty one, as encoding/json writes it.
func (r *topologyReader) array(visit func() error) error {
	if isNull, err := r.null(); isNull || err != nil {
		return err
	}
	err := r.openArray()
	for n := 0; err == nil; n++ {
		more, e := r.nextElement(n)
		if e != nil || !more {
			return e
		}
		if r.room--; r.room < 0 {
			return r.fail(r.pos, "more entities and edges than one update may have")
		}
		err = visit()
	}
	return err
}

func (r *topologyReader) entity(e *topology.Labeled) error {
	return r.object([]string{"id", "labels"}, func(key string) (ok bool, err error) {
		switch key {
		case "id":
			var s string
			s, err = r.string()
			e.ID = topology.Entity(s)
			return true, err
		case "labels":
			return true, r.labels(e)
		}
		return false, nil
	})
}

func (r *topologyReader) labels(e *topology.Labeled) error {
	if isNull, err := r.null(); isNull || err != nil {
		return err
	}
	m, err := r.openObject()
	for err == nil {
		key, more, e2 := r.next(&m)
		if e2 != nil || !more {
			return e2
		}
		if e.Labels == nil {
			e.Labels = make(map[string]string)
		}
		name := string(key)
		e.Labels[name], err = r.string()
	}
	return err
}

func (r *topologyReader) edges(list *[]topology.Edge) error {
	return r.array(func() error {
		var e topology.Edge
		err := r.object([]string{"from", "to", "type"}, func(key string) (ok bool, err error) {
			var s string
			switch key {
			case "from":
				s, err = r.string()
				e.From = topology.Entity(s)
			case "to":
				s, err = r.string()
				e.To = topology.Entity(s)
			case "type":
				e.Type, err = r.typeName()
			default:
				return false, nil
			}
			return true, err
		})
		*list = append(*list, e)
		return err
	})
}

func (r *topologyReader) typeName() (string, error) {
	b, err := r.bytes()
	if err == nil && string(b) != r.edgeType {
		r.edgeType = string(b)
	}
	return r.edgeType, err
}

func (r *topologyReader) string() (string, error) {
	b, err := r.bytes()
	return string(b), err
}

// bytes reads a string, which is good until the next one is read.
func (r *topologyReader) bytes() ([]byte, error) {
	t, err := r.text("a string")
	if err != nil {
		return nil, err
	}
	r.scratch = r.scratch[:0]
	b, fault := t.decode(&r.scratch)
	if fault != "" {
		return nil, r.fail(t.at, "string has %s", fault)
	}
	return b, nil
}
