// Package proposal turns what history suggests into a rule file: it takes the inputs that quell was given, feeds the starts of symptoms in
// them to a learner, and writes down what that proposes, for people to review. It decides nothing.
package proposal

import (
	"cmp"
	"container/heap"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/learn"
	"quell/correlate/topology"
)

const (
	// lateness is how long after its start a symptom may be told: Alertmanager waits for its group_interval, 5 minutes by default, and
	// then for its receiver. What is told later counts as active, and not as a start.
	lateness = 10 * time.Minute
	// maxWaiting bounds the symptoms that wait for their turn, and maxAlerts those known to fire.
	maxWaiting = 1_000_000
	maxAlerts  = 1_000_000
	// maxLabelEdges bounds the dependencies taken from labels, since pods come and go.
	maxLabelEdges = 2_000_000
)

// History feeds inputs to a learner, in the order in which their symptoms began by the clocks of those who saw it.
type History struct {
	rules   correlate.Rules
	graph   *topology.Graph
	learner *learn.Learner
	waiting waitingHeap
	order   uint64
	now     time.Time
	firing  map[model.Fingerprint]time.Time
	edges   int
	// Alerts and Events count what was taken.
	Alerts, Events int
	// Late counts symptoms that were told too late to say when they began, Dropped those that found no room.
	Late, Dropped int
}

// NewHistory returns an empty history. Rules say what alerts and events are about, and which of them are symptoms; known is what is
// known of the topology, possibly nil.
func NewHistory(rules correlate.Rules, known *topology.Update, o learn.Options) *History {
	o.Graph = topology.New()
	if known != nil {
		tell(o.Graph, known, "config")
	}
	tell(o.Graph, &topology.Update{Edges: rules.Dependencies()}, "rules")
	return &History{rules: rules, graph: o.Graph, learner: learn.New(o), firing: make(map[model.Fingerprint]time.Time)}
}

// tell adds to a graph that has no limit, so that nothing is refused.
func tell(g *topology.Graph, u *topology.Update, source string) {
	_, _ = g.Apply(u, topology.Origin{Source: source})
}

// Take tells of inputs at a time, which must not go back. Inputs other than alerts, events and topology say nothing about causes.
func (h *History) Take(at time.Time, inputs []correlate.Input) {
	if at.After(h.now) {
		h.now = at
	}
	for _, in := range inputs {
		switch in := in.(type) {
		case *correlate.Alert:
			h.alert(in)
		case *correlate.Event:
			h.event(in)
		case *correlate.Topology:
			// What goes stays in this graph: symptoms of a pod that was deleted were near its node all the same.
			tell(h.graph, &topology.Update{Entities: in.Entities, Edges: in.Edges}, "history")
		}
	}
	h.tell(h.now.Add(-lateness))
}

// Proposals ends the history and returns what it supports.
func (h *History) Proposals(th learn.Thresholds) ([]learn.Proposal, learn.Stats) {
	h.tell(h.now)
	return h.learner.Proposals(th), h.learner.Stats()
}

func (h *History) alert(a *correlate.Alert) {
	if s := h.rules.Severity(a.Labels); s != correlate.SeverityUnset && s < correlate.SeverityWarning {
		return
	}
	name := a.Labels.Get(model.AlertNameLabel)
	if name == "" {
		return
	}
	h.Alerts++
	entity, edges := h.rules.Entity(a.Labels)
	for _, e := range edges {
		if h.edges < maxLabelEdges {
			h.edges++
			h.graph.Ref(e, "labels")
		}
	}
	start, known := h.firing[a.Fingerprint]
	switch {
	case a.Resolved():
		delete(h.firing, a.Fingerprint)
		if !known {
			h.wait(a.StartsAt, moment{typ: name, entity: entity, starts: true}) // it came and went before anybody told
		}
		h.wait(a.EndsAt, moment{typ: name, entity: entity})
	case known && !a.StartsAt.After(start):
		// The same again.
	default:
		if known || len(h.firing) < maxAlerts {
			h.firing[a.Fingerprint] = a.StartsAt
		}
		h.wait(a.StartsAt, moment{typ: name, entity: entity, starts: true})
	}
}

func (h *History) event(e *correlate.Event) {
	if !h.rules.Event(e).Symptom {
		return
	}
	h.Events++
	h.wait(e.At, moment{typ: e.Reason, entity: e.Entity, starts: true})
}

// moment is the start of a symptom, or a moment until which it was active.
type moment struct {
	at     time.Time
	order  uint64
	typ    string
	entity topology.Entity
	starts bool
}

// wait puts a moment in line. By the sender's clock it may be earlier than now, by lateness at most.
func (h *History) wait(at time.Time, m moment) {
	switch {
	case at.IsZero() || at.After(h.now):
		at = h.now
	case at.Before(h.now.Add(-lateness)):
		if m.starts {
			h.Late++
			m.starts = false
		}
		at = h.now
	}
	if len(h.waiting) >= maxWaiting {
		h.Dropped++
		return
	}
	h.order++
	m.at, m.order = at, h.order
	heap.Push(&h.waiting, m)
}

// tell tells the learner of what is not going to be preceded any more.
func (h *History) tell(until time.Time) {
	for len(h.waiting) > 0 && !h.waiting[0].at.After(until) {
		m := heap.Pop(&h.waiting).(moment)
		if m.starts {
			h.learner.Start(m.at, m.typ, m.entity)
		} else {
			h.learner.Active(m.at, m.typ, m.entity)
		}
	}
}

// waitingHeap has the earliest moment first.
type waitingHeap []moment

func (w waitingHeap) Len() int { return len(w) }
func (w waitingHeap) Less(i, j int) bool {
	return cmp.Or(w[i].at.Compare(w[j].at), cmp.Compare(w[i].order, w[j].order)) < 0
}
func (w waitingHeap) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *waitingHeap) Push(x any)   { *w = append(*w, x.(moment)) }
func (w *waitingHeap) Pop() any {
	old := *w
	m := old[len(old)-1]
	*w = old[:len(old)-1]
	return m
}
