// Package picture shows incidents: on terminals a cascade as a tree below its root cause, and an incident as a story; in pages and
// messages the cascade as a drawing.
//
// What senders wrote is shown with its control characters replaced, so that a label cannot steer somebody's terminal.
package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/english"
)

// Options say how large a picture may become, and of which characters it is made. The zero value is useful.
type Options struct {
	// Width is how many columns a line has at most, at least 40. Zero means 100.
	Width int
	// Lines is how many entities are shown at most. Zero means 40.
	Lines int
	// Siblings is how many entities are shown below one other at most; the rest is counted. Zero means 8.
	Siblings int
	// ASCII draws with characters that every terminal has.
	ASCII bool
	// Brief leaves out of an explanation what a screen has no room for.
	Brief bool

	// levels is how many levels of a drawing there are, the root included.
	levels int
}

func (o Options) withDefaults() Options {
	o.Width = max(cmp.Or(o.Width, 100), 40)
	o.Lines = cmp.Or(o.Lines, 40)
	o.Siblings = cmp.Or(o.Siblings, 8)
	return o
}

// strokes are what lines are drawn with.
type strokes struct{ branch, last, down, none, arc, more, active, cleared, lost, times string }

var (
	unicodeStrokes = strokes{"├─ ", "└─ ", "│  ", "   ", " ── ", "…", "●", "○", "?", "×"}
	asciiStrokes   = strokes{"|- ", "`- ", "|  ", "   ", " -- ", "...", "*", "o", "?", "x"}
)

func (o Options) strokes() strokes {
	if o.ASCII {
		return asciiStrokes
	}
	return unicodeStrokes
}

// Cascade draws the symptoms of an incident as a tree: the root cause on top, below each entity what it reached, with the
// type of the dependency that the trouble travelled along. ● marks a symptom that is active, ○ one that cleared, ? one that is
// not heard of any more. Members without a known path to the root hang from it without a type. Each line ends with a newline.
func Cascade(inc *correlate.Incident, o Options) string {
	if len(inc.Roots) == 0 {
		return ""
	}
	o = o.withDefaults()
	t := newTree(inc)
	t.choose(o)
	d := drawing{Options: o, strokes: o.strokes()}
	d.line("", "", t.root)
	d.children("", t.root)
	return d.out.String()
}

// tree is who reached whom.
type tree struct {
	root  *node
	nodes map[topology.Entity]*node
}

type node struct {
	entity topology.Entity
	// via is the type of the dependency between the node and the one above it; empty if no path is known.
	via      string
	symptoms []*correlate.SymptomView
	children []*node
	// size counts the node and all below it.
	size  int
	shown bool
}

// newTree lays the paths of all symptoms over each other. An entity that several paths pass hangs where the shortest has it.
func newTree(inc *correlate.Incident) *tree {
	t := &tree{nodes: make(map[topology.Entity]*node)}
	t.root = &node{entity: inc.Roots[0].Entity}
	t.nodes[t.root.entity] = t.root
	order := make([]*correlate.SymptomView, len(inc.Symptoms))
	for i := range inc.Symptoms {
		order[i] = &inc.Symptoms[i]
	}
	slices.SortStableFunc(order, func(a, b *correlate.SymptomView) int { return cmp.Compare(len(a.Path), len(b.Path)) })
	for _, s := range order {
		if len(s.Path) > 0 {
			t.hang(s.Path)
		}
	}
	for _, s := range order {
		n := t.nodes[s.Entity]
		if n == nil {
			n = &node{entity: s.Entity}
			t.nodes[s.Entity] = n
			t.root.children = append(t.root.children, n)
		}
		n.symptoms = append(n.symptoms, s)
	}
	t.root.arrange()
	return t
}

// hang adds the entities of a path, from its end, which is the root, to its begin.
func (t *tree) hang(path []correlate.PathStep) {
	above := t.nodes[path[len(path)-1].Entity]
	if above == nil {
		return // the path leads to what was the root earlier
	}
	for k := len(path) - 2; k >= 0; k-- {
		n := t.nodes[path[k].Entity]
		if n == nil {
			n = &node{entity: path[k].Entity, via: path[k+1].Type}
			t.nodes[n.entity] = n
			above.children = append(above.children, n)
		}
		above = n
	}
}

// arrange counts and orders: what reached the most comes first.
func (n *node) arrange() {
	n.size = 1
	for _, c := range n.children {
		c.arrange()
		n.size += c.size
	}
	slices.SortFunc(n.children, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.entity.Kind(), b.entity.Kind()), cmp.Compare(a.entity, b.entity))
	})
}

// choose marks what is shown, level by level, so that a large branch does not hide its neighbours.
func (t *tree) choose(o Options) {
	t.root.shown = true
	left := o.Lines - 1
	for level := []*node{t.root}; len(level) > 0; {
		var next []*node
		for _, n := range level {
			for k, c := range n.children {
				// A line that says "1 more" could show it as well.
				if left <= 0 || k >= o.Siblings && len(n.children) > o.Siblings+1 {
					break
				}
				c.shown = true
				left--
				next = append(next, c)
			}
		}
		level = next
	}
}

// count adds the entities at and below n by kind.
func (n *node) count(kinds map[string]int) {
	kinds[n.entity.Kind()]++
	for _, c := range n.children {
		c.count(kinds)
	}
}

// drawing is a picture while it is drawn.
type drawing struct {
	Options
	strokes
	out strings.Builder
	// margin is what stands left of an entity, and below what is told in lines under it; nil is nothing.
	margin func(*node) string
	below  func(*node) string
}

// children draws what is below n. indent is what stands before its lines.
func (d *drawing) children(indent string, n *node) {
	folded := make(map[string]int)
	for _, c := range n.children {
		if !c.shown {
			c.count(folded)
		}
	}
	for k, c := range n.children {
		if !c.shown {
			continue
		}
		stroke, below := d.branch, d.down
		if len(folded) == 0 && k == len(n.children)-1 {
			stroke, below = d.last, d.none
		}
		d.line(indent, stroke, c)
		d.children(indent+below, c)
	}
	if len(folded) > 0 {
		d.write(nil, indent+d.last+d.more+" and "+kindsText(folded))
	}
}

// line draws one entity.
func (d *drawing) line(indent, stroke string, n *node) {
	head := indent + stroke
	if n.via != "" {
		head += Clean(n.via) + d.arc
	}
	head += Clean(string(n.entity))
	tail := "silent"
	if len(n.symptoms) > 0 {
		tail = d.conditions(n.symptoms)
	} else if stroke != "" {
		tail = "no symptom of its own"
	}
	text := head + "  " + tail
	if over := length(text) - d.Width; over > 0 && length(head)+8 <= d.Width && d.below == nil {
		text = head + "  " + cut(tail, d.Width-length(head)-2, d.more)
	}
	if d.below == nil {
		d.write(n, text)
		return
	}
	room := d.belowIndent(indent, stroke, len(n.children) > 0)
	details := wrap(strings.Fields(d.below(n)), " ", d.Width-length(room))
	if length(text) > d.Width { // a tail that does not fit has room below
		text = head
		details = append(wrap(strings.SplitAfter(tail, ", "), "", d.Width-length(room)), details...)
	}
	d.write(n, text)
	for _, l := range details {
		d.write(nil, room+l)
	}
}

// belowIndent is what stands before lines under an entity.
func (d *drawing) belowIndent(indent, stroke string, children bool) string {
	switch stroke {
	case d.branch:
		indent += d.down
	case d.last:
		indent += d.none
	}
	if children {
		return indent + d.down
	}
	return indent + d.none
}

// write writes a line about an entity, or about none.
func (d *drawing) write(n *node, text string) {
	if d.margin != nil {
		d.out.WriteString(d.margin(n))
	}
	d.out.WriteString(strings.TrimRight(cut(text, d.Width, d.more), " ") + "\n")
}

// conditions names the symptoms of an entity, those that are active first.
func (d *drawing) conditions(symptoms []*correlate.SymptomView) string {
	type condition struct{ mark, name string }
	count := make(map[condition]int)
	var order []condition
	for _, state := range []string{"active", "lost", "cleared"} {
		for _, s := range symptoms {
			if s.State != state {
				continue
			}
			c := condition{map[string]string{"active": d.active, "lost": d.lost, "cleared": d.cleared}[state], Clean(s.Name)}
			if count[c]++; count[c] == 1 {
				order = append(order, c)
			}
		}
	}
	words := make([]string, len(order))
	for i, c := range order {
		words[i] = c.mark + " " + c.name
		if count[c] > 1 {
			words[i] += fmt.Sprintf(" %s%d", d.times, count[c])
		}
	}
	return strings.Join(words, ", ")
}

// kindsText writes "27 more pods, 2 more services".
func kindsText(kinds map[string]int) string { return countText(kinds, true) }

// countText writes "27 pods, 2 services", or how many more.
func countText(kinds map[string]int, more bool) string {
	names := sortedKinds(kinds)
	for i, k := range names {
		count := fmt.Sprint(kinds[k])
		if more {
			count += " more"
		}
		names[i] = count + " " + english.Noun(kinds[k], Clean(k))
	}
	return strings.Join(names, ", ")
}

// Clean replaces what is not printable by "?": control characters, and those that turn the direction of text around.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// wrap joins words into lines of a width; a word that is longer stands alone, and is left to [cut].
func wrap(words []string, between string, width int) []string {
	var lines []string
	for _, word := range words {
		if k := len(lines) - 1; k >= 0 && length(lines[k])+length(between)+length(word) <= width {
			lines[k] += between + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// length is the number of characters; wide ones count as one.
func length(s string) int { return len([]rune(s)) }

// cut shortens s to a width, and says so with more at its end.
func cut(s string, width int, more string) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return string(r[:max(width-length(more), 0)]) + more
}
