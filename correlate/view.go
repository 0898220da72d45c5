package correlate

import (
	"cmp"
	"slices"
	"time"

	"quell/correlate/topology"
)

// Incident returns a copy of what is known about an incident that is open or can still be reopened, with at most limit members
// and symptoms (0: all); ok is false if there is none. It does not change the engine.
func (e *Engine) Incident(id IncidentID, limit int) (inc *Incident, ok bool) {
	i := e.incidents[id]
	if i == nil {
		return nil, false
	}
	inc = e.summary(i)
	entities, paths := make(map[topology.Node]bool, len(i.symptoms)), e.paths(i, limit)
	for _, p := range paths {
		e.source(p)
	}
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		entities[s.node] = true
		if limit == 0 || len(inc.Symptoms) < limit {
			inc.Symptoms = append(inc.Symptoms, e.symptomView(i, s, paths[s.node]))
		}
	}
	inc.Silenced, inc.Enrichment = e.silencedIncident(i), e.enrichment(i)
	inc.MemberCount = len(entities)
	inc.Members = make([]topology.Entity, 0, len(entities))
	for n := range entities {
		inc.Members = append(inc.Members, e.graph.Entity(n))
	}
	slices.Sort(inc.Members)
	if limit > 0 && len(inc.Members) > limit {
		inc.MemberKinds = countKinds(inc.Members)
		inc.Members = shownMembers(inc.Members, limit)
	}
	inc.Timeline = slices.Clone(i.timeline)
	return inc, true
}

// source writes into a path who tells of its dependencies.
func (e *Engine) source(path []PathStep) {
	for k := 1; k < len(path); k++ {
		from, known := e.graph.Find(path[k-1].Entity)
		to, ok := e.graph.Find(path[k].Entity)
		if known && ok {
			path[k].Sources = e.graph.SourceNames(from, to)
		}
	}
}

// Incidents returns the incidents that keep holds for, newest first, without their symptoms, members and timelines.
func (e *Engine) Incidents(keep func(*Incident) bool) []*Incident {
	ids := make([]IncidentID, 0, len(e.incidents))
	for id := range e.incidents {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	var list []*Incident
	for _, id := range ids {
		if inc := e.summary(e.incidents[id]); keep == nil || keep(inc) {
			list = append(list, inc)
		}
	}
	return list
}

func (e *Engine) summary(i *incident) *Incident {
	inc := e.brief(i)
	inc.Generations, inc.EarlierGenerations = slices.Clone(i.generations.List), i.generations.Earlier
	inc.Feedback, inc.Episodes = slices.Clone(i.generations.Feedback), slices.Clone(i.episodes)
	return inc
}

// brief is a summary without the history. An incident that comes back often has 24 KiB of it, which is most of what a summary costs.
func (e *Engine) brief(i *incident) *Incident {
	e.tally(i)
	inc := &Incident{
		ID: i.id, Generation: i.generation, State: i.state, Outcome: i.outcome(), Severity: i.severity,
		Title: i.title, Class: i.class, Roots: slices.Clone(i.roots), HoldReason: i.holdReason, HoldRule: i.holdRule,
		Opened: fromNano(i.opened), Escalated: pointTo(i.escalated), Acknowledged: pointTo(i.acknowledged), AckedBy: i.ackedBy,
		Closed: pointTo(i.closed), Recovered: pointTo(i.recovered), CloseReason: i.closeReason, MergedInto: i.mergedInto,
		Alerts: len(i.symptoms), Active: i.active, Lost: i.lost, Labels: i.common, Paged: i.pagedGeneration == i.generation, ByHand: i.byHand,
		HealedBy: i.healed, Chronic: i.chronic, Withdrawn: pointTo(i.withdrawn), Outlook: i.outlook,
	}
	if i.calmAt != 0 {
		inc.SettlesAt = pointTo(i.settleAt)
	}
	if i.state == Held {
		if i.heldUntil < endless {
			inc.HeldUntil = pointTo(i.heldUntil)
		}
	}
	if w := i.silence; i.waitsForMute() {
		inc.Silenced = &Silenced{How: cmp.Or(w.mute(), "silenced"), All: true, Symptoms: i.active + i.lost}
		if w.Until < endless {
			inc.Silenced.Until = fromNano(w.Until)
		}
	}
	return inc
}

func (i *incident) outcome() string {
	switch {
	case i.escalated != 0:
		return "escalated"
	case i.state == SelfHealed:
		return "self-healed"
	case i.state == Resolved:
		return "resolved"
	case i.state == Merged:
		return "merged"
	}
	return "open"
}

func (e *Engine) symptomView(i *incident, s *symptom, path []PathStep) SymptomView {
	v := SymptomView{
		Entity: e.graph.Entity(s.node), Name: s.name, Severity: s.severity, State: conditionNames[s.condition],
		Since: fromNano(s.since), Ended: pointTo(s.ended), Labels: s.labels, Annotations: s.annotations, Generator: s.generator,
	}
	v.Path = path
	if s.condition != conditionCleared {
		v.SilencedBy, v.MutedBy = e.silencedView(s), e.mutedView(s)
	}
	switch {
	case s.node == i.root:
		v.Why = "on the root"
	case len(v.Path) > 1:
		v.Why = "reaches the root over its dependencies"
	default:
		v.Why = "joined through another member"
	}
	return v
}

// Unexplained returns the active alerts that belong to no incident: information. limit bounds the answer; total counts all.
func (e *Engine) Unexplained(limit int) (views []SymptomView, total int) {
	var nums []uint64
	for _, num := range e.symptoms.numbers() {
		if s := e.symptoms.get(num); s.active() && s.incident == 0 {
			nums = append(nums, num)
		}
	}
	for _, num := range nums[:min(limit, len(nums))] {
		s := e.symptoms.get(num)
		views = append(views, SymptomView{
			Entity: e.graph.Entity(s.node), Name: s.name, Severity: s.severity, State: conditionNames[s.condition],
			Since: fromNano(s.since), Labels: s.labels, Annotations: s.annotations, Generator: s.generator,
			Why: "no symptom: its severity is information", SilencedBy: e.silencedView(s), MutedBy: e.mutedView(s),
		})
	}
	return views, len(nums)
}

// Figures counts what the engine holds.
type Figures struct {
	Symptoms, Active, Lost, Held, Escalated, Acknowledged, Closed, Entities, Edges, Sources, SilentSources, Timers int
	SilenceFigures
	// Heartbeats that are expected, with those among them that are in trouble.
	Heartbeats, HeartbeatsMissing, HeartbeatsFailed int
}

// Figures walks incidents and sources, not symptoms.
func (e *Engine) Figures() Figures {
	f := Figures{Symptoms: e.symptoms.len(), Sources: len(e.sources), Timers: len(e.timers)}
	f.Entities, f.Edges = e.graph.Len()
	for _, i := range e.incidents {
		f.Active += i.active
		f.Lost += i.lost
		switch i.state {
		case Held:
			f.Held++
		case Escalated:
			f.Escalated++
		case Acknowledged:
			f.Acknowledged++
		default:
			f.Closed++
		}
	}
	f.SilenceFigures = e.silenceFigures()
	e.heartbeatFigures(&f)
	for _, s := range e.sources {
		if s.silent != 0 {
			f.SilentSources++
		}
	}
	return f
}

func pointTo(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	t := fromNano(at)
	return &t
}

// Told returns the entities with symptoms, active ones and such that ended not long ago, which events of a source told, sorted.
func (e *Engine) Told(source string) []topology.Entity {
	var list []topology.Entity
	for _, num := range e.symptoms.numbers() {
		if s := e.symptoms.get(num); s.isEvent() && s.source == source {
			list = append(list, e.graph.Entity(s.node))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ToldEdges returns the dependencies that a source told and did not take back, in no order.
func (e *Engine) ToldEdges(source string) []topology.Edge {
	return slices.Collect(e.graph.Told(source))
}

// TopologySources returns the names of all that ever told of the topology, those too that took everything back, sorted.
func (e *Engine) TopologySources() []string { return slices.Sorted(e.graph.Sources()) }
