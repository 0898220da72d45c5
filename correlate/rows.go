package correlate

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"slices"

	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// The state is a set of rows, so that a step writes only what it changed. The first byte of a key says what the row is; their
// order is the order in which loading needs them.
const (
	rowCounters  = 'a'
	rowPolicy    = 'b'
	rowNode      = 'c' // + entity: what explicit sources said about it
	rowSymptom   = 'd' // + number
	rowExpiry    = 'e' // + number / expiryBlock: time-outs of a block of symptoms, and when they were reported last
	rowIncident  = 'f' // + number
	rowSource    = 'g' // + name
	rowClass     = 'h' // + symptom class: how often it began
	rowChange    = 'i' // + entity: its last change
	rowSigns     = 'j' // + entity: what tells of its healing
	rowTally     = 'o' // what waiting did, in numbers
	rowSilence   = 'm' // + id of a silence
	rowFade      = 't' // + source of topology: when all that it told ends
	rowHeartbeat = 'n' // + name and labels: when it beat last
	rowUnseen    = 'u' // + what, and its key: see unseen.go
	rowLifetime  = 'k' // how long trouble lasts; see lifetime.go
	rowChronic   = 'l' // + class, zero, subject: what its trouble did of late; alone: since when all is known
)

// expiryBlock is how many symptoms share a row for their time-outs. Alerts that are sent together are refreshed together:
// moving a thousand time-outs costs four short rows.
const expiryBlock = 256

// dirty is what changed since the last [Engine.Changes].
type dirty struct {
	policy, counters bool
	tally            bool
	lifetimes        bool                         // all of them; else they know which changed
	nodes            map[topology.Entity]struct{} // by name: numbers may be given to others before the rows are written
	symptoms         []uint64                     // in no order, each as often as it was marked while unmarked
	expiries         map[uint64]struct{}
	incidents        map[IncidentID]struct{}
	sources          map[string]struct{}
	classes          map[string]struct{}
	fades            map[string]struct{} // sources of topology
	heartbeats       map[string]struct{}
	key, value       []byte // memory for the next rows
}

const (
	// dirtyKept is up to how many nodes their set is kept for the next step: a map never shrinks.
	dirtyKept = 10_000
	// valueKept is up to how many bytes the memory for a row is kept.
	valueKept = 1 << 16
)

// inOrder returns the keys of a set, ascending.
func inOrder[K cmp.Ordered](set map[K]struct{}) []K {
	if len(set) == 0 {
		return nil // most sets, most of the time
	}
	keys := make([]K, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func newDirty() dirty {
	return dirty{
		nodes:      make(map[topology.Entity]struct{}),
		expiries:   make(map[uint64]struct{}),
		incidents:  make(map[IncidentID]struct{}),
		sources:    make(map[string]struct{}),
		classes:    make(map[string]struct{}),
		fades:      make(map[string]struct{}),
		heartbeats: make(map[string]struct{}),
	}
}

// mark notes that the row of s changed.
func (e *Engine) mark(s *symptom) {
	if !s.changed {
		s.changed = true
		e.dirty.symptoms = append(e.dirty.symptoms, s.num)
	}
}

// Changes calls put with the key and the new value of every row that the steps since the last call changed, in the order of
// their keys; a nil value means that the row is gone. put must not keep key or value: they are reused.
func (e *Engine) Changes(put func(key, value []byte)) {
	key, val := append(e.dirty.key[:0], rowCounters), e.countersRow(e.dirty.value[:0])
	put(key, val)
	if e.dirty.policy {
		put(append(key[:0], rowPolicy), mustJSON(e.policy))
		e.dirty.policy = false
	}
	for _, entity := range inOrder(e.dirty.nodes) {
		key = append(append(key[:0], rowNode), entity...)
		val = e.nodeRow(val[:0], entity)
		put(key, val)
	}
	slices.Sort(e.dirty.symptoms)
	for _, num := range slices.Compact(e.dirty.symptoms) {
		key = numberKey(key, rowSymptom, num)
		if s := e.symptoms.get(num); s != nil {
			s.changed = false
			val = e.symptomRow(val[:0], s)
			put(key, val)
		} else {
			put(key, nil)
		}
	}
	for _, block := range inOrder(e.dirty.expiries) {
		key = numberKey(key, rowExpiry, block)
		if val = e.expiryRow(val[:0], block); len(val) > 0 {
			put(key, val)
		} else {
			put(key, nil)
		}
	}
	for _, id := range inOrder(e.dirty.incidents) {
		key = numberKey(key, rowIncident, uint64(id))
		if i := e.incidents[id]; i != nil {
			put(key, e.incidentRow(i))
		} else {
			put(key, nil)
		}
	}
	for _, name := range inOrder(e.dirty.sources) {
		key = append(append(key[:0], rowSource), name...)
		val = e.sources[name].row(val[:0])
		put(key, val)
	}
	if e.dirty.key, e.dirty.value = key, val; cap(val) > valueKept {
		e.dirty.value = nil
	}
	e.changedMemory(put)
	e.dirty.counters = false
	if len(e.dirty.nodes) > dirtyKept {
		e.dirty.nodes = make(map[topology.Entity]struct{})
	}
	clear(e.dirty.nodes)
	e.dirty.symptoms = e.dirty.symptoms[:0]
	clear(e.dirty.expiries)
	clear(e.dirty.incidents)
	clear(e.dirty.sources)
}

// changedMemory does so for what the engine remembers beside symptoms and incidents.
func (e *Engine) changedMemory(put func(key, value []byte)) {
	key, val := e.dirty.key, e.dirty.value
	for _, class := range inOrder(e.dirty.classes) {
		key = append(append(key[:0], rowClass), class...)
		if c, ok := e.classes[class]; ok {
			val = classRow(val[:0], c)
			put(key, val)
		} else {
			put(key, nil)
		}
	}
	e.changes.changed(rowChange, key, put)
	e.signs.changed(rowSigns, key, put)
	e.changedLifetimes(key, put)
	e.changedChronic(key, put)
	e.changedSilences(key, put)
	for _, name := range inOrder(e.dirty.heartbeats) {
		key = append(append(key[:0], rowHeartbeat), name...)
		if h := e.heartbeats[name]; h != nil {
			put(key, mustJSON(h))
		} else {
			put(key, nil)
		}
	}
	clear(e.dirty.heartbeats)
	if e.dirty.tally {
		put(append(key[:0], rowTally), mustJSON(&e.outcomes))
		e.dirty.tally = false
	}
	for _, name := range inOrder(e.dirty.fades) {
		key = append(append(key[:0], rowFade), name...)
		put(key, e.fadeRow(name))
	}
	e.changedUnseen(key, put)
	clear(e.dirty.classes)
	clear(e.dirty.fades)
}

// Rows calls put with every row of the state, in the order of their keys: what a store should hold. For comparing states.
func (e *Engine) Rows(put func(key, value []byte)) {
	e.dirty.policy, e.dirty.tally = true, e.outcomes != honesty.Tally{}
	for _, num := range e.symptoms.numbers() {
		s := e.symptoms.get(num)
		e.mark(s)
		e.dirty.expiries[s.num/expiryBlock] = struct{}{}
	}
	for id := range e.incidents {
		e.dirty.incidents[id] = struct{}{}
	}
	for name := range e.sources {
		e.dirty.sources[name] = struct{}{}
	}
	for name := range e.heartbeats {
		e.dirty.heartbeats[name] = struct{}{}
	}
	for class := range e.classes {
		e.dirty.classes[class] = struct{}{}
	}
	e.touchUnseen()
	e.changes.touch()
	e.signs.touch()
	e.touchSilences()
	e.endings.touch()
	e.dirty.lifetimes = true
	e.touchChronic()
	for n := range e.graph.Nodes() {
		e.dirty.nodes[e.graph.Entity(n)] = struct{}{}
	}
	for name := range e.graph.Sources() {
		e.dirty.fades[name] = struct{}{}
	}
	e.Changes(func(k, v []byte) {
		if v != nil {
			put(k, v)
		}
	})
}

type sourceRow struct {
	Seen   int64  `json:"seen"`
	Silent uint64 `json:"silent,omitempty"`
}

func (e *Engine) countersRow(b []byte) []byte {
	b = binary.AppendVarint(b, e.now)
	b = binary.AppendUvarint(b, e.nextSymptom)
	return binary.AppendUvarint(b, uint64(e.nextIncident))
}

func (e *Engine) loadCounters(v []byte) error {
	r := &wireReader{b: v}
	e.now, e.nextSymptom, e.nextIncident = r.varint(), r.uvarint(), IncidentID(r.uvarint())
	return r.err
}

func numberKey(b []byte, kind byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b[:0], kind), n)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("correlate: state cannot be encoded: " + err.Error()) // no row has a field that could fail
	}
	return b
}

// IncidentOfRow tells which incident a row of the state is about, if it is the row of one. A row that goes means that the
// incident can no longer be reopened.
func IncidentOfRow(key []byte) (IncidentID, bool) {
	if len(key) != 9 || key[0] != rowIncident {
		return 0, false
	}
	return IncidentID(binary.BigEndian.Uint64(key[1:])), true
}
