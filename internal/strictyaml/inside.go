package strictyaml

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// Inside is a node for reporting problems at an offset, in bytes, inside of a text: an expression, a template. It finds the place in
// the file whichever way the text is written there.
func (n Node) Inside(offset int) Node {
	text, ok := n.text(true)
	if !ok || offset <= 0 {
		offset = 0
	}
	start := lineStart(n.file.data, n.line)
	for range n.col - 1 {
		_, size := utf8.DecodeRune(n.file.data[start:])
		start += size
	}
	raw := n.file.data[min(start, len(n.file.data)):]
	if _, block := n.node.(*ast.LiteralNode); block {
		start += blockStart(raw)
		raw = n.file.data[min(start, len(n.file.data)):]
	}
	start += within(raw, text[:min(offset, len(text))])
	n.line, n.col = Position(n.file.data, start)
	return n
}

// lineStart is the offset of a line, counted from 1.
func lineStart(data []byte, line int) int {
	at := 0
	for range line - 1 {
		next := bytes.IndexByte(data[at:], '\n')
		if next < 0 {
			return len(data)
		}
		at += next + 1
	}
	return at
}

// blockStart is where the lines of a text behind | or > begin.
func blockStart(raw []byte) int { return bytes.IndexByte(raw, '\n') + 1 }

// within is how far the text that decodes to before reaches into the text as it is written. How much white space there is differs by
// indentation and folding, so that it is the other characters that are counted.
func within(raw []byte, before string) int {
	style := byte(0)
	at := 0
	if len(raw) > 0 && (raw[0] == '"' || raw[0] == '\'') {
		style, at = raw[0], 1
	}
	for _, r := range before {
		if unicode.IsSpace(r) {
			continue
		}
		at += blanks(raw[at:], style)
		at += written(raw[at:], style)
	}
	if last, _ := utf8.DecodeLastRuneInString(before); before != "" && !unicode.IsSpace(last) {
		return at
	}
	return at + blanks(raw[at:], style)
}

// blanks is the length of the white space that raw begins with, escapes of it included.
func blanks(raw []byte, style byte) int {
	at := 0
	for at < len(raw) {
		switch {
		case raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\n' || raw[at] == '\r':
			at++
		case style == '"' && raw[at] == '\\' && at+1 < len(raw) && strings.IndexByte("ntr \t\n", raw[at+1]) >= 0:
			at += 2
		default:
			return at
		}
	}
	return at
}

// written is the length of one character as it is written.
func written(raw []byte, style byte) int {
	switch {
	case len(raw) == 0:
		return 0
	case style == '\'' && bytes.HasPrefix(raw, []byte("''")):
		return 2
	case style == '"' && raw[0] == '\\' && len(raw) > 1:
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[raw[1]]
		return min(2+digits, len(raw))
	}
	_, size := utf8.DecodeRune(raw)
	return size
}
