package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/english"
	"quell/internal/journal"
	"quell/storage"
	"quell/storage/bolt"
)

func newJournal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal {-c FILE | --db FILE}",
		Short: "Print everything quell was told, record by record",
		Long: `Prints the journal of a store: what quell was told, in the order in which it decided about it. With -o json each record is
one line, {"seq": …, "t": …, "inputs": [{"alert": …}, …]}. If the beginning is left out or no longer kept, a first line, {"journal": …},
says where the records start, and what was in force and known by then. A running quell locks its store, so stop it first, or read a copy.`,
		Example: `  quell journal -c quell.yml --from 1200
  quell journal --db data/quell.db -o json | grep '"command"'`,
		Args: noArguments,
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
		out := bufio.NewWriter(cmd.OutOrStdout())
		var err error
		if *format == "json" {
			err = exportJournal(cmd, out, *path, *from)
		} else {
			err = readJournal(cmd, *path, *from, func(seq uint64, at time.Time, inputs []correlate.Input) error {
				return writeRecord(out, &record{seq, at, inputs})
			})
		}
		return errors.Join(err, out.Flush())
	})
}

// exportJournal writes records as lines that others can read: before those of a journal without its beginning stands a head.
func exportJournal(cmd *cobra.Command, out io.Writer, path string, from uint64) (err error) {
	db, err := openToRead(cmd, path)
	if err != nil {
		return err
	}
	j, err := journal.OpenStore(db, path) // closes the store if it fails
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	begun := false
	var line []byte
	return j.Read(cmd.Context(), func(r *journal.Record) error {
		if r.Seq < from {
			return nil
		}
		line = line[:0]
		if !begun && r.Seq > 1 {
			head, err := j.From(r.Seq, r.At)
			if err != nil {
				return err
			}
			line = journal.AppendHead(line, &head)
		}
		begun = true
		line = journal.AppendRecord(line, r)
		_, err := out.Write(line)
		return err
	})
}

// openToRead opens a store that is there. Opening would make one where there is none, which is not what somebody wants who reads.
func openToRead(cmd *cobra.Command, path string) (*bolt.DB, error) {
	if err := isStore(path); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, bolt.Options{OnDamage: func(where string, _ []byte, reason string) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "quell: damaged row in %s: %s\n", where, reason)
	}})
	if errors.Is(err, storage.ErrLocked) {
		err = fmt.Errorf("%w; stop it first, or read a copy", err)
	}
	return db, err
}

// readJournal opens a store and hands its records over.
func readJournal(cmd *cobra.Command, path string, from uint64, take func(seq uint64, at time.Time, inputs []correlate.Input) error) (err error) {
	db, err := openToRead(cmd, path)
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

// isStore says why a path can be no store, or nil.
func isStore(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return nil
}

// record is a journal record for readers.
type record struct {
	seq    uint64
	at     time.Time
	inputs []correlate.Input
}

// writeRecord counts what a record holds: "12  2026-01-02T03:04:05Z  3 alerts, 1 command".
func writeRecord(out io.Writer, r *record) error {
	kinds := make(map[string]int)
	for _, in := range r.inputs {
		kind, _ := journal.View(in)
		kinds[kind]++
	}
	words := make([]string, 0, len(kinds))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		words = append(words, english.Count(kinds[kind], kind))
	}
	if len(words) == 0 {
		words = append(words, "time passed")
	}
	_, err := fmt.Fprintf(out, "%d  %s  %s\n", r.seq, r.at.Format(time.RFC3339Nano), strings.Join(words, ", "))
	return err
}
