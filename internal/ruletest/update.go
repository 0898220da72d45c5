package ruletest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"quell/internal/story"
)

// edit is what has to change in a file for an expectation to be what happened: a value of an item, items that are gone or new, texts, or
// a section of a txtar file.
type edit struct {
	claim  *story.Claim
	item   *story.Item
	fact   *story.Fact
	value  []string
	remove bool
	add    []actual
	// all are the texts that stand instead of those of the claim.
	texts []string
	all   bool

	section *story.Text
	text    string
}

// updated writes what happened in the place of what was expected. All else in the file stays as it is: comments, order and notation. A last
// line that nothing ends gets an end, since something may come below it.
func updated(data []byte, tests []Result) (fresh []byte, changed bool) {
	end := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		end = "\r\n" // as the lines around it
	}
	text := string(data)
	if !strings.HasSuffix(text, "\n") {
		text += end
	}
	ed := &editor{lines: strings.Split(text, "\n")}
	claims := make(map[*story.Claim][]edit)
	var order []*story.Claim
	for i := range tests {
		for _, e := range tests[i].edits {
			switch {
			case e.section != nil:
				first := e.section.Line - 1
				last := first + strings.Count(e.section.Text, "\n")
				ed.patches = append(ed.patches, patch{place{first, 0}, place{last, 0}, e.text})
			default:
				if claims[e.claim] == nil {
					order = append(order, e.claim)
				}
				claims[e.claim] = append(claims[e.claim], e)
			}
		}
	}
	for _, c := range order {
		ed.change(c, claims[c])
	}
	if len(ed.patches) == 0 {
		return data, false
	}
	for i := range ed.patches {
		ed.patches[i].text = strings.ReplaceAll(ed.patches[i].text, "\n", end)
	}
	fresh = []byte(ed.apply())
	return fresh, string(fresh) != string(data)
}

// place is a position in a file: a line and a byte in it, from 0.
type place struct{ line, at int }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.line, o.line), cmp.Compare(p.at, o.at))
}

// patch replaces what stands between two places.
type patch struct {
	from, to place
	text     string
}

// editor collects patches of a file.
type editor struct {
	lines   []string
	patches []patch
}

// place is where a mark is, whose column counts characters.
func (ed *editor) place(m story.Mark) place {
	line := min(max(m.Line-1, 0), len(ed.lines)-1)
	at, col := 0, 1
	for i := range ed.lines[line] {
		if at = i; col == m.Col {
			return place{line, at}
		}
		col++
	}
	return place{line, len(ed.lines[line])}
}

// change makes patches of all that changes in one claim.
func (ed *editor) change(c *story.Claim, edits []edit) {
	begin := ed.place(c.Mark)
	flow := strings.HasPrefix(ed.lines[begin.line][begin.at:], "[")
	var gone []*story.Item
	var added []actual
	for _, e := range edits {
		switch {
		case e.all:
			ed.whole(begin, flow, quotedAll(e.texts))
			return
		case e.remove:
			gone = append(gone, e.item)
		case e.add != nil:
			added = append(added, e.add...)
		}
	}
	if flow && len(gone)+len(added) > 0 || len(gone) == len(c.Items) && len(gone) > 0 && len(added) == 0 {
		ed.whole(begin, flow, ed.rendered(c, edits))
		return
	}
	for _, e := range edits {
		if e.fact != nil {
			ed.value(e)
		}
	}
	for _, item := range gone {
		ed.drop(begin, item)
	}
	if len(added) > 0 {
		end := place{ed.blockEnd(begin), 0}
		indent := strings.Repeat(" ", begin.at)
		var text strings.Builder
		for _, a := range added {
			text.WriteString(indent + "- " + flowItem(keysOf(c), a) + "\n")
		}
		ed.patches = append(ed.patches, patch{end, end, text.String()})
	}
}

// keysOf are the keys by which new items of a claim are written: those of the first one that is there.
func keysOf(c *story.Claim) []string {
	if len(c.Items) > 0 {
		var keys []string
		for _, f := range c.Items[0].Facts {
			if f.Key != "within" {
				keys = append(keys, f.Key)
			}
		}
		return keys
	}
	if c.Kind == story.Incidents {
		return []string{"root", "state"}
	}
	return shown[c.Kind]
}

// rendered are the items of a claim as they are after the edits.
func (ed *editor) rendered(c *story.Claim, edits []edit) []string {
	var items []string
	for i := range c.Items {
		item := &c.Items[i]
		a := make(actual)
		var keys []string
		for _, f := range item.Facts {
			keys, a[f.Key] = append(keys, f.Key), f.Want
		}
		removed := false
		for _, e := range edits {
			if e.item == item && e.fact != nil {
				a[e.fact.Key] = e.value
			}
			removed = removed || e.item == item && e.remove
		}
		if !removed {
			items = append(items, flowItem(keys, a))
		}
	}
	for _, e := range edits {
		for _, a := range e.add {
			items = append(items, flowItem(keysOf(c), a))
		}
	}
	return items
}

// whole replaces all of a list: by a block where one can stand, else between brackets.
func (ed *editor) whole(begin place, flow bool, items []string) {
	if !flow {
		key := ed.keyLine(begin.line)
		end := ed.blockEnd(begin)
		if len(items) == 0 {
			ed.patches = append(ed.patches, patch{place{begin.line, 0}, place{end, 0}, ""}, ed.afterKey(key, " []"))
			return
		}
		ed.patches = append(ed.patches, patch{place{begin.line, 0}, place{end, 0}, block(items, begin.at)})
		return
	}
	end, ok := ed.end(begin, true)
	if !ok {
		return
	}
	line := ed.lines[begin.line]
	key := blockKey.FindStringSubmatch(line[:begin.at])
	if len(items) == 0 || key == nil || strings.TrimSpace(ed.lines[end.line][end.at:]) != "" {
		ed.patches = append(ed.patches, patch{begin, end, "[" + strings.Join(items, ", ") + "]"})
		return
	}
	from := place{begin.line, len(strings.TrimRight(line[:begin.at], " "))}
	indent := len(key[1]) + 2
	ed.patches = append(ed.patches, patch{from, end, "\n" + strings.TrimSuffix(block(items, indent), "\n")})
}

// blockKey is a line that has nothing but a key before its value.
var blockKey = regexp.MustCompile(`^(\s*(?:- )*)\w+:\s*$`)

func block(items []string, indent int) string {
	var b strings.Builder
	for _, item := range items {
		b.WriteString(strings.Repeat(" ", indent) + "- " + item + "\n")
	}
	return b.String()
}

// value replaces the value of one fact.
func (ed *editor) value(e edit) {
	begin := ed.place(e.fact.Mark)
	list := len(e.value) != 1 || len(e.fact.Want) != 1 || strings.HasPrefix(ed.lines[begin.line][begin.at:], "[")
	text := scalar(e.value, list || listKeys[e.fact.Key])
	if strings.HasPrefix(ed.lines[begin.line][begin.at:], "- ") { // a list in block notation
		end := ed.blockEnd(begin)
		ed.patches = append(ed.patches, patch{place{begin.line, 0}, place{end, 0}, ""}, ed.afterKey(ed.keyLine(begin.line), " "+text))
		return
	}
	if end, ok := ed.end(begin, ed.inFlow(ed.place(e.item.Mark), begin)); ok {
		ed.patches = append(ed.patches, patch{begin, end, text})
	}
}

// listKeys are the keys whose values are lists, of one text too.
var listKeys = map[string]bool{"members": true, "chronic": true}

// drop removes an item of a block.
func (ed *editor) drop(begin place, item *story.Item) {
	first := ed.place(item.Mark).line
	for first > begin.line && !strings.HasPrefix(strings.TrimSpace(ed.lines[first]), "-") {
		first--
	}
	next := first + 1
	for next < ed.blockEnd(begin) && indentOf(ed.lines[next]) > begin.at {
		next++
	}
	ed.patches = append(ed.patches, patch{place{first, 0}, place{next, 0}, ""})
}

// blockEnd is the line behind a block list that begins at a dash.
func (ed *editor) blockEnd(begin place) int {
	end := begin.line + 1
	for i := begin.line + 1; i < len(ed.lines); i++ {
		text := strings.TrimSpace(ed.lines[i])
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		indent := indentOf(ed.lines[i])
		if indent < begin.at || indent == begin.at && !strings.HasPrefix(text, "-") || strings.HasPrefix(ed.lines[i], "-- ") {
			break
		}
		end = i + 1
	}
	return end
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// keyLine is the line of the key whose value begins below it.
func (ed *editor) keyLine(line int) int {
	for line--; line > 0; line-- {
		if text := strings.TrimSpace(ed.lines[line]); text != "" && !strings.HasPrefix(text, "#") {
			break
		}
	}
	return max(line, 0)
}

// afterKey puts text behind the colon of a key that had its value below.
func (ed *editor) afterKey(line int, text string) patch {
	end := strings.LastIndex(withoutComment(ed.lines[line]), ":") + 1
	at := place{line, end}
	return patch{at, at, text}
}

func withoutComment(line string) string {
	if k := strings.Index(line, " #"); k >= 0 {
		return line[:k]
	}
	return line
}

// inFlow reports whether a place lies within brackets that opened at or behind another.
func (ed *editor) inFlow(from, to place) bool {
	depth := 0
	for p := from; p.compare(to) < 0; {
		line := ed.lines[p.line]
		if p.at >= len(line) {
			p = place{p.line + 1, 0}
			continue
		}
		switch line[p.at] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"', '\'':
			if end, ok := ed.quoted(p); ok {
				p = end
				continue
			}
		}
		p.at++
	}
	return depth > 0
}

// quoted is the place behind a text in quotes.
func (ed *editor) quoted(p place) (place, bool) {
	quote := ed.lines[p.line][p.at]
	for p.at++; p.line < len(ed.lines); p = (place{p.line + 1, 0}) {
		for line := ed.lines[p.line]; p.at < len(line); p.at++ {
			switch {
			case quote == '"' && line[p.at] == '\\':
				p.at++
			case line[p.at] == quote && quote == '\'' && strings.HasPrefix(line[p.at+1:], "'"):
				p.at++
			case line[p.at] == quote:
				return place{p.line, p.at + 1}, true
			}
		}
	}
	return p, false
}

// end is the place behind the value that begins at p; flow says whether it stands within brackets. It is false for notations that
// are left alone, such as blocks of text.
func (ed *editor) end(p place, flow bool) (place, bool) {
	line := ed.lines[p.line]
	if p.at >= len(line) {
		return p, false
	}
	switch line[p.at] {
	case '"', '\'':
		return ed.quoted(p)
	case '[', '{':
		return ed.closing(p)
	case '|', '>', '&', '*', '!':
		return p, false
	}
	rest := withoutComment(line[p.at:])
	if k := strings.IndexAny(rest, ",]}"); flow && k >= 0 {
		rest = rest[:k]
	}
	return place{p.line, p.at + len(strings.TrimRight(rest, " \t\r"))}, true
}

// closing is the place behind the bracket that closes the one at p.
func (ed *editor) closing(p place) (place, bool) {
	depth := 0
	for p.line < len(ed.lines) {
		line := ed.lines[p.line]
		if p.at >= len(line) || line[p.at] == '#' && p.at > 0 && line[p.at-1] == ' ' {
			p = place{p.line + 1, 0}
			continue
		}
		switch line[p.at] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return place{p.line, p.at + 1}, true
			}
		case '"', '\'':
			end, ok := ed.quoted(p)
			if !ok {
				return p, false
			}
			p = end
			continue
		}
		p.at++
	}
	return p, false
}

// apply makes the new text, from the end to the beginning, so that places stay what they are.
func (ed *editor) apply() string {
	slices.SortStableFunc(ed.patches, func(a, b patch) int { return b.from.compare(a.from) })
	starts := make([]int, len(ed.lines)+1)
	for i, line := range ed.lines {
		starts[i+1] = starts[i] + len(line) + 1
	}
	text := strings.Join(ed.lines, "\n")
	offset := func(p place) int { return min(starts[p.line]+p.at, len(text)) }
	last := len(text)
	for _, p := range ed.patches {
		from, to := offset(p.from), offset(p.to)
		if to > last {
			continue // within what was replaced already
		}
		text = text[:from] + p.text + text[to:]
		last = from
	}
	return text
}

// flowItem writes an item between braces.
func flowItem(keys []string, a actual) string {
	var parts []string
	for _, k := range keys {
		v := a[k]
		if len(v) == 1 && v[0] == "" && !listKeys[k] {
			continue // nobody is named: there is nothing to say
		}
		parts = append(parts, k+": "+scalar(v, listKeys[k]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func scalar(value []string, list bool) string {
	if !list {
		return quoteText(value[0])
	}
	return "[" + strings.Join(quotedAll(value), ", ") + "]"
}

func quotedAll(texts []string) []string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = quoteText(t)
	}
	return list
}

// plainText needs no quotes in YAML wherever it stands.
var plainText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./@+-]*$`)

func quoteText(s string) string {
	if plainText.MatchString(s) && s != "null" && s != "yes" && s != "no" && s != "on" && s != "off" {
		return s
	}
	quoted, _ := json.Marshal(s) // JSON is YAML
	return string(quoted)
}
