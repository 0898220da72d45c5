package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"quell/correlate"
	"quell/rules/packs"
)

// The examples of docs/muting.md are one rule file, and say what the document says of them.
func TestDocumentOfMutingIsTrue(t *testing.T) {
	doc, err := os.ReadFile("../docs/muting.md")
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, block := range regexp.MustCompile("(?s)```yaml rules\n(.*?)```").FindAllSubmatch(doc, -1) {
		text += string(block[1])
	}
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "muting.yml", Text: text}}})
	if err != nil {
		t.Fatal(err)
	}
	of := func(pairs ...string) correlate.Muting { return s.Muting(correlate.LabelsOf(pairs...)) }
	for _, c := range []struct {
		what string
		got  []int
		want [4]int // suppress, sources, targets, expect
	}{
		{"overcommit", counts(of("alertname", "KubeCPUOvercommit")), [4]int{1, 0, 0, 0}},
		{"a rebuild elsewhere", counts(of("alertname", "NodeRAIDDegraded", "cluster", "prod")), [4]int{}},
		{"a switch", counts(of("alertname", "SwitchDown", "rack", "r1")), [4]int{0, 1, 0, 0}},
		{"a switch without ports", counts(of("alertname", "SwitchDown", "rack", "r1", "ports_down", "48")), [4]int{0, 2, 0, 0}},
		{"errors of a rack", counts(of("alertname", "HTTPErrorRate", "rack", "r1", "severity", "warning")), [4]int{0, 0, 1, 1}},
		{"critical errors of a rack", counts(of("alertname", "HTTPErrorRate", "rack", "r1", "severity", "critical")), [4]int{0, 0, 0, 1}},
		{"a host", counts(of("alertname", "HostDown", "rack", "r1")), [4]int{0, 0, 1, 0}},
		{"errors", counts(of("alertname", "ShopErrorRateHigh")), [4]int{0, 0, 0, 1}},
	} {
		if [4]int(c.got) != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
	// What the example expects trouble after is a change that there is.
	known, _ := packs.Text("kubernetes")
	for _, r := range of("alertname", "KubePodNotReady").Expect {
		for _, reason := range r.Reasons {
			if !strings.Contains(known, reason) {
				t.Errorf("the pack kubernetes knows no reason %q", reason)
			}
		}
	}
	if got := s.Beats(&correlate.Event{Reason: "SawCompletedJob", Entity: "cronjob/ops/backup@prod"}); len(got) != 1 || got[0] != "backup" {
		t.Errorf("the job is a beat of %v", got)
	}
	x := s.Enrich(correlate.LabelsOf("alertname", "PodDown", "namespace", "shop", "pod", "cart-1"), "pod/shop/cart-1")
	if x.Owner != "team-shop" || x.Runbook != "https://wiki.example.com/runbooks/PodDown" || len(x.Links) != 1 {
		t.Errorf("got %+v", x)
	}
}

func counts(m correlate.Muting) []int {
	return []int{len(m.Suppress), len(m.Sources), len(m.Targets), len(m.Expect)}
}
