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

// KubernetesLens turns what is seen of the objects of one cluster into inputs. It remembers some of them, since it takes several to know
// where a service leads, so each cluster has its own. It is safe for concurrent use, and must not be copied.
type KubernetesLens struct {
	// Cluster stands behind the '@' of entities; none if it is empty.
	Cluster string
	// Source is the source of all inputs: "kubernetes/NAME", or "kubernetes" for a cluster without a name.
	Source string
	Limits Limits

	joined joined
}

// Observe returns what is to be told of an object when it is seen for the first time (old is nil), when it changed, and when it was
// deleted (new is nil). Both are versions of one object, or of two of one kind and name that came one after the other. Nothing is told if nothing changed that matters; that counts as ignored. Times further in the future than
// [Limits.ClockSkew] allows become now.
//
// Each object tells its own dependencies, and takes back those alone when it goes: what others tell about it stays for as long as they
// do, as a pod goes on to need a config map that is gone. A deleted Event tells nothing: events expire.
func (l *KubernetesLens) Observe(old, latest *KubernetesObject, now time.Time) Kubernetes {
	l.joined.mu.Lock()
	defer l.joined.mu.Unlock()
	v := l.look(now)
	switch {
	case latest == nil && (old == nil || old.event != nil):
	case latest != nil && latest.event != nil:
		if old == nil || old.event == nil || *old.event != *latest.event {
			v.event(latest.event)
		}
	case old != nil && latest != nil && old.same(latest):
	case isSlice(old) || isSlice(latest):
		v.service(old, latest)
	case latest == nil:
		v.removal(old)
	default:
		v.out.Malformed = latest.malformed
		v.links(old, latest)
		v.changes(old, latest)
		v.states(latest)
		v.drained(old, latest)
	}
	return v.result()
}

// Again returns the states of an object that did not change, as [KubernetesObject.Due] asks for.
func (l *KubernetesLens) Again(o *KubernetesObject, now time.Time) Kubernetes {
	l.joined.mu.Lock()
	defer l.joined.mu.Unlock()
	v := l.look(now)
	if isSlice(o) {
		v.service(o, o)
	} else {
		v.states(o)
	}
	return v.result()
}

// isSlice reports whether an object is an EndpointSlice of a service.
func isSlice(o *KubernetesObject) bool { return o != nil && o.endpoints != nil }

// Entity names an object of the cluster.
func (l *KubernetesLens) Entity(o *KubernetesObject) topology.Entity { return l.inCluster(o.Entity()) }

// inCluster puts the cluster behind an entity without one; it returns none if that gets too long. What is external is so to all clusters.
func (l *KubernetesLens) inCluster(e topology.Entity) topology.Entity {
	if l.Cluster == "" || e == "" || e.Cluster() != "" || e.Kind() == "external" {
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

// states tells those of an object that hold now.
func (v *look) states(o *KubernetesObject) {
	for _, self := range v.concerned(o) {
		for i := range o.states {
			if v.lens.joined.meets(o, o.states[i].needs) {
				v.state(&o.states[i], self)
			}
		}
	}
}

// state tells a state if it holds now.
func (v *look) state(s *kubeState, self topology.Entity) {
	if !s.holds(kubeTime(v.now.Unix())) {
		return
	}
	at, _ := v.lim.clamp(firstOf(s.at.time(), v.now), v.now)
	v.tell(correlate.Event{
		ID: s.id, Entity: v.name(s.about, self), Reason: s.reason, Component: stateComponent, Message: s.message, Count: 1, At: at,
	})
}

// links tells the dependencies that an object has now and had not before, and takes back those that it does not have any more.
func (v *look) links(old, latest *KubernetesObject) {
	var before, after, over []topology.Edge
	if old != nil {
		before, _ = v.edges(old, old.links)
		joined, _ := v.edges(old, v.lens.joined.partners(old))
		before = append(before, joined...)
	}
	if latest != nil {
		after, over = v.edges(latest, latest.links)
		joined, _ := v.edges(latest, v.lens.joined.partners(latest))
		after = append(after, joined...)
	}
	v.lens.joined.replace(old, latest)
	v.rewire(append(over, before...), after)
}

// service tells where the service of a slice leads, by this slice and its others. A slice may get another service, or none.
func (v *look) service(old, latest *KubernetesObject) {
	switch {
	case !isSlice(old):
		old = nil
	case latest != nil && (!isSlice(latest) || old.endpoints.service != latest.endpoints.service):
		v.service(old, nil)
		old = nil
	}
	if !isSlice(latest) && old == nil {
		return
	}
	j := &v.lens.joined
	service := firstOf(old, latest).endpoints.service
	if old != nil {
		j.replaceSlice(nil, old) // a lens that is new does not remember it
	}
	before := v.selected(j.slices(service))
	j.replaceSlice(old, latest)
	now := j.slices(service)
	v.rewire(before, v.selected(now))
	s := kubeState{about: service, reason: "EndpointsReady"}
	if len(now) > 0 {
		s = serviceState(now)
	}
	v.state(&s, "")
}

// selected are the dependencies that slices tell.
func (v *look) selected(slices []*KubernetesObject) (list []topology.Edge) {
	for _, o := range slices {
		edges, _ := v.edges(o, o.links)
		list = append(list, edges...)
	}
	return list
}

// rewire tells the edges that are new, and takes back those that are not told any more.
func (v *look) rewire(before, after []topology.Edge) {
	u := topology.Update{Edges: missing(after, before), RemoveEdges: missing(before, after)}
	if len(u.Edges)+len(u.RemoveEdges) > 0 {
		v.out.Inputs = append(v.out.Inputs, &correlate.Topology{Update: u, Source: v.lens.Source})
	}
}

// edges are the dependencies that an object tells by some links, and those that it tells are over.
func (v *look) edges(o *KubernetesObject, links []kubeLink) (edges, over []topology.Edge) {
	self := v.lens.Entity(o)
	for i := range links {
		link := &links[i]
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
