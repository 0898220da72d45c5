package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/internal/strictyaml"
	"quell/notify"
)

// What a receiver says of its limits reaches the dispatcher, and the router where it concerns policies.
func TestLoadReadsLimitsOfReceivers(t *testing.T) {
	const text = `
route: {receiver: oncall}
receivers:
  - name: oncall
    rate_per_minute: 30
    burst: 5
    timeout: 3s
    deliver_within: 45s
  - name: team
`
	c, err := Parse("q.yml", []byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := notify.Limits{RatePerMinute: 30, Burst: 5, Timeout: 3 * time.Second, DeliverWithin: 45 * time.Second}
	if diff := cmp.Diff([]notify.Limits{want, {}}, []notify.Limits{c.NotifyConfig().Receivers[0].Limits, c.Receivers[1].Limits}); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]time.Duration{"oncall": 45 * time.Second}, c.Routing().DeliverWithin); diff != "" {
		t.Errorf("routing (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"rate_per_minute: 0", "burst: 0", "burst: 20000", "timeout: 10m", "timeout: 1ms", "deliver_within: 2s", "deliver_within: soon", "rate: 3"} {
		if _, err := Parse("q.yml", []byte("route: {receiver: a}\nreceivers: [{name: a, "+wrong+"}]\n"), t.TempDir()); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// However rules are spread over files, there is a bound for all of them, and it is told where the pattern is.
func TestLoadBoundsRuleFilesTogether(t *testing.T) {
	dir := t.TempDir()
	full := append(bytes.Repeat([]byte("#"), strictyaml.MaxBytes-1), '\n')
	for k := range MaxRuleBytes/strictyaml.MaxBytes + 1 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.rules", k)), full, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Parse("q.yml", []byte("rules: {files: ['*.rules'], packs: []}\nroute: {receiver: a}\nreceivers: [{name: a}]\n"), dir)
	if err == nil || !strings.Contains(err.Error(), "q.yml:1:17: rule files of more than 8 MiB together") {
		t.Errorf("got %v", err)
	}
}
