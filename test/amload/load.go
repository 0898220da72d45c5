package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// load is what is posted.
type load struct{ alerts, batch, groups int }

// alert is an alert as Prometheus posts it.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// bodies encodes a pass beforehand, so that encoding does not count. The same load and start give the same alerts in
// every pass, but for their end: four minutes ahead while they fire, as Prometheus has it, and now when they resolve.
func (l load) bodies(pass string, start time.Time) ([]string, error) {
	var end time.Time
	switch pass {
	case "fire", "refire":
		end = time.Now().UTC().Add(4 * time.Minute)
	case "resolve":
		end = time.Now().UTC()
	default:
		return nil, fmt.Errorf("unknown pass %q (want fire, refire or resolve)", pass)
	}
	var bodies []string
	for first := 0; first < l.alerts; first += l.batch {
		var batch []alert
		for i := first; i < min(first+l.batch, l.alerts); i++ {
			a := l.alert(i)
			a.StartsAt, a.EndsAt = start, end
			batch = append(batch, a)
		}
		b, err := json.Marshal(batch)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, string(b))
	}
	return bodies, nil
}

// alert makes the i-th alert. Its service is one of l.groups, its pod is its own.
func (l load) alert(i int) alert {
	service := fmt.Sprintf("service-%04d", i%l.groups)
	pod := fmt.Sprintf("%s-%08x", service, i)
	return alert{
		Labels: map[string]string{
			"alertname": "HighErrorRate", "cluster": "load-eu-1", "namespace": "shop", "service": service, "pod": pod,
			"instance": fmt.Sprintf("10.%d.%d.%d:8080", i>>16&255, i>>8&255, i&255), "job": service, "severity": "warning",
		},
		Annotations: map[string]string{
			"summary":     "Pod shop/" + pod + " answers every twentieth request with an error.",
			"description": "It has done so for ten minutes" + strings.Repeat(", and goes on doing so", 2) + ".",
			"runbook_url": "https://runbooks.example/shop/higherrorrate",
		},
		GeneratorURL: "http://prometheus.example:9090/graph?g0.expr=http_error_rate",
	}
}
