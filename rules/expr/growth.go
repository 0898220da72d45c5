package expr

import (
	"slices"
	"strings"
	"unicode/utf8"

	celfunctions "cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// bytesPerCost is how many bytes of new text CEL reckons as one.
const bytesPerCost = 10

// growing are the functions whose text may be as long as the product of what they are given, or of what a list repeats. CEL reckons what a
// text costs when it is there; by then two megabytes would have made a terabyte.
var growing = map[string]func(args []ref.Val, most int) (bytes int){
	"replace": replacedBytes,
	"join":    joinedBytes,
	"format":  joinedBytes,
}

// growsWithin makes the functions whose result may be far longer than what they are given look at that first.
func (e *Environment) growsWithin() interpreter.InterpretableDecoratorV2 {
	most := int(min(e.maxCost, MaxCost)) * bytesPerCost
	return func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		call, ok := i.(interpreter.InterpretableCall)
		if !ok || growing[call.Function()] == nil {
			return i, nil
		}
		does, err := e.binding(call)
		if does == nil || err != nil {
			return i, err
		}
		bytes := growing[call.Function()]
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
			if bytes(args, most) > most {
				return types.NewErr("stopped: the text would be longer than %d bytes", most)
			}
			return does(args...)
		}), nil
	}
}

// binding is what a call does, for any number of arguments; nil if it is not known.
func (e *Environment) binding(call interpreter.InterpretableCall) (celfunctions.FunctionOp, error) {
	list, err := e.env.Functions()[call.Function()].Bindings()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{call.OverloadID(), call.Function()} {
		at := slices.IndexFunc(list, func(o *celfunctions.Overload) bool { return o.Operator == name })
		if at < 0 {
			continue
		}
		o, n := list[at], len(call.Args())
		switch {
		case n == 1 && o.Unary != nil:
			return func(args ...ref.Val) ref.Val { return o.Unary(args[0]) }, nil
		case n == 2 && o.Binary != nil:
			return func(args ...ref.Val) ref.Val { return o.Binary(args[0], args[1]) }, nil
		case o.Function != nil:
			return o.Function, nil
		}
	}
	return nil, nil
}

// replacedBytes is how long text.replace(old, new) may be; what is no text is an error of the function.
func replacedBytes(args []ref.Val, _ int) int {
	var texts [3]string
	for i := range min(len(args), len(texts)) {
		s, _ := args[i].(types.String)
		texts[i] = string(s)
	}
	places := utf8.RuneCountInString(texts[0]) + 1
	if texts[1] != "" {
		places = strings.Count(texts[0], texts[1])
	}
	if len(args) > 3 {
		if n, ok := args[3].(types.Int); ok && n >= 0 {
			places = min(places, int(n))
		}
	}
	return len(texts[0]) + places*len(texts[2])
}

// joinedBytes is about how long the texts are in args, those in lists and maps included; behind most it does not count on. A text between
// items counts for each.
func joinedBytes(args []ref.Val, most int) int {
	n := 0
	for _, a := range args {
		n += deepBytes(a, most-n)
	}
	if list, ok := args[0].(traits.Lister); ok && len(args) > 1 {
		items, _ := list.Size().(types.Int)
		between, _ := args[1].(types.String)
		n += int(items) * len(between)
	}
	return n
}

func deepBytes(v ref.Val, most int) int {
	const other, brackets = 8, 2 // other is a number or a time
	switch v := v.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	case traits.Mapper:
		n := brackets
		for it := v.Iterator(); n <= most && it.HasNext() == types.True; {
			key := it.Next()
			n += deepBytes(key, most-n) + deepBytes(v.Get(key), most-n)
		}
		return n
	case traits.Lister:
		n := brackets
		for it := v.Iterator(); n <= most && it.HasNext() == types.True; {
			n += deepBytes(it.Next(), most-n)
		}
		return n
	}
	return other
}
