package ingest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// joined is what a lens remembers of a cluster, to tell what takes several objects to know. The zero value remembers nothing. It holds
// objects that whoever watches the cluster holds as well.
type joined struct {
	mu sync.Mutex
	// services holds the endpoint slices of each service by name: a service with two families of addresses, or many endpoints, has several.
	services map[kubeName]map[string]*KubernetesObject
	// spaces holds, by namespace, the disruption budgets and what they may be about.
	spaces map[string]*space
	// templates holds, by the uid of a deployment, the revisions of the templates that its replica sets are made by; told is the last
	// rollout that was told of it.
	templates map[string]map[string]int
	told      map[string]int
	// cordons are of the nodes on which no pods may be scheduled, running counts pods that a drain would evict by node and namespace.
	cordons map[kubeName]*cordon
	running map[kubeName]map[string]int
	// lost are the workloads of several replicas that lost the last one.
	lost map[kubeName]bool
}

// cordon is the time in which a node takes no pods.
type cordon struct {
	id string
	// isDrained is true once a pod was evicted.
	isDrained bool
}

// space is what is remembered of a namespace.
type space struct {
	budgets, workloads map[kubeName]*KubernetesObject
}

// endpointCount is what an EndpointSlice adds to its service.
type endpointCount struct {
	service      kubeName
	count, ready int
}

// selector is what a disruption budget selects its pods by: all of these.
type selector []requirement

// requirement is met by labels that have the key with one of the values.
type requirement struct {
	key    string
	values []string
}

// selects reports whether pods with these labels are selected.
func (s selector) selects(labels map[string]string) bool {
	for _, r := range s {
		if v, ok := labels[r.key]; !ok || !slices.Contains(r.values, v) {
			return false
		}
	}
	return len(s) > 0
}

func (r requirement) equal(other requirement) bool {
	return r.key == other.key && slices.Equal(r.values, other.values)
}

// slices are those of a service, in order of their names.
func (j *joined) slices(service kubeName) (list []*KubernetesObject) {
	set := j.services[service]
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, set[name])
	}
	return list
}

// replaceSlice takes over a version of a slice; new is nil if it is gone.
func (j *joined) replaceSlice(old, latest *KubernetesObject) {
	if old != nil {
		set := j.services[old.endpoints.service]
		delete(set, old.ref.name)
		if len(set) == 0 {
			delete(j.services, old.endpoints.service)
		}
	}
	if latest == nil {
		return
	}
	if j.services == nil {
		j.services = make(map[kubeName]map[string]*KubernetesObject)
	}
	set := j.services[latest.endpoints.service]
	if set == nil {
		set = make(map[string]*KubernetesObject)
		j.services[latest.endpoints.service] = set
	}
	set[latest.ref.name] = latest
}

// serviceState tells whether a service leads anywhere. One of which nobody is an endpoint was scaled to nothing.
func serviceState(slices []*KubernetesObject) kubeState {
	count, ready := 0, 0
	var created kubeTime
	for i, o := range slices {
		count, ready = count+o.endpoints.count, ready+o.endpoints.ready
		if i == 0 || o.created < created {
			created = o.created
		}
	}
	s := kubeState{about: slices[0].endpoints.service, reason: "EndpointsReady"}
	switch {
	case count == 0:
	case ready > 0:
		s.message = fmt.Sprintf("%d of %d endpoints ready", ready, count)
	default:
		s.reason, s.message = "NoReadyEndpoints", fmt.Sprintf("none of %d endpoints is ready", count)
		s.from = created.after(startGrace)
	}
	return s
}

// partners are the dependencies between budgets and what they protect that the presence of o adds: a budget depends on what it selects,
// whose pods it counts.
func (j *joined) partners(o *KubernetesObject) (list []kubeLink) {
	s := j.spaces[o.ref.namespace]
	if s == nil {
		return nil
	}
	for _, name := range sortedNames(s.workloads, o.selector != nil) {
		if o.selector.selects(s.workloads[name].podLabels) {
			list = append(list, kubeLink{to: name, typ: "depends_on"})
		}
	}
	for _, name := range sortedNames(s.budgets, o.podLabels != nil) {
		if s.budgets[name].selector.selects(o.podLabels) {
			list = append(list, kubeLink{from: name, typ: "depends_on"})
		}
	}
	return list
}

// sortedNames are the keys of a set in order of what they name, none unless they are wanted.
func sortedNames(set map[kubeName]*KubernetesObject, wanted bool) []kubeName {
	if !wanted || len(set) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Keys(set), compareNames)
}

// revision is that of the replica set which a deployment's template was made into before, 0 if there is none.
func (j *joined) revision(deployment *KubernetesObject) int {
	return j.templates[deployment.uid][deployment.setup.template]
}

// tellRollout notes that a rollout is told of the deployment with this uid.
func (j *joined) tellRollout(uid string, revision int) {
	if j.told == nil {
		j.told = make(map[string]int)
	}
	j.told[uid] = revision
}

// replaceTemplate takes over a version of a replica set; new is nil if it is gone.
func (j *joined) replaceTemplate(old, latest *KubernetesObject) {
	if old != nil {
		delete(j.templates[old.ownerUID], old.setup.template)
		if len(j.templates[old.ownerUID]) == 0 {
			delete(j.templates, old.ownerUID)
		}
	}
	if latest == nil || latest.setup.revision == 0 {
		return
	}
	if j.templates == nil {
		j.templates = make(map[string]map[string]int)
	}
	if j.templates[latest.ownerUID] == nil {
		j.templates[latest.ownerUID] = make(map[string]int)
	}
	j.templates[latest.ownerUID][latest.setup.template] = latest.setup.revision
}

// replace takes over a version of an object; new is nil if it is gone.
func (j *joined) replace(old, latest *KubernetesObject) {
	j.replaceLoss(old, latest)
	switch o := firstOf(latest, old); o.ref.kind {
	case "ReplicaSet":
		j.replaceTemplate(old, latest)
	case "Node":
		j.replaceNode(old, latest)
	case "Pod":
		j.count(old, -1)
		j.count(latest, 1)
	case "Deployment":
		if latest == nil {
			delete(j.told, old.uid)
		}
		j.replacePartner(old, latest)
	default:
		j.replacePartner(old, latest)
	}
}

// replaceNode takes over a version of a node; new is nil if it is gone.
func (j *joined) replaceNode(old, latest *KubernetesObject) {
	o := firstOf(latest, old)
	name := nameOf(o.ref.kind, "", o.ref.name)
	switch c := j.cordons[name]; {
	case latest == nil || latest.setup.cordon == "":
		delete(j.cordons, name)
	case c == nil:
		if j.cordons == nil {
			j.cordons = make(map[kubeName]*cordon)
		}
		j.cordons[name] = &cordon{id: latest.uid + "/drain/" + latest.setup.cordon}
	case !c.isDrained:
		c.id = latest.uid + "/drain/" + latest.setup.cordon // the taint tells when it was
	}
}

// count adds a pod to those that run on its node, if a drain would evict it.
func (j *joined) count(o *KubernetesObject, n int) {
	if o == nil || !o.isEvictable || o.node == nobody {
		return
	}
	here := j.running[o.node]
	if here == nil {
		here = make(map[string]int)
		if j.running == nil {
			j.running = make(map[kubeName]map[string]int)
		}
		j.running[o.node] = here
	}
	if here[o.ref.namespace] += n; here[o.ref.namespace] <= 0 {
		delete(here, o.ref.namespace)
	}
	if len(here) == 0 {
		delete(j.running, o.node)
	}
}

// replaceLoss takes over how a workload stands; new is nil if it is gone.
func (j *joined) replaceLoss(old, latest *KubernetesObject) {
	o := firstOf(latest, old)
	if o.replicas == (replicaCount{}) && len(j.lost) == 0 {
		return
	}
	name := nameOf(o.ref.kind, o.ref.namespace, o.ref.name)
	switch {
	case latest == nil || latest.replicas.ready > 0 || latest.replicas.wanted < 2:
		delete(j.lost, name)
	case old != nil && old.replicas.ready > 0 && old.replicas.wanted > 1 && latest.replicas.isSettled:
		if j.lost == nil {
			j.lost = make(map[kubeName]bool)
		}
		j.lost[name] = true
	}
}

// meets reports whether it is so what a state of an object needs.
func (j *joined) meets(o *KubernetesObject, n need) bool {
	switch n {
	case needsDrain:
		return j.inDrain(o.ref.namespace)
	case needsLoss:
		return j.lost[nameOf(o.ref.kind, o.ref.namespace, o.ref.name)]
	}
	return true
}

// inDrain reports whether a node is being drained on which pods of a namespace are left.
func (j *joined) inDrain(namespace string) bool {
	for node, c := range j.cordons {
		if c.isDrained && j.running[node][namespace] > 0 {
			return true
		}
	}
	return false
}

// replacePartner takes over a version of a budget or of what it may be about; new is nil if it is gone.
func (j *joined) replacePartner(old, latest *KubernetesObject) {
	for _, o := range [...]*KubernetesObject{old, latest} {
		if o == nil || o.selector == nil && o.podLabels == nil {
			continue
		}
		if j.spaces == nil {
			j.spaces = make(map[string]*space)
		}
		s := j.spaces[o.ref.namespace]
		if s == nil {
			s = &space{budgets: make(map[kubeName]*KubernetesObject), workloads: make(map[kubeName]*KubernetesObject)}
			j.spaces[o.ref.namespace] = s
		}
		set := s.budgets
		if o.selector == nil {
			set = s.workloads
		}
		name := nameOf(o.ref.kind, o.ref.namespace, o.ref.name)
		if set[name] = o; o != latest {
			delete(set, name)
		}
		if len(s.budgets)+len(s.workloads) == 0 {
			delete(j.spaces, o.ref.namespace)
		}
	}
}
