package expr

import (
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"quell/correlate"
)

// Input gives the variables of one evaluation.
type Input interface {
	// Variable returns the value of a variable, and nil if there is none: then whatever uses it is an error. A value is a bool, int64,
	// float64, string, [time.Time], [time.Duration], []any, map[string]any, []string, map[string]string or [correlate.Labels], or
	// null, [Null]. It must not change until the evaluation is over.
	Variable(name string) any
}

// Values are variables by name.
type Values map[string]any

// Variable returns one.
func (v Values) Variable(name string) any {
	value, ok := v[name]
	if ok && value == nil {
		return Null
	}
	return value
}

// Null is the value null of a variable.
var Null any = types.NullValue

// Wrap makes of labels a value that need not be wrapped again for each evaluation.
func Wrap(l correlate.Labels) any { return &labelMap{l} }

// Scope is an Input that can be used for several evaluations at no cost of its own.
type Scope struct{ In Input }

// Variable returns a variable.
func (s *Scope) Variable(name string) any { return s.In.Variable(name) }

// ResolveName returns a variable as CEL asks for it.
func (s *Scope) ResolveName(name string) (any, bool) {
	switch v := s.In.Variable(name).(type) {
	case nil:
		return nil, false
	case correlate.Labels:
		return &labelMap{v}, true
	default:
		return v, true
	}
}

// Parent is none.
func (s *Scope) Parent() cel.Activation { return nil }

// eval evaluates the expression. The error is of type *[Error]. An optional value that is not there is null.
func (p *Program) eval(in Input) (ref.Val, error) {
	scope, ok := in.(*Scope)
	if !ok {
		scope = &Scope{in}
	}
	v, _, err := p.program.Eval(scope)
	if err != nil {
		return nil, p.failure(err)
	}
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return types.NullValue, nil
		}
		return o.GetValue(), nil
	}
	return v, nil
}

// failure puts an error of an evaluation into our words.
func (p *Program) failure(err error) *Error {
	if e, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
		return &Error{Text: "stopped: " + e.Message, Hint: "the values are larger than the expression is made for"}
	}
	if e, ok := errors.AsType[*types.Err](err); ok {
		return p.offsets.problem(e.NodeID(), e.Error(), "").plain()
	}
	return (&Error{Text: err.Error()}).plain()
}

// wrong says that a value is not what was wanted.
func (p *Program) wrong(v ref.Val, want Type) *Error {
	got := v.Type().TypeName()
	if t, ok := v.Type().(*cel.Type); ok {
		got = typeName(t)
	}
	return &Error{Text: "the expression gives " + got + ", want " + kinds[want].name}
}

// Bool evaluates a condition. Errors of this method and the others are of type *[Error].
func (p *Program) Bool(in Input) (bool, error) {
	v, err := p.eval(in)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, p.wrong(v, Bool)
	}
	return bool(b), nil
}

// String evaluates to text. Numbers, true and false, and times (RFC 3339) become text; null becomes empty.
func (p *Program) String(in Input) (string, error) {
	v, err := p.eval(in)
	if err != nil {
		return "", err
	}
	s, ok := textOf(v)
	if !ok {
		return "", p.wrong(v, String)
	}
	return s, nil
}

// Strings evaluates to a list of texts, of null to none.
func (p *Program) Strings(in Input) ([]string, error) {
	v, err := p.eval(in)
	if err != nil {
		return nil, err
	}
	list, ok := listOf(v)
	switch {
	case !ok:
		return nil, p.wrong(v, Strings)
	case len(list) > maxResult:
		return nil, errTooLarge()
	}
	texts := make([]string, len(list))
	for i, item := range list {
		if texts[i], ok = textOf(item); !ok {
			return nil, p.wrong(item, String)
		}
	}
	return texts, nil
}

// Labels evaluates to a map of texts, of null to none.
func (p *Program) Labels(in Input) (map[string]string, error) {
	v, err := p.eval(in)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string)
	ok := eachEntry(v, func(key, value ref.Val) {
		k, ok1 := textOf(key)
		t, ok2 := textOf(value)
		if texts[k] = t; err == nil && !ok1 {
			err = p.wrong(key, String)
		} else if err == nil && !ok2 {
			err = &Error{Text: fmt.Sprintf("the value of %q is no text", k)}
		}
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, p.wrong(v, Labels)
	}
	return texts, nil
}

// Time evaluates to a time in UTC, of null to the zero one.
func (p *Program) Time(in Input) (time.Time, error) {
	v, err := p.eval(in)
	if err != nil {
		return time.Time{}, err
	}
	switch v := v.(type) {
	case types.Timestamp:
		return v.Time.UTC(), nil
	case types.Null:
		return time.Time{}, nil
	}
	return time.Time{}, p.wrong(v, Time)
}

// List evaluates to a list of what [Program.Value] gives, of null to none.
func (p *Program) List(in Input) ([]any, error) {
	v, err := p.eval(in)
	if err != nil {
		return nil, err
	}
	list, ok := listOf(v)
	if !ok {
		return nil, p.wrong(v, List)
	}
	values, c := make([]any, len(list)), conversion{program: p}
	for i, item := range list {
		if values[i], err = c.native(item); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// Value evaluates to nil or a bool, int64, float64, string, []byte, [time.Time], [time.Duration], []any or map[string]any.
func (p *Program) Value(in Input) (any, error) {
	v, err := p.eval(in)
	if err != nil {
		return nil, err
	}
	c := conversion{program: p}
	return c.native(v)
}
