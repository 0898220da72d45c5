package ruletest

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"quell/internal/story"
)

// passes runs tests, and fails with what they report.
func passes(t *testing.T, r *Report) {
	t.Helper()
	if passed, failed, broken := r.Count(); passed == 0 || failed+broken > 0 {
		var b bytes.Buffer
		if err := r.Text(&b, false); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s", &b)
	}
}

// The examples pass, and each of their rules is tested.
func TestExamplesPass(t *testing.T) {
	r := runFiles(t, Options{Paths: []string{"../../examples"}, Coverage: true})
	passes(t, r)
	if covered := r.Covered(); covered != 100 {
		t.Errorf("%d %% of their rules decided something: %+v", covered, r.Coverage)
	}
}

// Packs have stories in the form that users write: what their alerts come to together.
func TestStoriesOfPacksPass(t *testing.T) {
	passes(t, runFiles(t, Options{Paths: []string{"../../rules/packs/testdata/story"}}))
}

// example is a test in a document.
var example = regexp.MustCompile("(?s)```(yaml test|txtar)\n(.*?)```\n")

// Tests in the document pass, as if they were files beside it.
func TestExamplesOfTheDocumentPass(t *testing.T) {
	text, err := os.ReadFile("../../docs/testing-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	found := example.FindAllSubmatch(text, -1)
	if len(found) < 3 {
		t.Fatalf("it has %d examples", len(found))
	}
	w := newWorker(Options{})
	for i, f := range found {
		name := "../../docs/example_test.yml"
		if string(f[1]) == "txtar" {
			name = "../../docs/example.txtar"
		}
		r := &Report{Files: []FileReport{w.run(name, f[2])}}
		t.Logf("example %d", i)
		passes(t, r)
	}
}

// The document tells of every key of an expectation, so that nobody has to read the source.
func TestTheDocumentTellsOfEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/testing-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, keys := range shownKeys() {
		for _, key := range keys {
			if !strings.Contains(string(text), "`"+key) {
				t.Errorf("%s: %s is not told", kind, key)
			}
		}
	}
}

func shownKeys() map[string][]string {
	all := make(map[string][]string)
	for _, kind := range []string{story.Incidents, story.Pages, story.NotPaged, story.Digest, story.Decisions} {
		all[kind] = append(story.Keys(kind), kind)
	}
	return all
}

// Escalation policies and hours of a configuration apply, without its secrets.
func TestPoliciesOfTheConfigurationApply(t *testing.T) {
	passes(t, runFiles(t, Options{Paths: []string{"testdata/policy.yml"}}))
}
