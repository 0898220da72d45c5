package kubewatch

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

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
	asked := server.Requests("list nodes")
	w.within("it is tried again", func() bool { return server.Requests("list nodes") > asked+2 })
	server.Set(fake.KubernetesSettings{})
	w.within("nodes are watched", func() bool { return w.kindOf("nodes").State == Synced })
	if slices.Contains(w.sink.reports(), "source/kubernetes-eu WatchStale") {
		t.Errorf("it was told as trouble: %q", w.sink.reports())
	}
}

// A server that starts forbids for a moment what it does not even have. That is looked at again soon, although the kind was missing for long, and
// less and less often.
func TestAMissingKindThatIsForbiddenIsAskedForSoon(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	w := New(Config{}, &memorySink{}, Options{
		Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Now: func() time.Time { return now },
	})
	routes := schema.GroupResource{Resource: "httproutes"}
	p, at := w.parts[0], &place{kind: w.parts[0].variants[0]}
	p.variants, p.places = p.variants[:1], []*place{at}
	pauseAfter := func(err error) time.Duration {
		_ = p.failed(at, err) // it returns what it got
		pause := p.notBefore.Sub(now)
		now = now.Add(pause)
		return pause
	}
	pause := time.Duration(0)
	for range 12 {
		pause = pauseAfter(apierrors.NewNotFound(routes, ""))
	}
	if pause < defaultPace.refused {
		t.Errorf("what is missing for long is asked for after %v, want %v at least", pause, defaultPace.refused)
	}
	for k := range 12 {
		least := min(defaultPace.again<<k, defaultPace.refused)
		if pause := pauseAfter(apierrors.NewForbidden(routes, "", nil)); pause < least || pause > 2*least {
			t.Errorf("forbidden for the %d. time: asked for after %v, want %v to twice that", k+1, pause, least)
		}
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
