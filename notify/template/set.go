// Package template renders the texts that users write for their receivers. It is Go's text/template and html/template with Alertmanager's
// functions and default templates, so that what was written for Alertmanager goes on working, and with the incident as additional data.
//
// Rendering is bounded in output, loop iterations and memory. A template that loops or explodes is an error, both in quell check and when a
// message is due; in the latter case the default text is sent.
package template

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"path"
	"strings"
	"sync"
	texttemplate "text/template"

	am "github.com/prometheus/alertmanager/template"

	"quell/internal/strictyaml"
	"quell/notify"
	"quell/routing"
)

//go:embed defaults/*.tmpl
var defaults embed.FS

// MaxBytes bounds the size of one file of templates, and of one field.
const MaxBytes = 1 << 20

// File is a file of templates, each within {{ define "NAME" }} … {{ end }}. Name is what problems call it.
type File struct{ Name, Text string }

// Set is parsed templates. It does not change, and everybody may use it at once. Make one with [New].
type Set struct {
	// Neither is ever executed: a copy is, for each rendering. html/template insists on it.
	text *texttemplate.Template
	html *htmltemplate.Template
	// names are the names of files as problems show them, by the name that the template packages know.
	names map[string]string
	// defines are the templates that files of users define, in their order.
	defines []define
	id      string
}

// define is a template that a user's file defines.
type define struct{ name, file string }

// Default returns the templates that are there without files: Alertmanager's and quell's.
var Default = sync.OnceValue(func() *Set {
	s, err := New()
	if err != nil {
		panic(fmt.Sprintf("template: the defaults do not parse: %v", err))
	}
	return s
})

// New parses Alertmanager's default templates, then quell's, then the files: of those of one name the last counts. The error is of type
// [strictyaml.Problems] and names all files that do not parse.
func New(files ...File) (*Set, error) {
	s := &Set{names: make(map[string]string)}
	if _, err := am.FromGlobs(nil, func(text *texttemplate.Template, html *htmltemplate.Template) { s.text, s.html = text, html }); err != nil {
		return nil, fmt.Errorf("alertmanager's default templates: %w", err)
	}
	placeholder := map[string]any{stepFunc: nothing}
	s.text.Funcs(placeholder).Funcs(ours)
	s.html.Funcs(placeholder).Funcs(ours)
	entries, err := defaults.ReadDir("defaults")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := defaults.ReadFile("defaults/" + e.Name())
		if err != nil {
			return nil, err
		}
		if err := s.parse(File{"quell/" + e.Name(), string(text)}, false); err != nil {
			return nil, err
		}
	}
	sum := sha256.New()
	var problems strictyaml.Problems
	for _, f := range files {
		fmt.Fprintf(sum, "%q %q\n", f.Name, f.Text)
		if err := s.parse(f, true); err != nil {
			problems = append(problems, s.problem(err, f.Name))
		}
	}
	problems.Sort()
	if err := problems.Err(); err != nil {
		return nil, err
	}
	s.id = hex.EncodeToString(sum.Sum(nil))
	s.count()
	return s, nil
}

// parse adds one file.
func (s *Set) parse(f File, users bool) error {
	name := path.Base(strings.ReplaceAll(f.Name, `\`, "/")) // Alertmanager knows files by their names without folders, too
	if other, taken := s.names[name]; taken {
		return &parseError{fmt.Sprintf("there is a template file of the same name already: %s", other), "rename one of them"}
	}
	if len(f.Text) > MaxBytes {
		return &parseError{fmt.Sprintf("the file is larger than %d bytes", MaxBytes), "split it"}
	}
	s.names[name] = f.Name
	before := make(map[string]string)
	for _, t := range s.text.Templates() {
		before[t.Name()] = t.Tree.ParseName
	}
	if _, err := s.text.New(name).Parse(f.Text); err != nil {
		return err
	}
	if _, err := s.html.New(name).Parse(f.Text); err != nil {
		return err
	}
	if !users {
		return nil
	}
	for _, t := range s.text.Templates() {
		if t.Tree.ParseName == name && before[t.Name()] != name && t.Name() != name {
			s.defines = append(s.defines, define{t.Name(), f.Name})
		}
	}
	return nil
}

// count has each template count its rounds.
func (s *Set) count() {
	for _, t := range s.text.Templates() {
		instrument(t.Tree)
	}
	for _, t := range s.html.Templates() {
		instrument(t.Tree)
	}
}

// ID identifies the files that the set was made of.
func (s *Set) ID() string { return s.id }

// Render renders a field for a delivery: see [notify.Templates].
func (s *Set) Render(f notify.Field, d *routing.Delivery, externalURL string) (string, error) {
	data := NewData(d, Options{ExternalURL: externalURL, Escape: f.Escape})
	if f.HTML {
		return s.HTML(f.Text, data)
	}
	return s.Text(f.Text, data)
}

// fieldName is what the template packages call a text that is no file's.
const fieldName = "quell field"

// Text executes a text as a template. It returns what was made until then beside an error.
func (s *Set) Text(text string, data *Data) (string, error) {
	clone, err := s.text.Clone()
	if err != nil {
		return "", fmt.Errorf("copy templates: %w", err)
	}
	t, err := clone.New(fieldName).Parse(text)
	if err != nil {
		return "", err
	}
	for _, part := range t.Templates() {
		instrumentField(part.Tree)
	}
	return execute(func(funcs map[string]any) { t.Funcs(funcs) }, t.Execute, data)
}

// HTML executes a text as a template of HTML: all that comes from outside is escaped for where it stands.
func (s *Set) HTML(text string, data *Data) (string, error) {
	clone, err := s.html.Clone()
	if err != nil {
		return "", fmt.Errorf("copy templates: %w", err)
	}
	t, err := clone.New(fieldName).Parse(text)
	if err != nil {
		return "", err
	}
	for _, part := range t.Templates() {
		instrumentField(part.Tree)
	}
	return execute(func(funcs map[string]any) { t.Funcs(funcs) }, t.Execute, data)
}

// execute runs one template within a budget of its own. The packages have the same methods, and no type in common.
func execute(funcs func(map[string]any), run func(io.Writer, any) error, data *Data) (string, error) {
	b := new(budget)
	funcs(b.funcs())
	err := run(b, data)
	if b.spent != nil {
		err = b.spent // the packages wrap it into where it happened, which is by chance
	}
	return b.out.String(), err
}

// parseError is a problem of a file that is none of its syntax.
type parseError struct{ text, hint string }

// Error returns the text.
func (e *parseError) Error() string { return e.text }

// problem puts an error of the template packages in the words of a problem in a file.
func (s *Set) problem(err error, file string) strictyaml.Problem {
	if e, ok := errors.AsType[*parseError](err); ok {
		return strictyaml.Problem{File: file, Text: e.text, Hint: e.hint}
	}
	at := explain(err)
	p := strictyaml.Problem{File: file, Line: at.line, Col: max(at.col, 1), Text: at.text, Hint: at.hint}
	if known, ok := s.names[at.name]; ok {
		p.File = known
	}
	return p
}
