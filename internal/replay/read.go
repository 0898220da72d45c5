package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest"
)

const (
	// maxLineBytes bounds a line; a webhook of 100,000 alerts has about 55 MiB.
	maxLineBytes = 256 << 20
	// maxNotes bounds what Progress is told: nobody reads more.
	maxNotes = 20
	// linesPerLook is how many lines pass between two looks at whether the context ended.
	linesPerLook = 256
)

// Source names recorded input.
type Source struct {
	// Files are read one after the other, as if they were one; "-" is Stdin.
	Files []string
	Stdin io.Reader
	// Progress is told of items of a body that could not be taken and were left out, as serve leaves them out. Nil is nobody.
	Progress io.Writer
}

// Line is what one line of recorded input tells.
type Line struct {
	// Where is its place, "file:line".
	Where  string
	At     time.Time
	Inputs []correlate.Input
	// Alerts counts firing reports and Warning events among the inputs.
	Alerts int
	// Root names the incident that a command without a number is about: the open one that is rooted in this entity.
	Root topology.Entity
}

// Read calls take for each line of the source, blank ones left out, in order. A line that cannot be read, or that precedes the one
// before it, ends it with an error of the form "file:line: reason".
func Read(ctx context.Context, s Source, take func(Line)) error {
	r := &reader{source: s, take: take, cluster: newCluster()}
	for _, name := range s.Files {
		if err := r.file(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// reader is the state of reading a source; last is the line before, without a place before the first.
type reader struct {
	source  Source
	take    func(Line)
	last    Line
	cluster cluster
	notes   int
}

// file reads the lines of one file.
func (r *reader) file(ctx context.Context, name string) error {
	in, label := r.source.Stdin, "stdin"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("read %w", err) // it names the file
		}
		defer func() { _ = f.Close() }() // it was only read
		in, label = f, name
	}
	if in == nil {
		return errors.New("there is no standard input")
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<20), maxLineBytes)
	n := 0
	for lines.Scan() {
		n++
		where := fmt.Sprintf("%s:%d", label, n)
		if err := r.line(where, lines.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if n%linesPerLook == 0 && ctx.Err() != nil {
			return fmt.Errorf("stopped at %s: %w", where, context.Cause(ctx))
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %d MiB", label, n+1, maxLineBytes>>20)
	} else if err != nil {
		return fmt.Errorf("%s:%d: %w", label, n+1, err)
	}
	return nil
}

// line reads one line; where is its place.
func (r *reader) line(where string, text []byte) error {
	l, ok, err := parseLine(text)
	if err != nil || !ok {
		return err
	}
	if l.at.Before(r.last.At) {
		return fmt.Errorf("%s comes before %s, the time of %s", stamp(l.at), stamp(r.last.At), r.last.Where)
	}
	for at, inputs, ok := r.cluster.next(l.at); ok; at, inputs, ok = r.cluster.next(l.at) {
		r.take(Line{Where: where, At: at, Inputs: inputs})
	}
	line := Line{Where: where, At: l.at}
	if err := r.inputs(&line, l); err != nil {
		return err
	}
	r.last = Line{Where: where, At: l.at}
	r.take(line)
	return nil
}

// inputs makes inputs of a line's body.
func (r *reader) inputs(to *Line, l line) error {
	switch l.kind {
	case webhookLine:
		w, err := ingest.DecodeWebhook(l.body, l.at, ingest.Limits{})
		if err != nil {
			return err
		}
		r.note(to.Where, "alert", w.Rejected)
		to.Inputs = make([]correlate.Input, len(w.Alerts))
		for i := range w.Alerts {
			to.Inputs[i] = &w.Alerts[i]
			if !w.Alerts[i].Resolved() {
				to.Alerts++
			}
		}
	case kubernetesLine:
		k, err := r.cluster.see(l.body, l.deleted, l.at)
		if bad, ok := errors.AsType[*ingest.ObjectError](err); ok {
			r.note(to.Where, "object", []ingest.Rejection{{Reason: bad.Reason}})
			return nil
		}
		if err != nil {
			return err
		}
		for _, in := range k.Inputs {
			if e, ok := in.(*correlate.Event); ok && e.Warning {
				to.Alerts++
			}
		}
		to.Inputs = k.Inputs
	case topologyLine:
		u, err := ingest.DecodeTopology(l.body, ingest.Limits{})
		if err != nil {
			return err
		}
		to.Inputs = []correlate.Input{&correlate.Topology{Update: *u, Source: "api"}}
	case recorderLine:
		rec, err := ingest.DecodeRecording(l.body, l.at, ingest.Limits{})
		if err != nil {
			return err
		}
		r.note(to.Where, "event", rec.Rejected)
		for i := range rec.Events {
			to.Inputs = append(to.Inputs, &rec.Events[i])
		}
	case commandLine:
		c, root, err := parseCommand(l.body)
		if err != nil {
			return err
		}
		to.Root = root
		to.Inputs = []correlate.Input{c}
	default:
		in, err := l.single()
		if err != nil {
			return err
		}
		to.Inputs = []correlate.Input{in}
	}
	return nil
}

// single reads a body that is one input.
func (l *line) single() (correlate.Input, error) {
	switch l.kind {
	case silenceLine:
		return parseSilence(l.body)
	case eventLine:
		return parseEvent(l.body)
	}
	return parseHeartbeat(l.body)
}

// note tells of items that were left out.
func (r *reader) note(where, what string, rejected []ingest.Rejection) {
	for _, rej := range rejected {
		r.notes++
		switch {
		case r.source.Progress == nil || r.notes > maxNotes:
		case r.notes == maxNotes:
			_, _ = fmt.Fprintln(r.source.Progress, "more items were left out; that is not told any more")
		default:
			_, _ = fmt.Fprintf(r.source.Progress, "%s: %s %d was left out: %s\n", where, what, rej.Index, rej.Reason)
		}
	}
}
