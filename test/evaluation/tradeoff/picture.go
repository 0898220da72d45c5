package main

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The picture has no background, so all colours must be told apart on white and on black.
var (
	ink    = color.RGBA{0x7d, 0x85, 0x90, 0xff}
	faint  = color.NRGBA{0x7d, 0x85, 0x90, 0x40}
	blue   = color.RGBA{0x2f, 0x81, 0xf7, 0xff}
	orange = color.RGBA{0xd9, 0x7b, 0x1e, 0xff}
	green  = color.RGBA{0x2d, 0xa4, 0x4e, 0xff}
)

// looks are how the lines are drawn: fixed holds, and then the contenders in their order.
var looks = []draw.LineStyle{
	{Color: ink, Width: 2, Dashes: []vg.Length{6, 4}},
	{Color: orange, Width: 1.5, Dashes: []vg.Length{2, 3}},
	{Color: blue, Width: 1.5, Dashes: []vg.Length{8, 3, 2, 3}},
	{Color: green, Width: 3},
}

// panel is the picture of one stream.
type panel struct {
	title string
	// longest is where the axis of delays ends.
	longest time.Duration
	lines   []curve
}

// curve is one line of a panel.
type curve struct {
	name   string
	points plotter.XYs // mean delay in seconds, share of self-clearing alarms that are paged in percent
}

// panel returns the curves of a study.
func (s *study) panel(all []contender) panel {
	longest := s.delays[len(s.delays)-1] * 6 / 5
	var steps []time.Duration
	for d := time.Duration(0); d <= longest; d += time.Second {
		steps = append(steps, d)
	}
	own := all[len(all)-1].judged
	p := panel{title: fmt.Sprintf("%s: real is what %s", s.set, s.headline.name), longest: longest}
	p.lines = append(p.lines, curve{"fixed hold", percentages(blocks(fixedHold(own, steps), s.headline, forever).curve([]int{0}), own, s.headline)})
	for _, c := range all {
		p.lines = append(p.lines, curve{c.name, percentages(blocks(c.judged, s.headline, forever).curve([]int{0}), own, s.headline)})
	}
	return p
}

// percentages are points for the eye.
func percentages(points []point, all []judged, d definition) plotter.XYs {
	healing := 0
	for _, j := range all {
		if j.lasted <= d.real {
			healing++
		}
	}
	xys := make(plotter.XYs, 0, len(points))
	for _, p := range points {
		xys = append(xys, plotter.XY{X: p.delay.Seconds(), Y: 100 * p.unneeded / float64(max(healing, 1))})
	}
	return xys
}

const (
	panelWidth    = 460 * vg.Length(1)
	pictureHeight = 340 * vg.Length(1)
)

// drawPicture writes the panels side by side, as SVG or, to look at while working on it, as PNG.
func drawPicture(panels []panel, path string) error {
	width := panelWidth * vg.Length(len(panels))
	var canvas vg.CanvasSizer
	var encoder io.WriterTo
	if filepath.Ext(path) == ".svg" {
		c := vgsvg.New(width, pictureHeight)
		canvas, encoder = c, c
	} else {
		c := vgimg.NewWith(vgimg.UseWH(width, pictureHeight), vgimg.UseDPI(144), vgimg.UseBackgroundColor(color.Transparent))
		canvas, encoder = c, vgimg.PngCanvas{Canvas: c}
	}
	plots := make([]*plot.Plot, len(panels))
	for k, p := range panels {
		var err error
		if plots[k], err = p.plot(k == 0); err != nil {
			return fmt.Errorf("draw %s: %w", p.title, err)
		}
	}
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: 24, PadTop: 8, PadBottom: 8, PadLeft: 8, PadRight: 16}
	for k, row := range plot.Align([][]*plot.Plot{plots}, tiles, draw.New(canvas))[0] {
		plots[k].Draw(row)
	}
	var picture bytes.Buffer
	if _, err := encoder.WriteTo(&picture); err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	drawn := picture.Bytes()
	if filepath.Ext(path) == ".svg" { // browsers that do not have the font that was measured with take others like it
		drawn = bytes.ReplaceAll(drawn, []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif"))
	}
	if err := os.WriteFile(path, drawn, 0o644); err != nil { //nolint:gosec // a picture for all to see
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// plot lays out one panel; only one needs a legend.
func (p panel) plot(legend bool) (*plot.Plot, error) {
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.Title.Text = p.title
	pl.X.Label.Text, pl.Y.Label.Text = "mean delay of real pages", "share of self-clearing alarms that is paged"
	for size, style := range map[vg.Length][]*draw.TextStyle{
		13: {&pl.Title.TextStyle},
		11: {&pl.X.Label.TextStyle, &pl.Y.Label.TextStyle, &pl.Legend.TextStyle},
		10: {&pl.X.Tick.Label, &pl.Y.Tick.Label},
	} {
		for _, s := range style {
			s.Color, s.Font = ink, font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
		}
	}
	pl.Title.Padding = 8
	for _, axis := range []*plot.Axis{&pl.X, &pl.Y} {
		axis.Color, axis.Tick.Color = ink, ink
	}
	pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = 0, p.longest.Seconds(), 0, 100
	pl.X.Tick.Marker, pl.Y.Tick.Marker = delayTicks(p.longest), plot.ConstantTicks(percentTicks())
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faint, faint
	pl.Add(grid)
	pl.Legend.Top, pl.Legend.XOffs, pl.Legend.YOffs, pl.Legend.Padding = true, -6, -4, 2
	for k, c := range p.lines {
		line, err := plotter.NewLine(within(c.points, p.longest.Seconds()))
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", c.name, err)
		}
		line.LineStyle = looks[k%len(looks)]
		pl.Add(line)
		if legend {
			pl.Legend.Add(c.name, line)
		}
	}
	return pl, nil
}

// within cuts a line off at the end of the axis.
func within(points plotter.XYs, end float64) plotter.XYs {
	for k := 1; k < len(points); k++ {
		a, b := points[k-1], points[k]
		if b.X > end {
			share := (end - a.X) / (b.X - a.X)
			return append(points[:k:k], plotter.XY{X: end, Y: a.Y + (b.Y-a.Y)*share})
		}
	}
	return points
}

// delayTicks are at most nine round delays.
func delayTicks(longest time.Duration) plot.ConstantTicks {
	step := 10 * time.Second
	for _, wider := range []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute} {
		if longest/step >= 9 {
			step = wider
		}
	}
	var ticks plot.ConstantTicks
	for d := time.Duration(0); d <= longest; d += step {
		ticks = append(ticks, plot.Tick{Value: d.Seconds(), Label: brief(d)})
	}
	return ticks
}

func percentTicks() (ticks []plot.Tick) {
	for p := 0; p <= 100; p += 20 {
		ticks = append(ticks, plot.Tick{Value: float64(p), Label: fmt.Sprintf("%d %%", p)})
	}
	return ticks
}
