// Package replay runs a recorded stretch of time through the engine and prints what it decides: for
// evaluation on labelled data, to try rules on a recording, and to look at an incident again. Two configurations are compared by
// package backtest.
//
// Time is virtual: between two lines the engine's deadlines pass one by one, as they would have, and after the last line time
// runs on until nothing is pending. So a month takes seconds, and the same input gives the same bytes, except for the seconds in the
// summary.
package replay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
	"quell/internal/rulebook"
)

// Options say what to replay, and how to show it.
type Options struct {
	// Policy is what decisions depend on. Its AlertTimeout does not count: nobody reports alerts again in a replay. Its heartbeats do: the
	// recording has to hold the beats.
	Policy correlate.Policy
	// Tuning holds the engine's thresholds; nil is those that quell is shipped with.
	Tuning *correlate.Tuning
	// Topology is applied before the first line, at its time; nil is none.
	Topology *topology.Update
	// Catalogs are applied behind it, each as its own source.
	Catalogs []*correlate.Topology
	// Files are read one after the other, as if they were one; "-" is Stdin.
	Files []string
	Stdin io.Reader
	// Out gets the result.
	Out io.Writer
	// Format is json or text.
	Format string
	// Only restricts the text to the stories of these incidents; empty tells all, and the figures. JSON is always whole.
	Only []correlate.IncidentID
	// Verbose explains incidents at length; JSON explains none.
	Verbose bool
	// Progress is told of items of a body that could not be taken and were left out, as serve leaves them out. Nil is nobody.
	Progress io.Writer
}

// explainMax bounds the symptoms of an incident that are explained one by one.
const explainMax = 1000

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
	// Figures tell what waiting did. Nothing comes after the end, so all that healed is judged.
	Figures honesty.Figures `json:"-"`
}

// player is the state of one replay.
type player struct {
	options Options
	engine  *correlate.Engine
	printer printer
	book    book
	sum     summary
	climber climber
	// began is true once there was a line, first its time.
	began bool
	first time.Time
	// batch are the inputs of one instant that wait for more, places the lines that they stand in.
	batch   []correlate.Input
	places  []string
	instant time.Time
	// left is how many topology updates were refused.
	left int
}

// Run replays the files. A line that cannot be read, or that precedes the one before it, ends the replay with an error of the
// form "file:line: reason"; what was decided until then is printed.
func Run(ctx context.Context, o Options) (err error) {
	begin := time.Now()
	p, err := newPlayer(o)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(o.Out, 1<<16)
	defer func() {
		if flushErr := out.Flush(); err == nil && flushErr != nil {
			err = fmt.Errorf("write the result: %w", flushErr)
		}
	}()
	switch o.Format {
	case "json":
		p.printer, p.book = &jsonPrinter{out: out}, newBook(1, 0)
	case "text":
		p.printer, p.book = &textPrinter{out: out, verbose: o.Verbose, only: o.Only}, newBook(0, explainMax)
		p.climber = newClimber(p.engine)
		p.book.told = p.climber.view
	default:
		return fmt.Errorf("unknown format %q (json and text are known)", o.Format)
	}
	if err := p.play(ctx); err != nil {
		return err
	}
	p.finish(begin)
	return nil
}

// newPlayer makes a player that has no printer and no book yet.
func newPlayer(o Options) (*player, error) {
	o.Policy.AlertTimeout = -1
	tuning := correlate.DefaultTuning()
	if o.Tuning != nil {
		tuning = *o.Tuning
	}
	engine, err := correlate.NewTuned(rulebook.Compile, o.Policy, tuning)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return &player{options: o, engine: engine}, nil
}

// play plays all lines, and lets time run on.
func (p *player) play(ctx context.Context) error {
	err := Read(ctx, Source{Files: p.options.Files, Stdin: p.options.Stdin, Progress: p.options.Progress}, p.line)
	p.flush() // of a replay that stops as well: what was read was decided
	if err != nil {
		return err
	}
	return p.runOut(ctx)
}

// line plays one line, with those of the same instant before it. They are one batch, as they would have been for the loop, so that
// what is due at that instant is decided by all of them: a page must not go out because a resolve stands one line further down.
func (p *player) line(l Line) {
	if !p.began && p.options.Topology != nil {
		p.step(l.At, &correlate.Topology{Update: *p.options.Topology, Source: "config"})
	}
	if !p.began {
		for _, t := range p.options.Catalogs {
			p.step(l.At, t)
		}
	}
	if !l.At.Equal(p.instant) || slices.ContainsFunc(l.Inputs, isCommand) {
		p.flush()
	}
	if !p.began {
		p.began, p.first = true, l.At
	}
	p.sum.Inputs++
	p.sum.Alerts += l.Alerts
	p.passUntil(l.At)
	for _, in := range l.Inputs {
		// Only now is known what all that comes before the line did to the incident.
		if c, ok := in.(*correlate.Command); ok {
			err := p.address(c, l.Root)
			if err == nil {
				err = p.engine.Allows(c)
			}
			if err != nil {
				p.printer.refused(l.Where, c, err)
			}
		}
	}
	p.batch, p.instant = append(p.batch, l.Inputs...), l.At
	for range l.Inputs {
		p.places = append(p.places, l.Where)
	}
}

// address makes a command that names a root one for the newest open incident that has it among its candidates.
func (p *player) address(c *correlate.Command, root topology.Entity) error {
	if root == "" {
		return nil
	}
	is := func(r correlate.Root) bool { return r.Entity == root }
	found := p.engine.Incidents(func(i *correlate.Incident) bool { return i.State.Open() && slices.ContainsFunc(i.Roots, is) })
	if len(found) == 0 {
		return fmt.Errorf("no open incident is rooted in %s", root)
	}
	c.Incident = found[0].ID
	return nil
}

// isCommand reports whether an input is a command. An operator saw what came of everything before it.
func isCommand(in correlate.Input) bool {
	_, is := in.(*correlate.Command)
	return is
}

// flush plays what waits for more of its instant.
func (p *player) flush() {
	if len(p.batch) > 0 {
		p.step(p.instant, p.batch...)
		p.batch, p.places = p.batch[:0], p.places[:0]
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
	p.engine.Rest() // that nobody beats after the last line says nothing
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
	p.climber.passUntil(at)
	effects := p.engine.Step(at, inputs)
	p.climber.step(at, effects)
	for k, in := range inputs {
		if t, ok := in.(*correlate.Topology); ok {
			if err := p.engine.Refused(t); err != nil {
				p.leftOut(p.placeOf(k), err)
			}
		}
	}
	for i := range effects {
		if effects[i].Decision == correlate.Escalate {
			p.sum.Pages++
		}
		p.printer.decision(&effects[i])
	}
	p.book.enter(p.engine, effects)
}

// placeOf is the line of the k-th input of a step. The topology that a replay begins with stands in none.
func (p *player) placeOf(k int) string {
	if k < len(p.places) {
		return p.places[k]
	}
	return ""
}

// leftOut tells of a topology update that the engine refused.
func (p *player) leftOut(where string, why error) {
	if p.left++; p.options.Progress != nil && p.left <= maxNotes {
		_, _ = fmt.Fprintf(p.options.Progress, "%s: update was left out: %s\n", where, why)
	}
}

// finish prints the incidents and the summary.
func (p *player) finish(begin time.Time) {
	records := p.book.merged
	for found, members := range p.book.incidents(p.engine) {
		p.sum.Incidents++
		if found.incident.Outcome == "self-healed" {
			p.sum.SelfHealed++
		}
		records = append(records, found.incident.Record())
		p.printer.incident(found, members)
	}
	p.sum.Figures = honesty.Count(records, honesty.Period{})
	p.sum.Figures.Review = honesty.Review{} // nobody can be asked
	p.sum.Seconds = float64(time.Since(begin).Milliseconds()) / 1000
	p.printer.summary(&p.sum)
}

// stamp writes a time as it stands in input and output.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
