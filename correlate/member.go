package correlate

import "quell/correlate/topology"

// member is an ill entity of an incident, or one that was ill if none is left.
type member struct {
	node     topology.Node
	first    uint64 // number of its first symptom
	span     span
	last     int64 // when its last symptom began
	strength float64
	aspect   Aspect
	name     string // of its strongest symptom
	voice    uint64 // number of that
}

// members lists the entities of i in order of their first symptoms: those that are ill or healed within the incident.
func (e *Engine) members(i *incident) []member { return new(roll).call(e, i) }

// roll lists members, and tells where each is on the list.
type roll struct {
	list []member
	at   map[topology.Node]int
}

// call is [Engine.members] on a roll that is empty.
func (r *roll) call(e *Engine, i *incident) []member {
	for _, num := range i.sorted() {
		r.enter(e, e.symptoms.get(num))
	}
	return r.list
}

// enter adds a symptom to its entity.
func (r *roll) enter(e *Engine, s *symptom) {
	k, known := r.at[s.node]
	if !known {
		k = len(r.list)
		if r.at == nil {
			r.at = make(map[topology.Node]int)
		}
		r.at[s.node] = k
		r.list = append(r.list, member{node: s.node, first: s.num, span: spanOf(s)})
	}
	m := &r.list[k]
	m.span, m.last = m.span.with(s), max(m.last, s.began)
	if strength := e.strength(s); strength > m.strength {
		m.strength, m.name, m.voice = strength, s.name, s.num
	}
	m.aspect = max(m.aspect, s.aspect)
}
