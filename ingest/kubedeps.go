package ingest

import "encoding/json"

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

// linked are the kinds that tell dependencies.
var linked = map[string]bool{
	"Pod": true, "ReplicaSet": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "Job": true, "CronJob": true,
	"ReplicationController": true, "PersistentVolumeClaim": true, "HorizontalPodAutoscaler": true, "Ingress": true,
	"EndpointSlice": true,
}

// links are what an object depends on, and what depends on it because it owns it.
//
// Config maps and secrets are left out: nearly every pod of a workload mounts the same ones, and they are rarely at fault. Where one
// is, messages name it.
func (o *kubeObject) links() []kubeLink {
	if !linked[o.kind] {
		return nil
	}
	l := links{namespace: o.namespace}
	spec := lenient[kubeSpec](o.spec)
	// A static pod is owned by its node; that a node depends on what runs on it is not what it means.
	if o.owner.name != "" && o.owner.kind != "Node" && o.kind != "EndpointSlice" {
		l.from(o.owner.kind, o.owner.name, "owns")
	}
	switch o.kind {
	case "Pod":
		l.to("runs_on", "Node", spec.NodeName)
		for _, v := range spec.Volumes {
			l.to("mounts", "PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName)
		}
	case "PersistentVolumeClaim":
		l.claim(&spec)
	case "HorizontalPodAutoscaler":
		l.to("depends_on", spec.ScaleTargetRef.Kind, spec.ScaleTargetRef.Name)
	case "Ingress":
		l.to("routes", "Service", spec.DefaultBackend.Service.Name)
		for _, rule := range spec.Rules {
			for _, p := range rule.HTTP.Paths {
				l.to("routes", "Service", p.Backend.Service.Name)
			}
		}
	case "EndpointSlice":
		service := nameOf("Service", o.namespace, o.service)
		for _, e := range lenient[[]kubeEndpoint](o.endpoints) {
			if e.TargetRef.Kind == "Pod" {
				l.between(service, "selects", nameOf("Pod", o.namespace, e.TargetRef.Name))
			}
		}
	}
	return l.list
}

// links collects the dependencies that one object tells.
type links struct {
	namespace string
	list      []kubeLink
}

// to adds what the object depends on, unless it names nothing.
func (l *links) to(typ, kind, name string) {
	if to := nameOf(kind, l.namespace, name); to != nobody {
		l.list = append(l.list, kubeLink{to: to, typ: typ})
	}
}

// from adds what depends on the object.
func (l *links) from(kind, name, typ string) {
	if from := nameOf(kind, l.namespace, name); from != nobody {
		l.list = append(l.list, kubeLink{from: from, typ: typ})
	}
}

// between adds a dependency of two others.
func (l *links) between(from kubeName, typ string, to kubeName) {
	if from != nobody && to != nobody {
		l.list = append(l.list, kubeLink{from: from, to: to, typ: typ})
	}
}

// claim depends on its volume once it has one. Until then it waits for its class, which does not matter to it afterwards.
func (l *links) claim(spec *kubeSpec) {
	if spec.VolumeName == "" {
		l.to("depends_on", "StorageClass", spec.StorageClassName)
		return
	}
	l.to("bound_to", "PersistentVolume", spec.VolumeName)
	if class := nameOf("StorageClass", "", spec.StorageClassName); class != nobody {
		l.list = append(l.list, kubeLink{to: class, typ: "depends_on", isOver: true})
	}
}
