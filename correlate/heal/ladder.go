package heal

// ladder are the classes of a path from general to specific, each with its table. A path is asked about and counted under again and
// again: to build the keys and names of its classes, and to find a table by each key, was more than half of what that cost.
type ladder []rung

// rung is one class of a path.
type rung struct {
	level
	table *table // as of epoch; nil if it was not found
	epoch int
}

// laddersMax bounds the ladders that a model keeps. They are made anew when there are as many.
const laddersMax = 8192

// ladder returns that of a path.
func (m *Model) ladder(p Path) ladder {
	if l, known := m.ladders[p]; known {
		return l
	}
	if len(m.ladders) >= laddersMax {
		clear(m.ladders)
	}
	levels := p.levels()
	l := make(ladder, len(levels))
	for k := range levels {
		l[k].level = levels[k]
	}
	m.ladders[p] = l
	return l
}

// tableOf is the table of a class; nil if the model has not seen it.
func (m *Model) tableOf(r *rung) *table {
	if r.table == nil || r.epoch != m.epoch {
		r.table, r.epoch = m.tables[r.key], m.epoch
	}
	return r.table
}
