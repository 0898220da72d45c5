package correlate

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// What rules mute is looked up as silences are: it correlates, explains and shows as ever, and only when a page is due it is asked whether
// all that goes on of an incident is muted; see docs/decisions/0027-mute.md. Nothing of it is stored: what a symptom may inhibit, and by what it
// may be inhibited, follows from its labels and from the rules in force, and is kept in an index beside the symptoms, so that neither the
// number of rules nor that of active sources costs anything when it is asked.

// endless is the deadline of what has none: an inhibition lasts while its source is active.
const endless = math.MaxInt64 / 2

// inhibitKey is what sources and targets of a rule must have in common.
type inhibitKey struct {
	rule  *InhibitRule
	equal string
}

// inhibition are the symptoms that meet by a rule.
type inhibition struct {
	// plain are the active sources, those left out that are targets of the same rule as well, which are both. Ascending.
	plain, both []uint64
	// targets are all that the rule may mute, active or not.
	targets map[uint64]struct{}
}

// muteBook is the index of what rules mute. Groups come and go with the symptoms in them.
type muteBook struct {
	groups map[inhibitKey]*inhibition
	// mutable counts the symptoms that some rule may mute, and whole those that may mute others of their incident.
	mutable, whole int
}

func newMuteBook() muteBook { return muteBook{groups: make(map[inhibitKey]*inhibition)} }

// muting is what rules say of one symptom, with its places in the index.
type muting struct {
	Muting
	sources, targets []inhibitKey
}

// isMutable reports whether some rule may mute the symptom.
func (m *muting) isMutable() bool { return len(m.Suppress)+len(m.targets)+len(m.Expect) > 0 }

// isWhole reports whether it may mute others of its incident.
func (m *muting) isWhole() bool {
	return slices.ContainsFunc(m.Suppress, func(r *SuppressRule) bool { return r.Incidents })
}

// twoSided reports whether a source of a rule is a target of it as well.
func (m *muting) twoSided(k inhibitKey) bool { return slices.Contains(m.Targets, k.rule) }

// remute asks the rules in force what mutes s, and what it mutes.
func (e *Engine) remute(s *symptom) {
	e.unmute(s)
	said := e.mutingOf(s)
	if said == nil {
		return
	}
	m := &muting{Muting: *said}
	for _, r := range said.Sources {
		m.sources = append(m.sources, inhibitKey{r, r.equal(s.labels)})
	}
	for _, r := range said.Targets {
		k := inhibitKey{r, r.equal(s.labels)}
		m.targets = append(m.targets, k)
		e.mutes.group(k).targets[s.num] = struct{}{}
	}
	s.muting = m
	e.mutes.count(m, 1)
	if s.active() {
		e.inhibits(s)
	}
}

// unmute takes s out of the index.
func (e *Engine) unmute(s *symptom) {
	m := s.muting
	if m == nil {
		return
	}
	if s.active() {
		e.mutes.quit(s)
	}
	for _, k := range m.targets {
		delete(e.mutes.groups[k].targets, s.num)
		e.mutes.tidy(k)
	}
	e.mutes.count(m, -1)
	s.muting = nil
}

// count keeps the counts.
func (b *muteBook) count(m *muting, by int) {
	if m.isMutable() {
		b.mutable += by
	}
	if m.isWhole() {
		b.whole += by
	}
}

// group returns the group of a key, which is there from now on.
func (b *muteBook) group(k inhibitKey) *inhibition {
	g := b.groups[k]
	if g == nil {
		g = &inhibition{targets: make(map[uint64]struct{})}
		b.groups[k] = g
	}
	return g
}

// tidy forgets a group in which nothing is left.
func (b *muteBook) tidy(k inhibitKey) {
	if g := b.groups[k]; len(g.plain)+len(g.both)+len(g.targets) == 0 {
		delete(b.groups, k)
	}
}

// list returns the list of a group on which a source stands.
func (g *inhibition) list(m *muting, k inhibitKey) *[]uint64 {
	if m.twoSided(k) {
		return &g.both
	}
	return &g.plain
}

// inhibits enters s, which is active, as a source.
func (e *Engine) inhibits(s *symptom) {
	if s.muting == nil {
		return
	}
	for _, k := range s.muting.sources {
		list := e.mutes.group(k).list(s.muting, k)
		if at, listed := slices.BinarySearch(*list, s.num); !listed {
			*list = slices.Insert(*list, at, s.num)
		}
	}
}

// quit takes a source out.
func (b *muteBook) quit(s *symptom) {
	for _, k := range s.muting.sources {
		list := b.groups[k].list(s.muting, k)
		if at, listed := slices.BinarySearch(*list, s.num); listed {
			*list = slices.Delete(*list, at, at+1)
		}
		b.tidy(k)
	}
}

// uninhibits takes s out, which ended, and has the incidents looked at again that waited for this.
func (e *Engine) uninhibits(s *symptom) {
	if s.muting == nil {
		return
	}
	e.mutes.quit(s)
	for _, k := range s.muting.sources {
		g := e.mutes.groups[k]
		if g == nil || len(g.plain) > 0 || s.muting.twoSided(k) && len(g.both) > 0 {
			continue // whoever it inhibited still is
		}
		for num := range g.targets {
			if t := e.symptoms.get(num); t != nil {
				e.mutesLess(t.incident) // the order does not matter: these are timers
			}
		}
	}
	if s.muting.isWhole() {
		e.mutesLess(s.incident)
	}
}

// mutesLess has an incident looked at when the step's inputs are read, since something that muted some of it ended: it may wait for nothing
// any more, and its budget may be spent.
func (e *Engine) mutesLess(id IncidentID) {
	i := e.incidents[id]
	if i == nil || e.silences.inForce+e.mutes.mutable+e.mutes.whole == 0 && i.silence == nil {
		return
	}
	e.unsettledSilence(id)
	if i.state == Held && i.illSince != 0 && !i.overdrawn {
		e.lookChronic(i, e.now)
	}
}

// source returns what inhibits a symptom by a rule; nil if nothing does. Of several it is the one that was known first. One that matches
// both sides is inhibited by none that does.
func (b *muteBook) source(e *Engine, m *muting, k inhibitKey) *symptom {
	g := b.groups[k]
	switch {
	case g == nil:
		return nil
	case len(g.plain) > 0:
		return e.symptoms.get(g.plain[0])
	case len(g.both) > 0 && !slices.Contains(m.Sources, k.rule):
		return e.symptoms.get(g.both[0])
	}
	return nil
}

// muter is what keeps a symptom from paging now: a silence, or a rule.
type muter struct {
	kind Mute  // zero: a silence
	ends int64 // [endless] if that is when its source does
	row  *silenceRow
	rule *RuleID
	why  string // the rule, and what it has to say
	// source is what inhibits it, change what it is expected after, at is whose they are.
	source *symptom
	change change
	at     topology.Entity
	notice bool // chat is to be told
}

// pardons reports whether people know of what it mutes: they silenced it, or are told of its source.
func (m muter) pardons() bool { return m.kind == 0 || m.kind == Inhibited }

// muters lists what mutes s now, what lasts longest first.
func (e *Engine) muters(s *symptom) []muter {
	var list []muter
	for _, row := range e.silencers(s) {
		list = append(list, muter{ends: row.ends(e.now), row: row})
	}
	if e.mutes.mutable+e.mutes.whole == 0 {
		return list
	}
	n := len(list)
	list = e.inhibitors(list, s)
	if i := e.incidents[s.incident]; i == nil || !i.told() && !i.overdrawn {
		// Whoever was paged is told on: a rule that keeps quell from waking people does not keep it from finishing what it said.
		list = e.suppressors(list, i, s)
		list = e.expectations(list, s)
	}
	if len(list) > n {
		slices.SortStableFunc(list, func(a, b muter) int { return cmp.Compare(b.ends, a.ends) })
	}
	return list
}

// inhibitors appends what inhibits s.
func (e *Engine) inhibitors(list []muter, s *symptom) []muter {
	if s.muting == nil {
		return list
	}
	for _, k := range s.muting.targets {
		if t := e.mutes.source(e, s.muting, k); t != nil {
			list = append(list, muter{kind: Inhibited, ends: endless, rule: k.rule.Rule, why: k.rule.Why, source: t, at: e.graph.Entity(t.node)})
		}
	}
	return list
}

// suppressors appends what suppresses s: rules for it, and those for its whole incident.
func (e *Engine) suppressors(list []muter, i *incident, s *symptom) []muter {
	e.suppressing(i, s, func(t *symptom, r *SuppressRule) {
		if ends := t.began + int64(r.For); ends > e.now && (t == s || t.active()) {
			list = append(list, muter{kind: Suppressed, ends: ends, rule: r.Rule, why: r.Why, notice: r.Notice})
		}
	})
	return list
}

// suppressing calls visit for the rules that suppress s, however long it lasts, each with the symptom that it counts from: s itself, or one on
// the root of its incident, which may be nil, active or not. What a rule says of s itself ends when that does, whatever else comes on the root.
func (e *Engine) suppressing(i *incident, s *symptom, visit func(*symptom, *SuppressRule)) {
	if s.muting != nil {
		for _, r := range s.muting.Suppress {
			visit(s, r)
		}
	}
	if i == nil || e.mutes.whole == 0 || e.local(i.root).site == nil {
		return
	}
	for _, num := range e.local(i.root).site.symptoms {
		t := e.symptoms.get(num)
		if t == s || t.incident != i.id || t.muting == nil || s.severity > t.severity {
			continue
		}
		for _, r := range t.muting.Suppress {
			if r.Incidents && (s.muting == nil || !slices.Contains(s.muting.Suppress, r)) {
				visit(t, r)
			}
		}
	}
}

// expectations appends the changes after which s is expected. It looks at what s is about, what owns that, and what it leans on.
func (e *Engine) expectations(list []muter, s *symptom) []muter {
	if s.muting == nil || len(s.muting.Expect) == 0 || len(e.changes.of) == 0 {
		return list
	}
	seen := make(map[topology.Entity]bool)
	look := func(entity topology.Entity) {
		if seen[entity] {
			return
		}
		seen[entity] = true
		last, known := e.changes.of[entity]
		if !known {
			return
		}
		for _, r := range s.muting.Expect {
			if m, ok := e.expectation(s, r, entity, &last); ok {
				list = append(list, m)
			}
		}
	}
	e.leansOn(s.node, func(entity topology.Entity) {
		look(entity)
		if n, known := e.graph.Find(entity); known {
			e.ownersOf(n, look)
		}
	})
	return list
}

// ownersOf calls visit for what owns n, over a few steps: a rollout is told of the deployment, and its trouble shows on pods.
func (e *Engine) ownersOf(n topology.Node, visit func(topology.Entity)) {
	for _, a := range e.graph.Owners(n) {
		visit(e.graph.Entity(a.Node))
		for _, b := range e.graph.Owners(a.Node) {
			visit(e.graph.Entity(b.Node))
		}
	}
}

// expectation finds the change of an entity after which s is expected by a rule for longest: one that was not after s began. The one that was heard
// of last need not be the last.
func (e *Engine) expectation(s *symptom, r *ExpectRule, entity topology.Entity, last *change) (m muter, ok bool) {
	if r.NotFor != SeverityUnset && s.severity >= r.NotFor {
		return m, false
	}
	for _, c := range append([]change{*last}, last.Earlier...) {
		ends := c.was() + int64(r.For)
		if c.was() <= s.since+changeSlack && ends > max(e.now, m.ends) && r.about(entity, &c) {
			m = muter{kind: Expected, ends: ends, rule: r.Rule, why: r.Why, change: c, at: entity}
		}
	}
	return m, m.kind != 0
}

// cover is what keeps an incident from paging: all that goes on of it is muted.
type cover struct {
	// until is when the first of its symptoms no longer is, and by is what mutes that until then.
	until int64
	by    muter
	// mixed is true if its symptoms are muted in several ways, silenced if people silenced all of it, and pardoned if they know of all of it: they
	// silenced it, or are told of what inhibits it.
	mixed, silenced, pardoned bool
	// notice is by what chat is to be told; nil if it is not.
	notice *muter
}

// covered looks whether all symptoms of i that did not clear are muted; nil if not.
func (e *Engine) covered(i *incident) *cover {
	if e.silences.inForce+e.mutes.mutable+e.mutes.whole == 0 || i.active+i.lost == 0 {
		return nil
	}
	c := &cover{silenced: true, pardoned: true}
	first := true
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.condition == conditionCleared {
			continue
		}
		list := e.muters(s)
		if len(list) == 0 {
			return nil
		}
		c.mixed = c.mixed || !first && list[0].kind != c.by.kind
		if first || list[0].ends < c.until {
			c.until, c.by = list[0].ends, list[0]
		}
		first = false
		c.silenced = c.silenced && slices.ContainsFunc(list, func(m muter) bool { return m.kind == 0 })
		c.pardoned = c.pardoned && slices.ContainsFunc(list, muter.pardons)
		if k := slices.IndexFunc(list, func(m muter) bool { return m.notice }); k >= 0 && c.notice == nil {
			c.notice = &list[k]
		}
	}
	return c
}

// pardoned looks whether people know of all trouble of i, since they silenced it or are told of what inhibits it, and until when.
func (e *Engine) pardoned(i *incident) (until int64, all bool) {
	if c := e.covered(i); c != nil && c.pardoned {
		return c.until, true
	}
	return 0, false
}

// allowance is the budget of self-healing that suppress rules give to i; zero if something of it is not suppressed. What people know of needs
// none, and what has ended counts where nothing is ill any more.
func (e *Engine) allowance(i *incident) time.Duration {
	if e.mutes.mutable == 0 || i.told() {
		return 0
	}
	least := time.Duration(0)
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.condition == conditionCleared && i.active+i.lost > 0 {
			continue
		}
		if slices.ContainsFunc(e.muters(s), muter.pardons) {
			continue
		}
		most := time.Duration(0)
		e.suppressing(i, s, func(t *symptom, r *SuppressRule) {
			if t == s || t.active() || i.active+i.lost == 0 {
				most = max(most, r.For)
			}
		})
		if most == 0 {
			return 0
		}
		if least == 0 || most < least {
			least = most
		}
	}
	return least
}

// MutedBy is a rule that keeps a symptom from paging.
type MutedBy struct {
	Kind Mute `json:"kind"`
	// Rule is the rule; nil if that is not known. Why names it, and says what it has to say.
	Rule *RuleID `json:"rule,omitempty"`
	Why  string  `json:"why"`
	// Until is when that ends; nil for what is inhibited, as long as its source is active.
	Until *time.Time `json:"until,omitempty"`
	// Source is the name of what inhibits it, or the change that it is expected after; Entity is whose that is. Empty for what is suppressed.
	Source string          `json:"source,omitempty"`
	Entity topology.Entity `json:"entity,omitempty"`
	// Fingerprint identifies the alert that inhibits it, as Alertmanager's API shows it; zero if it is none.
	Fingerprint model.Fingerprint `json:"-"`
}

// String says it in words: "inhibited by NodeDown on node/a (rule …)".
func (m *MutedBy) String() string {
	switch m.Kind {
	case Inhibited:
		return "inhibited by " + m.Source + " on " + string(m.Entity) + " (" + m.Why + ")"
	case Expected:
		return "expected after " + m.Source + " of " + string(m.Entity) + " (" + m.Why + ")"
	}
	return m.Kind.String() + " by " + m.Why
}

// mutedView shows which rules mute a symptom, what lasts longest first.
func (e *Engine) mutedView(s *symptom) []MutedBy {
	var list []MutedBy
	for _, m := range e.muters(s) {
		v := MutedBy{Kind: m.kind, Rule: m.rule, Why: m.why, Entity: m.at}
		switch m.kind {
		case 0:
			continue
		case Inhibited:
			v.Source, v.Fingerprint = m.source.name, m.source.fingerprint
		case Expected:
			v.Source = m.change.Text
		}
		if m.ends < endless {
			v.Until = pointTo(m.ends)
		}
		list = append(list, v)
	}
	return list
}

// MutedBy returns which rules mute an alert now, what lasts longest first; nothing if it is not known.
func (e *Engine) MutedBy(fp model.Fingerprint) []MutedBy {
	if s := e.alerts[fp]; s != nil {
		return e.mutedView(s)
	}
	return nil
}

// compareMutes orders what is shown of an incident: what lasts longest first.
func compareMutes(a, b MutedBy) int {
	end := func(m MutedBy) int64 {
		if m.Until == nil {
			return endless
		}
		return m.Until.UnixNano()
	}
	return cmp.Or(cmp.Compare(end(b), end(a)), strings.Compare(a.String(), b.String()))
}
