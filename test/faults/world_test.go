package faults

import (
	"encoding/json"
	"maps"
	"time"

	"quell/correlate"
)

// alert is a condition of the world, as a sender reports it.
type alert struct {
	labels, annotations map[string]string
	// ends is zero while it fires.
	starts, ends time.Time
}

// ill is a critical alert about an entity, with more labels in pairs. By default it began just now.
func ill(entity string, pairs ...string) *alert {
	a := &alert{
		labels:      map[string]string{"alertname": "Broken", "severity": "critical", "quell_entity": entity},
		annotations: map[string]string{"summary": entity + " is broken"},
		starts:      time.Now().Round(time.Millisecond),
	}
	for i := 0; i < len(pairs); i += 2 {
		a.labels[pairs[i]] = pairs[i+1]
	}
	return a
}

func (a *alert) entity() string { return a.labels["quell_entity"] }

// ended is the report that the alert is over.
func (a *alert) ended() *alert {
	over := *a
	over.ends = time.Now().Round(time.Millisecond)
	return &over
}

// report identifies what a sender told: a condition, and whether it fires.
type report struct {
	labels   correlate.Labels
	resolved bool
}

func (a *alert) report() report { return report{packed(a.labels), !a.ends.IsZero()} }

func packed(labels map[string]string) correlate.Labels {
	pairs := make([]correlate.Label, 0, len(labels))
	for name, value := range labels {
		pairs = append(pairs, correlate.Label{Name: name, Value: value})
	}
	return correlate.NewLabels(pairs)
}

// webhook is a body as Alertmanager sends it, of the given alerts.
func webhook(alerts ...*alert) []byte { return webhookFrom("http://am:9093", 0, alerts...) }

// webhookFrom is a body of the Alertmanager at an address, which left some alerts out.
func webhookFrom(address string, truncated int, alerts ...*alert) []byte {
	type item struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    time.Time         `json:"startsAt"`
		EndsAt      time.Time         `json:"endsAt"`
		Generator   string            `json:"generatorURL"`
	}
	items := make([]item, len(alerts))
	for i, a := range alerts {
		items[i] = item{"firing", a.labels, a.annotations, a.starts, a.ends, "http://prometheus:9090/graph"}
		if !a.ends.IsZero() {
			items[i].Status = "resolved"
		}
	}
	return mustJSON(map[string]any{
		"version": "4", "receiver": "quell", "status": "firing", "alerts": items, "externalURL": address, "groupKey": "{}:{}",
		"truncatedAlerts": truncated, "groupLabels": map[string]string{}, "commonLabels": map[string]string{},
		"commonAnnotations": map[string]string{}, "notification_reason": "first notification",
	})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing here cannot be encoded
	}
	return b
}

// fault is something that is wrong in the world: what should be paged if it lasts, and only then.
type fault struct {
	entity string
	// Quell heard of it between told and began, and of its end between ending and recovered: when they were sent and when they were
	// answered, which may be seconds apart on a busy machine. Ending and recovered are zero while it lasts.
	told, began, ending, recovered time.Time
	hold                           time.Duration
	// unpageable is true if the case keeps its page from arriving.
	unpageable bool
}

// truth is the state of the world, by entity.
type truth map[string]*fault

func (w truth) copy() truth {
	c := make(truth, len(w))
	for entity, f := range maps.All(w) {
		g := *f
		c[entity] = &g
	}
	return c
}
