package expr

import (
	"fmt"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Program is a compiled expression. It does not change, so it may be shared.
type Program struct {
	text    string
	want    Type
	names   []string
	demands []Demand
	program cel.Program
	offsets offsets
}

// Text is the expression as it was written.
func (p *Program) Text() string { return p.text }

// Names are the variables that the expression uses, sorted. The caller must not change them.
func (p *Program) Names() []string { return p.names }

// Compile makes a program of an expression that gives what is wanted: exactly that type, or one that is known only when it is
// evaluated, such as a part of JSON. The error is of type *[Error].
func (e *Environment) Compile(text string, want Type) (*Program, error) {
	if len(text) > MaxBytes {
		return nil, &Error{Text: fmt.Sprintf("expression of %d bytes is longer than %d", len(text), MaxBytes), Hint: "split it"}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{Text: "the expression is not UTF-8 text"}
	}
	parsed, issues := e.env.Parse(text)
	if len(issues.Errors()) > 0 { // not Err, which writes them all out
		return nil, e.syntaxError(text, issues)
	}
	tree := parsed.NativeRep()
	r := rewriter{labels: e.labels, next: ast.MaxID(tree) + 1, offsets: offsets{text, tree.SourceInfo()}}
	r.rewrite(tree.Expr(), nil)
	if r.problem != nil {
		return nil, r.problem
	}
	checked, issues := e.env.Check(parsed)
	if len(issues.Errors()) > 0 {
		return nil, e.checkError(text, tree, issues)
	}
	if e.only != nil {
		if err := e.foreign(checked.NativeRep(), offsets{text, tree.SourceInfo()}); err != nil {
			return nil, err
		}
	}
	if got := checked.OutputType(); !fits(got, want) {
		err := &Error{Text: "the expression gives " + typeName(got) + ", want " + kinds[want].name}
		if want == Bool {
			err.Hint = "compare it with something"
		}
		return nil, err
	}
	return e.plan(text, want, checked)
}

// plan makes a program of what is known to be well formed and typed.
func (e *Environment) plan(text string, want Type, checked *cel.Ast) (*Program, error) {
	cost, err := e.env.EstimateCost(checked, estimator{})
	if err != nil {
		return nil, &Error{Text: "the cost of the expression is unknown: " + err.Error()}
	}
	if cost.Max > e.maxCost {
		return nil, &Error{
			Text: fmt.Sprintf("the expression may cost %s, more than %d", costText(cost.Max), e.maxCost),
			Hint: fmt.Sprintf("lists and maps are taken to have %d items, texts %d characters; loop over less, or look at less text", assumedItems, assumedBytes),
		}
	}
	tree := checked.NativeRep()
	names := e.uses(tree)
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(e.growsWithin())}
	if !e.bounded(names) || loops(tree) {
		options = append(options, cel.CostTracking(actual{e.maxCost}), cel.CostLimit(e.maxCost))
	}
	if deep := comparisons(tree); len(deep) > 0 {
		options = append(options, cel.CustomDecoratorV2(e.comparesWithin(deep)))
	}
	if ranges := mapRanges(tree); len(ranges) > 0 {
		options = append(options, cel.CustomDecoratorV2(inOrder(ranges)))
	}
	program, err := e.env.Program(checked, options...)
	if err != nil {
		return nil, &Error{Text: "the expression cannot be planned: " + err.Error()}
	}
	return &Program{
		text: text, want: want, names: names, demands: demandsOf(tree.Expr()), program: program, offsets: offsets{text, tree.SourceInfo()},
	}, nil
}

// fits reports whether an expression of this type can give what is wanted.
func fits(got *cel.Type, want Type) bool {
	if isOptional(got) {
		got = got.Parameters()[0]
	}
	switch k := got.Kind(); want {
	case Any:
		return true
	case Float:
		return k == types.DoubleKind || k == types.IntKind || k == types.UintKind || k == types.DynKind
	case String:
		switch k {
		case types.ListKind, types.MapKind, types.TypeKind, types.BytesKind, types.DurationKind:
			return false
		}
		return true
	case List, Strings:
		return k == types.ListKind || k == types.DynKind
	case Map, Labels:
		return k == types.MapKind || k == types.DynKind
	default:
		return k == kinds[want].cel.Kind() || k == types.DynKind
	}
}

// isOptional reports whether a type is that of values that may not be there.
func isOptional(t *cel.Type) bool {
	return t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type" && len(t.Parameters()) == 1
}
