// Package lint finds what is well formed in a configuration and its rules, and yet cannot be what its author meant: rules that never match,
// rules and routes that an earlier one hides, holds that outlast what comes after them, misspelt labels.
//
// It reads the texts once more, without compiling them, so that each finding points at the very word that it is about. Its findings are
// certain: where it cannot decide, it says nothing. The one assumption is that the values of labels have no line breaks. Keys that it
// does not know count as conditions, so that it never claims that a rule of a newer kind hides another.
//
// The package is pure: texts in, findings out, in the same order for the same texts.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"quell/correlate"
	"quell/internal/strictyaml"
)

// File is a text and the name that findings give it.
type File struct {
	Name, Text string
}

// Input is what is looked at. The texts are those of a configuration that was read without errors.
type Input struct {
	// Config is the configuration file.
	Config File
	// Rules are the user's rule files, in order of precedence, and Packs the packs in force.
	Rules, Packs []File
	// Policy is what the configuration makes of defaults.
	Policy correlate.Policy
	// Recorded are the names of labels that alerts had. Nil means that nobody looked, and then labels are only compared with those that
	// they may be a misspelling of.
	Recorded map[string]bool
}

// Severity says how bad a finding is.
type Severity uint8

// Severities, from what is good to know to what keeps quell from starting. The zero value is invalid.
const (
	Info Severity = iota + 1
	Warning
	Error
)

// String returns info, warning or error.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// Place is a position in a file. Line and Col count from 1; a Line of 0 is the file as a whole.
type Place struct {
	File      string
	Line, Col int
}

// String returns "file:line:col".
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// short is the place without its column, for texts.
func (p Place) short() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Finding is one thing that is worth a look.
type Finding struct {
	// Kind is the name of one of [Kinds].
	Kind     string
	Severity Severity
	Place
	// Text says what is found, lower case and without a stop; Hint what to do about it, possibly empty.
	Text, Hint string
	// Other is the place of what the finding is also about: the rule that hides this one. Its File is empty if there is none.
	Other Place
}

// String returns "file:line:col: warning: text (hint)"; errors have no word before the text.
func (f Finding) String() string {
	text := f.Place.String() + ": "
	if f.Severity != Error {
		text += f.Severity.String() + ": "
	}
	if text += f.Text; f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

// OfProblem makes a finding of what a reader reports.
func OfProblem(p strictyaml.Problem) Finding {
	f := Finding{Kind: p.Kind, Severity: Error, Place: Place{p.File, p.Line, p.Col}, Text: p.Text, Hint: p.Hint}
	if p.Warning {
		f.Severity = Warning
	}
	switch {
	case f.Kind != "":
	case p.Warning:
		f.Kind = kindOther
	default:
		f.Kind = kindInvalid
	}
	return f
}

// Sort orders findings by file, line and column, and keeps the order of those of one place.
func Sort(list []Finding) {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// maxFindings bounds the findings of one kind: nobody reads more.
const maxFindings = 100

// Check returns what is found, sorted.
func Check(in Input) []Finding {
	return check(in, ofPacks)
}

// check asks for the labels of packs once it meets one that nobody else knows.
func check(in Input, ofPacks func() vocabulary) []Finding {
	c := &checker{in: in, counts: make(map[string]int), ofPacks: ofPacks}
	c.read()
	c.entityKinds()
	c.matchers()
	c.hidden()
	c.routes()
	c.holds()
	c.inhibitions()
	c.types()
	c.changes()
	c.healed()
	c.overrides()
	Sort(c.found)
	return c.found
}

// checker is the state of one Check.
type checker struct {
	in     Input
	found  []Finding
	counts map[string]int

	rules []*rule // the user's
	packs []*rule
	// config is the configuration as a tree.
	config *strictyaml.Tree
	// words are labels that something is known to have; ofPacks returns those of packs, and is nil once they are among them.
	words vocabulary
	// meant are the hints for labels that nothing is known to have.
	meant   map[string]string
	ofPacks func() vocabulary
	// kinds are kinds of entities that are usual, or that the user's rules make.
	kinds map[string]bool
}

// find adds a finding.
func (c *checker) find(f Finding) {
	if c.counts[f.Kind]++; c.counts[f.Kind] > maxFindings {
		return
	}
	for _, k := range Kinds {
		if k.Name == f.Kind {
			f.Severity = k.Severity
		}
	}
	c.found = append(c.found, f)
}
