// Package strictyaml reads the YAML files that people write for quell: strictly, and with the position of every problem.
// Unknown keys, keys given twice and values of the wrong type are problems; all of them are reported at once.
//
// A file is decoded by functions, not by reflection: each key has a [Setter], which says in one place where the value goes
// and what it must be like. Positions are at hand for whatever else there is to say about a value.
//
// The package is pure: bytes in, values and problems out. What a file may cost is bounded: its size, its tokens, its depth
// and how far aliases may blow it up.
package strictyaml

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of one file. The parser takes time that grows with the square of depth and of the number of keys in one
// map, so tokens and depth are checked before it runs.
const (
	// MaxBytes bounds the size of a file.
	MaxBytes = 1 << 20
	// MaxTokens bounds the tokens of a file: keys, values and punctuation; 2500 rules fit.
	MaxTokens = 50_000
	// MaxDepth bounds how deep maps and lists are nested, aliases included.
	MaxDepth = 64
	// maxNodes bounds the values that are visited, which is more than there are in the text when aliases repeat them.
	maxNodes = 100_000
)

// Read parses data as one YAML document, applies set to it and returns the problems found, sorted. An empty document
// counts as an empty map. Name stands for the file in the problems.
func Read(name string, data []byte, set Setter) Problems {
	f := newFile(name)
	if docs, ok := f.parse(data); ok {
		n := Node{file: f, line: 1, col: 1}
		switch len(docs) {
		case 0:
			n.node = &ast.MappingNode{}
			set(n)
		case 1:
			set(n.child(docs[0]))
		default:
			n.at(docs[1]).Problem("second document in one file", "split the file at ---")
		}
	}
	f.problems.Sort()
	return slices.Compact(f.problems) // who looks at a map twice sees the same twice
}

// ReadAll is like [Read] for files that may hold several documents, separated by lines of "---": set is applied to each that is not
// empty.
func ReadAll(name string, data []byte, set Setter) Problems {
	f := newFile(name)
	docs, _ := f.parse(data)
	for _, d := range docs {
		clear(f.anchors) // they end with their document
		set(Node{file: f, line: 1, col: 1}.child(d))
	}
	f.problems.Sort()
	return f.problems
}

func newFile(name string) *file {
	return &file{name: name, anchors: make(map[string]ast.Node), budget: maxNodes}
}

// file is the state of reading one file.
type file struct {
	name     string
	problems Problems
	anchors  map[string]ast.Node
	budget   int
	data     []byte
}

func (f *file) report(p Problem) {
	if len(f.problems) < MaxProblems {
		p.File = f.name
		f.problems = append(f.problems, p)
	}
}

// parse returns the roots of the documents that are not empty; ok is false if the text is none.
func (f *file) parse(data []byte) (docs []ast.Node, ok bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the same to YAML; the parser loses its way in braces over several lines
	f.data = data
	if len(data) > MaxBytes {
		f.report(Problem{Text: fmt.Sprintf("file of %d bytes is larger than %d", len(data), MaxBytes), Hint: "split it"})
		return nil, false
	}
	if at := invalid(data); at >= 0 {
		p := Problem{Text: "not UTF-8 text", Hint: "save the file as UTF-8"}
		if p.Line, p.Col = Position(data, at); data[at] == 0 {
			p.Text = "a NUL character, which no text has"
		}
		f.report(p)
		return nil, false
	}
	// The parser knows how to panic on some malformed input. Whatever a file says must not take a reload down.
	defer func() {
		if p := recover(); p != nil {
			f.report(Problem{Line: 1, Col: 1, Text: fmt.Sprintf("cannot be parsed: %s", Quote(fmt.Sprint(p)))})
			docs, ok = nil, false
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if !f.affordable(tokens) {
		return nil, false
	}
	for _, part := range documents(tokens) {
		tree, err := parser.Parse(part, 0, parser.AllowDuplicateMapKey())
		if err != nil {
			f.report(f.syntaxProblem(err))
			return nil, false
		}
		for _, d := range tree.Docs {
			if d != nil && d.Body != nil && d.Body.Type() != ast.CommentType {
				docs = append(docs, d.Body)
			}
		}
	}
	return docs, true
}

// documents splits tokens before each "---" that ends a document. The parser could do it, but takes an empty document for the last.
func documents(tokens token.Tokens) []token.Tokens {
	var parts []token.Tokens
	begin := 0
	for i, t := range tokens {
		if t.Type == token.DocumentHeaderType && i > begin && tokens[begin].Type != token.DirectiveType {
			parts = append(parts, tokens[begin:i])
			begin = i
		}
	}
	return append(parts, tokens[begin:])
}

func invalid(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 || r == 0 {
			return at
		}
		at += size
	}
	return -1
}

// Position returns the line and the column, in characters from 1, of an offset in bytes.
func Position(data []byte, offset int) (line, col int) {
	before := data[:min(max(offset, 0), len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// affordable refuses what would take the parser too long, before it sees it.
func (f *file) affordable(tokens token.Tokens) bool {
	if len(tokens) > MaxTokens {
		f.report(Problem{Text: fmt.Sprintf("file of %d tokens is larger than %d", len(tokens), MaxTokens), Hint: "split it"})
		return false
	}
	depth, onLine, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			onLine++ // "- - - x" nests without brackets
		}
		if depth > MaxDepth || onLine > MaxDepth && depth == 0 {
			f.report(Problem{Line: line, Col: t.Position.Column, Text: fmt.Sprintf("nested deeper than %d", MaxDepth)})
			return false
		}
	}
	return true
}
