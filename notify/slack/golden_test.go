package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
	"quell/internal/fake"
	"quell/notify"
	"quell/notify/slack"
	"quell/routing"
)

var update = flag.Bool("update", false, "write the golden files")

var night = time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC)

func at(minutes, seconds int) time.Time {
	return night.Add(time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second)
}

func on(t time.Time) *time.Time { return &t }

// outage is a node that died at night, with what stood on it, 5 minutes later.
func outage() *correlate.Incident {
	i := &correlate.Incident{
		ID: 7, Generation: 1, State: correlate.Escalated, Outcome: "escalated", Severity: correlate.SeverityCritical,
		Title: "NodeNotReady on node/n3", Class: "NodeNotReady on node", Opened: at(0, 0), Escalated: on(at(5, 0)), Paged: true,
		Roots: []correlate.Root{
			{Entity: "node/n3", Score: .91, Explains: 6, Why: "explains 6 of 6 ill entities (94 % of the evidence) and shows NodeNotReady itself"},
			{Entity: "deployment/shop/cart", Score: .34, Silent: true, Explains: 3, Why: "explains 3 of 6 ill entities, silent itself"},
		},
		HoldReason:  "held: 81 % of 47 like it heal within 5m, median 1m40s; pages at 03:05:00 (NodeNotReady on node; default hold)",
		Generations: []honesty.Generation{{Number: 1, Opened: at(0, 0), Paged: at(5, 0)}},
		Labels:      correlate.LabelsOf("cluster", "prod-eu"),
		Timeline: []correlate.TimelineEntry{
			{At: at(-2, 0), Decision: correlate.Changed, Reason: "node/n3: NodeMaintenance, kernel update by ops"},
			{At: at(0, 0), Decision: correlate.Open, Reason: "KubePodNotReady began on pod/shop/cart-1 and nothing known explains it"},
			{At: at(0, 0), Decision: correlate.Hold, Reason: "held 5m to heal by itself (default hold); pages at 03:05:00"},
			{At: at(0, 20), Decision: correlate.Join, Reason: "KubePodNotReady on pod/shop/cart-2 joined"},
			{At: at(0, 40), Decision: correlate.Reroot, Reason: "node/n3 explains 6 of 6 ill entities (94 % of the evidence) and shows NodeNotReady itself; was pod/shop/cart-1"},
			{At: at(5, 0), Decision: correlate.Escalate, Reason: "did not recover within its hold: 6 of 7 symptoms still active after 5m"},
		},
	}
	node := correlate.PathStep{Entity: "node/n3", Type: "runs_on"}
	pod := func(n int) topology.Entity { return topology.Entity(fmt.Sprintf("pod/shop/cart-%d", n)) }
	add := func(e topology.Entity, name string, severity correlate.Severity, seconds int, path ...correlate.PathStep) *correlate.SymptomView {
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{
			Entity: e, Name: name, Severity: severity, State: "active", Since: at(0, seconds), Path: append([]correlate.PathStep{{Entity: e}}, path...),
		})
		return &i.Symptoms[len(i.Symptoms)-1]
	}
	root := add("node/n3", "NodeNotReady", correlate.SeverityCritical, 40)
	root.Annotations = correlate.LabelsOf("summary", "Kubelet stopped posting node status.", "runbook_url", "https://runbooks.example/KubeNodeNotReady")
	root.Generator = "https://prometheus.example/graph?g0.expr=kube_node_status_condition&g0.tab=1"
	for n := 1; n <= 3; n++ {
		s := add(pod(n), "KubePodNotReady", correlate.SeverityWarning, 20*(n-1), node)
		s.Annotations = correlate.LabelsOf("summary", "Pod has been in a non-ready state for longer than 15 minutes.")
	}
	gone := add("pod/data/orders-db-0", "TargetDown", correlate.SeverityWarning, 50, node)
	gone.State, gone.Ended = "cleared", on(at(4, 0))
	add("service/shop/cart", "HighErrorRate", correlate.SeverityCritical, 90, correlate.PathStep{Entity: pod(1), Type: "selects"}, node)
	add("service/shop/web", "HighLatency", correlate.SeverityWarning, 120, correlate.PathStep{Entity: "service/shop/cart", Type: "calls"},
		correlate.PathStep{Entity: pod(1), Type: "selects"}, node)
	i.Members = []topology.Entity{"node/n3", "pod/data/orders-db-0", pod(1), pod(2), pod(3), "service/shop/cart", "service/shop/web"}
	i.MemberCount, i.Alerts, i.Active = len(i.Members), 7, 6
	return i
}

// closed ends an incident with its last symptom.
func closed(i *correlate.Incident, state correlate.State, end honesty.End, reason string) *correlate.Incident {
	i.State, i.Active, i.CloseReason = state, 0, reason
	i.Recovered, i.Closed = on(at(16, 0)), on(at(17, 0))
	g := &i.Generations[len(i.Generations)-1]
	g.End, g.Recovered, g.Closed = end, at(16, 0), at(17, 0)
	for n := range i.Symptoms {
		i.Symptoms[n].State, i.Symptoms[n].Ended = "cleared", on(at(16, 0))
	}
	return i
}

// held is what pages unless it heals.
func held() *correlate.Incident {
	i := outage()
	i.State, i.Outcome, i.Escalated, i.Paged = correlate.Held, "open", nil, false
	i.HeldUntil = on(at(5, 0))
	i.Timeline = i.Timeline[:5]
	i.Generations[0].Paged = time.Time{}
	return i
}

// telling is a delivery at a time.
func telling(action routing.Action, minute int, reason string, i *correlate.Incident) *routing.Delivery {
	return &routing.Delivery{
		ID: uint64(minute), Action: action, Key: fmt.Sprintf("quell/s1/%s/%d", i.ID, i.Generation), Reason: reason, Incident: i,
		Created: at(minute, 0), Expires: at(minute+60, 0),
	}
}

func page() *routing.Delivery {
	return telling(routing.Trigger, 5, "did not recover within its hold: 6 of 7 symptoms still active after 5m; step 1 of 2 of policy night, route /1 (quell.yml:31:5)", outage())
}

// again is a page or notice of what has a message.
func again(d *routing.Delivery) *routing.Delivery {
	d.Again = true
	return d
}

// worse is the outage when it spread.
func worse() *correlate.Incident {
	i := outage()
	for n := 4; n <= 30; n++ {
		e := topology.Entity(fmt.Sprintf("pod/shop/checkout-%d", n))
		i.Members = append(i.Members, e)
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{
			Entity: e, Name: "KubePodNotReady", Severity: correlate.SeverityWarning, State: "active", Since: at(7, n),
			Path: []correlate.PathStep{{Entity: e}, {Entity: "node/n3", Type: "runs_on"}},
		})
		i.Timeline = append(i.Timeline, correlate.TimelineEntry{At: at(7, n), Decision: correlate.Join, Reason: "KubePodNotReady on " + string(e) + " joined"})
	}
	i.MemberCount, i.Alerts, i.Active = len(i.Members), 34, 33
	i.Timeline = append(i.Timeline,
		correlate.TimelineEntry{At: at(7, 40), Decision: correlate.Merge, Reason: "inc-8 (HighLatency on service/shop/search) is explained by node/n3, too"},
		correlate.TimelineEntry{At: at(8, 0), Decision: correlate.Update, Reason: "34 symptoms on 33 entities, worst critical"})
	return i
}

func acknowledged(by string) *correlate.Incident {
	i := worse()
	i.State, i.Acknowledged, i.AckedBy = correlate.Acknowledged, on(at(9, 12)), by
	i.Timeline = append(i.Timeline, correlate.TimelineEntry{At: at(9, 12), Decision: correlate.Acknowledge, Reason: "acknowledged by " + by})
	return i
}

// stories are sequences of deliveries; the last of each is what its golden files show.
func stories() map[string][]*routing.Delivery {
	spread := telling(routing.Update, 8, "34 symptoms on 33 entities, worst critical", worse())
	ack := telling(routing.Acknowledge, 9, "acknowledged by anna at Slack", acknowledged("anna at Slack"))
	return map[string][]*routing.Delivery{
		"page":          {page()},
		"update":        {page(), spread},
		"acknowledged":  {page(), spread, ack},
		"handed-back":   {page(), spread, ack, again(telling(routing.Trigger, 39, "handed back: anna at Slack acknowledged it 30m ago and did not renew that; step 1 of 2 of policy night, route /1 (quell.yml:31:5)", worse()))},
		"resolved":      {page(), telling(routing.Resolve, 17, recovered, resolved())},
		"by-hand":       {page(), telling(routing.Resolve, 17, byHand, resolvedByHand())},
		"lost":          {page(), telling(routing.Resolve, 17, lost, lostIncident())},
		"merged":        {page(), telling(routing.Resolve, 9, "merged into inc-9: node/n3 lost its switch/rack-4, which explains both", merged())},
		"withdrawn":     {telling(routing.Resolve, 17, recovered, withdrawn())},
		"held":          {telling(routing.Notice, 1, "told early, since severity is critical (rule node-down)", held())},
		"silenced":      {page(), telling(routing.Update, 10, "silenced by s-12 until 05:00:00: \"rack 4 gets a new switch\"", silenced())},
		"muted":         {telling(routing.Notice, 10, "nobody is paged for it: suppressed by rule rebuild of rules/lab.yml", muted())},
		"enriched":      {telling(routing.Trigger, 5, "did not recover within its hold", enriched())},
		"chronic":       {telling(routing.Notice, 17, "chronic: "+flaps, chronicIncident())},
		"back":          {telling(routing.Trigger, 50, "anna at Slack had taken it on, and it is back 30m after it had ended", back())},
		"storm":         {telling(routing.Trigger, 5, "more than 100 entities are ill, and hold.blast_radius is 100", storm())},
		"silent-root":   {telling(routing.Trigger, 5, "not held: 3 of 3 replicas of deployment/shop/search are ill, and hold.blast_radius is 3", silentRoot())},
		"lone":          {telling(routing.Trigger, 5, "did not recover within its hold: 1 of 1 symptoms still active after 5m", lone())},
		"hostile-names": {telling(routing.Trigger, 5, hostile, hostileIncident())},
		"operator-over": {operator(routing.Operator, ""), operator(routing.Resolve, "oncall/pagerduty[0] takes what it is sent")},
		"operator":      {{Action: routing.Operator, Key: "quell/s1/operator/1", Created: at(3, 0), Text: "quell could not page oncall/pagerduty[0] of inc-7: rejected (http_403): the routing key is wrong. team/slack[0] was told instead."}},
	}
}

// operator tells of quell's own trouble, and that it is over.
func operator(a routing.Action, reason string) *routing.Delivery {
	return &routing.Delivery{
		Action: a, Key: "quell/s1/operator/undelivered/oncall/pagerduty[0]", Created: at(3, 0), Reason: reason,
		Text: "quell could not page oncall/pagerduty[0]: rejected (http_403): the routing key is <wrong>.",
	}
}

// Every message is as its golden files show: the calls' JSON, and what people read. Look at the differences before you accept them.
func TestMessagesAreAsTheirGoldenFiles(t *testing.T) {
	for name, deliveries := range stories() {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			env := notify.Environment{HTTP: notify.NewHTTPClient(), ExternalURL: "https://quell.example"}
			drawn := name == "page" || name == "update" // the others would look alike, and take their time
			n := slack.New(notify.SlackConfig{Token: token, Channel: "#ops", APIURL: s.APIURL(), Buttons: true, NoPictures: !drawn}, env)
			var ref string
			var before int
			for _, d := range deliveries {
				before = len(s.Messages())
				ref = mustSend(t, n, d, notify.Sent{Ref: ref})
			}
			all := s.Messages()
			shown := append(all[:1:1], all[max(before, 1):]...)
			compare(t, name+".txt", []byte(previews(t, s, shown)))
			compare(t, name+".json", blocksOf(t, shown))
		})
	}
}

// previews shows the channel's message, what the last delivery put into its thread, and the pictures there.
func previews(t *testing.T, s *fake.Slack, shown []fake.SlackMessage) string {
	var b strings.Builder
	for k, m := range shown {
		if k == 0 {
			b.WriteString("=== in #ops\n")
		} else {
			fmt.Fprintf(&b, "\n=== in the thread%s\n", map[bool]string{true: ", shown in #ops, too"}[m.Broadcast])
		}
		b.WriteString(preview(t, m))
	}
	for _, f := range s.Files() {
		fmt.Fprintf(&b, "\n=== picture %s: %s\n", f.Name, f.Title)
		keep(t, f)
	}
	return b.String()
}

// keep writes a picture where somebody wants to look at it.
func keep(t *testing.T, f fake.SlackFile) {
	if dir := os.Getenv("QUELL_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+"-"+f.ID+".png"), f.Data, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// blocksOf is what was posted, but what the server made of it.
func blocksOf(t *testing.T, shown []fake.SlackMessage) []byte {
	type posted struct {
		Text      string              `json:"text"`
		Blocks    json.RawMessage     `json:"blocks"`
		Metadata  *fake.SlackMetadata `json:"metadata,omitempty"`
		Broadcast bool                `json:"reply_broadcast,omitempty"`
	}
	var list []posted
	for _, m := range shown {
		list = append(list, posted{m.Text, m.Blocks, m.Metadata, m.Broadcast})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(list); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", name, diff)
	}
}
