package picture

import (
	"cmp"
	"slices"
)

// cell is what one box of a drawing stands for: an entity, or many alike that hang from the same.
type cell struct {
	nodes []*node
	// via is the type of the dependency that all of them hang by; empty if none is known.
	via      string
	children []*cell
	depth    int
	// rest is true for what there was no room for, of whatever kind.
	rest bool
}

// few is how many entities of a kind are told apart below one other where there is little room.
const few = 3

// cells sums a tree up until it has at most o.Lines cells or so: entities of a kind that hang from one other become one cell where they are
// more than o.Siblings, then where they are more than a few, then always; and what is below a cell of many hangs from it in the same way.
// What is too much even so, or farther from the root than o.levels, becomes the rest of the cell above it.
func (t *tree) cells(o Options) *cell {
	var root *cell
	for _, most := range []int{o.Siblings + 1, few, 1} { // a cell of two could show both
		root = &cell{nodes: []*node{t.root}}
		if root.grow(most, o); root.size() <= o.Lines {
			return root
		}
	}
	root.prune(o.Lines)
	return root
}

// grow makes the cells below c.
func (c *cell) grow(most int, o Options) {
	if c.depth+1 >= o.levels {
		c.foldAll()
		return
	}
	type alike struct{ kind, via string }
	groups := make(map[alike]*cell)
	for _, n := range c.nodes {
		for _, child := range n.children {
			key := alike{child.entity.Kind(), child.via}
			if groups[key] == nil {
				groups[key] = &cell{via: child.via, depth: c.depth + 1}
				c.children = append(c.children, groups[key])
			}
			groups[key].nodes = append(groups[key].nodes, child)
		}
	}
	if len(c.nodes) == 1 {
		c.children = apart(c.children, most)
	}
	slices.SortStableFunc(c.children, func(a, b *cell) int {
		return cmp.Or(cmp.Compare(b.entities(), a.entities()), cmp.Compare(a.nodes[0].entity.Kind(), b.nodes[0].entity.Kind()), cmp.Compare(a.nodes[0].entity, b.nodes[0].entity))
	})
	for _, child := range c.children {
		child.grow(most, o)
	}
}

// apart gives each entity of a cell that has at most so many its own.
func apart(cells []*cell, most int) (list []*cell) {
	for _, c := range cells {
		if len(c.nodes) > most {
			list = append(list, c)
			continue
		}
		for _, n := range c.nodes {
			list = append(list, &cell{nodes: []*node{n}, via: c.via, depth: c.depth})
		}
	}
	return list
}

// prune keeps so many cells, level by level, so that a large branch does not hide its neighbours; the rest below each becomes one.
func (c *cell) prune(most int) {
	left := most - 1
	for level := []*cell{c}; len(level) > 0; {
		var next []*cell
		for _, c := range level {
			if len(c.children) > left {
				rest := &cell{depth: c.depth + 1, rest: true}
				for _, child := range c.children[left:] {
					for _, n := range child.nodes {
						rest.take(n)
					}
				}
				c.children = append(c.children[:left:left], rest)
			}
			for _, child := range c.children {
				if !child.rest {
					left--
					next = append(next, child)
				}
			}
		}
		level = next
	}
}

// foldAll makes one rest of all that is below c.
func (c *cell) foldAll() {
	rest := &cell{depth: c.depth + 1, rest: true}
	for _, n := range c.nodes {
		for _, child := range n.children {
			rest.take(child)
		}
	}
	if len(rest.nodes) > 0 {
		c.children = []*cell{rest}
	}
}

// take adds a node and all below it.
func (c *cell) take(n *node) {
	c.nodes = append(c.nodes, n)
	for _, child := range n.children {
		c.take(child)
	}
}

// size counts cells.
func (c *cell) size() int {
	n := 1
	for _, child := range c.children {
		n += child.size()
	}
	return n
}

// entities counts what the cell and all below it stand for.
func (c *cell) entities() int {
	n := 0
	for _, one := range c.nodes {
		n += one.size
	}
	return n
}

// kinds counts the entities of the cell itself.
func (c *cell) kinds() map[string]int {
	kinds := make(map[string]int)
	for _, n := range c.nodes {
		kinds[n.entity.Kind()]++
	}
	return kinds
}

// cluster is the one that all entities are in; empty if there is none, or more than one.
func (t *tree) cluster() string {
	cluster := t.root.entity.Cluster()
	for e := range t.nodes {
		if e.Cluster() != cluster {
			return ""
		}
	}
	return cluster
}
