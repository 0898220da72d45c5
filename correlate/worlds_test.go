package correlate

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	base  = flag.Uint64("base", 1, "the first of the seeds that the simulations play")
	aloud = flag.Bool("story", false, "tell what happens in the world of -seed, step by step")
)

const (
	// corpusFile names the seeds of worlds that failed once.
	corpusFile = "testdata/simulation/seeds.txt"
	// fixedWorlds are always played: seeds from 1. With -short, as beside the race detector, there are shortWorlds.
	fixedWorlds, shortWorlds = 50, 10
	// With -short one in shortShare of the worlds that failed once is played: others with another base.
	shortShare = 3
	// shrinkPlays bounds how often a failing world is played again to find what it needs to fail.
	shrinkPlays = 400
)

// TestSimulationOfWorlds plays worlds in which quell should do well: clusters with faults that spread along dependencies and show,
// late and not reliably, in alerts and events; see world, fault and reporter for what can be in them, and stage for how they are
// played. After each step
//
//   - the model, which hears the same and knows no incidents, agrees which symptoms are active, cleared, lost and forgotten;
//   - every active symptom that counts is in one open incident, unless an operator closed it, and waits no longer than holds allow;
//   - the effects, read as somebody reads them who gets pages, contradict neither each other nor the state, and every hold was met
//     or replaced with a reason; what a recovered root brought down got its time to follow, and no more;
//   - the twin decided the same; now and then it, and after a gap the engine, is stored and loaded, which changes nothing.
//
// In the end everything resolves, and nothing may be open, due or known any more; the journal, replayed, gives the same rows. Over
// the fixed worlds the roots that were found and the pages that were sent have to be good enough, see floor.
//
// The first world that fails is shrunk to what it needs to fail, and told.
func TestSimulationOfWorlds(t *testing.T) {
	if *seed != 0 {
		playWorld(t, *seed, "")
		return
	}
	fixed := make([]*stage, fixedWorlds)
	if testing.Short() {
		fixed = fixed[:shortWorlds]
	}
	failedOnce, known := corpus(t, corpusFile)
	t.Run("worlds", func(t *testing.T) {
		play := func(seed uint64, then func(*stage)) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				then(playWorld(t, seed, known[seed]))
			})
		}
		for k := range fixed {
			play(uint64(k)+1, func(s *stage) { fixed[k] = s })
		}
		for k, n := range failedOnce {
			if n > fixedWorlds && (!testing.Short() || uint64(k)%shortShare == *base%shortShare) {
				play(n, func(*stage) {})
			}
		}
		for k := range uint64(*seeds) {
			if n := *base + k; n > fixedWorlds && !slices.Contains(failedOnce, n) {
				play(n, func(*stage) {})
			}
		}
	})
	checkQuality(t, slices.DeleteFunc(fixed, func(s *stage) bool { return s == nil }))
}

// shrunk is true once a failing world was shrunk: that takes a while, and one is enough to begin with.
var shrunk atomic.Bool

// playWorld plays the world of a seed and explains its failure. known names the check that is known to fail in it, if there is one.
func playWorld(t *testing.T, seed uint64, known string) *stage {
	t.Helper()
	return playThe(t, newWorld(seed), known)
}

// playThe does so with a world that was made already.
func playThe(t *testing.T, w *world, known string) *stage {
	t.Helper()
	seed := w.seed
	var y *story
	if *aloud {
		y = &story{}
		y.world(w)
	}
	s := perform(w, w.script, y)
	if y != nil {
		t.Logf("\n%s", y.out.String())
	}
	if s.failure == nil {
		return s
	}
	if s.failure.check == known {
		t.Skipf("known: %s", known)
	}
	if shrunk.Swap(true) {
		t.Fatalf("make sim SEED=%d plays it again: %s", seed, s.failure)
	}
	least := shrink(w, s.failure)
	y = &story{}
	again := perform(w, least, y)
	t.Fatalf("%s\n\nmake sim SEED=%d plays it again. Of %d entries it needs %d to fail:\n%s\n%s", s.failure, seed, len(w.script), len(least), &y.out, again.failure)
	return s
}

// shrink leaves out of a failing script what it does not need to fail in the same check: halves, then quarters, down to single
// entries (delta debugging, as Zeller and Hildebrandt have it). What comes after the failure goes at once.
func shrink(w *world, first *failure) []entry {
	script, plays := slices.DeleteFunc(slices.Clone(w.script), func(e entry) bool { return e.at > first.at }), 0
	for size := (len(script) + 1) / 2; size > 0; size /= 2 {
		for at := 0; at < len(script) && plays < shrinkPlays; plays++ {
			less := slices.Delete(slices.Clone(script), at, min(at+size, len(script)))
			if f := perform(w, less, nil).failure; f != nil && f.check == first.check {
				script = less
				continue
			}
			at += size
		}
	}
	return script
}

// corpus reads the seeds of worlds that failed once. Where a second word follows, it is the check that still fails.
func corpus(t *testing.T, file string) (list []uint64, known map[uint64]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known = make(map[uint64]string)
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		n, err := strconv.ParseUint(words[0], 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, n)
		if len(words) > 1 {
			known[n] = words[1]
		}
	}
	return list, known
}
