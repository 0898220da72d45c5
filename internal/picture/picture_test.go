package picture

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake/golden"
)

var start = time.Date(2026, 1, 2, 23, 58, 0, 0, time.UTC)

// symptom is an active one with a path, written "pod/a runs_on node/n".
func symptom(name, path string) correlate.SymptomView {
	words := strings.Fields(path)
	s := correlate.SymptomView{
		Entity: topology.Entity(words[0]), Name: name, State: "active", Since: start, Why: "reaches the root over its dependencies",
		Path: []correlate.PathStep{{Entity: topology.Entity(words[0])}},
	}
	for i := 1; i+1 < len(words); i += 2 {
		s.Path = append(s.Path, correlate.PathStep{Type: words[i], Entity: topology.Entity(words[i+1]), Sources: []string{"kubernetes/prod"}})
	}
	return s
}

func with(s correlate.SymptomView, state string) correlate.SymptomView {
	s.State = state
	return s
}

func incident(root string, symptoms ...correlate.SymptomView) *correlate.Incident {
	return &correlate.Incident{
		ID: 7, Generation: 1, State: correlate.Held, Title: "KubeNodeNotReady on " + root, Opened: start, Alerts: len(symptoms),
		Active: len(symptoms), MemberCount: len(symptoms), Roots: []correlate.Root{{Entity: topology.Entity(root), Score: 0.962, Why: "it is ill itself"}},
		Symptoms: symptoms,
	}
}

// cascade is a node that takes down pods, and what stands on them.
func cascade() *correlate.Incident {
	inc := incident("node/n3",
		symptom("KubeDeploymentReplicasMismatch", "deployment/shop/cart owns pod/shop/cart-1 runs_on node/n3"),
		symptom("KubePodNotReady", "pod/shop/cart-1 runs_on node/n3"),
		with(symptom("KubePodCrashLooping", "pod/shop/cart-1 runs_on node/n3"), "cleared"),
		symptom("HighLatency", "service/shop/web calls service/shop/cart selects pod/shop/cart-1 runs_on node/n3"),
		symptom("HighLatency", "service/shop/web calls service/shop/cart selects pod/shop/cart-1 runs_on node/n3"),
		with(symptom("KubePodNotReady", "pod/shop/db-0 runs_on node/n3"), "lost"),
		symptom("KubeNodeNotReady", "node/n3"),
		symptom("Stray", "pod/shop/alone"),
	)
	inc.Symptoms[7].Path, inc.Symptoms[7].Why = nil, "joined through another member"
	return inc
}

func TestCascadeDrawsWhatReachedWhom(t *testing.T) {
	golden.Compare(t, "cascade.golden", Cascade(cascade(), Options{}))
	golden.Compare(t, "cascade-ascii.golden", Cascade(cascade(), Options{ASCII: true}))
	golden.Compare(t, "cascade-narrow.golden", Cascade(cascade(), Options{Width: 40}))
}

func TestManySiblingsAreFoldedAndCounted(t *testing.T) {
	var list []correlate.SymptomView
	for i := range 35 {
		list = append(list, symptom("KubePodNotReady", fmt.Sprintf("pod/shop/p%02d runs_on node/n3", i)))
	}
	list = append(list, symptom("KubeVolumeStuck", "persistentvolumeclaim/shop/data mounts node/n3"),
		symptom("KubePolicyBroken", "networkpolicy/shop/x in_zone node/n3"), symptom("KubePolicyBroken", "networkpolicy/shop/y in_zone node/n3"))
	inc := incident("node/n3", list...)
	golden.Compare(t, "folded.golden", Cascade(inc, Options{Siblings: 4}))
	golden.Compare(t, "folded-lines.golden", Cascade(inc, Options{Siblings: 100, Lines: 3}))
}

func TestOneMoreIsShownRatherThanCounted(t *testing.T) {
	inc := incident("node/n", symptom("A", "pod/a runs_on node/n"), symptom("A", "pod/b runs_on node/n"), symptom("A", "pod/c runs_on node/n"))
	if got := Cascade(inc, Options{Siblings: 2}); !strings.Contains(got, "pod/c") {
		t.Errorf("got\n%s", got)
	}
}

// Levels come before branches: a deep branch must not use up the lines of its neighbours.
func TestALargeBranchLeavesRoomForItsNeighbours(t *testing.T) {
	var list []correlate.SymptomView
	for i := range 20 {
		list = append(list, symptom("A", fmt.Sprintf("pod/shop/p%02d runs_on node/n1 in_zone zone/a", i)))
	}
	list = append(list, symptom("B", "node/n2 in_zone zone/a"))
	got := Cascade(incident("zone/a", list...), Options{Lines: 3})
	if !strings.Contains(got, "node/n2") || !strings.Contains(got, "… and 20 more pods") {
		t.Errorf("got\n%s", got)
	}
}

func TestASilentRootSaysSo(t *testing.T) {
	got := Cascade(incident("node/n3", symptom("A", "pod/a runs_on node/n3")), Options{})
	if want := "node/n3  silent\n└─ runs_on ── pod/a  ● A\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Cascade(&correlate.Incident{}, Options{}); got != "" {
		t.Errorf("without a root: got %q", got)
	}
}

// A path may end at what was the root before the incident was rooted anew; its begin is a member all the same.
func TestAPathToAnEarlierRootHangsFromTheRoot(t *testing.T) {
	got := Cascade(incident("node/n3", symptom("A", "pod/a runs_on node/n1")), Options{})
	if want := "node/n3  silent\n└─ pod/a  ● A\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Paths in a ring must not make a tree without end.
func TestARingOfDependenciesIsDrawnOnce(t *testing.T) {
	got := Cascade(incident("service/a",
		symptom("A", "service/b calls service/c calls service/a"), symptom("A", "service/c calls service/b calls service/a")), Options{})
	if strings.Count(got, "service/b") != 1 || strings.Count(got, "service/c") != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestNothingThatSendersWroteReachesTheTerminal(t *testing.T) {
	hostile := "a\x1b[2J\nb\u202ec\x00"
	inc := incident("node/"+hostile, symptom("X", "pod/a runs_on node/n"))
	inc.Symptoms[0].Name, inc.Symptoms[0].Path[1].Type, inc.Symptoms[0].Path[1].Entity = hostile, hostile, inc.Roots[0].Entity
	inc.Symptoms[0].Why, inc.Title, inc.HoldReason, inc.CloseReason, inc.AckedBy = hostile, hostile, hostile, hostile, hostile
	inc.Acknowledged = &start
	inc.Timeline = []correlate.TimelineEntry{{At: start, Decision: correlate.Hold, Reason: hostile}}
	inc.Roots[0].Why = hostile
	x := explained()
	x.Incident, x.Root.Entity, x.Root.Why, x.Root.Shows, x.Notes[0] = inc, inc.Roots[0].Entity, hostile, hostile, hostile
	x.Root.Changed.Text, x.RunnersUp[0].Why, x.RunnersUp[0].Entity = hostile, hostile, inc.Roots[0].Entity
	s := &x.Symptoms[1]
	s.Name, s.Entity, s.Note, s.Chain[0].Entity, s.Chain[1].Type, s.Chain[1].Sources[0] = hostile, inc.Roots[0].Entity, hostile, inc.Roots[0].Entity, hostile, hostile
	x.Counterfactuals[0].If, x.Counterfactuals[0].Rival = hostile, inc.Roots[0].Entity
	for name, text := range map[string]string{
		"story": Story(inc, Options{}), "stored": Why(correlate.ExplainStored(inc), Options{}), "why": Why(x, Options{}), "brief": Why(x, Options{Brief: true}),
	} {
		for line := range strings.Lines(text) {
			if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s: %q", name, line)
			}
		}
		if strings.Contains(text, "\nb") {
			t.Errorf("%s: a sender began a line:\n%s", name, text)
		}
	}
}

// told is the cascade with a life.
func told() *correlate.Incident {
	inc := cascade()
	escalated, closed := start.Add(5*time.Minute), start.Add(20*time.Minute)
	inc.State, inc.Outcome, inc.Escalated, inc.Closed = correlate.Resolved, "escalated", &escalated, &closed
	inc.HoldReason, inc.CloseReason = "held 5m to heal by itself (default hold); pages at 00:03:00", "all 8 symptoms cleared"
	inc.Roots = append(inc.Roots, correlate.Root{Entity: "service/shop/cart", Score: 0.5, Silent: true, Why: "2 of 5 ill entities depend on it"},
		correlate.Root{Entity: "pod/shop/cart-1", Score: 0.25, Why: "1 of 5 ill entities depend on it"})
	inc.HealedBy = &correlate.Healing{What: "kubelet reports again", Entity: "node/n3", At: start.Add(17 * time.Minute)}
	inc.Timeline = []correlate.TimelineEntry{
		{At: start.Add(-10 * time.Minute), Decision: correlate.Changed, Reason: "node/n3: NodeMaintenance, kernel update"},
		{At: start, Decision: correlate.Open, Reason: "KubePodNotReady began on pod/shop/cart-1"},
		{At: start, Decision: correlate.Hold, Reason: inc.HoldReason},
		{At: start.Add(5 * time.Minute), Decision: correlate.Escalate, Reason: "did not recover within its hold"},
		{At: closed, Decision: correlate.Resolve, Reason: inc.CloseReason},
	}
	next := start.Add(10 * time.Minute)
	inc.Escalation = &correlate.Escalation{
		Climbs: []correlate.Climb{
			{Policy: "night", Route: "route /0", State: "running", Step: 1, Steps: 2, Rounds: 3, Next: &next, NextStep: 2, Whom: []string{"lead/pagerduty[0]"}},
			{Route: "route /1 to team", State: "done", Step: 1, Steps: 1},
		},
		Log: []correlate.EscalationEntry{
			{At: start.Add(5 * time.Minute), Text: "policy night: pages oncall/pagerduty[0] (step 1 of 2)"},
			{At: start.Add(5 * time.Minute), Text: "receiver team: pages team/slack[0] (step 1 of 1)"},
		},
	}
	return inc
}

func TestStoryTellsAnIncidentFromBeginToEnd(t *testing.T) {
	golden.Compare(t, "story.golden", Story(told(), Options{}))
	open := incident("node/n3", symptom("KubeNodeNotReady", "node/n3"))
	until := start.Add(5 * time.Minute)
	open.HeldUntil = &until
	golden.Compare(t, "story-open.golden", Story(open, Options{ASCII: true}))
	open.HeldUntil, open.Silenced = nil, &correlate.Silenced{How: "inhibited", All: true, Symptoms: 1, Muted: []correlate.MutedBy{
		{Kind: correlate.Inhibited, Why: "rule switch of rules/net.yml", Source: "SwitchDown", Entity: "switch/r1"},
		{Kind: correlate.Expected, Why: "rule reboots of rules/net.yml", Source: "NodeNotSchedulable, drained by ada", Entity: "node/n3", Until: &until},
	}}
	open.Enrichment = &correlate.Enrichment{
		Owner: "team-metal", Runbook: "https://wiki.example.com/nodes", Links: []correlate.EnrichmentLink{{Name: "dashboard", URL: "https://grafana.example.com/d/n3"}},
		Notes: []string{"n3 has a spare in rack 7"},
	}
	golden.Compare(t, "story-muted.golden", Story(open, Options{ASCII: true}))
}

// explained is the cascade of told with its numbers.
func explained() *correlate.Explanation {
	ranked := start.Add(4 * time.Minute)
	step := func(entity, typ string, weight float64, sources ...string) correlate.ChainStep {
		return correlate.ChainStep{Entity: topology.Entity(entity), Type: typ, Weight: weight, Sources: sources}
	}
	pod := []correlate.ChainStep{step("pod/shop/cart-1", "", 0), step("node/n3", "runs_on", 0.95, "kubernetes/prod", "labels")}
	warning := correlate.Strength{Value: 0.28, Of: correlate.SeverityWarning, Severity: 0.4, Event: 0.7, Rarity: 1}
	critical := correlate.Strength{Value: 0.61, Of: correlate.SeverityCritical, Severity: 1, Event: 1, Rarity: 0.61, Spells: 13}
	rule := func(section, name, file string, line int) *correlate.RuleID {
		return &correlate.RuleID{Section: section, Name: name, File: file, Line: line}
	}
	notReady := []correlate.Ruling{
		{About: "entity", Says: "node/n3", Rule: rule("entities", "node", "pack kube-prometheus", 58)},
		{About: "severity", Says: "critical", Rule: rule("symptoms", "nodes", "rules/shop.yml", 4)},
		{About: "hold", Says: "held 3m while little is known, then up to 15m", Rule: rule("holds", "nodes", "rules/shop.yml", 12)},
	}
	calls := step("service/shop/cart", "calls", 0.8, "servicegraph")
	calls.Rules = []correlate.Ruling{{About: "edge type", Says: "calls has the weight 0.80", Rule: rule("edge_types", "calls", "rules/shop.yml", 31)}}
	long := topology.Entity("service/shop/recommendation-engine-with-a-long-name")
	return &correlate.Explanation{
		Incident: told(), Live: true, Ranked: &ranked, Explained: 3, Entities: 4, Lead: 3.9,
		Root: correlate.Candidate{
			Entity: "node/n3", Score: 0.935, Why: "explains 3 of 4 ill entities (85 % of the evidence) and shows KubeNodeNotReady itself; scores 0.94, the next service/shop/cart 0.24",
			Explains: 3, Coverage: 0.85, Evidence: 1, Shows: "KubeNodeNotReady", Aspect: correlate.AspectState, Prior: 1, Change: 1.1,
			Changed: &correlate.CountedChange{Entity: "node/n3", At: start.Add(-10 * time.Minute), BeforeSeconds: 840, Text: "NodeMaintenance, kernel update"},
		},
		RunnersUp: []correlate.Candidate{
			{
				Entity: "service/shop/cart", Score: 0.24, Silent: true, Coverage: 0.4, Evidence: 0.6, Prior: 1, Change: 1, Ill: 2, Dependents: 5,
				Why: "explains 2 of 4 ill entities (40 % of the evidence); silent itself: 2 of the 5 next to it are ill",
			},
			{Entity: long, Score: 0.1, Coverage: 0.2, Evidence: 0.5, Prior: 1, Change: 1, Why: "explains 1 of 4 ill entities (20 % of the evidence); what it shows may come from below: HighLatency"},
			{Entity: "namespace/shop", Score: 0.02, Silent: true, Coverage: 0.2, Evidence: 0.2, Prior: 0.5, Change: 1, Why: "explains 4 of 4 ill entities (20 % of the evidence); a namespace is seldom a cause"},
		},
		Symptoms: []correlate.ExplainedSymptom{
			{Entity: "node/n3", Name: "KubeNodeNotReady", State: "active", Strength: critical, Chain: pod[1:], Weight: 1, Timing: 1, Unclaimed: 1, Counts: 0.61, Rules: notReady},
			{
				Entity: "pod/shop/cart-1", Name: "BackOff", State: "cleared", Strength: warning,
				Rules: []correlate.Ruling{{About: "event", Says: "warning", Rule: rule("events", "", "pack kubernetes", 140)}}, Chain: pod, Weight: 0.95, Timing: 0.79, Unclaimed: 1, Counts: 0.21,
				TimingWhy: "began 4m before its cause", Others: []correlate.OtherRoot{{Entity: "service/shop/cart", Explains: 0.9}},
			},
			{Entity: "pod/shop/cart-1", Name: "Unhealthy", State: "active", Strength: warning, Chain: pod, Weight: 0.95, Timing: 0.79, Unclaimed: 1, Note: "its entity speaks by BackOff"},
			{Entity: long, Name: "HighLatency", State: "active", Strength: critical, Chain: append([]correlate.ChainStep{
				{Entity: long}, calls, step("pod/shop/cart-1", "selects", 0.63, "kubernetes/prod"),
			}, pod[1:]...), Weight: 0.48, Timing: 1, Unclaimed: 1, Counts: 0.29},
			{Entity: "pod/shop/alone", Name: "Stray", State: "lost", Strength: warning, Timing: 1, Unclaimed: 1, Note: "nothing known explains it"},
		},
		Counterfactuals: []correlate.Counterfactual{
			{If: "node/n3 had shown nothing itself", Flips: true, Score: 0.11, Rival: "service/shop/cart", RivalScore: 0.24},
			{If: "the times had not counted", Score: 0.99, Rival: "service/shop/cart", RivalScore: 0.24},
		},
		Notes: []string{"only the nearest 256 of what pod/shop/cart-1 depends on were looked at, and so for 3 more"},
	}
}

func TestWhyExplainsEachSymptomAndDecision(t *testing.T) {
	golden.Compare(t, "why.golden", Why(explained(), Options{}))
	golden.Compare(t, "why-brief.golden", Why(explained(), Options{Brief: true}))
	golden.Compare(t, "why-stored.golden", Why(correlate.ExplainStored(told()), Options{}))
	x := explained()
	x.Counterfactuals, x.Symptoms[1].Unclaimed, x.Incident.Alerts = x.Counterfactuals[1:], 0.4, 70
	golden.Compare(t, "why-ascii.golden", Why(x, Options{ASCII: true, Width: 80}))
	for _, text := range []string{Why(explained(), Options{}), Why(explained(), Options{Brief: true})} {
		for line := range strings.Lines(text) {
			if n := length(strings.TrimSuffix(line, "\n")); n > 100 {
				t.Errorf("%d columns: %q", n, line)
			}
		}
	}
}

// One entity alone needs no tree and no other worlds where there is little room.
func TestABriefReasonForOneEntityIsShort(t *testing.T) {
	x := explained()
	x.Entities, x.Symptoms, x.RunnersUp, x.Counterfactuals, x.Notes = 1, x.Symptoms[:1], nil, []correlate.Counterfactual{{If: "node/n3 had slept"}}, nil
	if got := Why(x, Options{Brief: true}); strings.Count(got, "\n") != 5 {
		t.Errorf("got\n%s", got)
	}
	if got := Why(x, Options{}); !strings.Contains(got, "nothing: there is no other candidate") {
		t.Errorf("got\n%s", got)
	}
}

// TestChronicTroubleIsTold shows an incident that flaps and is over its budget.
func TestChronicTroubleIsTold(t *testing.T) {
	inc := told()
	settles := start.Add(40 * time.Minute)
	inc.State, inc.Closed, inc.CloseReason, inc.Active, inc.SettlesAt = correlate.Escalated, nil, "", 0, &settles
	inc.Chronic = []correlate.Chronic{
		{Kind: correlate.OverBudget, Action: correlate.ChronicPage, Since: start, Reason: "is over its self-heal budget", Subject: "KubeNodeNotReady on node: node/n3"},
		{Kind: correlate.Flapping, Action: correlate.ChronicNotice, Since: start, Reason: "flaps", Subject: "KubeNodeNotReady on node: node/n3"},
	}
	golden.Compare(t, "story-chronic.golden", Story(inc, Options{}))
	golden.Compare(t, "why-chronic.golden", Why(correlate.ExplainStored(inc), Options{}))
}
