package story

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/strictyaml"
)

// Sections of a txtar file. Others whose names end with .yml are rule files.
const (
	headSection      = "test.yml"
	scriptSection    = "script"
	recordingSection = "recording.jsonl"
	wantSection      = "want"
	endSection       = "end"
)

// IsArchive reports whether a file of this name is a txtar file.
func IsArchive(name string) bool { return strings.HasSuffix(name, ".txtar") }

// Parse reads a file of tests: a txtar file if its name ends so, else YAML. The problems name every mistake with its position; the file
// can be used if their Err is nil.
func Parse(name string, data []byte) (*File, strictyaml.Problems) {
	f := &File{Name: name, Data: data}
	if IsArchive(name) {
		f.archive = true
		return f, f.readArchive()
	}
	problems := strictyaml.Read(name, data, f.readYAML)
	for _, t := range f.Tests {
		t.sort()
	}
	return f, problems
}

// sort puts what happens and what is expected in order of time.
func (t *Test) sort() {
	slices.SortStableFunc(t.Moments, func(a, b Moment) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(t.Expect, func(a, b Expectation) int { return a.order(&b) })
}

// readYAML reads a file of several tests.
func (f *File) readYAML(n strictyaml.Node) {
	common := Test{Start: Epoch}
	var topology []Moment
	var items []strictyaml.Node
	fields := common.sourceFields()
	fields["start"] = start(&common.Start)
	fields["topology"] = common.topology(&topology)
	fields["tests"] = func(n strictyaml.Node) { n.List(func(n strictyaml.Node) { items = append(items, n) }) }
	maps.Copy(fields, promtoolFile())
	n.Map(fields, "tests")
	common.check(n)
	names := make(map[string]bool)
	for _, n := range items { // all that they share is known now
		t := &Test{Sources: common.Sources, Start: common.Start, Line: n.Later().Line}
		t.read(n, topology)
		if names[t.Name] {
			n.Problem("second test of name "+strictyaml.Quote(t.Name), "")
		}
		names[t.Name] = true
		f.Tests = append(f.Tests, t)
	}
}

// read reads one test of a YAML file; topology is what the file says for all of them, from the start on.
func (t *Test) read(n strictyaml.Node, topology []Moment) {
	var own []Moment
	var inputs, script *strictyaml.Node
	fields := strictyaml.Fields{
		"name":       strictyaml.Name(&t.Name),
		"start":      start(&t.Start),
		"topology":   t.topology(&own),
		"inputs":     func(n strictyaml.Node) { inputs = &n },
		"script":     func(n strictyaml.Node) { script = &n },
		"recordings": strictyaml.Strings(&t.Recordings),
		"expect":     t.expect,
	}
	maps.Copy(fields, promtoolTest())
	n.Map(fields, "name", "expect")
	for _, m := range slices.Concat(topology, own) {
		m.At = t.Start
		t.Moments = append(t.Moments, m)
	}
	if inputs != nil { // the start is known now
		t.inputs(*inputs)
	}
	if script != nil {
		t.script(*script)
	}
}

// script reads a script that stands in a YAML file. Its lines begin below the key.
func (t *Test) script(n strictyaml.Node) {
	var text string
	strictyaml.String(&text)(n)
	moments, err := Script(text, t.Start)
	if bad, ok := errors.AsType[*LineError](err); ok {
		n.Problem(fmt.Sprintf("line %d of the script: %v", bad.Line, bad.Err), "")
		return
	}
	line := n.Later().Line
	for i := range moments {
		moments[i].Line += line
	}
	t.Moments = append(t.Moments, moments...)
}

// sourceFields are the keys that say what decides.
func (t *Test) sourceFields() strictyaml.Fields {
	s := &t.Sources
	at := func(set strictyaml.Setter) strictyaml.Setter {
		return func(n strictyaml.Node) {
			if p := n.Later(); s.Mark.Line == 0 {
				s.Mark = Mark{p.Line, p.Col}
			}
			set(n)
		}
	}
	return strictyaml.Fields{
		"config": at(strictyaml.Name(&s.Config)),
		"rules":  at(strictyaml.Strings(&s.Rules)),
		"packs": at(func(n strictyaml.Node) {
			s.Packs = []string{}
			strictyaml.Strings(&s.Packs)(n)
		}),
		"hold": at(func(n strictyaml.Node) {
			n.Map(strictyaml.Fields{
				"default": strictyaml.Duration(&s.Hold.Hold, time.Second, 24*time.Hour),
				"max":     strictyaml.Duration(&s.Hold.HoldMax, time.Second, 24*time.Hour),
				"settle":  strictyaml.Duration(&s.Hold.Settle, time.Second, time.Hour),
				"reopen":  strictyaml.Duration(&s.Hold.Reopen, time.Second, 7*24*time.Hour),
				"not_for": func(n strictyaml.Node) {
					var word string
					strictyaml.Word(&word, "warning", "error", "critical")(n)
					s.Hold.NotFor = correlate.ParseSeverity(word)
				},
			})
		}),
	}
}

// check reports sources that do not go together.
func (t *Test) check(n strictyaml.Node) {
	if s := &t.Sources; s.Config != "" && (s.Rules != nil || s.Packs != nil || !reflect.ValueOf(s.Hold).IsZero()) {
		n.Problem("config says all that rules, packs and hold say", "give either a config or the others")
	}
}

// start reads when a story begins.
func start(to *time.Time) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var text string
		strictyaml.String(&text)(n)
		at, err := time.Parse(time.RFC3339, text)
		switch {
		case text == "":
		case err != nil:
			n.Problem(strictyaml.Quote(text)+" is no time", "write 2026-01-02T03:00:00Z")
		case at.Year() < 1971 || at.Year() > 2200:
			n.Problem(strictyaml.Quote(text)+" is not between the years 1971 and 2200", "")
		default:
			*to = at.UTC()
		}
	}
}

// topology reads dependencies that are there from the start, "FROM TYPE TO" each.
func (t *Test) topology(to *[]Moment) strictyaml.Setter {
	return func(n strictyaml.Node) {
		n.List(func(n strictyaml.Node) {
			var text string
			strictyaml.Name(&text)(n)
			m, err := clock{t.Start, t.Start}.command("edge " + text)
			switch {
			case text == "":
			case err != nil:
				n.Problem(err.Error(), "write FROM TYPE TO, e.g. pod/shop/cart-1 runs_on node/n3")
			default:
				m.Line = n.Later().Line
				*to = append(*to, m)
			}
		})
	}
}

// readArchive reads a txtar file, which is one test.
func (f *File) readArchive() (problems strictyaml.Problems) {
	comment, sections := split(string(f.Data))
	t := &Test{Start: Epoch, Line: 1, Comment: strings.TrimSpace(comment)}
	f.Tests, f.Inline = []*Test{t}, make(map[string]string)
	t.Name, _, _ = strings.Cut(t.Comment, "\n")
	seen := make(map[string]bool)
	report := func(line int, text, hint string) {
		problems = append(problems, strictyaml.Problem{File: f.Name, Line: line, Col: 1, Text: text, Hint: hint})
	}
	var script string
	var scriptLine int
	for _, s := range sections {
		if seen[s.name] {
			report(s.line-1, "second section "+strictyaml.Quote(s.name), "")
		}
		seen[s.name] = true
		switch s.name {
		case headSection:
			problems = append(problems, t.head(f.Name, []byte(s.text), s.line)...)
		case scriptSection:
			script, scriptLine = s.text, s.line
		case recordingSection:
			t.Recording, t.RecordingLine = s.text, s.line
		case wantSection:
			t.Decisions = &Text{s.text, s.line}
		case endSection:
			t.End = &Text{s.text, s.line}
		default:
			if !strings.HasSuffix(s.name, ".yml") && !strings.HasSuffix(s.name, ".yaml") {
				known := []string{headSection, scriptSection, recordingSection, wantSection, endSection}
				report(s.line-1, "unknown section "+strictyaml.Quote(s.name), "there are "+strings.Join(known, ", ")+" and rule files, whose names end with .yml")
			}
			f.Inline[s.name] = s.text
		}
	}
	moments, err := Script(script, t.Start)
	if bad, ok := errors.AsType[*LineError](err); ok {
		report(scriptLine+bad.Line-1, bad.Err.Error(), "")
	}
	for i := range moments {
		moments[i].Line += scriptLine - 1
	}
	t.Moments = append(t.Moments, moments...)
	if t.Decisions == nil && t.End == nil && len(t.Expect) == 0 {
		report(1, "nothing is expected", "give a section want or end, or expect in test.yml")
	}
	t.sort()
	problems.Sort()
	return problems
}

// head reads what a txtar file says of its test, at a line of the file.
func (t *Test) head(name string, data []byte, line int) strictyaml.Problems {
	var topology []Moment
	fields := t.sourceFields()
	fields["name"] = strictyaml.Name(&t.Name)
	fields["start"] = start(&t.Start)
	fields["topology"] = t.topology(&topology)
	fields["recordings"] = strictyaml.Strings(&t.Recordings)
	fields["expect"] = t.expect
	var inputs *strictyaml.Node
	fields["inputs"] = func(n strictyaml.Node) { inputs = &n }
	problems := strictyaml.Read(name, data, func(n strictyaml.Node) {
		n.Map(fields)
		t.check(n)
		for _, m := range topology {
			m.At = t.Start
			t.Moments = append(t.Moments, m)
		}
		if inputs != nil {
			t.inputs(*inputs)
		}
	})
	for i := range problems {
		problems[i].Line = max(problems[i].Line, 1) + line - 1
	}
	t.shift(line - 1)
	return problems
}

// shift moves all marks of what was read so far down.
func (t *Test) shift(lines int) {
	t.Sources.Mark.Line += lines
	for i := range t.Moments {
		t.Moments[i].Line += lines
	}
	for i := range t.Expect {
		x := &t.Expect[i]
		x.Mark.Line += lines
		for k := range x.Claims {
			x.Claims[k].shift(lines)
		}
	}
}

func (c *Claim) shift(lines int) {
	c.Mark.Line += lines
	for i := range c.Texts {
		c.Texts[i].Mark.Line += lines
	}
	for i := range c.Items {
		c.Items[i].Mark.Line += lines
		for k := range c.Items[i].Facts {
			c.Items[i].Facts[k].Mark.Line += lines
		}
	}
}

// section is a part of a txtar file, whose text begins in a line.
type section struct {
	name, text string
	line       int
}

// split takes a txtar file apart: what stands before the first "-- NAME --", and what stands below each.
func split(data string) (comment string, sections []section) {
	n, at, begin := 0, 0, 0
	end := func() {
		text := data[begin:at]
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if len(sections) == 0 {
			comment = text
		} else {
			sections[len(sections)-1].text = text
		}
	}
	for text := range strings.Lines(data) {
		n++
		name, ok := marker(text)
		if ok {
			end()
			sections = append(sections, section{name: name, line: n + 1})
			begin = at + len(text)
		}
		at += len(text)
	}
	end()
	return comment, sections
}

// marker returns the name of a section if a line begins one.
func marker(line string) (name string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	if !strings.HasPrefix(line, "-- ") || !strings.HasSuffix(line, " --") || len(line) < len("-- x --") {
		return "", false
	}
	name = strings.TrimSpace(line[3 : len(line)-3])
	return name, name != ""
}
