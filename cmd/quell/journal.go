package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/storage"
	"quell/storage/bolt"
)

func newJournal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal {-c FILE | --db FILE}",
		Short: "Print what quell was told, record by record",
		Long: `Prints the journal of a store: what quell was told, in the order in which it decided about it. With -o json each record is
one line, {"seq": …, "t": …, "inputs": [{"alert": …}, …]}. A running quell holds its store, so stop it first, or read a copy.`,
		Example: `  quell journal -c quell.yml --from 1200
  quell journal --db data/quell.db -o json | grep '"command"'`,
		Args: cobra.NoArgs,
	}
	configPath := configFlag(cmd, "configuration `file` that names the store")
	path := cmd.Flags().String("db", "", "store `file`")
	from := cmd.Flags().Uint64("from", 0, "first `number` to print")
	format := formatFlag(cmd, "text", "json")
	cmd.MarkFlagsOneRequired("config", "db")
	cmd.MarkFlagsMutuallyExclusive("config", "db")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		if *configPath != "" {
			c, err := loadConfig(cmd, *configPath)
			if err != nil {
				return err
			}
			*path = c.StoragePath
		}
		write := writeRecord
		if *format == "json" {
			write = writeRecordJSON
		}
		return printJournal(cmd, *path, *from, write)
	})
}

// printJournal writes the records of a store.
func printJournal(cmd *cobra.Command, path string, from uint64, write func(io.Writer, *record) error) error {
	out := bufio.NewWriter(cmd.OutOrStdout())
	err := readJournal(cmd, path, from, func(seq uint64, at time.Time, inputs []correlate.Input) error {
		return write(out, &record{Seq: seq, At: at, inputs: inputs})
	})
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	return err
}

// readJournal opens a store and hands its records over. Opening would make a store where there is none, which is not what
// somebody wants who reads.
func readJournal(cmd *cobra.Command, path string, from uint64, take func(seq uint64, at time.Time, inputs []correlate.Input) error) (err error) {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	db, err := bolt.Open(path, bolt.Options{OnDamage: func(where string, _ []byte, reason string) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: damaged row in %s: %s\n", where, reason)
	}})
	if err != nil {
		return err
	}
	err = db.Journal(from, func(r storage.Record) error {
		inputs, err := correlate.ParseRecord(r.Data)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
		return take(r.Seq, r.At, inputs)
	})
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return err
}

// record is a journal record for readers.
type record struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"t"`
	Inputs []any     `json:"inputs"`
	inputs []correlate.Input
}

// writeRecord counts what a record holds: "12  2026-01-02T03:04:05Z  3 alerts, 1 command".
func writeRecord(out io.Writer, r *record) error {
	kinds := make(map[string]int)
	for _, in := range r.inputs {
		kind, _ := view(in)
		kinds[kind]++
	}
	words := make([]string, 0, len(kinds))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		words = append(words, count(kinds[kind], kind))
	}
	if len(words) == 0 {
		words = append(words, "time passed")
	}
	_, err := fmt.Fprintf(out, "%d  %s  %s\n", r.Seq, r.At.Format(time.RFC3339Nano), strings.Join(words, ", "))
	return err
}

func writeRecordJSON(out io.Writer, r *record) error {
	r.Inputs = make([]any, len(r.inputs))
	for i, in := range r.inputs {
		kind, v := view(in)
		r.Inputs[i] = map[string]any{kind: v}
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

type alertView struct {
	Fingerprint  string           `json:"fingerprint"`
	Labels       correlate.Labels `json:"labels"`
	Annotations  correlate.Labels `json:"annotations"`
	GeneratorURL string           `json:"generator_url,omitempty"`
	StartsAt     time.Time        `json:"starts_at,omitzero"`
	EndsAt       time.Time        `json:"ends_at,omitzero"`
	Expires      time.Time        `json:"expires,omitzero"`
	Source       string           `json:"source"`
}

type eventView struct {
	ID        string          `json:"id,omitempty"`
	Entity    topology.Entity `json:"entity"`
	Reason    string          `json:"reason"`
	Component string          `json:"component,omitempty"`
	Message   string          `json:"message,omitempty"`
	Warning   bool            `json:"warning"`
	Count     int             `json:"count"`
	At        time.Time       `json:"t,omitzero"`
	Source    string          `json:"source"`
}

type commandView struct {
	Action   correlate.Action     `json:"action"`
	Incident correlate.IncidentID `json:"incident"`
	By       string               `json:"by"`
}

type deliveryView struct {
	Incident    correlate.IncidentID `json:"incident"`
	Generation  int                  `json:"generation"`
	Receiver    string               `json:"receiver"`
	Integration string               `json:"integration"`
	Action      string               `json:"action"`
	Error       string               `json:"error,omitempty"`
}

type refreshView struct {
	Alerts  []uint64  `json:"alerts"`
	Expires time.Time `json:"expires,omitzero"`
	Source  string    `json:"source"`
}

type gapView struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}

// view names an input's kind and shows it in the notation of the API. Conversions keep the views in step with the vocabulary:
// a field that is added there stops this from compiling.
func view(in correlate.Input) (kind string, v any) {
	switch in := in.(type) {
	case *correlate.Alert:
		return "alert", alertView{
			in.Fingerprint.String(), in.Labels, in.Annotations, in.GeneratorURL, in.StartsAt, in.EndsAt, in.Expires, in.Source,
		}
	case *correlate.Event:
		return "event", eventView(*in)
	case *correlate.Topology:
		return "topology", struct {
			topology.Update
			Source string `json:"source"`
		}{in.Update, in.Source}
	case *correlate.Command:
		return "command", commandView(*in)
	case *correlate.Delivery:
		return "delivery", deliveryView(*in)
	case *correlate.Refresh:
		return "refresh", refreshView(*in)
	case *correlate.Gap:
		return "gap", gapView(*in)
	case *correlate.Policy:
		return "policy", in
	}
	panic(fmt.Sprintf("quell: unknown input %T", in))
}
