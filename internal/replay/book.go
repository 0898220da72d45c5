package replay

import (
	"iter"
	"maps"
	"slices"

	"quell/correlate"
	"quell/correlate/honesty"
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
	closed map[correlate.IncidentID]page
	// merged are the records of incidents that were merged away: some of them had paged.
	merged []honesty.Record
	// explain is how many symptoms of an incident are to be explained, 0 for none, and why holds what was explained last.
	explain int
	why     map[correlate.IncidentID]*correlate.Explanation
	// told tells where the escalation of an incident stands; nil if nobody asks.
	told func(correlate.IncidentID) *correlate.Escalation
}

// page is what the book holds of one incident.
type page struct {
	incident *correlate.Incident
	why      *correlate.Explanation // nil if nobody asks for it
}

func newBook(limit, explain int) book {
	return book{
		limit:   limit,
		explain: explain,
		why:     make(map[correlate.IncidentID]*correlate.Explanation),
		members: make(map[correlate.IncidentID]map[topology.Entity]bool),
		closed:  make(map[correlate.IncidentID]page),
	}
}

// enter books the effects of one step, after it.
func (b *book) enter(e *correlate.Engine, effects []correlate.Effect) {
	if b.explain > 0 {
		b.explainAll(e, effects)
	}
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
			if p := b.look(e, effects[i].Incident); p.incident != nil && !p.incident.State.Open() {
				b.closed[p.incident.ID] = p
			}
		}
	}
}

// look copies what the engine knows of an incident, nothing if it is forgotten.
func (b *book) look(e *correlate.Engine, id correlate.IncidentID) (p page) {
	p.incident, _ = e.Incident(id, b.limit)
	if b.told != nil && p.incident != nil {
		p.incident.Escalation = b.told(id)
	}
	if b.explain > 0 && p.incident != nil {
		b.explainOne(e, id)
		p.why = b.why[id]
		p.why.Incident = p.incident
	}
	return p
}

// explainAll explains the incidents that a step touched, while what their verdicts rest on is there: pods are replaced, and with them
// goes how trouble travelled. One that merely grew is explained again once it grew by an eighth, as it is ranked.
func (b *book) explainAll(e *correlate.Engine, effects []correlate.Effect) {
	touched := make(map[correlate.IncidentID]bool) // true if by more than a symptom that joined
	for i := range effects {
		f := &effects[i]
		touched[f.Incident] = touched[f.Incident] || f.Decision != correlate.Join
		if f.Other != 0 {
			touched[f.Other] = true
		}
	}
	for id, more := range touched {
		old := b.why[id]
		if old != nil && !more {
			if inc, ok := e.Incident(id, 1); ok && (inc.Alerts-old.Incident.Alerts)*8 < old.Incident.Alerts {
				continue
			}
		}
		b.explainOne(e, id)
	}
}

// explainOne keeps the first explanation of each ranking.
func (b *book) explainOne(e *correlate.Engine, id correlate.IncidentID) {
	x, ok := e.Explain(id, b.explain)
	old := b.why[id]
	if ok && (old == nil || x.Root.Entity != old.Root.Entity || x.Live && (!old.Live || !x.Ranked.Equal(*old.Ranked))) {
		b.why[id] = x
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
	if gone, ok := e.Incident(from, 1); ok {
		b.merged = append(b.merged, gone.Record())
	}
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
func (b *book) incidents(e *correlate.Engine) iter.Seq2[page, []topology.Entity] {
	return func(yield func(page, []topology.Entity) bool) {
		for _, id := range slices.Sorted(maps.Keys(b.members)) {
			p, over := b.closed[id]
			if !over {
				p = b.look(e, id) // open ones are never forgotten
			}
			if !yield(p, slices.Sorted(maps.Keys(b.members[id]))) {
				return
			}
		}
	}
}
