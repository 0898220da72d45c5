package topology

import (
	"errors"
	"fmt"
)

// Labeled is an entity with labels that describe it.
type Labeled struct {
	ID     Entity            `json:"id"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Edge is a dependency: From depends on To, so a failure of To can show on From.
type Edge struct {
	From Entity `json:"from"`
	To   Entity `json:"to"`
	// Type says how: runs_on, owns, selects, calls, mounts, routes, … Empty means depends_on.
	Type string `json:"type,omitempty"`
}

// Update is a change of the graph, in the format of topology files: first removals, then additions.
type Update struct {
	Entities       []Labeled `json:"entities,omitempty"`
	Edges          []Edge    `json:"edges,omitempty"`
	RemoveEntities []Entity  `json:"remove_entities,omitempty"`
	RemoveEdges    []Edge    `json:"remove_edges,omitempty"`
}

// MaxTypeBytes bounds the name of an edge type.
const MaxTypeBytes = 64

// Validate names every bad entry, at most ten.
func (u *Update) Validate() error {
	var errs []error
	add := func(list string, i int, err error) {
		if err != nil && len(errs) < 10 {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", list, i, err))
		}
	}
	for i, e := range u.Entities {
		_, err := ParseEntity(string(e.ID))
		add("entities", i, err)
	}
	for i, e := range u.Edges {
		add("edges", i, e.validate())
	}
	for i, e := range u.RemoveEntities {
		_, err := ParseEntity(string(e))
		add("remove_entities", i, err)
	}
	for i, e := range u.RemoveEdges {
		add("remove_edges", i, e.validate())
	}
	return errors.Join(errs...)
}

func (e Edge) validate() error {
	_, err1 := ParseEntity(string(e.From))
	_, err2 := ParseEntity(string(e.To))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if len(e.Type) > MaxTypeBytes {
		return fmt.Errorf("edge type of %d bytes is longer than %d", len(e.Type), MaxTypeBytes)
	}
	return nil
}
