package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Node is one value of a file with its position. It is valid during [Read] only.
type Node struct {
	file      *file
	node      ast.Node // free of anchors and aliases; nil for null
	line, col int
	depth     int
	sketch    *sketch                 // nil while a document is read; see Describe
	hints     func(key string) string // nil if there are none
	like      string                  // what a map is like here; may be empty
}

// Setter takes one value: it stores it, or reports what is wrong with it. Under [Describe] there is no value: what it reads stays as it was.
type Setter func(Node)

// Fields are the keys that a map may have.
type Fields map[string]Setter

// Problem reports something wrong with the value.
func (n Node) Problem(text, hint string) {
	if n.sketch == nil {
		n.file.report(Problem{Line: n.line, Col: n.col, Text: text, Hint: hint})
	}
}

// Warn reports something odd about the value that does not keep the file from being used.
func (n Node) Warn(text, hint string) {
	if n.sketch == nil {
		n.file.report(Problem{Line: n.line, Col: n.col, Text: text, Hint: hint, Warning: true})
	}
}

// WarnAs is like [Node.Warn] for a problem of a kind.
func (n Node) WarnAs(kind, text, hint string) {
	n.file.report(Problem{Line: n.line, Col: n.col, Text: text, Hint: hint, Warning: true, Kind: kind})
}

// ProblemAs is like [Node.Problem] for a problem of a kind.
func (n Node) ProblemAs(kind, text, hint string) {
	n.file.report(Problem{Line: n.line, Col: n.col, Text: text, Hint: hint, Kind: kind})
}

// Pos returns "file:line:col", for reasons that point at the file.
func (n Node) Pos() string { return fmt.Sprintf("%s:%d:%d", n.file.name, n.line, n.col) }

// File is the name of the file, as [Read] was given it.
func (n Node) File() string { return n.file.name }

// Line is the line of the value in its file, from 1.
func (n Node) Line() int { return n.line }

// Later returns a problem of the value to be completed and reported after [Read], when more is known.
func (n Node) Later() Problem { return Problem{File: n.file.name, Line: n.line, Col: n.col} }

// Hinting returns the value with hints for keys that [Node.Map] does not know: those that people know from somewhere else, which are no
// misspellings. hints says what to write instead of a key, which counts before the known key that is nearest, or returns "".
func (n Node) Hinting(hints func(key string) string) Node {
	n.hints = hints
	return n
}

// Like returns the value with an example, which [Node.Map] shows if the value is no map.
func (n Node) Like(example string) Node {
	n.like = "write " + example
	return n
}

// Map applies fields to the value's keys, in the order of the file. A key whose value is null counts as not given.
// A required key that is missing, an unknown one and one that is given twice are problems, and so is a value that is no map.
func (n Node) Map(fields Fields, required ...string) { n.keys(fields, true, required) }

// Pick is like [Node.Map] for files of others, which have keys that are none of our business: unknown ones are no problem.
func (n Node) Pick(fields Fields, required ...string) { n.keys(fields, false, required) }

func (n Node) keys(fields Fields, strict bool, required []string) {
	if n.notedMap(fields, strict, required) {
		return
	}
	switch n.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		n.wrongType("a map")
		return
	}
	entries := n.entries()
	given := make(map[string]bool, len(entries))
	for _, e := range entries {
		if n.spent() {
			return
		}
		key, ok := e.Key.(*ast.StringNode)
		if !ok {
			n.keyProblem(e.Key)
			continue
		}
		k := n.at(key)
		set, known := fields[key.Value]
		switch {
		case !known && !strict:
		case !known:
			k.Problem("unknown key "+Quote(key.Value), n.instead(key.Value, fields))
		case given[key.Value]:
			k.Problem("key "+Quote(key.Value)+" is given twice", "")
		default:
			given[key.Value] = true
			if v := n.child(e.Value); v.node != nil {
				set(v)
			} else {
				delete(given, key.Value)
			}
		}
	}
	for _, r := range required {
		if !given[r] && !n.spent() {
			n.Problem("key "+Quote(r)+" is missing", "")
		}
	}
}

// instead is the hint for a key that is not known.
func (n Node) instead(key string, fields Fields) string {
	if n.hints != nil {
		if hint := n.hints(key); hint != "" {
			return hint
		}
	}
	return Suggest(key, slices.Collect(maps.Keys(fields)))
}

func (n Node) keyProblem(key ast.MapKeyNode) {
	k := n.at(key)
	if key.Type() == ast.MergeKeyType {
		k.Problem("merge keys are not supported", "repeat the keys, or use an alias for the whole value")
		return
	}
	k.Problem("key is no text", "")
}

// Entries applies set to each entry of the value, which must be a map whose keys are free, in the order of the file. A value of null counts
// as an entry that is not given.
func (n Node) Entries(set func(key string, n Node)) {
	if n.notedEntries(set) {
		return
	}
	n.Map(n.free(set))
}

// free are fields for whatever keys the value has.
func (n Node) free(set func(key string, n Node)) Fields {
	fields := make(Fields)
	for _, e := range n.entries() {
		if key, ok := e.Key.(*ast.StringNode); ok {
			fields[key.Value] = func(v Node) { set(key.Value, v) }
		}
	}
	return fields
}

// entries are those of a map, or nothing.
func (n Node) entries() []*ast.MappingValueNode {
	switch m := n.node.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

// List applies set to each item of the value, which must be a list.
func (n Node) List(set Setter) {
	if n.notedList(set) {
		return
	}
	list, ok := n.node.(*ast.SequenceNode)
	if !ok {
		n.wrongType("a list")
		return
	}
	for _, item := range list.Values {
		switch v := n.child(item); {
		case n.spent():
			return
		case v.node != nil:
			set(v)
		default:
			v.Problem("empty item in a list", "")
		}
	}
}

// Is reports whether the value is this text.
func (n Node) Is(text string) bool {
	if n.sketch != nil {
		n.sketch.words = append(n.sketch.words, text)
		return false
	}
	s, ok := n.text(false)
	return ok && s == text
}

// text returns a scalar as it was written, without quotes. Numbers and words such as true are texts only where
// plain is true: elsewhere they are most likely a mistake that YAML would hide.
func (n Node) text(plain bool) (string, bool) {
	switch v := n.node.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		if plain {
			return v.GetToken().Value, true
		}
	}
	return "", false
}

func (n Node) wrongType(want string) {
	if n.spent() {
		return
	}
	got, hint := "nothing", ""
	switch n.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		got = "a map"
	case *ast.SequenceNode:
		got = "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		got = "a number"
	case *ast.BoolNode:
		got = "true or false"
	case *ast.StringNode, *ast.LiteralNode:
		got = "text"
	}
	switch {
	case want == "text" && (got == "a number" || got == "true or false"):
		hint = "put it in quotes"
	case want == "a list" && got != "nothing" && got != "a map":
		hint = "write [value]"
	case want == "a map" && got != "nothing":
		hint = n.like
	case want == "a list" && got == "a map":
		hint = "begin each item with -"
	}
	n.Problem("want "+want+", got "+got, hint)
}

// spent reports whether the walk is over because there is too much to visit. That was reported, and what is missing
// because of it is no news.
func (n Node) spent() bool { return n.file.budget < 0 }

// at is a node for reporting problems at a part of n.
func (n Node) at(part ast.Node) Node {
	if line, col := position(part); line > 0 {
		n.line, n.col = line, col
	}
	return n
}

// child goes one level down. It sees through anchors and aliases; the position of an aliased value is where it is defined.
func (n Node) child(part ast.Node) Node {
	c := n.at(part)
	c.depth++
	c.node, c.hints, c.like = nil, nil, ""
	if n.spent() {
		return c
	}
	n.file.budget--
	switch {
	case n.spent():
		c.Problem(fmt.Sprintf("more than %d values", maxNodes), "aliases repeat too much")
		return c
	case c.depth > MaxDepth:
		c.Problem(fmt.Sprintf("nested deeper than %d", MaxDepth), "")
		n.file.budget = -1 // an alias that holds itself has no end; one report is enough
		return c
	}
	for range MaxDepth {
		c = c.at(part)
		switch p := part.(type) {
		case *ast.AnchorNode:
			n.file.anchors[word(p.Name)] = p.Value
			part = p.Value
		case *ast.AliasNode:
			target, ok := n.file.anchors[word(p.Value)]
			if !ok {
				c.Problem("unknown alias "+Quote(word(p.Value)), "define it before with &NAME")
				return c
			}
			part = target
		case *ast.TagNode:
			c.Problem("tags are not supported", "put text that begins with ! in quotes")
			return c
		case nil, *ast.NullNode:
			return c
		default:
			c.node = unsplit(part)
			return c
		}
	}
	c.Problem("alias of itself", "")
	return c
}

// unsplit mends what the parser takes apart: in a list inside of braces it reads a:b as a map of one key, where YAML wants a space
// behind the colon, and [component:payments] or [http://host] mean text.
func unsplit(n ast.Node) ast.Node {
	m, ok := n.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 || m.Start.Type == token.MappingStartType {
		return n
	}
	pair := m.Values[0]
	var text ast.StringNode
	switch key := pair.Key.(type) {
	case *ast.StringNode:
		text = *key
	case *ast.IntegerNode:
		text = *ast.String(key.Token) // 2026:2028
	default:
		return n
	}
	if pair.Value == nil || text.Token.Type != token.StringType && text.Token.Type != token.IntegerType {
		return n
	}
	colon, value := pair.Start, pair.Value.GetToken()
	if _, scalar := pair.Value.(ast.ScalarNode); !scalar || value.Position.Line != colon.Position.Line || value.Position.Column != colon.Position.Column+1 {
		return n
	}
	text.Value += ":" + value.Value
	return &text
}

// word is the name of an anchor or alias.
func word(n ast.Node) string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.GetToken().Value)
}

// position is where a node begins. The parser calls the first colon the token of a block map, so ask its first key.
func position(n ast.Node) (line, col int) {
	var t *token.Token
	switch v := n.(type) {
	case nil:
		return 0, 0
	case *ast.MappingNode:
		t = v.Start
		if !v.IsFlowStyle && len(v.Values) > 0 {
			t = v.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		t = v.Key.GetToken()
	default:
		t = n.GetToken()
	}
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}
