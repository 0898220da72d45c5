package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Import Alertmanager's configuration, or its events",
		Long: `Looks at the files to see what they are. An Alertmanager configuration is converted as by 'quell import alertmanager'; what
Alertmanager's event recorder wrote is sent to a running quell as by 'quell import events'.`,
		Example: `  quell import alertmanager.yml -o quell.yml
  tail -F /alertmanager/events.jsonl | quell import -`,
		Args: cobra.MinimumNArgs(1),
	}
	address, o := urlFlag(cmd), migrateFlags(cmd)
	leaf(cmd, func(cmd *cobra.Command, args []string) error {
		in := bufio.NewReaderSize(cmd.InOrStdin(), importBytes)
		cmd.SetIn(in)
		config, err := isConfiguration(in, args[0])
		if err != nil {
			return err
		}
		if !config {
			return importEvents(cmd, address, args)
		}
		if len(args) > 1 {
			return usagef("%s is a configuration, and only one can be imported at once", args[0])
		}
		return migrate(cmd, args[0], o)
	})
	cmd.AddCommand(newImportAlertmanager(), newImportEvents())
	return cmd
}

// isConfiguration looks at a file's first line: events are one JSON object a line, without what a configuration cannot be without.
func isConfiguration(stdin *bufio.Reader, name string) (bool, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return false, fmt.Errorf("read %w", err) // it names the file
		}
		defer func() { _ = f.Close() }() // it was only read
		in = bufio.NewReaderSize(f, importBytes)
	}
	// Standard input may be a pipe that never ends, so wait for no more than its first line.
	for n := 1; ; {
		begin, err := in.Peek(n)
		if line, _, whole := bytes.Cut(begin, []byte("\n")); whole || err != nil {
			var event struct {
				Route, Receivers json.RawMessage
			}
			line = bytes.TrimSpace(line)
			return len(line) > 0 && (json.Unmarshal(line, &event) != nil || event.Route != nil || event.Receivers != nil), nil
		}
		if n < in.Buffered() {
			n = in.Buffered()
		} else {
			n++
		}
	}
}
