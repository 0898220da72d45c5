package correlate

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the scenarios give into their files; read the diff")

// PlayScenarios plays each story of testdata/scenario and compares the decisions, and how the incidents stand at the end, with
// what the file wants. Every story is played a second time with the engine stored and loaded after each step: that must
// change nothing. script_test.go describes the language of the stories. Those that begin with "# rules: packs" are played with the rules
// that packs compiles; it is a parameter because only an external test may import them.
//
// A story in testdata/scenario/pending is known to go wrong. What it wants are its pages and how the incidents stand at the end. It is
// skipped with the difference, and fails when it comes out right, so that it is moved to the others.
func PlayScenarios(t *testing.T, packs Compiler) {
	files, err := filepath.Glob("testdata/scenario/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	packs = compileOnce(packs)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { playFile(t, file, packs) })
	}
	pending, err := filepath.Glob("testdata/scenario/pending/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pending {
		t.Run("pending/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive := parseScenario(t, file)
			got := archive.play(t, packs, false)
			got.decisions = escalations(got.decisions)
			diff := archive.compare(got)
			if diff == "" {
				t.Fatal("this story comes out right now: move its file one folder up")
			}
			t.Skipf("%s (-want +got):\n%s", archive.Comment, diff)
		})
	}
}

// compileOnce keeps what a compiler made of the first policy, since loading an engine after each step would compile packs each time.
// All stories have the same ones, and compiled rules do not change.
func compileOnce(compile Compiler) Compiler {
	var rules Rules
	return func(p *Policy) (Rules, error) {
		if rules != nil {
			return rules, nil
		}
		compiled, err := compile(p)
		rules = compiled
		return rules, err
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

func playFile(t *testing.T, file string, packs Compiler) {
	archive := parseScenario(t, file)
	got := archive.play(t, packs, false)
	if *update {
		archive.Files[1].Data, archive.Files[2].Data = []byte(got.decisions), []byte(got.end)
		if err := os.WriteFile(file, txtar.Format(archive.Archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := archive.compare(got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", archive.Comment, diff)
	}
	if loaded := archive.play(t, packs, true); got != loaded {
		t.Errorf("storing and loading after each step changed the story (-live +loaded):\n%s",
			cmp.Diff(got.decisions+got.end, loaded.decisions+loaded.end))
	}
}

// scenario is a story: the comment tells it, "script" is what happens, "want" the decisions, "end" how the incidents stand then.
type scenario struct{ *txtar.Archive }

func parseScenario(t *testing.T, file string) scenario {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if *update && len(archive.Files) == 2 {
		archive.Files = append(archive.Files, txtar.File{Name: "end"})
	}
	var names []string
	for _, f := range archive.Files {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"script", "want", "end"}, names); diff != "" {
		t.Fatalf("sections of %s (-want +got):\n%s", file, diff)
	}
	return scenario{archive}
}

func (s scenario) compare(got outcome) string {
	return cmp.Diff(string(s.Files[1].Data)+"-- end --\n"+string(s.Files[2].Data), got.decisions+"-- end --\n"+got.end)
}

// outcome is what a story led to, as text.
type outcome struct{ decisions, end string }

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// shortSteps is after how many steps, with -short, the state is checked or loaded. Loading is most of the time that stories take.
const shortSteps = 5

// play runs a story; with reload the engine is stored and loaded after each step.
func (s scenario) play(t *testing.T, packs Compiler, reload bool) outcome {
	t.Helper()
	script := string(s.Files[0].Data)
	compile, policy := Compiler(compileTest), Policy{AlertTimeout: -1}
	if strings.HasPrefix(script, "# rules: packs\n") {
		compile, policy.Packs = packs, []string{"kubernetes", "kube-prometheus"}
	}
	e, err := New(compile, policy)
	if err != nil {
		t.Fatal(err)
	}
	store, told := newRowStore(), chronicle{incidents: make(map[IncidentID]string)}
	steps, each := 0, 1
	if testing.Short() {
		each = shortSteps
	}
	step := func(at time.Time, inputs []Input) {
		told.take(e, e.Step(at, inputs))
		store.take(e)
		if steps++; steps%each != 0 {
			return
		}
		if reload {
			e = store.loadWith(t, compile)
		} else {
			store.check(t, e)
		}
	}
	lines := parseScript(t, script)
	for len(lines) > 0 {
		until := lines[0].at
		if lines[0].words[0] == "gap" {
			until = offset(t, lines[0].words[1])
		}
		for due, ok := e.Deadline(); ok && due.Before(until); due, ok = e.Deadline() {
			step(due, nil)
		}
		at, batch := lines[0].at, lines[0].inputs(t)
		for lines = lines[1:]; len(lines) > 0 && lines[0].batch; lines = lines[1:] {
			batch = append(batch, lines[0].inputs(t)...)
		}
		step(at, batch)
	}
	return told.outcome(e)
}

// chronicle writes down what an engine decides.
type chronicle struct {
	lines []string
	// same counts the last lines that tell of one decision about one incident: a storm need not be read alert by alert.
	same      int
	last      string
	incidents map[IncidentID]string
}

// sameMax is how many of such lines are shown.
const sameMax = 8

func (c *chronicle) take(e *Engine, effects []Effect) {
	for _, f := range effects {
		what := fmt.Sprintf("%s %s", f.Decision, f.Incident)
		if what != c.last {
			c.flush()
			c.last = what
		}
		if c.same++; c.same <= sameMax {
			c.lines = append(c.lines, fmt.Sprintf("%s %s%s\n", f.At.Sub(start), what, detail(f)))
		}
	}
	for _, f := range effects {
		c.stands(e, f.Incident)
	}
}

func (c *chronicle) flush() {
	if c.same > sameMax {
		c.lines = append(c.lines, fmt.Sprintf("… %d more: %s\n", c.same-sameMax, c.last))
	}
	c.same = 0
}

// runnerUpShare is the least share of the leader's score with which one of the next two roots is shown: below it they are what is left
// over, in an order that says nothing.
const runnerUpShare = 0.3

// stands notes how an incident stands: closed ones are forgotten after a while.
func (c *chronicle) stands(e *Engine, id IncidentID) {
	i, ok := e.Incident(id, 0)
	switch {
	case !ok:
		return
	case i.State == Merged:
		delete(c.incidents, id)
		return
	}
	line := fmt.Sprintf("%s %s root", id, i.State)
	for k, r := range i.Roots {
		if k > 0 && (k > 2 || r.Score < i.Roots[0].Score*runnerUpShare) {
			break
		}
		if k > 0 {
			line += ", then"
		}
		line += " " + string(r.Entity)
		if r.Silent {
			line += " silent"
		}
	}
	line = fmt.Sprintf("%s; members %d", line, i.MemberCount)
	if h := i.HealedBy; h != nil && h.What != Unexplained {
		line += "; healed at " + h.At.Sub(start).String() + " by " + h.String()
	}
	c.incidents[id] = line
}

func (c *chronicle) outcome(e *Engine) outcome {
	c.flush()
	var end strings.Builder
	for _, id := range slices.Sorted(maps.Keys(c.incidents)) {
		c.stands(e, id)
		fmt.Fprintln(&end, c.incidents[id])
	}
	return outcome{strings.Join(c.lines, ""), end.String()}
}

func detail(f Effect) string {
	switch {
	case f.Decision == Open || f.Decision == Reroot:
		silent := ""
		if f.Roots[0].Silent {
			silent = " silent"
		}
		return fmt.Sprintf(" root %s%s", f.Roots[0].Entity, silent)
	case f.Decision == Hold:
		until := fmt.Sprintf(" until %s", f.Until.Sub(start))
		if strings.HasPrefix(f.Reason, "held on: ") || strings.HasPrefix(f.Reason, "not held longer: ") {
			until += ", " + f.Reason
		}
		return until
	case f.Other != 0:
		return fmt.Sprintf(" into %s", f.Other)
	case f.Decision == Reopen:
		return fmt.Sprintf(" generation %d", f.Generation)
	case f.Entity != "":
		return fmt.Sprintf(" %s", f.Entity)
	}
	return ""
}

// rowStore keeps rows as a store would.
type rowStore map[string][]byte

func newRowStore() rowStore { return make(rowStore) }

func (r rowStore) take(e *Engine) {
	e.Changes(func(k, v []byte) {
		if v == nil {
			delete(r, string(k))
			return
		}
		r[string(k)] = bytes.Clone(v)
	})
}

// check compares what the changes added up to with the whole state.
func (r rowStore) check(t *testing.T, e *Engine) {
	t.Helper()
	whole := newRowStore()
	e.Rows(func(k, v []byte) { whole[string(k)] = bytes.Clone(v) })
	if !maps.EqualFunc(whole, r, bytes.Equal) {
		t.Fatalf("changed rows do not add up to the state (-state +rows):\n%s", cmp.Diff(whole, r))
	}
}

func (r rowStore) load(t *testing.T) *Engine {
	t.Helper()
	return r.loadWith(t, compileTest)
}

func (r rowStore) loadWith(t *testing.T, compile Compiler) *Engine {
	t.Helper()
	e, err := Load(compile, r.all())
	if err != nil {
		t.Fatal(err)
	}
	r.check(t, e)
	return e
}

func (r rowStore) all() func(yield func(k, v []byte) bool) {
	return func(yield func(k, v []byte) bool) {
		for _, k := range sortedKeys(r) {
			if !yield([]byte(k), r[k]) {
				return
			}
		}
	}
}
