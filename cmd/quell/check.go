package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/config"
	"quell/internal/english"
	"quell/internal/journal"
	"quell/internal/lint"
	"quell/routing"
	"quell/rules/packs"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Check a configuration and all the files that it names",
		Long: `Reads a configuration, and the rule, template, topology and secret files that it names, and prints every problem in any of them as
"file:line:col: problem (hint)". Besides what serve would refuse, it warns about what is probably a mistake: rules that never match or that an
earlier one hides, routes that nothing reaches, receivers that nothing names, misspelt labels. docs/checking.md explains each kind.
With --journal, labels are compared with those that alerts really had. Nothing is contacted except the quell that --journal may name.

The exit status is 1 if serve would refuse the configuration or, with --strict, if there is a warning.`,
		Example: `  quell check -c quell.yml
  quell check -c quell.yml && kill -HUP $(pidof quell)     # reload only what is good
  quell check --strict -o github -c prod/ -c staging/      # prod/quell.yml and staging/quell.yml, in a workflow of GitHub
  quell check -c quell.yml --journal http://127.0.0.1:9095   # does any alert have these labels?`,
		Args: noArguments,
	}
	paths := cmd.Flags().StringArrayP("config", "c", nil, "the configuration `file`, or a folder with a quell.yml; may be repeated")
	_ = cmd.MarkFlagFilename("config", "yml", "yaml") // fails for unknown flags only
	strict := cmd.Flags().Bool("strict", false, "treat warnings as errors")
	history := mayHaveJournal(cmd)
	format := formatFlag(cmd, "text", "json", "sarif", "github")
	_ = cmd.MarkFlagRequired("config") // fails for unknown flags only
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json", "sarif", "github"); err != nil {
			return err
		}
		var recorded map[string]bool
		if *history.from != "" {
			var err error
			if recorded, err = recordedLabels(cmd, history); err != nil {
				return err
			}
		}
		var list []verdict
		for _, path := range *paths {
			list = append(list, judge(path, recorded, *strict))
		}
		if err := writeVerdicts(cmd.OutOrStdout(), *format, list); err != nil {
			return err
		}
		for _, v := range list {
			if v.failed {
				return &failureError{statusWrong, nil}
			}
		}
		return nil
	})
}

// verdict is what there is to say of one configuration.
type verdict struct {
	path     string
	findings []lint.Finding
	// config is nil if serve would refuse it. failed is true if that, or what --strict forbids, makes the check fail.
	config *config.Config
	failed bool
}

// judge checks one configuration.
func judge(path string, recorded map[string]bool, strict bool) verdict {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "quell.yml")
	}
	v := verdict{path: path}
	c, err := config.Load(path)
	problems, _ := errors.AsType[config.Problems](err)
	if err == nil {
		v.config, problems = c, c.Warnings
		v.findings = lint.Check(lintInput(c, recorded))
	}
	for _, p := range problems {
		v.findings = append(v.findings, lint.OfProblem(p))
	}
	lint.Sort(v.findings)
	worst := lint.Info
	for _, f := range v.findings {
		worst = max(worst, f.Severity)
	}
	v.failed = err != nil || strict && worst >= lint.Warning
	return v
}

// lintInput hands over the texts of a configuration. Rule files are named by the path that leads there from here.
func lintInput(c *config.Config, recorded map[string]bool) lint.Input {
	in := lint.Input{Config: lint.File{Name: c.Sources[0].Path, Text: string(c.Sources[0].Text)}, Policy: c.Policy(), Recorded: recorded}
	paths := make(map[string]string)
	for _, s := range c.Sources {
		paths[s.Name] = s.Path
	}
	for _, f := range in.Policy.Rules {
		in.Rules = append(in.Rules, lint.File{Name: paths[f.Name], Text: f.Text})
	}
	for _, name := range in.Policy.Packs {
		text, _ := packs.Text(name)
		in.Packs = append(in.Packs, lint.File{Name: "pack " + name, Text: text})
	}
	return in
}

// recordedLabels are the names of the labels of all alerts in a journal.
func recordedLabels(cmd *cobra.Command, history *journalFlags) (map[string]bool, error) {
	names := make(map[string]bool)
	err := history.read(cmd, func(r *journal.Record) error {
		for _, in := range r.Inputs {
			if a, ok := in.(*correlate.Alert); ok {
				for name := range a.Labels.All() {
					names[name] = true
				}
			}
		}
		return nil
	})
	return names, err
}

// writeVerdicts prints what was found.
func writeVerdicts(out io.Writer, format string, list []verdict) error {
	var all []lint.Finding
	for _, v := range list {
		all = append(all, v.findings...)
	}
	switch format {
	case "json":
		return writeFindings(out, list)
	case "sarif":
		for i := range all {
			all[i].File, all[i].Other.File = fromHere(all[i].File), fromHere(all[i].Other.File)
		}
		b, err := lint.SARIF(all, buildVersion())
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", b)
		}
		return err
	}
	for _, v := range list {
		for _, f := range v.findings {
			line := f.String()
			if format == "github" {
				f.File = fromHere(f.File)
				line = f.Annotation()
			}
			_, _ = fmt.Fprintln(out, line)
		}
		switch {
		case v.config == nil: // all was said
		case v.failed:
			_, _ = fmt.Fprintf(out, "%s: not OK, as --strict lets no warning pass (%s)\n", v.path, contents(v.config))
		default:
			_, _ = fmt.Fprintf(out, "%s: OK (%s)\n", v.path, contents(v.config))
		}
	}
	return nil
}

// fromHere is a path relative to the working folder if it lies below, with slashes.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return filepath.ToSlash(path)
	}
	if rel, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// findingView is a finding as -o json shows it.
type findingView struct {
	Kind     string     `json:"kind"`
	Severity string     `json:"severity"`
	File     string     `json:"file"`
	Line     int        `json:"line,omitempty"`
	Col      int        `json:"col,omitempty"`
	Text     string     `json:"text"`
	Hint     string     `json:"hint,omitempty"`
	Other    *otherView `json:"other,omitempty"`
}

type otherView struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

// writeFindings prints one JSON object: the findings, in order, and for each configuration whether it passed.
func writeFindings(out io.Writer, list []verdict) error {
	type configView struct {
		File string `json:"file"`
		OK   bool   `json:"ok"`
	}
	answer := struct {
		Configs  []configView  `json:"configs"`
		Findings []findingView `json:"findings"`
	}{Findings: []findingView{}}
	for _, v := range list {
		answer.Configs = append(answer.Configs, configView{v.path, !v.failed})
		for _, f := range v.findings {
			view := findingView{Kind: f.Kind, Severity: f.Severity.String(), File: f.File, Line: f.Line, Col: f.Col, Text: f.Text, Hint: f.Hint}
			if f.Other.File != "" {
				view.Other = &otherView{f.Other.File, f.Other.Line, f.Other.Col}
			}
			answer.Findings = append(answer.Findings, view)
		}
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(answer)
}

// contents counts what a configuration has, so that people see what was read and what was not.
func contents(c *config.Config) string {
	policy := c.Policy()
	entities := 0
	if c.Topology != nil {
		entities = len(c.Topology.Entities)
	}
	for _, t := range c.Catalogs {
		entities += len(t.Entities)
	}
	return fmt.Sprintf("%s, %s, %s, %s, %s, %s, %s, %s",
		english.Count(countRoutes(c.Route), "route"), english.Count(len(c.Receivers), "receiver"), english.Count(len(policy.Rules), "rule file"),
		english.Count(len(policy.Packs), "rule pack"), english.Count(len(c.Digests), "digest"), english.Count(len(c.Catalogs), "catalog"),
		english.Count(len(c.ServiceGraphs), "service graph"), english.Count(entities, "declared entity"))
}

func countRoutes(r *routing.Route) int {
	n := 1
	for _, child := range r.Routes {
		n += countRoutes(child)
	}
	return n
}
