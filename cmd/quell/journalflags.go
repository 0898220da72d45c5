package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"quell/internal/journal"
)

// journalFlags say which journal to read.
type journalFlags struct{ from, tokenFile *string }

// mayHaveJournal adds --journal and --token-file.
func mayHaveJournal(cmd *cobra.Command) *journalFlags {
	return &journalFlags{
		from:      cmd.Flags().String("journal", "", "`where` the journal is: a store's file, JSON Lines, a folder of these, -, or the address of a running quell"),
		tokenFile: tokenFlag(cmd),
	}
}

// addJournalFlags adds them to a command that cannot do without.
func addJournalFlags(cmd *cobra.Command) *journalFlags {
	f := mayHaveJournal(cmd)
	if err := cmd.MarkFlagRequired("journal"); err != nil {
		panic("quell: " + err.Error()) // the flag is a line above
	}
	return f
}

// open opens the journal that the flags name.
func (f *journalFlags) open(cmd *cobra.Command) (journal.Journal, error) {
	token, err := readToken(*f.tokenFile)
	if err != nil {
		return nil, err
	}
	o := journal.Options{Stdin: cmd.InOrStdin(), Notes: cmd.ErrOrStderr(), Token: token}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return journal.Open(ctx, *f.from, o)
}

// read hands over all records of the journal that the flags name.
func (f *journalFlags) read(cmd *cobra.Command, take func(*journal.Record) error) error {
	j, err := f.open(cmd)
	if err != nil {
		return err
	}
	return errors.Join(j.Read(cmd.Context(), take), j.Close())
}
