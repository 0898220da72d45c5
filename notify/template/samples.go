package template

import (
	"fmt"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/routing"
)

// Sample is a delivery that templates are tried on.
type Sample struct {
	// Name says what is special about it.
	Name     string
	Delivery *routing.Delivery
}

// sampleURL is how people would reach quell in samples.
const sampleURL = "https://quell.example.com"

// Samples returns deliveries that are as different as incidents can be. The caller owns them.
func Samples() []Sample {
	escalated := sample(5)
	acknowledged := sample(5)
	acknowledged.State, acknowledged.Acknowledged, acknowledged.AckedBy = correlate.Acknowledged, at(7*time.Minute), "Anna Berg"
	healed := sample(5)
	healed.State, healed.Outcome, healed.Closed, healed.Recovered, healed.Active = correlate.SelfHealed, "self-healed", at(9*time.Minute), at(8*time.Minute), 0
	healed.CloseReason = "all symptoms cleared and stayed clear for 1m"
	healed.HealedBy = &correlate.Healing{What: "the node was Ready again", Entity: healed.Roots[0].Entity, At: sampleTime.Add(8 * time.Minute)}
	for n := range healed.Symptoms {
		healed.Symptoms[n].State, healed.Symptoms[n].Ended = "cleared", at(8*time.Minute)
	}
	lost := sample(2)
	lost.Active, lost.Lost = 0, 2
	for n := range lost.Symptoms {
		lost.Symptoms[n].State, lost.Symptoms[n].Ended = "lost", at(8*time.Minute)
	}
	bare := &correlate.Incident{
		ID: 9, Generation: 1, State: correlate.Held, Title: "unknown", Opened: sampleTime, HeldUntil: at(5 * time.Minute), HoldReason: "no rule says otherwise",
	}
	chronic := sample(2)
	chronic.Generation = 4
	chronic.Chronic = []correlate.Chronic{{Kind: correlate.Flapping, Since: sampleTime, Reason: "it came back 14 times within 6h"}}
	deliver := func(name string, action routing.Action, reason string, i *correlate.Incident) Sample {
		d := &routing.Delivery{ID: 1, Target: routing.Target{Receiver: "oncall", Type: "slack"}, Action: action, Reason: reason, Incident: i, Created: sampleTime.Add(5 * time.Minute)}
		if d.Key = "quell/sample"; i != nil {
			d.Key = fmt.Sprintf("quell/sample/%s/%d", i.ID, i.Generation)
		}
		return Sample{name, d}
	}
	operator := deliver("a message of quell about itself", routing.Operator, "", nil)
	operator.Delivery.Text = "1 delivery to oncall/pagerduty[0] was given up: rejected (http_403): invalid routing key"
	operatorOver := deliver("the end of a message of quell about itself", routing.Resolve, "oncall/pagerduty[0] takes what it is sent", nil)
	operatorOver.Delivery.Text = operator.Delivery.Text
	return []Sample{
		deliver("escalated", routing.Trigger, "held for 5m, and nothing heals", escalated),
		deliver("acknowledged", routing.Acknowledge, "acknowledged by Anna Berg", acknowledged),
		deliver("healed", routing.Resolve, healed.CloseReason, healed),
		deliver("held", routing.Notice, "its hold was extended", bare),
		deliver("lost sight of", routing.Update, "nobody reports on it any more", lost),
		deliver("chronic", routing.Trigger, "it flaps", chronic),
		deliver("as large as incidents can be", routing.Trigger, "300 entities are affected", sample(300)),
		deliver("full of names that break things", routing.Trigger, hostile, hostileIncident()),
		operator,
		operatorOver,
	}
}

var sampleTime = time.Date(2026, 11, 2, 3, 14, 0, 0, time.UTC)

func at(after time.Duration) *time.Time {
	t := sampleTime.Add(after)
	return &t
}

// sample is a node that takes pods down with it.
func sample(members int) *correlate.Incident {
	node := topology.Entity("node/n3@prod-eu")
	i := &correlate.Incident{
		ID: 7, Generation: 1, State: correlate.Escalated, Outcome: "escalated", Severity: correlate.SeverityCritical,
		Title: "KubeNodeNotReady on node/n3@prod-eu", Class: "KubeNodeNotReady on node",
		Roots: []correlate.Root{
			{Entity: node, Score: 0.94, Explains: members, Why: fmt.Sprintf("%d of %d pods on it are ill, and all that is seen depends on it", members, members)},
			{Entity: "deployment/shop/cart@prod-eu", Score: 0.41, Silent: true, Why: "owns 2 of the pods"},
		},
		Opened: sampleTime, Escalated: at(5 * time.Minute), Paged: true, HoldReason: "held 5m; 3 of 41 like it healed within that, so waiting on does not pay",
		Alerts: members + 1, Active: members + 1, MemberCount: members + 1, Members: []topology.Entity{node},
		Labels: correlate.LabelsOf("cluster", "prod-eu", "severity", "critical"),
		Timeline: []correlate.TimelineEntry{
			{At: sampleTime, Decision: correlate.Open, Reason: "KubeNodeNotReady on node/n3@prod-eu"},
			{At: sampleTime.Add(5 * time.Minute), Decision: correlate.Escalate, Reason: "held for 5m, and nothing heals"},
		},
	}
	i.Symptoms = []correlate.SymptomView{{
		Entity: node, Name: "KubeNodeNotReady", Severity: correlate.SeverityCritical, State: "active", Since: sampleTime,
		Labels:      correlate.LabelsOf("alertname", "KubeNodeNotReady", "severity", "critical", "cluster", "prod-eu", "node", "n3"),
		Annotations: correlate.LabelsOf("summary", "Node n3 is not ready", "description", "n3 has been unready for 2 minutes", "runbook_url", "https://runbooks.example.com/node-not-ready"),
		Generator:   "https://prometheus.example.com/graph?g0.expr=up", Path: []correlate.PathStep{{Entity: node}}, Why: "on the root",
	}}
	for n := range min(members, correlate.MaxShown-1) {
		pod := topology.Entity(fmt.Sprintf("pod/shop/cart-7d9f-%d@prod-eu", n))
		i.Members = append(i.Members, pod)
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{
			Entity: pod, Name: "KubePodNotReady", Severity: correlate.SeverityWarning, State: "active", Since: sampleTime.Add(time.Minute),
			Labels:      correlate.LabelsOf("alertname", "KubePodNotReady", "severity", "warning", "cluster", "prod-eu", "namespace", "shop", "pod", pod.Name()),
			Annotations: correlate.LabelsOf("summary", "Pod is not ready"),
			Path:        []correlate.PathStep{{Entity: pod}, {Entity: node, Type: "runs_on"}}, Why: "reaches the root over its dependencies",
		})
	}
	return i
}

// hostile is what labels should not, but may hold.
const hostile = "<b>&amp; *x* `y` _z_ ~w~ \"q\" 'a' {{ .Nope }} <!channel> <@U1> [a](b) |;$(id)\u202e\u0000 ünïcode 漢字 🔥"

func hostileIncident() *correlate.Incident {
	i := sample(2)
	i.Title, i.Class, i.AckedBy, i.HoldReason, i.CloseReason = hostile, hostile, hostile, hostile, hostile
	i.Labels = correlate.LabelsOf("a", hostile, "severity", hostile, "ünïcode.name", "1")
	for n := range i.Roots {
		i.Roots[n].Entity, i.Roots[n].Why = topology.Entity("pod/"+hostile), hostile
	}
	for n := range i.Symptoms {
		s := &i.Symptoms[n]
		s.Name, s.Entity, s.Generator, s.Why = hostile, topology.Entity(hostile), "javascript:alert(1)", hostile
		s.Labels, s.Annotations = i.Labels, correlate.LabelsOf("summary", hostile, "description", hostile+"\n"+hostile, "runbook_url", "javascript:alert(1)")
		i.Members[n] = topology.Entity(hostile)
	}
	return i
}
