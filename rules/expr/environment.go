// Package expr compiles and evaluates the expressions that people write in rule files and mappings, in the Common Expression
// Language (https://cel.dev): conditions of rules, and values made of labels or of any JSON.
//
// Expressions are compiled once, when a file is loaded: parsed, type-checked, and bounded in size and cost. What compiles can be
// evaluated by any number of goroutines, knows no clock and does no I/O; the same values give the same result, since maps are walked
// in the order of their keys.
//
// It differs from plain CEL in one point: in a map of type [Labels] what is missing is empty, as it is for the matchers that stand
// beside such expressions. has(labels.team) tells the two apart.
package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// Limits of one expression.
const (
	// MaxBytes bounds its text.
	MaxBytes = 16 << 10
	// MaxCost bounds what it may cost, where [Environment.Limit] does not say: about one for each operation, and one for each ten
	// characters looked at. What may cost more by its own form is refused when it is compiled, and what does is stopped when it is
	// evaluated; a million take some 50 ms.
	MaxCost = 1_000_000
	// maxDepth bounds how deep parentheses, calls and lists are nested, maxNodes how many parts there are after macros are expanded.
	maxDepth, maxNodes = 64, 5_000
	// maxLoops bounds loops inside of loops, maxScopes loops and bindings in any part of each other.
	maxLoops, maxScopes = 3, 8
	// maxRegex bounds a regular expression, in instructions of the compiled program.
	maxRegex = 1_000
)

// Type is the type of a variable, or of what is wanted of an expression.
type Type uint8

// Types. The zero value is invalid.
const (
	Bool Type = iota + 1
	Int
	Float
	String
	Time
	Duration
	// Strings is a list of texts, Labels a map of texts in which what is missing is empty.
	Strings
	Labels
	// List holds anything, and Map anything by text.
	List
	Map
	// Any is whatever is there: JSON.
	Any
)

// kinds are the types of CEL and what people call them.
var kinds = map[Type]struct {
	cel  *cel.Type
	name string
}{
	Bool:     {cel.BoolType, "true or false"},
	Int:      {cel.IntType, "a whole number"},
	Float:    {cel.DoubleType, "a number"},
	String:   {cel.StringType, "text"},
	Time:     {cel.TimestampType, "a time"},
	Duration: {cel.DurationType, "a duration"},
	Strings:  {cel.ListType(cel.StringType), "a list of texts"},
	Labels:   {cel.MapType(cel.StringType, cel.StringType), "a map of texts"},
	List:     {cel.ListType(cel.DynType), "a list"},
	Map:      {cel.MapType(cel.StringType, cel.DynType), "a map"},
	Any:      {cel.DynType, "anything"},
}

// Variable is a name that expressions may use.
type Variable struct {
	// Name is a CEL name; dots are allowed, as in "entity.kind".
	Name string
	Type Type
}

// Environment is what expressions may use. It does not change, so it may be shared; making one takes some milliseconds.
type Environment struct {
	env       *cel.Env
	variables []Variable
	names     []string         // of variables and functions, sorted, to find what was meant
	labels    []string         // names of the variables of type Labels
	only      []string         // the variables that may be used, if not all
	absent    map[string]Error // by name, why what people may look for is not there
	maxCost   uint64
}

// New makes an environment with these variables. It panics if they are not well formed, since they are the program's own.
func New(variables ...Variable) *Environment {
	e := &Environment{variables: slices.Clone(variables), maxCost: MaxCost}
	options := []cel.EnvOption{
		cel.OptionalTypes(),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableIdentifierEscapeSyntax(),
		cel.EnableHiddenAccumulatorName(true),
		cel.ParserExpressionSizeLimit(MaxBytes),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(1),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegex),
		ext.Strings(), ext.Math(), ext.Regex(), ext.Bindings(), ext.TwoVarComprehensions(),
		ext.Encoders(ext.EncodersVersion(0)), // base64; later versions parse JSON and YAML without a bound
	}
	for _, v := range variables {
		options = append(options, cel.Variable(v.Name, kinds[v.Type].cel))
		e.names = append(e.names, v.Name)
		if v.Type == Labels {
			e.labels = append(e.labels, v.Name)
		}
	}
	env, err := cel.NewEnv(append(options, functions()...)...)
	if err != nil {
		panic("expr: " + err.Error())
	}
	e.env = env
	for name := range env.Functions() {
		if !strings.ContainsAny(name, "@_!-") {
			e.names = append(e.names, name)
		}
	}
	for _, m := range env.Macros() {
		if !strings.ContainsAny(m.Function(), "@") {
			e.names = append(e.names, m.Function())
		}
	}
	slices.Sort(e.names)
	e.names = slices.Compact(e.names)
	return e
}

// Limit returns an environment whose expressions may cost less, or more, than [MaxCost].
func (e *Environment) Limit(cost uint64) *Environment {
	limited := *e
	limited.maxCost = cost
	return &limited
}

// Names are the variables, functions and macros that expressions may use, sorted.
func (e *Environment) Names() []string { return slices.Clone(e.names) }

// Only returns an environment in which no other variables may be used than these.
func (e *Environment) Only(names ...string) *Environment {
	narrow := *e
	narrow.only = names
	hidden := func(name string) bool {
		return slices.ContainsFunc(e.variables, func(v Variable) bool { return v.Name == name }) && !slices.Contains(names, name)
	}
	narrow.names = slices.DeleteFunc(slices.Clone(e.names), hidden)
	return &narrow
}

// bounded reports whether what these variables hold is bounded by whoever fills them in: labels and single values are, any JSON is not.
func (e *Environment) bounded(names []string) bool {
	for _, v := range e.variables {
		switch v.Type {
		case Strings, List, Map, Any:
			if slices.Contains(names, v.Name) {
				return false
			}
		}
	}
	return true
}

// Without returns an environment that has its own words for names which people expect, and which are not there.
func (e *Environment) Without(names map[string]Error) *Environment {
	explained := *e
	explained.absent = names
	return &explained
}

// typeName is what people call a type of CEL.
func typeName(t *cel.Type) string {
	for want := Bool; want <= Any; want++ {
		if k := kinds[want]; k.cel.IsExactType(t) {
			return k.name
		}
	}
	switch t.Kind() {
	case types.ListKind:
		return kinds[List].name
	case types.MapKind:
		return kinds[Map].name
	case types.NullTypeKind:
		return "null"
	}
	if isOptional(t) {
		return "an optional value"
	}
	return t.String()
}
