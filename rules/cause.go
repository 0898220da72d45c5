package rules

import (
	"fmt"
	"strings"

	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// causality holds what rules say about what follows from what.
type causality struct {
	near  map[causePair]float64
	edges []topology.Edge
}

// causePair is two names of symptoms.
type causePair struct{ cause, effect string }

// HasCauses reports whether any rule tells of a cause on a near entity.
func (s *Set) HasCauses() bool { return len(s.causes.near) > 0 }

// Cause says whether the first rule under "causes" for these names on near entities gives them a weight. Rules for one and the
// same entity do not count: all symptoms of an entity belong together anyway.
func (s *Set) Cause(cause, effect string) (weight float64, ok bool) {
	weight, ok = s.causes.near[causePair{cause, effect}]
	return weight, ok
}

// Dependencies returns what the rules say under "dependencies", in their order.
func (s *Set) Dependencies() []topology.Edge { return s.causes.edges }

func (r *reader) cause(n strictyaml.Node) {
	var pair causePair
	var on, note string
	var weight float64
	n.Map(strictyaml.Fields{
		"cause":  strictyaml.Name(&pair.cause),
		"effect": strictyaml.Name(&pair.effect),
		"on":     strictyaml.Word(&on, "same", "near"),
		"weight": strictyaml.Float(&weight, 0, 1),
		"note":   strictyaml.String(&note),
	}, "cause", "effect", "on", "weight")
	if pair.cause != "" && pair.cause == pair.effect {
		n.Problem("cause and effect are the same", "")
	}
	r.once(n, "cause", pair.cause, pair.effect, on)
	if on != "near" {
		return
	}
	if r.set.causes.near == nil {
		r.set.causes.near = make(map[causePair]float64)
	}
	if _, ok := r.set.causes.near[pair]; !ok {
		r.set.causes.near[pair] = weight
	}
}

func (r *reader) declared(n strictyaml.Node) {
	var edge topology.Edge
	var note string
	n.Map(strictyaml.Fields{
		"from": entityID(&edge.From),
		"to":   entityID(&edge.To),
		"type": edgeType(&edge.Type),
		"note": strictyaml.String(&note),
	}, "from", "to")
	if edge.From != "" && edge.From == edge.To {
		n.Problem("an entity cannot depend on itself", "")
	}
	r.once(n, "dependency", string(edge.From), string(edge.To), edge.Type)
	r.set.causes.edges = append(r.set.causes.edges, edge)
}

// once reports a rule that says the same as one before it in the file.
func (r *reader) once(n strictyaml.Node, what string, parts ...string) {
	key := what + "\n" + strings.Join(parts, "\n")
	if r.names[key] {
		n.Problem("the same "+what+" a second time", "")
	}
	r.names[key] = true
}

// entityID stores an entity's id.
func entityID(to *topology.Entity) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var id string
		if strictyaml.Name(&id)(n); id == "" {
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
	}
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
