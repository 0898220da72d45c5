package picture

import (
	"strings"
	"unicode"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
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

// textWidth is how wide a text is. An SVG is shown with fonts that have what ours have no glyph for, so that is guessed.
func textWidth(f *font.Face, s string) vg.Length {
	known, strange := strings.Builder{}, vg.Length(0)
	for _, r := range s {
		if hasGlyph(f, r) {
			known.WriteRune(r)
		} else {
			strange += guessedWidth(r)
		}
	}
	return f.Width(known.String()) + strange*f.Font.Size
}

// guessedWidth is how wide a character of another font is, as a share of the font's size: those of East Asia and pictures are square,
// other letters narrower, and marks and joiners stand on or between others.
func guessedWidth(r rune) vg.Length {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x2e80 || r >= 0x1100 && r < 0x1200:
		return 1
	}
	return 0.6
}

// lettering writes the texts of a chart's axes, and measures them as everywhere else.
type lettering struct{ text.Plain }

// Box implements [text.Handler].
func (h lettering) Box(s string, f font.Font) (width, height, depth vg.Length) {
	_, height, depth = h.Plain.Box(s, f)
	face := h.Fonts.Lookup(f, f.Size)
	return textWidth(&face, s), height, depth
}

// Draw implements [text.Handler], for texts of one line that are not turned.
func (h lettering) Draw(c vg.Canvas, s string, style text.Style, at vg.Point) {
	face := h.Fonts.Lookup(style.Font, style.Font.Size)
	at.X += vg.Length(style.XAlign) * (textWidth(&face, s) - face.Width(s)) // Plain aligns by the width of glyphs that it lacks
	h.Plain.Draw(c, s, style, at)
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
