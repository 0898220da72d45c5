package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"quell/internal/demo"
)

func newDemo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See what quell does, in 40 seconds",
		Long: `Plays a bad morning of a shop in fast motion: a node dies and raises some 300 alerts, three pods restart and recover, a rollout
goes wrong. quell itself is real; PagerDuty and Slack are stand-ins on this machine. The demo sends nothing anywhere else and
leaves nothing behind. Ctrl-C ends it at once.

With --fortnight it plays nothing, but writes two weeks of the same shop as recorded input, for trying out quell replay.`,
		Example: `  quell demo
  NO_COLOR=1 quell demo | tee morning.txt
  quell demo --fortnight | quell replay -`,
		Args: noArguments,
	}
	fortnight := cmd.Flags().Bool("fortnight", false, "write two weeks of the shop as JSON Lines for quell replay")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if *fortnight {
			return demo.Fortnight(cmd.OutOrStdout())
		}
		err := demo.Run(cmd.Context(), demo.Options{Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr()})
		if errors.Is(err, context.Canceled) {
			return nil // Ctrl-C: it has been seen
		}
		return err
	})
}
