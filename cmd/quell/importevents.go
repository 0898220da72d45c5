package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"quell/internal/english"
)

const (
	// importBatch and importBytes bound the events of one request.
	importBatch = 1000
	importBytes = 1 << 20
	// importPause is the first pause before quell is asked again, and importPauseMax the longest.
	importPause, importPauseMax = time.Second, 30 * time.Second
)

func newImportEvents() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events FILE…",
		Short: "Send a running quell what Alertmanager's event recorder wrote to a file",
		Long: `Posts the lines of files that Alertmanager's event recorder writes (file_outputs), so that alerts which never reach quell by
webhook are counted. "-" is standard input, read as it arrives. Events older than half an hour are skipped, since quell no longer knows
whether it has seen them. Lines that are no events, such as one cut off when a file was rotated, are reported and skipped, and the exit
status is then 1. Standard input waits while quell is down. Where Alertmanager can reach quell, its webhook_outputs do the same without a file.`,
		Example: `  tail -F /alertmanager/events.jsonl | quell import events -`,
		Args:    cobra.MinimumNArgs(1),
	}
	address := urlFlag(cmd)
	return leaf(cmd, func(cmd *cobra.Command, args []string) error { return importEvents(cmd, address, args) })
}

// importEvents posts the events in files.
func importEvents(cmd *cobra.Command, address *urlFlags, names []string) error {
	c, err := newClient(address)
	if err != nil {
		return err
	}
	x := &eventImport{cmd: cmd, client: c, pause: importPause}
	for _, name := range names {
		if err := x.file(name); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), english.Count(x.taken, "event"), "taken"); err != nil {
		return err
	}
	if x.passed > 0 {
		return fmt.Errorf("%s passed over", english.Count(x.passed, "line"))
	}
	return nil
}

// eventImport gives a running quell events line by line.
type eventImport struct {
	cmd    *cobra.Command
	client *client
	// pause is the first one before quell is asked again.
	pause time.Duration
	// taken counts events, and passed what was passed over.
	taken, passed int
	batch         []json.RawMessage
	bytes         int
}

func (x *eventImport) file(name string) error {
	if name == "-" {
		return x.lines("stdin", x.cmd.InOrStdin(), true)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read %w", err) // it names the file
	}
	defer func() { _ = f.Close() }() // it was only read
	return x.lines(name, f, false)
}

// lines posts lines as they come: when no more of them wait, or enough do. If patient, it waits for a quell that is away.
func (x *eventImport) lines(name string, in io.Reader, patient bool) error {
	lines := bufio.NewReaderSize(in, importBytes)
	for n := 1; ; n++ {
		line, readErr := lines.ReadBytes('\n')
		switch line = bytes.TrimSpace(line); {
		case len(line) == 0:
		case json.Valid(line):
			x.batch, x.bytes = append(x.batch, line), x.bytes+len(line)
		default:
			// A file that was rotated, or a recorder that was stopped, leaves half a line: whoever follows the file needs the next one.
			x.passed++
			x.tell("%s:%d: the line is no JSON, passed over", name, n)
		}
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return fmt.Errorf("read %s: %w", name, readErr)
		}
		if readErr != nil || lines.Buffered() == 0 || len(x.batch) >= importBatch || x.bytes >= importBytes {
			if err := x.post(name, patient); err != nil || readErr != nil {
				return err
			}
		}
	}
}

// post posts what was read.
func (x *eventImport) post(name string, patient bool) error {
	if len(x.batch) == 0 {
		return nil
	}
	ctx, told := x.cmd.Context(), false
	for pause := x.pause; ; pause = min(2*pause, importPauseMax) {
		var answer struct{ Accepted int }
		err := x.client.do(ctx, http.MethodPost, "/api/v1/alertmanager/events", x.batch, &answer)
		refused, answered := errors.AsType[*refusedError](err)
		switch {
		case err == nil:
			x.taken += answer.Accepted
		case answered && refused.status == http.StatusBadRequest:
			// The good ones were taken, and the others will not get better.
			_ = json.Unmarshal(refused.answer, &answer) // an answer of another form says that none was
			x.taken, x.passed = x.taken+answer.Accepted, x.passed+len(x.batch)-answer.Accepted
			x.tell("%s: %d of %s passed over: %s", name, len(x.batch)-answer.Accepted, english.Count(len(x.batch), "event"), bytes.TrimSpace(refused.answer))
		case !patient || ctx.Err() != nil || answered && refused.status != http.StatusServiceUnavailable:
			return fmt.Errorf("%s: %w", name, err)
		default:
			if !told {
				x.tell("%s: %v; waiting for it", name, err)
				told = true
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		x.batch, x.bytes = x.batch[:0], 0
		return nil
	}
}

// tell writes a line for people. That it cannot be written is no reason to stop.
func (x *eventImport) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(x.cmd.ErrOrStderr(), "quell: "+format+"\n", args...)
}
