package correlate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/rules"
)

const commented = `symptoms:
- {name: slow, matchers: ['alertname="Slow"'], severity: critical, shows: effect, delay: 1m}
entities:
- {name: shop, matchers: ['alertname=~"Slow|Full|Flaps|Known|Switch|Host|Errors"'], entity: {kind: service, name_label: svc}}
holds:
- {name: slow, matchers: ['alertname="Slow"'], hold: 10m, why: it comes and goes}
- {name: full, matchers: ['alertname="Full"'], hold: 0s, why: nobody empties it}
critical:
- {name: till, entities: [service/till]}
chronic:
- {name: flaps, matchers: ['alertname="Flaps"'], recoveries: 2, action: page}
causes:
- {cause: Full, effect: Slow, "on": near, weight: 0.5}
dependencies:
- {from: service/web, to: service/db, type: calls}
edge_types:
- {name: calls, weight: 0.7}
events:
- {name: rollouts, reason: [Rollout], meaning: change}
suppress:
- {name: known, matchers: ['alertname="Known"'], for: 20m, to: notice, why: it is known}
inhibit:
- {name: switch, source_matchers: ['alertname="Switch"'], target_matchers: ['alertname="Host"'], why: the switch says it}
expect:
- {name: rollout, matchers: ['alertname="Errors"'], after: {reason: [Rollout]}, for: 10m, why: pods are replaced}
`

// movedBy is a policy whose rules, windows and heartbeats stand some lines further below.
func movedBy(lines int) *correlate.Policy {
	return &correlate.Policy{
		Hold:  5 * time.Minute,
		Rules: []correlate.RuleFile{{Name: "rules/shop.yml", Text: strings.Repeat("# Why all this.\n", lines) + commented}},
		Heartbeats: []correlate.HeartbeatRule{{
			Name: "backup", Interval: time.Minute, Grace: time.Minute, Severity: correlate.SeverityCritical,
			Rule: correlate.RuleID{Section: "heartbeat", Name: "backup", File: "quell.yml", Line: 3 + lines},
		}},
		Silences: correlate.Silencing{Windows: []silence.Window{{
			Name: "night", Matchers: labels.Matchers{{Type: labels.MatchEqual, Name: "team", Value: "ops"}}, Pos: fmt.Sprintf("quell.yml:%d:3", 9+lines),
			Intervals: []silence.Interval{{Times: []silence.TimeRange{{Start: "00:00", End: "06:00"}}}},
		}}},
	}
}

// commentStory tells, minute by minute, of trouble in every state: held by a rule and by default, not held by two rules, silenced by a window,
// explained over a dependency that rules tell, and chronic; suppressed, inhibited until its source ends, and expected after a change.
func commentStory(minute int) []correlate.Input {
	alert := func(name string, over bool, more ...string) correlate.Input {
		l := correlate.LabelsOf(append([]string{"alertname", name, "severity", "warning"}, more...)...)
		a := &correlate.Alert{Fingerprint: l.Fingerprint(), Labels: l, Source: "prometheus", StartsAt: storyBegin.Add(time.Duration(minute) * time.Minute)}
		if over {
			a.EndsAt = a.StartsAt
		}
		return a
	}
	switch minute {
	case 1:
		return []correlate.Input{alert("Slow", false, "svc", "web"), alert("Odd", false, "quell_entity", "node/n1"), alert("Slow", false, "svc", "quiet", "team", "ops")}
	case 2:
		return []correlate.Input{alert("Full", false, "svc", "disk"), alert("Slow", false, "svc", "till"), alert("Flaps", false, "svc", "flag")}
	case 3, 5:
		return []correlate.Input{alert("Flaps", true, "svc", "flag")}
	case 4, 6:
		return []correlate.Input{alert("Flaps", false, "svc", "flag")}
	case 9:
		return []correlate.Input{alert("Full", false, "svc", "db")}
	case 10:
		rollout := &correlate.Event{Entity: "service/new", Reason: "Rollout", Message: "v2", Count: 1, Source: "kubernetes/k", At: storyBegin.Add(10 * time.Minute)}
		return []correlate.Input{alert("Known", false, "svc", "known"), alert("Switch", false, "svc", "switch"), rollout}
	case 11:
		return []correlate.Input{alert("Host", false, "svc", "host"), alert("Errors", false, "svc", "new")}
	case 33:
		return []correlate.Input{alert("Switch", true, "svc", "switch")}
	case 40:
		return []correlate.Input{alert("Slow", true, "svc", "web"), alert("Full", true, "svc", "db")}
	}
	return nil
}

var storyBegin = time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)

// TestACommentAboveARuleChangesNoIncident reloads rules of which nothing is different but where they stand, at every minute of a story: no
// incident, deadline or row changes, and what follows is decided alike.
func TestACommentAboveARuleChangesNoIncident(t *testing.T) {
	const last = 90
	want := ""
	for reload := -1; reload < last; reload++ {
		e, err := correlate.New(rules.Compile, *movedBy(0))
		if err != nil {
			t.Fatal(err)
		}
		var told strings.Builder
		for minute := range last {
			at := storyBegin.Add(time.Duration(minute) * time.Minute)
			decisions(&told, e.Step(at, commentStory(minute)))
			if minute != reload {
				continue
			}
			before := rowsBut(e, "b")
			if effects := e.Step(at, []correlate.Input{movedBy(7)}); len(effects) > 0 {
				t.Fatalf("a comment in minute %d makes %d decisions, first %s: %s", minute, len(effects), effects[0].Decision, effects[0].Reason)
			}
			if diff := cmp.Diff(before, rowsBut(e, "b")); diff != "" {
				t.Fatalf("a comment in minute %d changes rows (-before +after):\n%s", minute, diff)
			}
		}
		if want == "" {
			want = told.String()
			for _, part := range []string{"holds/slow", "holds/full", "critical/till", "chronic/flaps", "maintenance/night", "suppress/known", "inhibit/switch", "expect/rollout", "escalate"} {
				if !strings.Contains(want, part) {
					t.Errorf("the story has no %s:\n%s", part, want)
				}
			}
		} else if diff := cmp.Diff(want, told.String()); diff != "" {
			t.Fatalf("a comment in minute %d changes what is decided (-without +with):\n%s", reload, diff)
		}
	}
}

// TestPagesThatWaitedNameTheRuleTheyWaitedFor with its line: who is woken has to know why only now.
func TestPagesThatWaitedNameTheRuleTheyWaitedFor(t *testing.T) {
	e, err := correlate.New(rules.Compile, *movedBy(0))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for minute := range 50 {
		for _, f := range e.Step(storyBegin.Add(time.Duration(minute)*time.Minute), commentStory(minute)) {
			if waited, _, found := strings.Cut(f.Reason, ", and is still ill: "); found && f.Decision == correlate.Escalate {
				got = append(got, waited)
			}
		}
	}
	want := []string{
		`it was expected after Rollout, v2 of service/new (rules/shop.yml:25 "rollout") until 2026-03-01 01:20:00`,
		`it was suppressed by rules/shop.yml:21 "known" until 2026-03-01 01:30:00`,
		`it was inhibited by Switch on service/switch (rules/shop.yml:23 "switch") until 2026-03-01 01:33:00`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// decisions writes what was decided by which rules, without the lines of these.
func decisions(b *strings.Builder, effects []correlate.Effect) {
	for k := range effects {
		f := &effects[k]
		key := ""
		if f.Rule != nil {
			key = f.Rule.Key()
		}
		fmt.Fprintln(b, f.At, f.Decision, f.Incident, f.Until, key, f.Roots)
	}
}

// rowsBut are the rows of a state but those of one kind.
func rowsBut(e *correlate.Engine, kind string) map[string]string {
	rows := make(map[string]string)
	e.Rows(func(k, v []byte) {
		if !strings.HasPrefix(string(k), kind) {
			rows[string(k)] = string(v)
		}
	})
	return rows
}

// TestExplanationsNameTheRules of a symptom, and of the step that its trouble took.
func TestExplanationsNameTheRules(t *testing.T) {
	e, err := correlate.New(rules.Compile, *movedBy(0))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for minute := range 12 {
		e.Step(storyBegin.Add(time.Duration(minute)*time.Minute), commentStory(minute))
	}
	for _, inc := range e.Incidents(nil) {
		x, _ := e.Explain(inc.ID, 0)
		for _, s := range x.Symptoms {
			if s.Entity != topology.Entity("service/web") && s.Entity != "heartbeat/backup" {
				continue
			}
			for _, r := range s.Rules {
				got = append(got, fmt.Sprintf("%s: %s %s: %s", s.Entity, r.About, r.Says, r.Rule))
			}
			for _, step := range s.Chain {
				for _, r := range step.Rules {
					got = append(got, fmt.Sprintf("%s from %s: %s %s: %s", s.Entity, step.Entity, r.About, r.Says, r.Rule))
				}
			}
		}
	}
	want := []string{
		`heartbeat/backup: heartbeat expected every 1m: quell.yml:3 heartbeat "backup"`,
		`service/web: entity service/web: rules/shop.yml:4 "shop"`,
		`service/web: severity critical: rules/shop.yml:2 "slow"`,
		`service/web: delay fires after 1m: rules/shop.yml:2 "slow"`,
		`service/web: aspect shows effect: rules/shop.yml:2 "slow"`,
		`service/web: hold held 10m: rules/shop.yml:6 "slow"`,
		`service/web from service/db: dependency service/web depends on service/db: rules/shop.yml:15 dependencies`,
		`service/web from service/db: edge type calls has the weight 0.70: rules/shop.yml:17 "calls"`,
		`service/web from service/db: cause Full causes Slow (weight 0.50): rules/shop.yml:13 causes`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
