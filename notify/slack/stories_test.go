package slack_test

import (
	"fmt"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// Reasons as the engine gives them.
const (
	recovered = "all 7 symptoms cleared after 16m and stayed clear for 1m; what healed it: node/n3: Node n3 status is now: NodeReady"
	byHand    = "resolved by anna at Slack"
	lost      = "given up: nobody reported on it for 1h, so whether it healed is unknown"
	flaps     = "flaps: it ended 6 times within 1d; the penalty is 4.2, and flaps from 4.0 on (half of it goes in 6h, rule default); it stays one incident until that is 1.0"
	hostile   = "<!channel> *bold* _it_ ~gone~ `code` ```fence <https://evil.example|runbook> & <@U123> > quote"
)

func resolved() *correlate.Incident {
	i := closed(outage(), correlate.Resolved, honesty.Cleared, recovered)
	i.HealedBy = &correlate.Healing{What: "Node n3 status is now: NodeReady", Entity: "node/n3", At: at(15, 30)}
	return i
}

func resolvedByHand() *correlate.Incident {
	i := closed(acknowledged("anna at Slack"), correlate.Resolved, honesty.ByHand, byHand)
	i.ByHand, i.Recovered = true, nil
	return i
}

func lostIncident() *correlate.Incident {
	i := closed(outage(), correlate.Resolved, honesty.LostReport, lost)
	i.Lost, i.Recovered = 6, nil
	return i
}

func merged() *correlate.Incident {
	i := outage()
	i.State, i.MergedInto, i.Active, i.Closed = correlate.Merged, 9, 0, on(at(9, 0))
	return i
}

func withdrawn() *correlate.Incident {
	i := resolved()
	i.State, i.Outcome, i.Withdrawn = correlate.SelfHealed, "self-healed", on(at(5, 10))
	i.Generations[0].Withdrawn = at(5, 10)
	return i
}

func silenced() *correlate.Incident {
	i := worse()
	i.Silenced = &correlate.Silenced{Until: at(120, 0), All: true, Symptoms: 33, By: []correlate.SilencedBy{{
		ID: "s-12", By: "anna at Slack", Comment: "rack 4 gets a new switch", Until: at(120, 0),
	}}}
	return i
}

func muted() *correlate.Incident {
	i := held()
	until := at(120, 0)
	i.Silenced = &correlate.Silenced{How: "suppressed", Until: until, All: true, Symptoms: 7, Muted: []correlate.MutedBy{{
		Kind: correlate.Suppressed, Why: "rule rebuild of rules/lab.yml: a disk is replaced", Until: &until,
	}}}
	return i
}

func enriched() *correlate.Incident {
	i := lone()
	i.Enrichment = &correlate.Enrichment{
		Owner: "team-shop <!channel>", Runbook: "https://wiki.example.com/runbooks/search",
		Links: []correlate.EnrichmentLink{{Name: "dashboard", URL: "https://grafana.example.com/d/pods?var-pod=a%26b"}}, Notes: []string{"search may be restarted at any time"},
	}
	return i
}

func chronicIncident() *correlate.Incident {
	i := resolved()
	i.State, i.Outcome, i.Escalated, i.Paged, i.Severity = correlate.SelfHealed, "self-healed", nil, false, correlate.SeverityWarning
	i.Generations[0].Paged = time.Time{}
	i.CloseReason = "healed by itself after 16m: all 7 symptoms cleared and stayed clear for 1m; what healed it: node/n3: Node n3 status is now: NodeReady"
	i.Timeline = i.Timeline[:5]
	i.Chronic = []correlate.Chronic{{Kind: correlate.Flapping, Since: at(17, 0), Reason: flaps}}
	return i
}

// back is a second generation.
func back() *correlate.Incident {
	i := outage()
	i.Generation, i.Escalated = 2, on(at(50, 0))
	i.Generations = append(i.Generations[:0], honesty.Generation{Number: 1, Opened: at(0, 0), Paged: at(5, 0), Closed: at(20, 0), End: honesty.Cleared},
		honesty.Generation{Number: 2, Opened: at(50, 0), Paged: at(50, 0)})
	i.HoldReason = "not held: anna at Slack had taken it on, and it is back 30m after it had ended"
	i.Timeline = append(i.Timeline,
		correlate.TimelineEntry{At: at(20, 0), Decision: correlate.Resolve, Reason: recovered},
		correlate.TimelineEntry{At: at(50, 0), Decision: correlate.Reopen, Reason: "NodeNotReady on node/n3 is back 30m after the incident had ended"},
		correlate.TimelineEntry{At: at(50, 0), Decision: correlate.Escalate, Reason: i.HoldReason + "; 6 of 7 symptoms active after 0s"})
	return i
}

// storm is more than a message has room for: the copies that deliveries carry end at 50 members and symptoms.
func storm() *correlate.Incident {
	i := outage()
	for n := range 60 {
		team := []string{"shop", "search", "payments"}[n%3]
		e := topology.Entity(fmt.Sprintf("%s/%s/api-%02d", []string{"pod", "service", "pod", "deployment"}[n%4], team, n))
		i.Members = append(i.Members, e)
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{
			Entity: e, Name: fmt.Sprintf("%sFailing%d", team, n%11), Severity: correlate.SeverityWarning, State: "active", Since: at(1, n),
			Path: []correlate.PathStep{{Entity: e}, {Entity: "node/n3", Type: "runs_on"}},
		})
		i.Timeline = append(i.Timeline, correlate.TimelineEntry{At: at(1, n), Decision: correlate.Reroot, Reason: "is explained by " + string(e)})
	}
	i.Members, i.Symptoms = i.Members[:correlate.MaxShown], i.Symptoms[:correlate.MaxShown]
	i.MemberCount, i.Alerts, i.Active = 293, 1204, 1198
	i.MemberKinds = map[string]int{"pod": 201, "service": 58, "deployment": 31, "node": 1, "poddisruptionbudget": 2}
	i.HoldReason = "not held: more than 100 entities are ill, and hold.blast_radius is 100"
	i.Timeline = append(i.Timeline, correlate.TimelineEntry{At: at(2, 0), Decision: correlate.Escalate, Reason: i.HoldReason + "; 1198 of 1204 symptoms active after 2m"})
	return i
}

func silentRoot() *correlate.Incident {
	i := outage()
	i.Title, i.Severity = "ImagePullBackOff below deployment/shop/search, which is silent itself", correlate.SeverityWarning
	i.Roots = []correlate.Root{{
		Entity: "deployment/shop/search", Score: 1.31, Silent: true, Explains: 3,
		Why: "explains 3 of 3 ill entities (87 % of the evidence), silent itself; deployment/shop/search changed 3.2s before: rollout of registry.example/search:v2.14.0-rc, revision 41",
	}}
	i.Symptoms, i.Members, i.Timeline = nil, nil, nil
	for n := range 3 {
		e := topology.Entity(fmt.Sprintf("pod/shop/search-t9tcf-%d", n))
		i.Members = append(i.Members, e)
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{
			Entity: e, Name: "Failed", Severity: correlate.SeverityWarning, State: "active", Since: at(0, n),
			Path:        []correlate.PathStep{{Entity: e}, {Entity: "replicaset/shop/search-t9tcf", Type: "owns"}, {Entity: "deployment/shop/search", Type: "owns"}},
			Annotations: correlate.LabelsOf("evidence", `Failed to pull image "registry.example/search:v2.14.0-rc": not found`),
		})
	}
	i.MemberCount, i.Alerts, i.Active, i.HoldReason = 3, 3, 3, "not held: 3 of 3 replicas of deployment/shop/search are ill, and hold.blast_radius is 3"
	return i
}

// lone is one alert without any topology.
func lone() *correlate.Incident {
	i := outage()
	i.Title, i.Severity = "BackupTooOld on cronjob/ops/backup", correlate.SeverityError
	i.Roots = []correlate.Root{{Entity: "cronjob/ops/backup", Score: 1, Why: "shows BackupTooOld itself, and nothing that it depends on is ill"}}
	i.Symptoms = []correlate.SymptomView{{
		Entity: "cronjob/ops/backup", Name: "BackupTooOld", Severity: correlate.SeverityError, State: "active", Since: at(0, 0),
		Annotations: correlate.LabelsOf("description", "The last good backup of orders is 26 hours old."),
	}}
	i.Members, i.MemberCount, i.Alerts, i.Active = []topology.Entity{"cronjob/ops/backup"}, 1, 1, 1
	i.HoldReason = "held 5m to heal by itself (default hold); pages at 03:05:00"
	i.Timeline = []correlate.TimelineEntry{
		{At: at(0, 0), Decision: correlate.Open, Reason: "BackupTooOld began on cronjob/ops/backup and nothing known explains it"},
		{At: at(0, 0), Decision: correlate.Hold, Reason: i.HoldReason},
		{At: at(5, 0), Decision: correlate.Escalate, Reason: "did not recover within its hold: 1 of 1 symptoms still active after 5m"},
	}
	return i
}

// hostileIncident says in all its places what markup could be made of.
func hostileIncident() *correlate.Incident {
	i := lone()
	i.Title, i.HoldReason, i.AckedBy = "> "+hostile, hostile, hostile
	i.Roots[0] = correlate.Root{Entity: topology.Entity("pod/`shop`/*x*_y_" + hostile), Score: 1, Why: hostile}
	i.Members = []topology.Entity{"service/__init__/<!here>", "pod/`shop`/x"}
	i.MemberCount = 3
	s := &i.Symptoms[0]
	s.Entity, s.Name = i.Roots[0].Entity, hostile
	s.Annotations = correlate.LabelsOf("summary", hostile, "runbook_url", "https://evil.example/<!channel>|x>")
	i.Timeline = append(i.Timeline, correlate.TimelineEntry{At: at(5, 0), Decision: correlate.Escalate, Reason: hostile})
	return i
}
