package correlate

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"

	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// SymptomID says which symptom is meant, whatever number an engine gave it: two engines that were told the same, under different rules, mean
// the same by it. It is an alert, or a condition of an entity that no alert told. It is comparable.
type SymptomID struct {
	// Alert is the fingerprint of an alert; then the rest is empty.
	Alert model.Fingerprint `json:"alert,omitempty"`
	// Entity and Name are whom an event, or the engine itself, found ill, and of what.
	Entity topology.Entity `json:"entity,omitempty"`
	Name   string          `json:"name,omitempty"`
}

// AlertOf returns the fingerprint of the alert that a number in a [Refresh] stands for; ok is false if the engine does not know it.
func (e *Engine) AlertOf(num uint64) (alert model.Fingerprint, ok bool) {
	s := e.symptoms.get(num)
	if s == nil || s.fingerprint == 0 {
		return 0, false
	}
	return s.fingerprint, true
}

// numberOf is the number of an alert that fires; ok is false if it does not, or the engine does not know it.
func (e *Engine) numberOf(alert model.Fingerprint) (num uint64, ok bool) {
	s := e.alerts[alert]
	if s == nil || !s.active() {
		return 0, false
	}
	return s.num, true
}

// Repeat turns the alerts that a [Refresh] is about into inputs for this engine, which may know them by other numbers. Those that do not fire
// for it are reported anew, as far as it still knows them. It does not change the engine.
func (e *Engine) Repeat(alerts []model.Fingerprint, as *Refresh) []Input {
	r := &Refresh{Expires: as.Expires, Source: as.Source, Heard: as.Heard, Alerts: make([]uint64, 0, len(alerts))}
	inputs := []Input{r}
	for _, fp := range alerts {
		if num, ok := e.numberOf(fp); ok {
			r.Alerts = append(r.Alerts, num)
			continue
		}
		if s := e.alerts[fp]; s != nil {
			inputs = append(inputs, &Alert{
				Fingerprint: fp, Labels: s.labels, Annotations: s.annotations, GeneratorURL: s.generator, Source: as.Source,
				StartsAt: fromNano(s.startsAt), Expires: as.Expires,
			})
		}
	}
	slices.Sort(r.Alerts)
	return inputs
}

// SymptomsOf lists the symptoms of an incident, in order; none if the engine does not know it. It costs a sort of them.
func (e *Engine) SymptomsOf(id IncidentID) []SymptomID {
	i := e.incidents[id]
	if i == nil {
		return nil
	}
	list := make([]SymptomID, 0, len(i.symptoms))
	for _, num := range i.symptoms {
		s := e.symptoms.get(num)
		if s.fingerprint != 0 {
			list = append(list, SymptomID{Alert: s.fingerprint})
		} else {
			list = append(list, SymptomID{Entity: e.graph.Entity(s.node), Name: s.name})
		}
	}
	slices.SortFunc(list, SymptomID.compare)
	return list
}

// compare orders symptoms, alerts last.
func (a SymptomID) compare(b SymptomID) int {
	return cmp.Or(cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Name, b.Name))
}

// Brief returns how an incident stands: all but its members, symptoms and timeline, and but its history, which is its generations, episodes, and what
// operators said. It does not change the engine, and costs neither a look at the symptoms, which for a large incident is most of what
// [Engine.Incident] costs, nor a copy of the history, which for one that comes back often is the rest.
func (e *Engine) Brief(id IncidentID) (inc *Incident, ok bool) {
	i := e.incidents[id]
	if i == nil {
		return nil, false
	}
	return e.brief(i), true
}

// Generations returns the lives of an incident that the engine keeps, oldest first, and how many there were before them; none if it does not know
// the incident. The list is the engine's own: it must not be changed, and holds until the next step.
func (e *Engine) Generations(id IncidentID) (list []honesty.Generation, earlier int) {
	i := e.incidents[id]
	if i == nil {
		return nil, 0
	}
	return i.generations.List, i.generations.Earlier
}

// IncidentWith returns the incident that a symptom belongs to, open or not; ok is false if it belongs to none, or the engine has
// forgotten it.
func (e *Engine) IncidentWith(id SymptomID) (incident IncidentID, ok bool) {
	if id.Alert != 0 {
		if s := e.alerts[id.Alert]; s != nil {
			return s.incident, s.incident != 0
		}
		return 0, false
	}
	n, known := e.graph.Find(id.Entity)
	if !known {
		return 0, false
	}
	st := e.local(n).site
	if st == nil {
		return 0, false
	}
	for _, num := range st.symptoms {
		if s := e.symptoms.get(num); s.fingerprint == 0 && s.name == id.Name {
			return s.incident, s.incident != 0
		}
	}
	return 0, false
}

// Declared returns what each source tells of the topology, as updates that would tell it again, in order of their sources: what stands in for
// a beginning that a journal no longer has. What labels, events and rules tell is not in it: engines read that themselves.
func (e *Engine) Declared() []*Topology {
	bySource := make(map[string]*Topology)
	update := func(source string) *Topology {
		t := bySource[source]
		if t == nil {
			t = &Topology{Source: source}
			bySource[source] = t
		}
		return t
	}
	for n := range e.graph.Nodes() {
		entity := e.graph.Entity(n)
		for _, c := range e.graph.Claims(n) {
			t := update(c.Source)
			t.Entities = append(t.Entities, topology.Labeled{ID: entity})
		}
		for edge := range e.graph.Edges(n) {
			t := update(edge.Source)
			t.Edges = append(t.Edges, topology.Edge{From: entity, To: edge.To, Type: edge.Type})
		}
	}
	list := make([]*Topology, 0, len(bySource))
	for _, t := range bySource {
		if t.Source == labelSource || t.Source == ruleSource || t.Source == eventSource {
			continue
		}
		slices.SortFunc(t.Entities, func(a, b topology.Labeled) int { return cmp.Compare(a.ID, b.ID) })
		slices.SortFunc(t.Edges, func(a, b topology.Edge) int {
			return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Type, b.Type))
		})
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *Topology) int { return cmp.Compare(a.Source, b.Source) })
	return list
}
