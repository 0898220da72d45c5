package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

const (
	// kubernetesSource is the source of what comes without the name of a cluster.
	kubernetesSource = "kubernetes"
	// maxWordBytes bounds the short texts of an event: reason, component, id.
	maxWordBytes = 256
	// maxDependsOnBytes bounds the annotations that quell reads.
	maxDependsOnBytes = 4 << 10
	// maxNameBytes bounds names within reason; what is longer is refused as an entity.
	maxNameBytes = topology.MaxEntityBytes + 1
)

// Kubernetes is what a body of Kubernetes objects holds.
type Kubernetes struct {
	// Inputs are *correlate.Event and *correlate.Topology, in the order of the body, but those of a list in order of time. They share
	// no memory with the body.
	Inputs []correlate.Input
	// Rejections are of items that are no usable object. In JSON lines, a line that cannot be read is one of them.
	Rejections
	// Ignored counts objects that tell quell nothing.
	Ignored int
	// Malformed counts entries of the annotation quell.dev/depends-on that name no entity.
	Malformed int
	// Skewed counts events with a time so far in the future that it was replaced by the present.
	Skewed int
}

// DecodeKubernetes reads an Event of core/v1 or events.k8s.io/v1, an EventList of either, one object of another
// kind, or JSON lines of these. API servers promise little about events, so a field that is missing or of a wrong type is
// no reason to reject; an event that does not say what it is about is.
//
// Objects of other kinds tell what they depend on, and how they are: see [KubernetesLens.Observe], which sees each of them for the first
// time here. Kinds and objects that say neither are ignored and counted.
//
// The error is a [*BodyError]: the body is malformed, and nothing of it is taken. DecodeKubernetes does not keep body.
func DecodeKubernetes(body []byte, now time.Time, lim Limits) (*Kubernetes, error) {
	r := newKubeReader(body, now, lim)
	var err error
	if isLines(body) {
		err = r.lines(body)
	} else {
		err = r.document()
	}
	if err != nil {
		return nil, err
	}
	return &r.out, nil
}

// isLines reports whether the body holds a line for each object: the first line is an object, and there are more.
func isLines(body []byte) bool {
	first, rest, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	first = bytes.TrimSpace(first)
	return bytes.HasPrefix(first, []byte("{")) && bytes.HasSuffix(first, []byte("}")) && len(rest) > 0
}

// kubeObject is an object of any kind while it is read. What is in spec and status depends on the kind, which may stand behind them.
type kubeObject struct {
	apiVersion, kind, namespace, name string
	id, resourceVersion               string
	created                           time.Time
	// owner is the controller among the owners.
	owner   reference
	ownerID string
	// generation counts changes of the spec; deleting is true once somebody asked for the object's removal.
	generation  int
	deleting    bool
	labels      kubeLabels
	annotations kubeAnnotations
	// spec and so on are JSON whose syntax was checked. They share memory with the body.
	spec, status, endpoints, data, binaryData, managed []byte

	// about is whom an Event is about.
	about                              reference
	class, reason, message             string
	component, reporter                string
	first, last, eventTime, seriesLast time.Time
	count, seriesCount                 int
	hasAbout, hasItems, isItem         bool

	// pod is the spec of a pod, and how the status of any object, once somebody asked for them.
	pod *podSpec
	how *kubeStatus
}

// kubeStatus reads the status.
func (o *kubeObject) kubeStatus() *kubeStatus {
	if o.how == nil {
		s := lenient[kubeStatus](o.status)
		o.how = &s
	}
	return o.how
}

// podSpec reads the spec of a pod.
func (o *kubeObject) podSpec() *podSpec {
	if o.pod == nil {
		spec := lenient[podSpec](o.spec)
		o.pod = &spec
	}
	return o.pod
}

type reference struct{ kind, namespace, name string }

// kubeLabels are the labels that say what an object is part of.
type kubeLabels struct{ service, zone, region string }

// at is where the label of a key is kept; nil if nobody asks for it.
func (l *kubeLabels) at(key string) *string {
	switch key {
	case "kubernetes.io/service-name":
		return &l.service
	case "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone":
		return &l.zone
	case "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region":
		return &l.region
	}
	return nil
}

// kubeAnnotations are the annotations that tell dependencies and changes.
type kubeAnnotations struct{ dependsOn, revision string }

// at is where the annotation of a key is kept; nil if nobody asks for it.
func (a *kubeAnnotations) at(key string) *string {
	switch key {
	case "quell.dev/depends-on":
		return &a.dependsOn
	case "deployment.kubernetes.io/revision":
		return &a.revision
	}
	return nil
}

// kubeReader reads objects one after the other.
type kubeReader struct {
	scanner
	lim Limits
	// lens and now are what is read for, unless it is to be kept.
	lens KubernetesLens
	now  time.Time
	// index counts the items of the body.
	index int
	// refusal is the first reason why the current item cannot be taken; empty if it can.
	refusal string
	out     Kubernetes
}

func newKubeReader(body []byte, now time.Time, lim Limits) *kubeReader {
	return &kubeReader{scanner: scanner{data: body}, lim: lim.withDefaults(), lens: KubernetesLens{Source: kubernetesSource, Limits: lim}, now: now}
}

// lines reads each line as a document of its own. Since JSON has no newline within strings, a line that cannot
// be read does not spoil the next.
func (r *kubeReader) lines(body []byte) error {
	for line := range bytes.Lines(body) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		r.scanner = scanner{data: line, keys: r.keys[:0], keyText: r.keyText[:0], scratch: r.scratch}
		err := r.document()
		if bad, ok := errors.AsType[*BodyError](err); ok && r.index < r.lim.Items {
			r.out.reject(r.index, bad.Error())
			r.index++
		} else if err != nil {
			return err
		}
	}
	return nil
}

// document reads one object or list.
func (r *kubeReader) document() error {
	var o kubeObject
	before := len(r.out.Inputs)
	r.refusal = ""
	if err := r.object(&o); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	if o.hasItems {
		slices.SortStableFunc(r.out.Inputs[before:], byTime)
		return nil
	}
	return r.take(&o)
}

// byTime orders events: a list of them has an order of its own, by name, in which recovery may come before what it ended. What
// is no event comes first, so that dependencies are known.
func byTime(a, b correlate.Input) int {
	return timeOf(a).Compare(timeOf(b))
}

func timeOf(in correlate.Input) time.Time {
	if e, ok := in.(*correlate.Event); ok {
		return e.At
	}
	return time.Time{}
}

// items reads the items of a list.
func (r *kubeReader) items() error {
	if r.peek() != '[' {
		return r.skip()
	}
	return r.array(func() error {
		o := kubeObject{isItem: true}
		r.refusal = ""
		if r.peek() != '{' {
			r.refuse("the item is not an object")
			if err := r.skip(); err != nil {
				return err
			}
		} else if err := r.object(&o); err != nil {
			return err
		}
		return r.take(&o)
	})
}

// take adds what an object tells to the result.
func (r *kubeReader) take(o *kubeObject) error {
	if r.index >= r.lim.Items {
		return r.fail(r.pos, "more than %d objects", r.lim.Items)
	}
	k := r.compact(o)
	switch {
	case r.refusal != "":
		r.out.reject(r.index, r.refusal)
	case k == nil:
		r.out.Ignored++
	default:
		told := r.lens.Observe(nil, k, r.now)
		r.out.Inputs = append(r.out.Inputs, told.Inputs...)
		r.out.Ignored += told.Ignored
		r.out.Skewed += told.Skewed
		r.out.Malformed += told.Malformed
	}
	r.index++
	return nil
}

// compact keeps of an object what quell needs of it; nil if that is nothing, or if the object was refused.
func (r *kubeReader) compact(o *kubeObject) *KubernetesObject {
	switch {
	case r.refusal != "":
		return nil
	case o.isEvent():
		return r.event(o)
	case o.kind == "" && o.isItem:
		return nil
	case o.kind == "":
		r.refuse("the object is no Event and has no kind")
		return nil
	}
	k := o.identity()
	if r.entity(o.self()) == "" {
		return nil
	}
	told := r.states(o)
	k.states, k.replicas = slices.Clone(told.list), told.replicas
	o.linkTo(k)
	k.setup = o.setUp()
	switch o.kind {
	case "ReplicaSet":
		k.owner, k.ownerUID = nameOf(o.owner.kind, o.namespace, o.owner.name), o.ownerID
	case "Pod":
		o.placeIn(k)
	}
	return k
}

// identity is who an object is.
func (o *kubeObject) identity() *KubernetesObject {
	return &KubernetesObject{
		ref: o.self(),
		uid: o.id, resourceVersion: o.resourceVersion, created: timeAt(o.created),
	}
}

// refuse notes why the current item cannot be taken.
func (r *kubeReader) refuse(format string, args ...any) {
	if r.refusal == "" {
		r.refusal = fmt.Sprintf(format, args...)
	}
}

// isEvent recognises events, those too that lost their kind: API servers leave it out in the items of a list.
func (o *kubeObject) isEvent() bool {
	switch o.kind {
	case "":
		return o.hasAbout
	case "Event":
		return o.apiVersion == "" || o.apiVersion == "v1" || strings.HasPrefix(o.apiVersion, "events.k8s.io/")
	}
	return false
}

// event normalises an event: emitters and the two APIs put the same things into different fields.
func (r *kubeReader) event(o *kubeObject) *KubernetesObject {
	about := r.entity(o.about)
	if about == "" {
		return nil
	}
	k := o.identity()
	k.event = &correlate.Event{
		ID:        o.id,
		Entity:    about,
		Reason:    o.reason,
		Component: firstOf(o.component, o.reporter),
		Message:   o.message,
		Warning:   o.class == "Warning",
		Count:     max(1, firstOf(o.seriesCount, o.count)),
		At:        firstOf(o.seriesLast, o.last, o.eventTime, o.first, o.created),
	}
	return k
}

// self refers to the object.
func (o *kubeObject) self() reference { return reference{o.kind, o.namespace, o.name} }

// entity names what a reference refers to; what has no usable name is refused.
func (r *kubeReader) entity(ref reference) topology.Entity {
	if ref.kind == "" || ref.name == "" {
		r.refuse("kind %s, name %s: nothing is named", quote([]byte(ref.kind)), quote([]byte(ref.name)))
		return ""
	}
	e, err := entityOf(ref)
	if err != nil {
		r.refuse("kind %s, name %s: %.200v", quote([]byte(ref.kind)), quote([]byte(ref.name)), err)
	}
	return e
}

func entityOf(ref reference) (topology.Entity, error) {
	if clusterScoped[ref.kind] {
		ref.namespace = "" // events about nodes live in a namespace, nodes do not
	}
	return topology.ParseEntity(string(topology.NewEntity(ref.kind, ref.namespace, ref.name, "")))
}

// clusterScoped are the kinds whose objects have no namespace, whatever the reference says.
var clusterScoped = map[string]bool{
	"Node": true, "Namespace": true, "PersistentVolume": true, "StorageClass": true, "VolumeAttachment": true,
	"CSINode": true, "Zone": true, "Region": true, "GatewayClass": true, "ClusterRole": true, "IngressClass": true, "CustomResourceDefinition": true, "PriorityClass": true,
}

// firstOf returns the first value that is not zero.
func firstOf[T comparable](values ...T) (v T) {
	var zero T
	for _, v = range values {
		if v != zero {
			return v
		}
	}
	return v
}

// textInto reads a string of at most maxBytes, the rest is cut off. What is no string counts as missing.
func (r *kubeReader) textInto(dst *string, maxBytes int) error {
	if r.peek() != '"' {
		return r.skip()
	}
	t, err := r.text("a string")
	if err != nil {
		return err
	}
	r.scratch = r.scratch[:0]
	b, fault := t.decode(&r.scratch)
	if fault != "" {
		r.refuse("a string has %s", fault)
		return nil
	}
	*dst = string(cut(b, maxBytes))
	return nil
}

// timeInto reads a time; what is none counts as missing.
func (r *kubeReader) timeInto(dst *time.Time) error {
	var s string
	err := r.textInto(&s, maxWordBytes)
	if t, ok := parseTime([]byte(s)); ok {
		*dst = t
	}
	return err
}

// countInto reads a whole number; what is none counts as missing.
func (r *kubeReader) countInto(dst *int) error {
	if c := r.peek(); c < '0' || c > '9' {
		return r.skip()
	}
	b, err := r.number()
	if n, bad := strconv.ParseInt(string(b), 10, 32); err == nil && bad == nil {
		*dst = int(n)
	}
	return err
}
