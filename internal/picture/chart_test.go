package picture

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"quell/internal/fake/golden"
)

// kept keeps a drawing where -look says, and returns its SVG.
func kept(t *testing.T, name string, img *Image) string {
	t.Helper()
	if *look != "" {
		if err := os.WriteFile(filepath.Join(*look, name+".png"), img.PNG(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return string(img.SVG())
}

var outcomes = []Part{{"healed by itself", ShadeHealed}, {"paged", ShadePaged}, {"closed by hand", ShadeByHand}, {"lost", ShadeLost}}

func week() []Bar {
	var bars []Bar
	for k, values := range [][]float64{{12, 1, 0, 0}, {9, 0, 0, 0}, {31, 2, 0, 0}, {0, 0, 0, 0}, {14, 1, 1, 0}, {3, 0, 0, 0}, {5, 0, 0, 0}} {
		bars = append(bars, Bar{start.AddDate(0, 0, k).Format("Mon 2"), values})
	}
	return bars
}

func TestBarsAreStackedByOutcome(t *testing.T) {
	svg := kept(t, "days", StackedBars("Incidents by day", "74 healed, 4 paged.", outcomes, week()))
	golden.Compare(t, "days.svg.golden", svg)
	if !strings.Contains(svg, "<title>74 healed, 4 paged.</title>") || strings.Contains(svg, ">lost<") {
		t.Error("no description, or a part without any value in the legend")
	}
}

func TestLyingBarsHaveRoomForNames(t *testing.T) {
	golden.Compare(t, "classes.svg.golden", kept(t, "classes", LyingBars("Top classes", "Two classes.", outcomes, []Bar{
		{"KubePodCrashLooping on deployment", []float64{31, 2, 0, 0}},
		{"a class with <markup> & a name that is much too long for a picture of this size", []float64{9, 0, 0, 0}},
		{"KubeNodeNotReady on node", []float64{1, 1, 1, 0}},
	})))
}

func TestPairedBarsCompareTwoPeriods(t *testing.T) {
	svg := kept(t, "healing", PairedBars("Time to heal", "41 within a minute.", []Part{{"this period", ShadeHealed}, {"the one before", ShadePast}}, []Bar{
		{"< 30s", []float64{12, 3}}, {"< 1m", []float64{29, 31}}, {"< 5m", []float64{14, 20}}, {"< 15m", []float64{0, 2}}, {"longer", []float64{3, 0}},
	}))
	golden.Compare(t, "healing.svg.golden", svg)
	first := PairedBars("", "", []Part{{"this period", ShadeHealed}, {"the one before", ShadePast}}, []Bar{{"a", []float64{1, 0}}})
	if !strings.Contains(string(first.SVG()), ">the one before<") {
		t.Error("a period without any value is not in the legend")
	}
}

func TestChartsOfNothingAndOfMuchAreDrawn(t *testing.T) {
	var year []Bar
	for k := range 365 {
		year = append(year, Bar{fmt.Sprint("day ", k), []float64{float64(k % 7), 0, 0, 1e6}})
	}
	for name, img := range map[string]*Image{
		"no bars": StackedBars("", "", outcomes, nil), "empty bars": StackedBars("t", "", outcomes, []Bar{{"a", []float64{0, 0, 0, 0}}}),
		"a year": StackedBars("t", "", outcomes, year), "no classes": LyingBars("t", "", outcomes, nil),
		"no pairs": PairedBars("t", "", outcomes, nil), "no parts": PairedBars("t", "", nil, nil), "pairs of a year": PairedBars("t", "", outcomes, year),
	} {
		if err := wellFormed(img.SVG()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c, err := png.DecodeConfig(bytes.NewReader(img.PNG())); err != nil || c.Width > 2000 {
			t.Errorf("%s: %v, %v", name, c, err)
		}
		kept(t, strings.ReplaceAll(name, " ", "-"), img)
	}
}

var placed = regexp.MustCompile(`<text textLength="([0-9.]+)" lengthAdjust="spacingAndGlyphs" x="([0-9.]+)"[^>]*>([^<]*)<`)

// Names in scripts that our fonts lack end where those that they have end, and do not run into the bars.
func TestNamesInAnyScriptEndAtTheBars(t *testing.T) {
	names := []string{"DiskFull", "過熱アラート", "\u062a\u0646\u0628\u064a\u0647 DiskFull", "\U0001f525 fire \U0001f525"}
	var list []Bar
	for _, name := range names {
		list = append(list, Bar{name, []float64{3, 0, 0, 0}})
	}
	ends := make(map[string]float64)
	for _, m := range placed.FindAllStringSubmatch(kept(t, "scripts", LyingBars("t", "", outcomes, list)), -1) {
		width, _ := strconv.ParseFloat(m[1], 64)
		x, _ := strconv.ParseFloat(m[2], 64)
		ends[m[3]] = x + width
	}
	for _, name := range names {
		if got, want := ends[name], ends["DiskFull"]; want == 0 || math.Abs(got-want) > 0.2 {
			t.Errorf("%s ends at %.1f, want %.1f", name, got, want)
		}
	}
}
