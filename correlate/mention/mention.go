// Package mention reads the names of entities out of the messages of Kubernetes events. A message says what was missing, refused or out of
// reach, and often nothing else does: no object of the cluster links a replica set to the quota that stops it, or a pod to the
// registry that does not answer.
//
// Anybody can write such messages. So a name counts only after words that a Kubernetes component writes before such names, and only if
// Kubernetes would accept it as a name. Being in a message is not being to blame: an object that could not be created because of something
// else gives no dependency, nor does an image that a dead registry did not deliver, a service whose name no server resolved, or an address,
// which names nothing.
package mention

import (
	"slices"

	"quell/correlate/topology"
)

// MaxEdges bounds how many edges one message tells; the first ones count.
const MaxEdges = 8

// Edges returns the dependencies that a message tells, nearly always of the entity that the event is about. The same arguments
// give the same edges in the same order, without repeats and without edges from an entity to itself. What is named is taken to be in
// the cluster of about, and in its namespace unless the message names another. The cost is linear in the length of the
// message; a message that names nothing costs no memory.
func Edges(about topology.Entity, reason, message string) []topology.Edge {
	r := reader{about: about, reason: reason, message: message, namespace: about.Namespace()}
	if about.Kind() == "namespace" {
		r.namespace = about.Name()
	}
	r.quoted()
	r.phrases()
	r.limits()
	r.shortages()
	r.hosts()
	return r.edges
}

// reader collects what one message tells.
type reader struct {
	about                      topology.Entity
	namespace, reason, message string
	// webhook is the admission webhook that the message is about, or empty.
	webhook  topology.Entity
	sawImage bool
	edges    []topology.Edge
}

// depend adds an edge from what the event is about.
func (r *reader) depend(typ string, to topology.Entity) {
	r.add(topology.Edge{From: r.about, To: to, Type: typ})
}

func (r *reader) add(e topology.Edge) {
	if e.From == e.To || len(r.edges) == MaxEdges || slices.Contains(r.edges, e) {
		return
	}
	r.edges = append(r.edges, e)
}

// name adds an edge to what a message names as an object of res: "name", or "namespace/name" if it has a namespace.
func (r *reader) name(res resource, name string) {
	namespace := ""
	if !res.clusterWide {
		namespace, name = r.split(name)
		if !isLabel(namespace) {
			return
		}
	}
	if !isSubdomain(name) || res.kind == "node" && r.about.Kind() == "node" {
		return
	}
	r.depend(r.edgeType(res), topology.NewEntity(res.kind, namespace, name, r.about.Cluster()))
}
