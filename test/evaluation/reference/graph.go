package main

import (
	"maps"
	"slices"

	"quell/test/evaluation/dataset"
)

// graph is who depends on whom.
type graph struct {
	entities map[string]bool
	down, up links
}

// links are the edges of one direction, and what can be reached over them, itself included.
type links struct {
	next map[string][]string
	memo map[string]map[string]bool
}

func newGraph() *graph {
	return &graph{entities: make(map[string]bool), down: links{next: make(map[string][]string)}, up: links{next: make(map[string][]string)}}
}

func (g *graph) add(t *dataset.Topology) {
	for _, e := range t.Entities {
		g.entities[e.ID] = true
	}
	for _, e := range t.Edges {
		g.entities[e.From], g.entities[e.To] = true, true
		g.down.next[e.From] = append(g.down.next[e.From], e.To)
		g.up.next[e.To] = append(g.up.next[e.To], e.From)
	}
	g.down.memo, g.up.memo = nil, nil
}

// dependencies returns all that e depends on, directly or not, and e.
func (g *graph) dependencies(e string) map[string]bool { return g.down.reach(e) }

// dependents returns all that depends on e, directly or not, and e.
func (g *graph) dependents(e string) map[string]bool { return g.up.reach(e) }

// connected reports whether one depends on the other.
func (g *graph) connected(a, b string) bool { return g.dependencies(a)[b] || g.dependencies(b)[a] }

// candidates lists all entities of the topology and the members, in order.
func (g *graph) candidates(members map[string]int) []string {
	all := maps.Clone(g.entities)
	for m := range members {
		all[m] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (l *links) reach(e string) map[string]bool {
	if seen, ok := l.memo[e]; ok {
		return seen
	}
	if l.memo == nil {
		l.memo = make(map[string]map[string]bool)
	}
	seen, todo := map[string]bool{e: true}, []string{e}
	for len(todo) > 0 {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, n := range l.next[last] {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	l.memo[e] = seen
	return seen
}
