package kubewatch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"quell/internal/fake"
)

// One kind without permission is named, costs no other one anything, is no incident, and is watched once it is allowed.
func TestForbiddenKindsAreNamedAndTriedAgain(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{Forbidden: []string{"nodes"}})
	server.Put("pods", pod("cart", false))
	w := start(t, server, &memorySink{})
	w.synced()
	if k := w.kindOf("nodes"); k.State != Forbidden || !strings.Contains(k.LastError, "forbidden") {
		t.Errorf("status of nodes: %+v", k)
	}
	w.within("the watch counts as fresh", func() bool { return slices.Contains(w.sink.reports(), "source/kubernetes-eu WatchFresh") })
	before, asked := time.Now(), server.Requests("list nodes")
	w.within("it is tried again", func() bool { return server.Requests("list nodes") > asked+2 })
	if took := time.Since(before); took < 2*quick.refused {
		t.Errorf("it was tried three times in %v, want pauses of %v", took, quick.refused)
	}
	server.Set(fake.KubernetesSettings{})
	w.within("nodes are watched", func() bool { return w.kindOf("nodes").State == Synced })
	if slices.Contains(w.sink.reports(), "source/kubernetes-eu WatchStale") {
		t.Errorf("it was told as trouble: %q", w.sink.reports())
	}
}

// A server that starts forbids for a moment what it does not even have. That is looked at again soon, although the kind was missing for long.
func TestAMissingKindThatIsForbiddenIsAskedForSoon(t *testing.T) {
	absent := fake.KubernetesSettings{Absent: []string{"/apis/gateway.networking.k8s.io/v1/httproutes"}}
	server := newServer(t, absent)
	asked := func() int { return server.Requests("list httproutes") + server.Requests("watch httproutes") }
	const refused = time.Second // far more than three tries take on a busy machine
	w := start(t, server, &memorySink{}, func(_ *Config, o *Options) { o.pace.refused = refused })
	w.synced()
	w.within("the pauses grow", func() bool { return asked() > 8 })
	server.Set(fake.KubernetesSettings{Forbidden: []string{"httproutes"}})
	w.within("it is forbidden", func() bool { return w.kindOf("httproutes").State == Forbidden })
	before, soFar := time.Now(), asked()
	w.within("it is tried again", func() bool { return asked() > soFar+2 })
	if took := time.Since(before); took > 3*refused/2 {
		t.Errorf("it was tried three times in %v, want pauses well below %v", took, refused)
	}
}

// A permission that was taken away is trouble: what is known of the kind gets old.
func TestALostPermissionMakesTheWatchStale(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	server.Set(fake.KubernetesSettings{Forbidden: []string{"nodes"}})
	server.Drop()
	w.within("it is told", func() bool { return slices.Contains(w.sink.reports(), "source/kubernetes-eu WatchStale") })
}
