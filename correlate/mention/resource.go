package mention

import "strings"

// resource is a kind of object that messages name.
type resource struct {
	kind string
	// edge is how what an event is about depends on such an object.
	edge string
	// clusterWide is true where objects have no namespace.
	clusterWide bool
	// ifMissing is true where only "not found" blames an object: messages name workloads for many reasons, most often
	// because they were about to be made.
	ifMissing bool
}

// resources by the word that stands before the name. API servers write plurals, kubelets and the scheduler write singulars.
var resources = map[string]resource{
	"configmap":             {kind: "configmap", edge: "uses"},
	"secret":                {kind: "secret", edge: "uses"},
	"serviceaccount":        {kind: "serviceaccount", edge: "uses"},
	"persistentvolumeclaim": {kind: "persistentvolumeclaim", edge: "mounts"},
	"pvc":                   {kind: "persistentvolumeclaim", edge: "mounts"},
	"persistentvolume":      {kind: "persistentvolume", edge: "mounts", clusterWide: true},
	"storageclass":          {kind: "storageclass", edge: "uses", clusterWide: true},
	"csidriver":             {kind: "csidriver", edge: "uses", clusterWide: true},
	"priorityclass":         {kind: "priorityclass", edge: "uses", clusterWide: true},
	"runtimeclass":          {kind: "runtimeclass", edge: "uses", clusterWide: true},
	"ingressclass":          {kind: "ingressclass", edge: "uses", clusterWide: true},
	"issuer":                {kind: "issuer", edge: "uses"},
	"clusterissuer":         {kind: "clusterissuer", edge: "uses", clusterWide: true},
	"node":                  {kind: "node", edge: "runs_on", clusterWide: true},
	"service":               {kind: "service", edge: "calls"},
	"resourcequota":         {kind: "resourcequota", edge: "limited_by"},
	"namespace":             {kind: "namespace", edge: "limited_by", clusterWide: true, ifMissing: true},
	"deployment":            {kind: "deployment", edge: "uses", ifMissing: true},
	"replicaset":            {kind: "replicaset", edge: "uses", ifMissing: true},
	"statefulset":           {kind: "statefulset", edge: "uses", ifMissing: true},
	"daemonset":             {kind: "daemonset", edge: "uses", ifMissing: true},
	"job":                   {kind: "job", edge: "uses", ifMissing: true},
}

// apiService and the others below are named by phrases only.
var (
	apiService = resource{kind: "apiservice", edge: "uses", clusterWide: true}
	usurper    = resource{kind: "pod", edge: "held_by"} // a pod that has what the other one needs
	ownPod     = resource{kind: "pod", edge: "owns"}
)

// resourceOf finds the resource that a lower-case word means, in singular or plural.
func resourceOf(word []byte) (resource, bool) {
	for _, plural := range [...]string{"", "s", "es"} {
		if len(word) > len(plural) && string(word[len(word)-len(plural):]) == plural {
			if res, ok := resources[string(word[:len(word)-len(plural)])]; ok {
				return res, true
			}
		}
	}
	return resource{}, false
}

// edgeType is how the entity that the event is about depends on an object of res.
func (r *reader) edgeType(res resource) string {
	about := r.about.Kind()
	switch res.kind {
	case "configmap", "secret":
		if strings.Contains(r.reason, "Mount") {
			return "mounts"
		}
	case "persistentvolume":
		if about == "persistentvolumeclaim" {
			return "bound_to"
		}
	case "node":
		if about != "pod" {
			return "uses"
		}
	}
	return res.edge
}
