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
		Short: "Show what depends on an entity, and what it depends on",
		Long: `Asks a running quell for an entity's neighbours in its topology: each dependency with its type, who reported it, how long it has been
known, and when it will be dropped unless it is reported again. Ids are kind/name or kind/namespace/name, followed by @cluster where a
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
