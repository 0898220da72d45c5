package expr

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"quell/internal/strictyaml"
)

// Error is what is wrong with an expression, or with an evaluation of it.
type Error struct {
	// Offset is where, in bytes from the beginning of the expression.
	Offset int
	// Text says what is wrong, in lower case and without a stop; Hint what to do about it, possibly empty.
	Text, Hint string
}

// Error returns "problem (hint)".
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Text
	}
	return e.Text + " (" + e.Hint + ")"
}

// Setter stores a program of an expression in a file. Problems are reported where they are in the expression. The program stays as it is
// if there are any.
func (e *Environment) Setter(to **Program, want Type) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var text string
		if strictyaml.Name(&text)(n); text == "" {
			return // reported already
		}
		p, err := e.Compile(text, want)
		if err, ok := errors.AsType[*Error](err); ok {
			n.Inside(err.Offset).Problem(err.Text, err.Hint)
			return
		}
		*to = p
	}
}

// offsets finds the parts of an expression in its text.
type offsets struct {
	text string
	info *ast.SourceInfo
}

// problem is an error at a part.
func (o offsets) problem(id int64, text, hint string) *Error {
	e := &Error{Text: text, Hint: hint}
	if span, ok := o.info.GetOffsetRange(id); ok {
		e.Offset = byteOffset(o.text, int(span.Start))
	}
	return e
}

// byteOffset turns an offset in characters into one in bytes.
func byteOffset(text string, characters int) int {
	at := 0
	for range characters {
		if at >= len(text) {
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// locate is the offset of an issue that CEL gives by line and column.
func locate(text string, issue *cel.Error) int {
	line := 0
	for range issue.Location.Line() - 1 {
		next := strings.IndexByte(text[line:], '\n')
		if next < 0 {
			break
		}
		line += next + 1
	}
	return line + byteOffset(text[line:], max(issue.Location.Column(), 0))
}

// first is the issue that comes first in the text: the others often follow from it.
func first(text string, issues *cel.Issues) (*cel.Error, int) {
	all := issues.Errors()
	if len(all) == 0 {
		return &cel.Error{Message: issues.String()}, 0
	}
	found := slices.MinFunc(all, func(a, b *cel.Error) int { return locate(text, a) - locate(text, b) })
	return found, locate(text, found)
}

// slips are what people write who know other languages, and what CEL has instead.
var slips = []struct {
	found *regexp.Regexp
	text  string
	hint  string
}{
	{regexp.MustCompile(`=~`), "there is no =~ in expressions", `write labels.pod.matches("^cart-.*$"), or use matchers`},
	{regexp.MustCompile(`!~`), "there is no !~ in expressions", `write !labels.pod.matches("^cart-.*$"), or use matchers`},
	{regexp.MustCompile(`===`), "there is no === in expressions", "write =="},
	{regexp.MustCompile(`[^=!<>]=(?:[^=]|$)`), "there is no single = in expressions", "write == to compare"},
	{regexp.MustCompile(`[^&]&(?:[^&]|$)`), "there is no single & in expressions", "write && for and"},
	{regexp.MustCompile(`[^|]\|(?:[^|]|$)`), "there is no single | in expressions", "write || for or"},
	{regexp.MustCompile(`(?i)[\s)]and[\s(]`), `there is no "and" in expressions`, "write &&"},
	{regexp.MustCompile(`(?i)[\s)]or[\s(]`), `there is no "or" in expressions`, "write ||"},
	{regexp.MustCompile(`(?i)(?:^|[\s(])not[\s(]`), `there is no "not" in expressions`, "write !"},
	{regexp.MustCompile("[\u201c\u201d\u2018\u2019]"), "these quotes are for letters, not for code", `write "text"`},
	{regexp.MustCompile(`\{\{`), "an expression is no template", `write labels.pod, and join texts by +`},
	{regexp.MustCompile(`\$`), "there is no $ in expressions", "name variables as they are: labels.pod"},
}

// example is a text that expressions may use.
func (e *Environment) example() string {
	switch {
	case slices.Contains(e.labels, "labels"):
		return "labels.pod"
	case slices.Contains(e.names, "item"):
		return "item.title"
	}
	return e.variables[0].Name
}

// quoted are the texts in an expression, which slips are not looked for in.
var quoted = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`)

// syntaxError puts what the parser says into our words.
func (e *Environment) syntaxError(text string, issues *cel.Issues) *Error {
	bare := quoted.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("x", len(s)) })
	for _, s := range slips {
		if at := s.found.FindStringIndex(bare); at != nil {
			begin := at[0] + strings.IndexAny(bare[at[0]:at[1]], "=!&|aAoOnN\u201c\u201d\u2018\u2019{$")
			return &Error{Offset: begin, Text: s.text, Hint: strings.ReplaceAll(s.hint, "labels.pod", e.example())}
		}
	}
	issue, at := first(text, issues)
	bare = strings.TrimRight(bare, " \t\r\n")
	message := strings.TrimPrefix(issue.Message, "Syntax error: ")
	err := &Error{Offset: at, Text: message}
	switch {
	case strings.Contains(message, "recursion"):
		err.Text, err.Hint = fmt.Sprintf("the expression is nested deeper than %d", maxDepth), "split it"
	case strings.Contains(message, "node count"), strings.Contains(message, "expression count"):
		return tooManyParts()
	case at >= len(bare)-1 && !strings.HasSuffix(bare, ")") && !strings.HasSuffix(bare, "]") && !strings.Contains(message, "token recognition error"),
		strings.Contains(message, "'<EOF>'"):
		err.Text, err.Hint = "the expression ends too early", "close what is open: a parenthesis, a bracket or a quote"
	case strings.Contains(message, "token recognition error"):
		err.Text, err.Hint = "text without an end", "close the quote"
	default:
		if m := unexpected.FindStringSubmatch(message); m != nil {
			err.Text = "unexpected " + strictyaml.Quote(m[1])
		}
	}
	return err
}

var (
	unexpected = regexp.MustCompile(`^(?:mismatched|extraneous) input '(.*?)' `)
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	expected   = regexp.MustCompile(`^expected type '(.*)' but found '(.*)'$`)
	noRange    = regexp.MustCompile(`^expression of type '(.*)' cannot be range of a comprehension`)
	noField    = regexp.MustCompile(`^type '(.*)' does not support field selection$`)
)

// checkError puts what the type checker says into our words.
func (e *Environment) checkError(text string, tree *ast.AST, issues *cel.Issues) *Error {
	issue, at := first(text, issues)
	err := &Error{Offset: at, Text: issue.Message}
	if strings.Contains(issue.Message, "node count") {
		return tooManyParts()
	}
	if m := undeclared.FindStringSubmatch(issue.Message); m != nil {
		return e.unknown(text, at, m[1])
	}
	if m := noOverload.FindStringSubmatch(issue.Message); m != nil {
		overloadError(err, m[1], m[2])
		return err
	}
	if span, ok := tree.SourceInfo().GetOffsetRange(issue.ExprID); ok {
		err.Offset = byteOffset(text, int(span.Start))
	}
	if m := noField.FindStringSubmatch(issue.Message); m != nil {
		err.Text = "nothing is behind the dot: " + words(m[1]) + " has no parts"
	}
	if m := noRange.FindStringSubmatch(issue.Message); m != nil {
		err.Text = "loops walk lists and maps, not " + words(m[1])
	}
	if m := expected.FindStringSubmatch(issue.Message); m != nil {
		err.Text = "want " + words(m[1]) + ", got " + words(m[2])
		if m[1] == "bool" {
			err.Hint = "compare it with something"
		}
	}
	return err
}

func tooManyParts() *Error {
	return &Error{Text: fmt.Sprintf("the expression has more than %d parts", maxNodes), Hint: "split it"}
}

var identifier = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.]*`)

// unknown is the error for a name that means nothing.
func (e *Environment) unknown(text string, at int, name string) *Error {
	if at < len(text) && text[at] == '(' {
		at -= len(name) // of a call, CEL tells where its parenthesis is
	}
	err := &Error{Offset: max(at, 0), Text: "unknown name " + strictyaml.Quote(name)}
	if why, ok := e.absent[name]; ok {
		err.Text, err.Hint = why.Text, why.Hint
		return err
	}
	full := identifier.FindString(text[min(err.Offset, len(text)):])
	if strings.HasPrefix(full, name+".") && slices.ContainsFunc(e.names, func(n string) bool { return strings.HasPrefix(n, name+".") }) {
		err.Text = "unknown name " + strictyaml.Quote(full)
		name = full
	}
	call := strings.HasPrefix(text[min(err.Offset+len(name), len(text)):], "(")
	if known := slices.Contains(e.names, name); known && call {
		// The function is there, but what is in its parentheses is not what it takes.
		err.Text, err.Hint = name+" does not take that", "loops have a name and a condition, such as labels.exists(x, x.startsWith(\"app\")); docs/expressions.md has all forms"
		return err
	} else if !known {
		if err.Hint = strictyaml.Suggest(name, e.names); err.Hint != "" {
			return err
		}
	}
	if parts := e.partsOf(name); parts != "" {
		err.Hint = "there are " + parts
		return err
	}
	if slices.Contains(e.labels, "labels") && full == name && !call {
		err.Hint = fmt.Sprintf(`the label is labels.%s, the text "%s"`, name, name)
		return err
	}
	err.Hint = "there are " + e.partsOf("")
	if !slices.Contains(e.labels, "labels") && full == name && !call {
		err.Hint += fmt.Sprintf(`; a text is in quotes of its own, which YAML does not take: '"%s"'`, name)
	}
	return err
}

// partsOf lists the variables below a name, or all of them.
func (e *Environment) partsOf(name string) string {
	var names []string
	for _, v := range e.variables {
		if (name == "" || strings.HasPrefix(v.Name, name+".")) && (e.only == nil || slices.Contains(e.only, v.Name)) {
			names = append(names, v.Name)
		}
	}
	return strings.Join(names, ", ")
}

// overloadError is the error for a function or an operator that does not take such values.
func overloadError(err *Error, function, args string) {
	operator := strings.Trim(function, "_@")
	switch function {
	case "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_":
		err.Text = "cannot compare by " + operator + ": " + list(args, " with ")
		if strings.Contains(args, "string") && strings.Contains(args, "int") || strings.Contains(args, "double") {
			err.Hint = "labels are texts: put numbers in quotes, or write int(labels.x)"
		}
	case "_&&_", "_||_", "!_":
		err.Text, err.Hint = operator+" wants true or false, got "+list(args, " and "), "compare it with something"
	case "_?_:_":
		err.Text = "what is before ? must be true or false, and what is behind it of one type: " + list(args, ", ")
	case "_+_":
		err.Text, err.Hint = "cannot add "+list(args, " and "), "make texts of both: string(x)"
	case "@in":
		err.Text, err.Hint = "in wants a list or a map, got "+list(args, " in "), ""
	case functionLabel:
		err.Text = "the name of a label is a text, got " + list(args, ", ")
	default:
		err.Text = operator + " does not take " + list(args, " and ")
		if texts, ok := strings.CutPrefix(args, "(string, "); ok && slices.Contains(ofTexts, operator) {
			err.Hint = "write it behind the text: labels.pod." + operator + "(" + strings.TrimSuffix(strings.ReplaceAll(texts, "string", `"x"`), ")") + ")"
		}
	}
}

// ofTexts are functions that stand behind a text, where many a language has them before it.
var ofTexts = []string{"contains", "startsWith", "endsWith", "matches", "replace", "split"}

// list are types as CEL lists them, in words.
func list(args, joint string) string {
	of, arguments, member := strings.Cut(args, ".(")
	if !member {
		arguments = strings.TrimPrefix(args, "(")
	}
	arguments = strings.TrimSuffix(arguments, ")")
	var all []string
	depth, begin := 0, 0
	for i, r := range arguments + "," {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				all = append(all, words(strings.TrimSpace(arguments[begin:min(i, len(arguments))])))
				begin = i + 1
			}
		}
	}
	if text := strings.Join(all, joint); !member {
		return text
	} else if text != "" {
		return text + " for " + words(of)
	}
	return words(of) + " without more"
}

// words is a type as CEL writes it, in words.
func words(t string) string {
	for want := Bool; want <= Any; want++ {
		if cel.FormatCELType(kinds[want].cel) == t {
			return kinds[want].name
		}
	}
	switch {
	case t == "":
		return "nothing"
	case strings.HasPrefix(t, "list("):
		return kinds[List].name
	case strings.HasPrefix(t, "map("):
		return kinds[Map].name
	case strings.HasPrefix(t, "optional_type("):
		return "an optional value"
	}
	return t
}

// plain puts what an evaluation says into our words.
func (e *Error) plain() *Error {
	e.Text = strings.TrimPrefix(e.Text, "internal error: ")
	if key, ok := strings.CutPrefix(e.Text, "no such key: "); ok {
		e.Text, e.Hint = "there is no "+strictyaml.Quote(key), "for what may be missing write x.?"+key+`.orValue("")`
	}
	if name, ok := strings.CutPrefix(e.Text, "no such attribute(s): "); ok {
		e.Text = strictyaml.Quote(name) + " is not known here"
	}
	if function, ok := strings.CutPrefix(e.Text, "no such overload"); ok {
		e.Text = "the values do not have the types for this" + function
		e.Hint = "convert them: string(x), int(x), double(x)"
	}
	return e
}
