package digest

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"quell/internal/picture"
)

// Picture is a chart of a digest. Its bytes are made when they are asked for.
type Picture struct {
	// Name is that of a file without its ending: lower-case letters only.
	Name string
	// Title stands above the chart.
	Title string
	// Alt tells in words what the chart shows.
	Alt   string
	image *picture.Image
}

// SVG returns the chart as an SVG document, dark for readers whose pages are.
func (p *Picture) SVG() []byte { return p.image.SVG() }

// PNG returns the chart in pixels, two for each point, on a light card of its own.
func (p *Picture) PNG() []byte { return p.image.PNG() }

// outcomeParts are the outcomes in the order in which they stand on each other, and their words.
var outcomeParts = []picture.Part{
	{Name: "healed by itself", Shade: picture.ShadeHealed},
	{Name: "paged", Shade: picture.ShadePaged},
	{Name: "closed by hand", Shade: picture.ShadeByHand},
	{Name: "lost", Shade: picture.ShadeLost},
	{Name: "open", Shade: picture.ShadeOpen},
}

func (o *Outcomes) values() []int { return []int{o.Healed, o.Paged, o.ByHand, o.Lost, o.Open} }

func (o *Outcomes) bar(label string) picture.Bar {
	b := picture.Bar{Label: label}
	for _, n := range o.values() {
		b.Values = append(b.Values, float64(n))
	}
	return b
}

// String lists the outcomes that there are.
func (o *Outcomes) String() string {
	parts := make([]counted, len(outcomeParts))
	for k, n := range o.values() {
		parts[k] = counted{n, outcomeParts[k].Name}
	}
	return listed(parts)
}

// Pictures returns the charts of the digest: incidents by day, times to heal, top classes. What would be empty is left out, so that a
// digest without incidents has none. They are drawn from what JSON tells.
func (d *Digest) Pictures() []Picture {
	var list []Picture
	add := func(name, title string, draw func(title string) *picture.Image) {
		image := draw(title)
		list = append(list, Picture{name, title, image.Alt(), image})
	}
	if d.opened().Total() > 0 {
		add("days", "Incidents by "+d.dayUnit()+" on which they opened", d.dayChart)
	}
	if len(d.Charts.HealTimes) > 0 {
		add("healing", "How long healing took", d.healChart)
	}
	if len(d.Charts.TopClasses) > 0 {
		add("classes", "What happened most often", d.classChart)
	}
	return list
}

// opened sums up the days.
func (d *Digest) opened() *Outcomes {
	var sum Outcomes
	for k := range d.Charts.Days {
		o := &d.Charts.Days[k]
		sum = Outcomes{sum.Healed + o.Healed, sum.Paged + o.Paged, sum.ByHand + o.ByHand, sum.Lost + o.Lost, sum.Open + o.Open}
	}
	return &sum
}

func (d *Digest) dayChart(title string) *picture.Image {
	bars, words := make([]picture.Bar, len(d.Charts.Days)), make([]string, 0, len(d.Charts.Days))
	for k := range d.Charts.Days {
		day := &d.Charts.Days[k]
		label := day.label()
		bars[k] = day.bar(label)
		if day.Total() > 0 {
			words = append(words, label+": "+day.Outcomes.String())
		}
	}
	alt := fmt.Sprintf("Incidents by %s on which they opened, %d in all: %s.", d.dayUnit(), d.opened().Total(), strings.Join(words, "; "))
	return picture.StackedBars(title, alt, outcomeParts, bars)
}

// dayUnit is what a bar of the days stands for.
func (d *Digest) dayUnit() string {
	if len(d.Charts.Days) > 0 && d.Charts.Days[0].Days > 1 {
		return "week"
	}
	return "day"
}

// label writes a day as short as it can be told from others.
func (d *Day) label() string {
	t, err := time.Parse(dateLayout, d.Date)
	switch {
	case err != nil:
		return d.Date // of a digest that others wrote
	case d.Days > 1:
		return t.Format("2 Jan")
	}
	return t.Format("Mon 2")
}

func (d *Digest) healChart(title string) *picture.Image {
	parts := []picture.Part{{Name: "this period", Shade: picture.ShadeHealed}, {Name: "previous period", Shade: picture.ShadePast}}
	bars, words := make([]picture.Bar, len(d.Charts.HealTimes)), make([]string, 0, len(d.Charts.HealTimes))
	compared := d.Past != nil
	if !compared {
		parts = parts[:1]
	}
	for k := range d.Charts.HealTimes {
		b := &d.Charts.HealTimes[k]
		label := b.label()
		bars[k] = picture.Bar{Label: label, Values: []float64{float64(b.Count), float64(b.Past)}[:len(parts)]}
		switch {
		case b.Count+b.Past == 0:
		case compared:
			words = append(words, fmt.Sprintf("%s: %d (before %d)", label, b.Count, b.Past))
		default:
			words = append(words, fmt.Sprintf("%s: %d", label, b.Count))
		}
	}
	alt := "Time to heal of what healed by itself: " + strings.Join(words, "; ") + "."
	return picture.PairedBars(title, alt, parts, bars)
}

// label writes a bin by its end, or by its begin if it has none.
func (b *HealBin) label() string {
	if b.ToSeconds == 0 {
		return "≥ " + brief(b.FromSeconds)
	}
	return "< " + brief(b.ToSeconds)
}

// brief writes a span of one unit.
func brief(seconds float64) string {
	return picture.Span(time.Duration(seconds * float64(time.Second)))
}

func (d *Digest) classChart(title string) *picture.Image {
	bars, words := make([]picture.Bar, len(d.Charts.TopClasses)), make([]string, len(d.Charts.TopClasses))
	for k := range d.Charts.TopClasses {
		c := &d.Charts.TopClasses[k]
		bars[k] = c.bar(cmp.Or(c.Class, "?"))
		words[k] = c.Class + ": " + c.Outcomes.String()
	}
	alt := "Incidents by class: " + strings.Join(words, "; ") + "."
	return picture.LyingBars(title, alt, outcomeParts, bars)
}
