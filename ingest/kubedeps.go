package ingest

import (
	"encoding/json"

	"quell/correlate"
	"quell/correlate/topology"
)

// kubeSpec is what quell looks at in the specs of all kinds. A value of a wrong type counts as missing.
type kubeSpec struct {
	NodeName string
	Volumes  []struct{ PersistentVolumeClaim struct{ ClaimName string } }

	Replicas *int

	VolumeName       string
	StorageClassName string

	ScaleTargetRef struct{ Kind, Name string }

	DefaultBackend kubeBackend
	Rules          []struct {
		HTTP struct {
			Paths []struct{ Backend kubeBackend }
		}
	}
}

type kubeBackend struct{ Service struct{ Name string } }

// wanted is how many replicas there should be; one where nobody said.
func (s *kubeSpec) wanted() int {
	if s.Replicas == nil {
		return 1
	}
	return *s.Replicas
}

// kubeEndpoint is one address of an EndpointSlice. A missing condition counts as true.
type kubeEndpoint struct {
	Conditions struct{ Ready, Terminating *bool }
	TargetRef  struct{ Kind, Name string }
}

// lenient reads JSON whose syntax was checked. What is of a wrong type counts as missing, as API servers and exporters of all
// ages promise little.
func lenient[T any](raw []byte) (v T) {
	_ = json.Unmarshal(raw, &v)
	return v
}

// linked are the kinds that become entities of the topology, beside those that only others name.
var linked = map[string]bool{
	"Pod": true, "ReplicaSet": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "Job": true, "CronJob": true,
	"ReplicationController": true, "PersistentVolumeClaim": true, "HorizontalPodAutoscaler": true, "Ingress": true,
	"EndpointSlice": true,
}

// dependencies tells what an object depends on, and what depends on it because it owns it.
//
// Config maps and secrets are left out: nearly every pod of a workload mounts the same ones, and they are rarely at fault. Where one
// is, messages name it.
func (r *kubeReader) dependencies(o *kubeObject) {
	if !linked[o.kind] {
		return
	}
	l := links{reader: r, namespace: o.namespace}
	self := r.entity(o.self())
	spec := lenient[kubeSpec](o.spec)
	// A static pod is owned by its node; that a node depends on what runs on it is not what it means.
	if o.owner.name != "" && o.owner.kind != "Node" && o.kind != "EndpointSlice" {
		l.add(r.entity(reference{o.owner.kind, o.namespace, o.owner.name}), "owns", self)
	}
	switch o.kind {
	case "Pod":
		l.add(self, "runs_on", l.entity("Node", spec.NodeName))
		for _, v := range spec.Volumes {
			l.add(self, "mounts", l.entity("PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName))
		}
	case "PersistentVolumeClaim":
		l.claim(self, &spec)
	case "HorizontalPodAutoscaler":
		l.add(self, "depends_on", l.entity(spec.ScaleTargetRef.Kind, spec.ScaleTargetRef.Name))
	case "Ingress":
		l.add(self, "routes", l.entity("Service", spec.DefaultBackend.Service.Name))
		for _, rule := range spec.Rules {
			for _, p := range rule.HTTP.Paths {
				l.add(self, "routes", l.entity("Service", p.Backend.Service.Name))
			}
		}
	case "EndpointSlice":
		self = l.entity("Service", o.service)
		for _, e := range lenient[[]kubeEndpoint](o.endpoints) {
			if e.TargetRef.Kind == "Pod" {
				l.add(self, "selects", l.entity("Pod", e.TargetRef.Name))
			}
		}
	}
	if self == "" {
		return
	}
	l.update.Entities = []topology.Labeled{{ID: self}}
	r.add(&correlate.Topology{Update: l.update, Source: kubernetesSource})
}

// links collects the dependencies of one object.
type links struct {
	reader    *kubeReader
	namespace string
	update    topology.Update
}

// entity names what a spec refers to; empty if it names nothing, or nothing that can be named.
func (l *links) entity(kind, name string) topology.Entity {
	e, err := entityOf(reference{kind, l.namespace, name})
	if err != nil {
		return ""
	}
	return e
}

func (l *links) add(from topology.Entity, typ string, to topology.Entity) {
	if from != "" && to != "" {
		l.update.Edges = append(l.update.Edges, topology.Edge{From: from, To: to, Type: typ})
	}
}

// claim depends on its volume once it has one. Until then it waits for its class, which does not matter to it afterwards.
func (l *links) claim(self topology.Entity, spec *kubeSpec) {
	class := l.entity("StorageClass", spec.StorageClassName)
	volume := l.entity("PersistentVolume", spec.VolumeName)
	if volume == "" {
		l.add(self, "depends_on", class)
		return
	}
	l.add(self, "bound_to", volume)
	if class != "" {
		l.update.RemoveEdges = []topology.Edge{{From: self, To: class, Type: "depends_on"}}
	}
}
