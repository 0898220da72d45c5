package backtest

import (
	"fmt"
	"time"

	"quell/correlate"
	"quell/internal/journal"
)

// recorded repeats what happened: it is stepped when and with what the running quell was.
type recorded struct{ *run }

// tell plays a record as it was.
func (c *recorded) tell(r *journal.Record) (*telling, error) {
	if err := understood(c.run, r.At, r.Inputs); err != nil {
		return nil, err
	}
	t := translate(c.engine, r.At, r.Inputs)
	c.step(r.At, r.Inputs)
	return t, nil
}

// understood says why an engine cannot be stepped with inputs of a journal, or nil.
func understood(r *run, at time.Time, inputs []correlate.Input) error {
	for _, in := range inputs {
		if p, ok := in.(*correlate.Policy); ok {
			if err := check(p); err != nil {
				return fmt.Errorf("this version does not understand the rules that were in force then: %w", err)
			}
		}
	}
	if last := r.engine.Now(); at.Before(last) {
		return fmt.Errorf("%s comes before %s, the time of the record before it", at, last)
	}
	return nil
}

// torso is what happened in a journal whose beginning is not known: under what was in force, as far as it is told, but in a time of its own, since
// what is due in it need not be what was due then.
type torso struct {
	*other
	head journal.Head
}

// tell plays a record, with all that stands in for those before it at first.
func (c *torso) tell(r *journal.Record) (*telling, error) {
	inputs := r.Inputs
	if !c.begun {
		inputs = append(append([]correlate.Input{}, c.head.Seed...), inputs...)
	}
	inputs = unbound(inputs)
	if err := understood(c.run, r.At, inputs); err != nil {
		return nil, err
	}
	t := interpret(c.head.Known, r.At, inputs)
	c.take(t)
	return t, nil
}

// repeater makes the run that repeats what a journal tells, which is no recording.
func repeater(h journal.Head) (teller, *run, error) {
	if h.Cut() {
		o, err := newOther(nil, false)
		if err != nil {
			return nil, nil, err
		}
		return &torso{o, h}, o.run, nil
	}
	r, err := newRun()
	return &recorded{r}, r, err
}
