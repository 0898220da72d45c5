package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
	"quell/internal/fake/golden"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/routing"
)

// recording keeps the bodies of requests on their way to the fake, which checks them.
type recording struct {
	next   http.RoundTripper
	bodies []string
}

func (r *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		return nil, err
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(text.String())
	r.bodies = append(r.bodies, req.Method+" "+req.URL.Path+"\n"+plain+"\n")
	req.Body = io.NopCloser(bytes.NewReader(body))
	return r.next.RoundTrip(req)
}

// story is an incident with all that a page tells: a silent root, a rollout before it, a hold that was put off, a life before this one.
func story() *correlate.Incident {
	at := func(minutes int) time.Time { return opened.Add(time.Duration(minutes) * time.Minute) }
	escalated := at(9)
	path := func(types string, entities ...topology.Entity) (steps []correlate.PathStep) {
		for k, e := range entities {
			step := correlate.PathStep{Entity: e}
			if k > 0 {
				step.Type = strings.Fields(types)[k-1]
			}
			steps = append(steps, step)
		}
		return steps
	}
	symptom := func(name string, severity correlate.Severity, minute int, p []correlate.PathStep, annotations ...string) correlate.SymptomView {
		return correlate.SymptomView{
			Entity: p[0].Entity, Name: name, Severity: severity, State: "active", Since: at(minute), Path: p, Annotations: correlate.LabelsOf(annotations...),
		}
	}
	cart := path("runs_on", "pod/shop/cart-7d9f@prod", "node/n3@prod")
	web := path("calls selects runs_on", "service/shop/web@prod", "service/shop/cart@prod", "pod/shop/cart-7d9f@prod", "node/n3@prod")
	inc := &correlate.Incident{
		ID: 7, Generation: 2, State: correlate.Escalated, Outcome: "escalated", Severity: correlate.SeverityCritical, Paged: true,
		Title: "KubePodNotReady on 2 pods of node/n3", Class: "KubePodNotReady on node",
		Roots: []correlate.Root{
			{Entity: "node/n3@prod", Score: .91, Silent: true, Explains: 3, Why: "explains 3 of 3 ill entities; silent itself: 2 of the 2 pods on it are ill"},
			{Entity: "service/shop/cart@prod", Score: .34, Silent: true, Explains: 1, Why: "explains 1 of 3 ill entities"},
		},
		Opened: opened, Escalated: &escalated, HoldReason: "held until 12:09: 94 % of 212 like it healed within 8m", Alerts: 3, Active: 3, MemberCount: 3,
		Members: []topology.Entity{"pod/shop/cart-7d9f@prod", "pod/shop/db-0@prod", "service/shop/web@prod"},
		Symptoms: []correlate.SymptomView{
			symptom("KubePodNotReady", correlate.SeverityWarning, 0, cart, "summary", "Pod cart-7d9f has been not ready for 15 minutes.", "runbook_url", "https://runbooks.example/pod"),
			symptom("KubePodNotReady", correlate.SeverityWarning, 1, path("runs_on", "pod/shop/db-0@prod", "node/n3@prod"), "summary", "Pod db-0 has been not ready for 15 minutes."),
			symptom("HighErrorRate", correlate.SeverityCritical, 2, web, "summary", "12 % of requests fail."),
		},
		Timeline: []correlate.TimelineEntry{
			{At: at(-300), Decision: correlate.Changed, Reason: "node/n3@prod: Cordoned, before the life before this one"},
			{At: at(-4), Decision: correlate.Changed, Reason: "deployment/shop/cart@prod: Rollout, image cart:41 → cart:42 (revision 12)"},
			{At: at(0), Decision: correlate.Reopen, Reason: "KubePodNotReady is back on pod/shop/cart-7d9f@prod"},
			{At: at(0), Decision: correlate.Hold, Reason: "held until 12:05: default hold"},
			{At: at(1), Decision: correlate.Join, Reason: "KubePodNotReady began on pod/shop/db-0@prod"},
			{At: at(4), Decision: correlate.Hold, Reason: "held until 12:09: the node restarts its kubelet (healing is under way)"},
			{At: at(9), Decision: correlate.Escalate, Reason: "it did not heal within 9m"},
		},
		Generations: []honesty.Generation{{Number: 1, Opened: at(-240)}, {Number: 2, Opened: opened}},
		Labels:      correlate.LabelsOf("cluster", "prod", "team", "shop"),
	}
	inc.Symptoms[2].Generator = "https://prometheus.example/graph?g0.expr=rate(errors[5m])"
	return inc
}

// worse is the story a while later: a third pod, and a change that was told late.
func worse() *correlate.Incident {
	inc := story()
	inc.Alerts, inc.Active, inc.MemberCount = 14, 13, 120
	ended := opened.Add(12 * time.Minute)
	inc.Symptoms[0].State, inc.Symptoms[0].Ended = "cleared", &ended
	inc.Timeline = append(inc.Timeline, correlate.TimelineEntry{
		At: opened.Add(10 * time.Minute), Decision: correlate.Changed, Reason: "node/n3@prod: Drained, by ops@example.com",
	})
	return inc
}

// TestEachKindOfEventIsAsItShouldBe compares what is sent, byte for byte but for its indentation, with files that people read.
func TestEachKindOfEventIsAsItShouldBe(t *testing.T) {
	acknowledged := story()
	acknowledged.State, acknowledged.AckedBy, acknowledged.Acknowledged = correlate.Acknowledged, "anna at Slack", &opened
	resolved := story()
	resolved.State = correlate.Resolved
	told := func(action routing.Action, why string, inc *correlate.Incident) *routing.Delivery {
		return &routing.Delivery{ID: 1, Action: action, Key: "quell/s1/inc-7/2", Reason: why, Incident: inc, Created: opened}
	}
	again := told(routing.Trigger, "severity rose to critical", worse())
	again.Again = true
	for _, tc := range []struct {
		name     string
		delivery *routing.Delivery
		ref      string
	}{
		{"trigger", told(routing.Trigger, "it did not heal within 9m", story()), ""},
		{"again", again, "d3a8fc1c"},
		{"update", told(routing.Update, "10 more entities fail", worse()), "d3a8fc1c"},
		{"acknowledge", told(routing.Acknowledge, "acknowledged by anna at Slack", acknowledged), "d3a8fc1c"},
		{"acknowledged-update", told(routing.Update, "the root is another", acknowledged), "d3a8fc1c"},
		{"resolve", told(routing.Resolve, "all 3 symptoms cleared", resolved), "d3a8fc1c"},
		{"operator-over", &routing.Delivery{Action: routing.Resolve, Key: "quell/s1/operator/12", Text: "the store is full: quell pages critical alerts as they are", Reason: "there is space again", Created: opened}, ""},
		{"operator", &routing.Delivery{Action: routing.Operator, Key: "quell/s1/operator/12", Text: "the store is full: quell pages critical alerts as they are", Created: opened}, ""},
	} {
		p := start(t)
		sent := &recording{next: notify.NewHTTPClient().Transport}
		env := notify.Environment{HTTP: &http.Client{Transport: sent}, ExternalURL: "https://quell.example/", StoreID: "s1"}
		_, err := pagerduty.New(notify.PagerDutyConfig{RoutingKey: routingKey, URL: p.URL()}, env).Notify(t.Context(), tc.delivery, notify.Sent{Ref: tc.ref})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		golden.Compare(t, tc.name+".golden", strings.Join(sent.bodies, "\n"))
	}
}
