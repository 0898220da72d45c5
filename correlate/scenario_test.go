package correlate_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/internal/story"
	"quell/rules"
)

var update = flag.Bool("update", false, "write what the scenarios give into their files; read the diff")

func init() {
	correlate.ReadScript = func(script string) (times []time.Time, inputs [][]correlate.Input, err error) {
		moments, err := story.Script(script, story.Epoch)
		for i := range moments {
			times, inputs = append(times, moments[i].At), append(inputs, moments[i].Inputs)
		}
		return times, inputs, err
	}
}

// TestScenario plays each story of testdata/scenario and compares the decisions, and how the incidents stand at the end, with
// what the file wants. Every story is played a second time with the engine stored and loaded after each step: that must
// change nothing. Package story describes the language of the stories. Lines of a script that begin with "#" are comments, but some say
// what the story is played with: "# rules: packs" takes the rules of the embedded packs instead of those of rules_test.go, and "# rules: own"
// none but those of the story itself, lines "# rule: TEXT", which are the lines of a rule file; "# maintenance: NAME ENTITY START END" is a
// window each day; "# heartbeat: NAME INTERVAL GRACE [alert=NAME] [per=LABEL] [entity=ENTITY]" says what is expected, and "# policy: JSON" what
// of the policy is not as it is by default.
//
// A story in testdata/scenario/pending is known to go wrong. What it wants are its pages and how the incidents stand at the end. It is
// skipped with the difference, and fails when it comes out right, so that it is moved to the others.
func TestScenario(t *testing.T) {
	files, err := filepath.Glob("testdata/scenario/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	packs := compileOnce(rules.Compile)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { playFile(t, file, packs) })
	}
	pending, err := filepath.Glob("testdata/scenario/pending/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pending {
		t.Run("pending/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			s := parseScenario(t, file)
			got := s.play(t, packs, false)
			got.decisions = escalations(got.decisions)
			diff := s.compare(got)
			if diff == "" {
				t.Fatal("this story comes out right now: move its file one folder up")
			}
			t.Skipf("%s (-want +got):\n%s", s.Comment, diff)
		})
	}
}

// compileOnce keeps what a compiler made of rules, since loading an engine after each step would compile packs each time. Compiled rules
// do not change.
func compileOnce(compile correlate.Compiler) correlate.Compiler {
	known := make(map[string]correlate.Rules)
	return func(p *correlate.Policy) (correlate.Rules, error) {
		key := fmt.Sprint(p.Packs, p.Rules)
		if known[key] == nil {
			compiled, err := compile(p)
			if err != nil {
				return nil, err
			}
			known[key] = compiled
		}
		return known[key], nil
	}
}

// escalations are the lines about pages.
func escalations(decisions string) string {
	var pages strings.Builder
	for line := range strings.Lines(decisions) {
		if strings.Contains(line, " escalate ") {
			pages.WriteString(line)
		}
	}
	return pages.String()
}

func playFile(t *testing.T, file string, packs correlate.Compiler) {
	s := parseScenario(t, file)
	got := s.play(t, packs, false)
	if *update {
		archive := txtar.Parse(s.data)
		for i := range archive.Files {
			switch archive.Files[i].Name {
			case "want":
				archive.Files[i].Data = []byte(got.decisions)
			case "end":
				archive.Files[i].Data = []byte(got.end)
			}
		}
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := s.compare(got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", s.Comment, diff)
	}
	if loaded := s.play(t, packs, true); got != loaded {
		t.Errorf("storing and loading after each step changed the story (-live +loaded):\n%s",
			cmp.Diff(got.decisions+got.end, loaded.decisions+loaded.end))
	}
}

// scenario is a story, and the text of its file.
type scenario struct {
	*story.Test
	data []byte
}

func parseScenario(t *testing.T, file string) scenario {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, problems := story.Parse(file, data)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := f.Tests[0]
	if s.Decisions == nil || s.End == nil {
		t.Fatal("it lacks the section want or end")
	}
	return scenario{s, data}
}

func (s scenario) compare(got outcome) string {
	return cmp.Diff(s.Decisions.Text+"-- end --\n"+s.End.Text, got.decisions+"-- end --\n"+got.end)
}

// outcome is what a story led to, as text.
type outcome struct{ decisions, end string }

// shortSteps is after how many steps, with -short, the state is checked or loaded. Loading is most of the time that stories take.
const shortSteps = 5

// scenarioStage plays a story on an engine that is stored and checked, or loaded, after each step.
type scenarioStage struct {
	*correlate.Engine
	t       *testing.T
	store   correlate.RowStore
	told    *story.Chronicle
	compile correlate.Compiler
	reload  bool
	steps   int
}

// Step lets the engine take a step.
func (s *scenarioStage) Step(at time.Time, inputs []correlate.Input) {
	s.told.Take(s.Engine, s.Engine.Step(at, inputs))
	s.store.Take(s.Engine)
	each := 1
	if testing.Short() {
		each = shortSteps
	}
	if s.steps++; s.steps%each != 0 {
		return
	}
	if s.reload {
		s.Engine = s.store.Load(s.t, s.compile)
	} else {
		s.store.Check(s.t, s.Engine)
	}
}

// play runs a story; with reload the engine is stored and loaded after each step.
func (s scenario) play(t *testing.T, packs correlate.Compiler, reload bool) outcome {
	t.Helper()
	f, _ := story.Parse("story.txtar", s.data) // anew: an engine keeps parts of its inputs
	compile, policy := s.policy(t, packs)
	e, err := correlate.New(compile, policy)
	if err != nil {
		t.Fatal(err)
	}
	stage := &scenarioStage{
		Engine: e, t: t, store: correlate.NewRowStore(), told: story.NewChronicle(story.Epoch), compile: compile, reload: reload,
	}
	for _, m := range f.Tests[0].Moments {
		story.PassUntil(stage, m.Begin())
		stage.Step(m.At, m.Inputs)
	}
	return outcome{stage.told.Told(), stage.told.End(stage.Engine)}
}

// policy is what the comments of a script say of the rules and the policy.
func (s scenario) policy(t *testing.T, packs correlate.Compiler) (correlate.Compiler, correlate.Policy) {
	t.Helper()
	compile, policy := correlate.Compiler(correlate.CompileTest), correlate.Policy{AlertTimeout: -1}
	var own strings.Builder
	for line := range strings.Lines(string(s.data)) {
		key, said, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch words := strings.Fields(said); key {
		case "# rules":
			if compile = packs; said == "packs" {
				policy.Packs = []string{"kubernetes", "kube-prometheus"}
			}
		case "# rule":
			_, text, _ := strings.Cut(line, ": ")
			own.WriteString(text)
		case "# maintenance":
			policy.Silences.Windows = append(policy.Silences.Windows, silence.Window{
				Name: words[0], Entities: []topology.Entity{topology.Entity(words[1])}, Comment: "backup",
				Intervals: []silence.Interval{{Times: []silence.TimeRange{{Start: words[2], End: words[3]}}}},
			})
		case "# heartbeat":
			policy.Heartbeats = append(policy.Heartbeats, heartbeatRule(t, words))
		case "# policy":
			if err := json.Unmarshal([]byte(said), &policy); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
	}
	if own.Len() > 0 {
		policy.Rules = []correlate.RuleFile{{Name: "story.yml", Text: own.String()}}
	}
	return compile, policy
}

// heartbeatRule reads what a script expects.
func heartbeatRule(t *testing.T, words []string) correlate.HeartbeatRule {
	t.Helper()
	r := correlate.HeartbeatRule{Name: words[0], Severity: correlate.SeverityCritical}
	for i, to := range []*time.Duration{&r.Interval, &r.Grace} {
		d, err := time.ParseDuration(words[1+i])
		if err != nil {
			t.Fatal(err)
		}
		*to = d
	}
	for _, option := range words[3:] {
		switch k, v, _ := strings.Cut(option, "="); k {
		case "alert":
			r.Matchers = []string{v} // as the rules of tests understand it
		case "per":
			r.Per = []string{v}
		case "entity":
			r.Entity = v
		default:
			t.Fatalf("unknown option %q of a heartbeat", option)
		}
	}
	return r
}
