package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"quell/internal/ruletest"
)

var testFormats = []string{"text", "json", "junit"}

func newTest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test FILE|FOLDER…",
		Short: "Run tests of your rules",
		Long: `Plays stories in virtual time: alerts, events and what operators do go in, and incidents, pages, notices and digests are compared
with what the tests expect. A folder stands for all files in it that are named *_test.yml or *.txtar. docs/testing-rules.md
describes the files. The exit status is 1 if a test failed, or if the tests cover less of the rules than --coverage-min asks for.`,
		Example: `  quell test rules/                               # all tests in a folder
  quell test --run 'node' -v rules/shop_test.yml    # some of them, with the story of each incident
  quell test --update rules/shop_test.yml           # write down what happens now; read the diff
  quell test -o junit rules/ > report.xml           # for GitLab and Jenkins
  quell test --coverage --coverage-min 80 rules/    # which rules did no test need?`,
		Args: cobra.MinimumNArgs(1),
	}
	format := formatFlag(cmd, testFormats...)
	var o ruletest.Options
	run := cmd.Flags().String("run", "", "run only tests whose names match this `regexp`")
	cmd.Flags().BoolVar(&o.Update, "update", false, "rewrite the expectations that do not match what happens")
	cmd.Flags().BoolVarP(&o.Verbose, "verbose", "v", false, "tell the story of each incident")
	cmd.Flags().BoolVar(&o.Coverage, "coverage", false, "list the rules that never decided anything in any test")
	cmd.Flags().BoolVar(&o.PackCoverage, "coverage-packs", false, "list those of rule packs as well")
	least := cmd.Flags().Int("coverage-min", 0, "fail if fewer than this many `percent` of the rules decided something")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, testFormats...); err != nil {
			return err
		}
		if *least < 0 || *least > 100 {
			return usagef("--coverage-min %d is no percentage", *least)
		}
		if *run != "" {
			var err error
			if o.Run, err = regexp.Compile(*run); err != nil {
				return usagef("--run: %v", err)
			}
		}
		o.Paths, o.Now = args, time.Now
		o.Coverage = o.Coverage || o.PackCoverage || *least > 0
		r, err := ruletest.Run(cmd.Context(), o)
		if err != nil {
			return usagef("%v", err)
		}
		return reportTests(cmd, r, *format, testVerdict{o.Verbose, *least, *run})
	})
}

// testVerdict says how a report of tests is shown, and how much of the rules must have been tested.
type testVerdict struct {
	verbose bool
	least   int
	run     string
}

func reportTests(cmd *cobra.Command, r *ruletest.Report, format string, v testVerdict) error {
	var err error
	switch out := cmd.OutOrStdout(); format {
	case "json":
		err = r.JSON(out)
	case "junit":
		err = r.JUnit(out)
	default:
		err = r.Text(out, v.verbose)
	}
	if err != nil {
		return err
	}
	if share := r.Covered(); share < v.least {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: %d %% of the rules decided something in a test, and --coverage-min asks for %d %%\n", share, v.least)
		return &failureError{statusWrong, nil}
	}
	passed, failed, broken := r.Count()
	if passed+failed+broken == 0 { // most likely a mistake, so that a pipeline must not take it for success
		why := "there is none in these files"
		if v.run != "" {
			why = fmt.Sprintf("no name matches --run %q", v.run)
		}
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "quell: no test ran: "+why)
	}
	if failed+broken > 0 || passed == 0 {
		return &failureError{statusWrong, nil}
	}
	return nil
}
