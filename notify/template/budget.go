package template

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	texttemplate "text/template"
	"text/template/parse"

	am "github.com/prometheus/alertmanager/template"
)

// Limits of one rendering. The largest default template stays below a tenth of each for an incident of fifty symptoms.
const (
	// maxOutput bounds what a template writes.
	maxOutput = 1 << 20
	// maxRounds bounds the rounds of all loops and the calls of all templates.
	maxRounds = 20_000
	// maxMade bounds what functions return, so that texts cannot be doubled without end.
	maxMade = 8 << 20
)

// stepFunc is the name of the function that counts rounds.
const stepFunc = "quell_round"

// Errors of a rendering that takes too much.
var (
	errOutput = fmt.Errorf("the template writes more than %d bytes", maxOutput)
	errRounds = fmt.Errorf("the template loops or calls others more than %d times", maxRounds)
	errMade   = fmt.Errorf("the template's functions make more than %d bytes", maxMade)
)

// ours are the functions that Alertmanager does not have.
var ours = map[string]any{
	// first and last take a list apart: {{ range first 5 .Incident.Affected }}.
	"first": func(n int, list any) (any, error) {
		return slice(list, func(length int) (int, int) { return 0, min(n, length) })
	},
	"last": func(n int, list any) (any, error) {
		return slice(list, func(length int) (int, int) { return length - min(n, length), length })
	},
}

// slice returns part of a list.
func slice(list any, part func(length int) (from, to int)) (any, error) {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice {
		return nil, errors.New("want a list")
	}
	from, to := part(v.Len())
	if from < 0 || to < from {
		return nil, errors.New("want a number of items that is not negative")
	}
	return v.Slice(from, to).Interface(), nil
}

// budget is what one rendering may take. It is the writer of its output.
type budget struct {
	out          bytes.Buffer
	rounds, made int
	spent        error
}

// Write keeps output until there is too much of it.
func (b *budget) Write(p []byte) (int, error) {
	if b.out.Len()+len(p) > maxOutput {
		b.spent = errOutput
		return 0, errOutput
	}
	return b.out.Write(p)
}

// round counts one round of a loop or one call of a template.
func (b *budget) round() (string, error) {
	if b.rounds++; b.rounds > maxRounds {
		b.spent = errRounds
		return "", errRounds
	}
	return "", nil
}

// charge counts what a function made.
func (b *budget) charge(v reflect.Value) {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		b.made += v.Len()
	case reflect.Slice, reflect.Map:
		b.made += 16 * v.Len()
	}
	if b.made > maxMade {
		b.spent = errMade
		panic(errMade) // the template packages make it the error of the call
	}
}

// funcs returns all functions, each of which counts what it makes.
func (b *budget) funcs() map[string]any {
	all := make(map[string]any)
	maps.Copy(all, am.DefaultFuncs)
	maps.Copy(all, ours)
	maps.Copy(all, map[string]any{
		"print": fmt.Sprint, "println": fmt.Sprintln, "printf": fmt.Sprintf,
		"html": texttemplate.HTMLEscaper, "js": texttemplate.JSEscaper, "urlquery": texttemplate.URLQueryEscaper,
	})
	for name, f := range all {
		all[name] = b.counted(reflect.ValueOf(f))
	}
	all[stepFunc] = b.round
	return all
}

func (b *budget) counted(f reflect.Value) any {
	call := f.Call
	if f.Type().IsVariadic() {
		call = f.CallSlice
	}
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
		results := call(args)
		b.charge(results[0])
		return results
	}).Interface()
}

// count is the action that counts a round: {{ $quell := quell_round }}. An assignment writes nothing, in HTML neither.
var count = sync.OnceValue(func() *parse.ActionNode {
	const text = "{{ $quell := " + stepFunc + " }}"
	trees, err := parse.Parse("quell", text, "", "", map[string]any{stepFunc: nothing})
	if err != nil {
		panic(fmt.Sprintf("template: %v", err))
	}
	return trees["quell"].Root.Nodes[0].(*parse.ActionNode)
})

// nothing stands for functions that only have to be there for the parser.
func nothing() string { return "" }

// instrument has a template count each call of it and each round of its loops.
func instrument(t *parse.Tree) {
	if t == nil || t.Root == nil || len(t.Root.Nodes) == 0 {
		return
	}
	prepend(t.Root)
	walk(t.Root, func(n parse.Node) {
		if loop, ok := n.(*parse.RangeNode); ok {
			prepend(loop.List)
		}
	})
}

// instrumentField does so for what a field defines; files were seen to when they were parsed.
func instrumentField(t *parse.Tree) {
	if t != nil && t.ParseName == fieldName {
		instrument(t)
	}
}

// walk visits all actions of a list and of what is nested in it, outer ones first.
func walk(list *parse.ListNode, visit func(parse.Node)) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		visit(n)
		var branch *parse.BranchNode
		switch n := n.(type) {
		case *parse.IfNode:
			branch = &n.BranchNode
		case *parse.WithNode:
			branch = &n.BranchNode
		case *parse.RangeNode:
			branch = &n.BranchNode
		default:
			continue
		}
		walk(branch.List, visit)
		walk(branch.ElseList, visit)
	}
}

func prepend(list *parse.ListNode) {
	list.Nodes = append([]parse.Node{count().Copy()}, list.Nodes...)
}
