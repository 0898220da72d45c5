package mention

import (
	"strings"

	"quell/correlate/topology"
)

// form is how names stand behind a phrase. The zero value is invalid.
type form uint8

const (
	oneName     form = iota + 1
	inNamespace      // namespace/name
	nameList         // names, separated by commas
	clauseEnd        // a name that ends a clause: "on node because" names none
)

// phrases are what Kubernetes components write before names without quotation marks, as in their sources.
var phrases = [...]struct {
	text string
	form form
	res  resource
}{
	{"exceeded quota: ", oneName, resources["resourcequota"]},
	{"failed quota: ", oneName, resources["resourcequota"]},
	{"error looking up service account ", inNamespace, resources["serviceaccount"]},
	{" in ConfigMap ", inNamespace, resources["configmap"]},
	{" in Secret ", inNamespace, resources["secret"]},
	{"image pull secrets (", nameList, resources["secret"]},
	{"error processing PVC ", inNamespace, resources["persistentvolumeclaim"]},
	{"no PriorityClass with name ", oneName, resources["priorityclass"]},
	{"external provisioner '", oneName, resources["csidriver"]},
	{"external provisioner \"", oneName, resources["csidriver"]},
	{"driver name ", oneName, resources["csidriver"]},
	{"unable to create new content in namespace ", oneName, resources["namespace"]},
	{"used by pod(s) ", nameList, usurper},
	{"Preempted by ", inNamespace, usurper},
	{"failed daemon pod ", inNamespace, ownPod},
	{"recreating failed Pod ", oneName, ownPod},
	{" on node ", clauseEnd, resources["node"]},
	{" to node ", clauseEnd, resources["node"]},
	{" from node ", clauseEnd, resources["node"]},
}

// phrases reads the names behind each phrase, wherever it occurs.
func (r *reader) phrases() {
	for i := range phrases {
		p := &phrases[i]
		for s := r.message; len(r.edges) < MaxEdges; {
			at := strings.Index(s, p.text)
			if at < 0 {
				break
			}
			s = s[at+len(p.text):]
			r.phrase(p.form, p.res, s)
		}
	}
	if s, ok := strings.CutPrefix(r.message, "Successfully assigned "); ok {
		_, node, _ := strings.Cut(s, " to ")
		r.phrase(clauseEnd, resources["node"], node)
	}
	// Autoscalers ask for this version and no other.
	if strings.Contains(r.message, "from resource metrics API") {
		r.name(apiService, "v1beta1.metrics.k8s.io")
	}
	if strings.Contains(r.message, "from external metrics API") {
		r.name(apiService, "v1beta1.external.metrics.k8s.io")
	}
}

func (r *reader) phrase(f form, res resource, s string) {
	name, rest := token(s)
	switch f {
	case oneName:
		r.name(res, name)
	case inNamespace:
		if strings.Contains(name, "/") {
			r.name(res, name)
		}
	case clauseEnd:
		if !strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, " (") {
			r.name(res, name)
		}
	case nameList:
		r.name(res, name)
		for strings.HasPrefix(rest, ", ") && len(r.edges) < MaxEdges {
			name, rest = token(rest[2:])
			r.name(res, name)
		}
	}
}

// limits blames the namespace for what its quota or limit range refused where the message does not name that one.
func (r *reader) limits() {
	for _, e := range r.edges {
		if e.Type == "limited_by" {
			return
		}
	}
	for _, sign := range [...]string{"exceeded quota", " usage per Container is ", " usage per Pod is ", " usage per PersistentVolumeClaim is ", " request ratio per "} {
		if strings.Contains(r.message, sign) && isLabel(r.namespace) {
			r.depend("limited_by", topology.NewEntity("namespace", "", r.namespace, r.about.Cluster()))
			return
		}
	}
}
