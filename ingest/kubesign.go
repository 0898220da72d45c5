package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// Signs are states that say whether Kubernetes is still at work on what went wrong, or gave up. The pack "kubernetes" says which is
// which.

const (
	// backOffCap is the longest pause that the kubelet makes before it restarts a container: longer ones do not come.
	backOffCap = 5 * time.Minute
	// blockedFor is how long a disruption budget may allow no eviction before that is no moment between two of them.
	blockedFor = 5 * time.Minute
	// restartsWithin is how long the first restart of a container takes at most, as a rule.
	restartsWithin = 15 * time.Second
	// restartFor is how long before a pod became ready a restart may lie that made it so.
	restartFor = 10 * time.Minute
)

// backOff tells how far the kubelet has come with restarting a container that crashes.
func (c *states) backOff(s *kubeStatus) {
	for _, list := range [...][]kubeContainer{s.InitContainerStatuses, s.ContainerStatuses} {
		for i := range list {
			if list[i].State.Waiting.Reason != "CrashLoopBackOff" {
				continue
			}
			rest, _ := strings.CutPrefix(list[i].State.Waiting.Message, "back-off ")
			pause, err := time.ParseDuration(firstWord(rest))
			if err != nil {
				continue
			}
			sign := kubeState{reason: "BackoffProgress"}
			if pause >= backOffCap {
				sign.reason = "BackoffExhausted"
			}
			sign.message = fmt.Sprintf("restart %d of container %s, back-off %v", list[i].RestartCount, list[i].Name, pause)
			c.add(sign)
			return
		}
	}
}

// disruptions are the reasons of the condition DisruptionTarget, in words.
var disruptions = map[string]string{
	"PreemptionByScheduler": "a pod of higher priority takes its place", "DeletionByTaintManager": "its node has a taint that it does not tolerate",
	"EvictionByEvictionAPI": "it was evicted", "DeletionByPodGC": "its node is gone", "TerminationByKubelet": "its node is short of resources",
}

// rescheduling tells the controller of a pod that is taken away that it is to have another one.
func (c *states) rescheduling(o *kubeObject, s *kubeStatus) {
	target := s.condition("DisruptionTarget")
	why := disruptions[target.Reason]
	switch o.owner.kind {
	case "", "DaemonSet", "Node":
		return // nobody makes it again elsewhere
	}
	if target.Status != "True" || why == "" || s.Phase == "Succeeded" {
		return
	}
	from := ""
	if node := o.podSpec().NodeName; node != "" {
		from = " from node " + node
	}
	c.add(kubeState{
		about: nameOf(o.owner.kind, o.namespace, o.owner.name), reason: "Rescheduling", id: o.id, at: timeAt(target.since()),
		message: fmt.Sprintf("pod %s has to go%s: %s", o.name, from, why),
	})
}

// readiness says what made a pod ready, as far as it shows.
func (o *kubeObject) readiness(s *kubeStatus, ready *kubeCondition) string {
	message := "ready"
	if node := o.podSpec().NodeName; node != "" {
		message += " on node " + node
	}
	for i := range s.ContainerStatuses {
		k := &s.ContainerStatuses[i]
		started, ok := parseTime([]byte(k.State.Running.StartedAt))
		if !ok || k.RestartCount == 0 || started.After(ready.since()) || ready.since().Sub(started) > restartFor {
			continue
		}
		times := "a restart"
		if k.RestartCount > 1 {
			times = fmt.Sprintf("%d restarts", k.RestartCount)
		}
		return fmt.Sprintf("%s after %s of container %s by the kubelet", message, times, k.Name)
	}
	return message
}

// rolling tells that a rollout is under way.
func (c *states) rolling(o *kubeObject, s *kubeStatus, n replicaCount) {
	updated := s.UpdatedReplicas
	switch o.kind {
	case "Deployment":
		progress := s.condition("Progressing")
		if progress.Status != "True" || progress.Reason == "NewReplicaSetAvailable" || s.condition("ReplicaFailure").Status == "True" {
			return
		}
	case "StatefulSet":
		if n.isSettled {
			return
		}
	case "DaemonSet":
		if updated = s.UpdatedNumberScheduled; n.isSettled {
			return
		}
	}
	c.is("RolloutProgressing", o.atRevision(fmt.Sprintf("%d of %d replicas updated, %d ready", updated, n.wanted, n.ready)))
}

// atRevision adds a deployment's revision.
func (o *kubeObject) atRevision(message string) string {
	if o.kind != "Deployment" || o.annotations.revision == "" {
		return message
	}
	return message + ", revision " + o.annotations.revision
}

// replicaCount is how a workload stands. A workload is settled unless a rollout replaces its replicas: then that none is ready may be meant.
type replicaCount struct {
	ready, wanted int
	isSettled     bool
}

// lastReplica tells that a workload which has several replicas lost the last one. Deployments tell since when: there is time for the
// kubelet's first restart, which comes without a pause.
func (c *states) lastReplica(s *kubeStatus, n replicaCount) {
	if n.ready > 0 || n.wanted < 2 || !n.isSettled {
		return
	}
	available := s.condition("Available")
	c.add(kubeState{
		reason: "LastReplicaGone", message: fmt.Sprintf("none of %d replicas is ready any more", n.wanted),
		from: timeAt(available.since()).after(restartsWithin), needs: needsLoss,
	})
}

// budget tells whether evictions are possible. That a budget allows none is the rule while pods are replaced; it matters when it
// lasts, and somebody waits for it.
func (c *states) budget(s *kubeStatus) {
	allowed := s.condition("DisruptionAllowed")
	switch {
	case allowed.Status == "True":
		c.is("EvictionPossible", fmt.Sprintf("%d disruptions allowed", s.DisruptionsAllowed))
	case allowed.Status == "False" && s.ExpectedPods > 0:
		c.add(kubeState{
			reason: "EvictionBlocked", from: timeAt(allowed.since()).after(blockedFor), needs: needsDrain,
			message: fmt.Sprintf("%d of %d pods healthy, %d wanted: none may be evicted", s.CurrentHealthy, s.ExpectedPods, s.DesiredHealthy),
		})
	}
}

// placeIn keeps in k where a pod runs, and whether it can leave, or is about to.
func (o *kubeObject) placeIn(k *KubernetesObject) {
	s := o.kubeStatus()
	target := s.condition("DisruptionTarget")
	k.node = nameOf("Node", "", o.podSpec().NodeName)
	k.isEvicted = target.Status == "True" && target.Reason == "EvictionByEvictionAPI"
	k.isEvictable = !o.deleting && s.Phase != "Failed" && s.Phase != "Succeeded" && o.owner.kind != "DaemonSet" && o.owner.kind != "Node"
}

// drained tells of a node from which pods are evicted while it is cordoned, once, and that budgets are in the way of it.
func (v *look) drained(old, latest *KubernetesObject) {
	j := &v.lens.joined
	c := j.cordons[latest.node]
	if !latest.isEvicted || old != nil && old.isEvicted || c == nil || c.isDrained {
		return
	}
	c.isDrained = true
	v.change(latest, correlate.Event{
		ID: c.id, Entity: v.name(latest.node, ""), Reason: "Drained", Message: fmt.Sprintf("pods are evicted, %s/%s first", latest.ref.namespace, latest.ref.name),
	})
	for _, namespace := range slices.Sorted(maps.Keys(j.running[latest.node])) {
		if s := j.spaces[namespace]; s != nil {
			for _, name := range sortedNames(s.budgets, true) {
				v.states(s.budgets[name])
			}
		}
	}
}

// concerned are those whom the states of an object are about where they do not say it themselves: itself, or what a budget protects.
func (v *look) concerned(o *KubernetesObject) (list []topology.Entity) {
	for _, link := range v.lens.joined.partners(o) {
		if o.selector != nil {
			list = append(list, v.name(link.to, ""))
		}
	}
	if len(list) == 0 {
		list = append(list, v.lens.Entity(o))
	}
	return list
}
