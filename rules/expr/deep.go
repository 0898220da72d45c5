package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// CEL counts an evaluation's cost call by call, and only once a call is over. Most calls look at their arguments once, so the last one of
// an evaluation takes no longer than it takes to read what it is given. These do not: what is compared may be a list of lists of one list,
// which is far longer than what it is made of. They look first, and CEL's reckoning that they cost as much as the length of the outer
// list is put right by [actual].

// comparesWithin makes the comparisons of a program that are of more than single values look at how much that is, first.
func (e *Environment) comparesWithin(of map[int64]bool) interpreter.InterpretableDecoratorV2 {
	most := min(e.maxCost, MaxCost)
	return func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		call, ok := i.(interpreter.InterpretableCall)
		if !ok || !of[call.ID()] || len(call.Args()) != 2 {
			return i, nil
		}
		compares := func(args ...ref.Val) ref.Val { return types.Equal(args[0], args[1]) }
		costs := comparison
		switch call.Function() {
		case operators.Equals:
		case operators.NotEquals:
			compares = func(args ...ref.Val) ref.Val { return types.Bool(types.Equal(args[0], args[1]) != types.True) }
		case operators.In:
			does, err := e.binding(call)
			if does == nil || err != nil {
				return i, err
			}
			compares, costs = does, membership
		default:
			return i, nil // a part of a macro with the id of what it is made of
		}
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
			if costs(args[0], args[1], most) > most {
				return types.NewErr("stopped: the comparison would cost more than %d", most)
			}
			return compares(args...)
		}), nil
	}
}

// comparisons are the ids of calls that may compare lists, maps or long texts with many of them: all but those with a single value
// beside a single value, and those with a list that is written out.
func comparisons(tree *ast.AST) map[int64]bool {
	found := make(map[int64]bool)
	single := func(e ast.Expr) bool {
		if e.Kind() == ast.LiteralKind {
			return true
		}
		t, ok := tree.TypeMap()[e.ID()]
		if !ok {
			return false
		}
		switch t.Kind() {
		case types.ListKind, types.MapKind, types.DynKind, types.AnyKind, types.OpaqueKind, types.TypeParamKind:
			return false
		}
		return true
	}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.Equals, operators.NotEquals:
			found[e.ID()] = !single(args[0]) && !single(args[1])
		case operators.In:
			found[e.ID()] = !writtenOut(args[1])
		}
	}))
	return found
}

// writtenOut reports whether an expression is a list of single values as they are.
func writtenOut(e ast.Expr) bool {
	if e.Kind() != ast.ListKind {
		return false
	}
	for _, item := range e.AsList().Elements() {
		if item.Kind() != ast.LiteralKind {
			return false
		}
	}
	return true
}

// loops reports whether a program has loops or bindings: without them it does little more than once what it says.
func loops(tree *ast.AST) (found bool) {
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) { found = found || e.Kind() == ast.ComprehensionKind }))
	return found
}

// comparison is what it costs at most to compare two values, in all their depth. Behind most it does not count on.
func comparison(a, b ref.Val, most uint64) uint64 {
	switch a := a.(type) {
	case types.String:
		if b, ok := b.(types.String); ok {
			return scan(min(len(a), len(b)))
		}
	case types.Bytes:
		if b, ok := b.(types.Bytes); ok {
			return scan(min(len(a), len(b)))
		}
	case *types.Optional:
		if b, ok := b.(*types.Optional); ok && a.HasValue() && b.HasValue() {
			return comparison(a.GetValue(), b.GetValue(), most)
		}
	case traits.Mapper:
		if b, ok := b.(traits.Mapper); ok {
			return mapComparison(a, b, most)
		}
	case traits.Lister:
		b, ok := b.(traits.Lister)
		if !ok || a.Size() != b.Size() {
			return 1
		}
		n := uint64(1)
		for x, y := a.Iterator(), b.Iterator(); n <= most && x.HasNext() == types.True; {
			n += comparison(x.Next(), y.Next(), most-n)
		}
		return n
	}
	return 1
}

func mapComparison(a, b traits.Mapper, most uint64) uint64 {
	n := uint64(1)
	if a.Size() != b.Size() {
		return n
	}
	for it := a.Iterator(); n <= most && it.HasNext() == types.True; n++ {
		key := it.Next()
		x, _ := a.Find(key)
		if y, ok := b.Find(key); ok {
			n += comparison(x, y, most-n)
		}
	}
	return n
}

// membership is what it costs at most to look for a value in a list; in a map it is found at once.
func membership(v, in ref.Val, most uint64) uint64 {
	list, ok := in.(traits.Lister)
	if !ok {
		return 1
	}
	n := uint64(1)
	for it := list.Iterator(); n <= most && it.HasNext() == types.True; {
		n += comparison(v, it.Next(), most-n)
	}
	return n
}

// scan is what it costs to look at some bytes.
func scan(bytes int) uint64 { return 1 + uint64(bytes)/bytesPerCost }

// actual tells CEL what calls did cost that it reckons as one, however large what they were given is: functions of our own, and any call
// on values whose type is known only when they are there. It does not count on behind most.
type actual struct{ most uint64 }

const (
	// functionSort is the name under which loops over maps are paid for: their keys are sorted before the first one is looked at.
	functionSort = "@sort"
	// costPerKey is what it costs to sort one key among many, and costOfZone to find a time zone.
	costPerKey, costOfZone = 3, 300
	// costOfTime is what it costs to try all layouts on a text.
	costOfTime = 40
)

// walked are the functions that look at each item of a list that they are given.
var walked = map[string]bool{"math.@max": true, "math.@min": true, "unwrapOpt": true, "optional.unwrap": true}

// scanned are the functions that look at each character of a text, and for which CEL has no cost.
var scanned = map[string]bool{
	overloads.Size: true, overloads.TypeConvertInt: true, overloads.TypeConvertUint: true, overloads.TypeConvertDouble: true,
	overloads.TypeConvertBool: true, overloads.TypeConvertTimestamp: true, overloads.TypeConvertDuration: true,
	functionFingerprint: true, "base64.encode": true, "base64.decode": true,
}

// CallCost returns nil for calls of which CEL knows what they cost.
func (c actual) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	switch {
	case function == operators.Index || function == operators.OptIndex:
	case len(args) == 2 && (function == operators.Equals || function == operators.NotEquals):
		cost = comparison(args[0], args[1], c.most)
	case len(args) == 2 && function == operators.In:
		cost = membership(args[0], args[1], c.most)
	case function == functionSort:
		cost += costPerKey * sizeOf(result)
	case function == operators.Add:
		cost = scan(len(textOrBytes(result))) + sizeOf(result)/bytesPerCost
	case len(args) == 2 && strings.HasPrefix(function, "get"): // of a time, in a zone
		cost = costOfZone
	case function == functionParseTime:
		cost = costOfTime + scan(len(textOrBytes(args[0])))
	case walked[function]:
		cost += sizeOf(args[0])
	case scanned[function], overload == "":
		for _, a := range args {
			cost += scan(len(textOrBytes(a))) - 1
		}
	default:
		return nil
	}
	return &cost
}

// textOrBytes is what a single value has of either.
func textOrBytes(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Bytes:
		return string(v)
	}
	return ""
}

// sizeOf is how many items a list or a map has; none if it is neither, as where a call failed.
func sizeOf(v ref.Val) uint64 {
	switch v.(type) {
	case traits.Lister, traits.Mapper:
		n, _ := v.(traits.Sizer).Size().(types.Int)
		return uint64(max(n, 0))
	}
	return 0
}

// sorting is the call that loops over maps are paid for by.
type sorting struct{}

// Function is the name of the call.
func (sorting) Function() string { return functionSort }

// OverloadID is the name of the call.
func (sorting) OverloadID() string { return functionSort }
