package correlate

import (
	"slices"
	"time"

	"quell/correlate/topology"
)

// Neighbourhood is what the topology knows next to one entity.
type Neighbourhood struct {
	Entity topology.Entity `json:"entity"`
	// Declared says which sources declare the entity itself; it is there without them as long as something is told about it.
	Declared []ToldBy `json:"declared"`
	// DependsOn are the dependencies of the entity, with what it owns; Dependents are those on it, with what owns it. Both are sorted by
	// entity, type and source.
	DependsOn  []Neighbour `json:"depends_on"`
	Dependents []Neighbour `json:"dependents"`
	// DependsOnTotal and DependentsTotal count the entities there are, those left out by a limit included.
	DependsOnTotal  int `json:"depends_on_total"`
	DependentsTotal int `json:"dependents_total"`
}

// Neighbour is an entity at the other end of a dependency, once for each type and source.
type Neighbour struct {
	Entity topology.Entity `json:"entity"`
	Type   string          `json:"type"`
	ToldBy
}

// ToldBy says which source tells of something, since when, and when that ends unless it is told again. A time that is not there is not
// known, or never.
type ToldBy struct {
	Source string     `json:"source"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// Neighbourhood returns what is next to an entity, with at most limit entities on each side (0: all); ok is false if the topology does
// not know it. The engine does not change.
func (e *Engine) Neighbourhood(entity topology.Entity, limit int) (hood *Neighbourhood, ok bool) {
	n, ok := e.graph.Find(entity)
	if !ok {
		return nil, false
	}
	hood = &Neighbourhood{Entity: entity, Declared: []ToldBy{}, DependsOn: []Neighbour{}, Dependents: []Neighbour{}}
	for _, c := range e.graph.Claims(n) {
		hood.Declared = append(hood.Declared, e.toldBy(c))
	}
	var below, above []topology.Node
	for _, a := range slices.Concat(e.graph.Dependencies(n), e.graph.Parts(n)) {
		below = append(below, a.Node)
	}
	for from := range e.graph.Dependers(n) {
		above = append(above, from)
	}
	for _, a := range e.graph.Owners(n) {
		above = append(above, a.Node)
	}
	below, hood.DependsOnTotal = e.firstOf(below, limit)
	for _, to := range below {
		for _, edge := range e.graph.Between(n, to) {
			hood.DependsOn = append(hood.DependsOn, Neighbour{edge.To, edge.Type, e.toldBy(edge.Claim)})
		}
	}
	above, hood.DependentsTotal = e.firstOf(above, limit)
	for _, from := range above {
		for _, edge := range e.graph.Between(from, n) {
			hood.Dependents = append(hood.Dependents, Neighbour{e.graph.Entity(from), edge.Type, e.toldBy(edge.Claim)})
		}
	}
	return hood, true
}

// firstOf sorts nodes by entity, each once, and returns the first of them and how many there are.
func (e *Engine) firstOf(list []topology.Node, limit int) ([]topology.Node, int) {
	slices.SortFunc(list, func(a, b topology.Node) int {
		switch x, y := e.graph.Entity(a), e.graph.Entity(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	list = slices.Compact(list)
	total := len(list)
	if limit > 0 {
		list = list[:min(limit, total)]
	}
	return list, total
}

// toldBy shows a claim. What has no end of its own may end with its source.
func (e *Engine) toldBy(c topology.Claim) ToldBy {
	t := ToldBy{Source: c.Source}
	if c.Since != 0 {
		since := c.Since.Time()
		t.Since = &since
	}
	end := c.Until
	if end == 0 {
		end = e.graph.Fades(c.Source)
	}
	if end != 0 {
		until := end.Time()
		t.Until = &until
	}
	return t
}
