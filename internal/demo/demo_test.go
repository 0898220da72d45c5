package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// TestMorningEndsInTwoPages plays the whole demo through HTTP, fast, and looks at what arrived at PagerDuty and at what quell says.
// A second of it is minutes of the story, so on a machine that is busy elsewhere an act can come too late for a hold: then it
// is played again. That the engine decides as the story wants is tested in virtual time, see story_test.go.
func TestMorningEndsInTwoPages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds of real time")
	}
	t.Setenv("TMPDIR", t.TempDir())
	var wrong []string
	for range 3 {
		var show, log bytes.Buffer
		out, err := play(t.Context(), Options{Stdout: &show, Stderr: &log, Quick: true})
		if err != nil {
			t.Fatalf("%v\n%s", err, show.String())
		}
		if entries, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(entries) > 0 {
			t.Fatalf("left behind: %v, %v", entries, err)
		}
		if wrong = slices.Concat(checkOutcome(out, log.String()), checkShow(show.String())); len(wrong) == 0 {
			return
		}
		t.Logf("a busy machine? %s\n%s", strings.Join(wrong, "\n"), show.String())
	}
	t.Error(strings.Join(wrong, "\n"))
}

// checkOutcome compares what happened with the story.
func checkOutcome(out *outcome, log string) (wrong []string) {
	if log != "" {
		wrong = append(wrong, "quell logged something that is worth a look:\n"+log)
	}
	type story struct{ Root, Outcome string }
	var got []story
	for _, inc := range out.incidents {
		got = append(got, story{string(inc.Roots[0].Entity), inc.Outcome})
	}
	want := []story{
		{"node/node-7", "escalated"}, {"deployment/shop/recommendations", "self-healed"}, {"deployment/shop/search", "escalated"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		wrong = append(wrong, "incidents (-want +got):\n"+diff)
	}
	if out.alerts < 270 || out.alerts > 330 {
		wrong = append(wrong, fmt.Sprintf("%d alerts, want some 300", out.alerts))
	}
	pages := make(map[string]bool)
	for _, p := range out.pages {
		pages[p.Last.Payload.Source] = !p.Resolved.IsZero()
	}
	if diff := cmp.Diff(map[string]bool{"node/node-7": false, "deployment/shop/search": true}, pages); diff != "" || len(out.pages) != 2 {
		wrong = append(wrong, fmt.Sprintf("%d pages, by root whether resolved (-want +got):\n%s", len(out.pages), diff))
	}
	return wrong
}

// checkShow looks at what people read where there is no terminal.
func checkShow(show string) (wrong []string) {
	for _, want := range []string{
		"1. A node dies", "PagerDuty ← trigger quell/…/inc-1/1: NodeNotReady on node/node-7", "healed by itself", "Slack     ←",
		"PagerDuty ← resolve", "3 incidents  →  1 self-healed  →  2 pages", "runs_on ── pod/data/orders-db-0", "1 page avoided",
		"ben         acknowledges", "PagerDuty ← acknowledge", "1 page avoided, 2 sent.",
	} {
		if !strings.Contains(show, want) {
			wrong = append(wrong, fmt.Sprintf("the show says nowhere %q", want))
		}
	}
	if strings.ContainsAny(show, "\x1b\r") {
		wrong = append(wrong, "the show steers a terminal that is not there")
	}
	for line := range strings.Lines(show) {
		if n := length(strings.TrimRight(line, "\n")); n > columns {
			wrong = append(wrong, fmt.Sprintf("line of %d columns: %s", n, line))
		}
	}
	return wrong
}

// TestInterruptedDemoLeavesNothingBehind ends it while the story is told.
func TestInterruptedDemoLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var begin time.Time
	_, err := play(ctx, Options{Stdout: writer(func(text []byte) {
		if bytes.Contains(text, []byte("A node dies")) {
			begin = time.Now()
			cancel()
		}
	}), Stderr: t.Output(), Quick: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want that it was cancelled", err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("ended after %v, not at once", took)
	}
	if entries, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestDemoEndsWhenNobodyWatches breaks the pipe that it writes to.
func TestDemoEndsWhenNobodyWatches(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), Options{Stdout: w, Stderr: t.Output(), Quick: true}); !errors.Is(err, os.ErrClosed) && !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("got %v, want that the pipe is broken", err)
	}
}

// writer calls a function with all that is written.
type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func TestTerminalLineIsRedrawnBelowWhatIsSaid(t *testing.T) {
	var out strings.Builder
	s := newScreen(&out)
	s.terminal = true
	s.live("one")
	s.say(plain, "said\x1b[2J")
	s.live("two")
	s.end()
	want := "one" + "\r\x1b[K" + "said?[2J\n" + "one" + "\r\x1b[K" + "two" + "\r\x1b[K"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHastenedRulesKeepAllButTheirTimes(t *testing.T) {
	got := hasten("- {reason: [A], ttl: 2m}\n  hold: 0s\n  hold: 10m\n  - {ttl: 2m30s, kind: [pod]}\n", 40)
	want := "- {reason: [A], ttl: 3s}\n  hold: 0s\n  hold: 15s\n  - {ttl: 3s750ms, kind: [pod]}\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStampCountsFromTheStart(t *testing.T) {
	if got := stamp(12*time.Minute + 5*time.Second); got != "12:05" {
		t.Errorf("got %q, want 12:05", got)
	}
}

func TestBiggestIncidentHasMostAlerts(t *testing.T) {
	list := []*correlate.Incident{{ID: 1, Alerts: 2}, {ID: 2, Alerts: 7}, {ID: 3, Alerts: 7}}
	if got := biggest(list); got.ID != 2 {
		t.Errorf("got %s, want inc-2", got.ID)
	}
	if biggest(nil) != nil {
		t.Error("something is the biggest of nothing")
	}
}
