package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"quell/internal/demo"
)

func newDemo() *cobra.Command {
	return leaf(&cobra.Command{
		Use:   "demo",
		Short: "See in 40 seconds what quell does",
		Long: `Plays a bad morning of a shop in fast motion: a node dies and raises some 300 alerts, three pods restart and recover, a rollout
goes wrong. quell itself is real; PagerDuty and Slack are played on this machine, which the demo does not leave, and of which
nothing remains. Ctrl-C ends it at once.`,
		Example: `  quell demo
  NO_COLOR=1 quell demo | tee morning.txt`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string) error {
		err := demo.Run(cmd.Context(), demo.Options{Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr()})
		if errors.Is(err, context.Canceled) {
			return nil // Ctrl-C: it has been seen
		}
		return err
	})
}
