package picture

import (
	"fmt"
	"image/color"
	"math"
	"regexp"
	"strings"
	"testing"
)

// linear is a colour in linear light: red, green and blue from 0 to 1.
type linear [3]float64

func linearOf(c color.NRGBA) (l linear) {
	for k, v := range []uint8{c.R, c.G, c.B} {
		s := float64(v) / 255
		if l[k] = s / 12.92; s > 0.04045 {
			l[k] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	return l
}

func (l linear) luminance() float64 { return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2] }

// contrast is that of WCAG 2, from 1 to 21.
func contrast(a, b color.NRGBA) float64 {
	x, y := linearOf(a).luminance(), linearOf(b).luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// visions are what people see who lack a kind of cones: Machado, Oliveira and Fernandes 2009, severity 1.
var visions = map[string][3]linear{
	"all cones":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// seen is a colour in CIELAB as somebody sees it.
func seen(c color.NRGBA, vision [3]linear) (lab [3]float64) {
	in, out := linearOf(c), linear{}
	for k, row := range vision {
		out[k] = min(1, max(0, row[0]*in[0]+row[1]*in[1]+row[2]*in[2]))
	}
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	x, y := f((0.4124*out[0]+0.3576*out[1]+0.1805*out[2])/0.95047), f(out.luminance())
	z := f((0.0193*out[0] + 0.1192*out[1] + 0.9505*out[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// darkOf is what a colour becomes on dark pages.
func darkOf(t *testing.T, c color.NRGBA) color.NRGBA {
	for _, d := range darkColors {
		if d.light == c {
			return d.dark
		}
	}
	t.Fatalf("%s has no dark colour", hex(c))
	return c
}

// TestColoursAreSeenByEverybody holds the contrast of WCAG 2.2 (4.5 for text, 3 for shapes), and that any two shades of a chart are told
// apart by people who do not see all colours: 20 is ten times what a trained eye notices.
func TestColoursAreSeenByEverybody(t *testing.T) {
	for theme, of := range map[string]func(color.NRGBA) color.NRGBA{
		"light": func(c color.NRGBA) color.NRGBA { return c },
		"dark":  func(c color.NRGBA) color.NRGBA { return darkOf(t, c) },
	} {
		for _, ink := range []color.NRGBA{inkColor, paleInk} {
			for _, ground := range []color.NRGBA{cardColor, boxColor, rootColor} {
				if got := contrast(of(ink), of(ground)); got < 4.5 {
					t.Errorf("%s: text %s on %s has a contrast of %.1f", theme, hex(ink), hex(ground), got)
				}
			}
		}
		for a, one := range shades[:ShadePast] {
			if got := contrast(of(one), of(cardColor)); got < 3 {
				t.Errorf("%s: shade %d has a contrast of %.1f", theme, a, got)
			}
			for b, other := range shades[:a] {
				for name, vision := range visions {
					x, y := seen(of(one), vision), seen(of(other), vision)
					if got := math.Hypot(math.Hypot(x[0]-y[0], x[1]-y[1]), x[2]-y[2]); got < 20 {
						t.Errorf("%s: shades %d and %d are alike to %s: %.0f", theme, a, b, name, got)
					}
				}
			}
		}
	}
}

var painted = regexp.MustCompile(`(?:fill|stroke):(#[0-9A-F]{6})`)

// TestDrawingsHaveNoColourThatStaysLightOnDarkPages looks at each kind of drawing.
func TestDrawingsHaveNoColourThatStaysLightOnDarkPages(t *testing.T) {
	cascade, _ := Draw(many(), Options{})
	for name, img := range map[string]*Image{
		"cascade": cascade, "days": StackedBars("t", "", outcomes, week()), "classes": LyingBars("t", "", outcomes, week()),
		"healing": PairedBars("t", "", []Part{{"now", ShadeHealed}, {"then", ShadePast}}, []Bar{{"a", []float64{1, 2}}}),
	} {
		svg := string(img.SVG())
		sheet, body, _ := strings.Cut(svg, "</style>")
		for _, m := range painted.FindAllStringSubmatch(body, -1) {
			if want := fmt.Sprintf(`[style*="%s"]`, m[0]); !strings.Contains(sheet, want) {
				t.Errorf("%s: %s stays as it is on dark pages", name, m[0])
			}
		}
	}
}
