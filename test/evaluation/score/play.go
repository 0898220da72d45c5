package score

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"quell/ingest"
	"quell/internal/replay"
	"quell/test/evaluation/dataset"
)

// Play replays one case within this process and scores it. Of the options it sets input, topology and output; callers say which
// policy to use.
func Play(ctx context.Context, c dataset.Case, o replay.Options) (Result, error) {
	text, err := os.ReadFile(c.Topology)
	if err != nil {
		return Result{}, fmt.Errorf("read topology: %w", err)
	}
	if o.Topology, err = ingest.DecodeTopology(text, ingest.Limits{}); err != nil {
		return Result{}, fmt.Errorf("%s: %w", c.Topology, err)
	}
	var out bytes.Buffer
	o.Files, o.Out, o.Format = []string{c.Input}, &out, "json"
	if err := replay.Run(ctx, o); err != nil {
		return Result{}, err
	}
	incidents, err := Read(out.Bytes())
	if err != nil {
		return Result{}, fmt.Errorf("replay of %s: %w", c.Input, err)
	}
	return Case(incidents, c.Truth), nil
}
