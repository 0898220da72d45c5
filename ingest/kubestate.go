package ingest

import (
	"fmt"
	"time"
)

const (
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

	CurrentRevision, UpdateRevision string // of a stateful set

	DesiredNumberScheduled int
	NumberReady            int
	UpdatedNumberScheduled int

	CurrentReplicas, DesiredReplicas int // of an autoscaler

	Succeeded, Failed int // of a job

	DisruptionsAllowed, ExpectedPods, CurrentHealthy, DesiredHealthy int // of a budget
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
		Running struct{ StartedAt string }
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

// states collects what an object tells of how it is.
type states struct {
	reader *kubeReader
	list   []kubeState
	// replicas is set for a workload.
	replicas replicaCount
}

// states are how an object is, if its kind has states that quell knows.
func (r *kubeReader) states(o *kubeObject) (c states) {
	c.reader = r
	if o.status == nil {
		return c // an exporter left it out
	}
	s := o.kubeStatus()
	switch o.kind {
	case "Pod":
		c.pod(o, s)
	case "Node":
		c.node(o, s)
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		c.workload(o, s)
	case "Job":
		c.job(o, s)
	case "PersistentVolumeClaim":
		c.phase(o, s, map[string]string{"Pending": "ClaimPending", "Bound": "ClaimBound", "Lost": "ClaimLost"})
	case "PersistentVolume":
		c.phase(o, s, map[string]string{"Failed": "VolumeFailed", "Available": "VolumeUsable", "Bound": "VolumeUsable", "Released": "VolumeUsable"})
	case "HorizontalPodAutoscaler":
		c.autoscaler(o, s)
	case "PodDisruptionBudget":
		c.budget(s)
	case "Namespace":
		c.namespace(s)
	}
	return c
}

// is adds a state without bounds. An empty reason is no state.
func (c *states) is(reason, message string) { c.add(kubeState{reason: reason, message: message}) }

func (c *states) add(s kubeState) {
	if s.reason != "" {
		s.message = string(cut([]byte(s.message), c.reader.lim.MessageBytes))
		c.list = append(c.list, s)
	}
}

// pod tells how a pod is. A pod that starts is not ready, and neither is one that leaves: only one that was ready, or should
// have been by now, lost something.
func (c *states) pod(o *kubeObject, s *kubeStatus) {
	ready, scheduled := s.condition("Ready"), s.condition("PodScheduled")
	reason, message := s.waiting()
	c.rescheduling(o, s)
	switch {
	case o.deleting:
		c.is("PodTerminating", "")
	case s.Phase == "Failed" && o.owner.name != "":
		c.is("PodReplaced", "") // its controller makes another one, or says that it gave up
	case s.Phase == "Failed":
		c.is("PodFailed", firstOf(s.Message, s.Reason))
	case s.Phase == "Succeeded" || ready.Reason == "PodCompleted":
		c.is("PodSucceeded", "")
	case ready.Status == "True":
		c.is("PodReady", o.readiness(s, &ready))
	case reason != "":
		c.is(reason, message)
		c.backOff(s)
	case s.Phase == "Running" && ready.Status == "":
		// An exporter left it out.
	case scheduled.Status == "False" && scheduled.Reason == "Unschedulable":
		c.is("PodUnschedulable", scheduled.Message)
	case o.owner.kind == "Job":
		c.is("PodStarting", "") // it is between running and its end; whether that matters is for its job to tell
	default:
		c.unreadyPod(s, &ready)
	}
}

func (c *states) unreadyPod(s *kubeStatus, ready *kubeCondition) {
	started, ok := parseTime([]byte(s.StartTime))
	switch {
	case !ok || started.IsZero() || ready.Status == "":
		c.is("PodStarting", "")
	case ready.since().After(started.Add(time.Second)): // times of the API have whole seconds
		c.is("PodNotReady", ready.Message)
	default:
		late := timeAt(started).after(startGrace)
		c.add(kubeState{reason: "PodStarting", until: late})
		c.add(kubeState{reason: "PodNotReady", message: ready.Message, from: late})
	}
}

// pressures are the conditions of a node that are bad when they are true, with the words of the kubelet's events.
var pressures = [...]struct{ condition, bad, good string }{
	{"DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"},
	{"MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"},
	{"PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"},
	{"NetworkUnavailable", "NodeNetworkUnavailable", "NodeNetworkAvailable"},
}

func (c *states) node(o *kubeObject, s *kubeStatus) {
	ready := s.condition("Ready")
	switch ready.Status {
	case "True":
		c.is("NodeReady", "the kubelet reports that the node is ready")
	case "False", "Unknown":
		// A node is not ill because it is new.
		lost := kubeState{reason: "NodeNotReady", message: ready.Message}
		if ready.since().Sub(o.created) <= time.Minute {
			lost.from = timeAt(o.created).after(startGrace)
		}
		c.add(lost)
	}
	for _, p := range pressures {
		switch condition := s.condition(p.condition); condition.Status {
		case "True":
			c.is(p.bad, condition.Message)
		case "False":
			c.is(p.good, condition.Message)
		}
	}
}

// workload tells whether a workload has what it should have. That some of its pods are missing is told by the pods, or by the
// controller that cannot make them; that none is left is a symptom of the workload.
func (c *states) workload(o *kubeObject, s *kubeStatus) {
	if s.ObservedGeneration < o.generation {
		return // the status is older than the spec
	}
	spec := lenient[kubeSpec](o.spec)
	n := replicaCount{ready: s.ReadyReplicas, wanted: spec.wanted(), isSettled: true}
	isComplete, canBeLate := n.ready >= n.wanted, true
	none := kubeState{reason: "WorkloadUnavailable", from: timeAt(o.created).after(startGrace)}
	switch o.kind {
	case "ReplicaSet":
		c.replicaSet(s, n.wanted)
		return
	case "DaemonSet":
		n = replicaCount{s.NumberReady, s.DesiredNumberScheduled, s.UpdatedNumberScheduled >= s.DesiredNumberScheduled}
		isComplete = n.ready >= n.wanted
	case "StatefulSet":
		n.isSettled = s.CurrentRevision == s.UpdateRevision
	case "Deployment":
		n.ready = s.AvailableReplicas
		isComplete = n.ready >= n.wanted && s.UpdatedReplicas >= n.wanted
		progress := s.condition("Progressing")
		none.from = 0
		canBeLate = progress.Reason == "NewReplicaSetAvailable" // it was complete once; else the progress deadline tells
		n.isSettled = canBeLate
		if progress.Status == "False" && progress.Reason == "ProgressDeadlineExceeded" {
			c.is("ProgressDeadlineExceeded", progress.Message)
		} else {
			c.is("WorkloadProgressing", "")
		}
	}
	c.replicas = n
	c.lastReplica(s, n)
	if !isComplete {
		c.rolling(o, s, n)
	}
	ready := o.atRevision(fmt.Sprintf("%d of %d replicas ready", n.ready, n.wanted))
	switch {
	case isComplete:
		c.is("WorkloadComplete", ready)
	case n.ready > 0:
		c.is("WorkloadAvailable", ready)
	case canBeLate:
		none.message = fmt.Sprintf("none of %d replicas is ready", n.wanted)
		c.add(none)
	}
}

func (c *states) replicaSet(s *kubeStatus, wanted int) {
	if failure := s.condition("ReplicaFailure"); failure.Status == "True" {
		c.is("ReplicaFailure", failure.Message)
	} else if s.Replicas >= wanted {
		c.is("ReplicasCreated", fmt.Sprintf("%d of %d pods created", s.Replicas, wanted))
	}
}

// job tells how a job ended. A run of a cron job is told about the cron job, which the next run puts right: the job itself is
// never tried again, and lies about as history.
func (c *states) job(o *kubeObject, s *kubeStatus) {
	failed, complete := s.condition("Failed"), s.condition("Complete")
	cronJob := nobody
	if o.owner.kind == "CronJob" {
		cronJob = nameOf(o.owner.kind, o.namespace, o.owner.name)
	}
	news := timeAt(failed.since()).after(newsFor)
	switch {
	case complete.Status == "True":
		done := fmt.Sprintf("%d pods succeeded, %d failed before", s.Succeeded, s.Failed)
		c.is("JobComplete", done)
		if cronJob != nobody {
			c.add(kubeState{about: cronJob, reason: "CronJobRunComplete", message: "job " + o.name + " complete", id: o.id, at: timeAt(complete.since())})
		}
	case failed.Status != "True" || news == 0:
	case cronJob != nobody:
		message := fmt.Sprintf("job %s: %s: %s", o.name, failed.Reason, failed.Message)
		c.add(kubeState{about: cronJob, reason: "CronJobRunFailed", message: message, id: o.id, at: timeAt(failed.since()), until: news})
		c.add(kubeState{reason: "JobSuperseded", until: news})
	default:
		c.add(kubeState{reason: "JobFailed", message: failed.Reason + ": " + failed.Message, until: news})
	}
}

func (c *states) phase(o *kubeObject, s *kubeStatus, words map[string]string) {
	message := s.Message
	if volume := lenient[kubeSpec](o.spec).VolumeName; s.Phase == "Bound" && volume != "" {
		message = "bound to volume " + volume
	}
	if !o.deleting {
		c.is(words[s.Phase], message)
	}
}

func (c *states) autoscaler(o *kubeObject, s *kubeStatus) {
	active, able, limited := s.condition("ScalingActive"), s.condition("AbleToScale"), s.condition("ScalingLimited")
	switch {
	case active.Status == "False" && active.Reason != "ScalingDisabled":
		c.is("AutoscalerWithoutMetrics", active.Message)
	case able.Status == "False":
		c.is("AutoscalerUnable", able.Message)
	case limited.Status == "True" && limited.Reason == "TooManyReplicas":
		c.is("AutoscalerAtMax", limited.Message)
	case active.Status != "":
		c.is("AutoscalerWorks", fmt.Sprintf("it has its metrics, %d replicas wanted", s.DesiredReplicas))
	}
	if target := lenient[kubeSpec](o.spec).ScaleTargetRef; s.DesiredReplicas > s.CurrentReplicas && s.CurrentReplicas > 0 {
		c.add(kubeState{
			about: nameOf(target.Kind, o.namespace, target.Name), reason: "ScaleUpTriggered",
			message: fmt.Sprintf("the autoscaler wants %d replicas in place of %d", s.DesiredReplicas, s.CurrentReplicas),
		})
	}
}

// namespace tells of a namespace that cannot go.
func (c *states) namespace(s *kubeStatus) {
	for _, typ := range [...]string{"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure", "NamespaceDeletionContentFailure"} {
		if condition := s.condition(typ); condition.Status == "True" {
			c.is("NamespaceStuck", condition.Message)
			return
		}
	}
	c.is("NamespaceSound", "")
}
