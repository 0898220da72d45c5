package rules

import (
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// edgeType reads what a type of dependency means. What it does not say stays as it is built in.
func (r *reader) edgeType(n strictyaml.Node) {
	var name string
	var weight *float64
	var owns *bool
	var needs *int
	h := r.head("edge_types", n)
	r.note(h, n, strictyaml.Fields{
		"name": func(n strictyaml.Node) {
			r.name("edge_types", &name)(n)
			edgeType(&name)(n)
		},
		"weight": func(n strictyaml.Node) {
			weight = new(float64)
			strictyaml.Ratio(weight)(n)
		},
		"owns": func(n strictyaml.Node) {
			owns = new(bool)
			strictyaml.Bool(owns)(n)
		},
		"redundancy": func(n strictyaml.Node) {
			needs = new(int)
			words := map[string]int{"all": int(topology.NeedsAll), "any": int(topology.NeedsAny)}
			strictyaml.IntOrWord(needs, 1, topology.MaxNeeds, words)(n)
		},
	}, "name")
	if weight == nil && owns == nil && needs == nil {
		n.Problem("edge type that says nothing", "give weight, owns or redundancy")
	}
	h.id.Name = name
	t := topology.TraitsOf(name)
	if weight != nil {
		t.Weight = *weight
	}
	if owns != nil {
		t.Owns = *owns
	}
	if needs != nil {
		t.Needs = topology.Needs(*needs)
	}
	r.set.typesRead = append(r.set.typesRead, edgeRule{h, t})
}

// edgeRule is one rule under "edge_types"; its name is that of the type.
type edgeRule struct {
	head   *head
	traits topology.Traits
}

// settleTypes leaves out what rules say that are out of force. Of several rules for the same type the first counts.
func (s *Set) settleTypes() {
	for _, r := range s.typesRead {
		if _, earlier := s.edgeTypes[r.head.id.Name]; !earlier && !r.head.out {
			s.edgeTypes[r.head.id.Name] = r
		}
	}
	s.typesRead = nil
}

// EdgeType returns what the first rule of this name under "edge_types" says about a type of dependency.
func (s *Set) EdgeType(name string) (t topology.Traits, ok bool) {
	r, ok := s.edgeTypes[name]
	if ok {
		r.head.used()
	}
	return r.traits, ok
}
