package mention

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// messages are texts of Kubernetes components with the edges that they tell about an entity, "type entity" each.
var messages = []struct {
	about           topology.Entity
	reason, message string
	want            []string
}{
	// Quotas and limits.
	{
		"replicaset/shop/web-1", "FailedCreate",
		`Error creating: pods "web-1-qpc4q" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3`,
		[]string{"limited_by resourcequota/shop/compute"},
	},
	{
		"replicaset/shop/web-1@eu", "FailedCreate",
		`(combined from similar events): Error creating: pods "web-1-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3`,
		[]string{"limited_by resourcequota/shop/q@eu"},
	},
	{"job/shop/j", "FailedCreate", `pods "x" is forbidden: failed quota: mem: must specify limits.memory for: app`, []string{"limited_by resourcequota/shop/mem"}},
	{"replicaset/shop/web-1", "FailedCreate", `pods "x" is forbidden: exceeded quota`, []string{"limited_by namespace/shop"}},
	{
		"replicaset/shop/web-1", "FailedCreate", `Error creating: pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2`,
		[]string{"limited_by namespace/shop"},
	},
	{
		"job/shop/j", "FailedCreate", `Error creating: pods "j-1" is forbidden: unable to create new content in namespace shop because it is being terminated`,
		[]string{"limited_by namespace/shop"},
	},

	// What a pod is made of.
	{"pod/shop/a", "FailedMount", `MountVolume.SetUp failed for volume "c" : configmap "settings" not found`, []string{"mounts configmap/shop/settings"}},
	{"pod/shop/a", "Failed", `Error: secret "db-login" not found`, []string{"uses secret/shop/db-login"}},
	{"pod/shop/a", "Failed", `Error: couldn't find key url in ConfigMap shop/settings`, []string{"uses configmap/shop/settings"}},
	{"pod/shop/a", "FailedMount", `references non-existent secret key: tls.key`, nil},
	{"pod/shop/a", "FailedMount", `MountVolume.SetUp failed for volume "kube-api-access-l79k4" : object "shop"/"kube-root-ca.crt" not registered`, nil},
	{
		"pod/shop/a", "FailedToRetrieveImagePullSecret",
		"Unable to retrieve some image pull secrets (regcred, mirror); attempting to pull the image may not succeed.",
		[]string{"uses secret/shop/regcred", "uses secret/shop/mirror"},
	},
	{
		"replicaset/shop/web-1", "FailedCreate",
		`Error creating: pods "web-1-" is forbidden: error looking up service account shop/builder: serviceaccount "builder" not found`,
		[]string{"uses serviceaccount/shop/builder"},
	},
	{
		"replicaset/shop/web-1", "FailedCreate", `Error creating: pods "x" is forbidden: no PriorityClass with name high was found`,
		[]string{"uses priorityclass/high"},
	},
	{
		"pod/shop/a", "FailedCreatePodSandBox", `Failed to create pod sandbox: rpc error: code = Unknown desc = RuntimeClass.node.k8s.io "gvisor" not found`,
		[]string{"uses runtimeclass/gvisor"},
	},
	{
		"replicaset/shop/web-1", "FailedCreate",
		`pods is forbidden: User "system:serviceaccount:kube-system:replicaset-controller" cannot create resource "pods" in API group "" in the namespace "shop"`,
		[]string{"uses serviceaccount/kube-system/replicaset-controller"},
	},

	// Volumes.
	{"pod/shop/db-0", "FailedScheduling", `0/3 nodes are available: persistentvolumeclaim "data" not found. not found`, []string{"mounts persistentvolumeclaim/shop/data"}},
	{"pod/shop/db-0", "FailedScheduling", `running PreFilter plugin "VolumeBinding": error getting PVC "shop/data": could not find it`, []string{"mounts persistentvolumeclaim/shop/data"}},
	{
		"pod/shop/db-0", "FailedMount",
		"Unable to attach or mount volumes: unmounted volumes=[data], failed to process volumes=[data]: error processing PVC shop/data: PVC is not bound",
		[]string{"mounts persistentvolumeclaim/shop/data"},
	},
	{"persistentvolumeclaim/shop/data", "ProvisioningFailed", `storageclass.storage.k8s.io "fast-ssd" not found`, []string{"uses storageclass/fast-ssd"}},
	{
		"persistentvolumeclaim/shop/data", "ProvisioningFailed",
		`failed to provision volume with StorageClass "fast": rpc error: code = ResourceExhausted desc = quota`,
		[]string{"uses storageclass/fast"},
	},
	{
		"persistentvolumeclaim/shop/data", "ExternalProvisioning",
		"Waiting for a volume to be created either by the external provisioner 'csi.example.com' or manually by the system administrator.",
		[]string{"uses csidriver/csi.example.com"},
	},
	{"persistentvolumeclaim/shop/data", "VolumeMismatch", `Cannot bind to requested volume "pv-1": storageClassName does not match`, []string{"bound_to persistentvolume/pv-1"}},
	{"persistentvolumeclaim/shop/data", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", nil},
	{
		"pod/shop/db-0", "FailedAttachVolume", `Multi-Attach error for volume "pvc-0a3c" Volume is already used by pod(s) db-1, web-2`,
		[]string{"mounts persistentvolume/pvc-0a3c", "held_by pod/shop/db-1", "held_by pod/shop/web-2"},
	},
	{
		"pod/shop/db-0", "FailedAttachVolume", `AttachVolume.Attach failed for volume "nfs" : rpc error: code = Internal desc = could not attach to node "n1"`,
		[]string{"mounts persistentvolume/nfs", "runs_on node/n1"},
	},
	{
		"pod/shop/db-0", "FailedMount", `MountVolume.MountDevice failed for volume "nfs" : driver name efs.csi.aws.com not found in the list of registered CSI drivers`,
		[]string{"mounts persistentvolume/nfs", "uses csidriver/efs.csi.aws.com"},
	},

	// Nodes.
	{"pod/shop/a", "Scheduled", "Successfully assigned shop/a to hollow-0", []string{"runs_on node/hollow-0"}},
	{"pod/shop/a", "Preempted", "Preempted by shop/big-1 on node n1", []string{"held_by pod/shop/big-1", "runs_on node/n1"}},
	{"pod/shop/a", "Preempted", "Preempted by a pod on node n1.", []string{"runs_on node/n1"}},
	{"pod/shop/a", "Odd", "something is wrong on node because nobody looked", nil},
	{"node/n1", "NodeNotReady", `Node n1 status is now: NodeNotReady; node "n1" and node "n2"`, nil},
	{
		"daemonset/kube-system/proxy", "FailedDaemonPod", "Found failed daemon pod kube-system/proxy-x2 on node n1, will try to kill it",
		[]string{"owns pod/kube-system/proxy-x2", "uses node/n1"},
	},
	{"statefulset/shop/db", "RecreatingFailedPod", "StatefulSet shop/db is recreating failed Pod db-0", []string{"owns pod/shop/db-0"}},
	{"pod/shop/a", "FailedScheduling", "0/8 nodes are available: 8 node(s) had untolerated taint(s). preemption: 0/8 nodes are available", nil},
	{"pod/shop/a", "FailedScheduling", "0/8 nodes are available: 1 node(s) had untolerated taint(s), 7 Insufficient cpu. preemption: 0/8 nodes are available", []string{"needs resource/cpu"}},
	{"pod/shop/a@eu", "FailedScheduling", "0/8 nodes are available: 2 Insufficient memory, 6 Insufficient example.com/gpu.", []string{"needs resource/memory@eu", "needs resource/example.com/gpu@eu"}},
	{"pod/shop/a", "FailedScheduling", "0/8 nodes are available: 8 Insufficient Funds/x, 1 Insufficient a/b/c", nil},
	{"node/n1", "FailedScheduling", "0/8 nodes are available: 8 Insufficient cpu.", nil},

	// Images and registries.
	{
		"pod/shop/a", "Failed",
		`Failed to pull image "registry.example.com/shop/web:1.2": failed to resolve reference "registry.example.com/shop/web:1.2": not found`,
		[]string{"made_from image/registry.example.com/shop/web:1.2"},
	},
	{
		"pod/shop/a@eu", "Failed", `Failed to pull image "shop/web": pull access denied, repository does not exist or may require authorization`,
		[]string{"made_from image/shop/web@eu"},
	},
	{
		"pod/shop/a", "Failed", `Failed to pull image "r.io:5000/web@sha256:` + strings.Repeat("ab", 32) + `": manifest unknown`,
		[]string{"made_from image/r.io:5000/web_sha256:" + strings.Repeat("ab", 32)},
	},
	{
		"pod/shop/a", "Failed", `Failed to pull image "registry.example.com/shop/web:1.2": Head "https://registry.example.com/v2/": dial tcp 10.0.0.1:443: i/o timeout`,
		[]string{"pulls registry/registry.example.com"},
	},
	{"pod/shop/a", "Failed", `Failed to pull image "nginx:1.25": toomanyrequests: You have reached your pull rate limit`, []string{"pulls registry/docker.io"}},
	{"pod/shop/a", "Failed", `Failed to pull image "Nginx:1.25": not found`, nil},
	{"pod/shop/a", "Failed", `Failed to pull image "nginx:1.25": write /var/lib: no space left on device`, nil},
	{"pod/shop/a", "BackOff", `Back-off pulling image "registry.example.com/shop/web:1.2"`, nil},

	// Services.
	{
		"deployment/shop/web", "ReplicaSetCreateError",
		`failed calling webhook "validate.kyverno.svc": failed to call webhook: Post "https://kyverno-svc.kyverno.svc:443/validate?timeout=10s": no endpoints available for service "kyverno-svc"`,
		[]string{"calls webhook/validate.kyverno.svc", "webhook/validate.kyverno.svc calls service/kyverno/kyverno-svc"},
	},
	{
		"replicaset/shop/web-1", "FailedCreate", `Error creating: admission webhook "policy.example.com" denied the request: [shop] no limits`,
		[]string{"calls webhook/policy.example.com"},
	},
	{"pod/shop/a", "Unhealthy", `Readiness probe failed: dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host`, []string{"calls service/shop/db"}},
	{"pod/shop/a", "Unhealthy", `Readiness probe failed: dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: server misbehaving`, nil},
	{"pod/shop/a", "Unhealthy", `Readiness probe failed: dial tcp: lookup api.example.com: no such host`, nil},
	{
		"pod/shop/a", "Unhealthy", `Readiness probe failed: postgres://db-0.db.data.svc:5432: connection refused`,
		[]string{"calls service/data/db", "calls pod/data/db-0"},
	},
	{"pod/shop/a", "Unhealthy", `Readiness probe failed: x_http.db.data.svc and http.db.data.svcs and ..svc.svc`, nil},
	{"pod/shop/a", "Unhealthy", `Readiness probe failed: Get "http://10.0.0.7:8080/healthz": dial tcp 10.0.0.7:8080: connect: connection refused`, nil},
	{"ingress/shop/web", "Sync", `service "web" not found`, []string{"calls service/shop/web"}},

	// Autoscalers.
	{
		"horizontalpodautoscaler/shop/api", "FailedGetResourceMetric",
		"failed to get cpu utilization: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
		[]string{"uses apiservice/v1beta1.metrics.k8s.io"},
	},
	{"horizontalpodautoscaler/shop/api", "FailedGetScale", `deployments/scale.apps "api" not found`, []string{"uses deployment/shop/api"}},

	// Effects are not causes, and names from outside are checked.
	{"deployment/shop/web", "ReplicaSetCreateError", `replicasets.apps "web-1" already exists`, nil},
	{"pod/shop/a", "FailedMount", `configmaps "settings" is forbidden: User "system:node:n1" cannot get resource "configmaps"`, nil},
	{"pod/shop/a", "FailedMount", `configmap "Settings" not found, configmap "../x" not found, configmap "a/b/c" not found, configmap "" not found`, nil},
	{"node/n1", "Odd", `configmap "settings" not found`, nil},
	{"node/n1", "Odd", `configmap "shop/settings" not found`, []string{"uses configmap/shop/settings"}},
	{"pod/shop/a", "Odd", `error: \"(configmap \"settings\" not found)\"`, []string{"uses configmap/shop/settings"}},
	{"pod/shop/a", "Odd", `configmap "settings`, nil},
	{"pod/shop/a", "Odd", "exceeded quota: q_evil, requested: pods=1 on node N1, x on node ", []string{"limited_by namespace/shop"}},
}

func TestEdgesTellWhatAMessageBlames(t *testing.T) {
	for _, c := range messages {
		var got []string
		for _, e := range Edges(c.about, c.reason, c.message) {
			s := e.Type + " " + string(e.To)
			if e.From != c.about {
				s = string(e.From) + " " + s
			}
			got = append(got, s)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %s %q (-want +got):\n%s", c.about, c.reason, c.message, diff)
		}
	}
}

func TestEdgesAreBoundedAndDistinct(t *testing.T) {
	var b strings.Builder
	for i := range 3 * MaxEdges {
		fmt.Fprintf(&b, `secret "s%d" not found, `, i/2)
	}
	edges := Edges("pod/shop/a", "Failed", b.String())
	if len(edges) != MaxEdges || edges[0].To != "secret/shop/s0" || edges[MaxEdges-1].To != "secret/shop/s7" {
		t.Errorf("got %d edges: %v", len(edges), edges)
	}
}

func TestNothingNamedCostsNoMemory(t *testing.T) {
	for _, c := range messages {
		if c.want != nil {
			continue
		}
		if n := testing.AllocsPerRun(10, func() { Edges(c.about, c.reason, c.message) }); n != 0 {
			t.Errorf("%q: %v allocations", c.message, n)
		}
	}
}

// FuzzEdges: whatever a message says, edges are few, distinct, the same each time, and name valid entities of the cluster.
func FuzzEdges(f *testing.F) {
	for _, c := range messages {
		f.Add(c.reason, c.message)
	}
	f.Fuzz(func(t *testing.T, reason, message string) {
		const about topology.Entity = "pod/shop/a@eu"
		edges := Edges(about, reason, message)
		if diff := cmp.Diff(edges, Edges(about, reason, message)); diff != "" {
			t.Errorf("two calls differ:\n%s", diff)
		}
		if len(edges) > MaxEdges {
			t.Errorf("%d edges", len(edges))
		}
		u := topology.Update{Edges: edges}
		if err := u.Validate(); err != nil {
			t.Error(err)
		}
		seen := make(map[topology.Edge]bool)
		for _, e := range edges {
			if seen[e] || e.From == e.To || e.To.Cluster() != "eu" || e.From != about && e.From.Kind() != "webhook" {
				t.Errorf("edge %v", e)
			}
			seen[e] = true
			if s := string(e.To); !utf8.ValidString(s) || strings.ContainsAny(s, " \"\\\n") {
				t.Errorf("entity %q", s)
			}
		}
		if _, err := json.Marshal(edges); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkEdges measures a usual message and the worst that a decoder lets through.
func BenchmarkEdges(b *testing.B) {
	for name, message := range map[string]string{
		"nothing": `Readiness probe failed: Get "http://10.0.0.7:8080/healthz": dial tcp 10.0.0.7:8080: connect: connection refused`,
		"quota":   messages[0].message,
		"hostile": strings.Repeat(`image ".svc`, 186),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Edges("pod/shop/a", "Failed", message)
			}
		})
	}
}
