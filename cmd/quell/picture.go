package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/picture"
)

// encodings are the forms of a picture, by the end of a file's name.
var encodings = map[string]func(*picture.Image) []byte{".svg": (*picture.Image).SVG, ".png": (*picture.Image).PNG}

func newIncidentPicture() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "picture ID FILE",
		Short: "Draw the cascade of an incident as an SVG or PNG file",
		Long: `Draws an incident from left to right: its root cause first, then what trouble reached, over which dependencies, and when each symptom
began. Entities without a symptom are dashed; many of one kind share a box. The file's extension chooses the format. The picture is also
printed in words, which serve as its alternative text.

A running quell serves the same at /api/v1/incidents/ID/cascade.svg and cascade.png.`,
		Example: `  quell incident picture inc-7 cascade.svg
  quell incident picture inc-7 cascade.png --entities 100`,
		Args: cobra.ExactArgs(2),
	}
	address := urlFlag(cmd)
	lines := cmd.Flags().Int("entities", 24, "roughly how many boxes to draw at most; the rest is summed up by kind")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		encode, ok := encodings[strings.ToLower(filepath.Ext(args[1]))]
		if !ok {
			return usagef("%q does not end in .svg or .png", args[1])
		}
		if *lines < 1 || *lines > 200 {
			return usagef("--entities %d is not between 1 and 200", *lines)
		}
		id, err := incidentID(args[0])
		if err != nil {
			return err
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		var inc correlate.Incident
		if err := c.get(cmd.Context(), "/api/v1/incidents/"+id.String(), &inc); err != nil {
			return err
		}
		img, ok := picture.Draw(&inc, picture.Options{Lines: *lines, Siblings: max(6, *lines/4)})
		if !ok {
			return fmt.Errorf("%s has no root that could be drawn", id)
		}
		if err := os.WriteFile(args[1], encode(img), 0o644); err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), img.Alt())
		return err
	})
}
