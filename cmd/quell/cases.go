package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/cases"
	"quell/internal/english"
	"quell/internal/picture"
	"quell/storage"
	"quell/storage/bolt"
)

func newIncidentCases() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cases {-c FILE | --db FILE} --out DIR",
		Short: "Write incidents whose root somebody named as cases for evaluation",
		Long: `For each closed incident about which somebody said what its root was or was not (with quell incident feedback, or the button "Not the root
cause" in Slack), writes what quell was told around that time: INCIDENT.jsonl, a recording for quell replay, and INCIDENT.topology.json,
the topology as it was known then. truth.json gives the root of each; incidents of which only a wrong root is known are listed under
"_not_root". The evaluation reads the same format, so rules can be judged by what happened to you.

A recording begins with what was firing already. It includes everything else that was heard at that time, but not what people did or what was
silenced. A running quell locks its store, so stop it first, or read a copy.`,
		Example: `  quell incident cases --db copy-of-quell.db --out ours/2026-11
  quell replay --topology ours/2026-11/inc-7.topology.json ours/2026-11/inc-7.jsonl`,
		Args: noArguments,
	}
	configPath := configFlag(cmd, "configuration `file` that names the store")
	path := cmd.Flags().String("db", "", "store `file`")
	out := cmd.Flags().String("out", "", "`folder` to write to; it is made")
	before := cmd.Flags().String("before", "10m", "`duration` before an incident with which its recording begins")
	cmd.MarkFlagsOneRequired("config", "db")
	cmd.MarkFlagsMutuallyExclusive("config", "db")
	_ = cmd.MarkFlagRequired("out") // it exists
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		lead, err := model.ParseDuration(*before)
		if err != nil {
			return usagef("--before %q is no duration (write 10m or 1h)", *before)
		}
		if *configPath != "" {
			c, err := loadConfig(cmd, *configPath)
			if err != nil {
				return err
			}
			*path = c.StoragePath
		}
		return writeCases(cmd, *path, *out, time.Duration(lead))
	})
}

// writeCases writes what a store has of labelled incidents, and tells what it wrote.
func writeCases(cmd *cobra.Command, path, dir string, before time.Duration) error {
	list, err := labelled(path, before)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		_, err := io.WriteString(cmd.OutOrStdout(), "nobody said of any closed incident what its root was, or was not\n")
		return err
	}
	w, err := cases.NewWriter(dir, list)
	if err != nil {
		return err
	}
	if err := readJournal(cmd, path, 0, func(_ uint64, at time.Time, inputs []correlate.Input) error { return w.Take(at, inputs) }); err != nil {
		return err
	}
	written, early, err := w.Close()
	if err != nil {
		return err
	}
	for i := range written {
		c := &written[i]
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", c.Name, c.End.Sub(c.Begin).Round(time.Second), picture.Clean(strings.Join(c.Truth.Meta.Said, "; ")))
	}
	if len(early) > 0 {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: the journal does not reach back to the beginning of %s\n", strings.Join(early, ", "))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s written to %s\n", english.Count(len(written), "case"), filepath.Clean(dir))
	return err
}

// labelled reads the incidents of a store that are cases.
func labelled(path string, before time.Duration) (list []cases.Case, err error) {
	if err := isStore(path); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return nil, err
	}
	err = db.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
		inc := new(correlate.Incident)
		if err := json.Unmarshal(v, inc); err != nil {
			return err
		}
		if c, ok := cases.Of(inc, before); ok {
			list = append(list, c)
		}
		return nil
	})
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return list, err
}
