package ingest

import (
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// FuzzObserve reads two versions of an object. Whatever they say, the lens tells valid inputs, nothing of a version that it knows, and
// nothing about services and nodes is left in its memory once all is gone.
func FuzzObserve(f *testing.F) {
	f.Add([]byte(coreEvent), []byte(newEvent))
	f.Add([]byte(cart("shop/cart:1.4", 3, 6)), []byte(cart("shop/cart:1.5", 5, 7)))
	f.Add([]byte(cartSet("a", 1, time.Minute)), []byte(cartSet("b", 2, time.Minute)))
	f.Add([]byte(needyPod), []byte(crashing("5m0s", 3)))
	f.Add([]byte(disrupted("ReplicaSet", "EvictionByEvictionAPI")), []byte(recovered(0, 0, 1)))
	f.Add([]byte(slice("one", ready)), []byte(slice("one", notReady)))
	f.Add([]byte(slice("one", ready)), []byte(`{"kind":"EndpointSlice","metadata":{"name":"one","namespace":"b"}}`))
	f.Add([]byte(node(`"unschedulable":true`)), []byte(node(``)))
	f.Add([]byte(configMap(1, `"a":"b"`)), []byte(secret(1, "x")))
	for _, test := range objectsWithState {
		f.Add([]byte(test.object), []byte(deployment(late, `"availableReplicas":0`)))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a, b *KubernetesObject
		bounded(t, first, func() { a, _ = ReadKubernetesObject(first, Limits{}) })
		bounded(t, second, func() { b, _ = ReadKubernetesObject(second, Limits{}) })
		if a == nil {
			return
		}
		if b == nil || a.ref != b.ref {
			b = a
		}
		l := &KubernetesLens{Cluster: "eu", Source: "kubernetes/eu"}
		checkTold(t, l.Observe(nil, a, received))
		if again := l.Observe(a, a, received); len(again.Inputs) > 0 {
			t.Errorf("told of an object that did not change: %+v", again.Inputs)
		}
		checkTold(t, l.Observe(a, b, received))
		checkTold(t, l.Again(b, received.Add(time.Hour)))
		if due := b.Due(received); !due.IsZero() && !due.After(received.Add(-time.Second)) {
			t.Errorf("due at %v, which is over", due)
		}
		checkTold(t, l.Observe(b, nil, received))
		if j := &l.joined; len(j.services)+len(j.spaces)+len(j.templates)+len(j.cordons)+len(j.running)+len(j.lost) > 0 {
			t.Errorf("remembers %+v", j)
		}
	})
}

func checkTold(t *testing.T, k Kubernetes) {
	t.Helper()
	for _, in := range k.Inputs {
		switch in := in.(type) {
		case *correlate.Event:
			if _, err := topology.ParseEntity(string(in.Entity)); err != nil || in.Count < 1 || in.At.IsZero() || in.At.After(received.Add(2*time.Hour)) {
				t.Errorf("got %+v, %v", in, err)
			}
		case *correlate.Topology:
			if err := in.Validate(); err != nil {
				t.Error(err)
			}
		}
	}
}
