package rules

import (
	"slices"
	"strings"

	"quell/correlate"
	"quell/correlate/topology"
)

// entityRule maps labels to an entity and to what it depends on.
type entityRule struct {
	entity    source
	dependsOn []dependency
}

// source says which labels make up an entity, or what is made of labels.
type source struct {
	kind, name, namespace, cluster string
	made                           *sourceTexts // nil if all are labels as they are
}

// sourceTexts are expressions in the place of labels.
type sourceTexts struct{ name, namespace, cluster *expression }

// dependency leads from a rule's entity to another one.
type dependency struct {
	to       source
	edgeType string
}

// Labels that name the cluster, in order of preference.
var clusterLabels = []string{"cluster", "k8s_cluster"}

// Entity names what an alert with these labels is about, and the dependencies that the labels tell. In order: the label
// quell_entity if it holds a valid id; the first matching rule under "entities" whose labels are there; the built-in
// mapping, which always finds something.
func (s *Set) Entity(l correlate.Labels) (topology.Entity, []topology.Edge) {
	e, edges := s.entity(l)
	if s.usage != nil {
		s.causes.touch(e)
	}
	return e, edges
}

func (s *Set) entity(l correlate.Labels) (topology.Entity, []topology.Edge) {
	if id := l.Get("quell_entity"); id != "" {
		if e, err := topology.ParseEntity(id); err == nil {
			return e, nil
		}
	}
	sub := newSubject(l)
	for _, r := range s.entities.matching(l) {
		if e, ok := sub.entity(r.entity); ok {
			return e, r.edges(sub, e)
		}
	}
	for _, names := range s.targets.matching(l) {
		sub.ignored, sub.inside = append(sub.ignored, names...), nil
	}
	return sub.builtin()
}

// mapped returns the rule that names what an alert is about; ok is false if none does.
func (s *Set) mapped(l correlate.Labels) (h *head, e topology.Entity, ok bool) {
	if id := l.Get("quell_entity"); id != "" {
		if _, err := topology.ParseEntity(id); err == nil {
			return nil, "", false
		}
	}
	sub := newSubject(l)
	for h, r := range s.entities.matching(l) {
		if e, ok := sub.entity(r.entity); ok {
			return h, e, true
		}
	}
	return nil, "", false
}

func (r *entityRule) edges(sub *subject, from topology.Entity) []topology.Edge {
	var edges []topology.Edge
	for _, d := range r.dependsOn {
		if to, ok := sub.entity(d.to); ok && to != from {
			edges = append(edges, topology.Edge{From: from, To: to, Type: d.edgeType})
		}
	}
	return edges
}

// subject gives the labels that describe what an alert is about. Where a scraped target says pod="x" but Prometheus has a
// pod label of its own for the target, the target's becomes exported_pod: that one is about the subject.
type subject struct {
	labels   correlate.Labels
	exported bool     // there are labels exported_*
	ignored  []string // labels that are about the exporter
	question question // for expressions
	inside   *string  // the cluster, once somebody asked
}

const exportedPrefix = "exported_"

func newSubject(l correlate.Labels) *subject {
	s := &subject{labels: l}
	for name := range l.All() {
		s.exported = s.exported || strings.HasPrefix(name, exportedPrefix)
	}
	return s
}

func (s *subject) get(name string) string {
	if s.exported {
		if v := s.labels.Get(exportedPrefix + name); v != "" {
			return v
		}
	}
	if slices.Contains(s.ignored, name) {
		return ""
	}
	return s.labels.Get(name)
}

func (s *subject) cluster() string {
	if s.inside == nil {
		s.inside = new(string)
		for _, name := range clusterLabels {
			if v := s.get(name); v != "" {
				*s.inside = v
				break
			}
		}
	}
	return *s.inside
}

func (s *subject) entity(from source) (topology.Entity, bool) {
	made := from.made
	if made == nil {
		made = new(sourceTexts)
	}
	name := s.part(from.name, made.name)
	if name == "" {
		return "", false
	}
	namespace, cluster := "", s.cluster()
	if from.namespace != "" || made.namespace != nil {
		namespace = s.part(from.namespace, made.namespace)
	}
	if from.cluster != "" || made.cluster != nil {
		cluster = s.part(from.cluster, made.cluster)
	}
	// Labels may be as long and as odd as their sender likes. What makes no valid id names nothing.
	e, err := topology.ParseEntity(string(topology.NewEntity(from.kind, namespace, name, cluster)))
	return e, err == nil
}

// part is a label, or what is made of labels.
func (s *subject) part(label string, made *expression) string {
	if made == nil {
		return s.get(label)
	}
	s.question.labels = s.labels
	return made.text(&s.question)
}

// builtins are the labels that name an entity where no rule does, in order: from what is most specific to
// what is least.
var builtins = []source{
	{kind: "persistentvolumeclaim", name: "persistentvolumeclaim", namespace: "namespace"},
	{kind: "statefulset", name: "statefulset", namespace: "namespace"},
	{kind: "daemonset", name: "daemonset", namespace: "namespace"},
	{kind: "deployment", name: "deployment", namespace: "namespace"},
	{kind: "job", name: "job_name", namespace: "namespace"},
	{kind: "cronjob", name: "cronjob", namespace: "namespace"},
	{kind: "horizontalpodautoscaler", name: "horizontalpodautoscaler", namespace: "namespace"},
	{kind: "service", name: "service", namespace: "namespace"},
	{kind: "ingress", name: "ingress", namespace: "namespace"},
	// Names of devices are unique on their host at best.
	{kind: "device", name: "device", namespace: "instance"},
	{kind: "instance", name: "instance", namespace: "namespace"},
	{kind: "namespace", name: "namespace"},
}

// owners are the labels beside a pod label that name what depends on the pod.
var owners = []struct {
	source
	edgeType string
}{
	{source{kind: "service", name: "service", namespace: "namespace"}, "selects"},
	{source{kind: "deployment", name: "deployment", namespace: "namespace"}, "owns"},
	{source{kind: "statefulset", name: "statefulset", namespace: "namespace"}, "owns"},
	{source{kind: "daemonset", name: "daemonset", namespace: "namespace"}, "owns"},
}

func (s *subject) builtin() (topology.Entity, []topology.Edge) {
	node, onNode := s.node()
	if pod, ok := s.entity(source{kind: "pod", name: "pod", namespace: "namespace"}); ok {
		var edges []topology.Edge
		if onNode {
			edges = append(edges, topology.Edge{From: pod, To: node, Type: "runs_on"})
		}
		for _, o := range owners {
			if owner, ok := s.entity(o.source); ok {
				edges = append(edges, topology.Edge{From: owner, To: pod, Type: o.edgeType})
			}
		}
		return pod, edges
	}
	if onNode {
		return node, nil
	}
	for _, b := range builtins {
		if e, ok := s.entity(b); ok {
			return e, nil
		}
	}
	return s.alert(), nil
}

// node is the node that the labels name. Jobs that measure nodes name them by instance, with a port.
func (s *subject) node() (topology.Entity, bool) {
	if e, ok := s.entity(source{kind: "node", name: "node"}); ok {
		return e, true
	}
	switch s.labels.Get("job") {
	case "node-exporter", "node_exporter", "kubelet":
	default:
		return "", false
	}
	host := s.get("instance")
	if i := strings.LastIndexByte(host, ':'); i > 0 && strings.Trim(host[i+1:], "0123456789") == "" {
		host = strings.Trim(host[:i], "[]")
	}
	if host == "" {
		return "", false
	}
	e, err := topology.ParseEntity(string(topology.NewEntity("node", "", host, s.cluster())))
	return e, err == nil
}

// alert is an entity made from the alert itself, so that it counts although it names nothing. Labels that tell
// apart alerts of one name make it one entity each.
func (s *subject) alert() topology.Entity {
	fingerprint := s.labels.Fingerprint().String()
	name := s.labels.Get("alertname")
	for label := range s.labels.All() {
		switch label {
		case "alertname", "severity", "cluster", "k8s_cluster", "prometheus", "webhook":
		default:
			name = strings.TrimPrefix(s.labels.Get("alertname")+"-"+fingerprint, "-")
		}
	}
	e, err := topology.ParseEntity(string(topology.NewEntity("alert", "", name, s.cluster())))
	if err != nil {
		return topology.Entity("alert/" + fingerprint)
	}
	return e
}
