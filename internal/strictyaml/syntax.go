package strictyaml

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
)

// syntaxProblem is what the parser cannot read, with what people most likely meant.
func (f *file) syntaxProblem(err error) Problem {
	p := Problem{Line: 1, Col: 1, Text: "cannot be parsed"}
	e, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return p
	}
	if t := e.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Col = t.Position.Line, t.Position.Column
	}
	text, _, _ := strings.Cut(e.GetMessage(), "\n")
	p.Text, p.Hint = shown(text), syntaxHint(text, f.line(p.Line))
	return p
}

// line is the text of a line, which counts from 1.
func (f *file) line(number int) string {
	rest := string(f.data)
	for range number - 1 {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	text, _, _ := strings.Cut(rest, "\n")
	return text
}

var (
	// bracesBegin finds a value that begins with the braces of a template, which are a map in a map to YAML.
	bracesBegin = regexp.MustCompile(`(^|[:\-\[,{])\s*\{\{`)
	dashed      = regexp.MustCompile(`^\s*-[^\s-]`)
)

// syntaxHint says how to mend what the parser stumbles over: its own words are about grammar, and people think of values.
func syntaxHint(message, line string) string {
	switch {
	case strings.Contains(message, "'\t'"):
		return "indent with spaces"
	case strings.Contains(message, "could not find end character"):
		return "close the quote"
	case bracesBegin.MatchString(line):
		return "put a value that begins with {{ in quotes"
	case dashed.MatchString(line):
		return "write a space behind -"
	case strings.Contains(message, "map key-value is pre-defined"):
		return "a value is all in quotes, or not at all: put single quotes around one with double quotes in it, and write '' for one within"
	case strings.Contains(message, "mapping value is not allowed"):
		return `put a value with ": " in it in quotes`
	case strings.Contains(message, "value is not allowed"):
		return "keys of one map begin in one column; look at the line above, too"
	case strings.Contains(message, "must be specified"):
		return "close the bracket; a value with quotes or brackets in it stands in single quotes"
	case strings.Contains(message, "non-map value"), strings.Contains(message, "unexpected key name"):
		return "write a colon and a space behind a key"
	case strings.Contains(message, "is a reserved character"):
		return "put a value that begins with it in quotes"
	case strings.Contains(message, "end token"), strings.Contains(message, "flow map content"):
		return "close the bracket"
	}
	return ""
}

// shown is a message of a parser's, which may quote the file: without what terminals would obey, and no longer than people read.
func shown(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	text = b.String()
	const longest = 200
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return text
}
