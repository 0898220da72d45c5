package kubewatch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/internal/fake"
)

// The whole of it: what is there at the start, what changes, and what goes, by either way of listing.
func TestObjectsAreFollowed(t *testing.T) {
	for name, settings := range map[string]fake.KubernetesSettings{"watch list": {}, "pages": {NoWatchList: true}} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, settings)
			server.Put("pods", pod("cart", true))
			server.Put("pods", pod("ill", false))
			w := start(t, server, &memorySink{})
			w.synced()
			if got := w.saw("pod/shop/ill@eu ImagePullBackOff"); got != 1 {
				t.Errorf("the pod that is ill was told of %d times, want 1: %q", got, w.sink.events())
			}
			want := []string{"pod/shop/cart@eu runs_on node/n1@eu (kubernetes/eu)", "pod/shop/ill@eu runs_on node/n1@eu (kubernetes/eu)"}
			if diff := cmp.Diff(want, runsOn(w.sink.edges())); diff != "" {
				t.Errorf("dependencies (-want +got):\n%s", diff)
			}
			server.Put("pods", pod("cart", false))
			w.within("a change is told", func() bool { return w.saw("pod/shop/cart@eu ImagePullBackOff") == 1 })
			server.Delete("pods", "shop", "cart")
			w.within("a deletion is told", func() bool { return w.saw("pod/shop/cart@eu Deleted") == 1 })
			if diff := cmp.Diff(want[1:], runsOn(w.sink.edges())); diff != "" {
				t.Errorf("dependencies after a deletion (-want +got):\n%s", diff)
			}
			if k := w.kindOf("pods"); k.State != Synced || k.Objects != 1 {
				t.Errorf("status of pods: %+v", k)
			}
		})
	}
}

func runsOn(edges []string) (list []string) {
	for _, e := range edges {
		if strings.Contains(e, " runs_on ") {
			list = append(list, e)
		}
	}
	return list
}

// An event's repeats come as updates of it. That it expires says nothing.
func TestRepeatsOfEventsComeThrough(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	server.Put("events", event("e1", "BackOff", 1))
	server.Put("events", event("e1", "BackOff", 2))
	server.Delete("events", "shop", "e1")
	server.Put("events", event("e2", "Failed", 1))
	w.within("events are told", func() bool { return len(w.sink.events()) == 3 })
	if diff := cmp.Diff([]string{"pod/shop/cart@eu BackOff 1", "pod/shop/cart@eu BackOff 2", "pod/shop/cart@eu Failed 1"}, w.sink.events()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
