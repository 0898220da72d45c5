package rules

import (
	"fmt"
	"strings"

	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// causality holds what rules say about what follows from what.
type causality struct {
	near map[causePair]causeRule
	// edges are dependencies, and declared the rules that say so, one for each.
	edges    []topology.Edge
	declared []*head
	// read are rules of "causes" in the order of their precedence.
	read []causeRule
}

// causeRule is one rule under "causes" on near entities.
type causeRule struct {
	head   *head
	pair   causePair
	weight float64
}

// settle leaves out what rules say that are out of force. Of several rules for the same names the first counts.
func (c *causality) settle() {
	for _, r := range c.read {
		if _, earlier := c.near[r.pair]; r.head.out || earlier {
			continue
		}
		if c.near == nil {
			c.near = make(map[causePair]causeRule)
		}
		c.near[r.pair] = r
	}
	var edges []topology.Edge
	var declared []*head
	for k, h := range c.declared {
		if !h.out {
			edges, declared = append(edges, c.edges[k]), append(declared, h)
		}
	}
	c.read, c.edges, c.declared = nil, edges, declared
}

// causePair is two names of symptoms.
type causePair struct{ cause, effect string }

// touch notes that something is about an entity: dependencies of it may decide.
func (c *causality) touch(e topology.Entity) {
	for k := range c.edges {
		if c.edges[k].From == e || c.edges[k].To == e {
			c.declared[k].used()
		}
	}
}

// HasCauses reports whether any rule tells of a cause on a near entity.
func (s *Set) HasCauses() bool { return len(s.causes.near) > 0 }

// Cause says whether the first rule under "causes" for these names on near entities gives them a weight. Rules for one and the
// same entity do not count: all symptoms of an entity belong together anyway.
func (s *Set) Cause(cause, effect string) (weight float64, ok bool) {
	r, ok := s.causes.near[causePair{cause, effect}]
	if ok {
		r.head.used()
	}
	return r.weight, ok
}

// Dependencies returns what the rules say under "dependencies", in their order.
func (s *Set) Dependencies() []topology.Edge { return s.causes.edges }

func (r *reader) cause(n strictyaml.Node) {
	var pair causePair
	var on, note string
	var weight float64
	h := r.head("causes", n)
	r.note(h, n, strictyaml.Fields{
		"cause":  strictyaml.Name(&pair.cause),
		"effect": strictyaml.Name(&pair.effect),
		"on":     strictyaml.Word(&on, "same", "near"),
		"weight": strictyaml.Float(&weight, 0, 1),
		"note":   strictyaml.String(&note),
	}, "cause", "effect", "on", "weight")
	if pair.cause != "" && pair.cause == pair.effect {
		n.Problem("cause and effect are the same", "")
	}
	h.about = []string{pair.cause, pair.effect}
	r.once(n, "cause", pair.cause, pair.effect, on)
	if on == "near" {
		r.set.causes.read = append(r.set.causes.read, causeRule{h, pair, weight})
	}
}

func (r *reader) declared(n strictyaml.Node) {
	var edge topology.Edge
	var note string
	h := r.head("dependencies", n)
	r.note(h, n, strictyaml.Fields{
		"from": entityID(&edge.From),
		"to":   entityID(&edge.To),
		"type": edgeType(&edge.Type),
		"note": strictyaml.String(&note),
	}, "from", "to")
	if edge.From != "" && edge.From == edge.To {
		n.Problem("an entity cannot depend on itself", "")
	}
	for _, e := range []topology.Entity{edge.From, edge.To} {
		if strings.Contains(string(e), "*") {
			n.Problem("entity "+strictyaml.Quote(string(e))+" is a pattern, and a dependency is of two entities", "write one for each; for what labels tell of, depends_on in a rule under entities")
		}
	}
	r.once(n, "dependency", string(edge.From), string(edge.To), edge.Type)
	r.set.causes.edges, r.set.causes.declared = append(r.set.causes.edges, edge), append(r.set.causes.declared, h)
}

// once reports a rule that says the same as one before it in the file.
func (r *reader) once(n strictyaml.Node, what string, parts ...string) {
	key := what + "\n" + strings.Join(parts, "\n")
	if r.names[key] != 0 {
		n.Problem("the same "+what+" a second time", fmt.Sprintf("the first is in line %d: remove one", r.names[key]))
	}
	r.names[key] = n.Line()
}

// entityID stores an entity's id.
func entityID(to *topology.Entity) strictyaml.Setter {
	return strictyaml.Def("entity", func(n strictyaml.Node) {
		var id string
		strictyaml.Name(&id)(n)
		n.Note(func(s *strictyaml.Schema) {
			s.Description = "The id of an entity: kind/name or kind/namespace/name, with @cluster behind it where clusters have names."
			s.Pattern, s.Examples = "^[^/]+/[^/]", []any{"service/shop/checkout", "node/n3@prod-eu"}
		})
		if id == "" {
			return // reported already
		}
		e, err := topology.ParseEntity(id)
		if err != nil {
			n.Problem(err.Error(), "")
			return
		}
		if problem, hint := misspelt(e); problem != "" {
			n.Problem(problem, hint)
		}
		*to = e
	})
}

// misspelt says what keeps an id that is well formed from ever being that of an entity which machines tell of.
func misspelt(e topology.Entity) (problem, hint string) {
	kind := e.Kind()
	proper := strings.Join(strings.Fields(strings.ToLower(kind)), "")
	before, cluster, clustered := strings.Cut(string(e), "@")
	switch {
	case kind != proper:
		return fmt.Sprintf("kind %q is not written like that", kind), fmt.Sprintf("kinds are lower case and singular: %q", proper)
	case clustered && (cluster == "" || strings.HasSuffix(before, "/")):
		return fmt.Sprintf("entity id %q lacks a name or a cluster", e), "want kind/name@cluster or kind/namespace/name@cluster"
	}
	return "", ""
}
