package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/config"
	"quell/internal/fake"
	"quell/storage"
	"quell/web"
)

// withCluster makes a folder with a configuration that watches a fake API server.
func withCluster(t *testing.T, server *fake.Kubernetes) (dir string) {
	t.Helper()
	dir = t.TempDir()
	writeFile(t, dir, "eu.kubeconfig", fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
		users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`, server.URL()))
	writeFile(t, dir, "quell.yml", `
server: {listen: "127.0.0.1:0"}
hold: {default: 1h}
kubernetes: {clusters: [{name: eu, kubeconfig: eu.kubeconfig, qps: 1000, burst: 1000}]}
route: {receiver: nobody}
receivers: [{name: nobody}]
`)
	return dir
}

// status asks quell how it is.
func (a *App) status(t *testing.T) *web.Status {
	t.Helper()
	st, err := admin{a}.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// symptoms lists the active symptoms of all incidents, as "pod/shop/cart@eu BackOff".
func (a *App) symptoms(t *testing.T) (list []string) {
	t.Helper()
	err := a.loop.look(context.Background(), func(e *correlate.Engine) error {
		for _, short := range e.Incidents(nil) {
			inc, _ := e.Incident(short.ID, 0)
			for _, s := range inc.Symptoms {
				if s.State == "active" {
					list = append(list, fmt.Sprintf("%s %s", s.Entity, s.Name))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func backOff(name string, count int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"shop","name":%q},"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart"},
		"reason":"BackOff","message":"Back-off restarting failed container","source":{"component":"kubelet"},"type":"Warning","count":%d,"lastTimestamp":%q}`,
		name, count, time.Now().UTC().Format(time.RFC3339))
}

func podOf(name, waits string) string {
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":%q},"spec":{"nodeName":"n1"},"status":{"phase":"Pending",
		"containerStatuses":[{"name":"app","state":{"waiting":{"reason":%q,"message":"no such image"}}}]}}`, name, waits)
}

// TestClustersAreWatchedAcrossRestarts goes the whole way, from frames on a socket to incidents: what is stored is not told again, and
// what vanished while quell was down ends.
func TestClustersAreWatchedAcrossRestarts(t *testing.T) {
	server, err := fake.NewKubernetes(fake.KubernetesSettings{Absent: []string{"/apis/gateway.networking.k8s.io/v1/httproutes"}, Forbidden: []string{"resourcequotas"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	dir := withCluster(t, server)
	server.Put("pods", podOf("cart", "ImagePullBackOff"))
	server.Put("pods", podOf("gone", "CrashLoopBackOff"))
	server.Put("events", backOff("e1", 3))
	runAt(t, dir, time.Now(), func(a *App) {
		a.wait(t)
		waitFor(t, "the cluster to be synced", func() bool { return a.status(t).Kubernetes[0].Synced })
		want := "pod/shop/cart@eu BackOff, pod/shop/cart@eu ImagePullBackOff, pod/shop/gone@eu CrashLoopBackOff"
		waitFor(t, want, func() bool { return strings.Join(a.symptoms(t), ", ") == want })
		st := a.status(t).Kubernetes[0]
		states := make(map[string]string)
		for _, k := range st.Kinds {
			states[k.Resource] = k.State
		}
		if states["pods"] != "synced" || states["resourcequotas"] != "forbidden" || states["httproutes"] != "absent" || st.Checkpoint == "" {
			t.Errorf("status: %+v", st)
		}
	})
	server.Delete("pods", "shop", "gone")
	runAt(t, dir, time.Now(), func(a *App) {
		a.wait(t)
		waitFor(t, "the cluster to be synced", func() bool { return a.status(t).Kubernetes[0].Synced })
		want := "pod/shop/cart@eu BackOff, pod/shop/cart@eu ImagePullBackOff"
		waitFor(t, want, func() bool { return strings.Join(a.symptoms(t), ", ") == want })
		if n, err := testutil.GatherAndCount(a.reg, "quell_kubernetes_events_skipped_total"); err != nil || n != 1 {
			t.Errorf("the event that was stored was not skipped (%d, %v)", n, err)
		}
		err := a.loop.look(context.Background(), func(e *correlate.Engine) error {
			if told := e.Told("kubernetes/eu"); !slices.Contains(told, "pod/shop/gone@eu") || slices.Contains(told, "source/kubernetes-eu") {
				t.Errorf("entities that the cluster told of: %v", told)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestClustersWaitWhileNothingCanBeStored makes the store fail when an event comes: it is told once all the same.
func TestClustersWaitWhileNothingCanBeStored(t *testing.T) {
	inBubble(t, func(b *bench) {
		sink := clusterSink{&App{loop: b.loop, store: closing{b.store}}, "eu"}
		ev := &correlate.Event{ID: "u", Entity: "pod/shop/cart@eu", Reason: "BackOff", Component: "kubelet", Warning: true, Count: 1, Source: "kubernetes/eu"}
		b.store.set(errFull)
		if err := sink.Submit(context.Background(), []correlate.Input{ev}, "7"); err == nil {
			t.Fatal("it was taken though it could not be stored")
		}
		if c, err := sink.checkpoint(); c != "" || err != nil {
			t.Errorf("checkpoint %q (%v) of what is not stored", c, err)
		}
		b.store.set(nil)
		b.rest(2 * retryCommit)
		if err := sink.Submit(context.Background(), []correlate.Input{ev}, "7"); err != nil {
			t.Fatal(err)
		}
		if c, err := sink.checkpoint(); c != "7" || err != nil {
			t.Errorf("checkpoint %q (%v), want 7", c, err)
		}
		if f := figuresOf(b); f.Active != 1 || f.Held != 1 {
			t.Errorf("%+v, want one symptom in one incident", f)
		}
		if err := b.store.Commit(&storage.Batch{Changes: []storage.Change{{Table: storage.Marks, Key: []byte(sink.eventsMark()), Value: []byte("{")}}}); err != nil {
			t.Fatal(err)
		}
		if c, err := sink.checkpoint(); c != "" || err != nil {
			t.Errorf("a damaged checkpoint gives %q (%v), want none", c, err)
		}
	})
}

// closing is a store that is never closed.
type closing struct{ store }

func (closing) Close() error { return nil }

// TestAClusterThatIsNoLongerConfiguredIsForgotten starts anew without it: nobody would ever say that its trouble is over.
func TestAClusterThatIsNoLongerConfiguredIsForgotten(t *testing.T) {
	inBubble(t, func(b *bench) {
		for _, name := range []string{"eu", "us"} {
			b.mustPost(&correlate.Event{
				Entity: topology.Entity("pod/shop/cart@" + name), Reason: "ImagePullBackOff", Component: "quell/state", Count: 1, Source: "kubernetes/" + name,
			}, &correlate.Topology{Source: "kubernetes/" + name, Update: topology.Update{
				Edges: []topology.Edge{{From: topology.Entity("pod/shop/cart@" + name), To: topology.Entity("node/n1@" + name), Type: "runs_on"}},
			}})
		}
		kept := *b.conf
		kept.Clusters = []config.Cluster{{Name: "us"}}
		b.conf = &kept
		b.restart()
		err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
			if n := len(e.ToldEdges("kubernetes/eu")); n > 0 {
				t.Errorf("%d dependencies of the cluster are left", n)
			}
			if n := len(e.ToldEdges("kubernetes/us")); n != 1 {
				t.Errorf("%d dependencies of the other cluster, want 1", n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if f := figuresOf(b); f.Active != 1 {
			t.Errorf("%d symptoms are active, want that of the other cluster", f.Active)
		}
		seq := b.loop.seq
		b.restart()
		if b.loop.seq > seq+1 {
			t.Errorf("%d records at the next start, want only that of the gap", b.loop.seq-seq)
		}
	})
}
