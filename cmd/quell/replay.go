package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"quell/correlate/topology"
	"quell/ingest"
	"quell/internal/config"
	"quell/internal/replay"
)

func newReplay() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay [-c FILE] [--topology FILE] FILE.jsonl…",
		Short: "Run a recorded stretch of time through the engine",
		Long: `Reads JSON Lines in time order, each with a time and one of a webhook body, a Kubernetes object, a topology change or an
operator's command, and shows what quell decides, in virtual time: a month takes seconds. Without a configuration the defaults
and all rule packs apply. "-" is standard input. The same input gives the same decisions, byte for byte.`,
		Example: `  quell replay incident.jsonl                                    # tells the story of each incident
  quell replay --incident inc-7 -v incident.jsonl                # all there is to say about one of them
  quell replay -c new.yml --topology shop.json -o json day.jsonl # every decision, to compare two sets of rules`,
		Args: cobra.MinimumNArgs(1),
	}
	configPath := configFlag(cmd, "configuration `file` with the rules, holds and topology to use")
	topologyPath := cmd.Flags().String("topology", "", "topology `file`, applied before the first line")
	format := formatFlag(cmd, "text", "json")
	only := cmd.Flags().StringSlice("incident", nil, "show only the incidents with these `ids`; JSON is always complete")
	verbose := cmd.Flags().BoolP("verbose", "v", false, "explain each incident at length: all symptoms, candidates and factors")
	report := addReportFlags(cmd)
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		o := replay.Options{
			Policy: config.DefaultPolicy(), Files: args, Format: *format, Verbose: *verbose,
			Stdin: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Progress: cmd.ErrOrStderr(),
		}
		for _, arg := range *only {
			id, err := incidentID(arg)
			if err != nil {
				return err
			}
			o.Only = append(o.Only, id)
		}
		if *configPath != "" {
			c, err := loadConfig(cmd, *configPath)
			if err != nil {
				return err
			}
			o.Policy, o.Topology, o.Catalogs = c.Policy(), c.Topology, c.Catalogs
		}
		if *topologyPath != "" {
			u, err := readTopology(*topologyPath)
			if err != nil {
				return err
			}
			o.Topology = join(o.Topology, u)
		}
		if report.folder != "" {
			return report.report(cmd.Context(), o)
		}
		return replay.Run(cmd.Context(), o)
	})
}

// loadConfig reads a configuration for a command that needs one: problems go to standard error as they are, a line each.
func loadConfig(cmd *cobra.Command, path string) (*config.Config, error) {
	c, err := config.Load(path)
	if problems, ok := errors.AsType[config.Problems](err); ok {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), problems.Error())
		return nil, &failureError{statusWrong, nil}
	}
	return c, err
}

func readTopology(path string) (*topology.Update, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	u, err := ingest.DecodeTopology(text, ingest.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if u.TTL != 0 {
		return nil, fmt.Errorf("%s: a topology file cannot have a ttl: nobody would tell it again", path)
	}
	return u, nil
}

// join makes one update of two; a may be nil. Removals in b would come before the additions of a, but nothing that a file just
// declared is worth removing.
func join(a, b *topology.Update) *topology.Update {
	if a == nil {
		return b
	}
	return &topology.Update{
		Entities:       append(a.Entities, b.Entities...),
		Edges:          append(a.Edges, b.Edges...),
		RemoveEntities: append(a.RemoveEntities, b.RemoveEntities...),
		RemoveEdges:    append(a.RemoveEdges, b.RemoveEdges...),
	}
}
