package picture

import (
	"strings"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// maxNameRunes is more than the widest box has room for.
const maxNameRunes = 200

// fonts holds the two embedded fonts that drawings use. It locks itself.
var fonts = font.NewCache(font.Collection{embedded(xfont.WeightNormal, liberationsansregular.TTF), embedded(xfont.WeightBold, liberationsansbold.TTF)})

func embedded(weight xfont.Weight, ttf []byte) font.Face {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic("picture: embedded font: " + err.Error())
	}
	return font.Face{Font: typeface(weight), Face: f}
}

func typeface(weight xfont.Weight) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight}
}

func faceRegular(size vg.Length) *font.Face { return face(size, xfont.WeightNormal) }

func faceBold(size vg.Length) *font.Face { return face(size, xfont.WeightBold) }

func face(size vg.Length, weight xfont.Weight) *font.Face {
	f := fonts.Lookup(typeface(weight), size)
	return &f
}

// fit cuts a text to a width.
func fit(f *font.Face, s string, width vg.Length) string {
	if textWidth(f, s) <= width {
		return s
	}
	runes := []rune(s)
	low, high := 0, len(runes) // the longest cut that fits
	for low < high {
		if mid := (low + high + 1) / 2; textWidth(f, string(runes[:mid])+"…") <= width {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return string(runes[:low]) + "…"
}

// fitMiddle cuts a name to a width, from its middle: names of one workload differ at their ends.
func fitMiddle(f *font.Face, s string, width vg.Length) string {
	if textWidth(f, s) <= width {
		return s
	}
	runes := []rune(s)
	cutTo := func(keep int) string { return string(runes[:keep-keep/3]) + "…" + string(runes[len(runes)-keep/3:]) }
	keep := min(len(runes)-1, maxNameRunes)
	for keep > 0 && textWidth(f, cutTo(keep)) > width {
		keep--
	}
	return cutTo(keep)
}

// textWidth is how wide a text is. What our fonts have no glyph for counts as square: an SVG is shown with fonts that have it.
func textWidth(f *font.Face, s string) vg.Length {
	known, strange := strings.Builder{}, 0
	for _, r := range s {
		if hasGlyph(f, r) {
			known.WriteRune(r)
		} else {
			strange++
		}
	}
	return f.Width(known.String()) + vg.Length(strange)*f.Font.Size
}

// hasGlyph reports whether a font can draw a character.
func hasGlyph(f *font.Face, r rune) bool {
	if r < 0x7f {
		return true
	}
	var buffer sfnt.Buffer
	index, err := f.Face.GlyphIndex(&buffer, r)
	return err == nil && index != 0
}

// pixels is a canvas that shows a square for each character that our fonts have no glyph for, where nothing would be seen otherwise.
type pixels struct{ vg.Canvas }

// FillString draws a text.
func (p pixels) FillString(f font.Face, at vg.Point, s string) {
	p.Canvas.FillString(f, at, strings.Map(func(r rune) rune {
		if !hasGlyph(&f, r) {
			return '□'
		}
		return r
	}, s))
}
