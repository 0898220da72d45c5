package correlate

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"quell/correlate/trend"
)

const (
	// chronicMax bounds the records. When it is reached, an eighth of them goes: those that were heard of least lately.
	chronicMax = 20_000
	// chronicSpans is how many buckets make a window.
	chronicSpans = 24
	// chronicHeals is how many times to heal are kept, the last ones.
	chronicHeals = 24
	// A recent week is compared with the weeks before it.
	chronicRecentDays, chronicEarlierDays = 7, 28
	chronicDays                           = chronicRecentDays + chronicEarlierDays

	chronicDay = int64(24 * time.Hour)
	// chronicKept is how long a record is kept that is not heard of.
	chronicKept = (chronicDays + 1) * chronicDay
)

// chronicRecord is what one kind of trouble of one entity or workload did of late. Times are Unix nanoseconds.
type chronicRecord struct {
	// Since is from when on it would know of everything.
	Since int64 `json:"since"`
	// Seen is when its trouble ended last.
	Seen int64 `json:"seen"`
	// Spans are the buckets of its window that hold anything, oldest first.
	Spans []chronicSpan `json:"spans,omitempty"`
	// Flaps is what its episodes add up to.
	Flaps trend.Penalty `json:"flaps"`
	// Healed is when it was counted under Days last, or might have been: what comes back soon is the same trouble.
	Healed int64             `json:"healed,omitempty"`
	Days   []chronicCount    `json:"days,omitempty"`
	Heals  []float64         `json:"heals,omitempty"` // the last times to heal, in seconds
	Worse  []chronicTrend    `json:"worse,omitempty"` // what the last daily round found
	Told   [Slower + 1]int64 `json:"told"`            // when people were told, by kind

	dirty     bool // its key is on the table's list of these
	forgotten bool // it is in the table no more
}

// chronicSpan is a bucket: for how long its trouble lasted that nobody was told of, and how often it ended.
type chronicSpan struct {
	At    int64 `json:"at"`
	Ill   int64 `json:"ill,omitempty"`
	Ended int   `json:"ended,omitempty"`
}

// chronicCount is how often trouble healed on a day, numbered from 1970.
type chronicCount struct {
	Day   int64 `json:"day"`
	Count int   `json:"count"`
}

// ended counts an episode that ended now. hidden is for how long it lasted without anybody being told.
func (r *chronicRecord) ended(now, hidden int64, counts bool, window time.Duration) {
	width := int64(window) / chronicSpans
	r.trim(now, window)
	if at := now - now%width; len(r.Spans) == 0 || r.Spans[len(r.Spans)-1].At < at {
		r.Spans = append(r.Spans, chronicSpan{At: at})
	}
	last := &r.Spans[len(r.Spans)-1]
	last.Ill += hidden
	if counts {
		last.Ended++
	}
	r.Seen = now
}

// trim drops buckets that are no part of the window any more. There may be more than make a window if that is shorter than it was.
func (r *chronicRecord) trim(now int64, window time.Duration) {
	from, past := now-int64(window)-int64(window)/chronicSpans, 0
	for past < len(r.Spans) && r.Spans[past].At <= from {
		past++
	}
	r.Spans = slices.Delete(r.Spans, 0, max(past, len(r.Spans)-2*chronicSpans))
}

// within sums up the window. A nil record has seen nothing.
func (r *chronicRecord) within(now int64, window time.Duration) (hidden int64, ended int) {
	if r == nil {
		return 0, 0
	}
	from := now - int64(window) - int64(window)/chronicSpans
	for _, s := range r.Spans {
		if s.At > from {
			hidden, ended = hidden+s.Ill, ended+s.Ended
		}
	}
	return hidden, ended
}

// healed notes a recovery that lasted, for the trends. What comes back within the pause is not counted once more: its times depend on each
// other, and the tests take them to be independent.
func (r *chronicRecord) healed(at int64, took, pause time.Duration) {
	if r.Heals = append(r.Heals, took.Seconds()); len(r.Heals) > chronicHeals {
		r.Heals = slices.Delete(r.Heals, 0, 1)
	}
	again := r.Healed != 0 && at < r.Healed+int64(took)+int64(pause)
	if r.Healed = at; again {
		return
	}
	day := at / chronicDay
	r.Days = slices.DeleteFunc(r.Days, func(c chronicCount) bool { return c.Day < day-chronicDays })
	if n := len(r.Days); n == 0 || r.Days[n-1].Day != day {
		r.Days = append(r.Days, chronicCount{Day: day})
	}
	r.Days[len(r.Days)-1].Count++
}

// chronicTable holds the records as rows of the state.
type chronicTable struct {
	of map[string]*chronicRecord // by class and subject, see chronicCase
	// since is from when on what has no record had no trouble.
	since   int64
	roundAt int64    // when the next daily round is due; 0 if there is nothing to look at
	dirty   []string // keys of rows that changed
}

// KnownSince is from when on the engine knows of all trouble: since the first step, unless there was too much to remember all of it. It is
// zero before the first step.
func (e *Engine) KnownSince() time.Time {
	if e.chronic.since == 0 {
		return time.Time{}
	}
	return fromNano(e.chronic.since)
}

// chronicSinceKey is the key of since, in the place of a record's.
const chronicSinceKey = ""

func newChronicTable() chronicTable {
	return chronicTable{of: make(map[string]*chronicRecord)}
}

// chronicRecord returns the record of a key, which is changed then; a new one if there is none.
func (e *Engine) chronicRecord(key string) *chronicRecord {
	t := &e.chronic
	r := t.of[key]
	if r == nil {
		if len(t.of) >= chronicMax {
			e.evictChronic()
		}
		r = &chronicRecord{Since: t.since, Seen: e.now}
		t.of[key] = r
		e.nextRound()
	}
	t.mark(key, r)
	return r
}

// recordOf is [Engine.chronicRecord] of a name.
func (e *Engine) recordOf(n *chronicName) *chronicRecord {
	if e.chronic.find(n) == nil {
		n.record = e.chronicRecord(n.key)
	}
	e.chronic.mark(n.key, n.record)
	return n.record
}

// mark notes that a record changed.
func (t *chronicTable) mark(key string, r *chronicRecord) {
	if !r.dirty {
		r.dirty = true
		t.dirty = append(t.dirty, key)
	}
}

// evictChronic makes room. Whoever gets a record later, and had one, is judged by what is seen from now on.
func (e *Engine) evictChronic() {
	t := &e.chronic
	keys := slices.SortedFunc(maps.Keys(t.of), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.of[a].Seen, t.of[b].Seen), cmp.Compare(a, b))
	})
	for _, key := range keys[:chronicMax/8] {
		e.forgetChronic(key)
	}
	t.since = e.now
	t.dirty = append(t.dirty, chronicSinceKey)
}

func (e *Engine) forgetChronic(key string) {
	if r := e.chronic.of[key]; r != nil {
		r.forgotten = true
	}
	delete(e.chronic.of, key)
	e.chronic.dirty = append(e.chronic.dirty, key)
}

// changedChronic calls put with the rows that changed.
func (e *Engine) changedChronic(key []byte, put func(key, value []byte)) {
	t := &e.chronic
	slices.Sort(t.dirty)
	for _, name := range slices.Compact(t.dirty) {
		key = append(append(key[:0], rowChronic), name...)
		switch r := t.of[name]; {
		case name == chronicSinceKey:
			put(key, binary.AppendVarint(nil, t.since))
		case r != nil:
			r.dirty = false
			put(key, mustJSON(r))
		default:
			put(key, nil)
		}
	}
	clear(t.dirty) // the list must not keep what is forgotten
	t.dirty = t.dirty[:0]
}

// touchChronic marks all rows as changed.
func (e *Engine) touchChronic() {
	for key, r := range e.chronic.of {
		e.chronic.mark(key, r)
	}
	if e.chronic.since != 0 {
		e.chronic.dirty = append(e.chronic.dirty, chronicSinceKey)
	}
}

// loadChronic takes over a row.
func (e *Engine) loadChronic(key string, v []byte) error {
	if key == chronicSinceKey {
		r := &wireReader{b: v}
		e.chronic.since = r.varint()
		return r.err
	}
	r := new(chronicRecord)
	if err := json.Unmarshal(v, r); err != nil {
		return err
	}
	e.chronic.of[key] = r
	return nil
}
