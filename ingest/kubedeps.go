package ingest

import (
	"cmp"
	"slices"
	"strings"
	"unique"

	"quell/correlate/topology"
)

// linked are the kinds that tell dependencies of their own. What other objects say of themselves, they say in an annotation.
var linked = map[string]bool{
	"Pod": true, "ReplicaSet": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "Job": true, "CronJob": true,
	"ReplicationController": true, "PersistentVolumeClaim": true, "PersistentVolume": true, "HorizontalPodAutoscaler": true,
	"Ingress": true, "Service": true, "Node": true, "ResourceQuota": true, "PodDisruptionBudget": true,
	"HTTPRoute": true, "GRPCRoute": true, "TCPRoute": true, "TLSRoute": true, "UDPRoute": true, "Gateway": true,
	"ConfigMap": true, "Secret": true,
}

// everywhere is the config map that the API server puts into each namespace and the kubelet into each pod: that all have it says nothing.
const everywhere = "kube-root-ca.crt"

// linkTo keeps in k what an object depends on, and what depends on it because it owns it.
func (o *kubeObject) linkTo(k *KubernetesObject) {
	l := links{namespace: o.namespace}
	k.malformed = l.annotated(o.annotations.dependsOn)
	switch {
	case o.kind == "EndpointSlice":
		if k.endpoints = l.endpoints(o); k.endpoints != nil {
			k.states = []kubeState{serviceState([]*KubernetesObject{k})}
		}
	case linked[o.kind]:
		l.object(o)
		k.selector, k.podLabels = o.selection()
	}
	slices.SortFunc(l.list, compareLinks) // a pod names the same settings again and again
	k.links = slices.Clone(slices.Compact(l.list))
}

func compareLinks(a, b kubeLink) int {
	return cmp.Or(strings.Compare(a.typ, b.typ), compareNames(a.from, b.from), compareNames(a.to, b.to))
}

func compareNames(a, b kubeName) int {
	switch {
	case a == b:
		return 0
	case a == nobody:
		return -1
	case b == nobody:
		return 1
	}
	return cmp.Compare(a.Value(), b.Value())
}

// selection is what a budget selects its pods by, or what pods of a workload have for that.
func (o *kubeObject) selection() (selector, map[string]string) {
	switch o.kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return nil, lenient[kubeSpec](o.spec).Template.Metadata.Labels
	case "PodDisruptionBudget":
		spec := lenient[kubeSpec](o.spec)
		return spec.Selector.selector(), nil
	}
	return nil, nil
}

// object adds what all kinds tell in the same way, and then what is particular to one.
func (l *links) object(o *kubeObject) {
	// A static pod is owned by its node; that a node depends on what runs on it is not what it means.
	if o.owner.name != "" && o.owner.kind != "Node" {
		l.from(o.owner.kind, o.owner.name, "owns")
	}
	l.to("in_namespace", "Namespace", o.namespace)
	switch o.kind {
	case "Pod":
		l.pod(o)
	case "Node":
		l.to("in_zone", "Zone", o.labels.zone)
		l.to("in_region", "Region", o.labels.region)
	case "PersistentVolumeClaim", "PersistentVolume":
		l.storage(o)
	case "HorizontalPodAutoscaler":
		target := lenient[kubeSpec](o.spec).ScaleTargetRef
		l.to("depends_on", target.Kind, target.Name)
		l.from(target.Kind, target.Name, "scaled_by")
	case "ResourceQuota":
		l.from("Namespace", o.namespace, "limited_by")
	default:
		l.traffic(o)
	}
}

// links collects the dependencies that one object tells.
type links struct {
	namespace string
	list      []kubeLink
}

// to adds what the object depends on, unless it names nothing.
func (l *links) to(typ, kind, name string) {
	l.toIn(l.namespace, typ, reference{kind: kind, name: name})
}

// toIn is to in the namespace of a reference, or else in a given one.
func (l *links) toIn(namespace, typ string, ref reference) {
	if to := nameOf(ref.kind, firstOf(ref.namespace, namespace), ref.name); to != nobody {
		l.list = append(l.list, kubeLink{to: to, typ: typ})
	}
}

// from adds what depends on the object.
func (l *links) from(kind, name, typ string) {
	if from := nameOf(kind, l.namespace, name); from != nobody {
		l.list = append(l.list, kubeLink{from: from, typ: typ})
	}
}

// annotated adds what people wrote down, and counts what is malformed.
func (l *links) annotated(text string) (malformed int) {
	if len(text) >= maxDependsOnBytes {
		return 1 // it was cut, and so may be the name at its end
	}
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		e, err := topology.ParseEntity(entry)
		if err != nil {
			malformed++
			continue
		}
		l.list = append(l.list, kubeLink{to: unique.Make(e), typ: topology.DefaultType})
	}
	return malformed
}

// pod adds where a pod runs, and what it needs to start.
func (l *links) pod(o *kubeObject) {
	spec := o.podSpec()
	l.to("runs_on", "Node", spec.NodeName)
	l.to("references", "ServiceAccount", spec.ServiceAccountName)
	for _, s := range spec.ImagePullSecrets {
		l.to("references", "Secret", s.Name)
	}
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		claim := v.PersistentVolumeClaim.ClaimName
		if v.Ephemeral != nil {
			claim = o.name + "-" + v.Name // as its controller names it
		}
		l.to("mounts", "PersistentVolumeClaim", claim)
		l.settings(v.ConfigMap.Name, v.Secret.SecretName)
		for _, s := range v.Projected.Sources {
			l.settings(s.ConfigMap.Name, s.Secret.Name)
		}
	}
	for _, containers := range [...][]containerSpec{spec.InitContainers, spec.Containers} {
		for i := range containers {
			for _, e := range containers[i].EnvFrom {
				l.settings(e.ConfigMapRef.Name, e.SecretRef.Name)
			}
			for _, e := range containers[i].Env {
				l.settings(e.ValueFrom.ConfigMapKeyRef.Name, e.ValueFrom.SecretKeyRef.Name)
			}
		}
	}
}

// settings adds a config map and a secret, of which either may have no name.
func (l *links) settings(configMap, secret string) {
	if configMap != everywhere {
		l.to("references", "ConfigMap", configMap)
	}
	l.to("references", "Secret", secret)
}

// storage adds what a claim or a volume rests on. A claim depends on its volume once it has one. Until then it waits for its class, which
// does not matter to it afterwards.
func (l *links) storage(o *kubeObject) {
	spec := lenient[kubeSpec](o.spec)
	switch {
	case o.kind == "PersistentVolume":
		l.to("provisioned_by", "StorageClass", spec.StorageClassName)
		for _, term := range spec.NodeAffinity.Required.NodeSelectorTerms {
			for _, m := range term.MatchExpressions {
				if m.Key == "kubernetes.io/hostname" && m.Operator == "In" && len(m.Values) == 1 {
					l.to("runs_on", "Node", m.Values[0]) // a local volume
				}
			}
		}
	case spec.VolumeName == "":
		l.to("depends_on", "StorageClass", spec.StorageClassName)
	default:
		l.to("bound_to", "PersistentVolume", spec.VolumeName)
		if class := nameOf("StorageClass", "", spec.StorageClassName); class != nobody {
			l.list = append(l.list, kubeLink{to: class, typ: "depends_on", isOver: true})
		}
	}
}

// traffic adds where services, ingresses and routes lead to.
func (l *links) traffic(o *kubeObject) {
	switch o.kind {
	case "Service", "Ingress", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "Gateway":
	default:
		return
	}
	spec := lenient[kubeSpec](o.spec)
	l.to("depends_on", "GatewayClass", spec.GatewayClassName)
	l.toIn("", "calls", reference{kind: "External", name: spec.ExternalName})
	l.to("routes", "Service", spec.DefaultBackend.Service.Name)
	for _, t := range spec.TLS {
		l.to("references", "Secret", t.SecretName)
	}
	for _, p := range spec.ParentRefs {
		l.toIn(l.namespace, "depends_on", reference{firstOf(p.Kind, "Gateway"), p.Namespace, p.Name})
	}
	for _, rule := range spec.Rules {
		for _, p := range rule.HTTP.Paths {
			l.to("routes", "Service", p.Backend.Service.Name)
		}
		for _, b := range rule.BackendRefs {
			l.toIn(l.namespace, "routes", reference{firstOf(b.Kind, "Service"), b.Namespace, b.Name})
		}
	}
}

// endpoints adds the pods behind a service, ready or not: what it needs is one of them. It returns nil if there is no service.
func (l *links) endpoints(o *kubeObject) *endpointCount {
	found := endpointCount{service: nameOf("Service", o.namespace, o.labels.service)}
	if found.service == nobody {
		return nil
	}
	for _, e := range lenient[[]kubeEndpoint](o.endpoints) {
		if e.Conditions.Terminating == nil || !*e.Conditions.Terminating {
			found.count++
		}
		if e.Conditions.Ready == nil || *e.Conditions.Ready {
			found.ready++
		}
		if pod := nameOf("Pod", o.namespace, e.TargetRef.Name); e.TargetRef.Kind == "Pod" && pod != nobody {
			l.list = append(l.list, kubeLink{from: found.service, to: pod, typ: "selects"})
		}
	}
	return &found
}
