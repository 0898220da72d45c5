package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"quell/internal/config"
	"quell/routing"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Check a configuration and all files that it names",
		Long: `Reads a configuration, and the rule, topology and secret files that it names, and prints every problem of all of them as
"file:line:col: problem (hint)". Exit status 1 says that serve would refuse it; warnings do not. Nothing is contacted.`,
		Example: `  quell check -c quell.yml
  quell check -c quell.yml && kill -HUP $(pidof quell)     # reload only what is good`,
		Args: cobra.NoArgs,
	}
	path := configFlag(cmd, "the configuration `file`")
	_ = cmd.MarkFlagRequired("config") // fails for unknown flags only
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		out := cmd.OutOrStdout()
		c, err := config.Load(*path)
		if problems, ok := errors.AsType[config.Problems](err); ok {
			_, _ = fmt.Fprintln(out, problems.Error())
			return &failureError{statusWrong, nil}
		}
		if err != nil {
			return err
		}
		for _, w := range c.Warnings {
			_, _ = fmt.Fprintln(out, w)
		}
		_, err = fmt.Fprintf(out, "%s: OK (%s)\n", *path, contents(c))
		return err
	})
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
		count(countRoutes(c.Route), "route"), count(len(c.Receivers), "receiver"), count(len(policy.Rules), "rule file"),
		count(len(policy.Packs), "rule pack"), count(len(c.Digests), "digest"), count(len(c.Catalogs), "catalog"),
		count(len(c.ServiceGraphs), "service graph"), count(entities, "declared entity"))
}

func countRoutes(r *routing.Route) int {
	n := 1
	for _, child := range r.Routes {
		n += countRoutes(child)
	}
	return n
}

// count writes "1 route", "2 routes", "3 entities".
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun[len(noun)-1] == 'y':
		return fmt.Sprintf("%d %sies", n, noun[:len(noun)-1])
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
