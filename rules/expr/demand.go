package expr

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Demand is what an expression needs to be true: that a key of a variable of type [Labels] has one of some values.
type Demand struct {
	Variable, Key string
	// Values are not empty texts, sorted.
	Values []string
}

// Demands are what the expression surely needs to be true, as far as that is plain to see: equalities and lists that it joins by &&.
// Where a demand is not met, it is false, and gives no error either. The caller must not change them.
func (p *Program) Demands() []Demand { return p.demands }

func demandsOf(e ast.Expr) []Demand {
	if e.Kind() != ast.CallKind {
		return nil
	}
	c := e.AsCall()
	args := c.Args()
	switch c.FunctionName() {
	case operators.LogicalAnd:
		var all []Demand
		for _, a := range args {
			all = append(all, demandsOf(a)...)
		}
		return all
	case operators.Equals:
		for i := range args {
			if d, ok := demandOf(args[i], args[1-i]); ok {
				return []Demand{d}
			}
		}
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			if d, ok := demandOf(args[0], args[1].AsList().Elements()...); ok {
				return []Demand{d}
			}
		}
	}
	return nil
}

// demandOf is the demand that a label is one of some texts.
func demandOf(label ast.Expr, texts ...ast.Expr) (d Demand, ok bool) {
	if label.Kind() != ast.CallKind || label.AsCall().FunctionName() != functionLabel {
		return d, false
	}
	of := label.AsCall().Args()
	d.Variable = path(of[0])
	if d.Variable == "" || !isText(of[1]) {
		return d, false
	}
	d.Key = string(of[1].AsLiteral().(types.String))
	for _, t := range texts {
		if !isText(t) || t.AsLiteral() == types.String("") {
			return d, false
		}
		d.Values = append(d.Values, string(t.AsLiteral().(types.String)))
	}
	slices.Sort(d.Values)
	d.Values = slices.Compact(d.Values)
	return d, true
}
