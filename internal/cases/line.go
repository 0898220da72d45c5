package cases

import (
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// Lines are the lines of a recording that tell a replay what some inputs told the engine. Left out is what people and quell itself did:
// a case is about what could be seen. Reports that change nothing are left out as well; an alert that fires goes on firing.
func Lines(at time.Time, inputs []correlate.Input) (lines []map[string]any) {
	t := at.UTC().Format(time.RFC3339Nano)
	var alerts []map[string]any
	flush := func() {
		if len(alerts) > 0 {
			lines = append(lines, map[string]any{"t": t, "alertmanager": webhook(alerts)})
			alerts = nil
		}
	}
	for _, in := range inputs {
		if a, ok := in.(*correlate.Alert); ok {
			alerts = append(alerts, alertOf(a, at))
			continue
		}
		flush() // order is kept
		switch in := in.(type) {
		case *correlate.Event:
			kind, body := eventOf(in, at)
			lines = append(lines, map[string]any{"t": t, kind: body})
		case *correlate.Topology:
			u := in.Update
			u.Replace = false // of all that a recording knows, one source is not all
			lines = append(lines, map[string]any{"t": t, "topology": u})
		case *correlate.Heartbeat:
			lines = append(lines, map[string]any{"t": t, "heartbeat": in})
		}
	}
	flush()
	return lines
}

// webhook is a body of Alertmanager's, version 4.
func webhook(alerts []map[string]any) map[string]any {
	status := "resolved"
	for _, a := range alerts {
		if a["status"] == "firing" {
			status = "firing"
		}
	}
	none := map[string]string{}
	return map[string]any{
		"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": status, "receiver": "quell", "groupLabels": none,
		"commonLabels": none, "commonAnnotations": none, "externalURL": "", "alerts": alerts,
	}
}

func alertOf(a *correlate.Alert, at time.Time) map[string]any {
	began := a.StartsAt
	if began.IsZero() {
		began = at
	}
	v := map[string]any{
		"status": "firing", "labels": a.Labels, "annotations": a.Annotations, "startsAt": began.UTC(), "endsAt": time.Time{},
		"generatorURL": a.GeneratorURL, "fingerprint": a.Fingerprint.String(),
	}
	if a.Resolved() {
		v["status"], v["endsAt"] = "resolved", a.EndsAt.UTC()
	}
	return v
}

// eventOf writes an event as Kubernetes does, or, if it came from a cluster of a name, which no event tells, as quell itself has it.
func eventOf(e *correlate.Event, at time.Time) (kind string, body map[string]any) {
	seen := e.At
	if seen.IsZero() {
		seen = at
	}
	if e.Entity.Cluster() != "" {
		return "event", map[string]any{
			"id": e.ID, "entity": e.Entity, "reason": e.Reason, "component": e.Component, "message": e.Message, "warning": e.Warning,
			"count": e.Count, "t": seen.UTC(), "source": e.Source,
		}
	}
	class := "Normal"
	if e.Warning {
		class = "Warning"
	}
	return "kubernetes", map[string]any{
		"apiVersion": "v1", "kind": "Event", "metadata": map[string]string{"uid": e.ID, "name": e.ID, "namespace": e.Entity.Namespace()},
		"involvedObject": reference(e.Entity), "reason": e.Reason, "message": e.Message, "type": class, "count": e.Count,
		"lastTimestamp": seen.UTC(), "source": map[string]string{"component": e.Component},
	}
}

func reference(e topology.Entity) map[string]string {
	return map[string]string{"kind": e.Kind(), "namespace": e.Namespace(), "name": e.Name()}
}
