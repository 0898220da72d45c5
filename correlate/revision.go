package correlate

import (
	"cmp"
	"slices"

	"quell/correlate/topology"
)

// lift lets the owners of revisions stand for them: a replica set is one state of its deployment, under a name that nobody knows. Of
// the two the better one counts.
func (d *diagnosis) lift() {
	kept := d.ranked[:0]
	for _, c := range d.ranked {
		owner, ok := d.engine.revises(c.node)
		if !ok {
			kept = append(kept, c)
			continue
		}
		delete(d.candidates, c.node)
		c.revision, c.node = c.node, owner
		if other := d.candidates[owner]; other == nil {
			d.candidates[owner] = c
			kept = append(kept, c)
		} else if other.plain < c.plain {
			*other, *c = *c, *other // the list has the other one, at a place that is not its own any more
		}
	}
	d.ranked = kept
	slices.SortStableFunc(d.ranked, func(a, b *candidate) int { return cmp.Compare(b.plain, a.plain) })
}

// revises returns the owner of an entity that is one of the owner's revisions.
func (e *Engine) revises(n topology.Node) (owner topology.Node, ok bool) {
	if !topology.Revision(e.graph.Entity(n).Kind()) {
		return 0, false
	}
	for _, a := range e.graph.Owners(n) {
		if e.graph.TypeName(a.Type) == "owns" {
			return a.Node, true
		}
	}
	return 0, false
}

// silent reports whether the entity shows nothing itself.
func (c *candidate) silent() bool { return c.own == nil || c.revision != noNode }

// speaker is the entity that shows what c shows: c, or the revision that it stands for.
func (c *candidate) speaker() topology.Node {
	if c.revision != noNode {
		return c.revision
	}
	return c.node
}

// revised is the last step of a chain: from the revision that c stands for to c, which is lost by nothing.
func (d *diagnosis) revised(c *candidate) []chainLink {
	if c.revision == noNode {
		return nil
	}
	for _, a := range d.engine.graph.Owners(c.revision) {
		if a.Node == c.node {
			return []chainLink{{node: c.node, weight: 1, typ: a.Type, tie: tie{c.node, c.revision}}}
		}
	}
	return nil
}
