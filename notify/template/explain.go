package template

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"quell/internal/strictyaml"
)

// explained is an error of the template packages, taken apart.
type explained struct {
	// name is the file's, without its folder; empty for a field. Line and col count from 1 and are 0 if they are not known.
	name, text, hint string
	line, col        int
}

var (
	// place is how the packages say where: "template: FILE:LINE:COL: executing "NAME" at <.X>: TEXT", or "html/template:NAME: TEXT".
	place   = regexp.MustCompile(`^(?:html/)?template: ?([^:]*):(?:(\d+):)?(?:(\d+):)? (?s:(.*))$`)
	running = regexp.MustCompile(`^executing "[^"]*" at (<(?s:.*?)>): (?s:(.*))$`)
	noField = regexp.MustCompile(`^can't evaluate field (\w+) in type (\S+)$`)
	noFunc  = regexp.MustCompile(`^function "([^"]*)" not defined$`)
	noOther = regexp.MustCompile(`template "([^"]*)" not defined$|no such template "([^"]*)"$`)
)

// explain finds out where an error is, what it is, and what to do about it.
func explain(err error) explained {
	e := explained{text: err.Error()}
	if m := place.FindStringSubmatch(e.text); m != nil {
		e.name, e.text = strings.TrimSuffix(m[1], fieldName), m[4]
		e.line, _ = strconv.Atoi(m[2]) // digits, or nothing
		e.col, _ = strconv.Atoi(m[3])
		if e.col > 0 {
			e.col++ // the packages count columns from 0
		}
	}
	at := ""
	if m := running.FindStringSubmatch(e.text); m != nil {
		at, e.text = m[1], m[2]
	}
	e.text, _, _ = strings.Cut(e.text, "\n")
	switch {
	case noField.MatchString(e.text):
		m := noField.FindStringSubmatch(e.text)
		e.text = "there is no ." + m[1]
		e.hint = strictyaml.Suggest(m[1], fieldsOf(m[2]))
	case noFunc.MatchString(e.text):
		name := noFunc.FindStringSubmatch(e.text)[1]
		e.text = "there is no function " + strictyaml.Quote(name)
		e.hint = strictyaml.Suggest(name, functions())
	case noOther.MatchString(e.text):
		m := noOther.FindStringSubmatch(e.text)
		e.text = "there is no template " + strictyaml.Quote(m[1]+m[2])
		e.hint = "define it in one of the files under templates:"
	case at != "":
		e.text += " at " + at
	}
	return e
}

// functions are the names of all functions that templates may call.
func functions() []string {
	names := slices.Collect(maps.Keys(builtins))
	for name := range new(budget).funcs() {
		if name != stepFunc {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// fieldsOf are the fields of one of the types that templates see, by the name that an error has for it.
func fieldsOf(typeName string) (names []string) {
	for _, t := range []reflect.Type{reflect.TypeFor[Data](), reflect.TypeFor[Incident](), reflect.TypeFor[Root](), reflect.TypeFor[Symptom](), reflect.TypeFor[Entry](), reflect.TypeFor[Link]()} {
		if t.String() != strings.TrimPrefix(typeName, "*") {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() && !f.Anonymous {
				names = append(names, f.Name)
			}
		}
	}
	return names
}
