package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/internal/backtest"
	"quell/internal/config"
	"quell/internal/journal"
)

func newBacktest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backtest --journal {DB|FILE|DIR|URL} -c NEW.yml [--against OLD.yml]",
		Short: "Replay what happened under other rules, and show what would have been different",
		Long: `Replays a journal twice, once under a new configuration and once under the one that was in force (or the one that --against names), and
shows which pages would have been added, spared, sent earlier or later, given other roots or sent to other people, and whether the trouble
behind them was real.

A journal can be a store that no quell is running on, a copy of one, JSON Lines (from quell journal -o json, or a recording for quell replay),
a folder of these, or the address of a running quell. The exit status is 1 if a condition of --fail-if holds.`,
		Example: `  quell backtest --journal http://127.0.0.1:9095 --since 30d -c new.yml
  quell backtest --journal quell.db -c new.yml -o markdown --fail-if 'missed > 0' --fail-if 'added > 5' > summary.md
  quell demo --fortnight | quell backtest --journal - -c new.yml --against quell.yml`,
		Args: noArguments,
	}
	from := addJournalFlags(cmd)
	configPath := configFlag(cmd, "configuration `file` to try")
	against := cmd.Flags().String("against", "", "configuration `file` to compare with instead of what was in force, which for a recording is what quell is shipped with")
	since := cmd.Flags().String("since", "", "how much of the journal counts, back from its end, e.g. `30d`; what comes before warms up (all)")
	gates := cmd.Flags().StringArray("fail-if", nil, "`condition` for exit status 1, e.g. 'missed > 0'; may be given several times")
	format := formatFlag(cmd, "text", "json", "markdown")
	cmd.MarkFlagsOneRequired("config")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json", "markdown"); err != nil {
			return err
		}
		var conditions []backtest.Gate
		for _, text := range *gates {
			g, err := backtest.ParseGate(text)
			if err != nil {
				return &usageError{"--fail-if " + err.Error()}
			}
			conditions = append(conditions, g)
		}
		o := backtest.Options{}
		var err error
		if o.Since, err = parseSince(*since); err != nil {
			return err
		}
		if o.New, err = loadSetup(cmd, *configPath); err != nil {
			return err
		}
		if *against != "" {
			if o.Old, err = loadSetup(cmd, *against); err != nil {
				return err
			}
		}
		r, err := runBacktest(cmd, from, o)
		if err != nil {
			return err
		}
		if err := writeBacktest(cmd.OutOrStdout(), r, *format); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return passGates(cmd, conditions, r)
	})
}

// runBacktest opens the journal and compares.
func runBacktest(cmd *cobra.Command, from *journalFlags, o backtest.Options) (r *backtest.Result, err error) {
	j, err := from.open(cmd)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := j.Close(); err == nil && closeErr != nil {
			err = closeErr
		}
	}()
	if j.Head().Recording && o.Old == nil {
		o.Old = &backtest.Setup{Name: "what quell is shipped with", Policy: config.DefaultPolicy()}
	}
	// A backtest allocates much and keeps little: to collect less often is a fifth of its time.
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	bar := newBar(cmd.ErrOrStderr(), j.Head())
	o.Journal, o.Progress = j, bar.step
	r, err = backtest.Run(cmd.Context(), o)
	bar.end()
	return r, err
}

func writeBacktest(w io.Writer, r *backtest.Result, format string) error {
	switch format {
	case "json":
		return r.WriteJSON(w)
	case "markdown":
		return r.WriteMarkdown(w)
	}
	return r.WriteText(w)
}

// passGates tells the conditions that hold, and fails if any does.
func passGates(cmd *cobra.Command, conditions []backtest.Gate, r *backtest.Result) error {
	failed := false
	for k := range conditions {
		if why, fails := conditions[k].Fails(r); fails {
			failed = true
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: --fail-if %s\n", why)
		}
	}
	if failed {
		return &failureError{statusWrong, nil}
	}
	return nil
}

// loadSetup reads a configuration to decide by.
func loadSetup(cmd *cobra.Command, path string) (*backtest.Setup, error) {
	c, err := config.LoadWithoutSecrets(path) // whoever reviews rules need not have any
	if problems, ok := errors.AsType[config.Problems](err); ok {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), problems.Error())
		return nil, &failureError{statusWrong, nil}
	}
	if err != nil {
		return nil, err
	}
	return &backtest.Setup{Name: path, Policy: c.Policy(), Topology: c.Topology, Catalogs: c.Catalogs}, nil
}

// parseSince reads how far back; empty is all.
func parseSince(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := model.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, usagef("--since %q is no duration like 30d or 12h", text)
	}
	return time.Duration(d), nil
}

// bar shows how far a journal was read: a bar at a terminal, else a line now and then.
type bar struct {
	out      io.Writer
	terminal bool
	head     journal.Head
	last     time.Time
	drawn    bool
}

func newBar(out io.Writer, h journal.Head) *bar {
	b := &bar{out: out, head: h, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

// step shows that the journal was read up to a record.
func (b *bar) step(seq uint64, at time.Time) {
	const redraw, every, width = 100 * time.Millisecond, 5 * time.Second, 30
	pause := every
	if b.terminal {
		pause = redraw
	}
	if time.Since(b.last) < pause {
		return
	}
	b.last = time.Now()
	share := -1.0
	if b.head.Last > b.head.First {
		share = float64(seq-b.head.First) / float64(b.head.Last-b.head.First)
	}
	switch day := at.Format(time.DateTime); {
	case b.terminal && share >= 0:
		full := min(int(share*width), width)
		_, _ = fmt.Fprintf(b.out, "\r[%s%s] %3.0f %%  %s", strings.Repeat("#", full), strings.Repeat(".", width-full), share*100, day)
		b.drawn = true
	case b.terminal:
		_, _ = fmt.Fprintf(b.out, "\rread up to %s", day)
		b.drawn = true
	case share >= 0:
		_, _ = fmt.Fprintf(b.out, "quell: read %.0f %% of the journal, up to %s\n", share*100, day)
	default:
		_, _ = fmt.Fprintf(b.out, "quell: read the journal up to %s\n", day)
	}
}

// end takes the bar away.
func (b *bar) end() {
	if b.drawn {
		_, _ = fmt.Fprint(b.out, "\r\x1b[K")
	}
}
