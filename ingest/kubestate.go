package ingest

import (
	"fmt"
	"time"

	"quell/correlate"
)

// The state of an object is told as an event of component stateComponent, whose reason is one of a fixed set of words: what they
// mean is said by rules, in the pack "kubernetes". A decoder has no memory, so a state is told whenever its object is, and it is for
// the engine to see that nothing changed.
const (
	stateComponent = "quell/state"
	// startGrace is how long an object may take until it is ready for the first time: before, that it is not is no trouble
	// by itself. What goes wrong meanwhile is told by events and by waiting reasons.
	startGrace = 5 * time.Minute
	// newsFor is how long the end of a job is news. Jobs that failed stay in the API as history.
	newsFor = time.Hour
)

// kubeStatus is what quell looks at in the status of all kinds. A value of a wrong type counts as missing.
type kubeStatus struct {
	Phase, Reason, Message string
	StartTime              string
	Conditions             []kubeCondition
	InitContainerStatuses  []kubeContainer
	ContainerStatuses      []kubeContainer

	ObservedGeneration int
	Replicas           int
	ReadyReplicas      int
	AvailableReplicas  int
	UpdatedReplicas    int

	DesiredNumberScheduled int
	NumberReady            int
}

type kubeCondition struct{ Type, Status, Reason, Message, LastTransitionTime string }

// since is when the condition got its status; the zero time if that is not told.
func (c *kubeCondition) since() time.Time {
	t, _ := parseTime([]byte(c.LastTransitionTime))
	return t
}

type kubeContainer struct {
	Name         string
	RestartCount int
	State        struct {
		Waiting struct{ Reason, Message string }
	}
}

// condition returns the condition of a type; the zero one if there is none.
func (s *kubeStatus) condition(typ string) kubeCondition {
	for _, c := range s.Conditions {
		if c.Type == typ {
			return c
		}
	}
	return kubeCondition{}
}

// waits are the reasons for which a container waits that do not go away by waiting alone, and the word for each. A failed pull
// and the pause after it take turns, so they are one.
var waits = map[string]string{
	"CrashLoopBackOff": "CrashLoopBackOff", "RunContainerError": "RunContainerError", "StartError": "RunContainerError",
	"PostStartHookError": "RunContainerError", "ImagePullBackOff": "ImagePullBackOff", "ErrImagePull": "ImagePullBackOff",
	"ErrImageNeverPull": "ImagePullBackOff", "InvalidImageName": "ImagePullBackOff", "ImageInspectError": "ImagePullBackOff",
	"RegistryUnavailable": "ImagePullBackOff", "SignatureValidationFailed": "ImagePullBackOff",
	"CreateContainerConfigError": "CreateContainerConfigError", "CreateContainerError": "CreateContainerError",
}

// waiting names the first reason for which a container cannot run.
func (s *kubeStatus) waiting() (reason, message string) {
	for _, list := range [...][]kubeContainer{s.InitContainerStatuses, s.ContainerStatuses} {
		for i := range list {
			c := &list[i]
			if reason := waits[c.State.Waiting.Reason]; reason != "" {
				return reason, fmt.Sprintf("container %s: %s: %s (%d restarts)", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message, c.RestartCount)
			}
		}
	}
	return "", ""
}

// state tells how an object is, if its kind has a state that quell knows.
func (r *kubeReader) state(o *kubeObject) {
	if o.kind == "EndpointSlice" {
		r.serviceState(o)
		return
	}
	if o.status == nil {
		return // an exporter left it out
	}
	s := lenient[kubeStatus](o.status)
	switch o.kind {
	case "Pod":
		reason, message := podState(o, &s, r.now)
		r.tell(o.self(), reason, message)
	case "Node":
		r.nodeStates(o, &s)
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		r.workloadState(o, &s)
	case "Job":
		r.jobState(o, &s)
	case "PersistentVolumeClaim":
		r.phase(o, &s, map[string]string{"Pending": "ClaimPending", "Bound": "ClaimBound", "Lost": "ClaimLost"})
	case "PersistentVolume":
		r.phase(o, &s, map[string]string{"Failed": "VolumeFailed", "Available": "VolumeUsable", "Bound": "VolumeUsable", "Released": "VolumeUsable"})
	case "HorizontalPodAutoscaler":
		r.autoscalerState(o, &s)
	case "Namespace":
		r.namespaceState(o, &s)
	}
}

// tell adds a state, as of now. An empty reason is no state.
func (r *kubeReader) tell(about reference, reason, message string) {
	r.tellAt(about, kubeState{reason: reason, message: message, at: r.now})
}

// kubeState is a state, and since when; id tells one cause of it from another.
type kubeState struct {
	reason, message, id string
	at                  time.Time
}

func (r *kubeReader) tellAt(about reference, s kubeState) {
	if s.reason == "" {
		return
	}
	at, _ := r.lim.clamp(firstOf(s.at, r.now), r.now)
	r.add(&correlate.Event{
		ID: s.id, Entity: r.entity(about), Reason: s.reason, Component: stateComponent,
		Message: string(cut([]byte(s.message), r.lim.MessageBytes)), Count: 1, At: at, Source: kubernetesSource,
	})
}

// podState tells how a pod is. A pod that starts is not ready, and neither is one that leaves: only one that was ready, or should
// have been by now, lost something.
func podState(o *kubeObject, s *kubeStatus, now time.Time) (reason, message string) {
	ready, scheduled := s.condition("Ready"), s.condition("PodScheduled")
	switch {
	case o.deleting:
		return "PodTerminating", ""
	case s.Phase == "Failed" && o.owner.name != "":
		return "PodReplaced", "" // its controller makes another one, or says that it gave up
	case s.Phase == "Failed":
		return "PodFailed", firstOf(s.Message, s.Reason)
	case s.Phase == "Succeeded" || ready.Reason == "PodCompleted":
		return "PodSucceeded", ""
	case ready.Status == "True":
		return "PodReady", ""
	}
	if reason, message := s.waiting(); reason != "" {
		return reason, message
	}
	if s.Phase == "Running" && ready.Status == "" {
		return "", "" // an exporter left it out
	}
	if scheduled.Status == "False" && scheduled.Reason == "Unschedulable" {
		return "PodUnschedulable", scheduled.Message
	}
	if o.owner.kind == "Job" {
		return "PodStarting", "" // it is between running and its end; whether that matters is for its job to tell
	}
	started, ok := parseTime([]byte(s.StartTime))
	// Times of the API have whole seconds.
	if ok && ready.Status != "" && (ready.since().After(started.Add(time.Second)) || now.Sub(started) > startGrace) {
		return "PodNotReady", ready.Message
	}
	return "PodStarting", ""
}

// pressures are the conditions of a node that are bad when they are true, with the words of the kubelet's events.
var pressures = [...]struct{ condition, bad, good string }{
	{"DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"},
	{"MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"},
	{"PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"},
	{"NetworkUnavailable", "NodeNetworkUnavailable", "NodeNetworkAvailable"},
}

func (r *kubeReader) nodeStates(o *kubeObject, s *kubeStatus) {
	ready := s.condition("Ready")
	switch ready.Status {
	case "True":
		r.tell(o.self(), "NodeReady", "")
	case "False", "Unknown":
		// A node is not ill because it is new.
		if r.now.Sub(o.created) > startGrace || ready.since().Sub(o.created) > time.Minute {
			r.tell(o.self(), "NodeNotReady", ready.Message)
		}
	}
	for _, p := range pressures {
		switch c := s.condition(p.condition); c.Status {
		case "True":
			r.tell(o.self(), p.bad, c.Message)
		case "False":
			r.tell(o.self(), p.good, "")
		}
	}
}

// workloadState tells whether a workload has what it should have. That some of its pods are missing is told by the pods, or by the
// controller that cannot make them; that none is left is a symptom of the workload.
func (r *kubeReader) workloadState(o *kubeObject, s *kubeStatus) {
	if s.ObservedGeneration < o.generation {
		return // the status is older than the spec
	}
	spec := lenient[kubeSpec](o.spec)
	wanted, there, isOld := spec.wanted(), s.ReadyReplicas, r.now.Sub(o.created) > startGrace
	isComplete := there >= wanted
	switch o.kind {
	case "ReplicaSet":
		r.replicaSetState(o, s)
		return
	case "DaemonSet":
		wanted, there = s.DesiredNumberScheduled, s.NumberReady
		isComplete = there >= wanted
	case "Deployment":
		there = s.AvailableReplicas
		isComplete = there >= wanted && s.UpdatedReplicas >= wanted
		progress := s.condition("Progressing")
		isOld = progress.Reason == "NewReplicaSetAvailable" // it was complete once; else the progress deadline tells
		if progress.Status == "False" && progress.Reason == "ProgressDeadlineExceeded" {
			r.tell(o.self(), "ProgressDeadlineExceeded", progress.Message)
		} else {
			r.tell(o.self(), "WorkloadProgressing", "")
		}
	}
	switch {
	case isComplete:
		r.tell(o.self(), "WorkloadComplete", "")
	case there > 0:
		r.tell(o.self(), "WorkloadAvailable", "")
	case isOld:
		r.tell(o.self(), "WorkloadUnavailable", fmt.Sprintf("none of %d replicas is ready", wanted))
	}
}

func (r *kubeReader) replicaSetState(o *kubeObject, s *kubeStatus) {
	spec := lenient[kubeSpec](o.spec)
	if failure := s.condition("ReplicaFailure"); failure.Status == "True" {
		r.tell(o.self(), "ReplicaFailure", failure.Message)
	} else if s.Replicas >= spec.wanted() {
		r.tell(o.self(), "ReplicasCreated", "")
	}
}

// jobState tells how a job ended. A run of a cron job is told about the cron job, which the next run puts right: the job itself is
// never tried again, and lies about as history.
func (r *kubeReader) jobState(o *kubeObject, s *kubeStatus) {
	failed, complete := s.condition("Failed"), s.condition("Complete")
	ofCronJob := o.owner.kind == "CronJob"
	cronJob := reference{o.owner.kind, o.namespace, o.owner.name}
	switch {
	case complete.Status == "True":
		r.tell(o.self(), "JobComplete", "")
		if ofCronJob {
			r.tellAt(cronJob, kubeState{reason: "CronJobRunComplete", id: o.id, at: complete.since()})
		}
	case failed.Status != "True" || r.now.Sub(failed.since()) > newsFor:
	case ofCronJob:
		message := fmt.Sprintf("job %s: %s: %s", o.name, failed.Reason, failed.Message)
		r.tellAt(cronJob, kubeState{reason: "CronJobRunFailed", message: message, id: o.id, at: failed.since()})
		r.tell(o.self(), "JobSuperseded", "")
	default:
		r.tell(o.self(), "JobFailed", failed.Reason+": "+failed.Message)
	}
}

func (r *kubeReader) phase(o *kubeObject, s *kubeStatus, words map[string]string) {
	if !o.deleting {
		r.tell(o.self(), words[s.Phase], s.Message)
	}
}

func (r *kubeReader) autoscalerState(o *kubeObject, s *kubeStatus) {
	active, able, limited := s.condition("ScalingActive"), s.condition("AbleToScale"), s.condition("ScalingLimited")
	switch {
	case active.Status == "False" && active.Reason != "ScalingDisabled":
		r.tell(o.self(), "AutoscalerWithoutMetrics", active.Message)
	case able.Status == "False":
		r.tell(o.self(), "AutoscalerUnable", able.Message)
	case limited.Status == "True" && limited.Reason == "TooManyReplicas":
		r.tell(o.self(), "AutoscalerAtMax", limited.Message)
	case active.Status != "":
		r.tell(o.self(), "AutoscalerWorks", "")
	}
}

// serviceState tells whether a service leads anywhere. A service of which nobody is an endpoint was scaled to nothing.
func (r *kubeReader) serviceState(o *kubeObject) {
	if o.service == "" {
		return
	}
	count, ready := 0, 0
	for _, e := range lenient[[]kubeEndpoint](o.endpoints) {
		if e.Conditions.Terminating == nil || !*e.Conditions.Terminating {
			count++
		}
		if e.Conditions.Ready == nil || *e.Conditions.Ready {
			ready++
		}
	}
	service := reference{"Service", o.namespace, o.service}
	switch {
	case ready > 0 || count == 0:
		r.tell(service, "EndpointsReady", "")
	case r.now.Sub(o.created) > startGrace:
		r.tell(service, "NoReadyEndpoints", fmt.Sprintf("none of %d endpoints is ready", count))
	}
}

// namespaceState tells of a namespace that cannot go.
func (r *kubeReader) namespaceState(o *kubeObject, s *kubeStatus) {
	for _, typ := range [...]string{"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure", "NamespaceDeletionContentFailure"} {
		if c := s.condition(typ); c.Status == "True" {
			r.tell(o.self(), "NamespaceStuck", c.Message)
			return
		}
	}
	r.tell(o.self(), "NamespaceSound", "")
}
