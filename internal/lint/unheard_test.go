package lint

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/rules/packs"
)

// TestTypesOfDependenciesThatNothingKnowsAreReported where they stand, with what may have been meant; those of rules are known.
func TestTypesOfDependenciesThatNothingKnowsAreReported(t *testing.T) {
	got := said(plain, `dependencies:
- {from: a/b, to: a/c, type: run_on}
- {from: a/b, to: a/d, type: duplicates_of}
- {from: a/b, to: a/e, type: replicates}
- {from: a/b, to: a/f, type: calls}
- {from: a/b, to: a/g}
entities:
- {name: a, matchers: ['x="y"'], entity: {kind: pod, name_label: p}, depends_on: [{kind: node, name_label: n, type: runs-on}, {kind: x, name_label: n, type: replicats}]}
edge_types:
- {name: replicates, weight: 0.9}
- {name: call, weight: 0.5}
- {name: gossips_with, weight: 0.5}
`, nil)
	want := `rules.yml:2:30: warning: nothing says what dependencies of the type "run_on" do, so it counts as depends_on (did you mean runs_on?)
rules.yml:3:30: warning: nothing says what dependencies of the type "duplicates_of" do, so it counts as depends_on (say what it does under edge_types)
rules.yml:8:117: warning: nothing says what dependencies of the type "runs-on" do, so it counts as depends_on (did you mean runs_on?)
rules.yml:8:158: warning: nothing says what dependencies of the type "replicats" do, so it counts as depends_on (did you mean replicates?)
rules.yml:11:3: warning: no dependency is known to have the type "call" (did you mean calls?)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// TestChangesThatNothingTellsOfAreReported: what rules call a change is known, and where any reason may come only slips are told.
func TestChangesThatNothingTellsOfAreReported(t *testing.T) {
	const expect = `expect:
- {name: a, matchers: [], after: {reason: [Rollout, Rolout, ScalingReplicaSet, Deployed, Restocked]}}
- {name: b, matchers: [], after: {kind: [deployment]}}
`
	pack, _ := packs.Text("kubernetes")
	misspelt := "rules.yml:2:53: warning: no change is known to have the reason \"Rolout\" (did you mean Rollout?)\n"
	other := func(reason, col string) string {
		return "rules.yml:2:" + col + ": warning: no change is known to have the reason \"" + reason + "\" (if events have it, say under events that it is a change)\n"
	}
	for name, c := range map[string]struct{ config, rules, want string }{
		"nothing else":               {plain, expect, misspelt + other("Deployed", "80") + other("Restocked", "90")},
		"a rule of the user's":       {plain, expect + "events:\n- {reason: [Restocked], meaning: change}\n- {reason: [Deployed], meaning: symptom}\n", misspelt + other("Deployed", "80")},
		"a rule for any reason":      {plain, expect + "events:\n- {component: [stock], meaning: change}\n", misspelt},
		"webhooks, whatever they do": {plain + "webhooks: [{name: ci, preset: github}]\n", expect, misspelt},
	} {
		var got string
		for _, f := range Check(Input{Config: File{"quell.yml", c.config}, Rules: []File{{"rules.yml", c.rules}}, Packs: []File{{"pack kubernetes", pack}}}) {
			got += f.String() + "\n"
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestReasonsOfChangesAreThoseThatAreTold reads them out of the code that tells them, which this package must not import.
func TestReasonsOfChangesAreThoseThatAreTold(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile("../../ingest/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	changes := read("kubechange.go")
	code := slices.Concat(changes, read("kubesign.go"))
	for _, reason := range changeReasons {
		if !bytes.Contains(code, []byte(`"`+reason+`"`)) {
			t.Errorf("%s is told by nobody", reason)
		}
	}
	told := regexp.MustCompile(`(?:\.change\([^\n]*Reason: |reason :?= )"([A-Z]\w+)"`).FindAllSubmatch(changes, -1)
	if len(told) < 5 {
		t.Fatalf("found %d reasons", len(told))
	}
	for _, m := range told {
		if !slices.Contains(changeReasons, string(m[1])) {
			t.Errorf("%s is missing", m[1])
		}
	}
}

// TestAnInhibitionWithConditionsIsNotSaidToInhibitNothing: what its matchers do not tell apart, conditions may.
func TestAnInhibitionWithConditionsIsNotSaidToInhibitNothing(t *testing.T) {
	if got := said(plain, "inhibit:\n- {name: a, source_matchers: [x=y], source_when: 'labels.z == \"1\"', target_matchers: [x=y]}\n", nil); got != "" {
		t.Error(got)
	}
}

// TestReasonsThatAreHealedAndMisspeltAreReported, if they are a letter away from one that is known: others may be of warnings without a rule.
func TestReasonsThatAreHealedAndMisspeltAreReported(t *testing.T) {
	got := said(plain, `events:
- {name: a, reason: [BackupFailed, JobReady], meaning: symptom}
- {name: b, reason: [BackupDone], meaning: heal, heals: [BackupFaild, BackupFailed, PodReady, CopyFailed, BackupFialed]}
- {name: c, reason: [Over], meaning: heal, heals: ['*']}
`, nil)
	want := `rules.yml:3:58: warning: no rule makes a symptom of the reason "BackupFaild", so that nothing ends here (did you mean BackupFailed?)
rules.yml:3:107: warning: no rule makes a symptom of the reason "BackupFialed", so that nothing ends here (did you mean BackupFailed?)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}
