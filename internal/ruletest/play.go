package ruletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/replay"
	"quell/internal/story"
	"quell/internal/strictyaml"
)

// play is one test that is played.
type play struct {
	file    *story.File
	test    *story.Test
	stage   *stage
	moments []story.Moment
	result  Result
}

// maxRecordingBytes bounds a file with recorded lines, and one with tests: a recording may stand in it.
const maxRecordingBytes = 256 << 20

// newPlay prepares a test. The problems are those of bodies that cannot be read.
func newPlay(f *story.File, t *story.Test, s *source) (*play, strictyaml.Problems) {
	st, err := newStage(s, t.Start)
	if err != nil {
		return nil, strictyaml.Problems{{File: f.Name, Line: t.Line, Col: 1, Text: err.Error()}}
	}
	p := &play{file: f, test: t, stage: st, result: Result{Name: t.Name, Line: t.Line}}
	if s.topology != nil {
		p.moments = append(p.moments, story.Moment{At: t.Start, Text: "the topology files", Inputs: []correlate.Input{&correlate.Topology{Update: *s.topology, Source: "config"}}})
	}
	for _, c := range s.catalogs {
		p.moments = append(p.moments, story.Moment{At: t.Start, Text: "a catalog", Inputs: []correlate.Input{c}})
	}
	problems := p.decode()
	for _, path := range t.Recordings {
		name := join(filepath.Dir(f.Name), path)
		text, err := read(name, maxRecordingBytes)
		if err != nil {
			problems = append(problems, strictyaml.Problem{File: f.Name, Line: t.Line, Col: 1, Text: fmt.Sprintf("recording %q cannot be read: %v", path, err)})
			continue
		}
		problems = append(problems, p.recording(text, func(line int) (string, int) { return name, line })...)
	}
	if t.Recording != "" {
		problems = append(problems, p.recording([]byte(t.Recording), func(line int) (string, int) { return f.Name, line + t.RecordingLine - 1 })...)
	}
	problems = append(problems, p.unfired()...)
	slices.SortStableFunc(p.moments, func(a, b story.Moment) int { return a.At.Compare(b.At) })
	if len(p.moments) > 0 && p.moments[0].At.Before(t.Start) {
		problems = append(problems, strictyaml.Problem{File: f.Name, Line: max(p.moments[0].Line, t.Line), Col: 1, Text: "it begins before the start of the test", Hint: "say when with start"})
	}
	return p, problems
}

// decode makes inputs of the bodies among the moments of a test. They are written as the lines of a recording, so that one reader reads both.
func (p *play) decode() strictyaml.Problems {
	var lines bytes.Buffer
	var places []int
	for i := range p.test.Moments {
		m := &p.test.Moments[i]
		if m.Raw == nil {
			p.moments = append(p.moments, *m)
			continue
		}
		stamp, _ := json.Marshal(m.At) // years were checked
		deleted := ""
		if m.Deleted {
			deleted = `,"deleted":true`
		}
		fmt.Fprintf(&lines, "{\"t\":%s%s,%q:%s}\n", stamp, deleted, m.Kind, bytes.ReplaceAll(m.Raw, []byte("\n"), []byte(" ")))
		places = append(places, m.Line)
	}
	if len(places) == 0 {
		return nil
	}
	return p.recording(lines.Bytes(), func(line int) (string, int) { return p.file.Name, places[min(line, len(places))-1] })
}

// recording takes the lines of a recording; place says in which file and line one of them stands. What is of one instant is one step, as
// in a replay.
func (p *play) recording(text []byte, place func(line int) (string, int)) (problems strictyaml.Problems) {
	lineOf := func(where string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(where, "stdin:"))
		if err != nil {
			return 1
		}
		return n
	}
	report := func(where, text string) {
		name, line := place(lineOf(where))
		problems = append(problems, strictyaml.Problem{File: name, Line: line, Col: 1, Text: text})
	}
	var notes bytes.Buffer
	first := len(p.moments)
	source := replay.Source{Files: []string{"-"}, Stdin: bytes.NewReader(text), Progress: &notes}
	err := replay.Read(context.Background(), source, func(l replay.Line) {
		_, line := place(lineOf(l.Where))
		m := story.Moment{At: l.At, Inputs: l.Inputs, Root: l.Root, Line: line, Text: describe(l.Inputs)}
		last := len(p.moments) - 1
		if last >= first && p.moments[last].At.Equal(m.At) && !isCommand(m.Inputs) && !isCommand(p.moments[last].Inputs) {
			p.moments[last].Inputs = append(p.moments[last].Inputs, m.Inputs...)
			p.moments[last].Text = describe(p.moments[last].Inputs)
			return
		}
		p.moments = append(p.moments, m)
	})
	if err != nil {
		where, text, _ := strings.Cut(err.Error(), ": ")
		report(where, text)
	}
	for note := range strings.Lines(notes.String()) {
		where, text, ok := strings.Cut(strings.TrimSpace(note), ": ")
		if ok {
			report(where, text)
		}
	}
	return problems
}

func isCommand(inputs []correlate.Input) bool {
	return slices.ContainsFunc(inputs, func(in correlate.Input) bool { _, is := in.(*correlate.Command); return is })
}

// described is how many inputs of one moment are told one by one.
const described = 3

// describe puts inputs into words.
func describe(inputs []correlate.Input) string {
	var list []string
	for i, in := range inputs {
		if i == described {
			list = append(list, fmt.Sprintf("and %d more", len(inputs)-i))
			break
		}
		switch in := in.(type) {
		case *correlate.Alert:
			verb := "fire"
			if in.Resolved() {
				verb = "resolve"
			}
			list = append(list, verb+" "+in.Labels.String())
		case *correlate.Event:
			list = append(list, fmt.Sprintf("event %s %s", in.Reason, in.Entity))
		case *correlate.Topology:
			list = append(list, fmt.Sprintf("topology: %d dependencies, %d entities", len(in.Edges), len(in.Entities)))
		case *correlate.Command:
			list = append(list, fmt.Sprintf("%s by %s", in.Action, in.By))
		default:
			list = append(list, strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", in), "*correlate.")))
		}
	}
	return strings.Join(list, "; ")
}

// run plays the test, and judges it at the times that it names.
func (p *play) run(verbose bool) Result {
	expect := p.test.Expect
	judgeUntil := func(before time.Time) {
		for len(expect) > 0 && !expect[0].AtEnd && p.test.Start.Add(expect[0].At).Before(before) {
			p.stage.passThrough(p.test.Start.Add(expect[0].At))
			p.judge(&expect[0])
			expect = expect[1:]
		}
	}
	for i := range p.moments {
		m := &p.moments[i]
		judgeUntil(m.Begin())
		story.PassUntil(p.stage, m.Begin())
		p.stage.climbUntil(m.Begin())
		p.address(m)
		p.stage.say(m.At, "%s", m.Text)
		p.stage.Step(m.At, m.Inputs)
		p.refused(m)
	}
	judgeUntil(p.test.Start.Add(100 * 366 * 24 * time.Hour))
	p.text(p.test.Decisions, "decisions", p.stage.told.Told())
	p.text(p.test.End, "how the incidents stand", p.stage.told.End(p.stage.engine))
	if len(expect) > 0 {
		p.stage.runOut()
	}
	for i := range expect {
		p.judge(&expect[i])
	}
	if len(p.result.Failures) > 0 || verbose {
		p.result.Timeline, p.result.Story = p.stage.timeline, p.stage.stories()
	}
	return p.result
}

// address makes a command that names a root one for the newest open incident that has it among its candidates, and notes one that the
// engine does not allow.
func (p *play) address(m *story.Moment) {
	for _, in := range m.Inputs {
		c, ok := in.(*correlate.Command)
		if !ok {
			continue
		}
		if m.Root != "" {
			is := func(r correlate.Root) bool { return r.Entity == m.Root }
			found := p.stage.engine.Incidents(func(i *correlate.Incident) bool { return i.State.Open() && slices.ContainsFunc(i.Roots, is) })
			if len(found) == 0 {
				p.fail(Failure{Line: m.Line, Col: 1, Text: fmt.Sprintf("%s: no open incident is rooted in %s", m.Text, m.Root)})
				continue
			}
			c.Incident = found[0].ID
		}
		if err := p.stage.engine.Allows(c); err != nil {
			p.fail(Failure{Line: m.Line, Col: 1, Text: fmt.Sprintf("%s: %v", m.Text, err)})
		}
	}
}

// refused notes a topology that the engine did not take.
func (p *play) refused(m *story.Moment) {
	for _, in := range m.Inputs {
		if t, ok := in.(*correlate.Topology); ok {
			if err := p.stage.engine.Refused(t); err != nil {
				p.fail(Failure{Line: m.Line, Col: 1, Text: fmt.Sprintf("%s: %v", m.Text, err)})
			}
		}
	}
}

func (p *play) fail(f Failure) { p.result.Failures = append(p.result.Failures, f) }

// text compares the text of a section with what happened.
func (p *play) text(want *story.Text, what, got string) {
	if want == nil || want.Text == got {
		return
	}
	f := Failure{Line: want.Line, Col: 1, Text: what + " are others"}
	f.Want, f.Got = differing(linesOf(want.Text), linesOf(got))
	p.fail(f)
	p.result.edits = append(p.result.edits, edit{section: want, text: got})
}

// linesOf takes a text apart.
func linesOf(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// differing returns what is left of two lists of lines without what both begin and end with.
func differing(want, got []string) (onlyWant, onlyGot []string) {
	for len(want) > 0 && len(got) > 0 && want[0] == got[0] {
		want, got = want[1:], got[1:]
	}
	for len(want) > 0 && len(got) > 0 && want[len(want)-1] == got[len(got)-1] {
		want, got = want[:len(want)-1], got[:len(got)-1]
	}
	return want, got
}
