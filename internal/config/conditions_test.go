package config

import (
	"strings"
	"testing"
)

// TestConditionsStandWhereTheyCannotDecideWhoIsTold: heartbeats have them; routes, inhibit_rules and maintenance say what to write instead.
func TestConditionsStandWhereTheyCannotDecideWhoIsTold(t *testing.T) {
	c, err := Parse("q.yml", []byte(minimal+"heartbeats: [{name: watchdog, when: 'labels.alertname == \"Watchdog\"', interval: 5m}]\n"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if h := c.Policy().Heartbeats; len(h) != 1 || h[0].When != `labels.alertname == "Watchdog"` || !h[0].HeardOf() {
		t.Errorf("got %+v", h)
	}
	const route = "receivers: [{name: a, pagerduty_configs: [{routing_key_file: pd.key}]}]\nroute: {receiver: a, routes: [{when: 'true'}]}\n"
	for text, want := range map[string]string{
		minimal + "heartbeats: [{name: a, when: labels.a, interval: 5m}]\n":                                           "the expression gives text, want true or false",
		minimal + "heartbeats: [{name: a, when: annotations.x == '', interval: 5m}]\n":                                "annotations are not there",
		minimal + "heartbeats: [{name: '*', when: 'true', interval: 5m}]\n":                                           "and has matchers or a condition",
		minimal + "inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], source_when: 'true'}]\n":          "inhibit_rules are Alertmanager's, which has no conditions (write the rule in a rule file, under inhibit, with source_when or target_when)",
		minimal + "inhibit_rules: [{source_matchers: {a: b}, target_matchers: [c=d]}]\n":                              `matchers are a list of texts, not a map (write matchers: ['a="b"'])`,
		minimal + "maintenance: [{name: a, matchers: [a=b], when: 'true', time_intervals: [{weekdays: [sunday]}]}]\n": "a window is a silence, which has matchers and entities alone",
		route: "who is told is not up to a condition, which may go wrong on a value (write matchers, or two routes for one thing or another; rules take conditions)",
	} {
		if _, err := Parse("q.yml", []byte(text), t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestAHeartbeatInTheConfigurationAndInARuleFileIsAnError that names both places.
func TestAHeartbeatInTheConfigurationAndInARuleFileIsAnError(t *testing.T) {
	dir := write(t, map[string]string{"r.yml": "heartbeats:\n- {name: backup, interval: 1d}\n"})
	_, err := Parse("q.yml", []byte(minimal+"heartbeats: [{name: backup, interval: 1h}]\nrules: {files: [r.yml]}\n"), dir)
	if err == nil || !strings.Contains(err.Error(), `r.yml:2:1: heartbeat "backup" is expected in q.yml:3 already (remove one of them, or call it something else)`) {
		t.Errorf("got %v", err)
	}
}
