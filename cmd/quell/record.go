package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/backtest"
	"quell/internal/config"
	"quell/internal/english"
	"quell/internal/excerpt"
	"quell/internal/journal"
	"quell/internal/replay"
	"quell/internal/ruletest"
	"quell/internal/story"
)

// recordOptions are the flags of record.
type recordOptions struct {
	journal            *journalFlags
	config, out        *string
	from, to, incident *string
	scrub, force       *bool
	keep               *[]string
}

func newRecord() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "record --journal {DB|FILE|DIR|URL} [--from TIME] [--to TIME] [--incident ID] --out TEST.txtar",
		Short: "Turn a stretch of the journal into a test of the rules",
		Long: `Writes a test for quell test from what happened: what quell was told in a stretch of time (or, for one incident, only what it and its
neighbourhood need), what operators did, and, as expectations, what the rules make of it. With -c the test refers to that configuration;
without, it contains the rules that were in force.

--scrub replaces names in labels, entities, silences and rules consistently, and drops annotations, messages, comments and reasons. It keeps
the names of alerts, severities and kinds, and the values of the labels that --keep lists. The test then contains the rules even with -c,
since a configuration it refers to would give names away. Read the file before you hand it to anybody.`,
		Example: `  quell record --journal http://127.0.0.1:9095 --incident inc-42 -c quell.yml --out tests/node-lost.txtar
  quell record --journal quell.db --from 2026-11-20T10:00:00Z --to 2026-11-20T11:00:00Z --scrub --keep team --out storm.txtar`,
		Args: noArguments,
	}
	o := &recordOptions{
		journal:  addJournalFlags(cmd),
		config:   configFlag(cmd, "configuration `file` that the test is to name"),
		out:      cmd.Flags().String("out", "", "`file` to write, *.txtar"),
		from:     cmd.Flags().String("from", "", "start of the stretch, a `time` like 2026-11-20T10:00:00Z"),
		to:       cmd.Flags().String("to", "", "its end, a `time`"),
		incident: cmd.Flags().String("incident", "", "only what the incident with this `id` needs"),
		scrub:    cmd.Flags().Bool("scrub", false, "replace names with made-up ones"),
		keep:     cmd.Flags().StringSlice("keep", nil, "`labels` whose values --scrub keeps"),
		force:    cmd.Flags().Bool("force", false, "overwrite an existing file"),
	}
	cmd.MarkFlagsOneRequired("out")
	cmd.MarkFlagsOneRequired("incident", "from", "to")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error { return o.run(cmd) })
}

// run makes the excerpt, and a test of it.
func (o *recordOptions) run(cmd *cobra.Command) error {
	if filepath.Ext(*o.out) != ".txtar" {
		return usagef("--out %q: a recorded test is a .txtar file", *o.out)
	}
	if _, err := os.Stat(*o.out); !errors.Is(err, fs.ErrNotExist) && !*o.force {
		return usagef("--out %q is there already (--force replaces it)", *o.out)
	}
	if *o.journal.from == "-" {
		return usagef("a journal that is recorded from is read twice, which standard input cannot be")
	}
	x, policy, err := o.excerpt(cmd)
	if err != nil {
		return err
	}
	p, err := o.play(cmd, x, policy)
	if err != nil {
		return err
	}
	data, err := o.test(x, p)
	if err != nil {
		return err
	}
	data, results, err := ruletest.Update(*o.out, data, ruletest.Options{})
	if err != nil {
		return fmt.Errorf("the test cannot be run: %w", err)
	}
	for i := range results {
		if len(results[i].Failures) > 0 {
			return fmt.Errorf("the test does not hold by itself: %s", results[i].Failures[0].Text)
		}
	}
	if err := os.WriteFile(*o.out, data, 0o644); err != nil {
		return fmt.Errorf("write the test: %w", err)
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s and %s; %s left out as having nothing to do with it\n", *o.out, english.Count(len(x.Incidents), "incident"),
		english.Count(x.Alerts, "alert"), english.Count(x.Events, "event"), english.Count(x.Left, "other input"))
	o.notes(cmd, x, p)
	return nil
}

// excerpt takes the stretch out of the journal. The policy is what the test will be played under.
func (o *recordOptions) excerpt(cmd *cobra.Command) (*excerpt.Excerpt, *correlate.Policy, error) {
	e := excerpt.Options{Open: func() (journal.Journal, error) { return o.journal.open(cmd) }}
	e.Setup = &backtest.Setup{Name: "what quell is shipped with", Policy: config.DefaultPolicy()}
	var err error
	if *o.config != "" {
		if e.Setup, err = loadSetup(cmd, *o.config); err != nil {
			return nil, nil, err
		}
	}
	if e.From, err = parseMoment("from", *o.from); err != nil {
		return nil, nil, err
	}
	if e.To, err = parseMoment("to", *o.to); err != nil {
		return nil, nil, err
	}
	if *o.incident != "" {
		if e.Incident, err = incidentID(*o.incident); err != nil {
			return nil, nil, err
		}
	}
	x, err := excerpt.Make(cmd.Context(), e)
	if err != nil {
		return nil, nil, err
	}
	policy := x.Policy
	if *o.config != "" {
		policy = e.Setup.Policy
	}
	return x, &policy, nil
}

// played is the recording as it was played.
type played struct {
	lines     [][]byte
	policy    *correlate.Policy // with the rules that the test holds
	scrub     *excerpt.Scrubber // nil if names are kept
	incidents []*correlate.Incident
	// same is false if other names led to other decisions.
	same bool
}

// play plays the excerpt. Where candidates for a root are equally good, the order of their names decides, so of several sets of names the first
// is taken under which the rules decide as they did.
func (o *recordOptions) play(cmd *cobra.Command, x *excerpt.Excerpt, policy *correlate.Policy) (*played, error) {
	const sets = 32
	p := &played{lines: x.Lines(nil), policy: policy, same: true}
	plain, err := playLines(cmd, p.lines, *policy)
	if p.incidents = plain; err != nil || !*o.scrub {
		return p, err
	}
	for seed := range uint64(sets) {
		p.scrub = excerpt.NewScrubber(seed+1, *o.keep...)
		p.lines = x.Lines(p.scrub)
		renamed := *policy
		if renamed.Rules, err = p.scrub.Rules(policy.Rules, policy.Packs); err != nil {
			return nil, err
		}
		p.policy = &renamed
		if p.incidents, err = playLines(cmd, p.lines, renamed); err != nil {
			return nil, err
		}
		if p.same = excerpt.Same(plain, p.incidents, p.scrub); p.same {
			break
		}
	}
	return p, nil
}

// playLines plays a recording.
func playLines(cmd *cobra.Command, lines [][]byte, policy correlate.Policy) ([]*correlate.Incident, error) {
	h, err := replay.Play(cmd.Context(), replay.Options{Policy: policy, Files: []string{"-"}, Stdin: bytes.NewReader(bytes.Join(lines, []byte("\n")))})
	if err != nil {
		return nil, fmt.Errorf("play the recording: %w", err)
	}
	return h.Incidents, nil
}

// parseMoment reads a time; empty is none.
func parseMoment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usagef("--%s %q is no time like 2026-11-20T10:00:00Z", flag, text)
	}
	return t.UTC(), nil
}

// test is the text of the test, which expects nothing yet.
func (o *recordOptions) test(x *excerpt.Excerpt, played *played) ([]byte, error) {
	rec := story.Recording{Comment: o.comment(x), Start: x.From.Truncate(time.Second), Lines: played.lines}
	if *o.config != "" && !*o.scrub {
		folder, err := filepath.Abs(filepath.Dir(*o.out))
		if err != nil {
			return nil, err
		}
		path, err := filepath.Abs(*o.config)
		if err != nil {
			return nil, err
		}
		if rec.Config, err = filepath.Rel(folder, path); err != nil {
			return nil, err
		}
		rec.Config = filepath.ToSlash(rec.Config)
		return rec.Format(), nil
	}
	var inline bytes.Buffer
	for k, f := range played.policy.Rules {
		name := strings.TrimSuffix(filepath.Base(f.Name), filepath.Ext(f.Name)) + ".yml"
		if k > 0 || name == "test.yml" {
			name = fmt.Sprintf("%d-%s", k+1, name) // they may come from several folders
		}
		rec.Rules = append(rec.Rules, name)
		fmt.Fprintf(&inline, "-- %s --\n%s\n", name, strings.TrimSuffix(f.Text, "\n"))
	}
	if rec.Packs = played.policy.Packs; rec.Packs == nil {
		rec.Packs = []string{}
	}
	p := played.policy.WithDefaults()
	hold := fmt.Sprintf("hold: {default: %s, max: %s, settle: %s, reopen: %s}\nstart: ", story.Span(p.Hold), story.Span(max(p.Hold, p.HoldMax)), story.Span(p.Settle), story.Span(p.Reopen))
	text := bytes.Replace(rec.Format(), []byte("start: "), []byte(hold), 1)
	return append(text, inline.Bytes()...), nil
}

// comment tells what the test is about; its first line is its name.
func (o *recordOptions) comment(x *excerpt.Excerpt) string {
	what := "all that was told"
	if *o.incident != "" && len(x.Incidents) > 0 {
		what = cmp.Or(x.Incidents[0].Title, *o.incident)
		if *o.scrub {
			what, _, _ = strings.Cut(what, " on ") // the alert's name is kept, the entity's is not
			what, _, _ = strings.Cut(what, " below ")
		}
	}
	text := fmt.Sprintf("%s, %s to %s UTC.", what, x.From.Format(time.DateTime), x.To.Format(time.DateTime))
	if *o.scrub {
		text += "\nNames were replaced; the same stands for the same."
	}
	return text
}

// notes tells what the test is not.
func (o *recordOptions) notes(cmd *cobra.Command, x *excerpt.Excerpt, p *played) {
	const most = 10
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: "+format+"\n", args...)
	} // only notes
	for _, note := range x.Notes {
		say("%s", note)
	}
	different := x.Compare(p.incidents, p.scrub)
	for _, why := range different[:min(len(different), most)] {
		say("%s", why)
	}
	if len(different) > most {
		say("and %d more differ", len(different)-most)
	}
	if len(different) > 0 {
		say("a test has no past: what holds learned, how rare alerts are and what is chronic may decide otherwise there")
	}
	if len(p.policy.Disabled) > 0 && (*o.config == "" || *o.scrub) {
		say("rules of packs that the configuration disables count in the test: with -c and without --scrub it names the configuration")
	}
	if !p.same {
		say("under other names the rules decide otherwise: they look for names, or for what messages of events tell; --keep LABEL keeps the values of a label")
	}
}
