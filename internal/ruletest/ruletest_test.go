package ruletest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/internal/config"
	"quell/internal/fake/golden"
	"quell/internal/strictyaml"
)

// clock is one that goes on by a second whenever somebody looks at it.
func clock() func() time.Time {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func runFiles(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Reports are compared with golden files in each form: what passes, what fails in each way that there is, and a file that cannot be run.
func TestReportsLookAsPeopleAndBuildServersReadThem(t *testing.T) {
	files := []string{"testdata/passes.yml", "testdata/fails.yml", "testdata/broken.yml", "testdata/story.txtar"}
	r := &Report{}
	for _, f := range files { // one by one, since the clock of tests is for one goroutine
		one := runFiles(t, Options{Paths: []string{f}, Coverage: true, Now: clock()})
		r.Files, r.Seconds = append(r.Files, one.Files...), r.Seconds+one.Seconds
		if f == files[0] {
			r.Coverage = one.Coverage
		}
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"report.txt.golden":   func(b *bytes.Buffer) error { return r.Text(b, false) },
		"report.json.golden":  func(b *bytes.Buffer) error { return r.JSON(b) },
		"report.junit.golden": func(b *bytes.Buffer) error { return r.JUnit(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, b.Bytes())
	}
	if passed, failed, broken := r.Count(); passed != 3 || failed != 4 || broken != 1 {
		t.Errorf("%d passed, %d failed, %d broken", passed, failed, broken)
	}
}

// JUnit's schema, as Jenkins publishes it, wants these attributes, and counts that agree with the cases.
func TestJUnitCountsAgreeWithItsCases(t *testing.T) {
	r := runFiles(t, Options{Paths: []string{"testdata/passes.yml", "testdata/fails.yml", "testdata/broken.yml"}})
	var b bytes.Buffer
	if err := r.JUnit(&b); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	tests, failures, errors := 0, 0, 0
	for _, s := range got.Suites {
		if s.Tests != len(s.Cases) || s.Name == "" {
			t.Errorf("suite %q has %d cases and says %d", s.Name, len(s.Cases), s.Tests)
		}
		for _, c := range s.Cases {
			tests++
			if c.Failure != nil {
				failures++
			}
			if c.Error != nil {
				errors++
			}
			if c.Name == "" || c.ClassName == "" || c.File == "" {
				t.Errorf("case %+v", c)
			}
		}
	}
	if got.Tests != tests || got.Failures != failures || got.Errors != errors || errors != 1 {
		t.Errorf("got %d, %d, %d, counted %d, %d, %d", got.Tests, got.Failures, got.Errors, tests, failures, errors)
	}
}

// Update makes what happened what is expected: all else of the file stays, and then it passes, but for what can only be put right by people.
func TestUpdateRewritesExpectationsInPlace(t *testing.T) {
	for _, name := range []string{"fails.yml", "update.yml", "story.txtar", "update.txtar"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			fresh, results, err := Update("testdata/"+name, data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name+".updated.golden", fresh)
			for _, r := range results {
				for _, f := range r.Failures {
					if name != "fails.yml" {
						t.Errorf("%s still fails: %+v", r.Name, f)
					}
				}
			}
			again, _, err := Update("testdata/"+name, fresh, Options{})
			if err != nil || !bytes.Equal(again, fresh) {
				t.Errorf("updated again it is another file (%v):\n%s", err, cmp.Diff(string(fresh), string(again)))
			}
			for line := range strings.Lines(string(data)) { // comments are kept
				if k := strings.Index(line, "#"); k >= 0 && !strings.Contains(string(fresh), strings.TrimSpace(line[k:])) {
					t.Errorf("%q is gone", line[k:])
				}
			}
		})
	}
}

// Update writes lines that end as those around them do.
func TestUpdateKeepsWindowsLineEnds(t *testing.T) {
	data, err := os.ReadFile("testdata/update.yml")
	if err != nil {
		t.Fatal(err)
	}
	fresh, _, err := Update("testdata/update.yml", data, Options{})
	if err != nil || bytes.Equal(fresh, data) {
		t.Fatalf("nothing to update: %v", err)
	}
	windows := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }
	got, _, err := Update("testdata/update.yml", windows(data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(windows(fresh)), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Run selects tests by their names, and verbose reports tell the stories of those that passed, too.
func TestRunSelectsTests(t *testing.T) {
	r := runFiles(t, Options{Paths: []string{"testdata/passes.yml"}, Run: regexp.MustCompile("blip"), Verbose: true})
	if tests := r.Files[0].Tests; len(tests) != 1 || !strings.Contains(tests[0].Story, "self-healed") || len(tests[0].Timeline) == 0 {
		t.Errorf("got %+v", tests)
	}
}

// What rules mute is told by the rule, in the words that docs/testing-rules.md shows, until it pages.
func TestIncidentsTellWhichRuleMutesThem(t *testing.T) {
	r := runFiles(t, Options{Paths: []string{"testdata/muted.txtar"}})
	if passed, _, _ := r.Count(); passed != 1 {
		var b bytes.Buffer
		if err := r.Text(&b, false); err != nil {
			t.Fatal(err)
		}
		t.Error(b.String())
	}
}

// What is run at the same time, in another order or time zone gives the same report.
func TestReportsDoNotDependOnOrderOrPlace(t *testing.T) {
	paths := []string{"testdata/passes.yml", "testdata/fails.yml", "testdata/story.txtar"}
	text := func() string {
		b, err := json.Marshal(runFiles(t, Options{Paths: paths, Coverage: true, PackCoverage: true}))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := text()
	local := time.Local
	defer func() { time.Local = local }()
	time.Local = time.FixedZone("far", 14*3600)
	if got := text(); got != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
}

// What quell would refuse to serve must not be read by its tests either, however it is spread over files; a file that two patterns mean
// counts once.
func TestRunBoundsRuleFilesTogether(t *testing.T) {
	dir := t.TempDir()
	full := append(bytes.Repeat([]byte("#"), strictyaml.MaxBytes-1), '\n')
	for k := range config.MaxRuleBytes/strictyaml.MaxBytes + 1 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.rules", k)), full, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const story = "tests: [{name: nothing, inputs: [{at: 1s, fire: A}], expect: [{pages: []}]}]\n"
	for rules, want := range map[string]string{
		"['*.rules']": "too many rules: files of more than 8 MiB together (a quell that serves takes no more, either)",
		"['[0-6].rules', '[0-6].rules', 0.rules, ./0.rules]": "",
	} {
		path := filepath.Join(dir, "shop_test.yml")
		if err := os.WriteFile(path, []byte("rules: "+rules+"\n"+story), 0o600); err != nil {
			t.Fatal(err)
		}
		r := runFiles(t, Options{Paths: []string{path}, Now: clock()})
		if got := strings.Join(r.Files[0].Problems, "\n"); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("rules: %s: got %q, want %q", rules, got, want)
		}
	}
}

func TestRunSaysWhatItCannotFind(t *testing.T) {
	for path, want := range map[string]string{
		"testdata/none": "no such file", t.TempDir(): "there are no tests",
	} {
		if _, err := Run(context.Background(), Options{Paths: []string{path}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

// BenchmarkStories is how long a story takes once its rules are compiled; 200 a second is what people may expect of one core.
func BenchmarkStories(b *testing.B) {
	data, err := os.ReadFile("testdata/passes.yml")
	if err != nil {
		b.Fatal(err)
	}
	w := newWorker(Options{})
	w.run("testdata/passes.yml", data)
	b.ReportAllocs()
	stories := 0
	for b.Loop() {
		stories += len(w.run("testdata/passes.yml", data).Tests)
	}
	b.ReportMetric(float64(stories)/b.Elapsed().Seconds(), "stories/s")
}

// FuzzUpdate: whatever is expected, a file that was updated can be read, and nothing is to be updated any more.
func FuzzUpdate(f *testing.F) {
	story, err := os.ReadFile("testdata/story.txtar")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(story), true)
	for _, expect := range []string{
		"[{incidents: []}]", "\n  - incidents:\n    - root: pod/a/b # c\n      state: held\n    # d\n    pages: [{at: 1m, within: 2m}]", "[{at: 1s, incidents: [{root: pod/a/c, members: [pod/a/b]}], decisions: []}]",
		"\n  - pages:\n      - {at: 5m, reason: \"x, y\"}\n      - at: 'never'\n", "\n  - incidents:\n    - members:\n      - pod/a/x\n      alerts: 7\n",
	} {
		f.Add("packs: []\ntests:\n- name: x\n  inputs: [{at: 0s, fire: X pod/a/b}, {at: 1s, fire: Y pod/a/c}]\n  expect: "+expect+"\n", false)
	}
	w := newWorker(Options{})
	f.Fuzz(func(t *testing.T, text string, archive bool) {
		name := "testdata/fuzzed.yml"
		if archive {
			name = "testdata/fuzzed.txtar"
		}
		before, _, _ := w.update(name, []byte(text))
		if before == nil {
			return
		}
		if again, _, err := w.update(name, before); err != nil || string(again) != string(before) {
			t.Fatalf("%v\n%s\nbecame\n%s\nand then\n%s", err, text, before, again)
		}
	})
}
