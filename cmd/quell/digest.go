package main

import (
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/notify/digest"
)

func newDigest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "digest",
		Short: "Report what happened and healed by itself",
		Long: `Reports on the incidents of a running quell: what healed by itself, how often, how long it took and what was behind it, what
paged, and what nobody knows the end of. It is the report that the configuration's digests send, for any period, at any time.`,
		Example: `  quell digest --since 7d
  quell digest --since 24h --timezone Europe/Berlin -o markdown > yesterday.md`,
		Args: cobra.NoArgs,
	}
	address := urlFlag(cmd)
	format := formatFlag(cmd, "text", "markdown", "json", "slack")
	since := cmd.Flags().String("since", "7d", "`duration` until now, e.g. 24h or 7d")
	timezone := cmd.Flags().String("timezone", "UTC", "time `zone` of the report, e.g. Europe/Berlin")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "markdown", "json", "slack"); err != nil {
			return err
		}
		span, err := model.ParseDuration(*since)
		if err != nil || span <= 0 {
			return usagef("--since %q is no duration (write 24h or 7d)", *since)
		}
		location, err := time.LoadLocation(*timezone)
		if err != nil || *timezone == "" {
			return usagef("--timezone %q is no time zone (write Europe/Berlin or UTC)", *timezone)
		}
		c, err := newClient(*address)
		if err != nil {
			return err
		}
		until := time.Now().UTC()
		begin := until.Add(-time.Duration(span))
		incidents, err := c.incidents(cmd.Context(), url.Values{"since": {begin.Format(time.RFC3339Nano)}}, 0)
		if err != nil {
			return err
		}
		return writeDigest(cmd.OutOrStdout(), digest.Build(incidents, begin, until, digest.Options{Location: location}), *format)
	})
}

func writeDigest(out io.Writer, d *digest.Digest, format string) error {
	switch format {
	case "markdown":
		return d.Markdown(out)
	case "json":
		return d.JSON(out)
	case "slack":
		_, err := fmt.Fprintf(out, "%s\n", d.Slack())
		return err
	}
	return d.Text(out)
}
