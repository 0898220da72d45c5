package rules

import (
	"slices"
	"strings"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// criticality holds what rules say must not wait.
type criticality struct {
	entities []criticalEntity
	named    bool  // whether any of entities is in force
	byID     Index // of entities, by the id without and with its cluster
	symptoms table[correlate.CriticalRule]
}

// criticalEntity is a pattern of entities' ids, and which rule names it.
type criticalEntity struct {
	pattern string
	head    *head
	rule    correlate.CriticalRule
}

// settle notes what is left when rules are out of force.
func (c *criticality) settle() {
	c.named = slices.ContainsFunc(c.entities, func(e criticalEntity) bool { return !e.head.out })
}

// add adds a pattern. It begins with a kind, so that it can be found by what is before its first *.
func (c *criticality) add(e criticalEntity) {
	c.entities = append(c.entities, e)
	label := "id"
	if strings.Contains(e.pattern, "@") {
		label = "id@cluster"
	}
	if before, _, pattern := strings.Cut(e.pattern, "*"); pattern {
		c.byID.add([]need{{label: label, prefixes: prefixesOf([]string{before})}})
	} else {
		c.byID.add([]need{{label: label, values: []string{e.pattern}}})
	}
}

// matches reports whether an entity is meant. A pattern without a cluster means all clusters.
func (c *criticalEntity) matches(e topology.Entity) bool {
	return !c.head.out && correlate.EntityMatches(c.pattern, e)
}

// Critical returns the first rule under "critical" that names the entity, else the first one that names a symptom with these labels.
func (s *Set) Critical(e topology.Entity, l correlate.Labels) (rule correlate.CriticalRule, ok bool) {
	var found candidates
	id, _, _ := strings.Cut(string(e), "@")
	s.critical.byID.narrow(&found, "id", id)
	s.critical.byID.narrow(&found, "id@cluster", string(e))
	for i, ok := found.next(); ok; i, ok = found.next() {
		if c := &s.critical.entities[i]; c.matches(e) {
			c.head.used()
			return c.rule, true
		}
	}
	if l != "" {
		for _, rule := range s.critical.symptoms.matching(l) {
			return rule, true
		}
	}
	return correlate.CriticalRule{}, false
}

// HasCritical reports whether any rule names critical entities.
func (s *Set) HasCritical() bool { return s.critical.named }

func (r *reader) critical(n strictyaml.Node) {
	h := r.head("critical", n)
	r.set.heads = append(r.set.heads, h)
	var why string
	var patterns []string
	n.Map(h.fields(r, strictyaml.Fields{
		"entities": list(criticalPattern(&patterns)),
		"why":      strictyaml.String(&why),
	}), "name")
	symptoms := len(h.matchers) > 0 || h.when != nil
	if (len(patterns) == 0) == !symptoms {
		n.Problem("critical rule that names neither, or both", "give either entities or matchers")
	}
	rule := correlate.CriticalRule{Why: h.reason(why), Rule: &h.id}
	for _, p := range patterns {
		r.set.critical.add(criticalEntity{p, h, rule})
	}
	if symptoms {
		r.set.critical.symptoms.add(h, rule)
	}
}

// criticalPattern adds the id of an entity, in which "*" stands for any part of a name.
func criticalPattern(to *[]string) strictyaml.Setter {
	return strictyaml.Def("entity_pattern", func(n strictyaml.Node) {
		var p topology.Entity
		entityID(&p)(n)
		n.Note(func(s *strictyaml.Schema) {
			s.Description = "The id of an entity, in which * stands for any part of a name, such as deployment/pay/*."
		})
		if p == "" {
			return // reported already
		}
		switch {
		case strings.ContainsAny(string(p), `?[]\`):
			n.Problem("entity "+strictyaml.Quote(string(p))+" has a character that patterns reserve", "only * has a meaning")
		case strings.Contains(p.Kind(), "*"):
			n.Problem("entity "+strictyaml.Quote(string(p))+" names no kind", "write the kind out: service/shop/*")
		default:
			*to = append(*to, string(p))
		}
	})
}
