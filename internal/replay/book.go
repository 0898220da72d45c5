package replay

import (
	"iter"
	"maps"
	"slices"

	"quell/correlate"
	"quell/correlate/topology"
)

// book keeps what the end of a replay has to tell of each incident: the engine forgets closed ones after a while, and members
// that left.
type book struct {
	// limit is how many symptoms of an incident are worth a copy, 0 for all: finding their paths costs more than a step.
	limit int
	// members are the entities that had a symptom in an incident; incidents that were merged away are not in it.
	members map[correlate.IncidentID]map[topology.Entity]bool
	// closed are copies from when incidents ended.
	closed map[correlate.IncidentID]*correlate.Incident
}

func newBook(limit int) book {
	return book{
		limit:   limit,
		members: make(map[correlate.IncidentID]map[topology.Entity]bool),
		closed:  make(map[correlate.IncidentID]*correlate.Incident),
	}
}

// enter books the effects of one step, after it.
func (b *book) enter(e *correlate.Engine, effects []correlate.Effect) {
	for i := range effects {
		switch f := &effects[i]; f.Decision {
		case correlate.Open:
			b.open(e, f.Incident)
		case correlate.Join:
			b.members[f.Incident][f.Entity] = true
		case correlate.Merge:
			b.merge(e, f.Incident, f.Other)
		case correlate.Reopen:
			delete(b.closed, f.Incident)
		}
	}
	for i := range effects {
		if d := effects[i].Decision; d == correlate.SelfHeal || d == correlate.Resolve {
			// It may have been reopened within the step.
			if inc, ok := e.Incident(effects[i].Incident, b.limit); ok && !inc.State.Open() {
				b.closed[inc.ID] = inc
			}
		}
	}
}

// open books a new incident. Nothing tells which entity it began with, but all others come as joins.
func (b *book) open(e *correlate.Engine, id correlate.IncidentID) {
	b.members[id] = make(map[topology.Entity]bool)
	inc, ok := e.Incident(id, 1)
	if ok && inc.Alerts > 1 {
		inc, ok = e.Incident(id, 0)
	}
	if ok {
		b.add(id, inc.Members)
	}
}

func (b *book) add(id correlate.IncidentID, members []topology.Entity) {
	for _, m := range members {
		b.members[id][m] = true
	}
}

// merge moves the members of an incident that was merged away. If that happened in the step that opened it, only the other one
// knows them.
func (b *book) merge(e *correlate.Engine, from, into correlate.IncidentID) {
	few, many := b.members[from], b.members[into]
	if len(few) == 0 {
		if inc, ok := e.Incident(into, 0); ok {
			b.add(into, inc.Members)
		}
	}
	if len(few) > len(many) {
		few, many = many, few
	}
	for m := range few {
		many[m] = true
	}
	b.members[into] = many
	delete(b.members, from)
	delete(b.closed, from)
}

// incidents yields all that were not merged away with all their members, in order of their ids.
func (b *book) incidents(e *correlate.Engine) iter.Seq2[*correlate.Incident, []topology.Entity] {
	return func(yield func(*correlate.Incident, []topology.Entity) bool) {
		for _, id := range slices.Sorted(maps.Keys(b.members)) {
			inc := b.closed[id]
			if inc == nil {
				inc, _ = e.Incident(id, b.limit) // open ones are never forgotten
			}
			if !yield(inc, slices.Sorted(maps.Keys(b.members[id]))) {
				return
			}
		}
	}
}
