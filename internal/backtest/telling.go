package backtest

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/internal/journal"
)

// telling is a record of the journal in words that hold under other rules, too: numbers of symptoms and of incidents are those of the run
// that wrote it, so beside them stands what they meant then. Runs share tellings and must not change them.
type telling struct {
	at time.Time
	// quiet is since when quell saw nothing, if it was away: what was due meanwhile was not done before at. Zero is not at all.
	quiet time.Time
	items []item
}

// item is one input.
type item struct {
	input correlate.Input
	// again are the alerts that a [correlate.Refresh] is about.
	again []model.Fingerprint
	// about is the incident that an input names; nil if it names none.
	about *about
}

// about is what was known of an incident when an input named it.
type about struct {
	incident correlate.IncidentID
	// symptoms are its, by which it is found in another run.
	symptoms []correlate.SymptomID
	// generation was its last, 0 if nobody knows, and paged when that was; zero if it was not.
	generation int
	paged      time.Time
}

// translate makes a telling of a record before the engine that wrote it is stepped with it.
func translate(e *correlate.Engine, at time.Time, inputs []correlate.Input) *telling {
	t := tellingOf(at, inputs, func(id correlate.IncidentID) *about { return describe(e, id) })
	for k := range t.items {
		if in, ok := t.items[k].input.(*correlate.Refresh); ok {
			for _, num := range in.Alerts {
				if alert, ok := e.AlertOf(num); ok {
					t.items[k].again = append(t.items[k].again, alert)
				}
			}
		}
	}
	return t
}

// interpret makes a telling of a record that a run wrote of which the beginning is not known: incidents are what the head of the journal says
// of them.
func interpret(known map[correlate.IncidentID]journal.Known, at time.Time, inputs []correlate.Input) *telling {
	return tellingOf(at, inputs, func(id correlate.IncidentID) *about {
		k := known[id]
		a := &about{incident: id, symptoms: k.Symptoms}
		for _, paged := range k.Paged {
			if !paged.After(at) {
				a.paged = paged
			}
		}
		return a
	})
}

// tellingOf makes a telling; of says what is known of an incident.
func tellingOf(at time.Time, inputs []correlate.Input, of func(correlate.IncidentID) *about) *telling {
	t := &telling{at: at, items: make([]item, 0, len(inputs))}
	for _, in := range inputs {
		one := item{input: in}
		switch in := in.(type) {
		case *correlate.Gap:
			if t.quiet.IsZero() || in.From.Before(t.quiet) {
				t.quiet = in.From
			}
		case *correlate.Command:
			one.about = of(in.Incident)
		case *correlate.Delivery:
			d := *in // routing completes its own
			one.input, one.about = &d, of(in.Incident)
		case *correlate.Feedback:
			one.about = of(in.Incident)
		case *correlate.Silence:
			if in.Incident != 0 {
				one.about = of(correlate.IncidentID(in.Incident))
			}
		}
		t.items = append(t.items, one)
	}
	return t
}

// describe says what is known of an incident.
func describe(e *correlate.Engine, id correlate.IncidentID) *about {
	a := &about{incident: id, symptoms: e.SymptomsOf(id)}
	if inc, ok := e.Brief(id); ok {
		a.generation = inc.Generation
	}
	if lives, _ := e.Generations(id); len(lives) > 0 {
		a.paged = lives[len(lives)-1].Paged
	}
	return a
}

// find returns the incidents of a run that the symptoms belong to, the one with most of them first.
func (a *about) find(e *correlate.Engine) []correlate.IncidentID {
	votes := make(map[correlate.IncidentID]int)
	for _, s := range a.symptoms {
		if id, ok := e.IncidentWith(s); ok {
			votes[id]++
		}
	}
	found := make([]correlate.IncidentID, 0, len(votes))
	for id := range votes {
		found = append(found, id)
	}
	slices.SortFunc(found, func(x, y correlate.IncidentID) int {
		if votes[x] != votes[y] {
			return votes[y] - votes[x]
		}
		return int(x) - int(y)
	})
	return found
}
