//go:build e2ekube

package e2ekube

import (
	"strings"
	"testing"
	"time"
)

// TestStories tells quell what happens in clusters, one cluster for all: first what can happen at the same time, each in a
// namespace of its own, then what hits everything. No story may disturb another.
func TestStories(t *testing.T) {
	w := newWorld(t)
	t.Run("InitialSync", w.initialSync)
	t.Run("AtOnce", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T){
			"NodeThatStopsHealsByRescheduling": w.nodeStops,
			"BadImageIsOnePage":                w.badImage,
			"UnschedulableStormIsOnePage":      w.unschedulable,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t)
			})
		}
	})
	t.Run("QuellIsKilled", w.quellIsKilled)
	t.Run("APIServerIsAway", w.apiServerIsAway)
	t.Run("RoleThatLacksKinds", w.roleLacksKinds)
	t.Run("NothingElsePaged", w.nothingElsePaged)
}

// newWorld fills the cluster and starts quell as the service account that its manifests make, with the rights that they give.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cluster: theCluster(t)}
	w.create(t, manifests(t, "Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"))
	begin := time.Now()
	w.fleet(t, fleetNodes, fleetPods)
	eventually(t, 4*budget, "the fleet is ready", func() (bool, any) {
		ready := 0
		for _, d := range w.list("/apis/apps/v1/deployments") {
			ready += d.Status.ReadyReplicas
		}
		return ready >= fleetPods+15, ready
	})
	t.Logf("%d pods on %d nodes were ready after %v", fleetPods, fleetNodes, time.Since(begin).Round(time.Second))
	w.quell = newQuell(t, w.kubeconfig(w.tokenOf(t, "quell", "quell")))
	return w
}

// initialSync waits until quell knows the fleet. That it exists is nothing to tell.
func (w *world) initialSync(t *testing.T) {
	begin := time.Now()
	w.wantFresh(t)
	_, cpu := w.cost(t)
	t.Logf("quell knew the cluster after %v with %v of CPU", time.Since(begin).Round(100*time.Millisecond), cpu)
	for _, k := range w.watch(t).Kinds {
		if k.Resource == "pods" && k.Objects < fleetPods {
			t.Errorf("got %d pods, want at least %d", k.Objects, fleetPods)
		}
	}
	for place := range strings.SplitSeq("/fleet-0/ /fleet-1/ /fleet-2/ /fleet-3/ /default/", " ") {
		if list := w.incidents(t, place); len(list) > 0 {
			t.Errorf("got incidents of a sound fleet: %v", list)
		}
	}
}

// nodeStops kills a kubelet for good. Kubernetes moves its pods, and what runs the machines removes the node.
func (w *world) nodeStops(t *testing.T) {
	const node, entity = "hollow-1", "node/hollow-1@e2e"
	s := w.story(t, "node-lost")
	s.deploy(workload{name: "orders", image: "shop/orders:1.0", replicas: 6})
	s.wantReady("orders")
	s.part(t, "kill", node)
	t.Cleanup(func() { s.part(t, "start", node) })
	lost := s.wantIncident(nodeGrace+budget, entity, "held")
	if root := lost.Roots[0].Entity; root != entity {
		t.Errorf("got root %s, want %s", root, entity)
	}
	eventually(t, 2*budget, "all pods run elsewhere", func() (bool, any) {
		running := 0
		for _, p := range s.list("/api/v1/namespaces/" + s.namespace + "/pods") {
			if p.Metadata.Deleted == nil && p.is("Ready") && p.Spec.NodeName != node {
				running++
			}
		}
		return running == 6, running
	})
	s.remove(t, "/api/v1/nodes/"+node)
	healed := s.wantIncident(settle+budget, entity, "self-healed")
	if healed.HealedBy == nil || !strings.Contains(strings.ToLower(healed.HealedBy.What), "rescheduled") {
		t.Errorf("got healer %v, want rescheduling: %v", healed.HealedBy, healed)
	}
	if list := s.incidents("/" + s.namespace + "/"); len(list) != 1 || list[0].ID != healed.ID {
		t.Errorf("got other incidents: %v", list)
	}
	if report := s.digest(t); !strings.Contains(report, "rescheduled") {
		t.Errorf("the digest does not name the healer:\n%s", report)
	}
	s.wantNoPage(node)
	s.wantNoPage(s.namespace)
}

// badImage rolls out an image that does not exist. Old pods go on serving; the progress deadline tells that it is hopeless.
func (w *world) badImage(t *testing.T) {
	s := w.story(t, "bad-image")
	s.deploy(workload{name: "cart", image: "shop/cart:1.0", replicas: 4, node: "hollow-0", more: "progressDeadlineSeconds: 30"})
	s.wantReady("cart")
	s.setImage("cart", "registry.example.com/shop/missing:2.4.1")
	s.wantOnePage(30*time.Second+budget, `deployment/bad-image/cart@e2e`, `shop/missing:2\.4\.1`)
	s.setImage("cart", "shop/cart:1.1")
	s.wantReady("cart")
	s.wantResolved()
	if list := s.incidents("/" + s.namespace + "/"); len(list) != 1 {
		t.Errorf("got %d incidents, want one: %v", len(list), list)
	}
}

// unschedulable asks for a resource that no node has, for a hundred pods of four deployments.
func (w *world) unschedulable(t *testing.T) {
	s := w.story(t, "no-gpu")
	names := []string{"trainer", "tuner", "render", "embed"}
	for _, name := range names {
		s.deploy(workload{
			name: name, image: "shop/" + name + ":1.0", replicas: 25,
			container: `resources: {limits: {example.com/gpu: 1}}`,
		})
	}
	s.wantOnePage(hold+budget, `resource/example\.com/gpu@e2e`, `pod/no-gpu/`)
	for _, name := range names {
		s.remove(t, s.pathOf(name))
	}
	s.wantResolved()
	if list := s.incidents("/" + s.namespace + "/"); len(list) != 1 {
		t.Errorf("got %d incidents, want one: %v", len(list), list)
	}
}

// nothingElsePaged looks at all pages of all stories.
func (w *world) nothingElsePaged(t *testing.T) {
	known := 0
	for place := range strings.SplitSeq("/bad-image/ /no-gpu/ /quell-away/ /api-away/", " ") {
		known += len(w.pages(place))
	}
	if all := w.pd.Incidents(); len(all) != known {
		t.Errorf("got %d pages, want %d: %v", len(all), known, w.incidents(t, ""))
	}
	if mentions := w.slack.Mentions(); len(mentions) > 0 {
		t.Errorf("Slack was made to call %q", mentions)
	}
	rss, cpu := w.cost(t)
	t.Logf("quell had %d MiB of memory after all stories, and %v of CPU since it was started last", rss, cpu)
}
