package ingest

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// DecodeTopology reads an update of the topology, in the format of topology files. People write these, so an unknown
// key is an error, and so is every other deviation.
//
// The error is a [*BodyError] where the text is malformed, else what [topology.Update.Validate] says.
// DecodeTopology does not keep body.
func DecodeTopology(body []byte, lim Limits) (*topology.Update, error) {
	r := topologyReader{scanner: scanner{data: body}, room: lim.withDefaults().TopologyItems, names: make(map[string]topology.Entity)}
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
	// names are the entities seen: most are named by several edges, which share one copy.
	names map[string]topology.Entity
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
	known := []string{"entities", "edges", "remove_entities", "remove_edges", "replace", "ttl"}
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
				e, err := r.id()
				u.RemoveEntities = append(u.RemoveEntities, e)
				return err
			})
		case "remove_edges":
			return true, r.edges(&u.RemoveEdges)
		case "replace":
			return true, r.bool(&u.Replace)
		case "ttl":
			return true, r.ttl(u)
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
			e.ID, err = r.id()
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
			switch key {
			case "from":
				e.From, err = r.id()
			case "to":
				e.To, err = r.id()
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

func (r *topologyReader) ttl(u *topology.Update) error {
	s, err := r.string()
	if err != nil {
		return err
	}
	if u.TTL, err = model.ParseDuration(s); err != nil {
		return r.fail(r.pos, "ttl %s is no duration (want a text such as 90s or 15m)", quote([]byte(s)))
	}
	return nil
}

func (r *topologyReader) bool(to *bool) error {
	switch r.peek() {
	case 't':
		*to = true
		return r.literal("true")
	case 'f':
		*to = false
		return r.literal("false")
	}
	return r.unexpected("true or false")
}

// id reads the name of an entity.
func (r *topologyReader) id() (topology.Entity, error) {
	b, err := r.bytes()
	if err != nil {
		return "", err
	}
	e, ok := r.names[string(b)]
	if !ok {
		e = topology.Entity(b)
		r.names[string(e)] = e
	}
	return e, nil
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
