package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules"
)

// at writes a time before the receipt as objects have it.
func at(before time.Duration) string { return received.Add(-before).Format(time.RFC3339) }

// told decodes an object and returns the states that it tells, as "entity reason".
func told(t *testing.T, object string) []string {
	t.Helper()
	return statesOf(t, newLens().Observe(nil, mustRead(t, object), received))
}

// statesOf are the states among inputs.
func statesOf(t *testing.T, k Kubernetes) (states []string) {
	t.Helper()
	for _, in := range k.Inputs {
		if e, ok := in.(*correlate.Event); ok {
			if e.Component != "quell/state" || e.Warning || e.Count != 1 {
				t.Errorf("got %+v, want a state", e)
			}
			states = append(states, string(e.Entity)+" "+e.Reason)
		}
	}
	return states
}

// object writes an object of namespace b that was created an hour ago.
func object(kind, rest string) string {
	return fmt.Sprintf(`{"kind":%q,"metadata":{"name":"a","namespace":"b","creationTimestamp":%q},%s}`, kind, at(time.Hour), rest)
}

// pod writes a pod that a replica set owns and that was started 20 minutes ago.
func pod(ready, sinceReady, rest string) string {
	return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b","ownerReferences":[{"kind":"ReplicaSet","name":"r","controller":true}]},
		"status":{"startTime":%q,"conditions":[{"type":"Ready","status":%q,"lastTransitionTime":%q}]%s}}`, at(20*time.Minute), ready, sinceReady, rest)
}

func TestPodsTellHowTheyAre(t *testing.T) {
	waiting := func(reason string) string {
		return `,"phase":"Pending","containerStatuses":[{"name":"ok","state":{"running":{}}},{"name":"app","restartCount":3,"state":{"waiting":{"reason":"` + reason + `"}}}]`
	}
	young := func(rest string) string {
		return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"status":{"phase":"Pending","startTime":%q,%s}}`, at(time.Minute), rest)
	}
	unready := func(since time.Duration) string {
		return fmt.Sprintf(`"conditions":[{"type":"Ready","status":"False","lastTransitionTime":%q}]`, at(since))
	}
	for name, test := range map[string]struct{ object, want string }{
		"ready":                            {pod("True", at(time.Minute), ""), "PodReady"},
		"was ready":                        {pod("False", at(time.Minute), `,"phase":"Running"`), "PodNotReady"},
		"node is lost":                     {pod("Unknown", at(time.Minute), `,"phase":"Running"`), "PodNotReady"},
		"should have been ready long ago":  {pod("False", at(20*time.Minute), `,"phase":"Running"`), "PodNotReady"},
		"starts":                           {young(unready(time.Minute)), "PodStarting"},
		"young, was ready":                 {young(unready(30 * time.Second)), "PodNotReady"},
		"crashes":                          {pod("False", at(time.Minute), waiting("CrashLoopBackOff")), "CrashLoopBackOff"},
		"cannot pull":                      {pod("False", at(time.Minute), waiting("ErrImagePull")), "ImagePullBackOff"},
		"waits to pull again":              {pod("False", at(time.Minute), waiting("ImagePullBackOff")), "ImagePullBackOff"},
		"lacks its config":                 {pod("False", at(time.Minute), waiting("CreateContainerConfigError")), "CreateContainerConfigError"},
		"cannot run":                       {pod("False", at(time.Minute), waiting("RunContainerError")), "RunContainerError"},
		"young, container is made":         {young(unready(time.Minute) + `,"containerStatuses":[{"state":{"waiting":{"reason":"ContainerCreating"}}}]`), "PodStarting"},
		"young, init container crashes":    {young(unready(time.Minute) + `,"initContainerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]`), "CrashLoopBackOff"},
		"finds no node":                    {young(`"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]`), "PodUnschedulable"},
		"waits for a gate":                 {young(`"conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]`), "PodStarting"},
		"failed, and is replaced":          {pod("False", at(time.Minute), `,"phase":"Failed","reason":"Evicted"`), "PodReplaced"},
		"failed, and nobody cares":         {object("Pod", `"status":{"phase":"Failed","reason":"Evicted"}`), "PodFailed"},
		"succeeded":                        {pod("False", at(time.Minute), `,"phase":"Succeeded"`), "PodSucceeded"},
		"conditions were left out":         {object("Pod", `"status":{"phase":"Running"}`), ""},
		"status was left out":              {object("Pod", `"spec":{}`), ""},
		"conditions of a wrong type":       {object("Pod", `"status":{"phase":"Running","conditions":{"type":5}}`), ""},
		"leaves, and is not ready for it":  {`{"kind":"Pod","metadata":{"name":"a","namespace":"b","deletionTimestamp":"2026-11-21T00:00:00Z"},"status":{"phase":"Running"}}`, "PodTerminating"},
		"of a job, between run and result": {`{"kind":"Pod","metadata":{"name":"a","namespace":"b","ownerReferences":[{"kind":"Job","name":"j","controller":true}]},"status":{"phase":"Running","startTime":"2026-11-21T00:00:00Z","conditions":[{"type":"Ready","status":"False"}]}}`, "PodStarting"},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			if test.want != "" {
				want = []string{"pod/b/a " + test.want}
			}
			if diff := cmp.Diff(want, told(t, test.object)); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

const cronRun = `{"kind":"Job","metadata":{"name":"a","namespace":"b","uid":"u","ownerReferences":[{"kind":"CronJob","name":"c","controller":true}]},"status":{"conditions":[%s]}}`

func condition(typ, status, reason string, since time.Duration) string {
	return fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"lastTransitionTime":%q}`, typ, status, reason, at(since))
}

func conditions(list string) string { return `"status":{"conditions":[` + list + `]}` }

func deployment(progress, status string) string {
	return object("Deployment", `"spec":{"replicas":3},"status":{"conditions":[`+progress+`],`+status+`}`)
}

func endpoints(created time.Duration, list string) string {
	return fmt.Sprintf(`{"kind":"EndpointSlice","metadata":{"name":"a-x","namespace":"b","labels":{"kubernetes.io/service-name":"a"},"creationTimestamp":%q},"endpoints":[%s]}`, at(created), list)
}

var (
	done    = condition("Progressing", "True", "NewReplicaSetAvailable", time.Minute)
	late    = condition("Progressing", "False", "ProgressDeadlineExceeded", time.Minute)
	newNode = fmt.Sprintf(`{"kind":"Node","metadata":{"name":"a","creationTimestamp":%q},%s}`, at(time.Minute), conditions(condition("Ready", "False", "KubeletNotReady", time.Minute)))
)

const ready, notReady = `{"conditions":{"ready":true}}`, `{"conditions":{"ready":false}}`

var objectsWithState = map[string]struct {
	object string
	want   []string
}{
	"node ready, disk full": {
		object("Node", conditions(condition("Ready", "True", "", time.Minute)+","+condition("DiskPressure", "True", "", time.Minute)+","+condition("MemoryPressure", "False", "", time.Minute))),
		[]string{"node/a NodeReady", "node/a NodeHasDiskPressure", "node/a NodeHasSufficientMemory"},
	},
	"node not ready":         {object("Node", conditions(condition("Ready", "False", "KubeletNotReady", time.Minute))), []string{"node/a NodeNotReady"}},
	"node silent":            {object("Node", conditions(condition("Ready", "Unknown", "NodeStatusUnknown", time.Minute))), []string{"node/a NodeNotReady"}},
	"node is new":            {newNode, nil},
	"deployment complete":    {deployment(done, `"availableReplicas":3,"updatedReplicas":3`), []string{"deployment/b/a WorkloadProgressing", "deployment/b/a WorkloadComplete"}},
	"deployment with a few":  {deployment(done, `"availableReplicas":1,"updatedReplicas":3`), []string{"deployment/b/a WorkloadProgressing", "deployment/b/a WorkloadAvailable"}},
	"deployment with none":   {deployment(done, `"updatedReplicas":3`), []string{"deployment/b/a WorkloadProgressing", "deployment/b/a WorkloadUnavailable"}},
	"deployment stuck":       {deployment(late, `"availableReplicas":3,"updatedReplicas":1`), []string{"deployment/b/a ProgressDeadlineExceeded", "deployment/b/a WorkloadAvailable"}},
	"deployment rolling out": {deployment(condition("Progressing", "True", "ReplicaSetUpdated", time.Minute), `"updatedReplicas":1`), []string{"deployment/b/a WorkloadProgressing", "deployment/b/a RolloutProgressing"}},
	"status older than spec": {`{"kind":"StatefulSet","metadata":{"name":"a","namespace":"b","generation":2},"spec":{"replicas":1},"status":{"observedGeneration":1,"readyReplicas":1}}`, nil},
	"stateful set complete":  {object("StatefulSet", `"spec":{"replicas":1},"status":{"readyReplicas":1}`), []string{"statefulset/b/a WorkloadComplete"}},
	"stateful set with none": {object("StatefulSet", `"spec":{},"status":{}`), []string{"statefulset/b/a WorkloadUnavailable"}},
	"young stateful set":     {`{"kind":"StatefulSet","metadata":{"name":"a","namespace":"b","creationTimestamp":"` + at(time.Minute) + `"},"spec":{"replicas":1},"status":{}}`, nil},
	"scaled to nothing":      {object("StatefulSet", `"spec":{"replicas":0},"status":{}`), []string{"statefulset/b/a WorkloadComplete"}},
	"daemon set complete":    {object("DaemonSet", `"status":{"desiredNumberScheduled":2,"numberReady":2}`), []string{"daemonset/b/a WorkloadComplete"}},
	"daemon set with none":   {object("DaemonSet", `"status":{"desiredNumberScheduled":2,"updatedNumberScheduled":2}`), []string{"daemonset/b/a WorkloadUnavailable"}},
	"replica set refused":    {object("ReplicaSet", conditions(condition("ReplicaFailure", "True", "FailedCreate", time.Minute))), []string{"replicaset/b/a ReplicaFailure"}},
	"replica set made all":   {object("ReplicaSet", `"spec":{"replicas":2},"status":{"replicas":2}`), []string{"replicaset/b/a ReplicasCreated"}},
	"replica set makes some": {object("ReplicaSet", `"spec":{"replicas":2},"status":{"replicas":1}`), nil},
	"job complete":           {object("Job", conditions(condition("Complete", "True", "", time.Minute))), []string{"job/b/a JobComplete"}},
	"job failed":             {object("Job", conditions(condition("Failed", "True", "BackoffLimitExceeded", time.Minute))), []string{"job/b/a JobFailed"}},
	"job failed long ago":    {object("Job", conditions(condition("Failed", "True", "BackoffLimitExceeded", 2*time.Hour))), nil},
	"job runs":               {object("Job", `"status":{"active":1}`), nil},
	"run of a cron job failed": {
		fmt.Sprintf(cronRun, condition("Failed", "True", "BackoffLimitExceeded", time.Minute)),
		[]string{"cronjob/b/c CronJobRunFailed", "job/b/a JobSuperseded"},
	},
	"run of a cron job went well": {
		fmt.Sprintf(cronRun, condition("Complete", "True", "", time.Minute)), []string{"job/b/a JobComplete", "cronjob/b/c CronJobRunComplete"},
	},
	"claim waits":               {object("PersistentVolumeClaim", `"status":{"phase":"Pending"}`), []string{"persistentvolumeclaim/b/a ClaimPending"}},
	"claim bound":               {object("PersistentVolumeClaim", `"status":{"phase":"Bound"}`), []string{"persistentvolumeclaim/b/a ClaimBound"}},
	"claim lost":                {object("PersistentVolumeClaim", `"status":{"phase":"Lost"}`), []string{"persistentvolumeclaim/b/a ClaimLost"}},
	"volume failed":             {object("PersistentVolume", `"status":{"phase":"Failed"}`), []string{"persistentvolume/a VolumeFailed"}},
	"autoscaler lacks metrics":  {object("HorizontalPodAutoscaler", conditions(condition("ScalingActive", "False", "FailedGetResourceMetric", time.Minute))), []string{"horizontalpodautoscaler/b/a AutoscalerWithoutMetrics"}},
	"autoscaler is off":         {object("HorizontalPodAutoscaler", conditions(condition("ScalingActive", "False", "ScalingDisabled", time.Minute))), []string{"horizontalpodautoscaler/b/a AutoscalerWorks"}},
	"autoscaler cannot":         {object("HorizontalPodAutoscaler", conditions(condition("AbleToScale", "False", "FailedGetScale", time.Minute))), []string{"horizontalpodautoscaler/b/a AutoscalerUnable"}},
	"autoscaler at its maximum": {object("HorizontalPodAutoscaler", conditions(condition("ScalingActive", "True", "", time.Minute)+","+condition("ScalingLimited", "True", "TooManyReplicas", time.Minute))), []string{"horizontalpodautoscaler/b/a AutoscalerAtMax"}},
	"autoscaler works":          {object("HorizontalPodAutoscaler", conditions(condition("ScalingActive", "True", "ValidMetricFound", time.Minute))), []string{"horizontalpodautoscaler/b/a AutoscalerWorks"}},
	"autoscaler is new":         {object("HorizontalPodAutoscaler", `"status":{}`), nil},
	"one endpoint ready":        {endpoints(time.Hour, notReady+","+ready), []string{"service/b/a EndpointsReady"}},
	"no endpoint ready":         {endpoints(time.Hour, notReady+","+notReady), []string{"service/b/a NoReadyEndpoints"}},
	"no endpoint ready yet":     {endpoints(time.Minute, notReady), nil},
	"no endpoint":               {endpoints(time.Hour, ""), []string{"service/b/a EndpointsReady"}},
	"namespace stuck":           {object("Namespace", conditions(condition("NamespaceDeletionContentFailure", "True", "ContentDeletionFailed", time.Minute))), []string{"namespace/a NamespaceStuck"}},
	"namespace":                 {object("Namespace", `"status":{"phase":"Active"}`), []string{"namespace/a NamespaceSound"}},
}

func TestObjectsTellHowTheyAre(t *testing.T) {
	for name, test := range objectsWithState {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(t, test.object)); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// The end of a run counts from when it was, not from when it is told: an old failure must not hide a later success.
func TestRunsOfCronJobsAreToldAsOfTheirEnd(t *testing.T) {
	k := newLens().Observe(nil, mustRead(t, fmt.Sprintf(`{"kind":"Job","metadata":{"name":"a-1","namespace":"b","uid":"u","ownerReferences":[{"kind":"CronJob","name":"a","controller":true}]},
		"status":{"conditions":[{"type":"Failed","status":"True","reason":"DeadlineExceeded","message":"too slow","lastTransitionTime":%q}]}}`, at(10*time.Minute))), received)
	want := &correlate.Event{
		ID: "u", Entity: "cronjob/b/a", Reason: "CronJobRunFailed", Component: "quell/state", Message: "job a-1: DeadlineExceeded: too slow",
		Count: 1, At: received.Add(-10 * time.Minute), Source: "kubernetes",
	}
	if diff := cmp.Diff(correlate.Input(want), k.Inputs[1]); diff != "" {
		t.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

// The API server lists events by name. Recovery must not be heard before what it ended.
func TestEventsOfAListComeInOrderOfTime(t *testing.T) {
	event := func(reason string, before time.Duration) string {
		return fmt.Sprintf(`{"involvedObject":{"kind":"Pod","name":"a"},"reason":%q,"lastTimestamp":%q}`, reason, at(before))
	}
	k := mustKubernetes(t, `{"kind":"EventList","items":[`+event("Started", time.Minute)+`,`+event("BackOff", time.Hour)+`,`+event("Created", time.Minute)+`]}`)
	var got []string
	for _, in := range k.Inputs {
		got = append(got, in.(*correlate.Event).Reason)
	}
	if diff := cmp.Diff([]string{"BackOff", "Started", "Created"}, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestAControllersDeletionTellsOfThePod(t *testing.T) {
	event := func(reason, message string) string {
		return fmt.Sprintf(`{"kind":"Event","involvedObject":{"kind":"ReplicaSet","namespace":"b","name":"r"},"reason":%q,"message":%q}`, reason, message)
	}
	for object, want := range map[string]int{
		event("SuccessfulDelete", "Deleted pod: r-1"):                                 2,
		event("SuccessfulDelete", "(combined from similar events): Deleted pod: r-1"): 2,
		event("SuccessfulDelete", "Deleted pod: "):                                    1,
		event("SuccessfulCreate", "Deleted pod: r-1"):                                 1,
	} {
		k := mustKubernetes(t, object)
		if len(k.Inputs) != want || len(k.Rejected) > 0 {
			t.Errorf("%s: got %d inputs, %v, want %d", object, len(k.Inputs), k.Rejected, want)
		}
		if e := k.Inputs[len(k.Inputs)-1].(*correlate.Event); want == 2 && (e.Entity != "pod/b/r-1" || e.Reason != "PodTerminating") {
			t.Errorf("%s: got %+v, want the end of the pod", object, e)
		}
	}
}

// A word that the pack does not know says nothing, and the state would be lost.
func TestThePackKnowsEveryState(t *testing.T) {
	r, err := rules.Compile(&correlate.Policy{Packs: []string{"kubernetes"}})
	if err != nil {
		t.Fatal(err)
	}
	words := []string{
		"pod/b/a PodReady", "pod/b/a PodStarting", "pod/b/a PodNotReady", "pod/b/a PodUnschedulable", "pod/b/a PodTerminating", "pod/b/a PodSucceeded",
		"pod/b/a PodFailed", "pod/b/a PodReplaced", "pod/b/a Deleted", "node/a NodeHasInsufficientMemory", "node/a NodeHasNoDiskPressure",
		"deployment/b/a LastReplicaGone", "deployment/b/a EvictionBlocked", "deployment/b/a EvictionPossible", "pod/b/a BackoffProgress", "pod/b/a BackoffExhausted",
		"replicaset/b/a Rescheduling", "deployment/b/a RolloutProgressing", "deployment/b/a ScaleUpTriggered", "node/a NodeHasInsufficientPID", "node/a NodeHasSufficientPID", "node/a NodeNetworkUnavailable", "node/a NodeNetworkAvailable", "persistentvolume/a VolumeUsable",
	}
	for _, word := range waits {
		words = append(words, "pod/b/a "+word)
	}
	for _, test := range objectsWithState {
		words = append(words, test.want...)
	}
	for _, word := range words {
		entity, reason, _ := strings.Cut(word, " ")
		m := r.Event(&correlate.Event{Entity: topology.Entity(entity), Reason: reason, Component: stateComponent})
		if !m.Symptom && !m.Progress && len(m.Heals) == 0 {
			t.Errorf("%s says nothing", word)
		}
		if m.Symptom && !m.State && reason != "CronJobRunFailed" {
			t.Errorf("%s fades", word)
		}
	}
}
