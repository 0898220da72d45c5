package demo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// clock turns a moment of the story, counted from its beginning, into one of the clock on the wall.
type clock func(at time.Duration) time.Time

// post is one request to quell.
type post struct {
	at   time.Duration
	path string
	// body makes the request's body once it is known when the story began.
	body func(clock) any
	// alerts and events are how many conditions it tells of for the first time, and how many observations.
	alerts, events int
}

// Paths of quell that are posted to.
const (
	pathAlertmanager = "/api/v1/alertmanager"
	pathPrometheus   = "/api/v2/alerts"
	pathKubernetes   = "/api/v1/kubernetes"
	pathTopology     = "/api/v1/topology"
)

// alert is a condition and the time for which it fires; ends is zero if it outlives the story.
type alert struct {
	labels       map[string]string
	summary      string
	starts, ends time.Duration
}

func (a *alert) name() string { return a.labels["alertname"] }

func (a *alert) fingerprint() string {
	var pairs []correlate.Label
	for name, value := range a.labels {
		pairs = append(pairs, correlate.Label{Name: name, Value: value})
	}
	return correlate.NewLabels(pairs).Fingerprint().String()
}

// reported is an alert as Alertmanager and Prometheus write it. Prometheus leaves out what Alertmanager adds.
type reported struct {
	Status       string            `json:"status,omitempty"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint,omitempty"`
}

func (a *alert) report(when clock) reported {
	return reported{
		Labels: a.labels, Annotations: map[string]string{"summary": a.summary}, StartsAt: when(a.starts),
		GeneratorURL: "http://prometheus-k8s.monitoring:9090/graph?g0.expr=" + a.name() + "&g0.tab=1",
	}
}

// webhook is Alertmanager's payload, version 4.
type webhook struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []reported        `json:"alerts"`
}

// What the played Alertmanager is configured to: group_by [alertname, namespace], and little waiting, since quell groups better.
const (
	groupWait     = 10 * time.Second
	groupInterval = time.Minute
)

// alertmanager makes the requests that Alertmanager would send for these alerts: whenever a group changed, all of the group.
func alertmanager(alerts []alert) []post {
	groups := make(map[string][]alert)
	for _, a := range alerts {
		key := fmt.Sprintf("{}:{alertname=%q, namespace=%q}", a.name(), a.labels["namespace"])
		groups[key] = append(groups[key], a)
	}
	var posts []post
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		posts = append(posts, flushes(key, groups[key])...)
	}
	return posts
}

// flushes makes the notifications of one group.
func flushes(key string, group []alert) []post {
	var changes []time.Duration
	for _, a := range group {
		changes = append(changes, a.starts)
		if a.ends != 0 {
			changes = append(changes, a.ends)
		}
	}
	slices.Sort(changes)
	var posts []post
	before := time.Duration(-1)
	for at := changes[0] + groupWait; len(changes) > 0; at += groupInterval {
		n, _ := slices.BinarySearch(changes, at+1)
		if n == 0 {
			continue
		}
		changes = changes[n:]
		posts = append(posts, flush(key, group, before, at))
		before = at
	}
	return posts
}

// flush is the notification at one moment: what fires, and what was resolved since the one before.
func flush(key string, group []alert, before, at time.Duration) post {
	p := post{at: at, path: pathAlertmanager}
	var firing, resolved []alert
	for _, a := range group {
		switch {
		case a.starts > at || a.ends != 0 && a.ends <= before:
			continue
		case a.ends != 0 && a.ends <= at:
			resolved = append(resolved, a)
		default:
			firing = append(firing, a)
		}
		if a.starts > before {
			p.alerts++
		}
	}
	p.body = func(when clock) any {
		w := webhook{
			Version: "4", GroupKey: key, Status: "firing", Receiver: "quell", CommonLabels: common(firing, resolved), CommonAnnotations: map[string]string{},
			ExternalURL: "http://alertmanager-main.monitoring:9093", Alerts: []reported{},
		}
		if len(firing) == 0 {
			w.Status = "resolved"
		}
		w.GroupLabels = map[string]string{"alertname": w.CommonLabels["alertname"], "namespace": w.CommonLabels["namespace"]}
		for _, a := range slices.Concat(firing, resolved) {
			r := a.report(when)
			r.Status, r.Fingerprint = "firing", a.fingerprint()
			if a.ends != 0 && a.ends <= at {
				r.Status, r.EndsAt = "resolved", when(a.ends)
			}
			w.Alerts = append(w.Alerts, r)
		}
		return w
	}
	return p
}

// common are the labels that all alerts share.
func common(lists ...[]alert) map[string]string {
	all := slices.Concat(lists...)
	shared := maps.Clone(all[0].labels)
	for _, a := range all[1:] {
		maps.DeleteFunc(shared, func(name, value string) bool { return a.labels[name] != value })
	}
	return shared
}

// prometheus makes the requests of a Prometheus that sends to quell directly. It tells of a firing alert when it would be over
// unless it is sent again, and of a resolved one when it ended.
func prometheus(alerts []alert) []post {
	const resend = 4 * time.Minute
	var posts []post
	for _, a := range alerts {
		send := func(at, ends time.Duration, n int) {
			posts = append(posts, post{at: at, path: pathPrometheus, alerts: n, body: func(when clock) any {
				r := a.report(when)
				r.EndsAt = when(ends)
				return []reported{r}
			}})
		}
		send(a.starts, a.starts+resend, 1)
		for at := a.starts + time.Minute; at < a.ends; at += time.Minute {
			send(at, at+resend, 0)
		}
		send(a.ends, a.ends, 0)
	}
	return posts
}

// event is something that Kubernetes observed.
type event struct {
	at                     time.Duration
	kind, namespace, name  string
	class, reason, message string
	reporter               string
	// count is how often it was seen so far.
	count int
}

// object is the event as events.k8s.io/v1 has it.
func (e *event) object(when clock) any {
	at := when(e.at).UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	namespace := cmp.Or(e.namespace, "default") // events about what has no namespace live there
	id := word(e.kind+e.namespace+e.name+e.reason, 16)
	o := map[string]any{
		"apiVersion": "events.k8s.io/v1", "kind": "Event",
		"metadata":  map[string]any{"name": e.name + "." + id, "namespace": namespace, "uid": "demo-" + id},
		"regarding": map[string]any{"kind": e.kind, "namespace": e.namespace, "name": e.name},
		"type":      e.class, "reason": e.reason, "note": e.message, "reportingController": e.reporter,
		"eventTime": at,
	}
	if e.count > 1 {
		o["series"] = map[string]any{"count": e.count, "lastObservedTime": at}
	}
	return o
}

// kubernetes makes the requests of an event exporter: those of one moment travel together, as JSON lines.
func kubernetes(events []event) []post {
	byTime := make(map[time.Duration][]event)
	for _, e := range events {
		byTime[e.at] = append(byTime[e.at], e)
	}
	var posts []post
	for _, at := range slices.Sorted(maps.Keys(byTime)) {
		list := byTime[at]
		posts = append(posts, post{at: at, path: pathKubernetes, events: len(list), body: func(when clock) any {
			var lines []any
			for _, e := range list {
				lines = append(lines, e.object(when))
			}
			return lines
		}})
	}
	return posts
}

// object posts an object as a watch would show it: a pod with its node and owner, or a replica set with its owner.
func object(at time.Duration, kind string, p pod, ownerKind string) post {
	return post{at: at, path: pathKubernetes, body: func(clock) any {
		o := map[string]any{
			"apiVersion": "v1", "kind": kind,
			"metadata": map[string]any{"namespace": p.namespace, "name": p.name, "ownerReferences": []any{
				map[string]any{"kind": ownerKind, "name": p.owner, "controller": true},
			}},
		}
		if p.node != "" {
			o["spec"] = map[string]any{"nodeName": p.node}
		}
		return []any{o}
	}}
}

// encode writes a request's body. Lists that Kubernetes sends are JSON lines.
func (p *post) encode(when clock) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	write := func(v any) {
		if err := e.Encode(v); err != nil {
			panic("demo: body cannot be encoded: " + err.Error()) // no body has a value that could fail
		}
	}
	body := p.body(when)
	lines, ok := body.([]any)
	if !ok {
		lines = []any{body}
	}
	for _, l := range lines {
		write(l)
	}
	return []byte(strings.TrimSpace(b.String()))
}

func topologyPost(at time.Duration, u *topology.Update) post {
	return post{at: at, path: pathTopology, body: func(clock) any { return u }}
}
