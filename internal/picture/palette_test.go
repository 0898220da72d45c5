package picture

import (
	"image"
	"image/color"
	"testing"
)

// TestColoursWithAMeaningSurviveInPixels has more shades than a palette, each on more pixels than our own colours.
func TestColoursWithAMeaningSurviveInPixels(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for k := range 64 * 64 {
		img.Set(k%64, k/64, color.RGBA{uint8(k/2%16) * 17, uint8(k/32%16) * 17, uint8(k/512) * 31, 0xff})
	}
	for k, c := range ownColors() {
		img.Set(k, 0, c)
	}
	out := paletted(img)
	for k, c := range ownColors() {
		if got := out.At(k, 0); got != c {
			t.Errorf("%v became %v", c, got)
		}
	}
	if n := len(out.Palette); n > 256 {
		t.Errorf("%d colours", n)
	}
}
