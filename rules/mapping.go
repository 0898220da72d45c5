package rules

import (
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// Mapping says which entity labels name that are not those of an alert: the sides of a call, the entries of a catalog. The first of
// its forms counts of which all matchers match and all labels are there.
type Mapping []Form

// Form names labels that make up an entity, as "entity" of a rule under "entities" does.
type Form struct {
	// Matchers must all match; none match everything.
	Matchers labels.Matchers
	// Kind is the kind of the entity, in lower case.
	Kind string
	// Name, Namespace and Cluster are the labels that hold these parts of the id; the last two may be empty for none.
	Name, Namespace, Cluster string
}

// Entity returns the entity that labels name; ok is false if they name none. Without a label for it, the cluster is the one given,
// which may be empty.
func (m Mapping) Entity(l correlate.Labels, cluster string) (e topology.Entity, ok bool) {
	for i := range m {
		if e, ok := m[i].entity(l, cluster); ok {
			return e, true
		}
	}
	return "", false
}

func (f *Form) entity(l correlate.Labels, cluster string) (topology.Entity, bool) {
	name, namespace := l.Get(f.Name), ""
	if name == "" {
		return "", false
	}
	if f.Namespace != "" {
		if namespace = l.Get(f.Namespace); namespace == "" {
			return "", false
		}
	}
	if f.Cluster != "" {
		if cluster = l.Get(f.Cluster); cluster == "" {
			return "", false
		}
	}
	if !Matches(f.Matchers, l) {
		return "", false
	}
	e, err := topology.ParseEntity(string(topology.NewEntity(f.Kind, namespace, name, cluster)))
	return e, err == nil // labels may be as odd as they like; what makes no valid id names nothing
}

// Read adds the forms of a list in a configuration. It is a [strictyaml.Setter].
func (m *Mapping) Read(n strictyaml.Node) {
	n.List(func(n strictyaml.Node) {
		var f Form
		var from source
		fields := sourceFields(&from)
		fields["matchers"] = strictyaml.Matchers(&f.Matchers)
		n.Map(fields, "kind", "name_label")
		f.Kind, f.Name, f.Namespace, f.Cluster = from.kind, from.name, from.namespace, from.cluster
		*m = append(*m, f)
	})
}
