package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake/golden"
)

var look = flag.String("look", "", "a folder that gets the drawings as PNG, to be looked at")

// drawn draws an incident and keeps the drawing where -look says.
func drawn(t *testing.T, name string, inc *correlate.Incident, o Options) *Image {
	t.Helper()
	img, ok := Draw(inc, o)
	if !ok {
		t.Fatalf("%s: not drawn", name)
	}
	if *look != "" {
		if err := os.WriteFile(filepath.Join(*look, name+".png"), img.PNG(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// many is a node with so many pods that they are folded.
func many() *correlate.Incident {
	var list []correlate.SymptomView
	for i := range 35 {
		list = append(list, symptom("KubePodNotReady", fmt.Sprintf("pod/shop/p%02d runs_on node/n3", i)))
	}
	return incident("node/n3", append(list, symptom("KubeVolumeStuck", "persistentvolumeclaim/shop/data mounts node/n3"))...)
}

func TestDrawingShowsWhatReachedWhom(t *testing.T) {
	golden.Compare(t, "cascade.svg.golden", string(drawn(t, "cascade", cascade(), Options{}).SVG()))
	golden.Compare(t, "folded.svg.golden", string(drawn(t, "folded", many(), Options{}).SVG()))
}

func TestDrawingDashesWhatHasNoSymptom(t *testing.T) {
	inc := incident("node/n3", symptom("KubePodNotReady", "pod/shop/cart-1 runs_on node/n3"))
	svg := string(drawn(t, "silent", inc, Options{}).SVG())
	if !strings.Contains(svg, "no symptom of its own") || !strings.Contains(svg, "stroke-dasharray:4,3") && !strings.Contains(svg, "stroke-dasharray:5,3.75") {
		t.Errorf("a silent root is not dashed:\n%s", svg)
	}
}

func TestEveryDrawingSaysInWordsWhatItShows(t *testing.T) {
	img := drawn(t, "alt", many(), Options{})
	const want = "Cascade of inc-7: root cause node/n3, with trouble on 35 entities; held."
	if img.Alt() != want {
		t.Errorf("alt text %q, want %q", img.Alt(), want)
	}
	if svg := string(img.SVG()); !strings.Contains(svg, "<title>"+want+"</title>") || !strings.Contains(svg, `role="img"`) {
		t.Errorf("the description is not in the SVG:\n%s", svg[:600])
	}
}

func TestIncidentWithoutRootIsNotDrawn(t *testing.T) {
	if _, ok := Draw(&correlate.Incident{ID: 1}, Options{}); ok {
		t.Error("drawn")
	}
}

func TestNoTwoBoxesOverlap(t *testing.T) {
	for name, inc := range shapes() {
		l := arrangeBoxes(inc, Options{}.imageDefaults())
		for i, a := range l.boxes {
			if a.x < 0 || a.y < headHeight || a.x+a.width > l.width || a.y+a.height > l.height-footHeight {
				t.Errorf("%s: %s is outside of the drawing", name, a.name)
			}
			for _, b := range l.boxes[:i] {
				if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height {
					t.Errorf("%s: %s and %s overlap", name, a.name, b.name)
				}
			}
		}
	}
}

// wellFormed reads an XML document to its end.
func wellFormed(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// FuzzNoNameBreaksADrawing puts names from outside wherever names stand.
func FuzzNoNameBreaksADrawing(f *testing.F) {
	f.Add("node/n3", "KubeNodeNotReady", "runs_on")
	f.Add("pod/<script>alert(1)</script>/\"'&x", "]]><svg onload=alert(1)>", "--><!--")
	f.Add("\u202enode/\x00\x1b[31m", strings.Repeat("a long name ", 400), "日本語")
	f.Add("/", "", "")
	f.Fuzz(func(t *testing.T, entity, name, via string) {
		if entity == "" || len(entity) > 4096 || len(name) > 8192 {
			t.Skip()
		}
		inc := incident(entity, correlate.SymptomView{
			Entity: "pod/a", Name: name, State: "active", Since: start,
			Path: []correlate.PathStep{{Entity: "pod/a"}, {Type: via, Entity: topology.Entity(entity)}},
		})
		img, ok := Draw(inc, Options{})
		if !ok {
			t.Fatal("not drawn")
		}
		svg := img.SVG()
		if err := wellFormed(svg); err != nil || !utf8.Valid(svg) {
			t.Fatalf("the SVG is broken: %v\n%s", err, svg)
		}
		if bytes.Contains(svg, []byte("<script")) || bytes.Contains(svg, []byte("<svg onload")) {
			t.Fatalf("markup got through:\n%s", svg)
		}
		if c, err := png.DecodeConfig(bytes.NewReader(img.PNG())); err != nil || c.Width > 8000 || c.Height > 8000 {
			t.Fatalf("the PNG is broken or huge: %dx%d, %v", c.Width, c.Height, err)
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	inc := many()
	for b.Loop() {
		img, _ := Draw(inc, Options{})
		img.PNG()
	}
}
