package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quell/correlate"
)

func newHeartbeat() *cobra.Command {
	return group(&cobra.Command{
		Use:   "heartbeat",
		Short: "Look at who is expected to report regularly",
		Long: `Asks a running quell over HTTP for the heartbeats that it expects: alerts that always fire, such as the Watchdog of each cluster,
and jobs that report on their own. The key heartbeats of the configuration says which.`,
		Example: `  quell heartbeat list
  quell heartbeat forget watchdog cluster=old-eu`,
	}, newHeartbeatList(), newHeartbeatForget())
}

func newHeartbeatList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List heartbeats and their state",
		Long:    "Lists the heartbeats that are expected: ok, waiting for the first beat, missing, or failed by their own account.",
		Example: `  quell heartbeat list -o json`,
		Args:    noArguments,
	}
	type answer struct {
		Heartbeats []correlate.HeartbeatView `json:"heartbeats"`
	}
	return ask(cmd, func([]string) (string, error) { return "/api/v1/heartbeats", nil },
		func(out io.Writer, a *answer) error { return heartbeatTable(out, a.Heartbeats) })
}

func heartbeatTable(out io.Writer, list []correlate.HeartbeatView) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no heartbeats are expected (the key heartbeats of the configuration, or rules, say which are)")
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "HEARTBEAT\tSTATE\tLAST BEAT\tMISSING AT\tENTITY\tINCIDENT") // errors stick to Flush
	for i := range list {
		v := &list[i]
		incident := "-"
		if v.Incident != 0 {
			incident = v.Incident.String()
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Key(), v.State, stamp(v.Seen), stamp(v.Due), v.Entity, incident)
	}
	return t.Flush()
}

func newHeartbeatForget() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget NAME [LABEL=VALUE…]",
		Short: "Stop expecting a heartbeat until it beats again",
		Long: `Forgets a heartbeat that was learned from its first beat, such as that of a cluster that is gone. Those that the configuration
expects by name have to be removed there.`,
		Example: `  quell heartbeat forget watchdog cluster=old-eu`,
		Args:    cobra.MinimumNArgs(1),
	}
	address := urlFlag(cmd)
	by := cmd.Flags().String("by", os.Getenv("USER"), "`name` for the audit log")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		labels := make(url.Values)
		for _, word := range args[1:] {
			name, value, ok := strings.Cut(word, "=")
			if !ok || name == "" {
				return usagef("%q is no label (write NAME=VALUE)", word)
			}
			labels.Set(name, value)
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		var answer struct{ Status string }
		path := "/api/v1/heartbeat/" + url.PathEscape(args[0]) + "?" + labels.Encode()
		if err := c.do(cmd.Context(), http.MethodDelete, path, map[string]string{"by": *by}, &answer); err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), args[0], answer.Status)
		return err
	})
}
