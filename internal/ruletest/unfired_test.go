package ruletest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAStoryThatResolvesWhatNeverFiredIsNotPlayed: it would be about another alert than it says. What a recording resolves may have fired
// before it began.
func TestAStoryThatResolvesWhatNeverFiredIsNotPlayed(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"slip.txtar": {
			"A slip.\n-- script --\n0s fire X{pod=\"a\"}\n10s resolve X{pod=\"b\"}\n-- want --\n",
			`slip.txtar:4:1: resolve of {alertname="X", pod="b"}, which never fired before (what fires is {alertname="X", pod="a"})`,
		},
		"late.yml": {
			"tests:\n- name: late\n  inputs:\n  - {at: 1m, resolve: Y}\n  - {at: 2m, fire: Y}\n  expect: [{incidents: []}]\n",
			`late.yml:4:1: resolve of {alertname="Y"}, which never fired before (it does later)`,
		},
		"none.yml": {
			"tests:\n- name: none\n  inputs:\n  - {at: 1m, resolve: Z}\n  expect: [{incidents: []}]\n",
			`none.yml:4:1: resolve of {alertname="Z"}, which never fired before (an alert is told by all its labels)`,
		},
		"body.yml": {
			"tests:\n- name: body\n  inputs:\n" +
				"  - {at: 1m, alertmanager: {version: '4', alerts: [{status: firing, labels: {alertname: B}, startsAt: 2026-01-01T00:00:00Z}]}}\n" +
				"  - {at: 2m, resolve: B}\n  expect: [{at: 3m, pages: []}]\n", "",
		},
		"recording.txtar": {
			"A recording.\n-- recording.jsonl --\n" +
				`{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"resolved","labels":{"alertname":"R"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-02T03:00:00Z"}]}}` +
				"\n-- end --\n", "",
		},
		"series.yml": {
			"tests:\n- name: series\n  inputs:\n  - {at: 0s, series: S, values: '_ 0 1x2 0 1 stale'}\n  expect: [{at: 0s, pages: []}]\n", "",
		},
		"gone.yml": {
			"config: nope.yml\ntests:\n- name: gone\n  inputs: [{at: 0s, fire: X}]\n  expect: [{at: 0s, pages: []}]\n",
			`gone.yml:1:9: config "nope.yml" cannot be read: no such file or directory (paths are relative to the file of the test)`,
		},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := runFiles(t, Options{Paths: []string{path}, Now: clock()})
		got := ""
		for _, p := range r.Files[0].Problems {
			got += strings.TrimPrefix(p, dir+string(filepath.Separator))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
