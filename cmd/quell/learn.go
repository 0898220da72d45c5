package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/correlate/learn"
	"quell/correlate/topology"
	"quell/internal/config"
	"quell/internal/journal"
	"quell/internal/proposal"
	"quell/internal/replay"
	"quell/internal/rulebook"
)

// learnFlags are what `quell learn` was asked for.
type learnFlags struct {
	config, topology, window, halfLife, format string
	journal                                    *journalFlags
	thresholds                                 learn.Thresholds
}

func newLearn() *cobra.Command {
	f := learnFlags{thresholds: learn.DefaultThresholds()}
	cmd := &cobra.Command{
		Use:   "learn [-c FILE] [--topology FILE] {--journal {DB|FILE|DIR|URL} | FILE.jsonl…}",
		Short: "Propose causes and dependencies that history suggests",
		Long: `Looks through history for symptoms that follow others more often than by chance, and writes what it finds as a rule file for
you to review. Nothing is ever applied automatically: delete what you do not believe, and list the rest under rules.files.

It compares types of symptoms on one entity, types on two entities of which one depends on the other (or which share a namespace, where
no dependency is known), and entities between which no path of dependencies is known. Flapping counts as one start, and a storm as one
occurrence. A month of history is a good start; a day is too little.

History is recorded input, as quell replay takes it ("-" is standard input), or a journal: the one that --journal names or, without files, that of
the store in the configuration. A running quell locks its store, so ask it by its address, or read a copy.`,
		Example: `  quell learn -c quell.yml --journal http://127.0.0.1:9095 > proposed.yml   # then read it, and prune it
  quell learn --topology shop.json --window 10m -o text january.jsonl february.jsonl
  quell check -c quell.yml                                                  # after proposed.yml was put under rules.files`,
		Args: cobra.ArbitraryArgs,
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "configuration `file` with the rules and topology to use")
	f.journal = mayHaveJournal(cmd)
	flags.StringVar(&f.topology, "topology", "", "topology `file`: what is near what")
	flags.StringVar(&f.window, "window", model.Duration(learn.DefaultWindow).String(), "`duration` after its cause within which an effect starts")
	flags.StringVar(&f.halfLife, "half-life", "", "`duration` after which an observation counts half, e.g. 90d; without it all count the same")
	flags.Float64Var(&f.thresholds.Episodes, "min-times", f.thresholds.Episodes, "`times` that cause and effect must have come together")
	flags.IntVar(&f.thresholds.Days, "min-days", f.thresholds.Days, "`days` on which they must have")
	flags.Float64Var(&f.thresholds.Lift, "min-lift", f.thresholds.Lift, "`factor` by which that must be more often than chance gives")
	flags.Float64Var(&f.thresholds.Precedence, "min-first", f.thresholds.Precedence, "`share` of times, up to 1, that the cause must come first")
	flags.StringVarP(&f.format, "output", "o", "rules", "format: rules, text, json")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) })
}

// run reads history and writes what it supports.
func (f *learnFlags) run(cmd *cobra.Command, files []string) error {
	if err := checkFormat(f.format, "rules", "text", "json"); err != nil {
		return err
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	policy, known := config.DefaultPolicy(), (*topology.Update)(nil)
	if f.config != "" {
		c, err := loadConfig(cmd, f.config)
		if err != nil {
			return err
		}
		policy, known = c.Policy(), c.Topology
		for _, t := range c.Catalogs {
			known = join(known, &t.Update)
		}
		if *f.journal.from == "" && len(files) == 0 {
			*f.journal.from = c.StoragePath
		}
	}
	if (*f.journal.from == "") == (len(files) == 0) {
		return usagef("want history: files, or --journal, or the store of a configuration, and one of them only")
	}
	if f.topology != "" {
		u, err := readTopology(f.topology)
		if err != nil {
			return err
		}
		known = join(known, u)
	}
	compiled, err := rulebook.Compile(&policy)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	h := proposal.NewHistory(compiled, known, o)
	if err := f.read(cmd, files, h); err != nil {
		return err
	}
	r := h.Report(f.thresholds, o.Window)
	switch f.format {
	case "text":
		return r.Text(cmd.OutOrStdout())
	case "json":
		return r.JSON(cmd.OutOrStdout())
	}
	return r.Rules(cmd.OutOrStdout())
}

// options reads the spans of time.
func (f *learnFlags) options() (o learn.Options, err error) {
	for _, s := range []struct {
		flag, text string
		to         *time.Duration
	}{{"--window", f.window, &o.Window}, {"--half-life", f.halfLife, &o.HalfLife}} {
		if s.text == "" {
			continue
		}
		d, err := model.ParseDuration(s.text)
		if err != nil || d <= 0 {
			return o, usagef("%s %q is no duration (write 5m, 1h or 90d)", s.flag, s.text)
		}
		*s.to = time.Duration(d)
	}
	if o.Window > 24*time.Hour {
		return o, usagef("--window %s is longer than a day: then everything follows everything", f.window)
	}
	// Asked the other way round, since NaN is neither above nor below anything.
	if p := f.thresholds.Precedence; !(p >= 0.5 && p <= 1) {
		return o, usagef("--min-first %v is not between 0.5 and 1", p)
	}
	if n := f.thresholds.Episodes; !(n >= 1) {
		return o, usagef("--min-times %v is less than once", n)
	}
	if x := f.thresholds.Lift; !(x >= 1) {
		return o, usagef("--min-lift %v is less than chance gives", x)
	}
	return o, nil
}

// read feeds the history from wherever it is, and tells how far it is.
func (f *learnFlags) read(cmd *cobra.Command, files []string, h *proposal.History) error {
	p := &progress{out: cmd.ErrOrStderr(), last: time.Now()}
	if len(files) > 0 {
		s := replay.Source{Files: files, Stdin: cmd.InOrStdin(), Progress: cmd.ErrOrStderr()}
		return replay.Read(cmd.Context(), s, func(l replay.Line) {
			h.Take(l.At, l.Inputs)
			p.step(l.At)
		})
	}
	return f.journal.read(cmd, func(r *journal.Record) error {
		h.Take(r.At, r.Inputs)
		p.step(r.At)
		if cmd.Context().Err() != nil {
			return errors.New("interrupted")
		}
		return nil
	})
}

// progress tells on standard error how far long work is.
type progress struct {
	out   io.Writer
	last  time.Time
	count int
}

// step counts one line or record of a time in history.
func (p *progress) step(at time.Time) {
	const every = 5 * time.Second
	if p.count++; p.count%1000 == 0 && time.Since(p.last) > every {
		p.last = time.Now()
		_, _ = fmt.Fprintf(p.out, "quell: read %d records, up to %s\n", p.count, at.Format(time.DateTime))
	}
}
