package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/internal/strictyaml"
	"quell/notify/digest"
)

var digestFormats = []string{"text", "markdown", "html", "email", "json", "slack"}

func newDigest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "digest",
		Short: "Report what happened and what healed by itself",
		Long: `Reports on the incidents of a running quell: what healed by itself, how often, how long it took and what healed it, what got worse,
which pages nobody needed, what flaps, which alerts are noise and what to do about them, what paged, and what ended unknown. All of it is
compared with the previous period. This is the report that the configuration's digests send, for whatever period you ask for.`,
		Example: `  quell digest --since 7d
  quell digest --since 30d --matcher 'team="shop"'
  quell digest --since 24h --timezone Europe/Berlin -o markdown > yesterday.md
  quell digest -o html > digest.html          # one file, with its charts, for light and dark screens
  quell digest -o email > digest.eml          # a mail that mail programs open
  quell digest --pictures charts              # the charts alone, as SVG and PNG`,
		Args: noArguments,
	}
	address := urlFlag(cmd)
	format := formatFlag(cmd, digestFormats...)
	since := cmd.Flags().String("since", "7d", "start of the period: a `time` (2026-01-02T03:04:05Z), or a duration until now, e.g. 24h or 7d")
	until := cmd.Flags().String("until", "", "end of the period, likewise (default: now)")
	timezone := cmd.Flags().String("timezone", "UTC", "time `zone` of the report, e.g. Europe/Berlin")
	matchers := cmd.Flags().StringArray("matcher", nil, "only incidents whose alerts all have these `labels`, e.g. team=\"shop\"; may be repeated")
	pictures := cmd.Flags().String("pictures", "", "also write the charts into this `folder`, as SVG and PNG")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, digestFormats...); err != nil {
			return err
		}
		query, err := digestQuery(*since, *until, *timezone, *matchers)
		if err != nil {
			return err
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		var answer json.RawMessage
		if err := c.get(cmd.Context(), "/api/v1/digest?"+query.Encode(), &answer); err != nil {
			return err
		}
		d, err := digest.Parse(answer)
		if err != nil {
			return err
		}
		if *pictures != "" {
			if err := writePictures(*pictures, d); err != nil {
				return err
			}
		}
		return writeDigest(cmd.OutOrStdout(), d, *format)
	})
}

// digestQuery checks what is asked for, as far as that takes no server.
func digestQuery(since, until, timezone string, matchers []string) (url.Values, error) {
	query := url.Values{"timezone": {timezone}, "matchers": matchers}
	for flag, text := range map[string]string{"since": since, "until": until} {
		if text == "" && flag == "until" {
			continue
		}
		d, err := model.ParseDuration(text)
		if _, notTime := time.Parse(time.RFC3339Nano, text); notTime != nil && (err != nil || d <= 0) {
			return nil, usagef("--%s %q is neither a time nor a duration (write 2026-01-02T03:04:05Z, 24h or 7d)", flag, text)
		}
		query.Set(flag, text)
	}
	if _, err := time.LoadLocation(timezone); err != nil || timezone == "" {
		return nil, usagef("--timezone %q is no time zone (write Europe/Berlin or UTC)", timezone)
	}
	for _, text := range matchers {
		if _, err := strictyaml.ParseMatchers(text); err != nil {
			return nil, usagef("--matcher %q: %v (write team=\"shop\", or with !=, =~ or !~)", text, err)
		}
	}
	return query, nil
}

func writeDigest(out io.Writer, d *digest.Digest, format string) error {
	switch format {
	case "markdown":
		return d.Markdown(out)
	case "json":
		return d.JSON(out)
	case "html":
		return d.HTML(out, nil)
	case "email":
		return d.EML(out)
	case "slack":
		_, err := fmt.Fprintf(out, "%s\n", d.Slack())
		return err
	}
	return d.Text(out)
}
