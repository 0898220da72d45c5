package replay

import (
	"container/heap"
	"time"

	"quell/correlate"
	"quell/ingest"
)

// cluster is what was recorded of a cluster so far: the last version of each object, as a watch holds it.
type cluster struct {
	lens ingest.KubernetesLens
	// objects are by kind, namespace and name.
	objects map[objectKey]*ingest.KubernetesObject
	// dues are when to look at objects again, those too that changed meanwhile or are gone.
	dues dues
}

type objectKey struct{ kind, namespace, name string }

func newCluster() cluster {
	return cluster{lens: ingest.KubernetesLens{Source: "kubernetes"}, objects: make(map[objectKey]*ingest.KubernetesObject)}
}

// see takes a frame of a watch.
func (c *cluster) see(raw []byte, deleted bool, now time.Time) (ingest.Kubernetes, error) {
	o, err := ingest.ReadKubernetesObject(raw, ingest.Limits{})
	if err != nil {
		return ingest.Kubernetes{}, err
	}
	if o.IsEvent() {
		if deleted {
			return ingest.Kubernetes{}, nil
		}
		return c.lens.Observe(nil, o, now), nil // the engine knows repeats by uid and count
	}
	key := objectKey{o.Kind(), o.Namespace(), o.Name()}
	old := c.objects[key]
	if deleted {
		delete(c.objects, key)
		if old == nil {
			old = o
		}
		return c.lens.Observe(old, nil, now), nil
	}
	c.objects[key] = o
	c.remind(key, o, now)
	return c.lens.Observe(old, o, now), nil
}

// remind notes when an object is to be looked at again.
func (c *cluster) remind(key objectKey, o *ingest.KubernetesObject, seen time.Time) {
	if at := o.Due(seen); !at.IsZero() {
		heap.Push(&c.dues, due{at, key, o})
	}
}

// next looks again at the first object for which it is time; ok is false if there is none.
func (c *cluster) next(now time.Time) (at time.Time, inputs []correlate.Input, ok bool) {
	for len(c.dues) > 0 && !c.dues[0].at.After(now) {
		d, _ := heap.Pop(&c.dues).(due)
		if c.objects[d.key] != d.object {
			continue
		}
		c.remind(d.key, d.object, d.at)
		return d.at, c.lens.Again(d.object, d.at).Inputs, true
	}
	return time.Time{}, nil, false
}

// due is when one version of an object is to be looked at again.
type due struct {
	at     time.Time
	key    objectKey
	object *ingest.KubernetesObject
}

// dues is a heap, the first one first. Those of the same second come in order of their names, so that a replay is always the same.
type dues []due

func (d dues) Len() int { return len(d) }

func (d dues) Less(i, j int) bool {
	if c := d[i].at.Compare(d[j].at); c != 0 {
		return c < 0
	}
	x, y := d[i].key, d[j].key
	if x.kind != y.kind {
		return x.kind < y.kind
	}
	if x.namespace != y.namespace {
		return x.namespace < y.namespace
	}
	return x.name < y.name
}

func (d dues) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

// Push adds x, which is a due.
func (d *dues) Push(x any) {
	if v, ok := x.(due); ok {
		*d = append(*d, v)
	}
}

// Pop removes the last one.
func (d *dues) Pop() any {
	last := len(*d) - 1
	v := (*d)[last]
	*d = (*d)[:last]
	return v
}
