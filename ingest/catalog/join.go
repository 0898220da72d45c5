package catalog

import (
	"fmt"
	"slices"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
	"quell/rules"
)

// Source returns the source of all that a file of this name tells, as explanations show it.
func Source(file string) string { return "catalog " + file }

// kubernetes is where annotations say that a component runs. Its service is what others call.
var kubernetes = rules.Mapping{
	{Kind: "service", Name: "kubernetes_id", Namespace: "kubernetes_namespace", Cluster: "kubernetes_cluster", Matchers: components()},
	{Kind: "service", Name: "kubernetes_id", Namespace: "kubernetes_namespace", Matchers: components()},
}

func components() labels.Matchers {
	return labels.Matchers{{Type: labels.MatchEqual, Name: "kind", Value: "component"}}
}

// Join makes a topology of each file, which is all that this file knows, in the order of the files. An entry is the entity that its
// annotation names, else what mapping makes of its labels, else the service that runs it in Kubernetes, else "kind/name".
//
// Entries that are described twice are problems, with which the topologies must not be used; those that are named and not described anywhere are warnings, and become entities.
func Join(files []*File, mapping rules.Mapping) ([]*correlate.Topology, strictyaml.Problems) {
	j := &joint{mapping: slices.Concat(mapping, kubernetes), entries: make(map[ref]*entry), providers: make(map[ref][]topology.Entity)}
	for _, f := range files {
		for _, e := range f.entries {
			j.enter(e)
		}
	}
	list := make([]*correlate.Topology, len(files))
	for i, f := range files {
		list[i] = &correlate.Topology{Update: j.update(f), Source: Source(f.name)}
	}
	j.problems.Sort()
	return list, j.problems
}

// joint is all catalogs together.
type joint struct {
	mapping   rules.Mapping
	entries   map[ref]*entry
	providers map[ref][]topology.Entity // by the API that they provide
	problems  strictyaml.Problems
}

// enter makes an entry known to the others.
func (j *joint) enter(e *entry) {
	if first, again := j.entries[e.ref]; again {
		j.report(e.place, fmt.Sprintf("second description of %s; the first is in %s:%d", e.ref, first.place.File, first.place.Line), "", false)
		return
	}
	j.entries[e.ref] = e
	for _, r := range e.relations {
		if r.means == providesAPI {
			j.providers[r.to] = append(j.providers[r.to], j.entity(e))
		}
	}
}

func (j *joint) report(at strictyaml.Problem, text, hint string, warning bool) {
	at.Text, at.Hint, at.Warning = text, hint, warning
	if len(j.problems) < strictyaml.MaxProblems {
		j.problems = append(j.problems, at)
	}
}

// entity is what stands for an entry in the topology.
func (j *joint) entity(e *entry) topology.Entity {
	if e.outright != "" {
		return e.outright
	}
	if id, ok := j.mapping.Entity(e.labels, ""); ok {
		return id
	}
	return plain(e.ref)
}

// plain is an entity without a place in a cluster: "component/payments".
func plain(r ref) topology.Entity {
	if r.namespace == defaultNamespace {
		return topology.NewEntity(r.kind, "", r.name, "")
	}
	return topology.NewEntity(r.kind, r.namespace, r.name, "")
}

// find returns the entity of a reference, and warns if nobody describes it.
func (j *joint) find(r relation) topology.Entity {
	if e := j.entries[r.to]; e != nil {
		return j.entity(e)
	}
	j.report(r.place, r.to.String()+" is described in none of the catalogs", j.suggest(r.to), true)
	return plain(r.to)
}

// suggestAmong bounds the entries that a misspelt reference is compared with: to compare is slow, and there may be many of both.
const suggestAmong = 1000

func (j *joint) suggest(r ref) string {
	if len(j.problems) >= strictyaml.MaxProblems || len(j.entries) > suggestAmong {
		return ""
	}
	var names []string
	for known := range j.entries {
		names = append(names, known.String())
	}
	return strictyaml.Suggest(r.String(), names)
}

// update is all that a file tells.
func (j *joint) update(f *File) topology.Update {
	u := topology.Update{Replace: true}
	for _, e := range f.entries {
		from := j.entity(e)
		u.Entities = append(u.Entities, topology.Labeled{ID: from})
		for _, r := range e.relations {
			for _, edge := range j.edges(from, r) {
				if edge.From != edge.To {
					u.Edges = append(u.Edges, edge)
				}
			}
		}
	}
	return u
}

// edges are what one relation tells. An API does not fail by itself: who consumes it depends on who provides it.
func (j *joint) edges(from topology.Entity, r relation) []topology.Edge {
	switch r.means {
	case providesAPI:
		j.find(r)
		return nil
	case consumesAPI:
		to := j.find(r)
		providers := j.providers[r.to]
		if len(providers) == 0 {
			providers = []topology.Entity{to}
		}
		edges := make([]topology.Edge, len(providers))
		for i, p := range providers {
			edges[i] = topology.Edge{From: from, To: p, Type: "calls"}
		}
		return edges
	}
	to := j.find(r)
	switch r.means {
	case dependencyOf, partOf:
		return []topology.Edge{{From: to, To: from, Type: topology.DefaultType}}
	case inSystem:
		return []topology.Edge{{From: from, To: to, Type: "in_system"}}
	}
	return []topology.Edge{{From: from, To: to, Type: topology.DefaultType}}
}
