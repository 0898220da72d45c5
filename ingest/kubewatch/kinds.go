package kubewatch

import "strings"

// kind is one kind of objects, as an API server serves it.
type kind struct {
	// group is empty for core.
	group, version, resource, name string
	// namespaced is true if its objects live in namespaces.
	namespaced bool
}

// apiVersion is how objects of the kind name their group and version.
func (k *kind) apiVersion() string {
	if k.group == "" {
		return k.version
	}
	return k.group + "/" + k.version
}

// path is where the API server lists the kind, as segments. An empty namespace means all of them.
func (k *kind) path(namespace string) []string {
	root := []string{"/apis", k.group, k.version}
	if k.group == "" {
		root = []string{"/api", k.version}
	}
	if namespace != "" && k.namespaced {
		root = append(root, "namespaces", namespace)
	}
	return append(root, k.resource)
}

// entityKind is the kind of the entities that stand for its objects.
func (k *kind) entityKind() string { return strings.ToLower(k.name) }

// kinds are what is watched. A kind has several variants if servers of different ages serve the same objects in different
// places; the first that can be watched is taken, and never two.
var kinds = [][]kind{
	{{"", "v1", "namespaces", "Namespace", false}},
	{{"", "v1", "nodes", "Node", false}},
	{{"", "v1", "persistentvolumes", "PersistentVolume", false}},
	{{"storage.k8s.io", "v1", "storageclasses", "StorageClass", false}},
	{{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true}},
	{{"", "v1", "configmaps", "ConfigMap", true}},
	{{"", "v1", "resourcequotas", "ResourceQuota", true}},
	{{"apps", "v1", "deployments", "Deployment", true}},
	{{"apps", "v1", "replicasets", "ReplicaSet", true}},
	{{"apps", "v1", "statefulsets", "StatefulSet", true}},
	{{"apps", "v1", "daemonsets", "DaemonSet", true}},
	{{"batch", "v1", "cronjobs", "CronJob", true}},
	{{"batch", "v1", "jobs", "Job", true}},
	{{"", "v1", "pods", "Pod", true}},
	{{"", "v1", "services", "Service", true}},
	{{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true}},
	{{"networking.k8s.io", "v1", "ingresses", "Ingress", true}},
	{{"gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", true}},
	{{"gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute", true}},
	{{"autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true}},
	{{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true}},
	{{"events.k8s.io", "v1", "events", "Event", true}, {"", "v1", "events", "Event", true}},
}

// secrets are watched on request, and their metadata only: see [codec].
var secrets = []kind{{"", "v1", "secrets", "Secret", true}}
