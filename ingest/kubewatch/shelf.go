package kubewatch

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"quell/ingest"
)

// change is what a part saw, on its way to the pump.
type change struct {
	part *part
	// old and new are an object before and after; old is nil when it is seen first, new when it is gone.
	old, new *ingest.KubernetesObject
	// all is the first list of a part: all that there is, in place of old and new. It is not nil then.
	all []*ingest.KubernetesObject
	// at is when it was read.
	at time.Time
}

// shelf keeps the last state of each object of a part and tells what changes. It belongs to the goroutine of the part's reflector.
type shelf struct {
	part    *part
	objects map[string]*ingest.KubernetesObject // by namespace and name
}

// Replace implements [cache.ReflectorStore]: it takes the result of a list.
func (s *shelf) Replace(items []any, _ string) error {
	now := s.part.cluster.options.Now()
	before := s.objects
	s.objects = make(map[string]*ingest.KubernetesObject, len(items))
	all := make([]*ingest.KubernetesObject, 0, len(items))
	for _, it := range items {
		o, ok := it.(*object)
		switch {
		case !ok:
		case o.kept != nil:
			s.objects[key(o.kept)] = o.kept
			all = append(all, o.kept)
		default:
			// It cannot be used, but it is there: it must not count as deleted.
			if old := before[o.ref.Namespace+"/"+o.ref.Name]; old != nil {
				s.objects[key(old)] = old
			}
		}
	}
	slices.SortFunc(all, byName)
	if err := s.replaced(change{part: s.part, all: all, at: now}, before); err != nil {
		return err
	}
	s.part.stored(len(s.objects))
	return nil
}

// replaced tells what a list says: all of it the first time, and later what differs from before.
func (s *shelf) replaced(c change, before map[string]*ingest.KubernetesObject) error {
	if before == nil {
		return s.part.cluster.tell(c)
	}
	var gone []*ingest.KubernetesObject
	for k, old := range before {
		if s.objects[k] == nil {
			gone = append(gone, old)
		}
	}
	slices.SortFunc(gone, byName)
	for _, old := range gone {
		if err := s.part.cluster.tell(change{part: s.part, old: old, at: c.at}); err != nil {
			return err
		}
	}
	for _, o := range c.all {
		if err := s.tell(before[key(o)], o, c.at); err != nil {
			return err
		}
	}
	return nil
}

// tell tells of an object that may have changed. One of the same name may be another one.
func (s *shelf) tell(before, after *ingest.KubernetesObject, at time.Time) error {
	if before != nil && before.UID() != after.UID() {
		if err := s.part.cluster.tell(change{part: s.part, old: before, at: at}); err != nil {
			return err
		}
		before = nil
	}
	if before != nil && before.ResourceVersion() == after.ResourceVersion() {
		return nil
	}
	return s.part.cluster.tell(change{part: s.part, old: before, new: after, at: at})
}

// Add implements [cache.ReflectorStore].
func (s *shelf) Add(item any) error { return s.put(item) }

// Update implements [cache.ReflectorStore].
func (s *shelf) Update(item any) error { return s.put(item) }

func (s *shelf) put(item any) error {
	o, ok := item.(*object)
	if !ok || o.kept == nil {
		return nil // it was counted where it was read
	}
	k := key(o.kept)
	old := s.objects[k]
	s.objects[k] = o.kept
	s.part.stored(len(s.objects))
	return s.tell(old, o.kept, s.part.cluster.options.Now())
}

// Delete implements [cache.ReflectorStore].
func (s *shelf) Delete(item any) error {
	o, ok := item.(*object)
	if !ok {
		return nil
	}
	m := o.GetObjectMeta()
	k := m.GetNamespace() + "/" + m.GetName()
	old := s.objects[k]
	if old == nil {
		return nil
	}
	delete(s.objects, k)
	s.part.stored(len(s.objects))
	return s.part.cluster.tell(change{part: s.part, old: old, at: s.part.cluster.options.Now()})
}

// Resync implements [cache.ReflectorStore]; nothing is told again.
func (s *shelf) Resync() error { return nil }

func key(o *ingest.KubernetesObject) string { return o.Namespace() + "/" + o.Name() }

func byName(a, b *ingest.KubernetesObject) int {
	return cmp.Or(cmp.Compare(a.Namespace(), b.Namespace()), cmp.Compare(a.Name(), b.Name()))
}

// belt passes events on and keeps none: an event is an observation and has no state. It belongs to the goroutine of the reflector.
type belt struct {
	part *part
	seen *seen
}

// Replace implements [cache.ReflectorStore]. The API server lists events by name; they go on in the order in which they were
// written, as a watch would have told them.
func (b *belt) Replace(items []any, version string) error {
	now := b.part.cluster.options.Now()
	if b.seen.isAfter(version) {
		b.part.cluster.log.Warn("kubernetes events begin anew: the server is at an older version than before")
		b.seen = newSeen("")
	}
	slices.SortStableFunc(items, byVersion)
	for i, it := range items {
		items[i] = nil // what was told is not kept until the last one is
		if err := b.pass(it, now); err != nil {
			return err
		}
	}
	b.part.stored(len(items))
	b.part.complete()
	return nil
}

func byVersion(a, b any) int {
	x, okX := a.(metav1.ObjectMetaAccessor)
	y, okY := b.(metav1.ObjectMetaAccessor)
	if !okX || !okY {
		return 0
	}
	order, err := resourceversion.CompareResourceVersion(x.GetObjectMeta().GetResourceVersion(), y.GetObjectMeta().GetResourceVersion())
	if err != nil {
		return 0
	}
	return order
}

// Add implements [cache.ReflectorStore].
func (b *belt) Add(item any) error { return b.pass(item, b.part.cluster.options.Now()) }

// Update implements [cache.ReflectorStore]: repeats of an event are updates of it.
func (b *belt) Update(item any) error { return b.pass(item, b.part.cluster.options.Now()) }

// Delete implements [cache.ReflectorStore]. That an event expired says nothing.
func (b *belt) Delete(any) error { return nil }

// Resync implements [cache.ReflectorStore]; nothing is told again.
func (b *belt) Resync() error { return nil }

func (b *belt) pass(item any, at time.Time) error {
	o, ok := item.(*object)
	if !ok || o.kept == nil {
		return nil // it was counted where it was read
	}
	if !b.seen.add(o.kept) {
		b.part.cluster.options.Metrics.skipped.WithLabelValues(b.part.cluster.config.Name).Inc()
		return nil
	}
	return b.part.cluster.tell(change{part: b.part, new: o.kept, at: at})
}

// seenMax bounds how many events are known one by one, twice.
const seenMax = 20_000

// seen tells events that were told already from those that were not: by their resource versions, which ascend, and where a server
// has such that cannot be compared, one by one.
type seen struct {
	version string // the highest one; empty if none was told
	// few and old are the last events whose versions cannot be compared. When few is full, it becomes old.
	few, old map[string]struct{}
}

func newSeen(version string) *seen { return &seen{version: version} }

// isAfter reports whether what was seen is newer than all that there is at a version.
func (s *seen) isAfter(version string) bool {
	order, err := resourceversion.CompareResourceVersion(s.version, version)
	return err == nil && order > 0
}

// add notes an event; it reports whether it is new.
func (s *seen) add(o *ingest.KubernetesObject) bool {
	version := o.ResourceVersion()
	if order, err := resourceversion.CompareResourceVersion(cmp.Or(s.version, "1"), version); err == nil {
		if s.version != "" && order >= 0 {
			return false
		}
		s.version = version
		return true
	}
	id := fmt.Sprintf("%s %s", o.UID(), version)
	if _, ok := s.few[id]; ok {
		return false
	}
	if _, ok := s.old[id]; ok {
		return false
	}
	if s.few == nil || len(s.few) >= seenMax {
		s.few, s.old = make(map[string]struct{}), s.few
	}
	s.few[id] = struct{}{}
	return true
}
