package rules

import (
	"slices"
	"strings"
	"testing"

	"quell/correlate"
)

func TestAlertsAreBeatsOfTheHeartbeatsThatMatch(t *testing.T) {
	policy := &correlate.Policy{Heartbeats: []correlate.HeartbeatRule{
		{Name: "watchdog", Matchers: []string{`alertname="Watchdog"`}},
		{Name: "backup"},
		{Name: "eu", Matchers: []string{`alertname=~"Watchdog|DeadMansSwitch"`, `cluster=~"eu-.*"`}},
	}}
	set, err := Compile(policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels []string
		want   string
	}{
		{[]string{"alertname", "Watchdog", "cluster", "eu-1"}, "watchdog eu"},
		{[]string{"alertname", "Watchdog", "cluster", "us-1"}, "watchdog"},
		{[]string{"alertname", "DeadMansSwitch", "cluster", "eu-1"}, "eu"},
		{[]string{"alertname", "Down"}, ""},
	} {
		if got := set.Heartbeats(correlate.LabelsOf(c.labels...)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%v: got %q, want %q", c.labels, got, c.want)
		}
	}
	policy.Heartbeats[0].Matchers[0] = `alertname`
	if _, err := Compile(policy); err == nil || !strings.Contains(err.Error(), "heartbeat watchdog") {
		t.Errorf("a bad matcher: got %v", err)
	}
}
