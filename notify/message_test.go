package notify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

func TestLineIsOneHarmlessLine(t *testing.T) {
	for _, c := range [][2]string{
		{"plain", "plain"},
		{"a\nb\tc\u2028d", "a b c d"},
		{"\x1b[31mred\x00", " [31mred "},
		{"bad \xff utf", "bad \ufffd utf"},
		{"\u202egnp.exe\u2066x\ufeff", "gnp.exex"},
		{"äöü…😀", "äöü…😀"},
		{"0123456789ab", "0123456789ab"},
		{"0123456789abc", "0123456789a…"},
		{"日本語日本語日本語日本語", "日本語日本語日本語日本語"},
		{"日本語日本語日本語日本語日", "日本語日本語日本語日本…"},
		{strings.Repeat("\u202e", 1<<20), ""},
		{strings.Repeat("{{ . }} ", 1000), "{{ . }} {{ …"},
	} {
		in, want := c[0], c[1]
		if got := Line(in, 12); got != want {
			t.Errorf("Line(%.40q, 12) = %q, want %q", in, got, want)
		}
	}
}

// Links come from labels that anybody may write: only plain http and https pass, and they cannot pretend.
func TestLinksAreCheckedAndBounded(t *testing.T) {
	i := &correlate.Incident{ID: 7}
	for _, address := range []string{
		"javascript:alert(1)", "ftp://h/x", "//h/x", "http://", "https://good.example@evil.example/", "http://h/\x00", ":", `http://h"0`, strings.Repeat("http://h/", 1000),
		"https://h.example/a b|c>d?q=<e>&f=é", "https://h.example/a b|c>d?q=<e>&f=é",
	} {
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{Annotations: correlate.LabelsOf("runbook_url", address)})
	}
	want := []Link{
		{"https://quell.example/api/v1/incidents/inc-7", "inc-7"},
		{"https://h.example/a%20b%7Cc%3Ed?q=%3Ce%3E&f=%C3%A9", "runbook at h.example"},
	}
	if diff := cmp.Diff(want, Links(i, "https://quell.example/")); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	for n := range 30 {
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{Generator: fmt.Sprint("http://h/", n)})
	}
	if n := len(Links(i, "")); n != MaxLinks {
		t.Errorf("%d links, want %d", n, MaxLinks)
	}
}

// Five queries of one Prometheus are told apart by what they are of. A name is cut, so that it does not push the host out of sight.
func TestLinksSayWhatTheyAreOf(t *testing.T) {
	i := &correlate.Incident{ID: 7, Symptoms: []correlate.SymptomView{
		{Name: "InstanceDown", Generator: "http://p.example/1", Annotations: correlate.LabelsOf("runbook_url", "http://r.example/1")},
		{Name: "QueueFull", Generator: "http://p.example/2"},
		{Name: strings.Repeat("long", 100), Generator: "http://p.example/3"},
	}}
	want := []Link{
		{"http://r.example/1", "runbook of InstanceDown at r.example"},
		{"http://p.example/1", "query of InstanceDown at p.example"},
		{"http://p.example/2", "query of QueueFull at p.example"},
		{"http://p.example/3", "query of " + strings.Repeat("long", 9) + "lon… at p.example"},
	}
	if diff := cmp.Diff(want, Links(i, "")); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestValidateReportsEveryProblemAndNoPassword(t *testing.T) {
	c := Config{
		ExternalURL: "quell", Workers: -1,
		Receivers: []Receiver{{}, {Name: "a", PagerDuty: []PagerDutyConfig{{}}}, {Name: "a", Slack: []SlackConfig{{APIURL: "ftp://u:pa55@h/"}}}},
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("valid, want problems")
	}
	for _, field := range []string{"external_url", "workers", "receivers[0]: name", "receivers[1].pagerduty_configs[0]", "receivers[2]: second", "receivers[2].slack_configs[0]: token", "receivers[2].slack_configs[0].api_url"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q is not among the problems:\n%v", field, err)
		}
	}
	if strings.Contains(err.Error(), "pa55") {
		t.Errorf("a password is shown:\n%v", err)
	}
}
