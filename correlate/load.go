package correlate

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"quell/correlate/topology"
)

// Load makes an engine from rows in the order of their keys. Rows of an unknown kind, and rows that do not decode, are an error.
// Rows may be missing, since the store leaves out what is damaged: symptoms whose incident is gone are placed anew by the next step.
func Load(compile Compiler, rows iter.Seq2[[]byte, []byte]) (*Engine, error) {
	e, err := New(compile, Policy{})
	if err != nil {
		return nil, err
	}
	e.dirty.policy = false
	var incidents []incidentRow
	for k, v := range rows {
		if err := e.loadRow(k, v, &incidents); err != nil {
			return nil, fmt.Errorf("state row %q: %w", k, err)
		}
	}
	if err := e.assemble(incidents); err != nil {
		return nil, err
	}
	e.dirty = newDirty()
	return e, nil
}

func (e *Engine) loadRow(k, v []byte, incidents *[]incidentRow) error {
	if len(k) == 0 {
		return errWire
	}
	switch k[0] {
	case rowCounters:
		return e.loadCounters(v)
	case rowPolicy:
		var p Policy
		if err := json.Unmarshal(v, &p); err != nil {
			return err
		}
		before := e.rules.Dependencies()
		if _, err := e.adopt(&p); err != nil {
			return err
		}
		e.depend(before)
		return nil
	case rowNode:
		return e.loadNode(topology.Entity(k[1:]), v)
	case rowSymptom:
		return e.loadSymptom(v)
	case rowExpiry:
		return e.loadExpiry(k, v)
	case rowIncident:
		var row incidentRow
		err := json.Unmarshal(v, &row)
		*incidents = append(*incidents, row)
		return err
	case rowFade:
		return e.loadFade(string(k[1:]), v)
	case rowSource:
		var row sourceRow
		err := json.Unmarshal(v, &row)
		e.sources[string(k[1:])] = &source{name: string(k[1:]), seen: row.Seen, silent: row.Silent}
		return err
	}
	switch k[0] {
	case rowClass:
		return e.loadClass(string(k[1:]), v)
	case rowChange:
		return e.changes.load(string(k[1:]), v)
	case rowSilence:
		return e.loadSilence(string(k[1:]), v)
	case rowLifetime:
		return e.loadLifetime(k[1:], v)
	case rowSigns:
		return e.signs.load(string(k[1:]), v)
	case rowTally:
		return json.Unmarshal(v, &e.outcomes)
	case rowHeartbeat:
		return e.loadHeartbeat(string(k[1:]), v)
	case rowUnseen:
		return e.loadUnseen(k, v)
	case rowChronic:
		return e.loadChronic(string(k[1:]), v)
	}
	return fmt.Errorf("unknown kind of row %q (written by a newer version?)", k[0])
}

// assemble derives what is not stored: who is where, what watches what, and what is due.
func (e *Engine) assemble(rows []incidentRow) error {
	for k := range rows {
		i := e.fromRow(&rows[k])
		e.nextIncident = max(e.nextIncident, i.id+1)
		e.incidents[i.id] = i
		e.local(i.root).rooted++
		if i.state.Open() {
			e.local(i.root).root = i.id
		}
	}
	e.changes.loaded()
	e.signs.loaded()
	e.endings.loaded()
	nums := e.symptoms.numbers()
	for _, num := range nums {
		e.loadIndexes(e.symptoms.get(num))
	}
	for _, num := range nums {
		s := e.symptoms.get(num)
		for _, edge := range e.edgesOf(s) {
			e.graph.Ref(edge, s.tells())
		}
	}
	for _, num := range nums {
		n := e.symptoms.get(num).node
		st := e.local(n).site
		if st.symptoms[0] != num {
			continue // the entity had its turn with its first symptom
		}
		if st.active > 0 {
			e.list(n, st)
		}
		e.resite(st)
	}
	for _, id := range slices.Sorted(maps.Keys(e.incidents)) {
		e.tally(e.incidents[id])
		e.loadTimers(e.incidents[id])
	}
	e.watchFades()
	e.loadSilences()
	e.nextRound()
	return nil
}

func (e *Engine) loadIndexes(s *symptom) {
	switch {
	case s.fades:
		e.events[eventKey{s.node, s.name}] = s
	case s.fingerprint != 0:
		e.alerts[s.fingerprint] = s
	}
	e.nextSymptom = max(e.nextSymptom, s.num+1)
	e.now = max(e.now, s.since, s.ended)
	e.track(s)
	if src := e.sources[s.source]; src != nil && s.active() {
		src.active++
	}
	if s.expires != 0 && s.active() {
		e.expireTimer(s, s.expires)
	}
	i := e.incidents[s.incident]
	if i == nil && s.incident != 0 {
		e.nextIncident = max(e.nextIncident, s.incident+1)
		if s.incident = 0; s.active() && s.counts() {
			e.orphans = append(e.orphans, s.num)
		}
	}
	if i == nil {
		if !s.active() {
			e.dropLater(s)
		}
	} else {
		i.symptoms = append(i.symptoms, s.num)
		switch s.condition {
		case conditionActive:
			i.active++
		case conditionLost:
			i.lost++
		}
	}
	if s.active() && s.counts() {
		e.local(s.node).site.active++
	}
}

func (e *Engine) loadTimers(i *incident) {
	id := uint64(i.id)
	switch {
	case !i.state.Open():
		e.watchGrave(i)
		return
	case i.active == 0 && i.lost > 0:
		e.timer(timerLost, e.lastLost(i)+int64(e.policy.LostAfter), id)
	case i.settleAt != 0:
		e.timer(timerSettle, i.settleAt, id)
	}
	if i.watched != 0 {
		e.nextCheckpoint(i)
	}
	if i.chronicDue != 0 {
		e.timer(timerChronic, i.chronicDue, id)
	}
	if i.rankDue != 0 {
		e.timer(timerRank, i.rankDue, id)
	}
	if len(i.gathers) > 0 {
		e.timer(timerGather, e.now+1, id)
	}
	if i.state == Held && (i.heldUntil > e.now || i.active+i.lost > 0) {
		e.timer(timerHold, max(i.heldUntil, e.now), id)
	}
	// What lapsed while all of it was silenced is handed back at the silence's end, in the order of the others that waited for it.
	if owed := i.silence != nil && i.silence.Owed; i.state == Acknowledged && i.taken.Until != 0 && (!owed || i.taken.Until > e.now) {
		e.timer(timerAck, i.taken.Until, id)
	}
	if i.parentGone != 0 && e.doubted(i) > e.now {
		e.timer(timerDoubt, e.doubted(i), id)
	}
}

// siteIncident is the open incident that an entity belongs to: that of its active symptoms, else of the one that began last.
func (e *Engine) siteIncident(st *site) IncidentID {
	var best *symptom
	for _, num := range st.symptoms {
		s := e.symptoms.get(num)
		if s.incident == 0 || st.active > 0 && !s.active() {
			continue
		}
		if best != nil && (s.since < best.since || s.since == best.since && s.num < best.num) {
			continue
		}
		// To look an incident up takes longest, so that comes last.
		if i := e.incidents[s.incident]; i != nil && i.state.Open() {
			best = s
		}
	}
	if best == nil {
		return 0
	}
	return best.incident
}
