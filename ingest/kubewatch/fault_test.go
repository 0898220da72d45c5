package kubewatch

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate/topology"
	"quell/internal/fake"
)

// failures returns how often something failed for a reason.
func (w *watched) failures(resource, reason string) int {
	return int(testutil.ToFloat64(w.options.Metrics.errors.WithLabelValues("eu", resource, reason)))
}

// A server that forgot what changed says so within the stream, with status 200. What vanished meanwhile is told as deleted, what stayed
// is not told again, and neither are events.
func TestForgottenVersionsAreMadeUpFor(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("pods", pod("stays", false))
	server.Put("pods", pod("goes", false))
	server.Put("events", event("e1", "BackOff", 1))
	w := start(t, server, &memorySink{})
	w.synced()
	w.within("the event is told", func() bool { return w.saw("pod/shop/cart@eu BackOff 1") == 1 })
	server.Freeze(true)
	server.Delete("pods", "shop", "goes")
	server.Put("pods", pod("comes", false))
	server.Put("events", event("e2", "Failed", 1))
	server.Compact()
	server.Freeze(false)
	w.within("what came is told", func() bool {
		return w.saw("pod/shop/comes@eu ImagePullBackOff") == 1 && w.saw("pod/shop/goes@eu Deleted") == 1 && w.saw("pod/shop/cart@eu Failed 1") == 1
	})
	if w.saw("pod/shop/stays@eu ImagePullBackOff") != 1 || w.saw("pod/shop/cart@eu BackOff 1") != 1 {
		t.Errorf("told again: %q", w.sink.events())
	}
	if w.failures("pods", "expired") == 0 {
		t.Error("the expired watch was not counted")
	}
	if k := w.kindOf("pods"); !k.LastFailed.IsZero() {
		t.Errorf("it counts as trouble: %+v", k)
	}
}

// Connections that break all the time, as when an API server restarts.
func TestBrokenConnectionsLoseAndDoubleNothing(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	for i := range 50 {
		server.Put("events", event("e1", "BackOff", i+1))
		server.Put("pods", pod("cart", i%2 == 1))
		if i%10 == 5 {
			server.Drop()
		}
	}
	w.within("the last event is told", func() bool { return w.saw("pod/shop/cart@eu BackOff 50") == 1 })
	seen := w.sink.events()
	slices.Sort(seen)
	for i, e := range seen[1:] {
		if strings.Contains(e, "BackOff ") && e == seen[i] {
			t.Errorf("%q was told twice", e)
		}
	}
	w.within("the pod is as it is", func() bool {
		told := w.sink.events()
		return slices.Index(told, "pod/shop/cart@eu PodReady") >= 0 && w.kindOf("pods").State == Synced
	})
}

// A second process on the same store: events that the first one made durable are old, and what vanished between the two is deleted.
func TestASecondProcessGoesOnWhereTheFirstStopped(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("pods", pod("cart", false))
	server.Put("pods", pod("gone", false))
	server.Put("events", event("e1", "BackOff", 1))
	sink := &memorySink{}
	first := start(t, server, sink)
	first.synced()
	first.within("the event is told", func() bool { return first.saw("pod/shop/cart@eu BackOff 1") == 1 })
	first.stop()
	server.Delete("pods", "shop", "gone")
	server.Put("events", event("e1", "BackOff", 2))
	stays := topology.Edge{From: "pod/shop/cart@eu", To: "node/n1@eu", Type: "runs_on"}
	goes := topology.Edge{From: "pod/shop/cart@eu", To: "node/n0@eu", Type: "runs_on"}
	next := &memorySink{checkpoint: sink.checkpoint, known: []topology.Edge{stays, goes}, ill: []topology.Entity{
		"pod/shop/cart@eu", "pod/shop/gone@eu", "pod/shop/other@us", "node/n9@eu", "service/shop/cart@eu",
	}}
	second := start(t, server, next)
	second.synced()
	want := []string{"node/n9@eu Deleted", "pod/shop/cart@eu BackOff 2", "pod/shop/cart@eu ImagePullBackOff", "pod/shop/gone@eu Deleted", "service/shop/cart@eu Deleted"}
	second.within("the new event is told", func() bool { return len(next.events()) >= len(want) })
	got := next.events()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	second.within("what was told before and is over is taken back", func() bool { return len(runsOn(next.edges())) == 1 })
	if got := runsOn(next.edges()); !strings.HasPrefix(got[0], "pod/shop/cart@eu runs_on node/n1@eu") {
		t.Errorf("left is %q", got)
	}
}

// The API server lists events by name. They are told in the order in which they were written.
func TestEventsOfAListComeInTheOrderOfTheirVersions(t *testing.T) {
	for name, settings := range map[string]fake.KubernetesSettings{"watch list": {}, "pages": {NoWatchList: true}} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, settings)
			for i, name := range []string{"d", "b", "a", "c"} {
				server.Put("events", event(name, "BackOff", i+1))
			}
			w := start(t, server, &memorySink{})
			w.within("all are told", func() bool { return len(w.sink.events()) == 4 })
			for i, e := range w.sink.events() {
				if want := fmt.Sprintf("pod/shop/cart@eu BackOff %d", i+1); e != want {
					t.Errorf("event %d is %q, want %q", i, e, want)
				}
			}
		})
	}
}

// Of several namespaces each has a checkpoint of its own: one may be listed later than another.
func TestNamespacesHaveTheirOwnCheckpoints(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("events", strings.ReplaceAll(event("e1", "BackOff", 1), "shop", "bank"))
	server.Put("events", event("e1", "BackOff", 1))
	sink := &memorySink{checkpoint: "shop=1001 bank=1001 zoo=7"}
	w := start(t, server, sink, func(c *Config, _ *Options) { c.Namespaces = []string{"shop", "bank"} })
	w.synced()
	w.within("the new one is told", func() bool { return len(sink.events()) > 0 && w.Status().Checkpoint == "bank=1001 shop=1002 zoo=7" })
	if diff := cmp.Diff([]string{"pod/shop/cart@eu BackOff 1"}, sink.events()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{"": "", "12": "12", "a=1": "", "a=1 12": "12"} {
		if got := parseCheckpoint(text).of("b"); got != want {
			t.Errorf("checkpoint %q: got %q for another namespace, want %q", text, got, want)
		}
	}
}

// An object of the same name is another one: what was known of the first ends.
func TestAnObjectThatWasMadeAnewIsAnother(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("pods", pod("cart", false))
	w := start(t, server, &memorySink{})
	w.synced()
	server.Put("pods", strings.Replace(pod("cart", false), `"name"`, `"uid":"another","name"`, 1))
	w.within("both are told", func() bool { return len(w.sink.events()) == 3 })
	want := []string{"pod/shop/cart@eu ImagePullBackOff", "pod/shop/cart@eu Deleted", "pod/shop/cart@eu ImagePullBackOff"}
	if diff := cmp.Diff(want, w.sink.events()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What cannot be used any more is still there.
func TestAnUnusableObjectIsNotDeleted(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("pods", pod("cart", false))
	w := start(t, server, &memorySink{})
	w.synced()
	server.Put("pods", strings.Replace(pod("cart", false), `"Pod"`, `"Nonsense"`, 1))
	w.within("it is refused", func() bool { return w.kindOf("pods").Refused == 1 })
	server.Put("nodes", `{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}}`)
	server.Compact()
	server.Put("pods", pod("last", false))
	w.within("all is listed again", func() bool { return w.saw("pod/shop/last@eu ImagePullBackOff") == 1 })
	if w.saw("pod/shop/cart@eu Deleted") > 0 {
		t.Errorf("events: %q", w.sink.events())
	}
}

// An answer without end ends.
func TestAnswersAreBounded(t *testing.T) {
	b := bounded{ReadCloser: io.NopCloser(strings.NewReader("0123456789")), left: 7}
	got, err := io.ReadAll(&b)
	if string(got) != "0123456" || err == nil {
		t.Errorf("got %q and %v, want 7 bytes and an error", got, err)
	}
}

// While the server is away, reflectors wait; quell stops all the same.
func TestItStopsAtOnceWhileTheServerIsAway(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	w := start(t, server, &memorySink{}, func(_ *Config, o *Options) {
		o.pace.again, o.pace.againMax = time.Hour, time.Hour
	})
	w.within("it is noticed", func() bool { return w.kindOf("pods").State == Failing })
	w.stop()
}

// A server that comes back answers one kind after the other. As soon as one is answered all are tried, but those that were refused from the
// start: that the server is back changes nothing for these.
func TestOneAnswerEndsThePausesOfAll(t *testing.T) {
	w := New(Config{}, &memorySink{}, Options{Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), pace: quick})
	answered, failing, refused := w.parts[0], w.parts[1], w.parts[2]
	for _, p := range w.parts[:3] {
		p.places, p.state, p.failing, p.notBefore = make([]*place, 1), Failing, time.Now(), time.Now().Add(time.Hour)
	}
	refused.state = Forbidden
	turns := make(chan *part)
	for _, p := range []*part{failing, refused} {
		go func() {
			if _, err := p.turn(t.Context()); err == nil {
				turns <- p
			}
		}()
	}
	deadline := time.After(time.Minute)
	for {
		answered.failing = time.Now()
		answered.alive()
		select {
		case p := <-turns:
			if p != failing {
				t.Error("what was refused from the start was tried again")
			}
			return
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("what failed was not tried again")
		}
	}
}

// A backup of etcd was restored: versions begin anew, and events with low ones are new.
func TestAnOlderServerBeginsEventsAnew(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("events", event("e1", "BackOff", 1))
	w := start(t, server, &memorySink{})
	w.within("the event is told", func() bool { return w.saw("pod/shop/cart@eu BackOff 1") == 1 })
	server.Restore(10)
	server.Put("events", event("e2", "Failed", 1))
	w.within("the event after the restore is told", func() bool { return w.saw("pod/shop/cart@eu Failed 1") == 1 })
}

// Versions are opaque before Kubernetes 1.35. Those that cannot be compared are told apart one by one.
func TestOpaqueVersionsAreToldApart(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{Versions: func(n int) string { return fmt.Sprintf("v-%d", n) }})
	w := start(t, server, &memorySink{})
	w.synced()
	server.Put("events", event("e1", "BackOff", 1))
	server.Put("events", event("e1", "BackOff", 2))
	w.within("both are told", func() bool { return w.saw("pod/shop/cart@eu BackOff 2") == 1 })
	server.Put("pods", pod("cart", true))
	server.Compact()
	server.Put("events", event("e2", "Failed", 1))
	w.within("the next is told", func() bool { return w.saw("pod/shop/cart@eu Failed 1") == 1 })
	if w.saw("pod/shop/cart@eu BackOff 2") != 1 {
		t.Errorf("told again: %q", w.sink.events())
	}
}

// Servers have no gateway routes unless somebody installed them, and old ones no events.k8s.io: never both APIs of events are watched.
func TestMissingKindsAreLeftOut(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{Absent: []string{
		"/apis/gateway.networking.k8s.io/v1/httproutes", "/apis/gateway.networking.k8s.io/v1/grpcroutes", "/apis/events.k8s.io/v1/events",
	}})
	w := start(t, server, &memorySink{})
	w.synced()
	if k := w.kindOf("httproutes"); k.State != Absent {
		t.Errorf("status of routes: %+v", k)
	}
	server.Put("events", event("e1", "BackOff", 1))
	w.within("the event is told", func() bool { return w.saw("pod/shop/cart@eu BackOff 1") == 1 })
	if k := w.kindOf("events"); k.API != "v1" || k.State != Synced {
		t.Errorf("status of events: %+v", k)
	}
	watches := server.Requests("watch events.k8s.io/events")
	server.Drop()
	server.Put("events", event("e1", "BackOff", 2))
	w.within("the next is told", func() bool { return w.saw("pod/shop/cart@eu BackOff 2") == 1 })
	if n := server.Requests("watch events.k8s.io/events"); n != watches || w.saw("pod/shop/cart@eu BackOff 1") != 1 {
		t.Errorf("%d watches of the missing API later, events: %q", n-watches, w.sink.events())
	}
}

func TestTheNewerAPIOfEventsIsEnough(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	if n := server.Requests("watch events") + server.Requests("list events"); n > 0 {
		t.Errorf("%d requests for core events, want none", n)
	}
}

// The server hangs: connections stay, nothing comes, nothing is answered. What is known stays in force, and that it gets old is told.
func TestAServerThatHangsIsTold(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("pods", pod("cart", false))
	w := start(t, server, &memorySink{}, func(_ *Config, o *Options) {
		o.pace.silence, o.pace.answer, o.pace.page = time.Second, 500*time.Millisecond, time.Second
	})
	w.within("it was fresh", func() bool { return slices.Contains(w.sink.reports(), "source/kubernetes-eu WatchFresh") })
	server.Freeze(true)
	w.within("it is told", func() bool {
		return w.lastReport() == "source/kubernetes-eu WatchStale" && !w.Status().StaleSince.IsZero()
	})
	w.within("the metric says so", func() bool { return testutil.ToFloat64(w.options.Metrics.stale.WithLabelValues("eu", "pods")) == 1 })
	if len(runsOn(w.sink.edges())) != 1 || w.saw("pod/shop/cart@eu Deleted") > 0 {
		t.Error("what was known is gone")
	}
	server.Put("events", event("e1", "BackOff", 1))
	server.Freeze(false)
	w.within("it is told that it is over", func() bool {
		return w.lastReport() == "source/kubernetes-eu WatchFresh" && w.saw("pod/shop/cart@eu BackOff 1") == 1 && w.Status().StaleSince.IsZero()
	})
}

// Garbage ends the watch, which begins anew; an object that cannot be used costs nothing but itself.
func TestGarbageIsSurvived(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	for i, garbage := range []string{
		"this is not JSON", `{"type":"ADDED","object":[1,2`, `{"type":"NONSENSE","object":{}}`, `{"type":"ADDED","object":"text"}`, `[]`, `{"type":"ADDED","object":{}}`,
		`{"type":"MODIFIED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"n","resourceVersion":"1"}}}`, `{"type":"ADDED"}`,
	} {
		server.Frame("pods", garbage)
		name := fmt.Sprintf("p%d", i)
		server.Put("pods", pod(name, false))
		w.within("the pod after "+garbage, func() bool { return w.saw("pod/shop/"+name+"@eu ImagePullBackOff") == 1 })
	}
	if w.failures("pods", "garbage") < 3 {
		t.Errorf("%d frames were counted as garbage", w.failures("pods", "garbage"))
	}
	server.Put("pods", `{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":"\u0001"}}`)
	server.Put("pods", pod("last", false))
	server.Put("nodes", `{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}}`)
	server.Compact()
	w.within("the last pod", func() bool { return w.saw("pod/shop/last@eu ImagePullBackOff") == 1 })
	w.within("the unusable one is counted", func() bool { return w.kindOf("pods").Refused > 0 && w.kindOf("pods").State == Synced })
}

// Answers that are garbage as a whole, or errors, are tried again.
func TestBadAnswersAreTriedAgain(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{NoWatchList: true})
	server.Put("pods", pod("cart", false))
	server.SetFault(func(n int, _ string) fake.Fault {
		switch {
		case n < 40 && n%4 == 0:
			return fake.Fault{Status: http.StatusInternalServerError}
		case n < 40 && n%4 == 1:
			return fake.Fault{Status: http.StatusTooManyRequests}
		case n < 40 && n%4 == 2:
			return fake.Fault{DropAnswer: true}
		}
		return fake.Fault{}
	})
	w := start(t, server, &memorySink{})
	w.synced()
	if w.saw("pod/shop/cart@eu ImagePullBackOff") != 1 {
		t.Errorf("events: %q", w.sink.events())
	}
}

// The engine takes nothing for a while: its queue is full, or its store. Nothing is lost, nothing is told twice, and nothing is read
// meanwhile beyond a bound.
func TestABusyEngineMakesTheServerWait(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	sink := &memorySink{}
	w := start(t, server, sink)
	w.synced()
	sink.setFail(func() error { return errFull })
	const many = 5000
	for i := range many {
		server.Put("events", event(fmt.Sprintf("e%d", i), "BackOff", i+1))
	}
	frames := func() int {
		return int(testutil.ToFloat64(w.options.Metrics.frames.WithLabelValues("eu", "events", "ADDED")))
	}
	w.within("it is tried again", func() bool { return testutil.ToFloat64(w.options.Metrics.retries.WithLabelValues("eu")) > 10 })
	w.within("reading stops", func() bool {
		n := frames()
		<-time.After(50 * time.Millisecond)
		return frames() == n
	})
	if n := frames(); n == 0 || n > changesWaiting+inputsAtOnce+10 {
		t.Errorf("%d frames were read while the engine took none, want at most %d", n, changesWaiting+inputsAtOnce+10)
	}
	if sink.checkpoint != "" {
		t.Errorf("checkpoint %s before anything was taken", sink.checkpoint)
	}
	sink.setFail(nil)
	w.within("all are told", func() bool { return len(sink.events()) == many })
	for i, e := range sink.events() {
		if want := fmt.Sprintf("pod/shop/cart@eu BackOff %d", i+1); e != want {
			t.Fatalf("event %d is %q, want %q", i, e, want)
		}
	}
}

// What there was no room for in the topology is not tried again: there will be no more room next time.
func TestAFullTopologyDoesNotStopTheWatch(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	server.Put("pods", pod("cart", false))
	asked := 0
	sink := &memorySink{fail: func() error { asked++; return fmt.Errorf("update: %w", &topology.FullError{}) }}
	w := start(t, server, sink)
	w.synced()
	w.stop()
	if asked > 60 {
		t.Errorf("it was submitted %d times", asked)
	}
}

// Of secrets nobody ever sees the content, not even quell.
func TestSecretsAreAskedForTheirMetadataOnly(t *testing.T) {
	secret := `{"kind":"Secret","apiVersion":"v1","metadata":{"namespace":"shop","name":"key"},"data":{"password":"aHVudGVyMg=="}}`
	for name, settings := range map[string]fake.KubernetesSettings{"watch list": {}, "pages": {NoWatchList: true}} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, settings)
			server.Put("secrets", secret)
			w := start(t, server, &memorySink{}, func(c *Config, _ *Options) { c.Secrets = true })
			w.synced()
			if k := w.kindOf("secrets"); k.Objects != 1 || k.Refused > 0 {
				t.Errorf("status of secrets: %+v", k)
			}
			for _, accept := range server.Accepts("secrets") {
				if !strings.Contains(accept, "as=PartialObjectMetadata") || strings.Contains(accept, ",") {
					t.Errorf("secrets were asked for with Accept: %s", accept)
				}
			}
		})
	}
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	if len(server.Accepts("secrets")) > 0 {
		t.Error("secrets were asked for without being told to")
	}
}

// A list of many pages, of which one is forgotten before it is asked for.
func TestListsComeInPages(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{NoWatchList: true})
	for i := range 3*pageItems + 7 {
		server.Put("pods", pod(fmt.Sprintf("p%d", i), true))
	}
	w := start(t, server, &memorySink{})
	w.synced()
	if k := w.kindOf("pods"); k.Objects != 3*pageItems+7 || server.Requests("list pods") != 4 {
		t.Errorf("%d objects after %d requests, want all after 4", k.Objects, server.Requests("list pods"))
	}
}

func TestTheServersClockIsMeasured(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{Clock: func() time.Time { return time.Now().Add(7 * time.Minute) }})
	w := start(t, server, &memorySink{})
	w.synced()
	if skew := w.Status().Skew; skew < 6*time.Minute || skew > 8*time.Minute {
		t.Errorf("skew %v, want about 7m", skew)
	}
}

// Only the namespaces that were asked for, each of which is replaced by itself.
func TestOnlyChosenNamespacesAreWatched(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	for _, ns := range []string{"shop", "bank", "zoo"} {
		server.Put("pods", strings.ReplaceAll(pod("cart", false), "shop", ns))
	}
	w := start(t, server, &memorySink{ill: []topology.Entity{"pod/bank/old@eu", "pod/zoo/old@eu"}}, func(c *Config, _ *Options) {
		c.Namespaces = []string{"shop", "bank"}
	})
	w.synced()
	got := w.sink.events()
	slices.Sort(got)
	want := []string{"pod/bank/cart@eu ImagePullBackOff", "pod/bank/old@eu Deleted", "pod/shop/cart@eu ImagePullBackOff"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Credentials may be mounted later than quell starts, or never.
func TestMissingCredentialsAreTold(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{}, func(c *Config, _ *Options) { c.Kubeconfig = t.TempDir() + "/none" })
	w.within("it is told", func() bool { return slices.Contains(w.sink.reports(), "source/kubernetes-eu WatchStale") })
	if w.Status().Error == "" {
		t.Error("the status does not say why")
	}
}

// A watch that shows no sign of life is begun anew where it ended. That alone is no trouble.
func TestASilentWatchIsBegunAnew(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{}, func(_ *Config, o *Options) { o.pace.silence = 100 * time.Millisecond })
	w.synced()
	watches, lists := server.Requests("watch pods"), server.Requests("list pods")
	w.within("it is begun anew", func() bool { return server.Requests("watch pods") > watches+2 })
	if w.failures("pods", "silence") == 0 || server.Requests("list pods") > lists {
		t.Errorf("%d silences, %d lists", w.failures("pods", "silence"), server.Requests("list pods")-lists)
	}
	if k := w.kindOf("pods"); !k.FailingSince.IsZero() || !w.Status().StaleSince.IsZero() {
		t.Errorf("it counts as trouble: %+v", k)
	}
}

// A pod that does not become ready becomes one that should be by now, without changing.
func TestWhatChangesWithTimeIsToldAgain(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	begun := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	server.Put("pods", fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":"slow","creationTimestamp":%q},
		"status":{"phase":"Running","startTime":%q,"conditions":[{"type":"Ready","status":"False","lastTransitionTime":%q}]}}`, begun, begun, begun))
	var ahead atomic.Int64
	w := start(t, server, &memorySink{}, func(_ *Config, o *Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	w.within("it starts", func() bool { return w.saw("pod/shop/slow@eu PodStarting") == 1 })
	ahead.Store(int64(10 * time.Minute))
	w.within("it should be ready", func() bool { return w.saw("pod/shop/slow@eu PodNotReady") == 1 })
}

// Bookmarks keep a quiet watch from being forgotten: it goes on from the last one.
func TestBookmarksMoveTheWatchOn(t *testing.T) {
	server := newServer(t, fake.KubernetesSettings{})
	w := start(t, server, &memorySink{})
	w.synced()
	server.Bookmark("pods")
	w.within("the bookmark is read", func() bool {
		return testutil.ToFloat64(w.options.Metrics.frames.WithLabelValues("eu", "pods", "BOOKMARK")) >= 2
	})
	server.Compact()
	w.within("nodes are begun anew", func() bool { return w.failures("nodes", "expired") == 1 })
	server.Put("pods", pod("cart", false))
	w.within("the next change", func() bool { return w.saw("pod/shop/cart@eu ImagePullBackOff") == 1 })
	if w.failures("pods", "expired") > 0 {
		t.Error("pods were begun anew though a bookmark told how far they were")
	}
}
