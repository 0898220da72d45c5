package correlate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"quell/correlate/topology"
)

// check looks at one effect alone: what people read must be complete.
func (s *stage) check(f *Effect) {
	if len(f.Roots) == 0 && f.Decision != Lost {
		s.fail("roots", "%s %s has no roots", f.Decision, f.Incident)
	}
	for k, root := range f.Roots {
		switch {
		case root.Why == "" || root.Entity == "":
			s.fail("roots", "root %d of %s %s says nothing: %+v", k, f.Decision, f.Incident, root)
		case root.Score < 0 || root.Score > 1 || k > 0 && root.Score > f.Roots[k-1].Score:
			s.fail("roots", "root %d of %s %s is not in order: %+v", k, f.Decision, f.Incident, f.Roots)
		case slices.ContainsFunc(f.Roots[:k], func(r Root) bool { return r.Entity == root.Entity }):
			s.fail("roots", "%s is twice a root of %s", root.Entity, f.Incident)
		}
	}
	if s.chronically(f) {
		return
	}
	if wrong := s.rash(f); wrong != "" {
		s.fail("orphans", "%s is paged, and %s", f.Incident, wrong)
	}
	if wrong := s.hasty(f); wrong != "" {
		s.fail("hasty", "%s is paged, and %s", f.Incident, wrong)
	}
	if wrong := s.vain(f); f.Decision == Hold && wrong != "" {
		s.fail("vain", "%s: %s: %s", f.Incident, f.Reason, wrong)
	}
	if wrong := s.heldBeyond(f); wrong != "" {
		s.fail("beyond", "%s is held until %v: %s: %s", f.Incident, f.Until.Sub(start), f.Reason, wrong)
	}
	if f.Decision == Hold && (f.Until.After(s.ledger.promised(f.Incident)) || f.Until.After(s.now) && strings.HasPrefix(f.Reason, "held on: ")) {
		s.lengthened(f)
	}
	if i := s.engine.incidents[f.Incident]; f.Decision == Escalate && i != nil {
		// What is handed back is decided when an input comes, and a silence may follow in the same step.
		if _, all := allSilenced(s.engine, s.mutes, i); all && !strings.HasPrefix(f.Reason, "handed back: ") {
			s.fail("silence", "%s is paged, and all of it is silenced (%s)", f.Incident, f.Reason)
		}
	}
	if !f.At.Equal(s.now) {
		s.fail("effect", "%s %s is of %v", f.Decision, f.Incident, f.At)
	}
}

// lengthened checks that a deadline is put off only because quell was down, a source is silent, the root recovered, or nothing that is
// ill has waited as long as it may.
func (s *stage) lengthened(f *Effect) {
	a := s.ledger.life[f.Incident]
	switch waits, ended := saysMuted(f.Reason); {
	case waits:
		s.silenceWaits(f)
		a.orphans.late = false
	case ended:
		s.silenceWaits(f)
		a.excused = latest(a.excused, f.Until) // quell may have been down when the silence ended
		a.orphans.late = false
	case strings.HasPrefix(f.Reason, "held longer: "):
		a.orphans.late = false // heldBeyond has a look at it
	case strings.HasPrefix(f.Reason, "held on: "):
		if wrong := s.heldOn(f); wrong != "" {
			s.fail("lengthened", "%s is held longer, until %v (%s): %s", f.Incident, f.Until.Sub(start), f.Reason, wrong)
		}
		a.excused, a.orphans.late = f.Until, false
	case a.vain && s.impatient(s.engine.incidents[f.Incident], s.near(s.engine.incidents[f.Incident])) == "":
		a.excused, a.orphans.late = f.Until, false // what it was not to be held for is over
	case a.vain && s.parted[f.Incident]:
		a.excused, a.orphans.late = f.Until, false // it was cut short for what is no part of it any more
	case s.mayWait(f):
		a.excused, a.orphans.late = f.Until, true
	case s.restsAnew(f):
		a.excused, a.heldFrom, a.overdue = f.Until, f.At, false
		a.orphans = orphans{}
	case s.newcomers(f):
		a.orphans.late, a.excused = false, f.Until
	case !s.restarted && s.engine.Figures().SilentSources == 0:
		s.fail("lengthened", "%s is held longer, until %v, and quell was not down, no source is silent, and no root recovered: %s", f.Incident, f.Until.Sub(start), f.Reason)
	default:
		a.orphans.late = false // it waits for something else from now on
	}
}

// newcomers reports whether all that is ill in an incident is new, by the model, and none of it critical; it is held for no longer than
// twice the usual hold. Rules may have changed since a symptom began.
func (s *stage) newcomers(f *Effect) bool {
	i := s.engine.incidents[f.Incident]
	for _, num := range i.sorted() {
		t := s.engine.symptoms.get(num)
		m := s.model.symptoms[s.nameOf(t)]
		if t.condition == conditionCleared {
			continue
		}
		if m == nil || m.condition != conditionActive || !s.now.Before(m.since.Add(max(m.hold, s.model.policy.Hold))) || t.severity == SeverityCritical {
			return false
		}
	}
	return !f.Until.After(fromNano(i.opened).Add(2 * s.model.policy.Hold))
}

// invariants must hold after every step.
func (s *stage) invariants() {
	if wrong := s.model.compare(s.now, s.engine); wrong != "" {
		s.fail("model", "%s", wrong)
	}
	for _, id := range slices.Sorted(maps.Keys(s.engine.incidents)) {
		i := s.engine.incidents[id]
		if wrong := s.ledger.compare(s.now, i, s.patienceFor(i)); wrong != "" {
			s.fail("incident", "%s: %s", id, wrong)
		}
		s.members(i)
		s.waits(id, s.ledger.life[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.ledger.life)) {
		if s.ledger.life[id].open && s.engine.incidents[id] == nil {
			s.fail("incident", "%s is open, and the engine forgot it", id)
		}
	}
	s.silences()
	s.homes()
	s.timers()
	s.pending()
	s.budgets()
	if s.r.IntN(8) == 0 {
		s.views()
	}
}

// timers checks that they do not gather. A timer is a hint that stays until it is due, so what is forgotten may have left one; what
// comes and goes must not leave one each time.
func (s *stage) timers() {
	if n, most := len(s.engine.timers), 64+4*int(s.engine.nextSymptom)+8*len(s.engine.incidents); n > most {
		kinds := make(map[timerKind]int)
		for _, t := range s.engine.timers {
			kinds[t.kind]++
		}
		s.fail("timers", "%d timers after %d symptoms, with %d incidents, by kind %v", n, s.engine.nextSymptom, len(s.engine.incidents), kinds)
	}
}

// pending checks the next timer that is awaited against a walk through all timers.
func (s *stage) pending() {
	want := int64(0)
	for _, t := range s.engine.timers {
		waits := slices.Contains([]timerKind{timerSettle, timerGather, timerHold, timerAck, timerDoubt, timerRank}, t.kind)
		if t.kind == timerExpire {
			e := s.engine.symptoms.get(t.id)
			waits = e != nil && e.isEvent() && e.active() && e.expireAt == t.at
		}
		if waits && (want == 0 || t.at < want) {
			want = t.at
		}
	}
	if got, ok := s.engine.Pending(); !got.Equal(fromNano(want)) || ok != (want != 0) {
		s.fail("pending", "%v, %v; want %v", got, ok, fromNano(want))
	}
	if len(s.engine.awaited) > len(s.engine.timers) {
		s.fail("pending", "%d timers are awaited, of %d", len(s.engine.awaited), len(s.engine.timers))
	}
}

// members checks that an incident's symptoms are its own, and that it counts them rightly.
func (s *stage) members(i *incident) {
	active, lost := 0, 0
	for k, num := range i.sorted() {
		switch t := s.engine.symptoms.get(num); {
		case t == nil || t.incident != i.id || k > 0 && i.symptoms[k-1] == num:
			s.fail("members", "%s lists symptom %d, which is not its: %+v", i.id, num, t)
		case t.active():
			active++
		case t.condition == conditionLost:
			lost++
		}
	}
	if i.state.Open() && (active != i.active || lost != i.lost) {
		s.fail("members", "%s counts %d active and %d lost symptoms, has %d and %d", i.id, i.active, i.lost, active, lost)
	}
	if i.state.Open() && len(i.symptoms) == 0 {
		s.fail("members", "%s is open without symptoms", i.id)
	}
}

// homes checks that every active symptom that counts is in one open incident, unless an operator took it off our hands, that all
// symptoms of an entity are in the same one, and that nobody waits for a page longer than holds allow.
func (s *stage) homes() {
	for _, num := range s.engine.symptoms.numbers() {
		t := s.engine.symptoms.get(num)
		name := s.nameOf(t)
		m := s.model.symptoms[name]
		if i := s.engine.incidents[t.incident]; i != nil {
			s.attribute(t, m, name)
			if a := s.ledger.life[i.id]; m != nil {
				if m.resolved && a.open {
					m.waits = latest(m.waits, a.heldUntil) // an operator was done with it; what reopened the incident says how long it waits
				}
				m.resolved = a.byHand
			}
			if _, listed := slices.BinarySearch(i.sorted(), num); !listed {
				s.fail("homes", "symptom %d (%s) is of %s, which does not list it", num, display(name), i.id)
			}
		}
		if !t.active() || !t.counts() {
			continue
		}
		a := s.ledger.life[t.incident]
		switch {
		case t.incident == 0:
			s.fail("homes", "%s is active, and in no incident", display(name))
		case a.open:
			if m != nil && a.state() == Held && s.now.After(latest(latest(m.waits, a.excused), s.mutedUntil(t))) {
				s.fail("patience", "%s is active since %v, and nobody was told", display(name), m.since.Sub(start))
			}
		case !a.byHand:
			s.fail("homes", "%s is active, and its %s is closed", display(name), t.incident)
		}
		if m != nil && (t.incident == 0 || !a.open) {
			m.waits = s.now.Add(m.hold) // an operator knows
		}
	}
}

// nameOf is what the model calls a symptom.
func (s *stage) nameOf(t *symptom) string {
	if t.isEvent() {
		return eventName(s.engine.graph.Entity(t.node), t.name)
	}
	return string(t.labels)
}

// attribute notes for each fault which incident has a symptom that tells of it.
func (s *stage) attribute(t *symptom, m *modelSymptom, name string) {
	if m == nil || !t.counts() {
		return
	}
	for f := range m.faults {
		if s.joined[f] == nil {
			s.joined[f], s.shown[f] = make(map[IncidentID]map[string]bool), make(map[topology.Entity]bool)
		}
		if s.joined[f][t.incident] == nil {
			s.joined[f][t.incident] = make(map[string]bool)
		}
		s.joined[f][t.incident][name] = true
		s.shown[f][m.entity] = true
	}
}

// views checks that what readers see agrees with itself.
func (s *stage) views() {
	for _, inc := range s.engine.Incidents(nil) {
		whole, ok := s.engine.Incident(inc.ID, 0)
		if !ok {
			s.fail("views", "%s is listed, and cannot be asked for", inc.ID)
			return
		}
		entities := make(map[string]bool)
		for _, v := range whole.Symptoms {
			entities[string(v.Entity)] = true
			if n := len(v.Path); n > 0 && v.Path[0].Entity != v.Entity {
				s.fail("views", "the path of %s on %s begins elsewhere: %v", v.Name, v.Entity, v.Path)
			}
		}
		if len(whole.Symptoms) != inc.Alerts || len(entities) != len(whole.Members) || whole.MemberCount != len(entities) {
			s.fail("views", "%s has %d symptoms on %d entities, lists %d members and %d symptoms", inc.ID, inc.Alerts, len(entities), len(whole.Members), len(whole.Symptoms))
		}
		if inc.State.Open() && (inc.Title == "" || len(inc.Roots) == 0) {
			s.fail("views", "%s has no title or no root: %s", inc.ID, fmt.Sprint(inc))
		}
	}
}
