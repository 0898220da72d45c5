package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quell/internal/confdiff"
	"quell/internal/config"
)

func newDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff -c FILE",
		Short: "Compare a configuration with the one that is running",
		Long: `Compares a configuration, with the rules, templates and topologies that it names, with the one that a running quell has in force:
by meaning (rules by section and name, routes by their matchers, receivers by name), and line by line. Secrets are neither sent nor shown;
where nothing else differs, the file is named.

The exit status is 0 if both are the same, 1 if they differ or one of them could not be read, and 2 if the command line is wrong.`,
		Example: `  quell diff -c quell.yml
  quell diff -c quell.yml --url http://quell.ops:9095 -o markdown >> $GITHUB_STEP_SUMMARY`,
		Args: noArguments,
	}
	path := configFlag(cmd, "the configuration `file`")
	address := urlFlag(cmd)
	format := formatFlag(cmd, "text", "json", "markdown")
	_ = cmd.MarkFlagRequired("config") // fails for unknown flags only
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json", "markdown"); err != nil {
			return err
		}
		cl, err := newClient(address)
		if err != nil {
			return err
		}
		c, err := config.Load(*path)
		if problems, ok := errors.AsType[config.Problems](err); ok {
			_, _ = fmt.Fprintln(cmd.ErrOrStderr(), problems.Error())
			return &failureError{statusWrong, nil}
		}
		if err != nil {
			return err
		}
		var running runningConfig
		if err := cl.get(cmd.Context(), "/api/v1/config", &running); err != nil {
			return err
		}
		v := comparison{Running: running.version(), File: configVersion{Hash: c.Hash, Revision: c.Revision}, Diff: confdiff.Compare(running.Files, c.Shown())}
		v.Same = v.Diff.Same()
		if err := v.write(cmd.OutOrStdout(), *format, *path); err != nil {
			return err
		}
		if !v.Same {
			return &failureError{statusWrong, nil}
		}
		return nil
	})
}

// runningConfig is the answer of /api/v1/config.
type runningConfig struct {
	Hash     string          `json:"hash"`
	Revision string          `json:"revision"`
	Loaded   time.Time       `json:"loaded"`
	Files    []confdiff.File `json:"files"`
}

func (r *runningConfig) version() configVersion {
	return configVersion{r.Hash, r.Revision, r.Loaded}
}

// configVersion tells a configuration from others.
type configVersion struct {
	Hash     string    `json:"hash"`
	Revision string    `json:"revision,omitempty"`
	Loaded   time.Time `json:"loaded,omitzero"`
}

// String is the revision, or else the beginning of the hash.
func (v configVersion) String() string {
	if v.Revision != "" {
		return v.Revision
	}
	return v.Hash[:min(len(v.Hash), 12)]
}

// comparison is what is printed.
type comparison struct {
	Same    bool          `json:"same"`
	Running configVersion `json:"running"`
	File    configVersion `json:"file"`
	*confdiff.Diff
}

func (v *comparison) write(out io.Writer, format, path string) error {
	switch format {
	case "json":
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case "markdown":
		return v.markdown(out, path)
	}
	var b strings.Builder
	if v.Same {
		fmt.Fprintf(&b, "%s is what runs (%s, since %s)\n", path, v.Running, v.Running.Loaded.Format(time.RFC3339))
	}
	for _, c := range v.Changes {
		fmt.Fprintln(&b, c)
	}
	for _, f := range v.Files {
		fmt.Fprintf(&b, "\n%s %s%s\n%s", f.Change, f.Name, unshown(f), f.Text)
	}
	_, err := io.WriteString(out, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// unshown says why there is no diff.
func unshown(f confdiff.FileDiff) string {
	if f.Text == "" {
		return " in what is not shown"
	}
	return ""
}

// markdown prints what a pull request needs: a list of what changes, and the lines folded away.
func (v *comparison) markdown(out io.Writer, path string) error {
	var b strings.Builder
	if v.Same {
		fmt.Fprintf(&b, "**quell:** `%s` is what runs (`%s`).\n", path, v.Running)
		_, err := io.WriteString(out, b.String())
		return err
	}
	fmt.Fprintf(&b, "### quell: `%s` against what runs (`%s`)\n\n", path, v.Running)
	for _, c := range v.Changes {
		text := "**" + c.Change + "** " + c.Section
		if c.Name != "" {
			text += " " + code(c.Name)
		}
		text += fmt.Sprintf(" (%s)", code(fmt.Sprintf("%s:%d", c.File, c.Line)))
		for _, d := range c.Details {
			text += ", " + code(d)
		}
		fmt.Fprintf(&b, "- %s\n", text)
	}
	if len(v.Changes) == 0 {
		b.WriteString("Nothing that it says changes.\n")
	}
	for _, f := range v.Files {
		if f.Text == "" {
			fmt.Fprintf(&b, "\n%s %s%s\n", f.Change, code(f.Name), unshown(f))
			continue
		}
		fence := fenceFor(f.Text)
		fmt.Fprintf(&b, "\n<details><summary>%s %s</summary>\n\n%sdiff\n%s%s\n</details>\n", f.Change, htmlText.Replace(f.Name), fence, f.Text, fence)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

var htmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// fenceFor is a fence that is longer than any in the text.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// code is inline code of Markdown, whatever is in it.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}
