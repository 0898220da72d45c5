package topology

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
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
	Entities []Labeled `json:"entities,omitempty"`
	Edges    []Edge    `json:"edges,omitempty"`
	// RemoveEntities are gone: their edges go with them, whoever told of these, unless another source declares the entity too.
	RemoveEntities []Entity `json:"remove_entities,omitempty"`
	// RemoveEdges takes back what this source said; the edge goes with the last source that tells of it.
	RemoveEdges []Edge `json:"remove_edges,omitempty"`
	// Replace is true if the update is all that its source knows: what it told before and does not tell now, it takes back.
	Replace bool `json:"replace,omitempty"`
	// TTL is how long what the update tells holds unless the source tells it again; zero is for ever. Deadlines are rounded up by
	// at most an eighth, so that a source which repeats itself all the time does not change the graph all the time.
	TTL model.Duration `json:"ttl,omitempty"`
}

const (
	// MaxTypeBytes bounds the name of an edge type.
	MaxTypeBytes = 64
	// MaxTTL bounds [Update.TTL].
	MaxTTL = 366 * 24 * time.Hour
)

// Validate names every bad entry, at most ten.
func (u *Update) Validate() error {
	var errs []error
	add := func(list string, i int, err error) {
		if err != nil && len(errs) < 10 {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", list, i, err))
		}
	}
	if ttl := time.Duration(u.TTL); ttl != 0 && (ttl < time.Second || ttl > MaxTTL) {
		errs = append(errs, fmt.Errorf("ttl: %v is not between %v and %v", ttl, time.Second, MaxTTL))
	}
	for i := range u.Entities {
		_, err := ParseEntity(string(u.Entities[i].ID))
		add("entities", i, err)
	}
	for i := range u.Edges {
		add("edges", i, u.Edges[i].validate())
	}
	for i, e := range u.RemoveEntities {
		_, err := ParseEntity(string(e))
		add("remove_entities", i, err)
	}
	for i := range u.RemoveEdges {
		add("remove_edges", i, u.RemoveEdges[i].validate())
	}
	return errors.Join(errs...)
}

func (e *Edge) validate() error {
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
