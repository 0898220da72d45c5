package demo

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"quell/correlate/topology"
)

// fortnightMidnight is when the recording begins, and what all times of the diary count from: a Monday in Berlin, where the shop's people are.
// The digest of the second week is due two weeks later, at 9 o'clock.
var fortnightMidnight = time.Date(2026, 10, 4, 22, 0, 0, 0, time.UTC)

// Fortnight writes two weeks of the demo's shop as recorded input for a replay: what Alertmanager and Kubernetes told, and what people did.
// Most of it healed by itself; some got worse; a node died. It is the same each time.
func Fortnight(w io.Writer) error {
	d := &diary{stage: stage{cluster: newCluster(), random: rand.New(rand.NewPCG(14, 12))}}
	d.write()
	lines := d.lines()
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, l := range lines {
		if err := e.Encode(l.body); err != nil {
			return fmt.Errorf("write the fortnight: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the fortnight: %w", err)
	}
	return nil
}

// diary is what happens in the fortnight, with what people did and what never reached a webhook.
type diary struct {
	stage
	commands, unsent []recorded
}

// recorded is a line of the recording.
type recorded struct {
	at   time.Duration
	body map[string]any
}

// on is a time of a day, which counts from 0, the first Monday; moments within it are minutes.
func on(day, hour, minute int) time.Duration {
	return time.Duration(day)*24*time.Hour + time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

func fortnightTime(at time.Duration) time.Time { return fortnightMidnight.Add(at) }

// lines puts all that happens in order.
func (d *diary) lines() []recorded {
	lines := slices.Concat(d.commands, d.unsent)
	posts := slices.Concat([]post{topologyPost(0, d.cluster.topology())}, d.objects, alertmanager(d.alerts), kubernetes(d.events))
	kinds := map[string]string{pathTopology: "topology", pathAlertmanager: "alertmanager", pathKubernetes: "kubernetes"}
	for _, p := range posts {
		bodies, several := p.body(fortnightTime).([]any)
		if !several {
			bodies = []any{p.body(fortnightTime)}
		}
		for _, b := range bodies {
			lines = append(lines, recorded{p.at, map[string]any{kinds[p.path]: b}})
		}
	}
	slices.SortStableFunc(lines, func(a, b recorded) int { return cmp.Compare(a.at, b.at) })
	for _, l := range lines {
		l.body["t"] = fortnightTime(l.at).Format(time.RFC3339Nano)
	}
	return lines
}

// write is the fortnight itself.
func (d *diary) write() {
	d.whatHealsEachWeek()
	d.whatGetsWorse()
	d.whatFlaps()
	d.whatPagesForNothing()
	d.whatNeedsPeople()
	d.nodeIsLost(on(9, 10, 12))
	d.whatNobodySends()
}

// whatHealsEachWeek is the noise that is there every week: restarts, a nightly import, a node that is away for a
// moment. It also has what is new in the second week, and what is over with the first.
func (d *diary) whatHealsEachWeek() {
	for k, at := range []time.Duration{on(0, 14, 3), on(2, 3, 12), on(4, 11, 40), on(5, 22, 17), on(7, 13, 5), on(8, 2, 48), on(10, 16, 20), on(12, 4, 33), on(13, 19, 2)} {
		d.restarts("recommendations", k, at)
	}
	for k, day := range []int{1, 3, 5, 8, 10, 12} {
		d.serviceBlip("catalog-db", "DatabaseConnectionsHigh", "the nightly import holds most connections", on(day, 2, 30), 150*time.Second+time.Duration(k)*7*time.Second)
	}
	d.nodeAway("node-4", on(3, 2, 10), 100*time.Second)
	d.nodeAway("node-9", on(11, 3, 41), 140*time.Second)
	for _, at := range []time.Duration{on(0, 18, 30), on(1, 19, 10), on(3, 18, 55), on(4, 20, 5)} {
		d.serviceBlip("cart", "CacheHitRateLow", "the cache of cart is cold", at, d.between(90*time.Second, 3*time.Minute))
	}
	for _, at := range []time.Duration{on(7, 15, 30), on(10, 9, 45), on(12, 1, 20)} {
		d.serviceBlip("webhooks", "WebhookDeliveriesFail", "partners do not take deliveries", at, d.between(time.Minute, 2*time.Minute))
	}
}

// whatGetsWorse: search is slow more often, and the queue needs longer to drain each time.
func (d *diary) whatGetsWorse() {
	for _, at := range []time.Duration{
		on(1, 12, 2), on(4, 17, 31), on(7, 12, 8), on(7, 20, 33), on(8, 9, 50), on(8, 17, 35), on(9, 18, 4), on(9, 21, 40), on(10, 12, 15), on(10, 19, 2),
		on(11, 11, 58), on(11, 17, 44), on(12, 12, 20), on(12, 23, 7), on(13, 11, 30), on(13, 16, 11),
	} {
		lasts := d.between(90*time.Second, 4*time.Minute)
		d.fire(at, "search: p99 is above its objective", "alertname", "LatencyHigh", "severity", "warning", "namespace", nsShop, "deployment", "search").ends = at + lasts
		d.scaled("search", at+lasts-50*time.Second)
	}
	for k, day := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13} {
		at, most := on(day, 21, 5), 70*time.Second
		if day >= 7 {
			most = 210 * time.Second
		}
		d.serviceBlip("rabbitmq", "QueueBacklogHigh", "more than 10,000 messages wait", at, most+time.Duration(k)*3*time.Second)
	}
}

// whatFlaps: a replica of redis that loses its link again and again for one afternoon.
func (d *diary) whatFlaps() {
	p := d.cluster.byName["redis"].pods[1]
	for k := range 9 {
		begin := on(11, 14, 0) + time.Duration(k)*9*time.Minute
		d.fire(begin, p.name+" lost the link to its primary", "alertname", "RedisReplicationBroken", "severity", "warning",
			"namespace", p.namespace, "pod", p.name, "service", "redis").ends = begin + time.Duration(70+5*k)*time.Second
	}
}

// whatPagesForNothing: what lasted a little longer than its hold, and was over before anybody had looked.
func (d *diary) whatPagesForNothing() {
	for _, at := range []time.Duration{on(2, 23, 20), on(8, 23, 26)} {
		d.fire(at, "payment: more than 2 % of all payments are declined by the bank", "alertname", "PaymentDeclinesHigh", "severity", "critical",
			"namespace", nsShop, "service", "payment").ends = at + 9*time.Minute
	}
}

// whatNeedsPeople was held, did not heal, and was paged: a full disk, a rollout of an image that does not exist, connections that ran out
// twice, and a certificate that nobody has looked at yet.
func (d *diary) whatNeedsPeople() {
	full := on(1, 14, 20)
	d.fire(full, "data-orders-db-0 is 97 % full", "alertname", "KubePersistentVolumeFillingUp", "severity", "critical",
		"namespace", nsData, "persistentvolumeclaim", "data-orders-db-0").ends = full + 95*time.Minute
	d.people(full, "persistentvolumeclaim/data/data-orders-db-0", "anna", 11*time.Minute)

	d.badRollout("search", on(10, 15, 0), 27*time.Minute)
	d.people(on(10, 15, 0), topology.Entity("pod/shop/"+suffix(d.cluster.byName["search"].name+"-"+word("v3", 10), 0)), "ben", 12*time.Minute)

	first, again := on(12, 9, 30), on(12, 9, 50)
	d.serviceBlip("users-db", "ConnectionPoolExhausted", "no connection is free", first, 2*time.Minute)
	d.serviceBlip("users-db", "ConnectionPoolExhausted", "no connection is free", again, 41*time.Minute)
	d.people(again, "service/data/users-db", "anna", 13*time.Minute)

	d.fire(on(13, 20, 15), "the certificate of storefront expires in 7 days", "alertname", "CertificateExpiresSoon", "severity", "warning",
		"namespace", nsShop, "ingress", "storefront")
}

// nodeIsLost is the demo's storm, until the node's power is back.
func (d *diary) nodeIsLost(at time.Duration) {
	const away = 52 * time.Minute
	before := len(d.alerts)
	d.nodeDies(at)
	for i := range d.alerts[before:] {
		a := &d.alerts[before+i]
		if a.ends = at + away + d.between(20*time.Second, 150*time.Second); a.ends <= a.starts {
			a.ends = a.starts + time.Minute
		}
	}
	d.nodeReady(brokenNode, at+away)
	d.people(at, "node/"+brokenNode, "anna", 7*time.Minute)
}

// whatNobodySends are alerts that Alertmanager kept for itself, by word of its event recorder.
func (d *diary) whatNobodySends() {
	for k := range 34 {
		at := on(7, 10, 0) + time.Duration(k)*4*time.Hour
		w := d.cluster.workloads[k%8]
		labels := labelsOf("alertname", "CPUThrottlingHigh", "severity", "info", "namespace", w.namespace, "pod", w.pods[0].name)
		d.unsentAlert(labels, at, 6*time.Minute+time.Duration(k)*7*time.Second, "silenceMutedAlert")
	}
	for k := range 5 {
		at := on(8, 6, 0) + time.Duration(k)*21*time.Hour
		labels := labelsOf("alertname", "KubeHpaMaxedOut", "severity", "warning", "namespace", nsShop, "horizontalpodautoscaler", "checkout")
		d.unsentAlert(labels, at, 25*time.Second, "")
	}
}

// restarts is what the demo shows: memory runs out in the pods of a workload, the kubelet restarts them, and an alert tells of it.
func (d *diary) restarts(name string, k int, at time.Duration) {
	for i, p := range d.cluster.byName[name].pods {
		at := at + time.Duration(i)*5*time.Second
		tell := d.kubelet(at, p)
		tell(0, "Warning", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")
		tell(5*time.Second, "Normal", "Killing", "Container "+name+" failed liveness probe, will be restarted")
		tell(8*time.Second, "Warning", "BackOff", "Back-off restarting failed container "+name)
		tell(time.Duration(50+3*k)*time.Second, "Normal", "Started", "Started container "+name)
		d.fireState(at+20*time.Second, p.name+" was restarted", "alertname", "PodRestarts", "severity", "warning",
			"namespace", p.namespace, "pod", p.name).ends = at + time.Duration(75+6*k)*time.Second
	}
}

// kubelet tells events about a pod, counted from a moment.
func (d *diary) kubelet(at time.Duration, p pod) func(after time.Duration, class, reason, message string) {
	return func(after time.Duration, class, reason, message string) {
		d.events = append(d.events, event{
			at: at + after, kind: "Pod", namespace: p.namespace, name: p.name, class: class, reason: reason, message: message, reporter: "kubelet", count: 1,
		})
	}
}

// nodeAway is a node that does not report for a moment: what runs on it cannot be scraped.
func (d *diary) nodeAway(node string, at, away time.Duration) {
	d.events = append(d.events, event{
		at: at, kind: "Node", name: node, class: "Normal", reason: "NodeNotReady",
		message: "Node " + node + " status is now: NodeNotReady", reporter: "node-controller",
	})
	for i, p := range d.cluster.on(node) {
		if w := d.cluster.of(p); w.kind != kindDaemonSet {
			instance := fmt.Sprintf("10.244.4.%d:8080", 11+i)
			d.fire(d.between(at, at+30*time.Second), instance+" of "+w.name+" cannot be scraped", "alertname", "InstanceDown", "severity", "warning",
				"namespace", p.namespace, "job", w.name, "service", w.name, "pod", p.name, "instance", instance).ends = at + away + d.between(5*time.Second, 30*time.Second)
		}
	}
	d.nodeReady(node, at+away)
}

func (d *diary) nodeReady(node string, at time.Duration) {
	d.events = append(d.events, event{
		at: at, kind: "Node", name: node, class: "Normal", reason: "NodeReady", message: "Node " + node + " status is now: NodeReady", reporter: "kubelet",
	})
}

// serviceBlip is an alert about a service that comes and goes.
func (d *diary) serviceBlip(name, alertname, summary string, at, lasts time.Duration) {
	w := d.cluster.byName[name]
	d.fire(at, name+": "+summary, "alertname", alertname, "severity", "warning", "namespace", w.namespace, "service", name).ends = at + lasts
}

// scaled is an autoscaler that helps.
func (d *diary) scaled(name string, at time.Duration) {
	w := d.cluster.byName[name]
	d.events = append(d.events, event{
		at: at, kind: "Deployment", namespace: w.namespace, name: name, class: "Normal", reason: "ScalingReplicaSet",
		message: fmt.Sprintf("Scaled up replica set %s from %d to %d", w.replicaSet(), len(w.pods), len(w.pods)+2), reporter: "deployment-controller",
	})
}

// badRollout is a deployment of an image that does not exist, until somebody takes it back.
func (d *diary) badRollout(name string, at, lasts time.Duration) {
	w := d.cluster.byName[name]
	set := w.name + "-" + word("v3", 10)
	d.objects = append(d.objects, object(at, "ReplicaSet", pod{name: set, namespace: w.namespace, owner: w.name}, "Deployment"))
	for i := range rolloutPods {
		p := pod{suffix(set, i), w.namespace, set, d.cluster.nodes[1+6*i]}
		d.objects = append(d.objects, object(at+time.Second, "Pod", p, "ReplicaSet"))
		tell := d.kubelet(at, p)
		tell(8*time.Second, "Warning", "Failed", "Failed to pull image \""+rolloutImage+"\": not found")
		for t := 20 * time.Second; t < lasts; t += 5 * time.Minute {
			tell(t, "Warning", "BackOff", "Back-off pulling image \""+rolloutImage+"\"")
		}
		d.fireState(at+10*time.Minute, p.name+" has been unready for more than 10 minutes", "alertname", "KubePodNotReady", "severity", "warning",
			"namespace", p.namespace, "pod", p.name).ends = at + lasts + 30*time.Second
		d.events = append(d.events, event{
			at: at + lasts, kind: "ReplicaSet", namespace: w.namespace, name: set, class: "Normal", reason: "SuccessfulDelete",
			message: "Deleted pod: " + p.name, reporter: "replicaset-controller",
		})
	}
	d.fireState(at+3*time.Minute, w.name+" did not progress for two minutes", "alertname", "DeploymentProgressDeadlineExceeded", "severity", "warning",
		"namespace", w.namespace, "deployment", w.name, "condition", "Progressing", "status", "false").ends = at + lasts + 30*time.Second
}

// people lets somebody acknowledge what is rooted in an entity, a while after it began.
func (d *diary) people(at time.Duration, root topology.Entity, by string, after time.Duration) {
	d.commands = append(d.commands, recorded{at + after, map[string]any{"command": map[string]any{"action": "ack", "root": root, "by": by}}})
}

// unsentAlert is an alert that fired, was muted (by nothing, if that is empty), and ended.
func (d *diary) unsentAlert(labels map[string]string, at, lasts time.Duration, muted string) {
	pairs := []any{}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, map[string]any{"key": name, "value": labels[name]})
	}
	alert := func(over bool) map[string]any {
		a := map[string]any{"labels": map[string]any{"labels": pairs}, "startsAt": fortnightTime(at)}
		if over {
			a["endsAt"], a["resolved"] = fortnightTime(at+lasts), true
		}
		return a
	}
	tell := func(at time.Duration, data map[string]any) {
		d.unsent = append(d.unsent, recorded{at, map[string]any{"alertmanager_events": map[string]any{"@timestamp": fortnightTime(at), "data": data}}})
	}
	tell(at, map[string]any{"alertCreated": map[string]any{"alert": alert(false)}})
	if muted != "" {
		tell(at+30*time.Second, map[string]any{muted: map[string]any{"mutedAlert": alert(false)}})
	}
	tell(at+lasts, map[string]any{"alertResolved": map[string]any{"alert": map[string]any{"details": alert(true)}}})
}
