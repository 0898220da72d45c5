// Package excerpt turns a stretch of a journal into a recording to make tests from: only what one incident needs, with names replaced where
// they are nobody else's business.
//
// The journal is read twice: once to see which symptoms the incident had and which entities are near them, and once to write what was said
// about these.
package excerpt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/backtest"
	"quell/internal/cases"
	"quell/internal/english"
	"quell/internal/journal"
	"quell/internal/rulebook"
)

// Options say what to take out.
type Options struct {
	// Open opens the journal. It is called twice.
	Open func() (journal.Journal, error)
	// Setup is what a recording is played under; it does not count for other journals.
	Setup *backtest.Setup
	// From and To bound the stretch. Zero times are, with an incident, some time before and after it, and else the ends of the journal.
	From, To time.Time
	// Incident restricts it to one; zero is all.
	Incident correlate.IncidentID
}

const (
	// before and behind are what an excerpt holds around an incident, where nobody says: what an event told lasts a while, and what heals
	// may come back.
	before, behind = 15 * time.Minute, 10 * time.Minute
	// nearMax bounds the entities around what was ill. A hub that everything depends on would bring all of it along.
	nearMax = 5000
)

// Excerpt is the stretch.
type Excerpt struct {
	From, To time.Time
	// Policy is what was in force at the end of it, with the texts of its rules.
	Policy correlate.Policy
	// Incidents are those that it is about as they were last in the stretch.
	Incidents []*correlate.Incident
	// Alerts and Events count what it holds, Left what was left out as having nothing to do with it.
	Alerts, Events, Left int
	// Notes say what the recording cannot tell, a sentence each.
	Notes []string

	entries []entry
}

// entry is what was told, or done, at one time.
type entry struct {
	at time.Time
	// inputs are what senders told; or there is one of the others.
	inputs  []correlate.Input
	silence *correlate.Silence
	command *command
}

// command is what an operator did, by the root: numbers of incidents are others in a test.
type command struct {
	Action correlate.Action `json:"action"`
	Root   topology.Entity  `json:"root"`
	By     string           `json:"by"`
}

// Make makes an excerpt.
func Make(ctx context.Context, o Options) (*Excerpt, error) {
	s := &survey{options: o, near: make(map[topology.Entity]bool), symptoms: make(map[correlate.SymptomID]bool), incidents: make(map[correlate.IncidentID]*correlate.Incident)}
	if err := o.read(func(j journal.Journal) error { return s.read(ctx, j) }); err != nil {
		return nil, err
	}
	if err := s.bound(); err != nil {
		return nil, err
	}
	w, err := newWriter(s)
	if err != nil {
		return nil, err
	}
	if err := o.read(func(j journal.Journal) error { return w.read(ctx, j) }); err != nil {
		return nil, err
	}
	return w.finish()
}

// read opens the journal for one reading.
func (o *Options) read(use func(journal.Journal) error) error {
	j, err := o.Open()
	if err != nil {
		return err
	}
	err = use(j)
	if closeErr := j.Close(); err == nil {
		err = closeErr
	}
	return err
}

// survey is the first reading: what belongs to the excerpt.
type survey struct {
	options  Options
	from, to time.Time
	graph    *topology.Graph
	near     map[topology.Entity]bool
	symptoms map[correlate.SymptomID]bool
	// incidents are those that it is about, as they were seen last.
	incidents map[correlate.IncidentID]*correlate.Incident
	policy    correlate.Policy
	begin     time.Time // of the journal
	end       time.Time
	full      bool // near took no more
	// acted are the roots of incidents when somebody acted on them, by the times of the commands.
	acted map[actedKey]topology.Entity
}

type actedKey struct {
	at       time.Time
	incident correlate.IncidentID
}

func (s *survey) read(ctx context.Context, j journal.Journal) error {
	s.graph, s.acted = topology.New(), make(map[actedKey]topology.Entity)
	head := j.Head()
	for _, in := range head.Seed {
		s.learn(head.Begin, in)
	}
	return backtest.Repeat(ctx, j, s.options.Setup, s.step)
}

// learn keeps the topology, as far as sources tell of it.
func (s *survey) learn(at time.Time, in correlate.Input) {
	if t, ok := in.(*correlate.Topology); ok {
		_, _ = s.graph.Apply(&t.Update, topology.Origin{Source: t.Source, Now: at.UnixNano()}) // what does not fit was not taken then either
	}
}

func (s *survey) step(p *backtest.Step) {
	if s.begin.IsZero() {
		s.begin = p.At
	}
	s.end, s.policy = p.At, p.Engine.Policy()
	for _, in := range p.Inputs {
		s.learn(p.At, in)
		if c, ok := in.(*correlate.Command); ok {
			if inc, known := p.Engine.Brief(c.Incident); known && len(inc.Roots) > 0 {
				s.acted[actedKey{p.At, c.Incident}] = inc.Roots[0].Entity
			}
		}
	}
	o := &s.options
	if !o.From.IsZero() && p.At.Before(o.From) || !o.To.IsZero() && p.At.After(o.To) {
		return
	}
	seen := make(map[correlate.IncidentID]bool)
	for i := range p.Effects {
		f := &p.Effects[i]
		if o.Incident != 0 && f.Incident != o.Incident && s.incidents[f.Incident] == nil {
			if f.Decision != correlate.Merge || f.Other != o.Incident {
				continue
			}
		}
		if f.Decision == correlate.Merge && o.Incident != 0 {
			s.look(p.Engine, f.Other) // it goes on there
		}
		if f.Decision != correlate.Join && !seen[f.Incident] {
			seen[f.Incident] = true
			s.look(p.Engine, f.Incident)
		}
	}
}

// look notes what an incident is now: its symptoms, and what is near them.
func (s *survey) look(e *correlate.Engine, id correlate.IncidentID) {
	inc, ok := e.Incident(id, 0)
	if !ok {
		return
	}
	s.incidents[id] = inc
	for _, sym := range e.SymptomsOf(id) {
		s.symptoms[sym] = true
	}
	ill := slices.Clone(inc.Members)
	for i := range inc.Roots {
		ill = append(ill, inc.Roots[i].Entity)
	}
	for i := range inc.Symptoms {
		for _, step := range inc.Symptoms[i].Path {
			ill = append(ill, step.Entity)
		}
	}
	s.surround(ill)
}

// surround adds entities and what is near them: all that they depend on within a few steps, since any of it may be the root, and all that
// depends on that in turn, since a root is judged by how many of its dependents are ill.
func (s *survey) surround(ill []topology.Entity) {
	const deep = 4
	ring := make(map[topology.Node]bool)
	var todo []topology.Node
	for _, entity := range ill {
		s.add(entity)
		if n, ok := s.graph.Find(entity); ok && !ring[n] {
			ring[n] = true
			todo = append(todo, n)
		}
	}
	for range deep {
		var next []topology.Node
		for _, n := range todo {
			for _, arcs := range [...][]topology.Arc{s.graph.Dependencies(n), s.graph.Owners(n)} {
				for _, a := range arcs {
					if !ring[a.Node] {
						ring[a.Node] = true
						next = append(next, a.Node)
					}
				}
			}
		}
		todo = next
	}
	nodes := slices.Sorted(maps.Keys(ring))
	for _, n := range nodes {
		s.add(s.graph.Entity(n))
	}
	for _, n := range nodes {
		for m := range s.graph.Dependers(n) {
			s.add(s.graph.Entity(m))
		}
		for _, a := range s.graph.Parts(n) {
			s.add(s.graph.Entity(a.Node))
		}
	}
}

func (s *survey) add(entity topology.Entity) {
	if len(s.near) < nearMax {
		s.near[entity] = true
	} else if !s.near[entity] {
		s.full = true
	}
}

// bound finds the stretch.
func (s *survey) bound() error {
	o := &s.options
	if s.begin.IsZero() {
		return fmt.Errorf("the journal is empty")
	}
	if o.Incident != 0 && s.incidents[o.Incident] == nil {
		return fmt.Errorf("%s is not in this stretch of the journal", o.Incident)
	}
	s.from, s.to = o.From, o.To
	if o.Incident != 0 {
		first, last := s.end, time.Time{}
		for _, inc := range s.incidents {
			if inc.Opened.Before(first) {
				first = inc.Opened
			}
			switch {
			case inc.Closed == nil:
				last = s.end
			case inc.Closed.After(last):
				last = *inc.Closed
			}
		}
		if s.from.IsZero() {
			s.from = first.Add(-before)
		}
		if s.to.IsZero() {
			s.to = last.Add(behind)
		}
	}
	if s.from.Before(s.begin) {
		s.from = s.begin
	}
	if s.to.IsZero() || s.to.After(s.end) {
		s.to = s.end
	}
	if !s.from.Before(s.to) {
		return fmt.Errorf("from %s to %s there is nothing: the journal reaches from %s to %s", s.from.Format(time.RFC3339), s.to.Format(time.RFC3339),
			s.begin.Format(time.RFC3339), s.end.Format(time.RFC3339))
	}
	return nil
}

// writer is the second reading: the lines.
type writer struct {
	*survey
	rules  correlate.Rules
	out    *Excerpt
	begun  bool
	firing map[model.Fingerprint]*correlate.Alert
	labels map[topology.Entity]map[string]string
	lost   int
	gaps   int
	muted  int
}

func newWriter(s *survey) (*writer, error) {
	r, err := rulebook.Compile(&s.policy)
	if err != nil {
		return nil, err
	}
	w := &writer{
		survey: s, rules: r, out: &Excerpt{From: s.from, To: s.to, Policy: s.policy},
		firing: make(map[model.Fingerprint]*correlate.Alert), labels: make(map[topology.Entity]map[string]string),
	}
	w.graph = topology.New()
	return w, nil
}

func (w *writer) read(ctx context.Context, j journal.Journal) error {
	head := j.Head()
	w.learnAll(head.Begin, head.Seed)
	return j.Read(ctx, func(r *journal.Record) error {
		switch {
		case r.At.After(w.to):
			return nil
		case r.At.Before(w.from):
			w.learnAll(r.At, r.Inputs)
			return nil
		case !w.begun:
			w.begin()
		}
		return w.record(r)
	})
}

// learnAll keeps what stands at the beginning of the excerpt: the topology, and what fires.
func (w *writer) learnAll(at time.Time, inputs []correlate.Input) {
	for _, in := range inputs {
		w.learn(at, in)
		switch in := in.(type) {
		case *correlate.Topology:
			for _, l := range in.Entities {
				w.labels[l.ID] = l.Labels
			}
		case *correlate.Alert:
			if in.Resolved() {
				delete(w.firing, in.Fingerprint)
			} else {
				w.firing[in.Fingerprint] = in
			}
		}
	}
}

// begin writes what stood at the beginning.
func (w *writer) begin() {
	w.begun = true
	if u := w.stood(); len(u.Entities)+len(u.Edges) > 0 {
		w.write(w.from, &correlate.Topology{Update: u})
	}
	var inputs []correlate.Input
	for _, fp := range slices.Sorted(maps.Keys(w.firing)) {
		if a := w.firing[fp]; w.wants(a) {
			inputs = append(inputs, a)
		}
	}
	w.write(w.from, inputs...)
}

// stood is the topology at the beginning, as far as it is near.
func (w *writer) stood() topology.Update {
	var u topology.Update
	for _, entity := range slices.Sorted(maps.Keys(w.near)) {
		if n, ok := w.graph.Find(entity); ok {
			if len(w.graph.Claims(n)) > 0 {
				u.Entities = append(u.Entities, topology.Labeled{ID: entity, Labels: w.labels[entity]})
			}
			for e := range w.graph.Edges(n) {
				if edge := (topology.Edge{From: entity, To: e.To, Type: e.Type}); w.near[e.To] && !slices.Contains(u.Edges[max(0, len(u.Edges)-3):], edge) {
					u.Edges = append(u.Edges, edge) // one that several sources tell of comes once
				}
			}
		}
	}
	return u
}

// wants reports whether an input belongs to the excerpt.
func (w *writer) wants(in correlate.Input) bool {
	if w.options.Incident == 0 {
		return true
	}
	switch in := in.(type) {
	case *correlate.Alert:
		if w.symptoms[correlate.SymptomID{Alert: in.Fingerprint}] {
			return true
		}
		entity, _ := w.rules.Entity(in.Labels)
		return w.near[entity]
	case *correlate.Event:
		return w.near[in.Entity]
	case *correlate.Heartbeat:
		return false
	}
	return true
}

// record writes what a record has to say.
func (w *writer) record(r *journal.Record) error {
	var inputs []correlate.Input
	for k, in := range r.Inputs {
		switch in := in.(type) {
		case *correlate.Topology:
			if u := w.part(&in.Update); len(u.Entities)+len(u.Edges)+len(u.RemoveEntities)+len(u.RemoveEdges) > 0 {
				inputs = append(inputs, &correlate.Topology{Update: u})
			}
		case *correlate.Alert, *correlate.Event, *correlate.Heartbeat:
			if w.wants(in) {
				inputs = append(inputs, in)
			} else {
				w.out.Left++
			}
		case *correlate.Command:
			w.write(r.At, inputs...) // an operator saw what came before
			inputs = nil
			w.command(r.At, in, r.Roots[k])
		case *correlate.Silence:
			w.write(r.At, inputs...)
			inputs = nil
			w.silence(r.At, in)
		case *correlate.Gap:
			w.gaps++
		}
	}
	w.write(r.At, inputs...)
	return nil
}

// part is what of an update is near.
func (w *writer) part(u *topology.Update) (part topology.Update) {
	for _, l := range u.Entities {
		if w.near[l.ID] {
			part.Entities = append(part.Entities, l)
		}
	}
	for _, e := range u.Edges {
		if w.near[e.From] && w.near[e.To] {
			part.Edges = append(part.Edges, e)
		}
	}
	for _, e := range u.RemoveEntities {
		if w.near[e] {
			part.RemoveEntities = append(part.RemoveEntities, e)
		}
	}
	for _, e := range u.RemoveEdges {
		if w.near[e.From] && w.near[e.To] {
			part.RemoveEdges = append(part.RemoveEdges, e)
		}
	}
	return part
}

// command writes what an operator did, by the root: numbers of incidents will be others.
func (w *writer) command(at time.Time, c *correlate.Command, named string) {
	root := w.acted[actedKey{at, c.Incident}]
	if root == "" {
		root = topology.Entity(named)
	}
	if root == "" || w.options.Incident != 0 && w.incidents[c.Incident] == nil && named == "" {
		return
	}
	w.out.entries = append(w.out.entries, entry{at: at, command: &command{c.Action, root, c.By}})
}

// silence writes a silence, unless it is about an incident, whose number will be another.
func (w *writer) silence(at time.Time, in *correlate.Silence) {
	if in.Incident != 0 {
		w.muted++
		return
	}
	w.out.entries = append(w.out.entries, entry{at: at, silence: in})
}

// write writes inputs that Alertmanager, Kubernetes and others told.
func (w *writer) write(at time.Time, inputs ...correlate.Input) {
	if len(inputs) == 0 {
		return
	}
	for _, in := range inputs {
		switch in.(type) {
		case *correlate.Alert:
			w.out.Alerts++
		case *correlate.Event:
			w.out.Events++
		}
	}
	w.out.entries = append(w.out.entries, entry{at: at, inputs: inputs})
}

// Lines returns the lines of a recording, without their ends, with other names if s is not nil. Lines of one instant are one batch.
func (x *Excerpt) Lines(s *Scrubber) (lines [][]byte) {
	for i := range x.entries {
		e := &x.entries[i]
		switch {
		case e.command != nil:
			c := *e.command
			if s != nil {
				c.Root, c.By = s.Entity(c.Root), s.Person(c.By)
			}
			lines = append(lines, line(e.at, "command", &c))
		case e.silence != nil:
			in := *e.silence
			if s == nil || s.silence(&in) {
				lines = append(lines, line(e.at, "silence", &in))
			}
		default:
			inputs := e.inputs
			if s != nil {
				inputs = s.inputs(inputs)
			}
			for _, l := range cases.Lines(e.at, inputs) {
				lines = append(lines, encode(l))
			}
		}
	}
	return lines
}

func line(at time.Time, kind string, body any) []byte {
	return encode(map[string]any{"t": at.UTC().Format(time.RFC3339Nano), kind: body})
}

func encode(l map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		panic("excerpt: line cannot be encoded: " + err.Error()) // nothing in it could fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// finish completes the excerpt.
func (w *writer) finish() (*Excerpt, error) {
	for _, id := range slices.Sorted(maps.Keys(w.incidents)) {
		inc := w.incidents[id]
		if inc.State != correlate.Merged {
			w.out.Incidents = append(w.out.Incidents, inc)
		}
		w.lost += inc.Lost
	}
	note := func(format string, args ...any) { w.out.Notes = append(w.out.Notes, fmt.Sprintf(format, args...)) }
	if w.lost > 0 {
		note("%d alerts timed out; in a test they fire on, since nobody reports alerts again there", w.lost)
	}
	if w.gaps > 0 {
		note("quell was restarted %s meanwhile; a test knows no restarts", english.Times(w.gaps))
	}
	if w.muted > 0 {
		note("%d silences are left out: they are about an incident, whose number is another in a test", w.muted)
	}
	if w.full {
		note("more than %d entities are near; the others are left out, so roots may be judged otherwise", nearMax)
	}
	if len(w.out.entries) == 0 {
		return nil, fmt.Errorf("from %s to %s nothing was told", w.from.Format(time.RFC3339), w.to.Format(time.RFC3339))
	}
	return w.out, nil
}
