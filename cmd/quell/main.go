// Command quell sits between Alertmanager and the pager: it collapses cascades into root causes, waits for what heals by
// itself, and pages for the rest. `quell --help` lists what it can do.
//
// Exit status: 0 if all is well; 1 if what was asked about is wrong; 2 if the command line is; 3 if the store that serve should use is
// damaged or was written by a newer quell, so that starting again cannot help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // people sleep in time zones, and images may not know them

	"github.com/spf13/cobra"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version string

// Exit statuses.
const (
	statusFine = iota
	statusWrong
	statusUsage
	statusStore
)

func main() {
	collectLate()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run carries out a command line and returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Whoever asks twice does not want to wait: for a pipe that nobody writes to, for example, which no context reaches.
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	failure, ran := errors.AsType[*failureError](err)
	switch {
	case err == nil:
		return statusFine
	case !ran:
		_, _ = fmt.Fprintf(stderr, "quell: %v\nrun '%s --help' to see what is possible\n", err, cmd.CommandPath())
		return statusUsage
	}
	if failure.err != nil {
		_, _ = fmt.Fprintf(stderr, "quell: %v\n", failure.err)
	}
	return failure.status
}

// failureError is an error of a command that did its work, in contrast to one of the command line.
type failureError struct {
	status int
	// err is nil where all was said already.
	err error
}

// Error returns the text of the error within.
func (e *failureError) Error() string { return fmt.Sprint(e.err) }

// usageError is a mistake in the command line that only the command itself can see.
type usageError struct{ text string }

// Error returns the text.
func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// newRoot puts the command tree together.
func newRoot() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "quell",
		Short: "One page per root cause, and none for what heals by itself",
		Long: `quell takes in Alertmanager webhooks and Kubernetes events, collapses cascades into root causes, gives them a
chance to heal, and pages a human only for what does not recover. What healed by itself goes into a digest.`,
		Example: `  quell check -c quell.yml && quell serve -c quell.yml
  quell replay yesterday.jsonl`,
		Version: versionText(), SilenceErrors: true, SilenceUsage: true,
	}, newServe(), newCheck(), newDiff(), newTest(), newBacktest(), newRecord(), newReplay(), newDemo(), newIncident(), newSilence(), newGraph(), newRoute(), newDigest(),
		newDelivery(), newFigures(), newHeartbeat(), newImport(), newJournal(), newLearn(), newPacks(), newSchema(), newWebhook(), newVersion())
	root.SetVersionTemplate("{{.Version}}\n")
	return root
}

// group makes a command of others. Alone it is a mistake in the command line.
func group(cmd *cobra.Command, members ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(members...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
		}
		var names []string
		for _, m := range cmd.Commands() {
			if m.IsAvailableCommand() {
				names = append(names, m.Name())
			}
		}
		slices.Sort(names)
		return usagef("a command is missing: %s {%s}", cmd.CommandPath(), strings.Join(names, "|"))
	}
	return cmd
}

// leaf gives a command its work. What fails then is not the command line's fault, unless the error says so.
func leaf(cmd *cobra.Command, work func(cmd *cobra.Command, args []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := work(cmd, args)
		_, usage := errors.AsType[*usageError](err)
		_, failure := errors.AsType[*failureError](err)
		if err == nil || usage || failure {
			return err
		}
		return &failureError{statusWrong, err}
	}
	return cmd
}

// formatFlag adds -o.
func formatFlag(cmd *cobra.Command, formats ...string) *string {
	format := cmd.Flags().StringP("output", "o", formats[0], "format: "+strings.Join(formats, ", "))
	flagOf(cmd, "output", formats...)
	return format
}

// checkFormat refuses a format that a command does not know.
func checkFormat(format string, formats ...string) error {
	if !slices.Contains(formats, format) {
		return usagef("unknown format %q (want %s)", format, strings.Join(formats, ", "))
	}
	return nil
}

// configFlag adds -c.
func configFlag(cmd *cobra.Command, what string) *string {
	path := cmd.Flags().StringP("config", "c", "", what)
	_ = cmd.MarkFlagFilename("config", "yml", "yaml") // fails for unknown flags only
	return path
}

func newVersion() *cobra.Command {
	return leaf(&cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Long:  "Shows the version, the revision that it was built from, and the version of Go.",
		Example: `  quell version
  quell --version`,
		Args: noArguments,
	}, func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
		return err
	})
}

// buildVersion is what the linker, or else the module, says: "v1.2.3" or "devel".
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// versionText is "quell v1.2.3 (revision abc, go1.26)".
func versionText() string {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return fmt.Sprintf("quell %s (revision %s, %s)", buildVersion(), revision, runtime.Version())
}
