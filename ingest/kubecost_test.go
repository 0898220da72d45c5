package ingest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// realPod is a pod as API servers send it, of about 7 kB, the n-th of its cluster.
func realPod(n int, ready string) []byte {
	env, mounts := new(strings.Builder), new(strings.Builder)
	for i := range 12 {
		fmt.Fprintf(env, `{"name":"SETTING_%d","valueFrom":{"configMapKeyRef":{"name":"cart-settings","key":"setting-%d"}}},`, i, i)
		fmt.Fprintf(mounts, `{"name":"volume-%d","mountPath":"/etc/cart/volume-%d","readOnly":true},`, i, i)
	}
	name := fmt.Sprintf("cart-%d-7d9f8b6c5-x%04d", n/10, n)
	container := fmt.Sprintf(`{"name":"app","image":"registry.example.com/shop/cart:1.%d","env":[%s{"name":"DB","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}],
		"volumeMounts":[%s{"name":"kube-api-access","mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],"resources":{"limits":{"cpu":"1","memory":"512Mi"}},
		"livenessProbe":{"httpGet":{"path":"/livez","port":8080,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},
		"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}`, n%10, env, mounts)
	status := fmt.Sprintf(`{"name":"app","state":{"running":{"startedAt":"2026-11-21T11:00:00Z"}},"lastState":{},"ready":true,"restartCount":%d,"image":"x","imageID":"y","containerID":"z","started":true}`, n%3)
	var list []string
	for _, typ := range []string{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		list = append(list, fmt.Sprintf(`{"type":%q,"status":%q,"lastProbeTime":null,"lastTransitionTime":"2026-11-21T11:00:00Z"}`, typ, ready))
	}
	return fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"generateName":"cart-7d9f8b6c5-","namespace":"shop-%d","uid":"0e6c9cf2-59a9-45c9-b5fe-%012d",
		"resourceVersion":"%d","creationTimestamp":"2026-11-21T10:59:00Z","labels":{"app":"cart","pod-template-hash":"7d9f8b6c5"},"managedFields":[{"manager":"kubelet","operation":"Update",
		"fieldsType":"FieldsV1","fieldsV1":{"f:status":{%s"f:phase":{}}}}],"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"cart-%d-7d9f8b6c5","uid":"u","controller":true}]},
		"spec":{"volumes":[{"name":"settings","configMap":{"name":"cart-settings"}},{"name":"data","persistentVolumeClaim":{"claimName":"data-%d"}},
		{"name":"kube-api-access","projected":{"sources":[{"serviceAccountToken":{"path":"token"}},{"configMap":{"name":"kube-root-ca.crt"}}]}}],"containers":[%s],
		"serviceAccountName":"cart","nodeName":"node-%d"},"status":{"phase":"Running","conditions":[%s],"hostIP":"192.0.2.2","podIP":"10.0.0.1","startTime":"2026-11-21T10:59:00Z","containerStatuses":[%s]}}`,
		name, n%50, n, n, strings.Repeat(`"f:conditions":{"k:{}":{".":{}}},`, 1), n/10, n, container, n%200, strings.Join(list, ","), status)
}

// liveBytes is how much memory is in use.
func liveBytes() uint64 {
	runtime.GC()
	runtime.GC() // what has no handles any more goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A cluster has many pods, and quell keeps each of them: what is watched, and what the lens remembers beside.
func TestAWatchedPodCostsLessThan2KiB(t *testing.T) {
	const pods, limit = 2_000, 2 << 10
	before := liveBytes()
	kept, l := make([]*KubernetesObject, pods), newLens()
	for i := range kept {
		o, err := ReadKubernetesObject(realPod(i, "True"), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		l.Observe(nil, o, received)
		kept[i] = o
	}
	each := int64(liveBytes()-before) / pods // what other tests left behind may go meanwhile
	t.Logf("%d bytes a pod of %d bytes", each, len(realPod(0, "True")))
	if each >= limit {
		t.Errorf("got %d bytes a pod, want less than %d", each, limit)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(l)
}

// BenchmarkKubernetesObject reads versions of a pod and tells what changed, as a watch does with each frame.
func BenchmarkKubernetesObject(b *testing.B) {
	versions := [][]byte{realPod(1, "True"), realPod(1, "False")}
	l := newLens()
	var old *KubernetesObject
	b.SetBytes(int64(len(versions[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o, err := ReadKubernetesObject(versions[i%2], Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if k := l.Observe(old, o, received); len(k.Inputs) == 0 {
			b.Fatal("nothing was told")
		}
		old = o
	}
}
