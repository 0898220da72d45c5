// Package webhook turns bodies of any JSON into alerts and events, by mappings that people write: which items a body has, and what
// becomes of each. The values of a mapping are expressions of package rules/expr over the variables
//
//	body     the body as it came
//	item     the item that is looked at: the body itself unless the mapping has "each"
//	headers  the request's headers by their lower-case names; one that is missing is empty
//	query    the parameters of the request's address; one that is missing is empty
//
// Of the outcomes that a mapping has, an item becomes the first whose condition is true. One for which there is none is a fault, and told:
// what is no news has to be said to be none.
//
// [Language.Preset] gives the mappings that come with quell. The package is pure: text in, values out.
package webhook

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
	"time"

	"quell/internal/strictyaml"
	"quell/rules/expr"
)

// Language reads mappings. Making one takes some milliseconds; it does not change, so it may be shared.
type Language struct{ env *expr.Environment }

// NewLanguage returns a language.
func NewLanguage() *Language {
	return &Language{env: expr.New(
		expr.Variable{Name: "body", Type: expr.Any},
		expr.Variable{Name: "item", Type: expr.Any},
		expr.Variable{Name: "headers", Type: expr.Labels},
		expr.Variable{Name: "query", Type: expr.Labels},
	)}
}

// Mapping says what the items of a body become. It does not change once it is read.
type Mapping struct {
	// About says in one sentence what it is for.
	About string
	// Signature is how the sender signs, if it does: what a configuration need not repeat. SNS is true if bodies are messages of Amazon's SNS,
	// which are signed in a way of their own.
	Signature Signature
	SNS       bool

	language *Language
	each     expression
	outcomes []*outcome
}

// Signature is how a sender signs bodies. Empty fields are unknown.
type Signature struct {
	Header, Prefix, Algorithm, Encoding, TimestampHeader, Separator string
}

// Algorithms and Encodings are the words that [Signature] knows.
var (
	Algorithms = []string{"sha256", "sha512", "sha1"}
	Encodings  = []string{"hex", "base64"}
)

// outcome is one thing that an item may become.
type outcome struct {
	name          string
	when          expression
	ignore        bool
	alert         *alert
	event, change *event
}

// expression is a part of a mapping. Its zero value is not given.
type expression struct {
	program *expr.Program
	at      string // file:line:col, for reasons
}

func (x *expression) given() bool { return x.program != nil }

// alert says how an item becomes an alert.
type alert struct {
	name, severity, resolved, startsAt, endsAt, url, fingerprint expression
	labels, annotations                                          pairs
	severities                                                   []string
	timeout                                                      time.Duration
}

// event says how an item becomes an event; a change is one.
type event struct {
	entity, reason, component, message, warning, at, id expression
}

// pairs are names with values, or expressions that give whole maps; later ones win.
type pairs []pair

type pair struct {
	name string // empty: the expression gives a map
	expression
}

//go:embed presets/*.yml
var presets embed.FS

// Presets returns the names of the mappings that come with quell, sorted.
func Presets() []string {
	files, err := fs.Glob(presets, "presets/*.yml")
	if err != nil {
		panic("webhook: " + err.Error()) // only a malformed pattern does that
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "presets/"), ".yml")
	}
	slices.Sort(files)
	return files
}

// PresetText returns the file of a preset; ok is false if there is none of that name.
func PresetText(name string) (text string, ok bool) {
	data, err := presets.ReadFile("presets/" + name + ".yml")
	return string(data), err == nil
}

// Preset returns a mapping that comes with quell, for its reader to change; ok is false if there is none of that name.
func (l *Language) Preset(name string) (m *Mapping, ok bool) {
	text, ok := PresetText(name)
	if !ok {
		return nil, false
	}
	m, problems := l.Parse("preset "+name, []byte(text))
	if err := problems.Err(); err != nil {
		panic("webhook: " + err.Error()) // a test reads all of them
	}
	return m, true
}

// Parse reads the file of a mapping. Name stands for it in problems, and in reasons of what cannot be mapped.
func (l *Language) Parse(name string, data []byte) (*Mapping, strictyaml.Problems) {
	m := l.Empty()
	problems := strictyaml.Read(name, data, m.Read)
	return m, problems
}

// Empty returns a mapping that maps nothing yet, for [Mapping.Read] to fill.
func (l *Language) Empty() *Mapping { return &Mapping{language: l} }

// Whole reports whether anything can come of it.
func (m *Mapping) Whole() bool { return len(m.outcomes) > 0 }

// maxMessageDepth bounds how deep a message within a message is nested.
const maxMessageDepth = 64

// Unwrap replaces the text Message of a message of SNS by what is in it, if that is JSON, for mappings with [Mapping.SNS]. It changes body.
func Unwrap(body any) any {
	object, ok := body.(map[string]any)
	if !ok {
		return body
	}
	text, ok := object["Message"].(string)
	if !ok {
		return body
	}
	if inner, err := expr.JSON([]byte(text), maxMessageDepth); err == nil {
		object["Message"] = inner
	}
	return body
}
