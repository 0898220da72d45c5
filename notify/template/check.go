package template

import (
	"errors"
	"fmt"
	"strings"
	"text/template/parse"

	"quell/internal/strictyaml"
	"quell/notify"
)

// FieldError says what is wrong with a field. The problem has a file and a position only if it is in one of the set's files.
type FieldError struct{ Problem strictyaml.Problem }

// Error returns the problem in one line, with its hint.
func (e *FieldError) Error() string { return strings.TrimPrefix(e.Problem.String(), ": ") }

// Check renders a field for each sample. The error is nil, or a [*FieldError] with the first problem.
func (s *Set) Check(f notify.Field) error {
	if p, bad := s.try(f); bad {
		return &FieldError{p}
	}
	return nil
}

func (s *Set) try(f notify.Field) (p strictyaml.Problem, bad bool) {
	for _, sample := range Samples() {
		d := *sample.Delivery
		_, err := s.Render(f, &d, sampleURL)
		if err == nil {
			continue
		}
		p := s.problem(err, "")
		if p.File == "" {
			if p.Line > 1 {
				p.Text = fmt.Sprintf("line %d of the template: %s", p.Line, p.Text)
			}
			p.Line, p.Col = 0, 0
		}
		if !isSyntax(err) {
			p.Text += ", for an incident that is " + sample.Name
		}
		return p, true
	}
	return p, false
}

// isSyntax reports errors that are the same for all incidents.
func isSyntax(err error) bool {
	return noOther.MatchString(err.Error()) || !strings.Contains(err.Error(), "executing ") && !errors.Is(err, errOutput) && !errors.Is(err, errRounds) && !errors.Is(err, errMade)
}

// CheckFiles renders each template that the files define for each sample; fields are all that may call them. One that is called with a
// part of the message, such as an alert, is left to those who call it. What nobody calls cannot break a message: then problems are warnings.
func (s *Set) CheckFiles(fields ...string) (problems strictyaml.Problems) {
	called := s.calls(fields)
	for _, d := range s.defines {
		replaces := strings.HasPrefix(d.name, "quell.") || strings.Contains(d.name, ".default.")
		if called[d.name] && !replaces {
			continue
		}
		for _, html := range []bool{false, true} {
			p, bad := s.try(notify.Field{Text: fmt.Sprintf("{{ template %q . }}", d.name), HTML: html})
			if !bad {
				continue
			}
			if p.File == "" {
				p.File = d.file
				p.Text = fmt.Sprintf("template %q: %s", d.name, p.Text)
			}
			if p.Warning = !replaces; p.Warning && p.Hint == "" {
				p.Hint = "no receiver uses it yet"
			}
			problems = append(problems, p)
			break
		}
	}
	problems.Sort()
	return problems
}

// calls are the names of the templates that files and fields call.
func (s *Set) calls(fields []string) map[string]bool {
	called := make(map[string]bool)
	note := func(n parse.Node) {
		if call, ok := n.(*parse.TemplateNode); ok {
			called[call.Name] = true
		}
	}
	for _, t := range s.text.Templates() {
		if t.Tree != nil {
			walk(t.Root, note)
		}
	}
	for _, text := range fields {
		trees, err := parse.Parse(fieldName, text, "", "", new(budget).funcs(), builtins)
		if err != nil {
			continue // whoever checks the field tells of it
		}
		for _, t := range trees {
			walk(t.Root, note)
		}
	}
	return called
}

// builtins are the names of the functions that the template packages know by themselves, for the parser.
var builtins = map[string]any{
	"and": nothing, "call": nothing, "index": nothing, "len": nothing, "not": nothing, "or": nothing, "slice": nothing,
	"eq": nothing, "ge": nothing, "gt": nothing, "le": nothing, "lt": nothing, "ne": nothing,
}
