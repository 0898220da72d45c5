package picture

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
)

// darkColors are the colours of drawings on dark pages, by those on light ones. A PNG has the light ones only: it brings its card.
var darkColors = []struct{ light, dark color.NRGBA }{
	{inkColor, color.NRGBA{0xe6, 0xed, 0xf3, 0xff}},
	{paleInk, color.NRGBA{0x9d, 0xa7, 0xb3, 0xff}},
	{cardColor, color.NRGBA{0x15, 0x1b, 0x23, 0xff}},
	{cardBorder, color.NRGBA{0x3d, 0x44, 0x4d, 0xff}},
	{boxColor, color.NRGBA{0x21, 0x28, 0x30, 0xff}},
	{rootColor, color.NRGBA{0x3d, 0x1d, 0x20, 0xff}},
	{rootBorder, color.NRGBA{0xf8, 0x51, 0x49, 0xff}}, // activeColor is the same
	{boxBorder, color.NRGBA{0x7d, 0x85, 0x90, 0xff}},  // so are edgeColor and what is open
	{clearedColor, color.NRGBA{0x3f, 0xb9, 0x50, 0xff}},
	{lostColor, color.NRGBA{0xd2, 0x99, 0x22, 0xff}},
	{shades[ShadeHealed], color.NRGBA{0x3d, 0xdc, 0x97, 0xff}},
	{shades[ShadePaged], color.NRGBA{0xf0, 0x56, 0x4a, 0xff}},
	{shades[ShadeByHand], color.NRGBA{0x3d, 0x8b, 0xfd, 0xff}},
	{shades[ShadeLost], color.NRGBA{0xf2, 0xcc, 0x60, 0xff}},
}

// steadyText gives each text of an SVG document the width that it has in the embedded fonts. Browsers seldom have these, and in others
// words would run into each other.
func steadyText(body string) string {
	return textElement.ReplaceAllStringFunc(body, func(element string) string {
		m := textElement.FindStringSubmatch(element)
		size, err := strconv.ParseFloat(m[3], 64)
		if err != nil || m[4] == "" {
			return element
		}
		f := faceRegular(vg.Length(size))
		if m[2] == "bold" {
			f = faceBold(vg.Length(size))
		}
		width := strconv.FormatFloat(textWidth(f, html.UnescapeString(m[4])).Points(), 'f', 1, 64)
		return `<text textLength="` + width + `" lengthAdjust="spacingAndGlyphs"` + strings.TrimPrefix(element, "<text")
	})
}

// textElement is a text as vgsvg writes it: what stands before its style, weight, size, text.
var textElement = regexp.MustCompile(`<text([^>]*?)font-weight:(\w+);[^>]*?font-size:([0-9.]+)px[^>]*>([^<]*)`)

// fontRule names what stands in for the embedded fonts, which browsers seldom have.
const fontRule = `text{font-family:"Liberation Sans",Arimo,Arial,Helvetica,sans-serif!important}`

// styleSheet makes an SVG document follow the reader's choice of light or dark. Elements carry their colours themselves, so that the
// sheet only has to override those that occur in body.
func styleSheet(body string) []byte {
	var rules bytes.Buffer
	for _, c := range darkColors {
		for _, property := range []string{"fill", "stroke"} {
			if light := property + ":" + hex(c.light); strings.Contains(body, light) {
				fmt.Fprintf(&rules, `[style*="%s"]{%s:%s!important}`, light, property, hex(c.dark))
			}
		}
	}
	return fmt.Appendf(nil, "<style>%s@media(prefers-color-scheme:dark){%s}</style>", fontRule, rules.Bytes())
}

// hex writes a colour as SVG has it.
func hex(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
