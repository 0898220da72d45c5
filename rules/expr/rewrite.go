package expr

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"quell/internal/strictyaml"
)

// rewriter turns what is looked up in maps of type [Labels] into calls of a function that knows that missing is empty, and
// reports regular expressions that are made at run time.
type rewriter struct {
	labels  []string
	next    int64 // the next free id of a node
	offsets offsets
	loops   int // that the part is inside of
	scopes  int // loops and bindings that the part is in any part of
	problem *Error
}

// regexArgument says which argument of a function is a regular expression.
var regexArgument = map[string]int{"matches": 1, "regex.extract": 1, "regex.extractAll": 1, "regex.replace": 1}

// rewrite changes a tree in place. Hidden are the names that loops around it give a meaning of their own.
func (r *rewriter) rewrite(e ast.Expr, hidden []string) {
	switch e.Kind() {
	case ast.SelectKind:
		s := e.AsSelect()
		r.rewrite(s.Operand(), hidden)
		if !s.IsTestOnly() && r.isLabels(s.Operand(), hidden) {
			key := r.factory().NewLiteral(r.id(e), types.String(s.FieldName()))
			e.SetKindCase(r.factory().NewCall(e.ID(), functionLabel, s.Operand(), key))
		}
	case ast.CallKind:
		r.call(e, hidden)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			r.rewrite(item, hidden)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.rewrite(entry.AsMapEntry().Key(), hidden)
			r.rewrite(entry.AsMapEntry().Value(), hidden)
		}
	case ast.StructKind:
		for _, f := range e.AsStruct().Fields() {
			r.rewrite(f.AsStructField().Value(), hidden)
		}
	case ast.ComprehensionKind:
		r.loop(e, hidden)
	}
}

// loop rewrites a loop, or a binding, which is a loop over nothing.
func (r *rewriter) loop(e ast.Expr, hidden []string) {
	c := e.AsComprehension()
	before := r.loops
	r.scopes++
	defer func() { r.scopes, r.loops = r.scopes-1, before }()
	if r.scopes > maxScopes && r.problem == nil {
		// CEL's estimate of costs takes time that doubles with each.
		r.problem = r.offsets.problem(e.ID(), fmt.Sprintf("more than %d loops and bindings inside of each other or in a chain", maxScopes), "split it")
	}
	r.rewrite(c.IterRange(), hidden)
	r.rewrite(c.AccuInit(), hidden)
	if over := c.IterRange(); over.Kind() != ast.ListKind || over.AsList().Size() > 0 {
		if r.loops++; r.loops > maxLoops && r.problem == nil {
			r.problem = r.offsets.problem(e.ID(), fmt.Sprintf("more than %d loops inside of each other", maxLoops), "loop over less")
		}
	}
	inside := append(slices.Clone(hidden), c.IterVar(), c.IterVar2(), c.AccuVar())
	r.rewrite(c.LoopCondition(), inside)
	r.rewrite(c.LoopStep(), inside)
	r.rewrite(c.Result(), append(slices.Clone(hidden), c.AccuVar()))
}

func (r *rewriter) call(e ast.Expr, hidden []string) {
	c := e.AsCall()
	name, args := c.FunctionName(), c.Args()
	if c.IsMemberFunction() {
		r.rewrite(c.Target(), hidden)
		if t := c.Target(); t.Kind() == ast.IdentKind {
			name = t.AsIdent() + "." + name
		}
	}
	for _, a := range args {
		r.rewrite(a, hidden)
	}
	r.regex(c, name)
	r.literal(c, name)
	if name == operators.Index && len(args) == 2 && r.isLabels(args[0], hidden) {
		e.SetKindCase(r.factory().NewCall(e.ID(), functionLabel, args[0], args[1]))
	}
}

// regex checks the regular expression in a call of a function that takes one. They are compiled once, so they cannot be made of values.
func (r *rewriter) regex(c ast.CallExpr, name string) {
	at, ok := regexArgument[name]
	if c.IsMemberFunction() && c.FunctionName() == "matches" {
		at, ok = 0, true
	}
	if !ok || at >= len(c.Args()) || r.problem != nil {
		return
	}
	arg := c.Args()[at]
	if !isText(arg) {
		r.problem = r.offsets.problem(leftmost(arg).ID(), "the regular expression is not a text in quotes", "regular expressions are compiled once, so they cannot be made of values")
		return
	}
	if err := checkRegex(string(arg.AsLiteral().(types.String))); err != nil {
		r.problem = r.offsets.problem(arg.ID(), "bad regular expression: "+err.Error(), "")
	}
}

// literal checks times and durations that are written out, so that mistakes in them are found when they are loaded.
func (r *rewriter) literal(c ast.CallExpr, name string) {
	if len(c.Args()) != 1 || !isText(c.Args()[0]) || r.problem != nil {
		return
	}
	text := c.Args()[0].AsLiteral().(types.String)
	switch {
	case name == "timestamp" && types.IsError(text.ConvertToType(types.TimestampType)):
		r.problem = r.offsets.problem(c.Args()[0].ID(), strictyaml.Quote(string(text))+" is no time", `write timestamp("2026-01-31T12:00:00Z")`)
	case name == "duration" && types.IsError(text.ConvertToType(types.DurationType)):
		r.problem = r.offsets.problem(c.Args()[0].ID(), strictyaml.Quote(string(text))+" is no duration", `write duration("90s") or duration("1h30m")`)
	}
}

// checkRegex refuses what is no regular expression of RE2, or too large a one.
func checkRegex(text string) error {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return err
	}
	if n := len(program.Inst); n > maxRegex {
		return fmt.Errorf("it compiles to %d instructions, more than %d", n, maxRegex)
	}
	return nil
}

// leftmost is where an expression begins: CEL tells of x.y where the dot is.
func leftmost(e ast.Expr) ast.Expr {
	for {
		switch {
		case e.Kind() == ast.SelectKind:
			e = e.AsSelect().Operand()
		case e.Kind() == ast.CallKind && e.AsCall().FunctionName() == functionLabel:
			e = e.AsCall().Args()[0]
		case e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction():
			e = e.AsCall().Target()
		default:
			return e
		}
	}
}

// isText reports whether an expression is a text in quotes.
func isText(e ast.Expr) bool {
	if e.Kind() != ast.LiteralKind {
		return false
	}
	_, ok := e.AsLiteral().(types.String)
	return ok
}

// isLabels reports whether an expression is a variable of type Labels.
func (r *rewriter) isLabels(e ast.Expr, hidden []string) bool {
	name := path(e)
	return slices.Contains(r.labels, name) && !slices.Contains(hidden, name)
}

// path is the name of a variable, whose name may have dots, or "".
func path(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if p := path(e.AsSelect().Operand()); p != "" && !e.AsSelect().IsTestOnly() {
			return p + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}

func (r *rewriter) factory() ast.ExprFactory { return ast.NewExprFactory() }

// id is a new id for a part of e, at the same place.
func (r *rewriter) id(e ast.Expr) int64 {
	id := r.next
	r.next++
	if span, ok := r.offsets.info.GetOffsetRange(e.ID()); ok {
		r.offsets.info.SetOffsetRange(id, span)
	}
	return id
}

// uses are the variables that a checked expression uses, sorted.
func (e *Environment) uses(tree *ast.AST) []string {
	var names []string
	for _, ref := range tree.ReferenceMap() {
		if slices.ContainsFunc(e.variables, func(v Variable) bool { return v.Name == ref.Name }) {
			names = append(names, ref.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// foreign is the error for the first variable that may not be used here, nil if there is none.
func (e *Environment) foreign(tree *ast.AST, at offsets) *Error {
	var found *Error
	for id, ref := range tree.ReferenceMap() {
		declared := slices.ContainsFunc(e.variables, func(v Variable) bool { return v.Name == ref.Name })
		if !declared || slices.Contains(e.only, ref.Name) {
			continue
		}
		err := at.problem(id, strictyaml.Quote(ref.Name)+" is not known here", "there are "+e.partsOf(""))
		if begin := strings.LastIndex(at.text[:min(err.Offset+1, len(at.text))], strings.SplitN(ref.Name, ".", 2)[0]); begin >= 0 && begin < err.Offset {
			err.Offset = begin // of a name with dots, CEL tells where the dot is
		}
		if found == nil || err.Offset < found.Offset || err.Offset == found.Offset && err.Text < found.Text {
			found = err
		}
	}
	return found
}

// mapRanges are the ids of what loops run over, where that may be a map.
func mapRanges(tree *ast.AST) map[int64]bool {
	ranges := make(map[int64]bool)
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			over := e.AsComprehension().IterRange()
			if t, ok := tree.TypeMap()[over.ID()]; !ok || t.Kind() != types.ListKind {
				ranges[over.ID()] = true
			}
		}
	}))
	return ranges
}
