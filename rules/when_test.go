package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// namesOf are those of the inhibit rules of one side.
func namesOf(list []*correlate.InhibitRule) string {
	var names []string
	for _, r := range list {
		names = append(names, r.Rule.Name)
	}
	return strings.Join(names, " ")
}

// TestConditionsNarrowEitherSideOfAnInhibition asks what alerts are sources and targets of, by matchers, conditions, and both.
func TestConditionsNarrowEitherSideOfAnInhibition(t *testing.T) {
	s := compileText(t, `
inhibit:
- {name: both, source_matchers: [alertname=Switch], source_when: 'int(labels.ports_down) >= 8', target_matchers: [alertname=Link], target_when: 'entity.kind == "pod"'}
- {name: conditions, source_when: 'labels.role == "core"', target_when: 'severity == "warning" && labels.alertname in ["Link", "Host"]'}
- {name: matchers, source_matchers: [alertname=Switch], target_matchers: [alertname=Link]}
`)
	for _, c := range []struct {
		labels           []string
		sources, targets string
	}{
		{[]string{"alertname", "Switch", "ports_down", "9"}, "both matchers", ""},
		{[]string{"alertname", "Switch", "ports_down", "7"}, "matchers", ""},
		{[]string{"alertname", "Switch", "ports_down", "many"}, "matchers", ""}, // the condition goes wrong
		{[]string{"alertname", "Switch", "role", "core", "ports_down", "8"}, "both conditions matchers", ""},
		{[]string{"alertname", "Link", "pod", "p", "namespace", "n"}, "", "both matchers"},
		{[]string{"alertname", "Link", "severity", "warning"}, "", "conditions matchers"},
		{[]string{"alertname", "Host", "severity", "critical"}, "", ""},
	} {
		m := s.Muting(correlate.LabelsOf(c.labels...))
		if got, want := namesOf(m.Sources)+" | "+namesOf(m.Targets), c.sources+" | "+c.targets; got != want {
			t.Errorf("%v: got %q, want %q", c.labels, got, want)
		}
	}
}

// TestConditionsNarrowHeartbeats of rule files and of the configuration, by alerts and by events.
func TestConditionsNarrowHeartbeats(t *testing.T) {
	s, err := compile(&correlate.Policy{
		Heartbeats: []correlate.HeartbeatRule{
			{Name: "mine", Interval: time.Hour, When: `labels.alertname == "Watchdog" && labels.env != "dev"`, Rule: correlate.RuleID{File: "q.yml", Line: 3}},
		},
		Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
heartbeats:
- {name: regions, matchers: [alertname=Watchdog], when: 'labels.region.startsWith("eu-")', interval: 5m}
- {name: nightly, events: {reason: [Completed], when: 'entity.name.startsWith("nightly-")'}, interval: 1d}
- {name: any-batch, events: {when: 'component == "batch"'}, interval: 1d}
`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels []string
		want   string
	}{
		{[]string{"alertname", "Watchdog", "region", "eu-1"}, "mine regions"},
		{[]string{"alertname", "Watchdog", "region", "us-1"}, "mine"},
		{[]string{"alertname", "Watchdog", "env", "dev", "region", "eu-1"}, "regions"},
		{[]string{"alertname", "Other", "region", "eu-1"}, ""},
	} {
		if got := strings.Join(s.Heartbeats(correlate.LabelsOf(c.labels...)), " "); got != c.want {
			t.Errorf("%v: got %q, want %q", c.labels, got, c.want)
		}
	}
	for _, c := range []struct {
		event correlate.Event
		want  string
	}{
		{correlate.Event{Reason: "Completed", Entity: "job/ops/nightly-1"}, "nightly"},
		{correlate.Event{Reason: "Completed", Entity: "job/ops/hourly-1"}, ""},
		{correlate.Event{Reason: "Completed", Entity: "job/ops/nightly-1", Component: "batch"}, "nightly any-batch"},
		{correlate.Event{Reason: "Started", Entity: "job/ops/nightly-1"}, ""},
	} {
		if got := strings.Join(s.Beats(&c.event), " "); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.event, got, c.want)
		}
	}
	for _, h := range s.Expected() {
		if !h.HeardOf() {
			t.Errorf("%s is taken to report by itself", h.Name)
		}
	}
}

// TestAConditionOfASideThatGoesWrongIsTold with the rule, and the rule does not apply.
func TestAConditionOfASideThatGoesWrongIsTold(t *testing.T) {
	var told []string
	s, err := Telling(func(f Fault) { told = append(told, f.Rule.String()+": "+f.Problem) })(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `inhibit:
- {name: a, source_matchers: [alertname=Switch], source_when: 'int(labels.ports_down) >= 8', target_matchers: [alertname=Link]}
heartbeats:
- {name: b, matchers: [alertname=Switch], when: 'int(labels.ports_down) == 0', interval: 5m}
`}}})
	if err != nil {
		t.Fatal(err)
	}
	l := correlate.LabelsOf("alertname", "Switch")
	if m := s.Muting(l); len(m.Sources) != 0 || len(s.Heartbeats(l)) != 0 {
		t.Errorf("got %v", m)
	}
	const problem = "type conversion error from 'string' to 'int'"
	if diff := cmp.Diff([]string{`a.yml:2 "a": ` + problem, `a.yml:4 "b": ` + problem}, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestConditionsOfInhibitionsAreFoundByWhatTheyDemand: of ten thousand rules an alert meets its own.
func TestConditionsOfInhibitionsAreFoundByWhatTheyDemand(t *testing.T) {
	var text strings.Builder
	text.WriteString("inhibit:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "- {name: r%d, source_when: 'labels.rack == \"r%d\" && labels.x != \"y\"', target_when: 'labels.of == \"r%d\"'}\n", i, i, i)
	}
	s := compileText(t, text.String())
	for side, tab := range map[string]*table[*correlate.InhibitRule]{"sources": &s.mutes.sources, "targets": &s.mutes.targets} {
		met := slices.Collect(tab.index.Each(correlate.LabelsOf("rack", "r7", "of", "r7")))
		if !slices.Equal(met, []int{7}) {
			t.Errorf("%s: %d rules are asked", side, len(met))
		}
	}
}

// TestMistakesOfSelectionSayWhatToWrite: keys of others, and conditions where there is nothing that they could be asked about.
func TestMistakesOfSelectionSayWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"inhibit:\n- {name: a, source_matchers: [a=b], target_matchers: [c=d], when: 'true'}":                `a.yml:2:67: a condition of which side? (write source_when or target_when)`,
		"inhibit:\n- {name: a, source_matchers: [a=b], source_when: labls.x == '1', target_matchers: [c=d]}": `a.yml:2:50: unknown name "labls" (did you mean labels?)`,
		"inhibit:\n- {name: a, source_when: labels.x == '1'}":                                                `a.yml:2:3: key "target_matchers" is missing (or "target_when", a condition)`,
		"inhibit:\n- {name: a, source_matchers: [], target_matchers: []}":                                    `a.yml:2:3: inhibit rule by which every alert inhibits every other ([] stands for all alerts; give matchers for one side at least)`,
		"inhibit_rules:\n- {source_matchers: [a=b]}":                                                         `a.yml:2:1: inhibit_rules are for quell.yml (in a rule file the section is called inhibit, and its rules have names)`,
		"groups: []":   `a.yml:1:9: this looks like a file of Prometheus' own rules (give it to Prometheus; quell's rules say what the alerts mean that come of it)`,
		"tests: []":    `a.yml:1:8: this looks like a file of tests (quell test FILE plays it; leave it out of rules.files)`,
		"route: {}":    `a.yml:1:1: unknown key "route" (it belongs to a configuration: does a pattern of rules.files match too much?)`,
		"webhooks: []": `a.yml:1:1: unknown key "webhooks" (it belongs to quell.yml, and mappings have files of their own: docs/webhooks.md)`,
		"edges: []":    `a.yml:1:1: unknown key "edges" (write dependencies, and edge_types for what their types do)`,
		"holds:\n- {name: a, when: value > 5, hold: 1m}":                     `a.yml:2:19: the value of an alert is not there: it changes from one evaluation to the next while the alert stays the same (let Prometheus compare it: two rules, with a label each that says how bad it is)`,
		"entities:\n- {name: a, matchers: [], entity: service/shop/cart}":    `a.yml:2:35: want a map, got text (write {kind: pod, name_label: pod, namespace_label: namespace}; the label quell_entity of an alert names one outright)`,
		"enrich:\n- {name: a, matchers: [], owner: b, links: ['https://x']}": `a.yml:2:45: want a map, got text (write {name: logs, url: 'https://logs.example.com'})`,
		"symptons: []":      `a.yml:1:1: unknown key "symptons" (did you mean symptoms?)`,
		"for_all_of_it: []": `a.yml:1:1: unknown key "for_all_of_it"`,
		"holds:\n- {name: a, matchers: [], hold: 1m, for: 5m}":                                                                        `a.yml:2:37: unknown key "for" (did you mean hold?)`,
		"enrich:\n- {name: a, matchers: [], owner: b, team: c, runbook_url: 'https://d'}":                                             "a.yml:2:37: unknown key \"team\" (did you mean owner?)\na.yml:2:46: unknown key \"runbook_url\" (did you mean runbook?)",
		"heartbeats:\n- {name: a, interval: 5m, every: 5m}":                                                                           `a.yml:2:27: unknown key "every" (did you mean interval?)`,
		"inhibit:\n- {name: a, source_matchers: [a=b], target_matchers: [c=d], description: e}":                                       `a.yml:2:61: unknown key "description" (did you mean why?)`,
		"holds:\n- {name: a, matchers: [], hold: 1m}\n- {name: b, matchers: [x=y], hold: 1m}\n- {name: a, matchers: [z=y], hold: 2m}": `a.yml:4:10: second rule of name "a" (the first is in line 2: give each its own, or put both into one)`,
		"dependencies:\n- {from: 'service/shop/*', to: service/shop/db}":                                                              `a.yml:2:3: entity "service/shop/*" is a pattern, and a dependency is of two entities (write one for each; for what labels tell of, depends_on in a rule under entities)`,
		"dependencies:\n- {from: a/b, to: a/c}\n- {from: a/b, to: a/c}":                                                               `a.yml:3:3: the same dependency a second time (the first is in line 2: remove one)`,
		"holds:\n- {name: a, match: {a: b}, matchers: [], hold: 1m}":                                                                  `a.yml:2:20: match and match_re are not read (write matchers: ['name="value"', 'name=~"pattern"'])`,
		"holds:\n- {name: a, match_re: {a: b}, matchers: [], hold: 1m}":                                                               `a.yml:2:23: match and match_re are not read (write matchers: ['name="value"', 'name=~"pattern"'])`,
		"holds:\n- {name: a, matchers: {severity: critical, replicas: 3}, hold: 1m}":                                                  `a.yml:2:23: matchers are a list of texts, not a map (write matchers: ['severity="critical"', 'replicas="3"'])`,
		"holds:\n- {name: a, matchers: [severity: critical], hold: 1m}":                                                               `a.yml:2:24: a matcher is a text, not a map (write matchers: ['severity="critical"'])`,
		"inhibit:\n- {name: a, source_matchers: {a: b}, target_matchers: [c=d]}":                                                      `a.yml:2:30: matchers are a list of texts, not a map (write matchers: ['a="b"'])`,
		"causes:\n- {cause: A, effect: B, 'on': near, weight: 0.5, when: 'true'}":                                                     `a.yml:2:56: a cause is told by two names, whatever the labels are (give the alerts that differ names of their own)`,
		"dependencies:\n- {from: a/b, to: a/c, matchers: [a=b]}":                                                                      `a.yml:2:34: a dependency is there whatever fires (for one that labels tell of, write depends_on in a rule under entities, which has matchers and when)`,
		"edge_types:\n- {name: x, weight: 0.5, when: 'true'}":                                                                         `a.yml:2:32: a type of dependency is the same for all alerts (give those that differ a type of their own)`,
		"events:\n- {reason: [A], meaning: ignore, matchers: [a=b]}":                                                                  `a.yml:2:44: events have no labels that matchers could look at (write reason, kind or component, or a condition: when)`,
		"heartbeats:\n- {name: a, interval: 5m, events: {}}":                                                                          `a.yml:2:35: every event is a beat (give a reason, a kind, entities or a condition)`,
		"heartbeats:\n- {name: a, interval: 5m, when: 'true', events: {kind: [pod]}}":                                                 `a.yml:2:3: heartbeat with matchers and events (its beats are either alerts or events; a condition on events stands below events)`,
		"heartbeats:\n- {name: a, interval: 5m, events: {when: 'labels.x == \"1\"'}}":                                                 `a.yml:2:43: "labels" is not known here (there are entity.id, entity.kind, entity.name, entity.namespace, entity.cluster, reason, component)`,
		"heartbeats:\n- {name: a, interval: 5m, when: 'labels.x'}":                                                                    `a.yml:2:34: the expression gives text, want true or false (compare it with something)`,
		"holds:\n- {name: a, when: 'annotations.summary != \"\"', hold: 1m}":                                                          `a.yml:2:20: annotations are not there: they change from one evaluation to the next while the alert stays the same, and decisions must not (put what decides into a label of the Prometheus rule: labels.NAME)`,
		"holds:\n- {name: a, when: 'now() > timestamp(\"2026-01-01T00:00:00Z\")', hold: 1m}":                                          `a.yml:2:20: there is no clock: the same alert would be judged otherwise when it is told again (for the time of day, routes have active_time_intervals, and maintenance has windows)`,
	} {
		_, err := Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: text}}})
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestAHeartbeatInBothPlacesIsAnError that names both; in two rule files the first one counts, as with all rules.
func TestAHeartbeatInBothPlacesIsAnError(t *testing.T) {
	const text = "heartbeats:\n- {name: watchdog, matchers: [alertname=Watchdog], interval: 5m}\n"
	p := &correlate.Policy{
		Heartbeats: []correlate.HeartbeatRule{{Name: "watchdog", Interval: time.Minute, Rule: correlate.RuleID{Section: "heartbeat", Name: "watchdog", File: "quell.yml", Line: 12}}},
		Rules:      []correlate.RuleFile{{Name: "a.yml", Text: text}},
	}
	want := `a.yml:2:1: heartbeat "watchdog" is expected in quell.yml:12 already (remove one of them, or call it something else)`
	if _, err := Compile(p); fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	p.Heartbeats = nil
	p.Rules = append(p.Rules, correlate.RuleFile{Name: "b.yml", Text: strings.ReplaceAll(text, "5m", "1h")})
	s, err := compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Expected(); len(got) != 1 || got[0].Interval != 5*time.Minute {
		t.Errorf("got %+v", got)
	}
}
