package correlate

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// The state is a set of rows, so that a step writes only what it changed. The first byte of a key says what the row is; their
// order is the order in which loading needs them.
const (
	rowCounters = 'a'
	rowPolicy   = 'b'
	rowNode     = 'c' // + entity: what explicit sources said about it
	rowSymptom  = 'd' // + number
	rowExpiry   = 'e' // + number / expiryBlock: time-outs of a block of symptoms, and when they were reported last
	rowIncident = 'f' // + number
	rowSource   = 'g' // + name
	rowClass    = 'h' // + symptom class: how often it began
	rowChange   = 'i' // + entity: its last change
	rowSigns    = 'j' // + entity: what tells of its healing
	rowFade     = 't' // + source of topology: when all that it told ends
)

// expiryBlock is how many symptoms share a row for their time-outs. Alerts that are sent together are refreshed together:
// moving a thousand time-outs costs four short rows.
const expiryBlock = 256

// dirty is what changed since the last [Engine.Changes].
type dirty struct {
	policy, counters bool
	nodes            map[topology.Entity]struct{} // by name: numbers may be given to others before the rows are written
	symptoms         []uint64                     // in no order, each as often as it was marked while unmarked
	expiries         map[uint64]struct{}
	incidents        map[IncidentID]struct{}
	sources          map[string]struct{}
	classes          map[string]struct{}
	fades            map[string]struct{} // sources of topology
	key, value       []byte              // memory for the next rows
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
		nodes:     make(map[topology.Entity]struct{}),
		expiries:  make(map[uint64]struct{}),
		incidents: make(map[IncidentID]struct{}),
		sources:   make(map[string]struct{}),
		classes:   make(map[string]struct{}),
		fades:     make(map[string]struct{}),
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
	for _, name := range inOrder(e.dirty.fades) {
		key = append(append(key[:0], rowFade), name...)
		put(key, e.fadeRow(name))
	}
	clear(e.dirty.classes)
	clear(e.dirty.fades)
}

// Rows calls put with every row of the state, in the order of their keys: what a store should hold. For comparing states.
func (e *Engine) Rows(put func(key, value []byte)) {
	e.dirty.policy = true
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
	for class := range e.classes {
		e.dirty.classes[class] = struct{}{}
	}
	e.changes.touch()
	e.signs.touch()
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
	case rowSigns:
		return e.signs.load(string(k[1:]), v)
	}
	return fmt.Errorf("unknown kind of row %q (written by a newer version?)", k[0])
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

func (e *Engine) symptomRow(b []byte, s *symptom) []byte {
	b = binary.AppendUvarint(b, s.num)
	b = binary.BigEndian.AppendUint64(b, uint64(s.fingerprint))
	b = appendString(b, string(e.graph.Entity(s.node)))
	b = binary.AppendUvarint(b, uint64(s.incident))
	b = append(b, byte(s.condition), byte(s.severity))
	b = appendBool(b, s.explicit)
	b = append(b, s.eventByte())
	b = binary.AppendVarint(b, int64(s.count))
	for _, t := range [...]int64{s.startsAt, s.began, s.since, s.ended, s.noted} {
		b = binary.AppendVarint(b, t)
	}
	for _, str := range [...]string{s.name, s.source, s.generator, s.eventID, string(s.labels), string(s.annotations)} {
		b = appendString(b, str)
	}
	if s.owner != "" {
		b = appendString(b, string(s.owner)) // the last field, since rows were once without it
	}
	return b
}

// eventByte says in a row what s is: 0 an alert, 1 an event, 2 a state, 3 an event about what is gone.
func (s *symptom) eventByte() byte {
	switch {
	case s.gone:
		return 3
	case s.state:
		return 2
	case s.fades:
		return 1
	}
	return 0
}

func (e *Engine) loadSymptom(v []byte) error {
	r := &wireReader{b: v}
	s := &symptom{num: r.uvarint(), fingerprint: model.Fingerprint(r.uint64())}
	s.node = e.graph.Intern(topology.Entity(r.string()))
	s.incident = IncidentID(r.uvarint())
	s.condition, s.severity = condition(r.byte()), Severity(r.byte())
	s.explicit = r.bool()
	isEvent := r.byte()
	s.fades, s.state, s.gone, s.count = isEvent > 0, isEvent == 2, isEvent == 3, int32(r.varint())
	for _, t := range [...]*int64{&s.startsAt, &s.began, &s.since, &s.ended, &s.noted} {
		*t = r.varint()
	}
	s.name, s.source, s.generator = e.strings.get(r.string()), e.strings.get(r.string()), e.strings.get(r.string())
	s.eventID, s.labels, s.annotations = r.string(), r.labels(), r.labels()
	if len(r.b) > 0 {
		s.owner = topology.Entity(e.strings.get(r.string()))
	}
	s.seen = s.since
	if r.err != nil || len(r.b) > 0 || isEvent > 3 || s.condition < conditionActive || s.condition > conditionLost {
		return errWire
	}
	e.symptoms.put(s)
	return nil
}

func (e *Engine) expiryRow(b []byte, block uint64) []byte {
	last := int64(0)
	for off := range uint64(expiryBlock) {
		s := e.symptoms.get(block*expiryBlock + off)
		if s == nil || s.expires == 0 && s.seen == s.since {
			continue
		}
		b = binary.AppendUvarint(b, off)
		b = binary.AppendVarint(b, s.expires-last)
		b = binary.AppendVarint(b, s.seen-s.since)
		last = s.expires
	}
	return b
}

func (e *Engine) loadExpiry(k, v []byte) error {
	if len(k) != 9 {
		return errWire
	}
	block, last := binary.BigEndian.Uint64(k[1:]), int64(0)
	for r := (&wireReader{b: v}); len(r.b) > 0; {
		off, d, again := r.uvarint(), r.varint(), r.varint()
		s := e.symptoms.get(block*expiryBlock + off)
		if r.err != nil {
			return errWire
		}
		if last += d; s != nil { // its row may have been damaged and left out
			s.expires = last
			s.seen = s.since + again
		}
	}
	return nil
}

// incidentRow is an incident as it is stored: names may be added, not changed.
type incidentRow struct {
	ID              IncidentID      `json:"id"`
	Generation      int             `json:"gen"`
	State           State           `json:"state"`
	Root            topology.Entity `json:"root"`
	RootWhy         string          `json:"why,omitempty"`
	Roots           []Root          `json:"roots,omitempty"`
	Opened          int64           `json:"opened"`
	HeldUntil       int64           `json:"held,omitempty"`
	HoldReason      string          `json:"hold,omitempty"`
	Escalated       int64           `json:"escalated,omitempty"`
	Acknowledged    int64           `json:"acked,omitempty"`
	AckedBy         string          `json:"by,omitempty"`
	Recovered       int64           `json:"recovered,omitempty"`
	SettleAt        int64           `json:"settle,omitempty"`
	Closed          int64           `json:"closed,omitempty"`
	CloseReason     string          `json:"close,omitempty"`
	MergedInto      IncidentID      `json:"merged,omitzero"`
	Title           string          `json:"title"`
	Class           string          `json:"class"`
	ByHand          bool            `json:"hand,omitempty"`
	Timeline        []TimelineEntry `json:"timeline,omitempty"`
	Skipped         int             `json:"skipped,omitempty"`
	PagedGeneration int             `json:"paged,omitempty"`
	ToldAlerts      int             `json:"told,omitempty"`
	ToldSeverity    Severity        `json:"told_severity"`
	Ranked          int             `json:"ranked,omitempty"`
	Parent          topology.Entity `json:"parent,omitempty"`
	ParentGone      int64           `json:"parent_gone,omitempty"`
	RankedAt        int64           `json:"ranked_at,omitempty"`
	Late            bool            `json:"late,omitempty"`

	RankDue  int64             `json:"rank_due,omitempty"`
	Gathers  []topology.Entity `json:"gathers,omitempty"`
	HeldFrom int64             `json:"held_from,omitempty"`
	Healed   *Healing          `json:"healed,omitempty"`
}

func (e *Engine) incidentRow(i *incident) []byte {
	return mustJSON(incidentRow{
		i.id, i.generation, i.state, e.graph.Entity(i.root), i.rootWhy, i.roots, i.opened, i.heldUntil, i.holdReason, i.escalated,
		i.acknowledged, i.ackedBy, i.recovered, i.settleAt, i.closed, i.closeReason, i.mergedInto, i.title, i.class, i.byHand, i.timeline,
		i.skipped, i.pagedGeneration, i.toldAlerts, i.toldSeverity, i.ranked, i.parent, i.parentGone, i.rankedAt, i.late,
		i.rankDue, i.gathers,
		i.heldFrom, i.healed,
	})
}

func (e *Engine) fromRow(r *incidentRow) *incident {
	return &incident{
		id: r.ID, generation: r.Generation, state: r.State, root: e.graph.Intern(r.Root), rootWhy: r.RootWhy, roots: r.Roots, opened: r.Opened,
		heldUntil: r.HeldUntil, holdReason: r.HoldReason, escalated: r.Escalated, acknowledged: r.Acknowledged, ackedBy: r.AckedBy,
		recovered: r.Recovered, settleAt: r.SettleAt, closed: r.Closed, closeReason: r.CloseReason, mergedInto: r.MergedInto, title: r.Title,
		class: r.Class, byHand: r.ByHand, timeline: r.Timeline, skipped: r.Skipped, pagedGeneration: r.PagedGeneration,
		toldAlerts: r.ToldAlerts, toldSeverity: r.ToldSeverity, ranked: r.Ranked, rankedAt: r.RankedAt,
		parent: r.Parent, parentGone: r.ParentGone, late: r.Late, rankDue: r.RankDue, gathers: r.Gathers,
		heldFrom: cmp0(r.HeldFrom, r.Opened), healed: r.Healed, uncounted: true,
	}
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
		e.timer(timerForget, i.closed+int64(e.policy.Reopen), id)
		return
	case i.active == 0 && i.lost > 0:
		e.timer(timerLost, e.lastLost(i)+int64(e.policy.LostAfter), id)
	case i.settleAt != 0:
		e.timer(timerSettle, i.settleAt, id)
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
	if i.parentGone != 0 && e.doubted(i) > e.now {
		e.timer(timerDoubt, e.doubted(i), id)
	}
}

// siteIncident is the open incident that an entity belongs to: that of its active symptoms, else of the one that began last.
func (e *Engine) siteIncident(st *site) IncidentID {
	var best *symptom
	for _, num := range st.symptoms {
		s := e.symptoms.get(num)
		if i := e.incidents[s.incident]; i == nil || !i.state.Open() || st.active > 0 && !s.active() {
			continue
		}
		if best == nil || s.since > best.since || s.since == best.since && s.num > best.num {
			best = s
		}
	}
	if best == nil {
		return 0
	}
	return best.incident
}

// IncidentOfRow tells which incident a row of the state is about, if it is the row of one. A row that goes means that the
// incident can no longer be reopened.
func IncidentOfRow(key []byte) (IncidentID, bool) {
	if len(key) != 9 || key[0] != rowIncident {
		return 0, false
	}
	return IncidentID(binary.BigEndian.Uint64(key[1:])), true
}
