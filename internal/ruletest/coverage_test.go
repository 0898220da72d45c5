package ruletest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCoverageKnowsHeartbeats that beat or that are missed, whatever their beats are; of the others it says that no test needed them.
func TestCoverageKnowsHeartbeats(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"beats.yml": `heartbeats:
  - {name: missed, interval: 10m, events: {reason: [Done]}}
  - {name: alerting, interval: 365d, matchers: ['alertname="Watchdog"']}
  - {name: reporting, interval: 365d}
  - {name: silent, interval: 365d}
`,
		"beats_test.yml": `rules: [beats.yml]
packs: []
tests:
  - name: a beat that does not come pages
    inputs:
      - {at: 1m, fire: Watchdog, for: 1m}
      - {at: 2m, beat: reporting}
    expect:
      - {at: 30m, pages: [{root: heartbeat/missed}]}
`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := runFiles(t, Options{Paths: []string{filepath.Join(folder, "beats_test.yml")}, Coverage: true, Now: clock()})
	if _, failed, broken := r.Count(); failed+broken > 0 || len(r.Coverage) != 1 {
		t.Fatalf("got %+v", r)
	}
	want := []string{filepath.Join(folder, "beats.yml") + `:5 "silent" of heartbeats`}
	if diff := cmp.Diff(want, r.Coverage[0].Never); diff != "" {
		t.Errorf("never decided (-want +got):\n%s", diff)
	}
}
