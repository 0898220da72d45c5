package picture

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// paletted reduces an image to 256 colours: ours, the most frequent ones, and for the others the nearest of these. Drawings have few
// colours, and many shades only where lines and letters meet the ground, where nobody sees the difference; as PNG they are a third of the
// size.
func paletted(img *image.RGBA) *image.Paletted {
	counts := make(map[color.RGBA]int)
	runs(img, func(c color.RGBA, _, n int) { counts[c] += n })
	list := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B), cmp.Compare(a.A, b.A))
	})
	palette := make(color.Palette, 0, 256)
	taken := func(c color.RGBA) bool {
		return slices.ContainsFunc(palette, func(p color.Color) bool { return near(p.(color.RGBA), c) })
	}
	for _, c := range ownColors() {
		if counts[c] > 0 {
			palette = append(palette, c)
		}
	}
	for _, c := range list {
		if len(palette) < 256 && !taken(c) {
			palette = append(palette, c)
		}
	}
	index := make(map[color.RGBA]uint8, len(list))
	for _, c := range list {
		index[c] = uint8(palette.Index(c)) // at most 255
	}
	out := image.NewPaletted(img.Bounds(), palette)
	runs(img, func(c color.RGBA, at, n int) {
		i := index[c]
		for k := range n {
			out.Pix[at+k] = i
		}
	})
	return out
}

// ownColors are those that mean something: they stay what they are, however rare.
func ownColors() []color.RGBA {
	list := make([]color.RGBA, len(darkColors))
	for k, c := range darkColors {
		list[k] = color.RGBA(c.light) // they are opaque
	}
	return list
}

// near reports whether nobody tells two colours apart.
func near(a, b color.RGBA) bool {
	const least = 5
	apart := func(x, y uint8) bool { return max(x, y)-min(x, y) >= least }
	return !apart(a.R, b.R) && !apart(a.G, b.G) && !apart(a.B, b.B) && !apart(a.A, b.A)
}

// runs calls visit for each run of pixels of one colour, with its first pixel and its length: a map is asked for runs, not for pixels.
func runs(img *image.RGBA, visit func(c color.RGBA, at, n int)) {
	pixel := func(k int) color.RGBA {
		p := img.Pix[4*k : 4*k+4]
		return color.RGBA{p[0], p[1], p[2], p[3]}
	}
	total := len(img.Pix) / 4
	for at := 0; at < total; {
		c, end := pixel(at), at+1
		for end < total && pixel(end) == c {
			end++
		}
		visit(c, at, end-at)
		at = end
	}
}
