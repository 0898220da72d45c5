// Command leaveout says whether the engine's thresholds carry over to systems that they were not tuned on. For each family of sets
// it takes the best of many random tunings on the other families, and scores that on the one left out, beside the shipped defaults
// and the best that tuning on the family itself could do:
//
//	leaveout --eval ../shared/eval [--samples 100] [--seed 1]
//
// All replays run within this process.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"quell/correlate"
	"quell/internal/config"
	"quell/internal/replay"
	"quell/test/evaluation/dataset"
	"quell/test/evaluation/score"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0 fine, 1 sets that cannot be read or replayed, 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("leaveout", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("eval", "", "folder with dev/")
	samples := flags.Int("samples", 100, "random tunings to try beside the defaults")
	seed := flags.Uint64("seed", 1, "the dice")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *dir == "" || *samples < 1 || flags.NArg() > 0 {
		_, _ = fmt.Fprintln(stderr, "usage: leaveout --eval DIR [--samples N] [--seed N]")
		return 2
	}
	sets, err := dataset.All(filepath.Join(*dir, "dev"))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "leaveout:", err)
		return 1
	}
	trials, err := try(context.Background(), sets, draw(rand.New(rand.NewPCG(*seed, 0)), correlate.DefaultTuning(), *samples))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "leaveout:", err)
		return 1
	}
	report(stdout, trials)
	return 0
}

// trial is how one tuning did on each family of sets.
type trial struct {
	tuning   correlate.Tuning
	families map[string]*score.Tally
}

// try replays all cases with each tuning.
func try(ctx context.Context, sets []*dataset.Set, tunings []correlate.Tuning) ([]trial, error) {
	trials := make([]trial, 0, len(tunings))
	for _, tuning := range tunings {
		t := trial{tuning: tuning, families: make(map[string]*score.Tally)}
		for _, set := range sets {
			for _, c := range set.Cases {
				r, err := score.Play(ctx, c, replay.Options{Policy: config.DefaultPolicy(), Tuning: &tuning})
				if err != nil {
					return nil, err
				}
				tally := t.families[set.Family()]
				if tally == nil {
					tally = new(score.Tally)
					t.families[set.Family()] = tally
				}
				tally.Add(r, c.RootAlerts)
			}
		}
		trials = append(trials, t)
	}
	return trials, nil
}
