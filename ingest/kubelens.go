package ingest

import (
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// stateComponent is the component of the events that say how an object is. Their reason is one of a fixed set of words: what
// they mean is said by rules, in the pack "kubernetes".
const stateComponent = "quell/state"

// KubernetesLens turns what is seen of the objects of one cluster into inputs.
type KubernetesLens struct {
	// Cluster stands behind the '@' of entities; none if it is empty.
	Cluster string
	// Source is the source of all inputs: "kubernetes/NAME", or "kubernetes" for a cluster without a name.
	Source string
	Limits Limits
}

// Observe returns what is to be told of an object when it is seen for the first time (old is nil), when it changed, and when it was
// deleted (new is nil). Nothing is told if nothing changed that matters; that counts as ignored. Times further in the future than
// [Limits.ClockSkew] allows become now.
//
// Each object tells its own dependencies, and takes back those alone when it goes: what others tell about it stays for as long as they
// do, as a pod goes on to need a config map that is gone. A deleted Event tells nothing: events expire.
func (l *KubernetesLens) Observe(old, new *KubernetesObject, now time.Time) Kubernetes {
	v := l.look(now)
	switch {
	case new == nil && (old == nil || old.event != nil):
	case new == nil:
		v.removal(old)
	case new.event != nil:
		if old == nil || old.event == nil || *old.event != *new.event {
			v.event(new.event)
		}
	case old == nil || !old.same(new):
		v.links(old, new)
		v.states(new)
	}
	return v.result()
}

// Again returns the states of an object that did not change, as [KubernetesObject.Due] asks for.
func (l *KubernetesLens) Again(o *KubernetesObject, now time.Time) Kubernetes {
	v := l.look(now)
	v.states(o)
	return v.result()
}

// Entity names an object of the cluster.
func (l *KubernetesLens) Entity(o *KubernetesObject) topology.Entity { return l.inCluster(o.Entity()) }

// inCluster puts the cluster behind an entity without one; it returns none if that gets too long.
func (l *KubernetesLens) inCluster(e topology.Entity) topology.Entity {
	if l.Cluster == "" || e == "" || e.Cluster() != "" {
		return e
	}
	e += topology.Entity("@" + l.Cluster)
	if len(e) > topology.MaxEntityBytes {
		return ""
	}
	return e
}

// look is one look at an object through the lens.
type look struct {
	lens *KubernetesLens
	lim  Limits
	now  time.Time
	out  Kubernetes
}

func (l *KubernetesLens) look(now time.Time) look {
	return look{lens: l, lim: l.Limits.withDefaults(), now: now.UTC().Round(0)}
}

func (v *look) result() Kubernetes {
	if len(v.out.Inputs) == 0 {
		v.out.Ignored = 1
	}
	return v.out
}

// name is the entity that n names, or self if n is nobody.
func (v *look) name(n kubeName, self topology.Entity) topology.Entity {
	if n == nobody {
		return self
	}
	return v.lens.inCluster(n.Value())
}

// tell adds an event, unless its entity could not be named.
func (v *look) tell(e correlate.Event) {
	if e.Entity == "" {
		return
	}
	e.Source = v.lens.Source
	v.out.Inputs = append(v.out.Inputs, &e)
}

// event tells what an Event says.
func (v *look) event(found *correlate.Event) {
	e := *found
	at, skewed := v.lim.clamp(firstOf(e.At, v.now), v.now)
	if skewed {
		v.out.Skewed++
	}
	e.At, e.Entity = at, v.lens.inCluster(e.Entity)
	v.tell(e)
	v.deletion(&e)
}

// deletion tells of the pod that a controller says it deleted. Only the text names it, and it has been the same since the first
// releases; without it the pod's symptoms would have to fade.
func (v *look) deletion(e *correlate.Event) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(e.Message, "(combined from similar events): "), "Deleted pod: ")
	if pod := nameOf("Pod", e.Entity.Namespace(), name); ok && pod != nobody && e.Reason == "SuccessfulDelete" {
		v.tell(correlate.Event{Entity: v.name(pod, ""), Reason: "PodTerminating", Component: stateComponent, Count: 1, At: e.At})
	}
}

// removal ends what a deleted object showed, and takes back the dependencies that it told.
func (v *look) removal(o *KubernetesObject) {
	v.tell(correlate.Event{Entity: v.lens.Entity(o), Reason: "Deleted", Component: stateComponent, Count: 1, At: v.now})
	v.links(o, nil)
}

// states tells those that hold now.
func (v *look) states(o *KubernetesObject) {
	self := v.lens.Entity(o)
	for i := range o.states {
		s := &o.states[i]
		if !s.holds(kubeTime(v.now.Unix())) {
			continue
		}
		at, _ := v.lim.clamp(firstOf(s.at.time(), v.now), v.now)
		v.tell(correlate.Event{
			ID: s.id, Entity: v.name(s.about, self), Reason: s.reason, Component: stateComponent, Message: s.message, Count: 1, At: at,
		})
	}
}

// links tells the dependencies that an object has now and had not before, and takes back those that it does not have any more.
func (v *look) links(old, new *KubernetesObject) {
	var u topology.Update
	var before, after, over []topology.Edge
	if old != nil {
		before, _ = v.edges(old)
	}
	if new != nil {
		after, over = v.edges(new)
	}
	u.RemoveEdges = missing(append(over, before...), after)
	u.Edges = missing(after, before)
	if len(u.Edges)+len(u.RemoveEdges) > 0 {
		v.out.Inputs = append(v.out.Inputs, &correlate.Topology{Update: u, Source: v.lens.Source})
	}
}

// edges are the dependencies that an object tells, and those that it tells are over.
func (v *look) edges(o *KubernetesObject) (edges, over []topology.Edge) {
	self := v.lens.Entity(o)
	for i := range o.links {
		link := &o.links[i]
		e := topology.Edge{From: v.name(link.from, self), To: v.name(link.to, self), Type: link.typ}
		switch {
		case e.From == "" || e.To == "":
		case link.isOver:
			over = append(over, e)
		default:
			edges = append(edges, e)
		}
	}
	return edges, over
}

// missing returns the edges of a list, each once, that are not in another one.
func missing(edges, from []topology.Edge) (list []topology.Edge) {
	seen := make(map[topology.Edge]bool, len(edges)+len(from))
	for _, e := range from {
		seen[e] = true
	}
	for _, e := range edges {
		if !seen[e] {
			seen[e] = true
			list = append(list, e)
		}
	}
	return list
}
