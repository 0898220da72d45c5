package kubeload

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"quell/internal/fake"
)

// long is true in the long mode, for figures on a quiet machine.
var long = os.Getenv("QUELL_LONG") != ""

// podTemplate is a Pod as an API server shows it, managed fields and all: 6 KiB.
//
//go:embed testdata/pod.json
var podTemplate string

// ways are those in which a server gives a list: as the beginning of a watch, and by pages as older ones do.
func ways() map[string]fake.KubernetesSettings {
	all := map[string]fake.KubernetesSettings{"watch list": {}}
	if long {
		all["pages"] = fake.KubernetesSettings{NoWatchList: true}
	}
	return all
}

// The size of the cluster: each workload has 20 pods.
const (
	nodes     = 200
	pods      = 10_000
	workloads = pods / 20
)

// fill puts a large cluster on the server.
func fill(server *fake.Kubernetes) {
	for i := range nodes {
		server.Put("nodes", fmt.Sprintf(`{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-%d","creationTimestamp":"2026-01-01T00:00:00Z",
			"labels":{"topology.kubernetes.io/zone":"eu-%d","topology.kubernetes.io/region":"eu"}},"status":{"conditions":[
			{"type":"Ready","status":"True"},{"type":"MemoryPressure","status":"False"},{"type":"DiskPressure","status":"False"}]}}`, i, i%3))
	}
	for w := range workloads {
		app, ns := fmt.Sprintf("app-%d", w), fmt.Sprintf("team-%d", w%25)
		meta := fmt.Sprintf(`"metadata":{"namespace":%q,"name":%q,"generation":1,"creationTimestamp":"2026-01-01T00:00:00Z"}`, ns, app)
		server.Put("deployments", fmt.Sprintf(`{"kind":"Deployment","apiVersion":"apps/v1",%s,"spec":{"replicas":20},"status":{"observedGeneration":1,
			"replicas":20,"readyReplicas":20,"availableReplicas":20,"updatedReplicas":20}}`, meta))
		server.Put("replicasets", fmt.Sprintf(`{"kind":"ReplicaSet","apiVersion":"apps/v1","metadata":{"namespace":%q,"name":"%s-8688694858","generation":1,
			"creationTimestamp":"2026-01-01T00:00:00Z","ownerReferences":[{"kind":"Deployment","name":%q,"controller":true}]},
			"spec":{"replicas":20},"status":{"observedGeneration":1,"replicas":20,"readyReplicas":20}}`, ns, app, app))
		server.Put("services", fmt.Sprintf(`{"kind":"Service","apiVersion":"v1",%s,"spec":{"selector":{"app":%q}}}`, meta, app))
		server.Put("configmaps", fmt.Sprintf(`{"kind":"ConfigMap","apiVersion":"v1",%s,"data":{"a":"b"}}`, strings.Replace(meta, app, app+"-config", 1)))
		var endpoints []string
		for p := range pods / workloads {
			name := podName(w, p)
			server.Put("pods", podJSON(w, p, "True"))
			endpoints = append(endpoints, fmt.Sprintf(`{"addresses":["10.0.0.1"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","namespace":%q,"name":%q}}`, ns, name))
		}
		server.Put("endpointslices", fmt.Sprintf(`{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"namespace":%q,"name":"%s-x",
			"labels":{"kubernetes.io/service-name":%q}},"endpoints":[%s]}`, ns, app, app, strings.Join(endpoints, ",")))
	}
}

func podName(w, p int) string { return fmt.Sprintf("app-%d-8688694858-%05d", w, p) }

func podJSON(w, p int, ready string) string {
	n := w*(pods/workloads) + p
	return strings.NewReplacer("NAMESPACE", fmt.Sprintf("team-%d", w%25), "OWNER-UID", fmt.Sprintf("4cbd499b-0292-461d-8027-%012d", w),
		"OWNER", fmt.Sprintf("app-%d-8688694858", w), "NAME", podName(w, p), "UID", fmt.Sprintf("af0db171-b441-42e2-a075-%012d", n),
		"APP", fmt.Sprintf("app-%d", w), "NODE", fmt.Sprintf("node-%d", n%nodes), `"type": "Ready", "status": "True"`, `"type": "Ready", "status": "`+ready+`"`).Replace(podTemplate)
}

// A large cluster, known for the first time.
func TestALargeClusterFits(t *testing.T) {
	for name, settings := range ways() {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, settings)
			fill(server)
			begun := time.Now()
			q := start(t, server)
			q.synced()
			t.Logf("%d pods on %d nodes: synced after %v and %v of CPU; memory %d MiB at most, %d MiB now; %.0f entities", pods, nodes,
				time.Since(begun).Round(time.Millisecond), q.cpu(), q.memory("VmHWM"), q.memory("VmRSS"), q.metric("quell_entities"))
			if n := q.metric("quell_kubernetes_objects"); n < pods+nodes+5*workloads {
				t.Errorf("%v objects, want all %d", n, pods+nodes+5*workloads)
			}
			if m := q.memory("VmHWM"); m > 300 {
				t.Errorf("quell took %d MiB, want at most 300", m)
			}
		})
	}
}

func eventJSON(n, count int, at time.Time) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"team-%d","name":"e-%d","uid":"6e0db171-b441-42e2-a075-%012d",
		"managedFields":[{"manager":"kubelet","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:count":{},"f:reason":{},"f:type":{}}}]},
		"involvedObject":{"kind":"Pod","namespace":"team-%d","name":%q,"uid":"u","apiVersion":"v1","fieldPath":"spec.containers{app}"},"reason":"BackOff",
		"message":"Back-off restarting failed container app in pod %s","source":{"component":"kubelet","host":"node-%d"},"type":"Warning","count":%d,
		"firstTimestamp":%q,"lastTimestamp":%q}`, n%25, n, n, n%25, podName(n%workloads, n%20), podName(n%workloads, n%20), n%nodes, count,
		at.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))
}

// All that happened in an hour of a cluster in trouble is there at the start.
func TestManyEventsAtTheStartFit(t *testing.T) {
	many := 20_000
	if long {
		many = 100_000
	}
	for name, settings := range ways() {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, settings)
			now := time.Now()
			for n := range many {
				server.Put("events", eventJSON(n, 1+n%10, now.Add(-time.Duration(many-n)*36*time.Millisecond)))
			}
			begun := time.Now()
			q := start(t, server)
			q.synced()
			q.within(2*time.Minute, "all are taken", func() bool { return q.metric("quell_inputs_total") >= float64(many) })
			t.Logf("%d events: taken after %v and %v of CPU; memory %d MiB at most", many, time.Since(begun).Round(time.Millisecond), q.cpu(), q.memory("VmHWM"))
			if m := q.memory("VmHWM"); m > 400 {
				t.Errorf("quell took %d MiB, want at most 400", m)
			}
		})
	}
}

// A thousand events a second, for as long as the mode says.
func TestSustainedEventsAreTakenInTime(t *testing.T) {
	const perSecond = 1000
	seconds := 5
	if long {
		seconds = 60
	}
	server := newServer(t, fake.KubernetesSettings{})
	fill(server)
	q := start(t, server)
	q.synced()
	before, cpu := q.metric("quell_inputs_total"), q.cpu()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n < seconds*perSecond; {
		<-tick.C
		for range perSecond / 100 {
			server.Put("events", eventJSON(n%5000, 1+n/5000, time.Now()))
			n++
		}
	}
	sent := float64(seconds * perSecond)
	q.within(time.Minute, "all are taken", func() bool { return q.metric("quell_inputs_total")-before >= sent })
	t.Logf("%d events a second for %d s: p50 at most %v, p99 at most %v from frame to decision; %.0f %% of a core; memory %d MiB at most", perSecond, seconds,
		q.quantile("quell_kubernetes_lag_seconds", 0.5), q.quantile("quell_kubernetes_lag_seconds", 0.99),
		100*(q.cpu()-cpu).Seconds()/float64(seconds), q.memory("VmHWM"))
}
