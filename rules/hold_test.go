package rules

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/trend"
	"quell/rules/packs"
)

func TestTheFirstHoldThatMatchesWinsAndSaysWhy(t *testing.T) {
	s, err := compile(&correlate.Policy{
		Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
holds:
- {name: jobs, matchers: ['alertname="KubeJobFailed"', 'namespace="batch"'], hold: 1h, why: the batch is done again by hand}
- {name: learned, matchers: ['alertname="Learned"'], hold: 20m, threshold: 0.8, max: 1h}
- {name: quiet, matchers: ['namespace=~"dev-.*"'], hold: 2h}
`}},
		Packs: packs.Names(),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := correlate.HoldRule{Hold: 20 * time.Minute, Threshold: 0.8, Max: time.Hour, Why: `a.yml:4 "learned"`}
	want.Rule = &correlate.RuleID{Section: "holds", Name: "learned", File: "a.yml", Line: 4}
	if rule, ok := s.Hold(correlate.LabelsOf("alertname", "Learned"), correlate.SeverityWarning); !ok || !cmp.Equal(rule, want) {
		t.Errorf("got %+v %v, want %+v", rule, ok, want)
	}
	for _, c := range []struct {
		labels correlate.Labels
		hold   time.Duration
		why    string
		ok     bool
	}{
		{correlate.LabelsOf("alertname", "KubeJobFailed", "namespace", "batch"), time.Hour, `a.yml:3 "jobs": the batch is done again by hand`, true},
		{correlate.LabelsOf("alertname", "KubeJobFailed", "namespace", "dev-1"), 2 * time.Hour, `a.yml:5 "quiet"`, true},
		{correlate.LabelsOf("alertname", "KubeJobFailed", "namespace", "shop"), 0, `pack kube-prometheus:N "failed-job": a job that failed is not tried again`, true},
		{correlate.LabelsOf("alertname", "Other", "namespace", "shop"), 0, "", false},
	} {
		rule, ok := s.Hold(c.labels, correlate.SeverityWarning)
		why := regexp.MustCompile(`^(pack [a-z-]+):[1-9]\d*`).ReplaceAllString(rule.Why, "$1:N")
		if rule.Hold != c.hold || why != c.why || ok != c.ok {
			t.Errorf("%v: got %v %v, want %v %q %v", c.labels, rule, ok, c.hold, c.why, c.ok)
		}
	}
}

// TestChronicRulesSayHowMuchHealingIsTooMuch reads every key, and leaves what is not said to the engine.
func TestChronicRulesSayHowMuchHealingIsTooMuch(t *testing.T) {
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
chronic:
- name: batch
  matchers: ['namespace="batch"']
  budget: 2h
  window: 2d
  recoveries: 50
  flap_high: 6
  flap_low: 2
  flap_half_life: 1h
  action: none
  over_budget: notice
  why: jobs are tried again
- {name: rest, matchers: ['severity="warning"'], action: page}
`}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels correlate.Labels
		want   correlate.ChronicRule
		ok     bool
	}{
		{correlate.LabelsOf("alertname", "A", "namespace", "batch", "severity", "warning"), correlate.ChronicRule{
			Budget: 2 * time.Hour, Window: 48 * time.Hour, Recoveries: 50, Flaps: trend.Marks{High: 6, Low: 2, HalfLife: time.Hour},
			Action: correlate.ChronicNone, OverBudget: correlate.ChronicNotice, Why: `a.yml:3 "batch": jobs are tried again`,
		}, true},
		{correlate.LabelsOf("severity", "warning"), correlate.ChronicRule{Action: correlate.ChronicPage, Why: `a.yml:14 "rest"`}, true},
		{correlate.LabelsOf("alertname", "A"), correlate.ChronicRule{}, false},
	} {
		got, ok := s.Chronic(c.labels)
		if named := got.Rule != nil && strings.HasPrefix(got.Why, got.Rule.String()); named != c.ok {
			t.Errorf("%v: rule %v and reason %q do not go together", c.labels, got.Rule, got.Why)
		}
		if got.Rule = nil; got != c.want || ok != c.ok {
			t.Errorf("%v: got %+v %v, want %+v %v", c.labels, got, ok, c.want, c.ok)
		}
	}
}

// TestChronicRulesThatCannotHoldAreProblems gives marks and budgets that contradict each other.
func TestChronicRulesThatCannotHoldAreProblems(t *testing.T) {
	for keys, want := range map[string]string{
		"flap_high: 3, flap_low: 3":  "flap_low is not below flap_high",
		"flap_low: 4":                "flap_low is not below the default of flap_high",
		"budget: 2h, window: 1h":     "budget is longer than its window",
		"budget: 2d":                 "budget is longer than its window",
		"action: shout":              "shout",
		"flap_high: 40, flap_low: 4": "flap_high is never reached",
		"recoveries: 1":              "is not between 2 and 10000",
	} {
		_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: "chronic: [{name: a, matchers: ['b=\"c\"'], " + keys + "}]"}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", keys, err, want)
		}
	}
}
