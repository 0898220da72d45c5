package ingest

import (
	"bytes"
	"errors"
	"fmt"
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
	// maxNameBytes bounds names within reason; what is longer is refused as an entity.
	maxNameBytes = topology.MaxEntityBytes + 1
)

// Kubernetes is what a body of Kubernetes objects holds.
type Kubernetes struct {
	// Inputs are *correlate.Event and *correlate.Topology, in the order of the body. They share no memory with it.
	Inputs []correlate.Input
	// Rejections are of items that are no usable object. In JSON lines, a line that cannot be read is one of them.
	Rejections
	// Ignored counts objects that tell quell nothing.
	Ignored int
	// Skewed counts events with a time so far in the future that it was replaced by the present.
	Skewed int
}

// DecodeKubernetes reads an Event of core/v1 or events.k8s.io/v1, an EventList of either, one object of another
// kind, or JSON lines of these. API servers promise little about events, so a field that is missing or of a wrong type is
// no reason to reject; an event that does not say what it is about is.
//
// A Pod tells which node it runs on and who owns it, a ReplicaSet who owns it; other kinds are ignored and counted.
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

// DecodeKubernetesObject reads one object of a watch. If it was deleted, the entity is removed from the topology, but
// a deleted Event is ignored: events expire, which says nothing about what they told. Errors are as in
// [DecodeKubernetes].
func DecodeKubernetesObject(raw []byte, deleted bool, now time.Time, lim Limits) (*Kubernetes, error) {
	r := newKubeReader(raw, now, lim)
	r.deleted = deleted
	if err := r.document(); err != nil {
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

// kubeObject is an object of any kind while it is read: what quell looks at in Events, Pods and ReplicaSets.
type kubeObject struct {
	apiVersion, kind, namespace, name string
	created                           time.Time
	// owner is the controller among the owners.
	owner reference
	// node is where a Pod runs.
	node string

	// about is whom an Event is about.
	about                              reference
	id, class, reason, message         string
	component, reporter                string
	first, last, eventTime, seriesLast time.Time
	count, seriesCount                 int
	hasAbout, hasItems, isItem         bool
}

type reference struct{ kind, namespace, name string }

// kubeReader reads objects one after the other.
type kubeReader struct {
	scanner
	lim     Limits
	now     time.Time
	deleted bool
	// index counts the items of the body.
	index int
	// refusal is the first reason why the current item cannot be taken; empty if it can.
	refusal string
	out     Kubernetes
}

func newKubeReader(body []byte, now time.Time, lim Limits) *kubeReader {
	return &kubeReader{scanner: scanner{data: body}, lim: lim.withDefaults(), now: now.UTC().Round(0)}
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
	r.refusal = ""
	if err := r.object(&o); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	if o.hasItems {
		return nil
	}
	return r.take(&o)
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
	var in correlate.Input
	switch {
	case r.refusal != "":
	case o.isEvent() && r.deleted:
	case o.isEvent():
		in = r.event(o)
	case o.kind == "" && !o.isItem:
		r.refuse("the object is no Event and has no kind")
	case r.deleted:
		in = r.removal(o)
	default:
		in = r.topology(o)
	}
	switch {
	case r.refusal != "":
		r.out.reject(r.index, r.refusal)
	case in == nil:
		r.out.Ignored++
	default:
		r.out.Inputs = append(r.out.Inputs, in)
	}
	r.index++
	return nil
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
func (r *kubeReader) event(o *kubeObject) correlate.Input {
	e := &correlate.Event{
		ID:        o.id,
		Entity:    r.entity(o.about),
		Reason:    o.reason,
		Component: firstOf(o.component, o.reporter),
		Message:   o.message,
		Warning:   o.class == "Warning",
		Count:     max(1, firstOf(o.seriesCount, o.count)),
		Source:    kubernetesSource,
	}
	if e.Entity == "" {
		return nil
	}
	at, skewed := r.lim.clamp(firstOf(o.seriesLast, o.last, o.eventTime, o.first, o.created, r.now), r.now)
	if skewed {
		r.out.Skewed++
	}
	e.At = at
	return e
}

// topology makes dependencies of a Pod or ReplicaSet: a pod's owner depends on it, and it depends on its node.
func (r *kubeReader) topology(o *kubeObject) correlate.Input {
	if o.kind != "Pod" && o.kind != "ReplicaSet" {
		return nil
	}
	self := r.entity(reference{o.kind, o.namespace, o.name})
	u := topology.Update{Entities: []topology.Labeled{{ID: self}}}
	if o.kind == "Pod" && o.node != "" {
		u.Edges = append(u.Edges, topology.Edge{From: self, To: r.entity(reference{kind: "Node", name: o.node}), Type: "runs_on"})
	}
	// A static pod is owned by its node; that a node depends on what runs on it is not what it means.
	if o.owner.name != "" && o.owner.kind != "Node" {
		owner := r.entity(reference{o.owner.kind, o.namespace, o.owner.name})
		u.Edges = append(u.Edges, topology.Edge{From: owner, To: self, Type: "owns"})
	}
	return &correlate.Topology{Update: u, Source: kubernetesSource}
}

// removal removes a deleted object with all its dependencies.
func (r *kubeReader) removal(o *kubeObject) correlate.Input {
	self := r.entity(reference{o.kind, o.namespace, o.name})
	return &correlate.Topology{Update: topology.Update{RemoveEntities: []topology.Entity{self}}, Source: kubernetesSource}
}

// entity names what a reference refers to; what has no usable name is refused.
func (r *kubeReader) entity(ref reference) topology.Entity {
	if ref.kind == "" || ref.name == "" {
		r.refuse("kind %s, name %s: nothing is named", quote([]byte(ref.kind)), quote([]byte(ref.name)))
		return ""
	}
	if clusterScoped[ref.kind] {
		ref.namespace = "" // events about nodes live in a namespace, nodes do not
	}
	e, err := topology.ParseEntity(string(topology.NewEntity(ref.kind, ref.namespace, ref.name, "")))
	if err != nil {
		r.refuse("kind %s, name %s: %.200v", quote([]byte(ref.kind)), quote([]byte(ref.name)), err)
	}
	return e
}

// clusterScoped are the kinds whose objects have no namespace, whatever the reference says.
var clusterScoped = map[string]bool{
	"Node": true, "Namespace": true, "PersistentVolume": true, "StorageClass": true, "VolumeAttachment": true,
	"CSINode": true, "ClusterRole": true, "CustomResourceDefinition": true, "PriorityClass": true,
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
