package main

import (
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/picture"
	"quell/web"
)

func newGraph() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "graph ENTITY",
		Short: "Show what depends on an entity, and on what it depends",
		Long: `Asks a running quell what its topology knows next to an entity: each dependency with its type, who tells of it, for how long
already, and how soon it ends unless it is told again. Ids are kind/name or kind/namespace/name, with @cluster behind them where a
cluster is known.`,
		Example: `  quell graph service/shop/checkout
  quell graph node/n3@prod-eu -o json | jq -r '.dependents[].entity'`,
		Args: cobra.ExactArgs(1),
	}
	limit := cmd.Flags().Int("limit", web.DefaultExplained, fmt.Sprintf("how many entities to show on each side, at most %d", web.MaxLimit))
	return ask(cmd, func(args []string) (string, error) {
		if *limit < 1 || *limit > web.MaxLimit {
			return "", usagef("--limit %d is not between 1 and %d", *limit, web.MaxLimit)
		}
		if _, err := topology.ParseEntity(args[0]); err != nil {
			return "", &usageError{err.Error()}
		}
		query := url.Values{"entity": {args[0]}, "limit": {fmt.Sprint(*limit)}}
		return "/api/v1/topology?" + query.Encode(), nil
	}, func(out io.Writer, h *correlate.Neighbourhood) error {
		_, err := io.WriteString(out, picture.Neighbourhood(h, time.Now()))
		return err
	})
}
