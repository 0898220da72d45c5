package picture

import (
	"cmp"
	"image/color"
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"quell/correlate"
)

// Image is a drawing that becomes SVG or PNG. It stands on a card of its own colour, so that it reads well on light and dark pages.
// An Image does not change and may be used by several goroutines.
type Image struct {
	width, height vg.Length
	alt           string
	draw          func(vg.Canvas)
}

const (
	titleSize = vg.Length(14)
	nameSize  = vg.Length(11)
	smallSize = vg.Length(9)
	dotRoom   = vg.Length(11)
)

var (
	inkColor     = color.NRGBA{0x1f, 0x23, 0x28, 0xff}
	paleInk      = color.NRGBA{0x59, 0x63, 0x6e, 0xff}
	cardColor    = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	cardBorder   = color.NRGBA{0xd1, 0xd9, 0xe0, 0xff}
	boxColor     = color.NRGBA{0xf6, 0xf8, 0xfa, 0xff}
	rootColor    = color.NRGBA{0xff, 0xf1, 0xee, 0xff}
	rootBorder   = color.NRGBA{0xcf, 0x22, 0x2e, 0xff}
	boxBorder    = color.NRGBA{0x81, 0x8b, 0x98, 0xff}
	edgeColor    = color.NRGBA{0x81, 0x8b, 0x98, 0xff}
	activeColor  = color.NRGBA{0xcf, 0x22, 0x2e, 0xff}
	clearedColor = color.NRGBA{0x1a, 0x7f, 0x37, 0xff}
	lostColor    = color.NRGBA{0x9a, 0x67, 0x00, 0xff}
)

// legend says what the dots mean. They differ in their forms as well, for those who do not tell the colours apart.
var legend = []struct{ state, text string }{{"active", "active"}, {"cleared", "cleared"}, {"lost", "not heard of any more"}, {"silent", "no symptom of its own"}}

// direction says how to read the edges.
const direction = "trouble spread from left to right"

// imageDefaults keep a drawing so small that a person takes it in.
func (o Options) imageDefaults() Options {
	o.Lines = cmp.Or(o.Lines, 24)
	o.Siblings = cmp.Or(o.Siblings, 6)
	o.levels = 8
	return o
}

// Draw draws the cascade of an incident from left to right: the root cause first, then what it reached, over which types of dependencies,
// with the time when each symptom began. Entities without a symptom are dashed, and what is too much is folded by kind. Of the options,
// Lines and Siblings count, with 24 and 6 for zero; ok is false if there is no root yet.
func Draw(inc *correlate.Incident, o Options) (img *Image, ok bool) {
	if len(inc.Roots) == 0 {
		return nil, false
	}
	l := arrangeBoxes(inc, o.imageDefaults())
	return &Image{width: l.width, height: l.height, alt: Alt(inc), draw: l.draw}, true
}

// Alt says in words what the image shows, for those who do not see it.
func (m *Image) Alt() string { return m.alt }

// Size is how wide and high the image is where a point is a pixel.
func (m *Image) Size() (width, height int) {
	return int(math.Ceil(m.width.Points())), int(math.Ceil(m.height.Points()))
}

// pen draws on a canvas whose y grows downwards, as a page is read.
type pen struct {
	vg.Canvas
	height vg.Length
}

func (p *pen) at(x, y vg.Length) vg.Point { return vg.Point{X: x, Y: p.height - y} }

func (p *pen) text(f *font.Face, c color.Color, at vg.Point, s string) {
	p.SetColor(c)
	p.FillString(*f, at, s)
}

// rectangle traces a rectangle with round corners.
func (p *pen) rectangle(x, y, w, h, radius vg.Length) vg.Path {
	var path vg.Path
	path.Move(p.at(x+radius, y))
	path.Line(p.at(x+w-radius, y))
	path.QuadTo(p.at(x+w, y), p.at(x+w, y+radius))
	path.Line(p.at(x+w, y+h-radius))
	path.QuadTo(p.at(x+w, y+h), p.at(x+w-radius, y+h))
	path.Line(p.at(x+radius, y+h))
	path.QuadTo(p.at(x, y+h), p.at(x, y+h-radius))
	path.Line(p.at(x, y+radius))
	path.QuadTo(p.at(x, y), p.at(x+radius, y))
	path.Close()
	return path
}

// card draws what everything stands on.
func (p *pen) card(width vg.Length) {
	shape := p.rectangle(0.5, 0.5, width-1, p.height-1, 8)
	p.SetColor(cardColor)
	p.Fill(shape)
	p.SetLineWidth(1)
	p.SetColor(cardBorder)
	p.Stroke(shape)
}

func (l *layout) draw(canvas vg.Canvas) {
	p := &pen{canvas, l.height}
	p.card(l.width)
	p.text(faceBold(titleSize), inkColor, p.at(pageMargin, pageMargin+12), l.title)
	p.text(faceRegular(smallSize), paleInk, p.at(pageMargin, pageMargin+28), l.subtitle)
	for _, b := range l.boxes {
		if b.above != nil {
			p.edge(b)
		}
	}
	for _, b := range l.boxes {
		p.box(b)
	}
	l.legend(p)
}

// edge draws the way that trouble took, with the type of the dependency over its last part, where it is alone.
func (p *pen) edge(b *box) {
	fromX, fromY := b.above.x+b.above.width, b.above.middle()
	straight, toY := b.x-b.straight, b.middle()
	bend := straight - bendGap
	var path vg.Path
	path.Move(p.at(fromX, fromY))
	path.Line(p.at(bend, fromY))
	path.CubeTo(p.at(bend+bendGap*2/3, fromY), p.at(bend+bendGap/3, toY), p.at(straight, toY))
	path.Line(p.at(b.x, toY))
	p.SetColor(edgeColor)
	p.SetLineWidth(1.2)
	if b.via == "" && !b.rest { // no way is known
		p.SetLineDash([]vg.Length{3, 3}, 0)
	}
	p.Stroke(path)
	p.SetLineDash(nil, 0)
	f := faceRegular(smallSize)
	p.text(f, paleInk, p.at(b.x-textWidth(f, b.via)-6, toY-4), b.via)
}

// stackOffset is how far the cards behind many look out.
const stackOffset = vg.Length(3)

func (p *pen) box(b *box) {
	fill, border := boxColor, boxBorder
	width := vg.Length(1)
	if b.above == nil {
		fill, border, width = rootColor, rootBorder, 2
	}
	if b.many {
		p.behind(b, 2*stackOffset, fill, border)
		p.behind(b, stackOffset, fill, border)
	}
	shape := p.rectangle(b.x, b.y, b.width, b.height, 6)
	p.SetColor(fill)
	p.Fill(shape)
	p.SetColor(border)
	p.SetLineWidth(width)
	if b.silent {
		p.SetLineDash([]vg.Length{4, 3}, 0)
	}
	p.Stroke(shape)
	p.SetLineDash(nil, 0)
	y := b.y + boxPadding + smallLine - 4
	if b.kind != "" {
		p.text(faceRegular(smallSize), paleInk, p.at(b.x+boxPadding, y), b.kind)
		y += nameLine - 1
	}
	p.text(faceBold(nameSize), inkColor, p.at(b.x+boxPadding, y), b.name)
	for _, c := range b.conditions {
		y += smallLine
		p.dot(c.state, b.x+boxPadding+3, y-3)
		ink := inkColor
		if c.state == "" {
			ink = paleInk
		}
		p.text(faceRegular(smallSize), ink, p.at(b.x+boxPadding+dotRoom, y), c.text)
	}
}

// behind draws a card that looks out below and right of a box.
func (p *pen) behind(b *box, by vg.Length, fill, border color.Color) {
	shape := p.rectangle(b.x+by, b.y+by, b.width, b.height, 6)
	p.SetColor(fill)
	p.Fill(shape)
	p.SetColor(border)
	p.SetLineWidth(1)
	p.Stroke(shape)
}

// dot marks a state by colour and form: full while active, a ring once cleared, a square where it is not known.
func (p *pen) dot(state string, x, y vg.Length) {
	const r = vg.Length(3)
	shape := p.rectangle(x-r, y-r, 2*r, 2*r, r)
	p.SetLineWidth(1.3)
	switch state {
	case "active":
		p.SetColor(activeColor)
		p.Fill(shape)
	case "cleared":
		p.SetColor(clearedColor)
		p.Stroke(shape)
	case "lost":
		p.SetColor(lostColor)
		p.Fill(p.rectangle(x-r, y-r, 2*r, 2*r, 0))
	case "silent":
		p.SetColor(boxBorder)
		p.SetLineDash([]vg.Length{2, 2}, 0)
		p.Stroke(p.rectangle(x-r, y-r, 2*r, 2*r, 1))
		p.SetLineDash(nil, 0)
	}
}

const legendGap = vg.Length(16)

// states are what the boxes show, as the legend explains it, and whether it has to explain edges.
func (l *layout) states() (has map[string]bool, edges bool) {
	has = make(map[string]bool)
	for _, b := range l.boxes {
		for _, c := range b.conditions {
			has[c.state] = true
		}
		edges = edges || b.via != ""
	}
	return has, edges
}

func (l *layout) legendWidth() vg.Length {
	w := 2 * pageMargin
	has, edges := l.states()
	for _, e := range legend {
		if has[e.state] {
			w += dotRoom + textWidth(faceRegular(smallSize), e.text) + legendGap
		}
	}
	if edges {
		w += textWidth(faceRegular(smallSize), direction)
	}
	return w
}

// legend explains what is there to be explained, from left to right, and edges at the right end.
func (l *layout) legend(p *pen) {
	x, y := pageMargin, l.height-pageMargin
	f := faceRegular(smallSize)
	has, edges := l.states()
	for _, e := range legend {
		if has[e.state] {
			p.dot(e.state, x+3, y-3)
			p.text(f, paleInk, p.at(x+dotRoom, y), e.text)
			x += dotRoom + textWidth(f, e.text) + legendGap
		}
	}
	if edges {
		p.text(f, paleInk, p.at(l.width-pageMargin-textWidth(f, direction), y), direction)
	}
}
