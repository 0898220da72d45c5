// Package catalog reads Backstage's catalog files (catalog-info.yaml): what people have written down about who depends on whom.
//
// [Read] reads one file and [Join] makes topologies of all of them, since a file may name what another one describes. The package opens no
// files itself, and never follows the addresses in them.
package catalog

import (
	"cmp"
	"slices"
	"strings"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// File is a catalog file that was read.
type File struct {
	name    string
	entries []*entry
}

// entry is one thing that a catalog describes.
type entry struct {
	ref
	// place is where it is described, for problems.
	place strictyaml.Problem
	// labels are what a mapping knows of it.
	labels correlate.Labels
	// outright is the entity that an annotation names; empty if none does.
	outright topology.Entity
	// relations are in the order of the file.
	relations []relation
}

// ref names an entry: in lower case, as Backstage compares them.
type ref struct{ kind, namespace, name string }

// String returns "component:default/payments".
func (r ref) String() string { return r.kind + ":" + r.namespace + "/" + r.name }

// relation leads from an entry to another one.
type relation struct {
	to    ref
	means meaning
	place strictyaml.Problem
}

// meaning is what a key of a specification says about two entries.
type meaning int

const (
	dependsOn meaning = iota + 1
	dependencyOf
	providesAPI
	consumesAPI
	inSystem
	partOf
)

// kinds are those that can fail; others are people, places and templates.
var kinds = []string{"component", "resource", "system", "api"}

const (
	defaultNamespace = "default"

	// annotationEntity names the entity outright, as the label quell_entity does for alerts.
	annotationEntity     = "quell.dev/entity"
	annotationID         = "backstage.io/kubernetes-id"
	annotationNamespace  = "backstage.io/kubernetes-namespace"
	annotationCluster    = "backstage.io/kubernetes-cluster"
	apiVersionOfCatalogs = "backstage.io/"
)

// Read reads a file, which may hold several documents. Keys that it does not know are Backstage's business. The name stands for the
// file in problems; if one of them is no warning, the file must not be used.
func Read(name string, data []byte) (*File, strictyaml.Problems) {
	f := &File{name: name}
	problems := strictyaml.ReadAll(name, data, f.document)
	return f, problems
}

// document reads the description of one entry.
func (f *File) document(n strictyaml.Node) {
	var version, kind string
	e := &entry{place: n.Later()}
	var meta metadata
	n.Pick(strictyaml.Fields{"apiVersion": strictyaml.Name(&version), "kind": strictyaml.Name(&kind)}, "apiVersion", "kind")
	e.kind = strings.ToLower(kind)
	if !strings.HasPrefix(version, apiVersionOfCatalogs) || !slices.Contains(kinds, e.kind) {
		return // a manifest beside it, or what cannot fail
	}
	n.Pick(strictyaml.Fields{"metadata": meta.read}, "metadata")
	if meta.name == "" {
		return // reported already
	}
	e.name, e.namespace = strings.ToLower(meta.name), strings.ToLower(cmp.Or(meta.namespace, defaultNamespace))
	e.outright = meta.outright
	var about struct{ kind, lifecycle, owner, system string }
	fields := strictyaml.Fields{
		"type": strictyaml.String(&about.kind), "lifecycle": strictyaml.String(&about.lifecycle), "owner": strictyaml.String(&about.owner),
		"dependsOn": e.references(dependsOn, ""), "dependencyOf": e.references(dependencyOf, ""),
		"providesApis": e.references(providesAPI, "api"), "consumesApis": e.references(consumesAPI, "api"),
		"system":         e.one(inSystem, "system", &about.system),
		"subcomponentOf": e.one(partOf, "component", new(string)),
	}
	n.Pick(strictyaml.Fields{"spec": func(n strictyaml.Node) { n.Pick(fields) }})
	e.labels = labelsOf(
		"kind", e.kind, "name", meta.name, "namespace", e.namespace, "type", about.kind, "lifecycle", about.lifecycle, "owner", about.owner,
		"system", about.system, "kubernetes_id", meta.id, "kubernetes_namespace", meta.inNamespace, "kubernetes_cluster", meta.cluster,
	)
	f.entries = append(f.entries, e)
}

// metadata is the part of a description that says who an entry is.
type metadata struct {
	name, namespace          string
	id, inNamespace, cluster string
	outright                 topology.Entity
}

func (m *metadata) read(n strictyaml.Node) {
	n.Pick(strictyaml.Fields{
		"name":      strictyaml.Name(&m.name),
		"namespace": strictyaml.Name(&m.namespace),
		"annotations": func(n strictyaml.Node) {
			n.Pick(strictyaml.Fields{
				annotationID: strictyaml.Name(&m.id), annotationNamespace: strictyaml.Name(&m.inNamespace),
				annotationCluster: strictyaml.Name(&m.cluster), annotationEntity: m.entity,
			})
		},
	}, "name")
}

func (m *metadata) entity(n strictyaml.Node) {
	var text string
	strictyaml.Name(&text)(n)
	if text == "" {
		return
	}
	var err error
	if m.outright, err = topology.ParseEntity(text); err != nil {
		n.Problem(err.Error(), "")
	}
}

// references reads a list of references. Where a kind may be left out, otherwise is what it is then.
func (e *entry) references(means meaning, otherwise string) strictyaml.Setter {
	return func(n strictyaml.Node) { n.List(e.one(means, otherwise, new(string))) }
}

// one reads a reference, and stores its text.
func (e *entry) one(means meaning, otherwise string, text *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(text)(n)
		if *text == "" {
			return
		}
		r, ok := parseRef(*text, ref{otherwise, e.namespace, ""})
		switch {
		case !ok:
			n.Problem(strictyaml.Quote(*text)+" is no reference", "write kind:namespace/name or kind:name, e.g. component:payments")
		case r.kind == "":
			n.Problem(strictyaml.Quote(*text)+" names no kind", "write component:"+*text+" or resource:"+*text)
		default:
			e.relations = append(e.relations, relation{r, means, n.Later()})
		}
	}
}

// parseRef reads [kind:][namespace/]name.
func parseRef(text string, otherwise ref) (r ref, ok bool) {
	r, text = otherwise, strings.ToLower(text)
	if kind, rest, given := strings.Cut(text, ":"); given {
		r.kind, text = kind, rest
		if kind == "" {
			return r, false
		}
	}
	if namespace, rest, given := strings.Cut(text, "/"); given {
		r.namespace, text = namespace, rest
	}
	r.name = text
	return r, r.name != "" && r.namespace != "" && !strings.ContainsAny(r.kind+r.namespace+r.name, ":/ \t\n")
}

// labelsOf packs alternating names and values, those of which the value is not empty.
func labelsOf(pairs ...string) correlate.Labels {
	var given []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			given = append(given, pairs[i], pairs[i+1])
		}
	}
	return correlate.LabelsOf(given...)
}
