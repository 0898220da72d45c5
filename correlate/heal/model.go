package heal

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Tuning are the constants of a model. They are no configuration: everybody runs with [DefaultTuning], and others exist so that an
// evaluation can tell how much they matter.
type Tuning struct {
	// HalfLife is after which time a case counts half. At least an hour.
	HalfLife time.Duration
	// Pseudo is how many cases at risk in a bin the class above is worth beside what was seen in the class itself. Above zero.
	Pseudo float64
	// MaxClasses bounds the classes of a model, at least 16; at the bound those that know least are forgotten.
	MaxClasses int
}

// DefaultTuning returns the constants that quell is shipped with. docs/decisions/0013 says how they were found.
func DefaultTuning() Tuning {
	return Tuning{HalfLife: 30 * 24 * time.Hour, Pseudo: 2, MaxClasses: 20_000}
}

// Validate reports every constant that is out of its range.
func (t Tuning) Validate() error {
	var errs []error
	if t.HalfLife < time.Hour {
		errs = append(errs, fmt.Errorf("half-life %s: must be 1h or more", t.HalfLife))
	}
	if !(t.Pseudo > 0) || math.IsInf(t.Pseudo, 0) {
		errs = append(errs, fmt.Errorf("pseudo %v: must be above 0", t.Pseudo))
	}
	if t.MaxClasses < 16 {
		errs = append(errs, fmt.Errorf("max classes %d: must be 16 or more", t.MaxClasses))
	}
	return errors.Join(errs...)
}

// Spell is a stretch of an incident's life under one path. The next may go on where it ended, under another path or because
// something was to be counted in between; no moment may be told twice. Stretches of one path add up, to a millionth of a case.
type Spell struct {
	// From and To are ages of the incident: from the start of the trouble, not of the spell.
	From, To time.Duration
	// Healed says that the trouble healed by itself at To. If not, the spell is censored there: a human fixed it, nobody knows how it
	// ended, it goes on, or goes on under another path.
	Healed bool
}

// Model holds life tables by class. The zero value is not usable; see [NewModel]. It is not safe for concurrent use.
type Model struct {
	tuning  Tuning
	decay   decay
	tables  map[string]*table
	changed []*table // since the last call of Stored
	gone    []string // keys of tables that were forgotten since then
	ladders map[Path]ladder
	epoch   int // counts how often tables were forgotten or replaced, after which rungs look for theirs again
}

// NewModel returns a model that has seen nothing. It panics if the tuning is not valid: that is no user's input.
func NewModel(t Tuning) *Model {
	if err := t.Validate(); err != nil {
		panic("heal: " + err.Error())
	}
	perTick := math.Exp2(-float64(tick) / float64(t.HalfLife))
	return &Model{
		tuning:  t,
		decay:   decay(math.Round(perTick * float64(wholeFactor))),
		tables:  make(map[string]*table),
		ladders: make(map[Path]ladder),
	}
}

// Observe counts a spell in every class of the path. It costs the bins that the spell passed, times the levels of the path.
func (m *Model) Observe(now time.Time, p Path, s Spell) {
	at, c := now.UnixNano()/tick, s.shares()
	rungs := m.ladder(p)
	for k := range rungs {
		t := m.tableOf(&rungs[k])
		if t == nil {
			m.makeRoom(at)
			t = &table{key: rungs[k].key, at: at}
			m.tables[t.key] = t
		}
		t.fade(at, m.decay)
		t.take(c)
		if !t.changed {
			t.changed = true
			m.changed = append(m.changed, t)
		}
	}
}

// Classes is how many classes the model knows.
func (m *Model) Classes() int { return len(m.tables) }

// makeRoom forgets a sixteenth of the classes, those that know least, if there are as many as there may be. A class
// above knows at least as much as those below it, so that what the others rest on goes last.
func (m *Model) makeRoom(at int64) {
	if len(m.tables) < m.tuning.MaxClasses {
		return
	}
	type worth struct {
		key  string
		peak int64
	}
	all := make([]worth, 0, len(m.tables))
	for key, t := range m.tables {
		all = append(all, worth{key, m.decay.over(max(at-t.at, 0)).of(t.peak())})
	}
	slices.SortFunc(all, func(a, b worth) int { return cmp.Or(cmp.Compare(a.peak, b.peak), cmp.Compare(a.key, b.key)) })
	for _, w := range all[:m.tuning.MaxClasses/16] {
		delete(m.tables, w.key)
		m.gone = append(m.gone, w.key)
	}
	m.epoch++
}

// Dirty lists, sorted, the keys of the rows that changed since the last call of [Model.Stored].
func (m *Model) Dirty() []string {
	keys := slices.Clone(m.gone)
	for _, t := range m.changed {
		keys = append(keys, t.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys) // what was forgotten may be known again
}

// Keys lists the keys of all rows, sorted.
func (m *Model) Keys() []string {
	keys := make([]string, 0, len(m.tables))
	for key := range m.tables {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Row appends the row of a key to b. ok is false if there is none any more, and the stored one is to be deleted.
func (m *Model) Row(b []byte, key string) (row []byte, ok bool) {
	t, ok := m.tables[key]
	if !ok {
		return b, false
	}
	return t.appendRow(b), true
}

// Stored says that all that Dirty lists is stored.
func (m *Model) Stored() {
	for _, t := range m.changed {
		t.changed = false
	}
	clear(m.changed) // a table that is forgotten must not be kept by the list
	m.changed, m.gone = m.changed[:0], m.gone[:0]
}

// Load takes over a stored row. It reports a row that Row did not write, and leaves it out.
func (m *Model) Load(key string, row []byte) error {
	t, err := readTable(row)
	if err != nil {
		return fmt.Errorf("life table of %q: %w", key, err)
	}
	t.key, m.tables[key] = key, t
	m.epoch++
	return nil
}
