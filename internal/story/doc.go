// Package story defines how tests of rules are written, by users and in quell's own scenarios: what happens when, and what is expected
// to come of it.
//
// There are two notations. A YAML file holds any number of tests, as promtool's files do. A txtar file is a single test: its comment tells the
// story, its sections are the story for the machine. Both are read strictly, and every problem has its position. docs/testing-rules.md describes
// them for users.
//
// The package is pure: text in, moments and expectations out. Whoever plays them brings the engine (a [Stage]).
package story

import (
	"cmp"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// Epoch is when a story begins that does not say it.
var Epoch = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// File is one file of tests, as it was read.
type File struct {
	// Name is the path as it was given, and Data the text.
	Name string
	Data []byte
	// Inline are the rule files that a txtar file brings along, by the names of their sections.
	Inline map[string]string
	Tests  []*Test
	// archive is true for a txtar file.
	archive bool
}

// Test is one story, with what it is tested against and what is expected of it.
type Test struct {
	Name string
	// Line is where it begins.
	Line    int
	Sources Sources
	Start   time.Time
	// Comment tells the story; possibly empty.
	Comment string
	// Moments are what happens, in order of time.
	Moments []Moment
	// Recordings are the paths of files with recorded lines, and Recording the lines that stand in the file itself from RecordingLine on.
	Recordings    []string
	Recording     string
	RecordingLine int
	// Expect are the expectations, in order of time; those at the end are last.
	Expect []Expectation
	// Decisions and End are what a txtar file wants as text: every decision, and how the incidents stand; nil if it does not say.
	Decisions, End *Text
}

// Sources say what decides in a test. Paths are relative to the file.
type Sources struct {
	// Config is the configuration; with one, there are no others.
	Config string
	// Rules are rule files or patterns for them; Packs are rule packs, and nil is those that are on by default.
	Rules []string
	Packs []string
	// Hold is the policy of a test without a configuration; zero values are the defaults.
	Hold correlate.Policy
	// Mark is where the first of them stands.
	Mark Mark
}

// Text is text of a file, whose first line is Line.
type Text struct {
	Text string
	Line int
}

// Mark is a place in a file, counted from 1.
type Mark struct{ Line, Col int }

// Moment is what happens at one instant, in one step.
type Moment struct {
	At     time.Time
	Inputs []correlate.Input
	// Root names the incident that a command without a number is about: the newest open one that is rooted there.
	Root topology.Entity
	// Raw is a body as a recording has it, and Kind its key there; with Raw there are no inputs yet.
	Raw     []byte
	Kind    string
	Deleted bool
	// Line is where it stands, and Text what stands there, for people.
	Line int
	Text string
}

// Begin is the time up to which the past of a moment is as usual: a gap begins before it is told.
func (m *Moment) Begin() time.Time {
	for _, in := range m.Inputs {
		if g, ok := in.(*correlate.Gap); ok {
			return g.From
		}
	}
	return m.At
}

// Expectation is what is expected at one time.
type Expectation struct {
	// At counts from the start. AtEnd means when nothing is pending any more; then At is not set.
	At    time.Duration
	AtEnd bool
	// Claims are what is expected then, in the order of the file.
	Claims []Claim
	Mark   Mark
}

// order puts expectations in order of time, those at the end last.
func (x *Expectation) order(y *Expectation) int {
	switch {
	case x.AtEnd && y.AtEnd:
		return 0
	case x.AtEnd:
		return 1
	case y.AtEnd:
		return -1
	}
	return cmp.Compare(x.At, y.At)
}

// Claim is one list of an expectation: incidents, pages, notices, not_paged, digest or decisions.
type Claim struct {
	Kind string
	// Items are those of incidents, pages and notices, which are complete; Texts those of the others.
	Items []Item
	Texts []Fact
	Mark  Mark
}

// Item is one incident, page or notice that is expected, as far as the file says how it is.
type Item struct {
	Facts []Fact
	Mark  Mark
}

// Get returns the value of a fact that is one text; empty if it is not asked for.
func (i *Item) Get(key string) string {
	for _, f := range i.Facts {
		if f.Key == key && len(f.Want) == 1 {
			return f.Want[0]
		}
	}
	return ""
}

// Fact is one value that is expected.
type Fact struct {
	Key string
	// Want is the value in its canonical form: one text, or those of a list.
	Want []string
	Mark Mark
}

// Stage is where a story is played: an engine, and whatever stands beside it.
type Stage interface {
	// Deadline reports when Step must next be called even without inputs; ok is false if never.
	Deadline() (at time.Time, ok bool)
	Step(at time.Time, inputs []correlate.Input)
}

// PassUntil steps at the deadlines before a time.
func PassUntil(stage Stage, until time.Time) {
	for due, ok := stage.Deadline(); ok && due.Before(until); due, ok = stage.Deadline() {
		stage.Step(due, nil)
	}
}
