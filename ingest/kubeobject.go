package ingest

import (
	"maps"
	"slices"
	"time"
	"unique"

	"quell/correlate"
	"quell/correlate/topology"
)

// KubernetesObject is what quell keeps of one object: who it is, what it tells of its state and its dependencies, and what is compared to
// see changes. It shares no memory with what it was read from, and never changes, so it may be shared between goroutines.
type KubernetesObject struct {
	ref                  reference
	uid, resourceVersion string
	created              kubeTime
	// event is what an Event tells, without cluster and source, its time as it stands there; nil for objects of other kinds.
	event *correlate.Event
	// states and links are what the object tells.
	states []kubeState
	links  []kubeLink
	// setup is what is compared to see changes; nil if none are told. owner controls a replica set.
	setup    *setup
	owner    kubeName
	ownerUID string
	// replicas is how a workload stands.
	replicas replicaCount
	// node is where a pod runs; isEvictable is true if it would leave in a drain, isEvicted if it was asked to.
	node                   kubeName
	isEvictable, isEvicted bool
	// endpoints is set for an EndpointSlice of a service, selector for a disruption budget, podLabels for what has pods to protect.
	endpoints *endpointCount
	selector  selector
	podLabels map[string]string
	// malformed counts entries of the annotation about dependencies that name nothing.
	malformed int
}

// ObjectError says that an object is well formed and of no use, since it does not say what it is about.
type ObjectError struct {
	// Reason says why; text of the sender in it is quoted and bounded.
	Reason string
}

// Error returns the reason.
func (e *ObjectError) Error() string { return e.Reason }

// ReadKubernetesObject reads one object, as it stands in a frame of a watch. It keeps nothing of raw. The error is a [*BodyError] if raw is
// malformed, and an [*ObjectError] if it cannot be used. Objects of kinds that quell does not know are read, and tell nothing.
func ReadKubernetesObject(raw []byte, lim Limits) (*KubernetesObject, error) {
	return ReadKubernetesObjectAs("", raw, lim)
}

// ReadKubernetesObjectAs is [ReadKubernetesObject] for an item of a list, whose kind API servers leave out, or an object of which only the
// metadata was asked for: then it is of the given kind.
func ReadKubernetesObjectAs(kind string, raw []byte, lim Limits) (*KubernetesObject, error) {
	r := kubeReader{scanner: scanner{data: raw}, lim: lim.withDefaults()}
	var o kubeObject
	if err := r.object(&o); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if kind != "" && (o.kind == "" || o.kind == "PartialObjectMetadata") {
		o.kind, o.apiVersion = kind, ""
	}
	if o.hasItems {
		r.refuse("it is a list")
	}
	k := r.compact(&o)
	if r.refusal != "" {
		return nil, &ObjectError{r.refusal}
	}
	return k, nil
}

// Kind is the object's kind, as Kubernetes writes it.
func (o *KubernetesObject) Kind() string { return o.ref.kind }

// Namespace is empty for objects that have none.
func (o *KubernetesObject) Namespace() string { return o.ref.namespace }

// Name is unique among the objects of a kind and namespace.
func (o *KubernetesObject) Name() string { return o.ref.name }

// UID tells objects apart that had the same name one after the other; possibly empty.
func (o *KubernetesObject) UID() string { return o.uid }

// ResourceVersion is the version of the object, which is opaque; possibly empty.
func (o *KubernetesObject) ResourceVersion() string { return o.resourceVersion }

// IsEvent reports whether the object is an Event, of either API.
func (o *KubernetesObject) IsEvent() bool { return o.event != nil }

// Entity names the object, without its cluster: see [KubernetesLens.Entity].
func (o *KubernetesObject) Entity() topology.Entity {
	e, err := entityOf(o.ref)
	if err != nil {
		return ""
	}
	return e
}

// Due returns the first moment after seen at which the object tells something else though it did not change, such as a pod that should
// have become ready by then; it is zero if there is none. Then it is time for [KubernetesLens.Again].
func (o *KubernetesObject) Due(seen time.Time) (due time.Time) {
	after, first := kubeTime(seen.Unix()), kubeTime(0)
	for i := range o.states {
		for _, at := range [...]kubeTime{o.states[i].from, o.states[i].until} {
			if at > after && (first == 0 || at < first) {
				first = at
			}
		}
	}
	return first.time()
}

// same reports whether two versions of an object tell the same.
func (o *KubernetesObject) same(other *KubernetesObject) bool {
	if isSlice(o) != isSlice(other) || isSlice(o) && *o.endpoints != *other.endpoints {
		return false
	}
	if (o.setup == nil) != (other.setup == nil) || o.setup != nil && *o.setup != *other.setup {
		return false
	}
	if o.replicas != other.replicas || o.node != other.node || o.isEvictable != other.isEvictable || o.isEvicted != other.isEvicted {
		return false
	}
	return o.uid == other.uid && slices.Equal(o.states, other.states) && slices.Equal(o.links, other.links) &&
		maps.Equal(o.podLabels, other.podLabels) && slices.EqualFunc(o.selector, other.selector, requirement.equal)
}

// kubeTime is a time in Unix seconds, which is as exact as times of objects are; zero is none.
type kubeTime int64

func timeAt(t time.Time) kubeTime {
	if t.IsZero() {
		return 0
	}
	return kubeTime(t.Unix())
}

func (t kubeTime) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(int64(t), 0).UTC()
}

// after is the time d later; none stays none.
func (t kubeTime) after(d time.Duration) kubeTime {
	if t == 0 {
		return 0
	}
	return t + kubeTime(d/time.Second)
}

// kubeName is an entity without its cluster. Most are named by many objects, which share one copy. The zero value names nobody.
type kubeName = unique.Handle[topology.Entity]

var nobody kubeName

// nameOf names what a reference refers to; nobody if that is nothing, or nothing that can be named.
func nameOf(kind, namespace, name string) kubeName {
	if kind == "" || name == "" {
		return nobody
	}
	e, err := entityOf(reference{kind, namespace, name})
	if err != nil {
		return nobody
	}
	return unique.Make(e)
}

// kubeState is what an object tells of itself, or of another one, at any moment between two.
type kubeState struct {
	// about is nobody if the state is that of the object itself.
	about kubeName
	// reason is the word for it, message what people read; id tells one cause of it from another.
	reason, message, id string
	// at is since when it is so, or none: as of when it is told.
	at kubeTime
	// from and until bound when it is told; none is no bound.
	from, until kubeTime
	// needs is what must be so besides.
	needs need
}

// need is what takes more than the object itself to know; the zero value is nothing.
type need uint8

const (
	// needsDrain is that somebody waits for pods to leave a node.
	needsDrain need = iota + 1
	// needsLoss is that a workload had replicas, and lost them.
	needsLoss
)

func (s *kubeState) holds(now kubeTime) bool {
	return now >= s.from && (s.until == 0 || now < s.until)
}

// kubeLink is a dependency that an object tells.
type kubeLink struct {
	// from is nobody if it is the object itself that depends, to if it is what is depended on.
	from, to kubeName
	typ      string
	// isOver is true if the object tells that this dependency, which it had once, is no more.
	isOver bool
}
