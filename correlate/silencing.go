package correlate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/correlate/silence"
	"quell/correlate/topology"
)

// Silence makes, changes or ends a silence. What [Engine.AllowsSilence] refuses does nothing.
type Silence struct {
	// Silence is what is to be in force. If one with its ID is known, it is changed; see [silence.Silence.CanBecome].
	silence.Silence
	// Expire ends the silence of that ID now; nothing else of it counts.
	Expire bool `json:"expire,omitempty"`
	// Force insists on one that is too broad.
	Force bool `json:"force,omitempty"`
	// By is who did it, as the audit log shows it.
	By string `json:"by,omitempty"`
}

func (*Silence) input() {}

// Errors of [Engine.AllowsSilence] that callers tell apart; others are of types of package silence, or say what the silence's state
// forbids.
var (
	ErrUnknownSilence  = errors.New("no such silence")
	ErrUnknownIncident = errors.New("no such incident")
	ErrTooManySilences = errors.New("there is no room for another silence")
)

// Silencing is the part of a [Policy] that silences depend on.
type Silencing struct {
	// MaxDuration is how long a silence may last that nobody forces. Zero means 30 days.
	MaxDuration time.Duration `json:"max_duration,omitempty"`
	// Retention is how long one that ended is still shown. Zero means 120 hours, as Alertmanager does it.
	Retention time.Duration `json:"retention,omitempty"`
	// Max bounds the silences, ended ones included. Zero means 10,000.
	Max int `json:"max,omitempty"`
	// Windows are maintenance that comes again and again, each with a name of its own.
	Windows []silence.Window `json:"windows,omitempty"`
}

// withDefaults fills in what is zero.
func (s Silencing) withDefaults() Silencing {
	s.MaxDuration = cmp.Or(s.MaxDuration, 30*24*time.Hour)
	s.Retention = cmp.Or(s.Retention, 120*time.Hour)
	s.Max = cmp.Or(s.Max, 10_000)
	return s
}

// Validate reports every value out of range, and every window that cannot be.
func (s *Silencing) Validate() error {
	var errs []error
	if s.MaxDuration < 0 || s.Retention < 0 || s.Max < 0 {
		errs = append(errs, errors.New("silences: a limit is negative"))
	}
	names := make(map[string]bool)
	for k := range s.Windows {
		w := &s.Windows[k]
		if _, err := w.Compile(); err != nil {
			errs = append(errs, fmt.Errorf("maintenance %q: %w", w.Name, err))
		}
		if names[w.Name] {
			errs = append(errs, fmt.Errorf("maintenance %q: there are two of this name", w.Name))
		}
		names[w.Name] = true
	}
	return errors.Join(errs...)
}

// silenceRow is a silence as it is stored, and as the engine keeps it. A maintenance window that is open is one that is not stored.
type silenceRow struct {
	silence.Silence
	// Root is what a silence until an incident is over is about, with all that depends on it, and Known is what was ill in the incident
	// when it was made, with what owns the root: they are meant as they are. Severity was the worst of it; what is worse is not meant.
	Root     topology.Entity   `json:"root,omitempty"`
	Known    []topology.Entity `json:"known,omitempty"`
	Severity Severity          `json:"severity,omitempty"`

	rule     *RuleID           // of a maintenance window of which is known where it is defined; nil for others
	schedule *silence.Schedule // of a maintenance window; nil if it is none
}

// ends is when it ends, in Unix nanoseconds: never before that.
func (r *silenceRow) ends(now int64) int64 {
	if r.schedule != nil {
		return toNano(r.schedule.Until(fromNano(now)))
	}
	return toNano(r.EndsAt)
}

// silenceBook is what the engine knows of silences. What is in force now is found by a label that it demands, or by entity.
type silenceBook struct {
	byID      map[string]*silenceRow
	windows   []silence.Window
	schedules []*silence.Schedule // of windows

	inForce  int
	bound    int // those that last until an incident is over, ended ones left out
	byLabel  map[Label][]*silenceRow
	names    []string                          // of the labels in byLabel
	byEntity map[topology.Entity][]*silenceRow // with all that depends on it
	byKnown  map[topology.Entity][]*silenceRow // as it is
	rest     []*silenceRow                     // those that demand no value of a label

	turnAt int64 // when a timer comes that looks what begins or ends; 0 if none does
	// waiting are the incidents that wait for the end of a silence, or whose receivers do.
	waiting map[IncidentID]struct{}
	dirty   map[string]struct{}
}

func newSilenceBook() silenceBook {
	return silenceBook{byID: make(map[string]*silenceRow), waiting: make(map[IncidentID]struct{}), dirty: make(map[string]struct{})}
}

// knownMax bounds the entities that a silence until an incident is over takes note of.
const knownMax = 1000

// takeSilence carries out an input.
func (e *Engine) takeSilence(in *Silence) {
	if e.AllowsSilence(in) != nil {
		return
	}
	b := &e.silences
	row := b.byID[in.ID]
	switch {
	case row == nil:
		row = &silenceRow{Silence: e.entered(&in.Silence)}
		if i := e.incidents[IncidentID(in.Incident)]; i != nil {
			e.bind(row, i)
			i.note(fromNano(e.now), Notice, fmt.Sprintf("silenced until it is over, or %s, by %s", moment(toNano(row.EndsAt)), row.text()))
			e.dirty.incidents[i.id] = struct{}{}
		}
		b.byID[in.ID] = row
	case in.Expire:
		row.end(e.now)
	default:
		row.Silence = e.entered(&in.Silence)
	}
	b.dirty[in.ID] = struct{}{}
	e.turnSilences()
}

// end ends it now.
func (r *silenceRow) end(now int64) {
	r.StartsAt, r.EndsAt, r.UpdatedAt = fromNano(min(toNano(r.StartsAt), now)), fromNano(now), fromNano(now)
}

// entered is a silence as it is kept: its times as they are stored, and none of them in the past if it begins now.
func (e *Engine) entered(s *silence.Silence) silence.Silence {
	kept := *s
	kept.StartsAt, kept.EndsAt, kept.UpdatedAt = fromNano(toNano(s.StartsAt)), fromNano(toNano(s.EndsAt)), fromNano(e.now)
	if e.silences.byID[s.ID] == nil && toNano(kept.StartsAt) < e.now {
		kept.StartsAt = fromNano(e.now)
	}
	return kept
}

// bind notes what a silence is about that lasts until an incident is over.
func (e *Engine) bind(row *silenceRow, i *incident) {
	row.Root = e.graph.Entity(i.root)
	known := make(map[topology.Entity]struct{})
	add := func(n topology.Node) {
		if len(known) < knownMax {
			known[e.graph.Entity(n)] = struct{}{}
		}
	}
	for _, a := range e.graph.Owners(i.root) {
		add(a.Node)
		for _, b := range e.graph.Owners(a.Node) {
			add(b.Node)
		}
	}
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		add(s.node)
		row.Severity = max(row.Severity, s.severity)
	}
	row.Known = slices.Sorted(maps.Keys(known))
}

// followSilences lets silences until an incident is over go on until the one is that took its symptoms.
func (e *Engine) followSilences(from, to IncidentID) {
	for _, id := range e.boundTo(from) {
		e.silences.byID[id].Incident = uint64(to)
		e.silences.dirty[id] = struct{}{}
	}
}

// endSilencesOf ends the silences that were to last until an incident is over: it cannot be reopened any more.
func (e *Engine) endSilencesOf(id IncidentID) {
	ids := e.boundTo(id)
	for _, name := range ids {
		e.silences.byID[name].end(e.now)
		e.silences.dirty[name] = struct{}{}
	}
	if len(ids) > 0 {
		e.turnSilences()
	}
}

// boundTo lists the silences that last until an incident is over, those left out that ended.
func (e *Engine) boundTo(incident IncidentID) []string {
	if e.silences.bound == 0 {
		return nil
	}
	var ids []string
	for id, row := range e.silences.byID {
		if row.Incident == uint64(incident) && toNano(row.EndsAt) > e.now {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// SilencesOf returns copies of the silences that last until an incident is over, in no order of time; ended ones are left out.
func (e *Engine) SilencesOf(id IncidentID) []silence.Silence {
	var list []silence.Silence
	for _, name := range e.boundTo(id) {
		list = append(list, e.silences.byID[name].Silence)
	}
	return list
}

// AllowsSilence says why a silence cannot be had, or nil if it can: [ErrUnknownSilence], [ErrUnknownIncident], [ErrTooManySilences],
// a [*silence.InvalidError], a [*silence.BroadError] unless it is forced, or what its state forbids.
func (e *Engine) AllowsSilence(in *Silence) error {
	now := fromNano(e.now)
	old := e.silences.byID[in.ID]
	switch {
	case in.Expire && old == nil:
		return fmt.Errorf("%w: %s", ErrUnknownSilence, in.ID)
	case in.Expire && old.State(now) == silence.Expired:
		return fmt.Errorf("silence %s already expired", in.ID)
	case in.Expire:
		return nil
	}
	if err := in.Validate(); err != nil {
		return err
	}
	switch i := e.incidents[IncidentID(in.Incident)]; {
	case !in.EndsAt.After(now):
		return &silence.InvalidError{Reason: "end time can't be in the past"}
	case old != nil && !old.CanBecome(&in.Silence, now):
		return fmt.Errorf("silence %s cannot become this one: end it, and make another", in.ID)
	case in.Incident != 0 && (i == nil || i.state == Merged):
		return fmt.Errorf("%w: %s", ErrUnknownIncident, IncidentID(in.Incident))
	case old == nil && len(e.silences.byID) >= e.policy.Silences.Max:
		return fmt.Errorf("%w: there are %d (limit %d)", ErrTooManySilences, len(e.silences.byID), e.policy.Silences.Max)
	case in.Force:
		return nil
	}
	return e.tooBroad(in)
}

// silenceDue is what timers of silences do: look again at one incident, or, without one, at all silences.
func (e *Engine) silenceDue(id IncidentID) {
	if id != 0 {
		e.recheckSilence(e.incidents[id])
		return
	}
	if e.silences.turnAt != 0 && e.silences.turnAt <= e.now {
		e.turnSilences()
	}
}

// turnSilences finds out what is in force now, forgets what ended long ago, sets the timer for the next time at which something begins or
// ends, and looks again at all that waits for the end of a silence. The cost is that of all silences: they change seldom.
func (e *Engine) turnSilences() {
	b := &e.silences
	for id, row := range b.byID {
		if e.now >= toNano(row.EndsAt)+int64(e.policy.Silences.Retention) {
			delete(b.byID, id)
			b.dirty[id] = struct{}{}
		}
	}
	e.indexSilences()
	for _, id := range inOrder(b.waiting) {
		e.recheckSilence(e.incidents[id])
	}
	e.rewatch(false) // the budget of what is silenced no longer may be spent
}

// beginSilences opens the maintenance windows in the first step of all: before it, no time is known.
func (e *Engine) beginSilences() {
	if e.silences.byLabel == nil {
		e.indexSilences()
	}
}

// indexSilences puts what is in force now where symptoms find it, and sets the timer.
func (e *Engine) indexSilences() {
	b := &e.silences
	b.bound = 0
	b.empty()
	now, next := fromNano(e.now), int64(0)
	turns := func(t time.Time) {
		if at := toNano(t); at > e.now && (next == 0 || at < next) {
			next = at
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.byID)) {
		row := b.byID[id]
		if row.Incident != 0 && toNano(row.EndsAt) > e.now {
			b.bound++
		}
		switch row.State(now) {
		case silence.Pending:
			turns(row.StartsAt)
		case silence.Active:
			turns(row.EndsAt)
			b.enter(row)
		default:
			turns(row.EndsAt.Add(e.policy.Silences.Retention))
		}
	}
	for k, s := range b.schedules {
		turns(s.Next(now))
		if s.Open(now) {
			b.enter(windowRow(&b.windows[k], s))
		}
	}
	if next != b.turnAt {
		if b.turnAt = next; next != 0 {
			e.timer(timerSilence, next, 0)
		}
	}
}

// windowRow is the silence that an open window is.
func windowRow(w *silence.Window, s *silence.Schedule) *silenceRow {
	return &silenceRow{schedule: s, rule: windowRule(w), Silence: silence.Silence{
		ID: silence.WindowPrefix + w.Name, Matchers: w.Matchers, Entities: w.Entities, CreatedBy: "configuration", Comment: w.Comment,
	}}
}

// empty forgets what is in force.
func (b *silenceBook) empty() {
	b.inForce, b.rest, b.names, b.byLabel = 0, nil, nil, make(map[Label][]*silenceRow)
	b.byEntity, b.byKnown = make(map[topology.Entity][]*silenceRow), make(map[topology.Entity][]*silenceRow)
}

// enter puts a silence that is in force where symptoms find it: one that is about entities by each of them, one that demands the value of
// a label by that, best by the name of the alert, since that tells most of them apart.
func (b *silenceBook) enter(row *silenceRow) {
	b.inForce++
	switch {
	case row.Incident != 0:
		b.byEntity[row.Root] = append(b.byEntity[row.Root], row)
		for _, entity := range row.Known {
			b.byKnown[entity] = append(b.byKnown[entity], row)
		}
	case len(row.Entities) > 0:
		for _, entity := range row.Entities {
			b.byEntity[entity] = append(b.byEntity[entity], row)
		}
	default:
		l, ok := demanded(row.Matchers)
		if !ok {
			b.rest = append(b.rest, row)
			return
		}
		if b.byLabel[l] = append(b.byLabel[l], row); !slices.Contains(b.names, l.Name) {
			b.names = append(b.names, l.Name)
		}
	}
}

// demanded returns a label that alerts must have for all matchers to match.
func demanded(ms labels.Matchers) (l Label, ok bool) {
	for _, m := range ms {
		if m.Type == labels.MatchEqual && m.Value != "" && (!ok || m.Name == model.AlertNameLabel) {
			l, ok = Label{m.Name, m.Value}, true
		}
	}
	return l, ok
}

// adoptSilencing puts the windows of a policy in force.
func (e *Engine) adoptSilencing(p *Silencing) error {
	schedules := make([]*silence.Schedule, len(p.Windows))
	for k := range p.Windows {
		s, err := p.Windows[k].Compile()
		if err != nil {
			return fmt.Errorf("maintenance %q: %w", p.Windows[k].Name, err)
		}
		schedules[k] = s
	}
	e.silences.windows, e.silences.schedules = p.Windows, schedules
	return nil
}

// changedSilences calls put with the rows of silences that changed since the last call; key is memory for their keys.
func (e *Engine) changedSilences(key []byte, put func(key, value []byte)) {
	for _, id := range inOrder(e.silences.dirty) {
		key = append(append(key[:0], rowSilence), id...)
		if row := e.silences.byID[id]; row != nil {
			put(key, mustJSON(row))
		} else {
			put(key, nil)
		}
	}
	clear(e.silences.dirty)
}

// touchSilences marks all rows as changed.
func (e *Engine) touchSilences() {
	for id := range e.silences.byID {
		e.silences.dirty[id] = struct{}{}
	}
}

func (e *Engine) loadSilence(id string, v []byte) error {
	row := new(silenceRow)
	err := json.Unmarshal(v, row)
	e.silences.byID[id] = row
	return err
}

// loadSilences derives what is not stored, when all rows are there.
func (e *Engine) loadSilences() {
	for id, i := range e.incidents {
		if i.silence != nil && i.state.Open() {
			e.silences.waiting[id] = struct{}{}
		}
	}
	if e.now != 0 {
		e.indexSilences()
	}
}

// SilenceView is a silence for readers.
type SilenceView struct {
	silence.Silence
	State silence.State `json:"state"`
	// Root is what one that lasts until an incident is over is about.
	Root topology.Entity `json:"root,omitempty"`
	// Maintenance is true for a window of the configuration that is open.
	Maintenance bool `json:"maintenance,omitempty"`
	// Alerts counts the active alerts that it silences now.
	Alerts int `json:"alerts"`
}

// Silences returns all silences that are known, ended ones for the retention, and the maintenance windows that are open, what
// was changed last first. It looks at each active symptom if anything is in force.
func (e *Engine) Silences() []SilenceView {
	counts := make(map[string]int)
	if e.silences.inForce > 0 {
		for _, num := range e.symptoms.numbers() {
			if s := e.symptoms.get(num); s.active() {
				for _, row := range e.silencers(s) {
					counts[row.ID]++
				}
			}
		}
	}
	now := fromNano(e.now)
	var views []SilenceView
	for _, row := range e.silences.byID {
		views = append(views, SilenceView{Silence: row.Silence, State: row.State(now), Root: row.Root, Alerts: counts[row.ID]})
	}
	for k, s := range e.silences.schedules {
		if s.Open(now) {
			row := windowRow(&e.silences.windows[k], s)
			row.EndsAt = s.Until(now)
			views = append(views, SilenceView{Silence: row.Silence, State: silence.Active, Maintenance: true, Alerts: counts[row.ID]})
		}
	}
	slices.SortFunc(views, func(a, b SilenceView) int {
		return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), strings.Compare(a.ID, b.ID))
	})
	return views
}

// KnownSilence returns a copy of a silence that was not forgotten; ok is false if there is none.
func (e *Engine) KnownSilence(id string) (s silence.Silence, ok bool) {
	row := e.silences.byID[id]
	if row == nil {
		return silence.Silence{}, false
	}
	return row.Silence, true
}

// SilenceFigures counts silences by their state, the maintenance windows that are open, and the held incidents that wait for the end of
// any of these.
type SilenceFigures struct {
	SilencesPending   int `json:"silences_pending"`
	SilencesActive    int `json:"silences_active"`
	SilencesExpired   int `json:"silences_expired"`
	WindowsOpen       int `json:"maintenance_windows_open"`
	IncidentsSilenced int `json:"incidents_silenced"`
	// IncidentsMuted are held incidents that rules keep from paging.
	IncidentsMuted int `json:"incidents_muted"`
}

func (e *Engine) silenceFigures() (f SilenceFigures) {
	now := fromNano(e.now)
	for _, row := range e.silences.byID {
		switch row.State(now) {
		case silence.Pending:
			f.SilencesPending++
		case silence.Active:
			f.SilencesActive++
		default:
			f.SilencesExpired++
		}
	}
	for _, s := range e.silences.schedules {
		if s.Open(now) {
			f.WindowsOpen++
		}
	}
	for id := range e.silences.waiting {
		if i := e.incidents[id]; i != nil && i.waitsForMute() {
			if i.silence.mute() != "" {
				f.IncidentsMuted++
			} else {
				f.IncidentsSilenced++
			}
		}
	}
	return f
}
