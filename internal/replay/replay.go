// Package replay runs a recorded stretch of time through the engine and prints what it decides: for backtests of rules, for
// evaluation on labelled data, and to look at an incident again.
//
// Time is virtual: between two lines the engine's deadlines pass one by one, as they would have, and after the last line time
// runs on until nothing is pending. So a month takes seconds, and the same input gives the same bytes, but for the seconds that
// the summary tells.
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
	"quell/rules"
)

// Options say what to replay, and how to show it.
type Options struct {
	// Policy is what decisions depend on. Its AlertTimeout does not count: nobody reports alerts again in a replay.
	Policy correlate.Policy
	// Tuning holds the engine's thresholds; nil is those that quell is shipped with.
	Tuning *correlate.Tuning
	// Topology is applied before the first line, at its time; nil is none.
	Topology *topology.Update
	// Files are read one after the other, as if they were one; "-" is Stdin.
	Files []string
	Stdin io.Reader
	// Out gets the result.
	Out io.Writer
	// Format is json or text.
	Format string
	// Verbose explains incidents at length; JSON explains none.
	Verbose bool
	// Progress is told of items of a body that could not be taken and were left out, as serve leaves them out. Nil is nobody.
	Progress io.Writer
}

const (
	// maxLineBytes bounds a line; a webhook of 100,000 alerts has about 55 MiB.
	maxLineBytes = 256 << 20
	// maxNotes bounds what Progress is told: nobody reads more.
	maxNotes = 20
	// explainMax bounds the symptoms of an incident that are explained one by one.
	explainMax = 1000
	// linesPerLook is how many lines pass between two looks at whether the context ended.
	linesPerLook = 256
)

// printer shows what happens. Write errors stick to the buffer below it, so its methods return none.
type printer interface {
	decision(f *correlate.Effect)
	// refused is told of a command that the engine does not allow.
	refused(where string, c *correlate.Command, why error)
	incident(p page, members []topology.Entity)
	summary(s *summary)
}

// summary is the last line.
type summary struct {
	// Inputs counts lines, Alerts firing reports and Warning events in them, Pages decisions to escalate.
	Inputs     int     `json:"inputs"`
	Alerts     int     `json:"alerts"`
	Incidents  int     `json:"incidents"`
	Pages      int     `json:"pages"`
	SelfHealed int     `json:"self_healed"`
	Seconds    float64 `json:"seconds"`
}

// player is the state of one replay.
type player struct {
	options Options
	engine  *correlate.Engine
	printer printer
	book    book
	sum     summary
	// where and at belong to the line that was read last; where is empty before the first.
	where string
	at    time.Time
	notes int
}

// Run replays the files. A line that cannot be read, or that precedes the one before it, ends the replay with an error of the
// form "file:line: reason"; what was decided until then is printed.
func Run(ctx context.Context, o Options) (err error) {
	begin := time.Now()
	o.Policy.AlertTimeout = -1
	tuning := correlate.DefaultTuning()
	if o.Tuning != nil {
		tuning = *o.Tuning
	}
	engine, err := correlate.NewTuned(rules.Compile, o.Policy, tuning)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	out := bufio.NewWriterSize(o.Out, 1<<16)
	defer func() {
		if flushErr := out.Flush(); err == nil && flushErr != nil {
			err = fmt.Errorf("write the result: %w", flushErr)
		}
	}()
	p := &player{options: o, engine: engine}
	switch o.Format {
	case "json":
		p.printer, p.book = &jsonPrinter{out: out}, newBook(1, 0)
	case "text":
		p.printer, p.book = &textPrinter{out: out, verbose: o.Verbose}, newBook(0, explainMax)
	default:
		return fmt.Errorf("unknown format %q (json and text are known)", o.Format)
	}
	for _, name := range o.Files {
		if err := p.file(ctx, name); err != nil {
			return err
		}
	}
	if err := p.runOut(ctx); err != nil {
		return err
	}
	p.finish(begin)
	return nil
}

// file plays the lines of one file.
func (p *player) file(ctx context.Context, name string) error {
	in, label := p.options.Stdin, "stdin"
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
		if err := p.line(fmt.Sprintf("%s:%d", label, n), lines.Bytes()); err != nil {
			return err
		}
		if n%linesPerLook == 0 && ctx.Err() != nil {
			return fmt.Errorf("replay stopped at %s: %w", p.where, context.Cause(ctx))
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", label, n+1, err)
	}
	return nil
}

// line plays one line; where is its place.
func (p *player) line(where string, text []byte) error {
	l, ok, err := parseLine(text)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if !ok {
		return nil
	}
	if l.at.Before(p.at) {
		return fmt.Errorf("%s: %s comes before %s, the time of %s", where, stamp(l.at), stamp(p.at), p.where)
	}
	inputs, err := p.inputs(where, l)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if p.where == "" && p.options.Topology != nil {
		p.step(l.at, &correlate.Topology{Update: *p.options.Topology, Source: "config"})
	}
	p.where, p.at = where, l.at
	p.sum.Inputs++
	p.passUntil(l.at)
	for _, in := range inputs {
		// Only now is known what the deadlines before the line did to the incident.
		if c, ok := in.(*correlate.Command); ok {
			if err := p.engine.Allows(c); err != nil {
				p.printer.refused(where, c, err)
			}
		}
	}
	p.step(l.at, inputs...)
	return nil
}

// inputs makes inputs of a line's body.
func (p *player) inputs(where string, l line) ([]correlate.Input, error) {
	switch l.kind {
	case webhookLine:
		w, err := ingest.DecodeWebhook(l.body, l.at, ingest.Limits{})
		if err != nil {
			return nil, err
		}
		p.note(where, "alert", w.Rejected)
		inputs := make([]correlate.Input, len(w.Alerts))
		for i := range w.Alerts {
			inputs[i] = &w.Alerts[i]
			if !w.Alerts[i].Resolved() {
				p.sum.Alerts++
			}
		}
		return inputs, nil
	case kubernetesLine:
		k, err := ingest.DecodeKubernetesObject(l.body, l.deleted, l.at, ingest.Limits{})
		if err != nil {
			return nil, err
		}
		p.note(where, "object", k.Rejected)
		for _, in := range k.Inputs {
			if e, ok := in.(*correlate.Event); ok && e.Warning {
				p.sum.Alerts++
			}
		}
		return k.Inputs, nil
	case topologyLine:
		u, err := ingest.DecodeTopology(l.body, ingest.Limits{})
		if err != nil {
			return nil, err
		}
		return []correlate.Input{&correlate.Topology{Update: *u, Source: "api"}}, nil
	default:
		c, err := parseCommand(l.body)
		if err != nil {
			return nil, err
		}
		return []correlate.Input{c}, nil
	}
}

// note tells of items that were left out.
func (p *player) note(where, what string, rejected []ingest.Rejection) {
	for _, r := range rejected {
		p.notes++
		switch {
		case p.options.Progress == nil || p.notes > maxNotes:
		case p.notes == maxNotes:
			_, _ = fmt.Fprintln(p.options.Progress, "more items were left out; that is not told any more")
		default:
			_, _ = fmt.Fprintf(p.options.Progress, "%s: %s %d was left out: %s\n", where, what, r.Index, r.Reason)
		}
	}
}

// passUntil lets the deadlines before a time pass.
func (p *player) passUntil(at time.Time) {
	for due, ok := p.engine.Deadline(); ok && due.Before(at); due, ok = p.engine.Deadline() {
		p.step(due)
	}
}

// runOut lets time run on until nothing is pending. Deadlines that nobody waits for pass on the way, as they would have.
func (p *player) runOut(ctx context.Context) error {
	for until, ok := p.engine.Pending(); ok; until, ok = p.engine.Pending() {
		if ctx.Err() != nil {
			return fmt.Errorf("replay stopped after the last line: %w", context.Cause(ctx))
		}
		p.passUntil(until.Add(1))
	}
	return nil
}

// step advances the engine and shows and books what it decides.
func (p *player) step(at time.Time, inputs ...correlate.Input) {
	effects := p.engine.Step(at, inputs)
	for i := range effects {
		if effects[i].Decision == correlate.Escalate {
			p.sum.Pages++
		}
		p.printer.decision(&effects[i])
	}
	p.book.enter(p.engine, effects)
}

// finish prints the incidents and the summary.
func (p *player) finish(begin time.Time) {
	for found, members := range p.book.incidents(p.engine) {
		p.sum.Incidents++
		if found.incident.Outcome == "self-healed" {
			p.sum.SelfHealed++
		}
		p.printer.incident(found, members)
	}
	p.sum.Seconds = float64(time.Since(begin).Milliseconds()) / 1000
	p.printer.summary(&p.sum)
}

// stamp writes a time as it stands in input and output.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
