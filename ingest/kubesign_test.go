package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// signsOf are the states of some reasons among inputs, as "entity reason: message".
func signsOf(k Kubernetes, reasons ...string) (list []string) {
	for _, in := range k.Inputs {
		if e, ok := in.(*correlate.Event); ok && slices.Contains(reasons, e.Reason) {
			list = append(list, fmt.Sprintf("%s %s: %s", e.Entity, e.Reason, e.Message))
		}
	}
	return list
}

// crashing is a pod of a replica set that waits to be restarted.
func crashing(pause string, restarts int) string {
	return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b","ownerReferences":[{"kind":"ReplicaSet","name":"r","controller":true}]},
		"spec":{"nodeName":"n1"},"status":{"phase":"Running","startTime":%q,"conditions":[{"type":"Ready","status":"False","lastTransitionTime":%q}],
		"containerStatuses":[{"name":"app","restartCount":%d,"state":{"waiting":{"reason":"CrashLoopBackOff",
			"message":"back-off %s restarting failed container=app pod=a_b(uid)"}}}]}}`, at(time.Hour), at(time.Minute), restarts, pause)
}

// recovered is a pod that is ready since some minutes, with a container that runs since others.
func recovered(ready, running time.Duration, restarts int) string {
	return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{"nodeName":"n1"},"status":{"phase":"Running","startTime":%q,
		"conditions":[{"type":"Ready","status":"True","lastTransitionTime":%q}],
		"containerStatuses":[{"name":"app","restartCount":%d,"state":{"running":{"startedAt":%q}}}]}}`, at(time.Hour), at(ready), restarts, at(running))
}

// disrupted is a pod that has to go.
func disrupted(owner, reason string) string {
	return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b","uid":"p","deletionTimestamp":%q,"ownerReferences":[{"kind":%q,"name":"r","controller":true}]},
		"spec":{"nodeName":"n1"},"status":{"phase":"Running","conditions":[%s]}}`, at(0), owner, condition("DisruptionTarget", "True", reason, time.Minute))
}

func TestHealingShows(t *testing.T) {
	autoscaler := func(now, wanted int) string {
		return object("HorizontalPodAutoscaler", fmt.Sprintf(`"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"}},"status":{"currentReplicas":%d,"desiredReplicas":%d,
			"conditions":[%s]}`, now, wanted, condition("ScalingActive", "True", "ValidMetricFound", time.Minute)))
	}
	for name, test := range map[string]struct{ object, want string }{
		"back-off":            {crashing("40s", 3), "pod/b/a BackoffProgress: restart 3 of container app, back-off 40s"},
		"back-off at its cap": {crashing("5m0s", 9), "pod/b/a BackoffExhausted: restart 9 of container app, back-off 5m0s"},
		"another message":     {crashing("some time", 9), ""},
		"taint":               {disrupted("ReplicaSet", "DeletionByTaintManager"), "replicaset/b/r Rescheduling: pod a has to go from node n1: its node has a taint that it does not tolerate"},
		"of a daemon set":     {disrupted("DaemonSet", "DeletionByTaintManager"), ""},
		"rollout": {
			deployment(condition("Progressing", "True", "ReplicaSetUpdated", time.Minute), `"updatedReplicas":1,"availableReplicas":2`),
			"deployment/b/a RolloutProgressing: 1 of 3 replicas updated, 2 ready",
		},
		"rollout of a stateful set": {
			object("StatefulSet", `"spec":{"replicas":3},"status":{"readyReplicas":2,"updatedReplicas":1,"currentRevision":"a-1","updateRevision":"a-2"}`),
			"statefulset/b/a RolloutProgressing: 1 of 3 replicas updated, 2 ready",
		},
		"complete":              {deployment(done, `"updatedReplicas":3,"availableReplicas":3`), "deployment/b/a WorkloadComplete: 3 of 3 replicas ready"},
		"scale-up":              {autoscaler(2, 4), "deployment/b/d ScaleUpTriggered: the autoscaler wants 4 replicas in place of 2"},
		"scale-down":            {autoscaler(4, 2), ""},
		"restarted":             {recovered(time.Minute, 2*time.Minute, 3), "pod/b/a PodReady: ready on node n1 after 3 restarts of container app by the kubelet"},
		"restarted long before": {recovered(time.Minute, 30*time.Minute, 3), "pod/b/a PodReady: ready on node n1"},
		"claim": {
			object("PersistentVolumeClaim", `"spec":{"volumeName":"pv-1"},"status":{"phase":"Bound"}`), "persistentvolumeclaim/b/a ClaimBound: bound to volume pv-1",
		},
		"endpoints": {endpoints(time.Hour, notReady+","+ready), "service/b/a EndpointsReady: 1 of 2 endpoints ready"},
	} {
		t.Run(name, func(t *testing.T) {
			got := signsOf(newLens().Observe(nil, mustRead(t, test.object), received), "BackoffProgress", "BackoffExhausted", "Rescheduling", "RolloutProgressing",
				"WorkloadComplete", "ScaleUpTriggered", "PodReady", "ClaimBound", "EndpointsReady")
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("signs (-want +got):\n%s", diff)
			}
		})
	}
}

// That none of several replicas is left is told when the last one goes: not of a workload that never had one, nor of one that a rollout
// replaces as a whole.
func TestTheLossOfTheLastReplicaIsTold(t *testing.T) {
	recreate := condition("Progressing", "True", "ReplicaSetUpdated", time.Minute)
	with := func(progress string, ready int) *KubernetesObject {
		return mustRead(t, deployment(progress, fmt.Sprintf(`"updatedReplicas":3,"availableReplicas":%d`, ready)))
	}
	for name, test := range map[string]struct {
		old, new *KubernetesObject
		want     bool
	}{
		"lost":                                   {with(done, 1), with(done, 0), true},
		"first sight":                            {nil, with(done, 0), false},
		"still none":                             {with(recreate, 0), with(done, 0), false},
		"some left":                              {with(done, 3), with(done, 1), false},
		"in a rollout that stops them all first": {with(recreate, 1), with(recreate, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			got := signsOf(newLens().Observe(test.old, test.new, received), "LastReplicaGone")
			if len(got) > 0 != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// The kubelet restarts a container at once the first time. Only if that did not help, the loss is told.
func TestALossIsGivenTimeForARestart(t *testing.T) {
	with := func(ready int) *KubernetesObject {
		return mustRead(t, deployment(done+","+condition("Available", "False", "MinimumReplicasUnavailable", 0), fmt.Sprintf(`"updatedReplicas":3,"availableReplicas":%d`, ready)))
	}
	l, lost, back := newLens(), with(0), with(3)
	if got := signsOf(l.Observe(back, lost, received), "LastReplicaGone"); len(got) > 0 {
		t.Errorf("told at once: %v", got)
	}
	due := lost.Due(received)
	if got := signsOf(l.Again(lost, due), "LastReplicaGone"); len(got) != 1 || due.Sub(received) > time.Minute {
		t.Errorf("told %v at %v, want one within a minute", got, due)
	}
	l.Observe(lost, back, received)
	if got := signsOf(l.Again(lost, due), "LastReplicaGone"); len(got) > 0 {
		t.Errorf("told of one that is back: %v", got)
	}
}

// A node is cordoned, its pods are evicted, and a budget stops that.
func TestADrainIsToldAndWhatBlocksIt(t *testing.T) {
	pod := func(name, disruption string) *KubernetesObject {
		return mustRead(t, fmt.Sprintf(`{"kind":"Pod","metadata":{"name":%q,"namespace":"b"},"spec":{"nodeName":"n1"},"status":{"phase":"Running","conditions":[%s]}}`,
			name, condition("DisruptionTarget", disruption, "EvictionByEvictionAPI", time.Minute)))
	}
	budget := func(allowed string, since time.Duration) *KubernetesObject {
		return mustRead(t, fmt.Sprintf(`{"kind":"PodDisruptionBudget","metadata":{"name":"p","namespace":"b"},"spec":{"selector":{"matchLabels":{"app":"cart"}}},
			"status":{"disruptionsAllowed":0,"expectedPods":3,"currentHealthy":2,"desiredHealthy":2,"conditions":[%s]}}`,
			condition("DisruptionAllowed", allowed, "InsufficientPods", since)))
	}
	workload := mustRead(t, object("Deployment", `"spec":{"template":{"metadata":{"labels":{"app":"cart"}}}}`))
	l := newLens()
	expect := func(what string, k Kubernetes, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, signsOf(k, "Drained", "EvictionBlocked", "EvictionPossible")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	const blocked = "deployment/b/a EvictionBlocked: 2 of 3 pods healthy, 2 wanted: none may be evicted"
	for _, o := range []*KubernetesObject{workload, pod("one", "False"), pod("two", "False")} {
		l.Observe(nil, o, received)
	}
	old, full := budget("False", time.Minute), budget("False", time.Hour)
	expect("nobody drains", l.Observe(nil, full, received))
	expect("cordoned", l.Observe(mustRead(t, node(``)), mustRead(t, node(`"unschedulable":true`)), received))
	tainted := mustRead(t, node(`"unschedulable":true,"taints":[{"key":"node.kubernetes.io/unschedulable","timeAdded":"2026-11-21T11:00:00Z"}]`))
	expect("tainted", l.Observe(mustRead(t, node(`"unschedulable":true`)), tainted, received))
	expect("nobody evicts yet", l.Again(full, received))
	evicted := l.Observe(pod("one", "False"), pod("one", "True"), received)
	expect("evicted", evicted, "node/n1 Drained: pods are evicted, b/one first", blocked)
	if id, want := evicted.Inputs[0].(*correlate.Event).ID, "n/drain/2026-11-21T11:00:00Z"; id != want {
		t.Errorf("the drain has the id %s, want %s: a restart must not tell another", id, want)
	}
	expect("a second one", l.Observe(pod("two", "False"), pod("two", "True"), received))
	expect("blocked for a moment", l.Observe(full, old, received))
	if due := old.Due(received); !due.Equal(received.Add(4 * time.Minute)) {
		t.Errorf("due at %v, want in four minutes", due)
	}
	expect("blocked for long", l.Again(old, received.Add(4*time.Minute)), blocked)
	expect("possible again", l.Observe(old, budget("True", 0), received), "deployment/b/a EvictionPossible: 0 disruptions allowed")
	l.Observe(budget("True", 0), full, received)
	for _, name := range []string{"one", "two"} {
		l.Observe(pod(name, "True"), nil, received)
	}
	expect("nothing is left to evict", l.Again(full, received))
}
