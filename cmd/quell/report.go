package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/picture"
	"quell/internal/replay"
	"quell/notify/digest"
)

// reportFlags say what a replay writes into a folder.
type reportFlags struct{ folder, since, until, timezone string }

func addReportFlags(cmd *cobra.Command) *reportFlags {
	f := new(reportFlags)
	cmd.Flags().StringVar(&f.folder, "report", "", "write to this `folder` what people would have received: the digest and its charts, the largest cascade, its messages")
	cmd.Flags().StringVar(&f.since, "since", "7d", "with --report: the `duration` that the digest covers; the one before it is compared")
	cmd.Flags().StringVar(&f.until, "until", "", "with --report: the `time` at which the digest ends, as RFC 3339 has it; empty is the last line's")
	cmd.Flags().StringVar(&f.timezone, "timezone", "UTC", "with --report: the time `zone` of the digest's readers")
	return f
}

// report replays, and writes what people would have got.
func (f *reportFlags) report(ctx context.Context, o replay.Options) error {
	span, err := model.ParseDuration(f.since)
	if err != nil || span <= 0 {
		return usagef("--since %q is no duration (write 24h or 7d)", f.since)
	}
	location, err := time.LoadLocation(f.timezone)
	if err != nil || f.timezone == "" {
		return usagef("--timezone %q is no time zone (write Europe/Berlin or UTC)", f.timezone)
	}
	h, err := replay.Play(ctx, o)
	if err != nil {
		return err
	}
	until := h.End
	if f.until != "" {
		if until, err = time.Parse(time.RFC3339, f.until); err != nil {
			return usagef("--until %q is no time (write 2026-10-19T09:00:00+02:00)", f.until)
		}
	}
	since := until.Add(-time.Duration(span))
	d := digest.Build(h.Incidents, since, until, digest.Options{
		Location: location, ExternalURL: exampleURL, KnownSince: h.Begin, Unseen: h.Engine.Unseen(since, until),
	})
	if err := writeDigestFiles(f.folder, d); err != nil {
		return err
	}
	inc := largest(h, since, until)
	if inc == nil {
		return nil // nobody was paged, so there is nothing more to show
	}
	return writeIncidentFiles(ctx, f.folder, inc)
}

// largest is the page in the period that collapsed the most alerts, as it was when it was sent; nil if there is none.
func largest(h *replay.History, since, until time.Time) (found *correlate.Incident) {
	most := 0
	for _, inc := range h.Incidents {
		paged := h.Paged[inc.ID]
		if paged != nil && inc.Alerts > most && !paged.Escalated.Before(since) && paged.Escalated.Before(until) {
			found, most = paged, inc.Alerts
		}
	}
	return found
}

// writeDigestFiles writes a digest in all its forms.
func writeDigestFiles(folder string, d *digest.Digest) error {
	for name, write := range map[string]func(io.Writer) error{
		"digest.txt": d.Text, "digest.md": d.Markdown, "digest.json": d.JSON,
		"digest.html": func(w io.Writer) error { return d.HTML(w, nil) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		if err := writeFile(folder, name, b.Bytes()); err != nil {
			return err
		}
	}
	return writePictures(folder, d)
}

// writePictures writes the charts of a digest as SVG and as PNG.
func writePictures(folder string, d *digest.Digest) error {
	for _, p := range d.Pictures() {
		if err := writeFile(folder, p.Name+".svg", p.SVG()); err != nil {
			return err
		}
		if err := writeFile(folder, p.Name+".png", p.PNG()); err != nil {
			return err
		}
	}
	return nil
}

// exampleURL stands for quell's own address in links.
const exampleURL = "https://quell.example"

// writeIncidentFiles draws an incident, and writes what Slack and PagerDuty would get of it.
func writeIncidentFiles(ctx context.Context, folder string, inc *correlate.Incident) error {
	blocks, text, err := slackMessage(ctx, inc, exampleURL)
	if err != nil {
		return err
	}
	event, err := pagerDutyEvent(ctx, inc, exampleURL)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"cascade.txt": []byte(picture.Cascade(inc, picture.Options{Width: 100})), "slack.json": blocks, "slack.txt": text, "pagerduty.json": event,
	}
	if img, ok := picture.Draw(inc, picture.Options{}); ok {
		files["cascade.svg"], files["cascade.png"] = img.SVG(), img.PNG()
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(folder, name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes into a folder, which is made if it is not there.
func writeFile(folder, name string, content []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
