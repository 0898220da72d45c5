package demo

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// storyLength is how long the story is in real life; nothing is sent after it.
const storyLength = 25 * time.Minute

// act is a part of the story with what the audience is told when it begins.
type act struct {
	at          time.Duration
	title, text string
}

// story is all that happens: what is told, and what quell is sent, in order of time.
type story struct {
	acts  []act
	posts []post
}

// stage collects what happens while the acts are written.
type stage struct {
	cluster *cluster
	alerts  []alert // over Alertmanager
	direct  []alert // from Prometheus
	events  []event
	objects []post
	random  *rand.Rand
}

// newStory writes the story of a cluster. It is the same each time.
func newStory(c *cluster) *story {
	s := &stage{cluster: c, random: rand.New(rand.NewPCG(7, 12))}
	acts := []act{s.nodeDies(time.Minute), s.podsRestart(3 * time.Minute), s.rolloutFails(4*time.Minute + 30*time.Second)}
	acts = append(acts, act{
		16*time.Minute + 40*time.Second, "The node's own alerts come at last",
		"KubeNodeNotReady waits for 15 minutes, and so do the alerts about workloads. They join what is known since long, and nobody is called again.",
	}, s.rollback(rolloutStop))
	posts := slices.Concat(
		[]post{topologyPost(0, c.topology())}, s.objects, alertmanager(s.alerts), prometheus(s.direct), kubernetes(s.events))
	slices.SortStableFunc(posts, func(a, b post) int { return cmp.Compare(a.at, b.at) })
	return &story{acts: acts, posts: posts}
}

// between is a moment from a to b, chosen at random but the same each time.
func (s *stage) between(a, b time.Duration) time.Duration {
	return (a + time.Duration(s.random.Int64N(int64(b-a)))).Truncate(100 * time.Millisecond)
}

// labelsOf makes a label set of names and values.
func labelsOf(namesAndValues ...string) map[string]string {
	m := make(map[string]string)
	for i := 0; i < len(namesAndValues); i += 2 {
		m[namesAndValues[i]] = namesAndValues[i+1]
	}
	return m
}

// fire adds an alert that outlives the story.
func (s *stage) fire(at time.Duration, summary string, namesAndValues ...string) *alert {
	labels := labelsOf(namesAndValues...)
	labels["prometheus"] = "monitoring/k8s"
	s.alerts = append(s.alerts, alert{labels: labels, summary: summary, starts: at})
	return &s.alerts[len(s.alerts)-1]
}

// fireState adds one that kube-state-metrics told: it carries the exporter's own labels beside those of what it is about.
func (s *stage) fireState(at time.Duration, summary string, namesAndValues ...string) *alert {
	a := s.fire(at, summary, namesAndValues...)
	exporter := labelsOf("job", "kube-state-metrics", "instance", "10.244.3.17:8443", "container", "kube-rbac-proxy-main",
		"endpoint", "https-main", "service", "kube-state-metrics", "pod", exporterPodLabel, "namespace", "monitoring")
	maps.Copy(exporter, a.labels)
	a.labels = exporter
	return a
}

// nodeDies is the storm: everything that ran on the node, everything that needs that, and much later the node's own alert.
func (s *stage) nodeDies(at time.Duration) act {
	notReady := at + 40*time.Second // the node controller's grace period
	s.events = append(s.events, event{
		at: notReady, kind: "Node", name: brokenNode, class: "Normal", reason: "NodeNotReady",
		message: "Node " + brokenNode + " status is now: NodeNotReady", reporter: "node-controller",
	})
	pods := s.cluster.on(brokenNode)
	for _, p := range pods {
		s.events = append(s.events, event{
			at: notReady, kind: "Pod", namespace: p.namespace, name: p.name, class: "Warning",
			reason: "NodeNotReady", message: "Node is not ready", reporter: "node-controller",
		})
	}
	s.targetsDown(at, pods)
	s.clientsFail(at)
	s.servicesFail(at)
	s.reschedule(notReady+5*time.Minute, pods)
	s.nodeAlerts(notReady + 15*time.Minute)
	return act{at, "A node dies", fmt.Sprintf(
		"%s loses its power. %d pods ran on it, among them the only ones of orders-db and rabbitmq, which half of the shop needs.",
		brokenNode, len(pods))}
}

// targetsDown is what Prometheus cannot scrape any more.
func (s *stage) targetsDown(at time.Duration, pods []pod) {
	for i, p := range pods {
		w := s.cluster.of(p)
		if w.kind == kindDaemonSet {
			continue
		}
		instance := fmt.Sprintf("10.244.7.%d:8080", 11+i)
		s.fire(s.between(at+70*time.Second, at+100*time.Second), instance+" of "+w.name+" cannot be scraped", "alertname", "InstanceDown",
			"severity", "warning", "namespace", p.namespace, "job", w.name, "service", w.name, "pod", p.name, "instance", instance)
		if len(w.pods) < 10 && w.kind == kindStatefulSet {
			s.fire(at+11*time.Minute, "more than a tenth of the targets of "+w.name+" are down", "alertname", "TargetDown",
				"severity", "warning", "namespace", p.namespace, "job", w.name, "service", w.name)
		}
	}
	s.fire(s.between(at+70*time.Second, at+100*time.Second), brokenNode+" cannot be scraped", "alertname", "InstanceDown", "severity", "warning",
		"namespace", "monitoring", "job", "node-exporter", "service", "node-exporter", "pod", s.cluster.byName["node-exporter"].pods[6].name,
		"container", "node-exporter", "instance", brokenNode)
	s.fire(s.between(at+70*time.Second, at+100*time.Second), "the kubelet of "+brokenNode+" cannot be scraped", "alertname", "InstanceDown",
		"severity", "warning", "namespace", "kube-system", "job", "kubelet", "service", "kubelet", "node", brokenNode, "instance", "10.0.1.7:10250")
}

// clientsFail is what the pods say that talk to the database or the queue.
func (s *stage) clientsFail(at time.Duration) {
	for _, dead := range []struct{ name, alert, summary string }{
		{"orders-db", "DatabaseConnectionsFail", "connections to orders-db fail"},
		{"rabbitmq", "QueuePublishFails", "messages cannot be published"},
	} {
		list, calls := s.cluster.callers(dead.name)
		for _, w := range list {
			if calls[w.name] > 1 {
				continue
			}
			for _, p := range w.pods {
				if p.node == brokenNode {
					continue // nobody hears it
				}
				s.fire(s.between(at+100*time.Second, at+150*time.Second), summary(p.name, dead.summary), "alertname", dead.alert, "severity", "warning",
					"namespace", p.namespace, "job", w.name, "service", w.name, "pod", p.name, "target", dead.name)
			}
		}
	}
}

func summary(who, what string) string { return who + ": " + what }

// servicesFail is what the rules of the shop's own teams say, from the services next to the trouble to the shop's front.
func (s *stage) servicesFail(at time.Duration) {
	list, calls := s.cluster.callers("orders-db", "rabbitmq")
	for _, w := range list {
		begin := at + 2*time.Minute + time.Duration(calls[w.name])*30*time.Second
		severity := "critical"
		if calls[w.name] > 1 {
			severity = "warning"
		}
		fire := func(after time.Duration, what string, more ...string) {
			s.fire(s.between(begin+after, begin+after+40*time.Second), w.name+": "+what,
				append(more, "namespace", w.namespace, "service", w.name)...)
		}
		fire(0, "more than 5 % of all requests fail", "alertname", "ServiceErrorRateHigh", "severity", severity)
		fire(20*time.Second, "p99 is above its objective", "alertname", "ServiceLatencyHigh", "severity", "warning")
		fire(time.Minute, "the error budget of 30 days is gone in 2", "alertname", "ErrorBudgetBurn", "severity", severity,
			"slo", w.name+"-availability", "long", "1h", "short", "5m")
		fire(9*time.Minute, "the error budget of 30 days is gone in 5", "alertname", "ErrorBudgetBurn", "severity", severity,
			"slo", w.name+"-availability", "long", "6h", "short", "30m")
		for _, route := range []string{"GET /v1/" + w.name, "GET /v1/" + w.name + "/{id}", "POST /v1/" + w.name} {
			fire(10*time.Second, route+" fails", "alertname", "RouteErrorRateHigh", "severity", "warning", "route", route)
		}
		for _, to := range w.calls {
			if _, hit := calls[to]; hit {
				fire(15*time.Second, "calls of "+to+" time out", "alertname", "UpstreamTimeouts", "severity", "warning", "upstream", to)
			}
		}
		for _, p := range w.pods {
			if p.node != brokenNode {
				fire(30*time.Second, "answers with 5xx", "alertname", "PodErrorRateHigh", "severity", "warning", "pod", p.name, "job", w.name)
			}
		}
	}
	for _, name := range []string{"storefront", "mobile-api"} {
		s.fire(s.between(at+4*time.Minute, at+5*time.Minute), "ingress "+name+": more than 1 % of all requests fail", "alertname", "IngressErrorRateHigh",
			"severity", "critical", "namespace", nsShop, "ingress", name)
	}
}

// reschedule moves the stateless pods to other nodes. The database and the queue cannot leave: their volumes are on the node.
func (s *stage) reschedule(at time.Duration, pods []pod) {
	for i, p := range pods {
		w := s.cluster.of(p)
		if w.kind != kindDeployment {
			continue
		}
		at := at + time.Duration(i)*time.Second
		next := pod{suffix(p.owner, 100+i), p.namespace, p.owner, s.cluster.nodes[(i*5)%6]}
		tell := func(after time.Duration, kind, name, reason, message, reporter string) {
			s.events = append(s.events, event{
				at: at + after, kind: kind, namespace: p.namespace, name: name, class: "Normal",
				reason: reason, message: message, reporter: reporter,
			})
		}
		tell(0, "Pod", p.name, "TaintManagerEviction", "Marking for deletion Pod "+p.namespace+"/"+p.name, "taint-eviction-controller")
		tell(time.Second, "ReplicaSet", p.owner, "SuccessfulCreate", "Created pod: "+next.name, "replicaset-controller")
		s.objects = append(s.objects, object(at+time.Second, "Pod", next, "ReplicaSet"))
		tell(time.Second, "Pod", next.name, "Scheduled", "Successfully assigned "+p.namespace+"/"+next.name+" to "+next.node, "default-scheduler")
		tell(20*time.Second, "Pod", next.name, "Started", "Container started", "kubelet")
	}
}

// nodeAlerts is what kube-prometheus says about it once its 15 minutes are over, long after everybody else.
func (s *stage) nodeAlerts(at time.Duration) {
	s.fireState(at, brokenNode+" has been unready for more than 15 minutes", "alertname", "KubeNodeNotReady", "severity", "warning",
		"node", brokenNode, "condition", "Ready", "status", "true")
	s.fireState(at+5*time.Second, brokenNode+" is unreachable", "alertname", "KubeNodeUnreachable", "severity", "warning",
		"node", brokenNode, "key", "node.kubernetes.io/unreachable", "effect", "NoSchedule")
	for _, name := range []string{"orders-db", "rabbitmq"} {
		s.fireState(s.between(at, at+30*time.Second), name+" has not the replicas that it should have", "alertname", "KubeStatefulSetReplicasMismatch",
			"severity", "warning", "namespace", nsData, "statefulset", name)
		s.fireState(s.between(at, at+30*time.Second), "too few pods of "+name+" are healthy", "alertname", "KubePdbNotEnoughHealthyPods",
			"severity", "warning", "namespace", nsData, "poddisruptionbudget", name)
	}
	for _, d := range daemonSets {
		s.fireState(s.between(at, at+30*time.Second), d.name+" is not ready on all nodes", "alertname", "KubeDaemonSetRolloutStuck",
			"severity", "warning", "namespace", d.namespace, "daemonset", d.name)
	}
}

// podsRestart is a hiccup that is over before anybody could look: memory runs out in three pods, and the kubelet restarts them.
func (s *stage) podsRestart(at time.Duration) act {
	const name = "recommendations"
	for i, p := range s.cluster.byName[name].pods {
		at := at + time.Duration(i)*5*time.Second
		tell := func(after time.Duration, class, reason, message string, count int) {
			s.events = append(s.events, event{
				at: at + after, kind: "Pod", namespace: p.namespace, name: p.name, class: class, reason: reason,
				message: message, reporter: "kubelet", count: count,
			})
		}
		tell(0, "Warning", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", 3)
		tell(5*time.Second, "Normal", "Killing", "Container "+name+" failed liveness probe, will be restarted", 1)
		for n := range 3 {
			tell(time.Duration(8+15*n)*time.Second, "Warning", "BackOff", "Back-off restarting failed container "+name, n+1)
		}
		tell(55*time.Second, "Normal", "Pulled", "Container image is already present on machine", 1)
		tell(56*time.Second, "Normal", "Started", "Started container "+name, 1)
		s.direct = append(s.direct, alert{
			labels: labelsOf("alertname", "PodRestarts", "severity", "warning", "namespace", p.namespace, "pod", p.name, "container", name,
				"job", "kube-state-metrics", "instance", "10.244.3.17:8443", "service", "kube-state-metrics", "prometheus", "shop/team-discovery"),
			summary: p.name + " was restarted", starts: at + 20*time.Second, ends: at + 100*time.Second,
		})
	}
	return act{at, "Three pods restart", "The cache of recommendations grows too large, and the kubelet restarts its three pods. They will be back in a minute."}
}

// The rollout of act 3.
const (
	rolledOut    = "search"
	rolloutPods  = 2
	rolloutImage = "registry.example/shop/search:v2.14.0-rc"
	rolloutStop  = 21 * time.Minute
	// rolloutRoot is what gets paged of it, and onCall who takes that up when.
	rolloutRoot   = "deployment/" + nsShop + "/" + rolledOut
	rolloutAnswer = 20*time.Minute + 40*time.Second
	onCall        = "ben"
)

// rolloutFails is a deployment of an image that does not exist. Old pods go on serving, so only Kubernetes notices.
func (s *stage) rolloutFails(at time.Duration) act {
	w := s.cluster.byName[rolledOut]
	set := w.name + "-" + word("v2", 10)
	s.objects = append(s.objects, object(at, "ReplicaSet", pod{name: set, namespace: w.namespace, owner: w.name}, "Deployment"))
	s.events = append(s.events, event{
		at: at, kind: "Deployment", namespace: w.namespace, name: w.name, class: "Normal", reason: "ScalingReplicaSet",
		message: fmt.Sprintf("Scaled up replica set %s to %d", set, rolloutPods), reporter: "deployment-controller",
	})
	for i := range rolloutPods {
		p := pod{suffix(set, i), w.namespace, set, s.cluster.nodes[2+7*i]}
		s.objects = append(s.objects, object(at+time.Second, "Pod", p, "ReplicaSet"))
		tell := func(at time.Duration, class, reason, message string, count int) {
			s.events = append(s.events, event{
				at: at, kind: "Pod", namespace: p.namespace, name: p.name, class: class, reason: reason,
				message: message, reporter: "kubelet", count: count,
			})
		}
		tell(at+2*time.Second, "Normal", "Scheduled", "Successfully assigned "+p.namespace+"/"+p.name+" to "+p.node, 1)
		tell(at+8*time.Second, "Warning", "Failed", "Failed to pull image \""+rolloutImage+"\": not found", 1)
		for n, t := 1, at+20*time.Second; t < rolloutStop; n, t = n+1, t+30*time.Second {
			tell(t, "Normal", "BackOff", "Back-off pulling image \""+rolloutImage+"\"", n)
		}
		s.fireState(at+15*time.Minute+20*time.Second, p.name+" has been unready for more than 15 minutes", "alertname", "KubePodNotReady", "severity", "warning",
			"namespace", p.namespace, "pod", p.name).ends = rolloutStop + 30*time.Second
	}
	s.fireState(at+3*time.Minute, w.name+" did not progress for two minutes", "alertname", "DeploymentProgressDeadlineExceeded", "severity", "warning",
		"namespace", w.namespace, "deployment", w.name, "condition", "Progressing", "status", "false", "reason", "ProgressDeadlineExceeded").ends = rolloutStop + 30*time.Second
	s.fireState(at+15*time.Minute+30*time.Second, w.name+" has not the replicas that it should have", "alertname", "KubeDeploymentReplicasMismatch", "severity", "warning",
		"namespace", w.namespace, "deployment", w.name).ends = rolloutStop + 30*time.Second
	return act{at, "A rollout goes wrong", "Somebody deploys search:v2.14.0-rc, an image that was never pushed. The old pods go on serving."}
}

// rollback ends the bad rollout; what it caused clears.
func (s *stage) rollback(at time.Duration) act {
	w := s.cluster.byName[rolledOut]
	set := w.name + "-" + word("v2", 10)
	s.events = append(s.events,
		event{
			at: at, kind: "Deployment", namespace: w.namespace, name: w.name, class: "Normal", reason: "DeploymentRollback",
			message: "Rolled back deployment \"" + w.name + "\" to revision 41", reporter: "deployment-controller",
		})
	for i := range rolloutPods {
		s.events = append(s.events, event{
			at: at + time.Second, kind: "ReplicaSet", namespace: w.namespace, name: set, class: "Normal", reason: "SuccessfulDelete",
			message: "Deleted pod: " + suffix(set, i), reporter: "replicaset-controller",
		})
	}
	return act{at, "The rollout is taken back", "ben, who took up the page for search, sees the image in it and rolls back."}
}
