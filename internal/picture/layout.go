package picture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"

	"quell/correlate"
	"quell/correlate/topology"
)

// Measures of a drawing, in points.
const (
	pageMargin  = vg.Length(18)
	headHeight  = vg.Length(46)
	footHeight  = vg.Length(26)
	bendGap     = vg.Length(34) // where edges turn
	labelGap    = vg.Length(12) // where they run straight to a box, beside the type of the dependency above them
	labelWidth  = vg.Length(70) // of the type, at most
	rowGap      = vg.Length(12)
	boxPadding  = vg.Length(9)
	boxMinWidth = vg.Length(96)
	boxMaxWidth = vg.Length(260)
	nameLine    = vg.Length(15)
	smallLine   = vg.Length(12)
)

// shownConditions is how many conditions a box names.
const shownConditions = 3

// box is an entity in a drawing, or many.
type box struct {
	// kind stands small above name, and conditions below it. Many have no kind beside their name.
	kind, name string
	conditions []conditionLine
	silent     bool
	many       bool
	rest       bool // of which the ways are known, but not told
	depth      int
	above      *box
	via        string

	x, y, width, height vg.Length // the upper left corner, y growing downwards
	// straight is how much of the edge to it is alone.
	straight vg.Length
}

// conditionLine is one line of a box: a symptom, with the time when the first of its kind began.
type conditionLine struct{ state, text string }

// layout is where everything stands.
type layout struct {
	title, subtitle string
	boxes           []*box
	width, height   vg.Length
	// cluster is what all names share, and is told once; opened is the day that times of day are of.
	cluster string
	opened  time.Time
}

// arrangeBoxes lays a cascade out from left to right: the root first, each entity right of what it hangs from, in the middle of what hangs
// from it. Rows are given out from top to bottom in the order of the leaves, so that no two edges cross.
func arrangeBoxes(inc *correlate.Incident, o Options) *layout {
	t := newTree(inc)
	l := &layout{title: cut(fmt.Sprintf("%s  %s", inc.ID, Clean(inc.Title)), 110, "…"), cluster: t.cluster(), opened: inc.Opened.UTC()}
	l.subtitle = cut(l.under(inc), 130, "…")
	l.place(t.cells(o), nil)
	l.columns()
	l.rows()
	l.width = max(l.width, textWidth(faceBold(titleSize), l.title)+2*pageMargin, textWidth(faceRegular(smallSize), l.subtitle)+2*pageMargin, l.legendWidth())
	return l
}

// under is the line under the title: how it stands, how much it is, since when, where.
func (l *layout) under(inc *correlate.Incident) string {
	parts := []string{Clean(State(inc)), "opened " + l.opened.Format("2006-01-02 15:04:05 MST")}
	if n := inc.MemberCount; n > 1 {
		parts = append(parts, fmt.Sprintf("%d entities with trouble", n))
	}
	if l.cluster != "" {
		parts = append(parts, "cluster "+Clean(l.cluster))
	}
	return strings.Join(parts, " · ")
}

// place makes boxes of a cell and of all below it.
func (l *layout) place(c *cell, above *box) {
	b := &box{above: above, via: Clean(c.via), depth: c.depth}
	l.name(b, c)
	l.boxes = append(l.boxes, b)
	for _, child := range c.children {
		l.place(child, b)
	}
}

// shownNames is how many names a box of many shows.
const shownNames = 3

// name says in a box what its cell stands for, and what that shows.
func (l *layout) name(b *box, c *cell) {
	var symptoms []*correlate.SymptomView
	var names []string
	quiet := 0
	for _, n := range c.nodes {
		symptoms = append(symptoms, n.symptoms...)
		if len(n.symptoms) == 0 {
			quiet++
		}
		if _, name, _ := strings.Cut(l.short(n.entity), "/"); len(names) <= shownNames {
			names = append(names, name)
		}
	}
	b.conditions, b.silent, b.many = l.conditionLines(symptoms), len(symptoms) == 0, len(c.nodes) > 1
	b.rest = c.rest
	switch {
	case b.many:
		b.name = cut(countText(c.kinds(), c.rest), 60, "…")
		if quiet > 0 {
			b.conditions = append(b.conditions, conditionLine{"silent", fmt.Sprintf("%d without a symptom", quiet)})
		}
		if len(names) > shownNames {
			names[shownNames] = "…"
		}
		b.conditions = append(b.conditions, conditionLine{"", strings.Join(names, ", ")})
	default:
		b.kind, b.name, _ = strings.Cut(l.short(c.nodes[0].entity), "/")
		if b.name == "" {
			b.kind, b.name = "", b.kind
		}
		if b.silent {
			b.conditions = []conditionLine{{"silent", "no symptom of its own"}}
		}
	}
	if b.above == nil {
		b.kind = strings.TrimPrefix(b.kind+" · root cause", " · ")
	}
	b.measure()
}

// short is an entity's name without the cluster that all share.
func (l *layout) short(e topology.Entity) string {
	if l.cluster == "" {
		return Clean(string(e))
	}
	return Clean(strings.TrimSuffix(string(e), "@"+l.cluster))
}

// conditionLines sums up symptoms by state and name: active ones first, each with the time when it began, or when the first and the last
// of its name did.
func (l *layout) conditionLines(symptoms []*correlate.SymptomView) []conditionLine {
	type group struct {
		state, name string
		count       int
		since, last time.Time
	}
	var groups []group
	at := make(map[[2]string]int)
	for _, state := range []string{"active", "lost", "cleared"} {
		for _, s := range symptoms {
			if s.State != state {
				continue
			}
			key := [2]string{state, s.Name}
			k, known := at[key]
			if !known {
				k = len(groups)
				at[key], groups = k, append(groups, group{state: state, name: s.Name, since: s.Since, last: s.Since})
			}
			g := &groups[k]
			g.count++
			if s.Since.Before(g.since) {
				g.since = s.Since
			}
			if s.Since.After(g.last) {
				g.last = s.Since
			}
		}
	}
	lines := make([]conditionLine, 0, min(len(groups), shownConditions+1))
	for k, g := range groups {
		if k == shownConditions && len(groups) > shownConditions+1 {
			return append(lines, conditionLine{"", fmt.Sprintf("and %d more", len(groups)-k)})
		}
		times := "  " + l.clock(g.since)
		if g.count > 1 {
			times = fmt.Sprintf(" ×%d", g.count) + times
		}
		if from, to := l.clock(g.since), l.clock(g.last); from != to {
			if g.since.UTC().Format(time.DateOnly) == g.last.UTC().Format(time.DateOnly) {
				to = g.last.UTC().Format(time.TimeOnly)
			}
			times += "–" + to
		}
		f := faceRegular(smallSize)
		name := fit(f, Clean(g.name), boxMaxWidth-2*boxPadding-dotRoom-textWidth(f, times))
		lines = append(lines, conditionLine{g.state, name + times})
	}
	return lines
}

// clock is a time of day, with the day where that is not the incident's.
func (l *layout) clock(t time.Time) string {
	t = t.UTC()
	if t.Format(time.DateOnly) == l.opened.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("Jan 2 15:04:05")
}

// measure cuts the texts to the widest box that there may be, and says how large the box is.
func (b *box) measure() {
	room := boxMaxWidth - 2*boxPadding
	b.kind, b.name = fit(faceRegular(smallSize), b.kind, room), fitMiddle(faceBold(nameSize), b.name, room)
	wide := max(textWidth(faceRegular(smallSize), b.kind), textWidth(faceBold(nameSize), b.name))
	for k := range b.conditions {
		c := &b.conditions[k]
		c.text = fit(faceRegular(smallSize), c.text, room-dotRoom)
		wide = max(wide, dotRoom+textWidth(faceRegular(smallSize), c.text))
	}
	b.width = max(boxMinWidth, wide+2*boxPadding)
	b.height = 2*boxPadding - 2 + nameLine + vg.Length(len(b.conditions))*smallLine
	if b.kind != "" {
		b.height += smallLine
	}
}

// columns puts boxes of one depth below each other, as far from those before as the types of dependencies between them need.
func (l *layout) columns() {
	var widest, label []vg.Length
	for _, b := range l.boxes {
		for len(widest) <= b.depth {
			widest, label = append(widest, 0), append(label, 0)
		}
		b.via = fit(faceRegular(smallSize), b.via, labelWidth)
		widest[b.depth] = max(widest[b.depth], b.width)
		label[b.depth] = max(label[b.depth], textWidth(faceRegular(smallSize), b.via))
	}
	for _, b := range l.boxes {
		b.x = pageMargin
		for d, w := range widest[:b.depth] {
			b.x += w + bendGap + labelGap + label[d+1]
		}
		b.straight = labelGap + label[b.depth]
		right := b.x + b.width
		if b.many {
			right += 2 * stackOffset
		}
		l.width = max(l.width, right+pageMargin)
	}
}

// rows gives leaves the next free place, and centres the others at what hangs from them. Boxes are in the order of a walk that names each
// before what is below it, so from the last to the first all below a box has its place already.
func (l *layout) rows() {
	below := make(map[*box][]*box, len(l.boxes))
	for _, b := range l.boxes {
		if b.above != nil {
			below[b.above] = append(below[b.above], b)
		}
	}
	y := headHeight + pageMargin
	for _, b := range l.boxes {
		if len(below[b]) == 0 {
			b.y = y
			y += b.height + rowGap
		}
	}
	for _, b := range slices.Backward(l.boxes) {
		if kids := below[b]; len(kids) > 0 {
			first, last := kids[0], kids[len(kids)-1]
			b.y = (first.middle()+last.middle())/2 - b.height/2
		}
	}
	l.settle(below)
}

// settle moves everything down until nothing is above the head, and sets the height. A box that is taller than all that hangs from it
// reaches above and below it; boxes of one column are pushed apart.
func (l *layout) settle(below map[*box][]*box) {
	const top = headHeight + pageMargin
	first := top
	for _, b := range l.boxes {
		first = min(first, b.y)
	}
	for _, b := range l.boxes {
		b.y += top - first
	}
	free := make(map[int]vg.Length) // by depth: where the next box may begin
	for _, b := range l.boxes {
		if at := free[b.depth]; b.y < at {
			b.push(at-b.y, below)
		}
		free[b.depth] = b.y + b.height + rowGap
	}
	for _, b := range l.boxes {
		l.height = max(l.height, b.y+b.height)
	}
	l.height += footHeight + pageMargin
}

// push moves a box and all that hangs from it down.
func (b *box) push(by vg.Length, below map[*box][]*box) {
	b.y += by
	for _, c := range below[b] {
		c.push(by, below)
	}
}

func (b *box) middle() vg.Length { return b.y + b.height/2 }
