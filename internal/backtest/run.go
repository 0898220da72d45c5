package backtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest/catalog"
	"quell/internal/rulebook"
	"quell/routing"
)

// tidyEvery is how many steps pass between two clearings of what an engine would have stored: nobody stores anything here. A clearing writes a row
// of all that changed since the last one, so the fewer the better; what grows in between are escalations of incidents that are over.
const tidyEvery = 1 << 17

// run is one engine with its escalations, and the book of what they decide.
type run struct {
	engine *correlate.Engine
	steps  *routing.Escalations
	book   *book
	count  int
	// after is told of every step; nil is nobody.
	after func(*Step)
}

func newRun() (*run, error) {
	e, err := correlate.New(rulebook.Compile, correlate.Policy{})
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	p := e.Policy()
	return &run{engine: e, steps: routing.NewEscalations(routing.Compile(&p, routing.Options{StoreID: "backtest"})), book: newBook()}, nil
}

// step advances the run as the loop of a running quell does.
func (r *run) step(at time.Time, inputs []correlate.Input) []routing.Delivery {
	r.steps.Hear(inputs)
	effects := r.engine.Step(at, inputs)
	sent := r.steps.Step(at, effects, func(id correlate.IncidentID) (*correlate.Incident, bool) { return r.engine.Brief(id) })
	r.book.enter(r.engine, effects, sent)
	if r.after != nil {
		r.after(&Step{At: at, Inputs: inputs, Effects: effects, Engine: r.engine})
	}
	if r.count++; r.count%tidyEvery == 0 {
		r.tidy()
	}
	return sent
}

// tidy drops what the engine keeps for a store, and what is known of escalations whose incidents it forgot.
func (r *run) tidy() {
	r.engine.Changes(func(key, value []byte) {
		if id, ok := correlate.IncidentOfRow(key); ok && value == nil {
			r.steps.Forget(id)
		}
	})
	r.steps.Changes(func(correlate.IncidentID, []byte) {})
}

// deadline is when there must be a step even without inputs.
func (r *run) deadline() (at time.Time, ok bool) {
	at, ok = r.engine.Deadline()
	if next, more := r.steps.Deadline(); more && (!ok || next.Before(at)) {
		return next, true
	}
	return at, ok
}

// Setup is a configuration to decide by.
type Setup struct {
	// Name is how reports call it: a path.
	Name     string
	Policy   correlate.Policy
	Topology *topology.Update
	Catalogs []*correlate.Topology
}

// check says what is wrong with a policy that an engine is to adopt, or nil: the engine panics on what does not compile.
func check(p *correlate.Policy) error {
	if _, err := rulebook.Compile(p); err != nil {
		return err
	}
	_, err := routing.Decode(p.Routing)
	return err
}

// configSource is the source of what topology files tell, as a running quell names it.
const configSource = "config"

// first is what an engine is told when the configuration comes into force, in the order of a running quell.
func (s *Setup) first() []correlate.Input {
	p := s.Policy
	inputs := []correlate.Input{&p}
	var declared []*correlate.Topology
	if s.Topology != nil {
		t := &correlate.Topology{Source: configSource, Update: *s.Topology}
		t.Replace = true
		declared = append(declared, t)
	}
	declared = append(declared, s.Catalogs...)
	slices.SortFunc(declared, func(a, b *correlate.Topology) int { return strings.Compare(a.Source, b.Source) })
	for _, t := range declared {
		inputs = append(inputs, t)
	}
	return inputs
}

// ofConfiguration reports whether an input came from the configuration that was in force, so that another configuration replaces it.
func ofConfiguration(in correlate.Input) bool {
	switch in := in.(type) {
	case *correlate.Policy:
		return true
	case *correlate.Topology:
		return in.Source == configSource || strings.HasPrefix(in.Source, catalog.Source(""))
	}
	return false
}

// unbound takes time-outs of alerts out of a journal that is cut: whether an alert was reported again, it tells by numbers of which nobody knows
// what they stood for.
func unbound(inputs []correlate.Input) []correlate.Input {
	for i, in := range inputs {
		switch in := in.(type) {
		case *correlate.Policy:
			p := *in
			p.AlertTimeout = -1
			inputs[i] = &p
		case *correlate.Alert:
			if !in.Expires.IsZero() {
				a := *in
				a.Expires = time.Time{}
				inputs[i] = &a
			}
		}
	}
	return slices.DeleteFunc(inputs, func(in correlate.Input) bool { _, is := in.(*correlate.Refresh); return is })
}
