package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

func TestLoadReadsHeartbeats(t *testing.T) {
	c, err := Parse("q.yml", []byte(minimal+`heartbeats:
  - {name: watchdog, matchers: ['alertname="Watchdog"'], per: [cluster], interval: 5m, grace: 4m, entity: "cluster/{cluster}"}
  - {name: backup, interval: 1d, severity: warning}
  - {name: "*", per: [], interval: 1m, grace: 0s}
`), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	beat := func(name string, line int) correlate.RuleID {
		return correlate.RuleID{Section: "heartbeat", Name: name, File: "q.yml", Line: line}
	}
	want := []correlate.HeartbeatRule{
		{Name: "watchdog", Matchers: []string{`alertname="Watchdog"`}, Per: []string{"cluster"}, Interval: 5 * time.Minute, Grace: 4 * time.Minute, Severity: correlate.SeverityCritical, Entity: "cluster/{cluster}", Rule: beat("watchdog", 4)},
		{Name: "backup", Interval: day, Grace: time.Hour, Severity: correlate.SeverityWarning, Rule: beat("backup", 5)},
		{Name: "*", Interval: time.Minute, Severity: correlate.SeverityCritical, Rule: beat("*", 6)},
	}
	if diff := cmp.Diff(want, c.Policy().Heartbeats); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadHeartbeatsAreProblems(t *testing.T) {
	for text, want := range map[string]string{
		"{interval: 1m}":                                          `key "name" is missing`,
		"{name: a}":                                               `key "interval" is missing`,
		"{name: a b, interval: 1m}":                               "no name for a heartbeat",
		"{name: quell, interval: 1m}":                             "this quell itself",
		"{name: a, interval: 1s}":                                 "not between 10s",
		"{name: a, interval: 1m}, {name: a, interval: 1m}":        `second heartbeat of name "a"`,
		"{name: '*', interval: 1m}, {name: '*', interval: 1m}":    `second heartbeat of name "*"`,
		"{name: '*', interval: 1m, matchers: ['a=\"b\"']}":        "report by themselves",
		"{name: a, interval: 1m, entity: x}":                      "no kind and name",
		"{name: a, interval: 1m, entity: 'cluster/{cluster}'}":    "not among per",
		"{name: a, interval: 1m, per: [x, x]}":                    "listed twice",
		"{name: a, interval: 1m, severity: info}":                 "none of warning",
		"{name: a, interval: 1m, matchers: ['a']}":                "bad matcher",
		"{name: a, interval: 1m, per: [a,b,c,d,e,f,g,h,i,j,k,l]}": "more than 10 labels",
	} {
		_, err := Parse("q.yml", []byte(minimal+"heartbeats: ["+text+"]\n"), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestLoadReadsTheDeadMansSwitch(t *testing.T) {
	dir := write(t, map[string]string{"url": "https://hc.example.org/ping/secret-token\n", "bad": "secret-token"})
	for text, want := range map[string]DeadMansSwitch{
		"{url_file: url}": {URL: "https://hc.example.org/ping/secret-token", Interval: time.Minute, Method: "GET"},
		"{url: 'http://quell-b:9095/api/v1/heartbeat/quell-a', method: POST, interval: 30s}": {URL: "http://quell-b:9095/api/v1/heartbeat/quell-a", Interval: 30 * time.Second, Method: "POST"},
		"{}": {Interval: time.Minute, Method: "GET"},
	} {
		c, err := Parse("q.yml", []byte(minimal+"dead_mans_switch: "+text+"\n"), dir)
		if err != nil {
			t.Fatal(err)
		}
		if *c.DeadMansSwitch != want {
			t.Errorf("%s: got %+v, want %+v", text, *c.DeadMansSwitch, want)
		}
	}
	for text, want := range map[string]string{
		"{url: http://a, url_file: url}": "both url and url_file",
		"{url_file: bad}":                "no http or https address",
		"{url: ftp://a}":                 "no http or https address",
		"{url_file: none}":               "cannot be read",
		"{interval: 2h}":                 "not between",
		"{method: PUT}":                  "none of GET",
	} {
		_, err := Parse("q.yml", []byte(minimal+"dead_mans_switch: "+text+"\n"), dir)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// The examples of the documentation of healing must load; those of rule files are loaded elsewhere.
func TestHealingExamplesLoad(t *testing.T) {
	doc, err := os.ReadFile("../../docs/healing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 4 {
		t.Fatalf("got %d examples, want 4", len(blocks))
	}
	dir := write(t, map[string]string{"ping.url": "https://hc.example.org/ping/x"})
	for _, block := range blocks {
		text := minimal + block[1]
		if strings.HasPrefix(block[1], "route:") {
			text = block[1] + "receivers:\n" + team("oncall") + team("team") + team("lead")
		}
		if _, err := Parse("example", []byte(text), dir); err != nil {
			t.Errorf("%s\n%v", block[1], err)
		}
	}
}

// team is a receiver that tells somebody.
func team(name string) string {
	return "  - {name: " + name + ", slack_configs: [{token_file: ping.url, channel: \"#ops\"}]}\n"
}
