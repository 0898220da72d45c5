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
	n.Map(strictyaml.Fields{
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
	if _, earlier := r.set.edgeTypes[name]; earlier {
		return
	}
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
	r.set.edgeTypes[name] = t
}

// EdgeType returns what the first rule of this name under "edge_types" says about a type of dependency.
func (s *Set) EdgeType(name string) (t topology.Traits, ok bool) {
	t, ok = s.edgeTypes[name]
	return t, ok
}
