package picture

import (
	"image/color"
	"slices"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Shade is the colour of a kind of values. The same shade means the same in all charts.
type Shade uint8

// Shades, told apart also by those who do not see all colours. The past and what is open share one: no chart has both.
const (
	ShadeHealed Shade = iota
	ShadePaged
	ShadeByHand
	ShadeLost
	ShadeOpen
	ShadePast
)

var shades = [...]color.NRGBA{
	ShadeHealed: {0x1a, 0x9e, 0x5c, 0xff}, ShadePaged: {0x8c, 0x0d, 0x20, 0xff}, ShadeByHand: {0x09, 0x69, 0xda, 0xff},
	ShadeLost: {0xb0, 0x7a, 0x00, 0xff}, ShadeOpen: boxBorder, ShadePast: boxBorder,
}

// Part is one kind of values in a bar chart.
type Part struct {
	Name  string
	Shade Shade
}

// Bar is a bar, or a group of them, with one value for each part. Values are not negative.
type Bar struct {
	Label  string
	Values []float64
}

const (
	chartWidth  = vg.Length(520)
	chartHeight = vg.Length(260)
	barHeight   = vg.Length(26)
	labelRunes  = 44
	// plotWidth is about what is left for bars beside the labels of the values, captionHeight what title and legend need.
	plotWidth     = chartWidth - 80
	captionHeight = vg.Length(44)
	// labelsMax is how many labels stand side by side before some are left out.
	labelsMax = 14
)

// StackedBars draws bars side by side, over a day each, say, with their parts on each other. alt says in words what is to be seen; bars
// without any value leave a gap, and parts without any are left out of the legend.
func StackedBars(title, alt string, parts []Part, bars []Bar) *Image {
	c := newChart(title, alt, parts, bars)
	c.upright(min(plotWidth/vg.Length(len(c.bars))*7/10, 42))
	c.stack()
	return c.image(chartHeight)
}

// LyingBars draws bars below each other, the first on top, with room for long labels.
func LyingBars(title, alt string, parts []Part, bars []Bar) *Image {
	c := newChart(title, alt, parts, bars)
	slices.Reverse(c.bars) // gonum counts upwards
	c.width, c.lying = barHeight*6/10, true
	c.plot.NominalY(c.labels()...)
	c.plot.X.Tick.Marker = wholeTicks{}
	c.stack()
	return c.image(captionHeight + 52 + vg.Length(len(c.bars))*barHeight)
}

// PairedBars draws a group of bars for each label, one for each part: this period and the last, say. Parts without any value stay in the
// legend, since that is a finding.
func PairedBars(title, alt string, parts []Part, bars []Bar) *Image {
	c := newChart(title, alt, parts, bars)
	c.upright(min(plotWidth/vg.Length(len(c.bars))*8/10/vg.Length(max(len(parts), 1)), 22))
	for k, part := range parts {
		added := c.add(k, part)
		added.Offset = (vg.Length(k) - vg.Length(len(parts)-1)/2) * c.width
	}
	return c.image(chartHeight)
}

// bars is a chart while it is made.
type bars struct {
	plot       *plot.Plot
	title, alt string
	parts      []Part
	bars       []Bar
	lying      bool
	// width is that of each bar, keys what the legend explains, most the highest value of all.
	width vg.Length
	keys  []Part
	most  float64
}

// newChart begins a chart with at least one bar, since gonum's axes need something to stand on.
func newChart(title, alt string, parts []Part, list []Bar) *bars {
	if len(list) == 0 {
		list = []Bar{{Values: make([]float64, len(parts))}}
	}
	return &bars{plot: newPlot(), title: fitRunes(title), alt: strings.TrimSpace(Clean(alt)), parts: parts, bars: slices.Clone(list)}
}

func (c *bars) labels() []string {
	labels := make([]string, len(c.bars))
	for k, b := range c.bars {
		labels[k] = fitRunes(b.Label)
	}
	return labels
}

// upright prepares for bars that stand.
func (c *bars) upright(width vg.Length) {
	c.width = width
	c.plot.NominalX(everyNth(c.labels(), labelsMax)...)
	c.plot.Y.Tick.Marker = wholeTicks{}
}

// stack adds the parts of bars, each on those before it. Parts without any value are left out of the legend too.
func (c *bars) stack() {
	var below *plotter.BarChart
	for k, part := range c.parts {
		if !slices.ContainsFunc(c.bars, func(b Bar) bool { return b.Values[k] > 0 }) {
			continue
		}
		added := c.add(k, part)
		if below != nil {
			added.StackOn(below)
		}
		below = added
	}
	for _, b := range c.bars {
		sum := 0.0
		for _, v := range b.Values {
			sum += v
		}
		c.most = max(c.most, sum)
	}
}

// add adds the bars of one part.
func (c *bars) add(k int, part Part) *plotter.BarChart {
	values := make(plotter.Values, len(c.bars))
	for n, b := range c.bars {
		values[n] = b.Values[k]
		c.most = max(c.most, b.Values[k])
	}
	added, err := plotter.NewBarChart(values, c.width)
	if err != nil {
		panic("picture: bars: " + err.Error()) // there is at least one value, and all are numbers
	}
	added.Color, added.Horizontal = shades[part.Shade], c.lying
	added.LineStyle.Width, added.LineStyle.Color = min(0.8, c.width/16), cardColor // they stay apart where colours do not
	c.plot.Add(added)
	c.keys = append(c.keys, part)
	return added
}

// image puts the chart on a card, below its title and its legend.
func (c *bars) image(height vg.Length) *Image {
	values, names, grid := &c.plot.Y, &c.plot.X, plotter.NewGrid()
	dashed := draw.LineStyle{Color: cardBorder, Width: 0.6, Dashes: []vg.Length{2, 2}}
	grid.Vertical.Color, grid.Horizontal = nil, dashed
	if c.lying {
		values, names = names, values
		grid.Vertical, grid.Horizontal.Color = dashed, nil
	}
	values.Min, values.Max = 0, max(c.most*1.05, 1)
	names.Min, names.Max = -0.5, float64(len(c.bars))-0.5
	p := c.plot
	return &Image{width: chartWidth, height: height, alt: c.alt, draw: func(canvas vg.Canvas) {
		pen := &pen{canvas, height}
		pen.card(chartWidth)
		pen.text(faceBold(titleSize-1), inkColor, pen.at(pageMargin, pageMargin+10), c.title)
		pen.keys(c.keys, pageMargin+28)
		area := draw.NewCanvas(canvas, chartWidth, height)
		area = draw.Crop(area, pageMargin, -pageMargin, pageMargin*2/3, -pageMargin-captionHeight+pageMargin/2)
		data := p.DataCanvas(area)
		grid.Plot(data, p) // below the bars, and not in p, whose drawing may happen several times at once
		p.Draw(area)
	}}
}

// keys says what the shades mean.
func (p *pen) keys(keys []Part, y vg.Length) {
	const size = vg.Length(8)
	x, f := pageMargin, faceRegular(smallSize)
	for _, k := range keys {
		name := fitRunes(k.Name)
		p.SetColor(shades[k.Shade])
		p.Fill(p.rectangle(x, y-size+1, size, size, 2))
		p.text(f, paleInk, p.at(x+size+4, y), name)
		x += size + 4 + textWidth(f, name) + legendGap
	}
}

// wholeTicks marks whole numbers, at most six.
type wholeTicks struct{}

// Ticks implements plot.Ticker.
func (wholeTicks) Ticks(_, most float64) []plot.Tick {
	step := 1.0
	for k := 0; most/step > 5; k++ {
		step *= [...]float64{2, 2.5, 2}[k%3] // 1, 2, 5, 10, 20, …
	}
	var ticks []plot.Tick
	for v := 0.0; v <= most; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', 0, 64)})
	}
	return ticks
}

// everyNth blanks labels where there are so many that they would run into each other.
func everyNth(labels []string, most int) []string {
	n := (len(labels) + most - 1) / most
	for k := range labels {
		if k%max(n, 1) != 0 {
			labels[k] = ""
		}
	}
	return labels
}

func fitRunes(s string) string { return cut(Clean(s), labelRunes, "…") }

// newPlot makes a plot in our fonts and colours.
func newPlot() *plot.Plot {
	p := plot.New()
	p.TextHandler = lettering{text.Plain{Fonts: fonts}}
	p.BackgroundColor = nil // it stands on a card
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		for _, s := range []*text.Style{&a.Label.TextStyle, &a.Tick.Label} {
			s.Font, s.Color, s.Handler = typeface(xfont.WeightNormal), paleInk, lettering{text.Plain{Fonts: fonts}}
			s.Font.Size = smallSize
		}
		a.LineStyle = draw.LineStyle{Color: cardBorder, Width: 1}
		a.Tick.LineStyle = draw.LineStyle{Color: cardBorder, Width: 1}
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XCenter, text.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = text.XRight, text.YCenter
	return p
}
