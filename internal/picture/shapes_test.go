package picture

import (
	"bytes"
	"fmt"
	"image/png"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake/golden"
)

// shapes are the cascades that there are: each is looked at, and held to what must be true of every drawing.
func shapes() map[string]*correlate.Incident {
	return map[string]*correlate.Incident{
		"one": incident("node/n3", symptom("KubeNodeNotReady", "node/n3")), "tiny": incident("node/n3", symptom("KubePodNotReady", "pod/shop/cart-1 runs_on node/n3")),
		"cascade": cascade(), "many": many(), "shop": shop(), "storm": storm(), "deep": deep(), "long": long(), "unicode": foreign(), "tall": tall(), "stray": stray(),
	}
}

// later lets the symptoms of an incident begin one after another.
func later(inc *correlate.Incident, step time.Duration) *correlate.Incident {
	for k := range inc.Symptoms {
		inc.Symptoms[k].Since = start.Add(time.Duration(k) * step)
	}
	inc.Members = nil
	seen := make(map[topology.Entity]bool)
	for _, s := range inc.Symptoms {
		if !seen[s.Entity] {
			seen[s.Entity] = true
			inc.Members = append(inc.Members, s.Entity)
		}
	}
	inc.MemberCount = len(inc.Members)
	return inc
}

// shop is an outage of twelve members: a volume fills up, and a shop falls with it.
func shop() *correlate.Incident {
	const db = "pod/shop/postgres-0@prod mounts persistentvolumeclaim/shop/data-postgres-0@prod"
	inc := later(incident("persistentvolumeclaim/shop/data-postgres-0@prod",
		symptom("KubePersistentVolumeFillingUp", "persistentvolumeclaim/shop/data-postgres-0@prod"),
		symptom("KubePodCrashLooping", db), symptom("KubePodNotReady", db),
		symptom("KubeStatefulSetReplicasMismatch", "statefulset/shop/postgres@prod owns "+db),
		symptom("HighErrorRate", "service/shop/orders@prod calls service/shop/postgres@prod selects "+db),
		symptom("HighErrorRate", "service/shop/checkout@prod calls service/shop/orders@prod calls service/shop/postgres@prod selects "+db),
		symptom("HighLatency", "service/shop/web@prod calls service/shop/checkout@prod calls service/shop/orders@prod calls service/shop/postgres@prod selects "+db),
		symptom("HighErrorRate", "service/shop/payment@prod calls service/shop/postgres@prod selects "+db),
		symptom("KubePodNotReady", "pod/shop/orders-6f8d-x2k@prod calls service/shop/postgres@prod selects "+db),
		symptom("KubePodNotReady", "pod/shop/orders-6f8d-q9p@prod calls service/shop/postgres@prod selects "+db),
		symptom("KubeDeploymentReplicasMismatch", "deployment/shop/orders@prod owns pod/shop/orders-6f8d-x2k@prod calls service/shop/postgres@prod selects "+db),
		symptom("KubeJobFailed", "job/shop/report-2901@prod calls service/shop/postgres@prod selects "+db),
		symptom("IngressErrors", "ingress/shop/web@prod routes service/shop/web@prod calls service/shop/checkout@prod calls service/shop/orders@prod calls service/shop/postgres@prod selects "+db),
	), 17*time.Second)
	escalated := start.Add(6 * time.Minute)
	inc.State, inc.Escalated, inc.Title = correlate.Escalated, &escalated, "KubePersistentVolumeFillingUp on persistentvolumeclaim/shop/data-postgres-0"
	inc.Symptoms[8].State, inc.Symptoms[11].State = "cleared", "lost"
	return inc
}

// storm is a zone that takes 300 members of several kinds down.
func storm() *correlate.Incident {
	var list []correlate.SymptomView
	for n := range 12 {
		node := fmt.Sprintf("node/n%02d in_zone zone/eu-west-1a", n)
		if n%3 != 0 {
			list = append(list, symptom("KubeNodeNotReady", node))
		}
		for p := range 20 {
			s := symptom("KubePodNotReady", fmt.Sprintf("pod/shop/p%02d-%02d runs_on %s", n, p, node))
			list = append(list, with(s, []string{"active", "active", "cleared"}[p%3]))
		}
		for s := range 4 {
			list = append(list, symptom("HighLatency", fmt.Sprintf("service/shop/s%02d-%d selects pod/shop/p%02d-%02d runs_on %s", n, s, n, s, node)))
		}
	}
	return later(incident("zone/eu-west-1a", list...), time.Second)
}

func deep() *correlate.Incident {
	path := "node/n3"
	var list []correlate.SymptomView
	for n := range 14 {
		path = fmt.Sprintf("service/shop/s%d calls %s", n, path)
		list = append(list, symptom("HighLatency", path))
	}
	return later(incident("node/n3", list...), time.Minute)
}

func long() *correlate.Incident {
	name := strings.Repeat("recommendation-engine-", 9)
	return incident("deployment/a-namespace-of-the-team-that-likes-long-names/"+name+"v2",
		symptom(strings.Repeat("KubeDeploymentGenerationMismatch", 4), "deployment/a-namespace-of-the-team-that-likes-long-names/"+name+"v2"),
		symptom("KubePodNotReady", "pod/shop/"+name+"7d9f-x2k9p a_type_of_dependency_that_somebody_made_up deployment/a-namespace-of-the-team-that-likes-long-names/"+name+"v2"))
}

func foreign() *correlate.Incident {
	return incident("node/münchen-ост", symptom("Überhitzung", "node/münchen-ост"), symptom("Перегрев", "pod/магазин/корзина-1 runs_on node/münchen-ост"),
		symptom("過熱", "pod/店/カート-1 runs_on node/münchen-ост"), symptom("Θερμό", "pod/κατάστημα/😀 runs_on node/münchen-ост"))
}

func tall() *correlate.Incident {
	return incident("node/n3", symptom("A", "node/n3"), symptom("B", "node/n3"), symptom("C", "node/n3"), symptom("D", "node/n3"),
		symptom("A", "pod/a runs_on node/n3"), symptom("B", "pod/a runs_on node/n3"), symptom("C", "pod/a runs_on node/n3"),
		symptom("A", "pod/b runs_on node/n3"), symptom("A", "service/s selects pod/b runs_on node/n3"), symptom("A", "service/t selects pod/b runs_on node/n3"))
}

// stray is what joined without a known way, the day before.
func stray() *correlate.Incident {
	inc := incident("node/n3", symptom("KubeNodeNotReady", "node/n3"), symptom("Stray", "pod/shop/alone"))
	inc.Symptoms[1].Path, inc.Symptoms[1].Since = nil, start.Add(-30*time.Hour)
	return inc
}

// TestAltTextsTellWhatDrawingsShow has the words for each shape.
func TestAltTextsTellWhatDrawingsShow(t *testing.T) {
	all := shapes()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s\n%s\n\n", name, Alt(all[name]))
		if n := length(Alt(all[name])); n > altRunes {
			t.Errorf("%s: %d characters", name, n)
		}
	}
	golden.Compare(t, "alt.golden", b.String())
}

func TestManyOfAKindAreSummedUp(t *testing.T) {
	golden.Compare(t, "storm.svg.golden", string(drawn(t, "storm", storm(), Options{}).SVG()))
	golden.Compare(t, "shop.svg.golden", string(drawn(t, "shop", shop(), Options{}).SVG()))
	if svg := string(drawn(t, "many", many(), Options{Siblings: 40, Lines: 40}).SVG()); !strings.Contains(svg, "shop/p34<") || strings.Contains(svg, "35 pods") {
		t.Error("where there is room for all, not all are there")
	}
}

// Nothing is left out of a drawing, however little room there is: what has no box is counted in one, and there are not many more boxes than
// were asked for.
func TestEveryEntityIsInABox(t *testing.T) {
	kinds := incident("zone/a")
	for n := range 60 {
		kinds.Symptoms = append(kinds.Symptoms, symptom("A", fmt.Sprintf("pod/p in_zone kind%02d/x in_zone zone/a", n)), symptom("B", fmt.Sprintf("thing%d/t in_zone kind%02d/x in_zone zone/a", n, n)))
	}
	all := shapes()
	all["kinds"] = kinds
	for name, inc := range all {
		for _, lines := range []int{1, 2, 5, 24, 500} {
			o := Options{Lines: lines}.imageDefaults()
			root := newTree(inc).cells(o)
			in := 0
			for level := []*cell{root}; len(level) > 0; level = level[1:] {
				in += len(level[0].nodes)
				level = append(level, level[0].children...)
			}
			if total := len(newTree(inc).nodes); in != total {
				t.Errorf("%s with %d lines: %d of %d entities are in boxes", name, lines, in, total)
			}
			if n := root.size(); n > 2*lines {
				t.Errorf("%s with %d lines: %d boxes", name, lines, n)
			}
		}
	}
}

// What no font of ours has is a square in pixels, rather than nothing.
func TestStrangeLettersAreSeen(t *testing.T) {
	f := faceBold(nameSize)
	if w := textWidth(f, "過熱"); w != 2*nameSize {
		t.Errorf("two characters without a glyph are %v wide, want %v", w, 2*nameSize)
	}
	if w, want := textWidth(f, "Überhitzung Перегрев Θερμό"), f.Width("Überhitzung Перегрев Θερμό"); w != want || w == 0 {
		t.Errorf("letters that the font has are %v wide, want %v", w, want)
	}
	if hasGlyph(f, '過') || !hasGlyph(f, '□') {
		t.Error("the font has other characters than the squares need")
	}
	var drawn recorder.Canvas
	pixels{&drawn}.FillString(*f, vg.Point{}, "pod/カート-1")
	if got := drawn.Actions[0].(*recorder.FillString).String; got != "pod/□□□-1" {
		t.Errorf("drawn as %q", got)
	}
}

// The words are in the file: who gets it without the message knows them too.
func TestPNGHoldsItsDescription(t *testing.T) {
	img := drawn(t, "described", foreign(), Options{})
	file := img.PNG()
	_, rest, ok := bytes.Cut(file, []byte("iTXtDescription\x00\x00\x00en\x00\x00"))
	if !ok || !bytes.HasPrefix(rest, []byte(img.Alt())) {
		t.Fatalf("no description in %q", file[:min(len(file), 200)])
	}
	if _, err := png.Decode(bytes.NewReader(file)); err != nil { // checksums count here
		t.Error(err)
	}
}

func TestHugeDrawingsHaveFewerPixels(t *testing.T) {
	for _, height := range []vg.Length{10, 2000, 9000, 90_000} {
		dpi := (&Image{width: 1000, height: height}).dpi()
		if pixels := 1000 * height.Points() * float64(dpi*dpi) / (screenDPI * screenDPI); pixels > pngPixels || pixels < pngPixels*0.8 && dpi != pngScale*screenDPI {
			t.Errorf("%v points high: %d dpi, %.0f pixels", height, dpi, pixels)
		}
	}
}

func TestShapesAreDrawnWithinBounds(t *testing.T) {
	for name, inc := range shapes() {
		img := drawn(t, name, inc, Options{})
		if w, h := img.Size(); w > 3000 || h > 3000 {
			t.Errorf("%s: %d × %d points are more than anybody looks at", name, w, h)
		}
		if err := wellFormed(img.SVG()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
