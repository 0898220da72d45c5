package demo

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"quell/correlate/topology"
)

// cluster is the shop: its nodes, and the workloads with the services before them.
type cluster struct {
	nodes     []string
	workloads []*workload
	byName    map[string]*workload
}

// workload is a deployment, stateful set or daemon set with its pods.
type workload struct {
	name, namespace, kind string
	// calls are the names of the services that its own depends on.
	calls []string
	pods  []pod
}

// pod is one replica.
type pod struct{ name, namespace, owner, node string }

const (
	nodeCount = 12
	zoneCount = 3
	// brokenNode dies. pinned keeps the two workloads on it that have no second replica.
	brokenNode = "node-7"

	nsShop, nsData   = "shop", "data"
	kindDeployment   = "deployment"
	kindStatefulSet  = "statefulset"
	kindDaemonSet    = "daemonset"
	exporterPodLabel = "kube-state-metrics-6f8b7c9d5-x2vqp"
)

var pinned = map[string]string{"orders-db": brokenNode, "rabbitmq": brokenNode}

// deployments are the shop's stateless services: name, replicas, what they call.
var deployments = []struct {
	name     string
	replicas int
	calls    string
}{
	{"storefront", 4, "cart checkout catalog search recommendations sessions images feature-flags"},
	{"mobile-api", 4, "cart checkout catalog search users sessions feature-flags"},
	{"admin", 2, "orders catalog users inventory reports"},
	{"cart", 3, "redis pricing inventory"},
	{"checkout", 4, "cart orders payment shipping tax fraud"},
	{"orders", 4, "orders-db rabbitmq"},
	{"payment", 3, "payments-db orders fraud"},
	{"invoices", 2, "orders-db object-store tax"},
	{"returns", 3, "orders-db rabbitmq"},
	{"shipping", 3, "orders-db rabbitmq carriers"},
	{"carriers", 2, ""},
	{"inventory", 3, "catalog-db rabbitmq"},
	{"warehouse", 2, "orders-db rabbitmq inventory"},
	{"loyalty", 3, "orders-db users"},
	{"subscriptions", 2, "orders-db payment"},
	{"giftcards", 2, "payments-db"},
	{"fraud", 2, "users-db"},
	{"tax", 2, ""},
	{"pricing", 3, "catalog-db promotions"},
	{"promotions", 2, "redis"},
	{"catalog", 4, "catalog-db search images"},
	{"search", 4, "elasticsearch"},
	{"recommendations", 3, "redis catalog-db"},
	{"reviews", 2, "catalog-db users"},
	{"images", 3, "object-store"},
	{"users", 3, "users-db"},
	{"sessions", 3, "redis"},
	{"notifications", 3, "rabbitmq email"},
	{"email", 2, "rabbitmq"},
	{"reports", 2, "orders-db object-store"},
	{"feature-flags", 2, "redis"},
	{"webhooks", 3, "rabbitmq orders"},
}

var statefulSets = []struct {
	name     string
	replicas int
}{
	{"orders-db", 1},
	{"users-db", 2},
	{"catalog-db", 2},
	{"payments-db", 2},
	{"redis", 3},
	{"rabbitmq", 1},
	{"elasticsearch", 3},
	{"object-store", 4},
}

var daemonSets = []struct{ name, namespace string }{
	{"node-exporter", "monitoring"}, {"kube-proxy", "kube-system"}, {"cilium", "kube-system"}, {"fluent-bit", "logging"},
}

// newCluster builds the shop. It is the same each time.
func newCluster() *cluster {
	c := &cluster{byName: make(map[string]*workload)}
	for i := range nodeCount {
		c.nodes = append(c.nodes, fmt.Sprintf("node-%d", i+1))
	}
	for i, d := range deployments {
		w := c.add(&workload{name: d.name, namespace: nsShop, kind: kindDeployment, calls: strings.Fields(d.calls)})
		for k := range d.replicas {
			w.run(suffix(w.replicaSet(), k), c.nodes[(i*5+k*5)%nodeCount])
		}
	}
	for i, s := range statefulSets {
		w := c.add(&workload{name: s.name, namespace: nsData, kind: kindStatefulSet})
		for k := range s.replicas {
			node := c.nodes[(i*3+k*4)%nodeCount]
			if at := pinned[s.name]; at != "" {
				node = at
			}
			w.run(fmt.Sprintf("%s-%d", s.name, k), node)
		}
	}
	for _, d := range daemonSets {
		w := c.add(&workload{name: d.name, namespace: d.namespace, kind: kindDaemonSet})
		for k, node := range c.nodes {
			w.run(suffix(d.name, k), node)
		}
	}
	return c
}

func (c *cluster) add(w *workload) *workload {
	c.workloads = append(c.workloads, w)
	c.byName[w.name] = w
	return w
}

func (w *workload) run(name, node string) {
	owner := w.name
	if w.kind == kindDeployment {
		owner = w.replicaSet()
	}
	w.pods = append(w.pods, pod{name, w.namespace, owner, node})
}

// replicaSet is the name of a deployment's present replica set.
func (w *workload) replicaSet() string { return w.name + "-" + word(w.name, 10) }

// suffix makes the name of the k-th pod of an owner.
func suffix(owner string, k int) string { return owner + "-" + word(fmt.Sprintf("%s/%d", owner, k), 5) }

// word is n letters and digits that depend on seed, of those that Kubernetes makes names of: no vowels, so no words.
func word(seed string, n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed)) // a hash takes everything
	sum := h.Sum64()
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[sum%uint64(len(alphabet))]
		sum = sum/uint64(len(alphabet)) + sum<<7
	}
	return string(b)
}

// entity is the id of something of the workload's.
func (w *workload) entity(kind, name string) topology.Entity {
	return topology.NewEntity(kind, w.namespace, name, "")
}

// services counts the workloads that have a service before them; daemon sets have none.
func (c *cluster) services() int {
	return len(deployments) + len(statefulSets)
}

// on returns the pods of a node.
func (c *cluster) on(node string) []pod {
	var list []pod
	for _, w := range c.workloads {
		for _, p := range w.pods {
			if p.node == node {
				list = append(list, p)
			}
		}
	}
	return list
}

// callers returns the workloads that need one of those named, and over how many calls at least, at most three.
func (c *cluster) callers(names ...string) (list []*workload, calls map[string]int) {
	calls = make(map[string]int)
	for _, n := range names {
		calls[n] = 0
	}
	for distance := 1; distance <= 3; distance++ {
		for _, w := range c.workloads {
			near := slices.ContainsFunc(w.calls, func(to string) bool { d, ok := calls[to]; return ok && d == distance-1 })
			if _, known := calls[w.name]; near && !known {
				calls[w.name] = distance
				list = append(list, w)
			}
		}
	}
	return list, calls
}

// topology is what a cluster's agent would post: who consists of what, runs where, and calls whom.
func (c *cluster) topology() *topology.Update {
	u := &topology.Update{}
	edge := func(from topology.Entity, typ string, to topology.Entity) {
		u.Edges = append(u.Edges, topology.Edge{From: from, To: to, Type: typ})
	}
	node := func(name string) topology.Entity { return topology.NewEntity("node", "", name, "") }
	for i, n := range c.nodes {
		u.Entities = append(u.Entities, topology.Labeled{ID: node(n), Labels: map[string]string{"kubernetes.io/hostname": n}})
		edge(node(n), "in_zone", topology.NewEntity("zone", "", fmt.Sprintf("eu-west-1%c", 'a'+i%zoneCount), ""))
	}
	for _, w := range c.workloads {
		service, owner := w.entity("service", w.name), w.entity(w.kind, w.name)
		if w.kind == kindDeployment {
			set := w.entity("replicaset", w.replicaSet())
			edge(owner, "owns", set)
			owner = set
		}
		for _, p := range w.pods {
			self := w.entity("pod", p.name)
			edge(self, "runs_on", node(p.node))
			edge(owner, "owns", self)
			if w.kind != kindDaemonSet {
				edge(service, "selects", self)
			}
			if w.kind == kindStatefulSet {
				edge(w.entity("poddisruptionbudget", w.name), "selects", self)
				edge(self, "mounts", w.entity("persistentvolumeclaim", "data-"+p.name))
			}
		}
		for _, to := range w.calls {
			edge(service, "calls", c.byName[to].entity("service", to))
		}
	}
	for _, name := range []string{"storefront", "mobile-api"} {
		edge(topology.NewEntity("ingress", nsShop, name, ""), "routes", topology.NewEntity("service", nsShop, name, ""))
	}
	return u
}

// of returns the workload of a pod.
func (c *cluster) of(p pod) *workload {
	for _, w := range c.workloads {
		if slices.Contains(w.pods, p) {
			return w
		}
	}
	panic("demo: no workload has pod " + p.name)
}
