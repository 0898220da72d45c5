package backtest

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/journal"
	"quell/routing"
)

const (
	// lag is by how much a running quell may be late with what is due: if the journal has a step within it, that was the one.
	lag = time.Second
	// acceptAfter is how long after it was decided a delivery counts as accepted of which the journal does not tell how it ended, since it was
	// not made then. It is well below the time that receivers have.
	acceptAfter = 45 * time.Second
	// notesMax bounds what is told of commands that found nothing.
	notesMax = 100
)

// other is a run under a configuration that was not in force: it hears what the journal tells, keeps its own time between the records, and people
// answer its pages as they answered those that there were.
type other struct {
	*run
	// setup is the configuration; nil is what the journal tells.
	setup *Setup
	// exact is true for a recording, whose times are those of its senders.
	exact bool
	begun bool
	// later are commands that are due, waiting those whose page did not come yet.
	later   laterHeap
	waiting []waiting
	// sent are deliveries of which is not known yet how they ended, and order their keys as they were sent.
	sent  map[sending]correlate.Input
	order []sendingAt
	notes []Note
	left  int // notes that there was no room for
}

// Note tells of something that people did in the journal and that found nothing to be done to under the other rules.
type Note struct {
	At time.Time `json:"t"`
	// Incident is what it was about in the journal.
	Incident correlate.IncidentID `json:"incident"`
	What     string               `json:"what"`
	Why      string               `json:"why"`
}

// waiting is a command that somebody gave because of a page.
type waiting struct {
	*about
	command *correlate.Command
	// reaction is how long after the page it came.
	reaction time.Duration
	at       time.Time
}

// later is a command that will be given.
type later struct {
	at       time.Time
	number   int // of one instant, that which was there first comes first
	incident correlate.IncidentID
	waiting
}

type sending struct {
	incident   correlate.IncidentID
	generation int
	receiver   string
	how        string
	action     string
}

type sendingAt struct {
	at time.Time
	sending
}

func newOther(s *Setup, exact bool) (*other, error) {
	if s != nil {
		if err := check(&s.Policy); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	r, err := newRun()
	if err != nil {
		return nil, err
	}
	return &other{run: r, setup: s, exact: exact, sent: make(map[sending]correlate.Input)}, nil
}

// take plays a telling of another run.
func (o *other) take(t *telling) {
	o.advance(t.at, t.quiet)
	o.apply(t)
}

// tell plays a record, and translates it for other runs.
func (o *other) tell(r *journal.Record) (*telling, error) {
	o.advance(r.At, time.Time{})
	o.address(r)
	t := translate(o.engine, r.At, r.Inputs)
	o.apply(t)
	return t, nil
}

// address finds the incidents of commands that name roots. What finds none is left out.
func (o *other) address(r *journal.Record) {
	if len(r.Roots) == 0 {
		return
	}
	kept := r.Inputs[:0:0]
	for k, in := range r.Inputs {
		c, is := in.(*correlate.Command)
		root, named := r.Roots[k]
		if !is || !named {
			kept = append(kept, in)
			continue
		}
		found := o.engine.Incidents(func(i *correlate.Incident) bool { return i.State.Open() && candidate(i, topology.Entity(root)) })
		if len(found) == 0 {
			o.note(Note{r.At, 0, fmt.Sprintf("%s by %s", c.Action, c.By), "no open incident is rooted in " + root})
			continue
		}
		addressed := *c
		addressed.Incident = found[0].ID // the newest
		kept = append(kept, &addressed)
	}
	r.Inputs = kept
}

// candidate reports whether an entity is among the roots of an incident.
func candidate(i *correlate.Incident, root topology.Entity) bool {
	return slices.ContainsFunc(i.Roots, func(r correlate.Root) bool { return r.Entity == root })
}

// advance does what is due before a record. quiet is since when quell was away before it; zero is not at all.
func (o *other) advance(at, quiet time.Time) {
	until := at
	if !quiet.IsZero() && quiet.Before(until) {
		until = quiet
	}
	if !o.exact {
		until = until.Add(-lag)
	}
	o.passUntil(until)
}

// apply plays a telling at its time.
func (o *other) apply(t *telling) {
	var inputs []correlate.Input
	if !o.begun && o.setup != nil {
		inputs = o.setup.first()
	}
	o.begun = true
	inputs = slices.Grow(inputs, len(t.items))
	for k := range t.items {
		inputs = o.retell(inputs, t.at, &t.items[k])
	}
	o.step(t.at, inputs)
}

// retell appends what an item means to this run.
func (o *other) retell(inputs []correlate.Input, at time.Time, it *item) []correlate.Input {
	switch in := it.input.(type) {
	case *correlate.Refresh:
		return append(inputs, o.engine.Repeat(it.again, in)...)
	case *correlate.Command:
		return o.command(inputs, waiting{it.about, in, 0, at})
	case *correlate.Delivery:
		return o.delivery(inputs, in, it.about)
	case *correlate.Feedback:
		f := *in
		found := it.about.find(o.engine)
		if len(found) == 0 {
			o.note(Note{at, it.about.incident, in.By + " said what the incident was", "there is no such incident"})
			return inputs
		}
		f.Incident = found[0]
		return append(inputs, &f)
	case *correlate.Silence:
		if it.about == nil {
			break
		}
		s := *in
		found := it.about.find(o.engine)
		if len(found) == 0 {
			o.note(Note{at, it.about.incident, in.By + " silenced it", "there is no such incident"})
			return inputs
		}
		s.Incident = uint64(found[0])
		return append(inputs, &s)
	}
	if o.setup != nil && ofConfiguration(it.input) {
		return inputs
	}
	return append(inputs, it.input)
}

// command gives a command to all incidents that the trouble is in now: who took it on took on all of it. One that followed a page follows the
// page of this run, after the same time.
func (o *other) command(inputs []correlate.Input, w waiting) []correlate.Input {
	given, waits := false, false
	for _, id := range w.find(o.engine) {
		c := *w.command
		c.Incident, c.Generation = id, 0
		if o.engine.Allows(&c) != nil {
			continue
		}
		due, ok := o.due(id, &w)
		switch {
		case !ok:
			waits = true
			continue
		case due.After(w.at):
			o.postpone(due, id, w)
		default:
			inputs = append(inputs, &c)
		}
		given = true
	}
	switch {
	case given:
	case waits:
		w.reaction = w.at.Sub(w.paged)
		o.waiting = append(o.waiting, w)
	default:
		o.missed(&w, "nothing of it was open")
	}
	return inputs
}

// due is when a command comes to an incident of this run; ok is false if nobody knows, since it has not paged.
func (o *other) due(id correlate.IncidentID, w *waiting) (at time.Time, ok bool) {
	if w.paged.IsZero() {
		return w.at, true
	}
	lives, _ := o.engine.Generations(id)
	if len(lives) == 0 {
		return w.at, true
	}
	paged := lives[len(lives)-1].Paged
	if paged.IsZero() {
		return at, false
	}
	return paged.Add(w.at.Sub(w.paged)), true
}

func (o *other) postpone(at time.Time, id correlate.IncidentID, w waiting) {
	heap.Push(&o.later, later{at, o.count, id, w})
}

func (o *other) missed(w *waiting, why string) {
	o.note(Note{w.at, w.incident, fmt.Sprintf("%s by %s", w.command.Action, w.command.By), why})
}

func (o *other) note(n Note) {
	if len(o.notes) >= notesMax {
		o.left++
		return
	}
	o.notes = append(o.notes, n)
}

// answer looks whether pages of a step are those that commands wait for, and whether the trouble of others is over.
func (o *other) answer(at time.Time, paged, over []correlate.IncidentID) {
	o.waiting = slices.DeleteFunc(o.waiting, func(w waiting) bool {
		found := w.find(o.engine)
		for _, id := range found {
			if slices.Contains(paged, id) {
				o.postpone(at.Add(w.reaction), id, w)
				return true
			}
		}
		for _, id := range found {
			if !slices.Contains(over, id) {
				return false // there is still something that may page
			}
		}
		o.missed(&w, "it never paged")
		return true
	})
}

// delivery tells how a delivery ended, if it is one that was made in this run, too.
func (o *other) delivery(inputs []correlate.Input, in *correlate.Delivery, a *about) []correlate.Input {
	found := a.find(o.engine)
	if len(found) == 0 || a.generation != 0 && in.Generation != a.generation {
		return inputs
	}
	inc, ok := o.engine.Brief(found[0])
	if !ok || !o.steps.Knows(inc.ID) {
		return inputs
	}
	d := *in
	d.Incident, d.Generation, d.Unseen = inc.ID, inc.Generation, false
	delete(o.sent, sendingOf(&d))
	return append(inputs, &d)
}

func sendingOf(d *correlate.Delivery) sending {
	return sending{d.Incident, d.Generation, d.Receiver, d.Integration, d.Action}
}

// step advances the run, and follows what came of it.
func (o *other) step(at time.Time, inputs []correlate.Input) {
	for _, in := range routing.Accepted(o.run.step(at, inputs)) {
		if d, ok := in.(*correlate.Delivery); ok {
			o.sent[sendingOf(d)] = d
			o.order = append(o.order, sendingAt{at.Add(acceptAfter), sendingOf(d)})
		}
	}
	if len(o.waiting) > 0 && len(o.book.paged)+len(o.book.over) > 0 {
		o.answer(at, o.book.paged, o.book.over)
	}
}

// passUntil does what is due before a time, when it is due.
func (o *other) passUntil(until time.Time) {
	for {
		at, ok := o.deadline()
		if next, more := o.nextAccepted(); more && (!ok || next.Before(at)) {
			at, ok = next, true
		}
		if len(o.later) > 0 && (!ok || o.later[0].at.Before(at)) {
			at, ok = o.later[0].at, true
		}
		if !ok || !at.Before(until) {
			return
		}
		if now := o.engine.Now(); at.Before(now) {
			at = now
		}
		o.step(at, o.dueBy(at))
	}
}

// nextAccepted is when the first delivery counts as accepted of which nothing was heard.
func (o *other) nextAccepted() (at time.Time, ok bool) {
	for len(o.order) > 0 {
		if _, open := o.sent[o.order[0].sending]; open {
			return o.order[0].at, true
		}
		o.order = o.order[1:]
	}
	return at, false
}

// dueBy is what this run is told at a time that no record tells: commands that come later than they came, and deliveries that nobody made.
func (o *other) dueBy(at time.Time) (inputs []correlate.Input) {
	for next, ok := o.nextAccepted(); ok && !next.After(at); next, ok = o.nextAccepted() {
		inputs = append(inputs, o.sent[o.order[0].sending])
		delete(o.sent, o.order[0].sending)
	}
	for len(o.later) > 0 && !o.later[0].at.After(at) {
		l, _ := heap.Pop(&o.later).(later)
		c := *l.command
		c.Incident, c.Generation = l.incident, 0
		if why := o.engine.Allows(&c); why != nil {
			o.missed(&l.waiting, why.Error())
			continue
		}
		inputs = append(inputs, &c)
	}
	return inputs
}

// finish lets time run to the end of the journal, or, of a recording, on until nothing is pending.
func (o *other) finish(end time.Time) {
	if !o.exact {
		o.passUntil(end)
		return
	}
	o.engine.Rest() // that nobody beats after the last line says nothing
	for until, ok := o.engine.Pending(); ok; until, ok = o.engine.Pending() {
		o.passUntil(until.Add(1))
	}
}

// laterHeap has the first one first.
type laterHeap []later

func (h laterHeap) Len() int { return len(h) }

func (h laterHeap) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), cmp.Compare(h[i].number, h[j].number), cmp.Compare(h[i].incident, h[j].incident)) < 0
}

func (h laterHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push adds x, which is a later.
func (h *laterHeap) Push(x any) {
	if l, ok := x.(later); ok {
		*h = append(*h, l)
	}
}

// Pop removes the last one.
func (h *laterHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	*h = (*h)[:last]
	return l
}
