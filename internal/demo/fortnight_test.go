package demo

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/config"
	"quell/internal/replay"
	"quell/notify/digest"
)

// TestFortnightHasAllThatADigestTells plays it, and looks whether each part of a digest has something to say.
func TestFortnightHasAllThatADigestTells(t *testing.T) {
	var first, again, progress bytes.Buffer
	for _, to := range []*bytes.Buffer{&first, &again} {
		if err := Fortnight(to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Fatal("it is another one each time")
	}
	h, err := replay.Play(t.Context(), replay.Options{Policy: config.DefaultPolicy(), Files: []string{"-"}, Stdin: &first, Progress: &progress})
	if err != nil || progress.Len() > 0 {
		t.Fatalf("%v, %s", err, &progress)
	}
	until := fortnightTime(on(14, 9, 0))
	since := until.AddDate(0, 0, -7)
	d := digest.Build(h.Incidents, since, until, digest.Options{KnownSince: h.Begin, Unseen: h.Engine.Unseen(since, until)})
	if d.Past == nil {
		t.Fatal("nothing is compared")
	}
	for part, n := range map[string]int{
		"worse": len(d.Worse), "healed": len(d.Classes), "unneeded": len(d.Unneeded), "held in vain": len(d.HeldInVain), "chronic": len(d.Chronic),
		"noisy": len(d.Noisy), "paged": len(d.Paged), "unseen": len(d.Unseen), "new": len(d.New), "gone": len(d.Gone), "nights": d.Sleep.Nights,
		"false suppressions": d.Waiting.Suppression.False, "open": d.Figures.StillOpen,
	} {
		if n == 0 {
			t.Errorf("nothing is %s", part)
		}
	}
	storm := h.Incidents[slices.IndexFunc(h.Incidents, func(i *correlate.Incident) bool { return i.Alerts > 200 })]
	if root := storm.Roots[0].Entity; root != "node/"+brokenNode || storm.AckedBy != "anna" || storm.Generations[0].PageFate() != honesty.PageNeeded {
		t.Errorf("the storm is rooted in %s, acknowledged by %q", root, storm.AckedBy)
	}
	if text := strings.Join(d.Highlights, "\n"); !strings.Contains(text, "Getting worse: ") {
		t.Errorf("highlights:\n%s", text)
	}
}
