package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"quell/internal/picture"
)

// ask makes a command that shows what a running quell answers on a path: as it came with -o json, else as show writes it. The path is
// made of the arguments, and is where those are refused.
func ask[T any](cmd *cobra.Command, path func(args []string) (string, error), show func(io.Writer, *T) error) *cobra.Command {
	address := urlFlag(cmd)
	format := formatFlag(cmd, "text", "json")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		from, err := path(args)
		if err != nil {
			return err
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		var answer T
		if err := c.get(cmd.Context(), from, &answer); err != nil {
			return err
		}
		if *format == "json" {
			return writeJSON(cmd.OutOrStdout(), &answer)
		}
		return show(cmd.OutOrStdout(), &answer)
	})
}

// each does something to each of several things, and tells what came of it. One that quell refuses does not keep the others from it, but
// the command fails.
func each(cmd *cobra.Command, ids []string, do func(id string) (told string, err error)) error {
	refused := false
	for _, id := range ids {
		told, err := do(id)
		if err != nil {
			refused = true
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: %s: %v\n", id, err) // the exit status tells it as well
			continue
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), told); err != nil {
			return err
		}
	}
	if refused {
		return &failureError{statusWrong, nil}
	}
	return nil
}

// queryOf is what of the flags is set, as the parameters of the same names.
func queryOf(flags map[string]*string) url.Values {
	query := make(url.Values)
	for name, value := range flags {
		if *value != "" {
			query.Set(name, *value)
		}
	}
	return query
}

// writeJSON writes a value for people and programs: indented, and without HTML escapes.
func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// stamp shows a time for people, or that there is none.
func stamp(at *time.Time) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.DateTime)
}

// orDash cleans a text for the terminal, or shows that there is none.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return picture.Clean(s)
}
