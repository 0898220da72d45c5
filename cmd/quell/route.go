package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/picture"
	"quell/routing"
)

func newRoute() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "route -c FILE LABEL=VALUE…",
		Short: "Show who would be told of an incident, and when",
		Long: `Follows an incident with the given labels through the routes and escalation policies of a configuration from the moment at which it
escalates, and shows who is told when, provided that nobody acknowledges it and every receiver accepts what it is sent. Besides the
labels that all alerts of an incident share, routes match quell_root, quell_kind, quell_namespace and quell_cluster. Nothing is contacted.`,
		Example: `  quell route -c quell.yml severity=critical team=shop
  quell route -c quell.yml severity=warning --at 2026-11-21T03:00:00Z   # a Saturday night`,
	}
	path := configFlag(cmd, "the configuration `file`")
	at := cmd.Flags().String("at", "", "when it escalates, as RFC 3339 `time` (default now)")
	_ = cmd.MarkFlagRequired("config") // fails for unknown flags only
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		when := time.Now().UTC().Truncate(time.Second)
		if *at != "" {
			t, err := time.Parse(time.RFC3339, *at)
			if err != nil {
				return usagef("--at %q is no time such as 2026-11-21T03:00:00Z", *at)
			}
			when = t.UTC()
		}
		pairs := make([]correlate.Label, len(args))
		for i, arg := range args {
			name, value, ok := strings.Cut(arg, "=")
			if !ok || name == "" {
				return usagef("%q is no LABEL=VALUE", arg)
			}
			pairs[i] = correlate.Label{Name: name, Value: value}
		}
		c, err := loadConfig(cmd, *path)
		if err != nil {
			return err
		}
		r := routing.New(c.Routing(), routing.Options{})
		for _, e := range r.Preview(correlate.NewLabels(pairs), when) {
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", e.At.Format("Mon 2006-01-02 15:04:05"), picture.Clean(e.Text))
		}
		return nil
	})
}
