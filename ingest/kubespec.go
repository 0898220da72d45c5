package ingest

import (
	"encoding/json"
	"maps"
	"slices"
)

// The structs here are what quell looks at in specs. A value of a wrong type counts as missing.

// kubeSpec is for kinds other than pods.
type kubeSpec struct {
	Replicas *int
	Template podTemplate
	Selector labelSelector

	VolumeName       string
	StorageClassName string
	NodeAffinity     struct {
		Required struct {
			NodeSelectorTerms []struct {
				MatchExpressions []struct {
					Key, Operator string
					Values        []string
				}
			}
		}
	}

	ScaleTargetRef struct{ Kind, Name string }

	ExternalName     string
	GatewayClassName string
	DefaultBackend   kubeBackend
	TLS              []struct{ SecretName string }
	ParentRefs       []kubeReference
	Rules            []struct {
		HTTP struct {
			Paths []struct{ Backend kubeBackend }
		}
		BackendRefs []kubeReference
	}
}

// podTemplate is what a workload makes its pods by.
type podTemplate struct {
	Metadata struct {
		Labels      map[string]string
		Annotations json.RawMessage
	}
	Spec json.RawMessage
}

// labelSelector is the selector of a disruption budget; those of services have another shape.
type labelSelector struct {
	MatchLabels      map[string]string
	MatchExpressions []struct {
		Key, Operator string
		Values        []string
	}
}

// selector is what the selector asks for; nil if it asks for nothing, or for something that quell does not know.
func (s *labelSelector) selector() selector {
	var list selector
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		list = append(list, requirement{key, []string{s.MatchLabels[key]}})
	}
	for _, e := range s.MatchExpressions {
		if e.Operator != "In" {
			return nil
		}
		list = append(list, requirement{e.Key, e.Values})
	}
	return list
}

// kubeBackend is where an ingress leads to.
type kubeBackend struct{ Service named }

// kubeReference is what routes of the Gateway API refer to.
type kubeReference struct{ Kind, Namespace, Name string }

type named struct{ Name string }

// podSpec is the spec of a pod.
type podSpec struct {
	NodeName           string
	ServiceAccountName string
	ImagePullSecrets   []named
	Volumes            []volumeSpec
	InitContainers     []containerSpec
	Containers         []containerSpec
}

type volumeSpec struct {
	Name                  string
	PersistentVolumeClaim struct{ ClaimName string }
	Ephemeral             *struct{}
	ConfigMap             named
	Secret                struct{ SecretName string }
	Projected             struct {
		Sources []struct{ ConfigMap, Secret named }
	}
}

type containerSpec struct {
	Name, Image string
	EnvFrom     []struct{ ConfigMapRef, SecretRef named }
	Env         []struct {
		ValueFrom struct{ ConfigMapKeyRef, SecretKeyRef named }
	}
}

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
